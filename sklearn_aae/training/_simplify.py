"""Recorded operations, fewer and called by shorter ways."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

aten = torch.ops.aten

# The same kernels; the Python functions of torch reach them faster than its operator
# objects do. Only where both take the same arguments.
SHORTER: dict[object, Callable] = {
    aten.add.Tensor: torch.add,
    aten.addmm.default: torch.addmm,
    aten.baddbmm.default: torch.baddbmm,
    aten.bmm.default: torch.bmm,
    aten.cat.default: torch.cat,
    aten.copy_.default: torch.Tensor.copy_,
    aten.div.Scalar: torch.div,
    aten.div.Tensor: torch.div,
    aten.expand.default: torch.Tensor.expand,
    aten.gelu.default: torch.nn.functional.gelu,
    aten.mean.dim: torch.mean,
    aten.mm.default: torch.mm,
    aten.mul.Scalar: torch.mul,
    aten.mul.Tensor: torch.mul,
    aten.native_batch_norm.default: torch.native_batch_norm,
    aten.neg.default: torch.neg,
    aten.pow.Tensor_Scalar: torch.pow,
    aten.relu.default: torch.relu,
    aten.relu_.default: torch.relu_,
    aten.select.int: torch.select,
    aten.squeeze.dim: torch.squeeze,
    aten.softplus.default: torch.nn.functional.softplus,
    aten.stack.default: torch.stack,
    aten.sub.Tensor: torch.sub,
    aten.sum.default: torch.sum,
    aten.sum.dim_IntList: torch.sum,
    aten.t.default: torch.t,
    aten.transpose.int: torch.transpose,
    aten.unsqueeze.default: torch.unsqueeze,
    aten.view.default: torch.Tensor.view,
}

# Operations whose result is new memory, of which nothing else is a view.
FRESH = (
    aten.addcmul.default,
    aten.addmm.default,
    aten.baddbmm.default,
    aten.bmm.default,
    aten.mm.default,
    aten.mul.Tensor,
)

# Views of one tensor, which need to be taken once only.
VIEWS = (aten.t.default, aten.transpose.int, aten.unsqueeze.default)


def simplify(recorded: GraphModule) -> None:
    """Take from a recording what replaying does not need.

    Parameters
    ----------
    recorded : GraphModule
        What `make_fx` wrote down. Changes in place stay in their order.
    """
    graph = recorded.graph
    for node in list(graph.nodes):
        power = node.args[1] if node.target is aten.pow.Tensor_Scalar else None
        if node.target is aten.detach.default or power == 1:
            node.replace_all_uses_with(node.args[0])
    for node in reversed(list(graph.nodes)):
        if "profiler" in str(node.target) and not node.users:
            graph.erase_node(node)
    _share_views(recorded)
    graph.eliminate_dead_code()
    _reuse_memory(recorded)


def shorten(recorded: GraphModule) -> Callable[..., tuple[Tensor, ...]]:
    """Return the function of a recording, whose kernels Python calls by short ways."""
    for node in recorded.graph.nodes:
        node.target = SHORTER.get(node.target, node.target)
    recorded.recompile()
    return recorded.forward


def _reuse_memory(recorded: GraphModule) -> None:
    """Let a ReLU and its gradient overwrite what nothing else reads."""
    for node in recorded.graph.nodes:
        if node.target not in (aten.relu.default, aten.threshold_backward.default):
            continue
        source = node.args[0]
        if source.target not in FRESH or len(source.users) > 1:
            continue
        if node.target is aten.relu.default:
            node.target = aten.relu_.default
        else:
            node.target = aten.threshold_backward.grad_input
            node.kwargs = {"grad_input": source}


def _share_views(recorded: GraphModule) -> None:
    """Take equal views of a tensor once; the transpose of a transpose is the tensor."""
    seen: dict[tuple, Node] = {}
    for node in list(recorded.graph.nodes):
        if node.target not in VIEWS:
            continue
        base = node.args[0]
        twice = node.target is aten.t.default and base.target is aten.t.default
        if twice:
            node.replace_all_uses_with(base.args[0])
            continue
        key = (node.target, *node.args)
        if key in seen:
            node.replace_all_uses_with(seen[key])
        else:
            seen[key] = node
