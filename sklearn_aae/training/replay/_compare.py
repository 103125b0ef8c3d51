"""Whether a recorded step does what the eager step does."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# How far losses may be apart of steps that replay up to rounding only.
RTOL, ATOL = 1e-2, 1e-3


class OtherNumbersError(RuntimeError):
    """A recorded step gives other numbers than the eager one."""


def check_same(
    step: Callable[..., tuple[Tensor, ...]],
    run: Callable[..., tuple[Tensor, ...]],
    tensors: Sequence[Tensor],
    *,
    exact: bool,
) -> None:
    """Raise OtherNumbersError unless a recording does what its step does.

    torch records what it knows of; a version may know less, without an error.

    Parameters
    ----------
    step : callable
        The eager step, a function of tensors that it may change in place.

    run : callable
        Its recording.

    tensors : sequence of Tensor
        Arguments like all others.

    exact : bool
        Whether all numbers are equal, those that are changed included. Otherwise what
        is returned is about the same.
    """
    copies = copies_of(tensors)
    returned = [part.detach() for part in step(*copies)]
    found = replayed(run, tensors)
    if exact:
        expected = [*(copy.detach() for copy in copies), *returned]
        same = len(found) == len(expected) and all(map(equal, found, expected))
    else:
        pairs = zip(found[len(copies) :], returned, strict=True)
        same = all(torch.allclose(a, b, RTOL, ATOL, equal_nan=True) for a, b in pairs)
    if not same:
        raise OtherNumbersError(
            "A recorded step gives other numbers than the eager step."
        )


def copies_of(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return copies that want gradients where the tensors do."""
    copies = [t.detach().clone() for t in tensors]
    for copy, tensor in zip(copies, tensors, strict=True):
        copy.requires_grad_(tensor.requires_grad)
    return copies


def replayed(run: Callable, tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return what a recording makes of copies of tensors, and what it returns."""
    copies = [t.detach().clone() for t in tensors]
    with torch.inference_mode():
        return [*copies, *run(*copies)]


def equal(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors hold equal numbers; a missing one equals a missing one."""
    same = a.shape == b.shape and a.dtype == b.dtype
    return same and bool(((a == b) | ((a != a) & (b != b))).all())
