"""Recorded operations as TorchScript: stretches of a step that need no Python.

Python takes as long to call the kernel of a small network as the kernel takes to run,
and two stacks in two threads wait for each other's turn at it. TorchScript calls them
without Python: that saves 3 to 13 % of the time of small trainings, and 17 % of two
stacks side by side (`benchmarks/replay.py`). torch deprecates it as a language to
write models in; here it is a list of calls, and whoever uses it compares it with the
recording first.
"""

import operator
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.fx import Node

from sklearn_aae.training.replay._simplify import Recorded


def scripted(recorded: Recorded) -> Callable[..., tuple[Tensor, ...]]:
    """Return the function of a recording, as few TorchScript functions.

    TorchScript loses operations that change the tensors of a list, such as an
    optimiser's update, so Python calls these.

    Parameters
    ----------
    recorded : Recorded
        Calls of torch's operators.

    Raises
    ------
    RuntimeError
        If TorchScript does not know an operation.
    """
    known: dict = {"torch": torch}
    lines, arguments, stretch = [], [], list[Node]()
    for node in recorded.graph.nodes:
        if node.op == "placeholder":
            arguments.append(node.name)
        elif node.op == "get_attr":
            known[node.name] = getattr(recorded, node.target)
        elif node.op == "call_function" and not _changes_lists(node):
            stretch.append(node)
        else:
            if stretch:
                name = f"stretch_{len(known)}"
                known[name], line = _compile(stretch, name)
                lines.append(line)
                stretch = []
            if node.op == "output":
                lines.append(f"return {_literal(node.args[0])}")
            else:
                known[f"call_{node.name}"] = node.target
                lines.append(f"call_{node.name}({_arguments(node)})")
    body = "".join(f"    {line}\n" for line in lines)
    exec(f"def step({', '.join(arguments)}):\n{body}", known)
    return _unoptimized(known["step"])


def _unoptimized(step: Callable) -> Callable:
    """Return a function that TorchScript runs as it is, from the first call on."""

    def run(*tensors: Tensor) -> tuple[Tensor, ...]:
        with torch.jit.optimized_execution(False):
            return step(*tensors)

    return run


def _changes_lists(node: Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    return schema is not None and not schema.returns


def _compile(nodes: Sequence[Node], name: str) -> tuple[Callable, str]:
    """Return the function of some neighbours, and the line that calls it."""
    inside = set(nodes)
    read = [n for node in nodes for n in node.all_input_nodes if n not in inside]
    wanted = [node.name for node in nodes if not inside.issuperset(node.users)]
    inputs = list(dict.fromkeys(node.name for node in read))
    typed = ", ".join(f"{argument}: Tensor" for argument in inputs)
    lines = [f"{node.name} = {_call(node)}" for node in nodes]
    lines.append(f"return [{', '.join(wanted)}]" if wanted else "return 0")
    body = "".join(f"    {line}\n" for line in lines)
    unit = torch.jit.CompilationUnit(f"def {name}({typed}):\n{body}")
    call = f"{name}({', '.join(inputs)})"
    return getattr(unit, name), f"[{', '.join(wanted)}] = {call}" if wanted else call


def _call(node: Node) -> str:
    if node.target is operator.getitem:
        return f"{_literal(node.args[0])}[{node.args[1]}]"
    operation = node.target._schema.name.replace("::", ".")  # type: ignore[union-attr]
    return f"torch.ops.{operation}({_arguments(node)})"


def _arguments(node: Node) -> str:
    named = [f"{key}={_literal(value)}" for key, value in node.kwargs.items()]
    return ", ".join([*map(_literal, node.args), *named])


def _literal(value) -> str:
    """Return an argument as source."""
    if isinstance(value, Node):
        return value.name
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, torch.device):
        return f"torch.device({str(value)!r})"
    if isinstance(value, float):
        return (
            f"float({str(value)!r})"
            if value in (torch.inf, -torch.inf)
            else repr(value)
        )
    return repr(value)
