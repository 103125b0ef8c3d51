"""Names of a model's inputs: those of the columns, whatever characters they have."""

from collections.abc import Container, Iterator
from typing import Any


def name_inputs(model: Any, names: list[str]) -> None:
    """Give the inputs of a model their names, in place.

    skl2onnx replaces what is no letter or digit, and what an output is called. Other
    values that have the name of an input get an underscore.

    Parameters
    ----------
    model : ModelProto
        What skl2onnx made of inputs that had these names.

    names : list of str
        In the order of the inputs.
    """
    before = [part.name for part in model.graph.input]
    new = dict(zip(before, names, strict=True))
    others = {name for graph in _graphs(model.graph) for name in _values(graph)}
    for name in others.intersection(names) - {*before}:
        new[name] = unused(name, {*new.values(), *others})
    for graph in _graphs(model.graph):
        _rename(graph, new)


def unused(name: str, taken: Container[str]) -> str:
    """Return a name with as many underscores behind it as make it a new one."""
    while name in taken:
        name += "_"
    return name


def _graphs(graph: Any) -> Iterator[Any]:
    """Yield a graph, and those that its nodes hold: these see its values, too."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


def _values(graph: Any) -> Iterator[str]:
    """Yield the names of what a graph computes or holds."""
    yield from (output for node in graph.node for output in node.output)
    yield from (tensor.name for tensor in graph.initializer)


def _rename(graph: Any, new: dict[str, str]) -> None:
    for part in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.name = new.get(part.name, part.name)
    for node in graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]
