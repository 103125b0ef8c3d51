"""What the bytes of skops would do when they are loaded, checked before it is done.

skops asks which types a file has. That is not all that a file says: also what is done
with each, which is the kind of its node, and which attributes objects get.
"""

import io
import json
import zipfile
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import sparse
from sklearn.utils import Bunch

from sklearn_aae.persistence._classes import full_name
from sklearn_aae.persistence._set_apart import Kept
from sklearn_aae.persistence._trusted import FUNCTIONS
from sklearn_aae.utils._container import RefusedFileError

SCHEMA = "schema.json"
FUNCTION_NAMES = {*map(full_name, FUNCTIONS)}
# Where the losses are that skops trusts: it trusts nothing else of these modules.
# Up to scikit-learn 1.7 the first of them calls itself `_loss`.
LOSSES = ("sklearn._loss._loss.", "_loss.Cy", "sklearn.linear_model._sgd_fast.")
SCALARS = {*map(full_name, np.sctypeDict.values())}
PLAIN = {f"builtins.{name}" for name in ("bool", "float", "int", "str")}
# What a defaultdict may call for keys that it lacks; None is written as a str.
FACTORIES = {*PLAIN, *SCALARS, "builtins.list", "builtins.set", "builtins.tuple"}

# What may stand in each kind of node unasked, by name. Most call what has the name.
NAMES: dict[str, set[str]] = {
    "BytearrayNode": {"builtins.bytearray"},
    "BytesNode": {"builtins.bytes"},
    "ConstructorFromReduceNode": {full_name(Kept), full_name(torch.device)},
    "DefaultDictNode": {"collections.defaultdict"},
    "DictNode": {"builtins.dict", "collections.OrderedDict", full_name(Bunch)},
    "JsonNode": {"builtins.str"},
    "ListNode": {"builtins.list"},
    "MaskedArrayNode": {full_name(np.ma.MaskedArray)},
    "NdArrayNode": {"numpy.ndarray", *SCALARS},
    "RandomGeneratorNode": {full_name(np.random.Generator)},
    "RandomStateNode": {full_name(np.random.RandomState)},
    "SetNode": {"builtins.set"},
    "SliceNode": {"builtins.slice"},
    "TupleNode": {"builtins.tuple"},
}
# How many numbers generators have made in advance.
MERSENNE_NUMBERS, PHILOX_NUMBERS = 624, 4
# Any that is trusted: they only look it up.
LOOKED_UP = {"FunctionNode", "TypeNode"}
# These make something of their own, whatever the name: the caller has to name that.
ASKED = {
    "DTypeNode": ["numpy.dtype"],
    "OperatorFuncNode": [
        f"operator.{name}" for name in ("attrgetter", "itemgetter", "methodcaller")
    ],
    "PartialNode": ["functools.partial"],
    "QuantileForestNode": ["quantile_forest._quantile_forest_fast.QuantileForest"],
    "SparseMatrixNode": [
        full_name(getattr(sparse, f"{layout}_{kind}"))
        for kind in ("matrix", "array")
        for layout in ("csr", "csc", "coo", "bsr", "dia", "dok", "lil")
    ],
    "TreeNode": ["sklearn.tree._tree.Tree"],
}


class Refusal(NamedTuple):
    """Why bytes of skops are refused.

    Attributes
    ----------
    name : str or None
        What they would be loaded with, if the caller named it; None if nothing helps.

    reason : str
        What it would do.
    """

    name: str | None
    reason: str


def check_nodes(blob: bytes, named: Collection[str]) -> None:
    """Raise RefusedFileError if loading would do more than to make known objects.

    Parameters
    ----------
    blob : bytes
        Of skops, which has been asked whether all its types are trusted.

    named : collection of str
        What the caller trusts by name: to be called, and with any state.
    """
    for refusal in refusals(blob, named):
        raise RefusedFileError(refusal.reason)


def refusals(blob: bytes, named: Collection[str]) -> Iterator[Refusal]:
    """Yield all that `check_nodes` would refuse."""
    with zipfile.ZipFile(io.BytesIO(blob)) as file:
        nodes = [*_nodes(json.loads(file.read(SCHEMA)))]
    for node in nodes:
        yield from _unfit(node, named)
    yield from _misplaced(nodes, named)


def _nodes(value: Any) -> Iterator[dict]:
    """Yield all nodes below a value of the schema."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
            # Not a dict that has an item of that name, which would be a node.
            if isinstance(value.get("__loader__"), str):
                yield value
        elif isinstance(value, list):
            waiting += value


def _name(node: dict) -> str:
    return f"{node['__module__']}.{node['__class__']}"


def _unfit(node: dict, named: Collection[str]) -> Iterator[Refusal]:
    """Yield what is wrong with a node, wherever it stands."""
    kind, name = node["__loader__"], _name(node)
    if kind in ASKED or kind == "MethodNode":
        if kind == "MethodNode":
            name = f"{name}.{node['content']['func']}"
        elif name not in ASKED[kind]:  # of a subclass, or forged
            name = ASKED[kind][0]
        if name not in named:
            told = "not trusted unasked: if you know where the file comes from, pass it"
            yield Refusal(name, f"Its {kind} makes {name}, {told} in trusted.")
    elif kind in NAMES or kind in LOOKED_UP or kind in ("LossNode", "ObjectNode"):
        if name not in named and not _fits(kind, name):
            yield Refusal(name, f"It would call {name}, by {kind}, to make a part.")
    else:
        yield Refusal(None, f"It has a {kind}, a kind of node that is not known.")


def _fits(kind: str, name: str) -> bool:
    """Whether a kind of node may hold a trusted type unasked."""
    if kind == "LossNode":
        return name.startswith(LOSSES)
    if kind == "ObjectNode":
        return name not in FUNCTION_NAMES
    return kind in LOOKED_UP or name in NAMES[kind]


def _place(node: dict) -> Any:
    """Return what tells a place.

    skops takes the first node with an id wherever that id stands, and does not look at
    what else stands there. So all nodes with that id have to fit into its places.
    """
    number = node.get("__id__")
    return ("this node", id(node)) if number is None else number


def _misplaced(nodes: list[dict], named: Collection[str]) -> Iterator[Refusal]:
    """Yield what is wrong with nodes where they stand."""
    owners: dict[Any, str] = {}  # of states
    lists, factories = set(), set()
    for node in nodes:
        kind, name, content = node["__loader__"], _name(node), node.get("content")
        if kind in ("LossNode", "ObjectNode"):
            if name not in named and content is not None:
                owners[_place(content)] = name
        elif kind == "DictNode":
            lists.add(_place(node["key_types"]))
        elif kind == "DefaultDictNode":
            factories.add(_place(node["content"]["default_factory"]))
    yield from _misled_draws(nodes)
    keys = set()
    for node in nodes:
        place = _place(node)
        if place in owners:
            yield from _wrong_state(node, owners[place])
        if place in lists:
            yield from _wrong_list(node)
            keys.update(map(_place, node["content"]))
        if place in factories:
            yield from _wrong_factory(node, named)
    for node in nodes:
        if _place(node) in keys:
            yield from _wrong_key(node, named)


def _wrong_state(node: dict, owner: str) -> Iterator[Refusal]:
    """Yield what is wrong with a node as the state of an object."""
    kind, content = node["__loader__"], node.get("content")
    if kind == "DictNode":
        for key in content:
            if key.startswith("__"):
                yield Refusal(
                    owner, f"It would set the attribute {key} of an object of {owner}."
                )
    # That is how skops writes that an object has no state, or an empty one.
    elif (kind, content) not in [("JsonNode", "null"), ("TupleNode", [])]:
        yield Refusal(
            owner, f"It would set the state of an object of {owner} by {kind}."
        )


def _misled_draws(nodes: list[dict]) -> Iterator[Refusal]:
    """Yield what is wrong with the states of random generators.

    NumPy takes any place in its buffer for the next number, and would read beyond it.
    """
    states = set()
    for node in nodes:
        if node["__loader__"] == "RandomStateNode":
            states.add(_place(node["content"]))
        elif node["__loader__"] == "RandomGeneratorNode":
            states.add(_place(node["content"]["bit_generator"]))
    if not states:
        return
    inner = _items(nodes, states, "state")
    positions = dict.fromkeys(_items(nodes, inner, "pos"), MERSENNE_NUMBERS)
    positions |= dict.fromkeys(_items(nodes, states, "buffer_pos"), PHILOX_NUMBERS)
    for node in nodes:
        place, kind, content = _place(node), node["__loader__"], node.get("content")
        if place in states | inner and kind != "DictNode":
            yield Refusal(None, f"Random numbers would be drawn as a {kind} says.")
        if place in positions and (
            kind != "JsonNode" or int(content) not in range(positions[place] + 1)
        ):
            reason = "Random numbers would be drawn from beyond their buffer."
            yield Refusal(None, reason)


def _items(nodes: list[dict], places: Collection, key: str) -> set:
    """Return the places of the values that dicts at some places have for a key."""
    return {
        _place(node["content"][key])
        for node in nodes
        if _place(node) in places and key in (node.get("content") or ())
    }


def _wrong_list(node: dict) -> Iterator[Refusal]:
    """Yield what is wrong with a node as the list of the types of a dict's keys."""
    if node["__loader__"] != "ListNode":
        reason = f"Types of keys of a dict would be made by {node['__loader__']}."
        yield Refusal(None, reason)


def _wrong_key(node: dict, named: Collection[str]) -> Iterator[Refusal]:
    """Yield what is wrong with a node as the type of a dict's key."""
    name = _name(node)
    known = name in named or name in PLAIN or name in SCALARS
    if node["__loader__"] != "TypeNode" or not known:
        yield Refusal(name, f"A key of a dict would be made by {name}.")


def _wrong_factory(node: dict, named: Collection[str]) -> Iterator[Refusal]:
    """Yield what is wrong with a node as that which a defaultdict calls."""
    name = _name(node)
    # Of an old protocol of skops the name of a function says nothing.
    known = name in FACTORIES and node["__loader__"] in ("JsonNode", "TypeNode")
    if not known and name not in named:
        yield Refusal(name, f"A defaultdict would call {name} for keys that it lacks.")
