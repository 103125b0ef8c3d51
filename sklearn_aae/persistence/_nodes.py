"""What the bytes of skops would do when they are loaded, checked before it is done.

skops asks which types a file has. That is not all that a file says: also how they are
called, and which attributes objects get.
"""

import io
import json
import zipfile
from collections.abc import Collection, Iterator
from typing import Any

import torch
from sklearn.utils import Bunch

from sklearn_aae.persistence._classes import OWN, full_name
from sklearn_aae.persistence._set_apart import Kept
from sklearn_aae.persistence._trusted import FUNCTIONS
from sklearn_aae.utils._container import RefusedFileError

SCHEMA = "schema.json"
# What may be called, by the kind of node that calls it. Others make objects without.
CALLED = {
    "ConstructorFromReduceNode": {
        *map(full_name, [Kept, torch.device, *OWN.values()]),
        "zoneinfo.ZoneInfo",
    },
    "ListNode": {"builtins.list"},
    "SetNode": {"builtins.set", "builtins.frozenset"},
    "DictNode": {"builtins.dict", "collections.OrderedDict", full_name(Bunch)},
}
KEYS = {f"builtins.{name}" for name in ("str", "int", "float", "bool", "tuple")}
NAMED_ONLY = {*map(full_name, FUNCTIONS)}


def check_nodes(blob: bytes, named: Collection[str]) -> None:
    """Raise RefusedFileError if loading would do more than to make known objects.

    Parameters
    ----------
    blob : bytes
        Of skops.

    named : collection of str
        What the caller trusts by name, to be called, too.
    """
    with zipfile.ZipFile(io.BytesIO(blob)) as file:
        schema = json.loads(file.read(SCHEMA))
    for node in _nodes(schema):
        kind, name = node["__loader__"], f"{node['__module__']}.{node['__class__']}"
        if name in named:
            continue
        called = kind != "FunctionNode" and name in NAMED_ONLY
        if called or (kind in CALLED and name not in CALLED[kind]):
            raise RefusedFileError(f"It would call {name}, by {kind}, to make a part.")
        if kind == "DictNode":
            _check_keys(node)


def _nodes(value: Any) -> Iterator[dict]:
    """Yield all nodes below a value of the schema."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
            if "__loader__" in value:
                yield value
        elif isinstance(value, list):
            waiting += value


def _check_keys(node: dict) -> None:
    """Raise RefusedFileError if keys are those of Python itself, or are made."""
    own = [key for key in node["content"] if key.startswith("__") and key != "__doc__"]
    if own:
        raise RefusedFileError(f"It would set the attribute {own[0]} of an object.")
    for kind in node["key_types"]["content"]:
        name = f"{kind['__module__']}.{kind['__class__']}"
        plain = name in KEYS or kind["__module__"] == "numpy"
        if kind["__loader__"] != "TypeNode" or not plain:
            raise RefusedFileError(f"A key of a dict would be made by {name}.")
