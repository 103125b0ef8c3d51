"""Descriptions of networks and phases, as keys: what is equal has equal shapes.

What is neither plain nor a tensor counts by identity: networks that hold different
objects are different.
"""

from collections.abc import Container
from dataclasses import fields
from numbers import Number

from torch import nn


class Itself:
    """An object that equals only itself; as a key it keeps the object alive.

    Its `id` alone would not do: the next object may get the same one.
    """

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, Itself) and self.value is other.value

    def __hash__(self):
        return id(self.value)


def describe_network(network: nn.Module) -> tuple:
    """Return kinds, settings and shapes of a network's modules."""
    lines: list = []
    for path, module in network.named_modules():
        settings = [
            (name, _as_key(value))
            for name, value in sorted(vars(module).items())
            if not name.startswith("_") and name != "training"
        ]
        lines.append((path, type(module), *settings))
    # A network without parameters is shared by a stack: its buffers must be equal.
    shared = next(network.parameters(), None) is None
    for name, value in (*network.named_parameters(), *network.named_buffers()):
        content = tuple(value.flatten().tolist()) if shared else None
        lines.append((name, tuple(value.shape), value.dtype, value.device, content))
    return tuple(lines)


def describe_fields(item, but: Container[str] = ()) -> tuple:
    """Return kind and settings of a dataclass, leaving out some fields."""
    names = [field.name for field in fields(item) if field.name not in but]
    return (type(item), *(_as_key(getattr(item, name)) for name in names))


def _as_key(value) -> str | Itself:
    """Return what stands for a value in a key: itself need not have a hash."""
    return repr(value) if is_plain(value) else Itself(value)


def is_plain(value) -> bool:
    """Whether a value is all that its text says."""
    if isinstance(value, tuple | list):
        return all(is_plain(item) for item in value)
    return value is None or isinstance(value, Number | str)
