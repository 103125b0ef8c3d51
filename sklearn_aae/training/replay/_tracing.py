"""Writes the operations of a step down: all that needs torch's internals.

Imported by `_recording.compile_step` alone, where a failure leaves steps eager: torch
may rename or drop what is used here.
"""

import contextlib
from collections.abc import Callable, Sequence

from torch import Tensor
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from sklearn_aae.training.replay._compare import copies_of, equal, replayed
from sklearn_aae.training.replay._script import scripted
from sklearn_aae.training.replay._simplify import shorten, simplify


def record(
    step: Callable[..., tuple[Tensor, ...]], tensors: Sequence[Tensor]
) -> Callable[..., tuple[Tensor, ...]]:
    """Run a step on copies of tensors and write its operations down.

    Parameters
    ----------
    step : callable
        A function of tensors, which it may change in place.

    tensors : sequence of Tensor
        Arguments like all others.

    Returns
    -------
    run : callable
        Does and returns the same, without autograd.
    """
    recorded = make_fx(step)(*copies_of(tensors))
    simplify(recorded)
    return _fastest(recorded, tensors)


def _fastest(
    recorded: GraphModule, tensors: Sequence[Tensor]
) -> Callable[..., tuple[Tensor, ...]]:
    """Return a recording as TorchScript, if that does the same, or as Python."""
    script = None
    with contextlib.suppress(Exception):  # whatever torch makes of TorchScript
        script = scripted(recorded)
    plain = shorten(recorded)
    expected = replayed(plain, tensors)
    with contextlib.suppress(Exception):
        if script and all(map(equal, replayed(script, tensors), expected)):
            return script
    return plain
