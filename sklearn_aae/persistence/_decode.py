"""From what a file holds to an estimator: checked as a whole, then built.

See `sklearn_aae.persistence._encode` for the form. ``check`` walks through everything
and builds nothing; ``build`` then relies on it.
"""

import datetime
import decimal
import math
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from sklearn_aae.estimators import BaseModel
from sklearn_aae.persistence._classes import OWN, Allowed
from sklearn_aae.persistence._shapes import check_sizes, restore_prior
from sklearn_aae.priors import Prior
from sklearn_aae.utils._container import RefusedFileError, StoredArrays, is_size

# What a small file may take in memory beside its size.
SPARE = 2**20


class Tag(NamedTuple):
    """How what stands under a tag is checked, and built."""

    check: Callable[["Decoder", Any], None]
    build: Callable[["Decoder", Any], Any]


class Decoder:
    """Decodes what one file holds.

    Parameters
    ----------
    arrays : StoredArrays
        Of the file.

    allowed : Allowed
        What it may name.

    size : int
        Bytes of the file: nothing in it may ask for much more memory.
    """

    def __init__(self, arrays: StoredArrays, allowed: Allowed, size: int):
        self.arrays, self.allowed = arrays, allowed
        self.most = max(size, SPARE)
        self._n_complete = 0
        self._unused = set(arrays)
        self._complete: list[Any] = []

    # --- checks -----------------------------------------------------------------------

    def check(self, node: Any) -> None:
        """Raise RefusedFileError unless a node, and all in it, can be built."""
        if node is None or isinstance(node, bool | int | float | str):
            return
        if isinstance(node, list):
            for item in node:
                self.check(item)
            return
        tag, inner = self._open(node)
        TAGS[tag].check(self, inner)
        self._n_complete += tag in COUNTED

    def check_all_used(self, but: str | None = None) -> None:
        """Raise RefusedFileError if nothing asks for an array of the file, but one."""
        self._unused.discard(but)
        if self._unused:
            raise RefusedFileError(f"Nothing uses its array {min(self._unused)!r}.")

    def _open(self, node: Any) -> tuple[str, Any]:
        if isinstance(node, dict) and len(node) == 1:
            ((tag, inner),) = node.items()
            if tag in TAGS:
                return tag, inner
        raise RefusedFileError(f"It holds content of an unknown kind: {_short(node)}")

    def _check_again(self, inner: Any) -> None:
        _ensure(is_size(inner) and inner < self._n_complete, "again", inner)

    def _check_array(self, inner: Any) -> None:
        known = isinstance(inner, str) and inner in self.arrays.places
        _ensure(known and inner in self._unused, "array", inner)
        self._unused.discard(inner)

    def _check_tensor(self, inner: Any) -> None:
        _ensure(_list_of(inner, 2) and isinstance(inner[1], bool), "tensor", inner)
        self._check_array(inner[0])

    def _check_object(self, inner: Any) -> None:
        fine = isinstance(inner, dict) and set(inner) == {"class", "state"}
        _ensure(fine, "object", inner)
        kind, state = self.allowed[inner["class"]], inner["state"]
        _ensure(isinstance(kind, type), "object", inner["class"])
        _ensure(state is None or _is_dict(state), "object", state)
        self.check(state)

    def _check_named(self, inner: Any) -> None:
        self.allowed[inner]  # raises

    def _check_dict(self, inner: Any) -> None:
        _ensure(isinstance(inner, dict), "dict", inner)
        self.check(list(inner.values()))

    def _check_pairs(self, inner: Any) -> None:
        _ensure(isinstance(inner, list), "pairs", inner)
        for pair in inner:
            _ensure(_list_of(pair, 2), "pairs", pair)
            self.check(pair)

    def _check_listed(self, inner: Any) -> None:
        fine = isinstance(inner, dict) and set(inner) == {"dtype", "shape", "values"}
        _ensure(fine, "listed", inner)
        shape, values = inner["shape"], inner["values"]
        fine = isinstance(shape, list) and all(map(is_size, shape))
        _ensure(fine and isinstance(values, list), "listed", inner)
        _ensure(math.prod(shape) == len(values), "listed", inner)
        dtype = _dtype(inner["dtype"])
        _ensure(dtype.itemsize * len(values) <= self.most, "listed", inner)
        self.check(values)

    # --- building ---------------------------------------------------------------------

    def build(self, node: Any) -> Any:
        """Build a checked node."""
        if isinstance(node, list):
            return [self.build(item) for item in node]
        if not isinstance(node, dict):
            return node
        ((tag, inner),) = node.items()
        built = TAGS[tag].build(self, inner)
        if tag in COUNTED:
            self._complete.append(built)
        return built

    def _build_object(self, inner: dict) -> Any:
        kind, state = self.allowed[inner["class"]], self.build(inner["state"])
        if kind in OWN.values() and issubclass(kind, Prior):
            return restore_prior(kind, state or {})
        if kind in OWN.values() and issubclass(kind, BaseModel):
            check_sizes(kind, state or {})
        return _restore(kind, state)

    def _build_tensor(self, inner: list) -> torch.Tensor:
        return torch.from_numpy(self.arrays[inner[0]]).requires_grad_(inner[1])

    def _build_listed(self, inner: dict) -> np.ndarray:
        dtype, values = _dtype(inner["dtype"]), self.build(inner["values"])
        if dtype.kind in "mM":
            cells = np.array(values, dtype=np.int64).view(dtype)
        else:
            cells = np.empty(len(values), dtype=dtype)
            cells[:] = values if dtype.kind != "O" else np.fromiter(values, object)
        return cells.reshape(inner["shape"])

    def _build_dict(self, inner: dict) -> dict:
        return {key: self.build(value) for key, value in inner.items()}

    def _build_pairs(self, inner: list) -> dict:
        return {self.build(key): self.build(value) for key, value in inner}

    def _build_random_state(self, inner: list) -> np.random.RandomState:
        key, pos, has_gauss, gauss = self.build(inner)
        if pos not in range(len(key) + 1):  # NumPy would read beyond them
            raise RefusedFileError(f"Its RandomState goes on at number {pos!r}.")
        random_state = np.random.RandomState()
        random_state.set_state(("MT19937", key, pos, has_gauss, gauss))
        return random_state


def _restore(kind: type, state: dict | None) -> Any:
    """Return an object of a class with a state, as unpickling makes it."""
    new = kind.__new__(kind)
    if hasattr(kind, "__setstate__"):
        new.__setstate__(state)
    elif state is not None:
        vars(new).update(state)
    return new


def _ensure(fine: bool, tag: str, inner: Any) -> None:
    if not fine:
        raise RefusedFileError(
            f"Its content under {tag!r} is not valid: {_short(inner)}"
        )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _list_of(inner: Any, n: int) -> bool:
    return isinstance(inner, list) and len(inner) == n


def _is_dict(node: Any) -> bool:
    return isinstance(node, dict) and list(node) == ["dict"]


def _dtype(name: Any) -> np.dtype:
    """Return the dtype of an array that is stored cell by cell."""
    try:
        dtype = np.dtype(name if isinstance(name, str) else None)
    except (TypeError, ValueError, SyntaxError):
        dtype = np.dtype("V1")
    _ensure(isinstance(name, str) and dtype.kind in "OUSmM" + NUMBERS, "dtype", name)
    return dtype


NUMBERS = "fiub"


# --- tags -----------------------------------------------------------------------------


def _sequence(tag: str, make: Callable, n: int | None = None) -> Tag:
    """Return the tag of what is made of a list of nodes."""

    def check(self: Decoder, inner: Any) -> None:
        fine = isinstance(inner, list) if n is None else _list_of(inner, n)
        _ensure(fine, tag, inner)
        self.check(inner)

    return Tag(check, lambda self, inner: make(self.build(inner)))


def _value(tag: str, make: Callable) -> Tag:
    """Return the tag of a value that is made of text or whole numbers; it is tried."""

    def check(self: Decoder, inner: Any) -> None:
        parts = inner if isinstance(inner, list) else [inner]
        _ensure(all(isinstance(p, str) or type(p) is int for p in parts), tag, inner)
        _ensure(len(repr(inner)) <= 100 or tag in ("bytes", "path"), tag, inner)
        try:
            make(inner)
        except (ValueError, TypeError, RuntimeError, OverflowError, ArithmeticError):
            _ensure(False, tag, inner)

    return Tag(check, lambda self, inner: make(inner))


def _no_number(text: str) -> float:
    if text not in ("nan", "inf", "-inf"):
        raise ValueError(text)
    return float(text)


def _torch_dtype(name: str) -> torch.dtype:
    found = getattr(torch, name, None)
    if not isinstance(found, torch.dtype):
        raise ValueError(name)
    return found


TAGS: dict[str, Tag] = {
    "again": Tag(Decoder._check_again, lambda self, inner: self._complete[inner]),
    "array": Tag(Decoder._check_array, lambda self, inner: self.arrays[inner]),
    "turned": Tag(Decoder._check_array, lambda self, inner: self.arrays[inner].T),
    "listed": Tag(Decoder._check_listed, Decoder._build_listed),
    "scalar": Tag(
        Decoder._check_listed, lambda self, inner: self._build_listed(inner)[()]
    ),
    "tensor": Tag(Decoder._check_tensor, Decoder._build_tensor),
    "parameter": Tag(
        Decoder._check_tensor,
        lambda self, inner: torch.nn.Parameter(
            torch.from_numpy(self.arrays[inner[0]]), requires_grad=inner[1]
        ),
    ),
    "object": Tag(Decoder._check_object, Decoder._build_object),
    "named": Tag(Decoder._check_named, lambda self, inner: self.allowed[inner]),
    "dict": Tag(Decoder._check_dict, Decoder._build_dict),
    "pairs": Tag(Decoder._check_pairs, Decoder._build_pairs),
    "ordered": Tag(
        Decoder._check_pairs,
        lambda self, inner: OrderedDict(self._build_pairs(inner)),
    ),
    "tuple": _sequence("tuple", tuple),
    "set": _sequence("set", set),
    "frozenset": _sequence("frozenset", frozenset),
    "slice": _sequence("slice", lambda parts: slice(*parts), 3),
    "complex": _sequence("complex", lambda parts: complex(*parts), 2),
    "random_state": Tag(
        _sequence("random_state", list, 4).check, Decoder._build_random_state
    ),
    "float": _value("float", _no_number),
    "bytes": _value("bytes", bytes.fromhex),
    "decimal": _value("decimal", decimal.Decimal),
    "date": _value("date", datetime.date.fromisoformat),
    "datetime": _value("datetime", datetime.datetime.fromisoformat),
    "time": _value("time", datetime.time.fromisoformat),
    "timedelta": _value("timedelta", lambda parts: datetime.timedelta(*parts)),
    "path": _value("path", Path),
    "size": _value("size", torch.Size),
    "device": _value("device", torch.device),
    "dtype": _value("dtype", _torch_dtype),
}
# What `again` counts, when it is complete.
COUNTED = {"array", "turned", "listed", "tensor", "parameter", "object"}
