"""Writes the operations of a step down: all that needs torch's internals.

Imported by `_recording.compile_step` alone, where a failure leaves steps eager: torch
may rename or drop what is used here.
"""

import contextlib
import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map
from torch.utils.weak import WeakTensorKeyDictionary

from sklearn_aae.training.replay._compare import copies_of
from sklearn_aae.training.replay._script import scripted
from sklearn_aae.training.replay._simplify import Recorded, shorten, simplify


def record(
    step: Callable[..., tuple[Tensor, ...]],
    tensors: Sequence[Tensor],
    check: Callable[[Callable], None],
) -> Callable[..., tuple[Tensor, ...]]:
    """Run a step on copies of tensors and write its operations down.

    Parameters
    ----------
    step : callable
        A function of tensors, which it may change in place.

    tensors : sequence of Tensor
        Arguments like all others.

    check : callable
        ``check(run)`` raises if what was recorded is not the step.

    Returns
    -------
    run : callable
        Does and returns the same, without autograd.
    """
    recorded = written_down(step, tensors)
    simplify(recorded)
    return _fastest(recorded, check)


def written_down(
    step: Callable[..., tuple[Tensor, ...]], tensors: Sequence[Tensor]
) -> Recorded:
    """Return the operations that a step on copies of tensors calls, as they come."""
    copies = copies_of(tensors)
    writer = _Writer(copies)
    with writer:
        returned = step(*copies)
    writer.recorded.graph.output(writer.written(tuple(returned)))
    return writer.recorded


class _Writer(TorchDispatchMode):
    """Runs each operation, and writes it down.

    It sees what is called below autograd: the operations of gradients, too, and no
    views that torch keeps of its own. `make_fx` sees the same, and takes a hundred
    times as long: it follows sizes as symbols, which are numbers here.

    Parameters
    ----------
    tensors : sequence of Tensor
        The arguments of what is to come.

    Attributes
    ----------
    recorded : Recorded
        The operations so far.
    """

    def __init__(self, tensors: Sequence[Tensor]):
        super().__init__()
        self.recorded = Recorded()
        self._nodes = WeakTensorKeyDictionary()
        for i, tensor in enumerate(tensors):
            self._nodes[tensor] = self.recorded.graph.placeholder(f"tensor_{i}")

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Spare torch the second that the import of its compiler takes."""
        return False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.ops.aten.lift_fresh.default:
            # A number that the step makes: what it changes is a copy, each time.
            func = torch.ops.aten.lift_fresh_copy.default
        result = func(*args, **kwargs)
        if func.namespace == "profiler":  # marks, for who watches
            return result
        given = self.written(args), self.written(kwargs)
        node = self.recorded.graph.call_function(func, *given)
        self._name(result, node)
        return result

    def written(self, value: Any) -> Any:
        """Return arguments with nodes in place of tensors."""
        return tree_map(
            lambda v: self._node_of(v) if isinstance(v, Tensor) else v, value
        )

    def _node_of(self, tensor: Tensor) -> Node:
        if tensor not in self._nodes:
            name = f"held_{len(self.recorded.graph.nodes)}"
            setattr(self.recorded, name, tensor)
            self._nodes[tensor] = self.recorded.graph.get_attr(name)
        return self._nodes[tensor]

    def _name(self, result: Any, node: Node) -> None:
        """Remember which tensors an operation returned.

        Raises
        ------
        TypeError
            If it returned a number: that may be another one the next time.
        """
        if isinstance(result, Tensor):
            self._nodes[result] = node
            layout = (result.shape, result.stride(), result.dtype, result.device)
            node.meta["memory"] = layout
        elif isinstance(result, list | tuple):
            for i, part in enumerate(result):
                if part is not None:
                    graph = self.recorded.graph
                    self._name(part, graph.call_function(operator.getitem, (node, i)))
        elif result is not None:
            raise TypeError(f"{node.target} returns {type(result).__name__}.")


def _fastest(
    recorded: Recorded, check: Callable[[Callable], None]
) -> Callable[..., tuple[Tensor, ...]]:
    """Return a recording as TorchScript, if that does the same, or as Python."""
    with contextlib.suppress(Exception):  # whatever torch makes of TorchScript
        script = scripted(recorded)
        check(script)
        return script
    plain = shorten(recorded)
    check(plain)
    return plain
