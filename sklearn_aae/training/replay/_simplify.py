"""Recorded operations, fewer and called by shorter ways."""

from collections.abc import Callable
from operator import attrgetter

import torch
from torch import Tensor, nn
from torch.fx import Graph, GraphModule, Node

# The same kernels; the Python functions of torch reach them faster than its operator
# objects do. Only where both take the same arguments. Names, not operators: one that
# torch has renamed is not found in a recording, and stays as it is.
SHORTER = {
    "aten.add.Tensor": "add",
    "aten.addmm.default": "addmm",
    "aten.baddbmm.default": "baddbmm",
    "aten.bmm.default": "bmm",
    "aten.cat.default": "cat",
    "aten.copy_.default": "Tensor.copy_",
    "aten.div.Scalar": "div",
    "aten.div.Tensor": "div",
    "aten.expand.default": "Tensor.expand",
    "aten.gelu.default": "nn.functional.gelu",
    "aten.mean.dim": "mean",
    "aten.mm.default": "mm",
    "aten.mul.Scalar": "mul",
    "aten.mul.Tensor": "mul",
    "aten.native_batch_norm.default": "native_batch_norm",
    "aten.neg.default": "neg",
    "aten.pow.Tensor_Scalar": "pow",
    "aten.relu.default": "relu",
    "aten.relu_.default": "relu_",
    "aten.select.int": "select",
    "aten.squeeze.dim": "squeeze",
    "aten.softplus.default": "nn.functional.softplus",
    "aten.stack.default": "stack",
    "aten.sub.Tensor": "sub",
    "aten.sum.default": "sum",
    "aten.sum.dim_IntList": "sum",
    "aten.t.default": "t",
    "aten.transpose.int": "transpose",
    "aten.unsqueeze.default": "unsqueeze",
    "aten.view.default": "Tensor.view",
}

# Operations whose result is new memory, of which nothing else is a view.
FRESH = (
    "aten.addcmul.default",
    "aten.addmm.default",
    "aten.baddbmm.default",
    "aten.bmm.default",
    "aten.mm.default",
    "aten.mul.Tensor",
)

# Operations cell by cell, their variants that write into a given tensor, and the name
# of that argument.
WRITING = {
    "aten.add.Tensor": ("add.out", "out"),
    "aten.addcmul.default": ("addcmul.out", "out"),
    "aten.mul.Tensor": ("mul.out", "out"),
    "aten.neg.default": ("neg.out", "out"),
    "aten.relu.default": ("relu.out", "out"),
    "aten.sub.Tensor": ("sub.out", "out"),
    "aten.threshold_backward.default": ("threshold_backward.grad_input", "grad_input"),
}

# Views of one tensor, which need to be taken once only.
VIEWS = ("aten.t.default", "aten.transpose.int", "aten.unsqueeze.default")


class Recorded(nn.Module):
    """Operations in their order; tensors that none of them made are its attributes.

    Attributes
    ----------
    graph : Graph
        The operations.
    """

    def __init__(self) -> None:
        super().__init__()
        self.graph = Graph()

    def function(self) -> Callable[..., tuple[Tensor, ...]]:
        """Return them as a function, of Python."""
        return GraphModule(self, self.graph).forward


def simplify(recorded: Recorded) -> None:
    """Take from a recording what replaying does not need.

    Parameters
    ----------
    recorded : Recorded
        What `_tracing` wrote down. Changes in place stay in their order.
    """
    graph = recorded.graph
    for node in list(graph.nodes):
        name = str(node.target)
        power = node.args[1] if name == "aten.pow.Tensor_Scalar" else None
        if name == "aten.detach.default" or power == 1:
            node.replace_all_uses_with(node.args[0])
    _share_views(recorded)
    graph.eliminate_dead_code(_has_effects)
    _reuse_memory(recorded)


def _has_effects(node: Node) -> bool:
    """Whether an operation does more than return a result.

    torch does not say of batch normalisation that it changes its running statistics: a
    head whose output a phase does not use would no longer track them.
    """
    return node.is_impure() or str(node.target) == "aten.native_batch_norm.default"


def shorten(recorded: Recorded) -> Callable[..., tuple[Tensor, ...]]:
    """Return the function of a recording, whose kernels Python calls by short ways."""
    for node in recorded.graph.nodes:
        name = SHORTER.get(str(node.target))
        if name is not None:
            node.target = attrgetter(name)(torch)
    return recorded.function()


def _reuse_memory(recorded: Recorded) -> None:
    """Let operations cell by cell overwrite what nothing reads after them.

    New memory is what most of the time of such an operation goes to.
    """
    place = {node: i for i, node in enumerate(recorded.graph.nodes)}
    fresh = {node for node in place if str(node.target) in FRESH}
    for node in place:
        tensors = [arg for arg in node.args if isinstance(arg, Node)]
        operation, into = WRITING.get(str(node.target), ("", ""))
        if not operation or (node.args != (*tensors,) and "Tensor" in str(node.target)):
            continue
        for source in tensors:
            alike = source.meta.get("memory") == node.meta.get("memory") is not None
            if source not in fresh or not alike or not _only_read(source):
                continue
            if max(place[user] for user in source.users) > place[node]:
                continue
            node.target = attrgetter(operation)(torch.ops.aten)
            node.kwargs = {**node.kwargs, into: source}
            fresh = {*fresh, node} - {source}
            break


def _only_read(tensor: Node) -> bool:
    """Whether what uses a tensor neither changes it nor looks at it for others."""
    schemas = [getattr(user.target, "_schema", None) for user in tensor.users]
    return all(
        schema is not None
        and not schema.is_mutable
        and all(part.alias_info is None for part in schema.returns)
        for schema in schemas
    )


def _share_views(recorded: Recorded) -> None:
    """Take equal views of a tensor once; the transpose of a transpose is the tensor."""
    seen: dict[tuple, Node] = {}
    for node in list(recorded.graph.nodes):
        name = str(node.target)
        if name not in VIEWS:
            continue
        base = node.args[0]
        twice = name == str(base.target) == "aten.t.default"
        if twice:
            node.replace_all_uses_with(base.args[0])
            continue
        key = (node.target, *node.args)
        if key in seen:
            node.replace_all_uses_with(seen[key])
        else:
            seen[key] = node
