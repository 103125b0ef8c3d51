"""From an estimator to what JSON and arrays can hold.

JSON's own values stand for themselves, lists too. All else is an object of one name,
its tag, such as ``{"tuple": [1, 2]}``; see `sklearn_aae.persistence._decode` for what
each holds. What is met twice is stored once: ``{"again": n}`` is the n-th array, tensor
or object, counted when they are complete.
"""

import datetime
import decimal
import math
import pathlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from sklearn_aae.persistence._classes import OWN, name_of
from sklearn_aae.priors import Prior
from sklearn_aae.utils._compat import CALLBACKS
from sklearn_aae.utils._container import stored_dtype

DATES = {
    datetime.datetime: "datetime",
    datetime.date: "date",
    datetime.time: "time",
}


class Encoder:
    """Encodes one estimator.

    Attributes
    ----------
    arrays : dict of str to ndarray
        By the place where each was met first.

    named : set of str
        Names of classes and functions, as the file has them.
    """

    def __init__(self):
        self.arrays: dict[str, np.ndarray] = {}
        self.named: set[str] = set()
        self._known: dict[int, int] = {}  # places of what is complete
        self._kept: list[Any] = []  # alive, so that no id is given twice
        self._open: set[int] = set()

    def encode(self, value: Any, at: str = "") -> Any:
        """Return a value as JSON can hold it.

        Parameters
        ----------
        value : object
            Anything that an estimator may hold.

        at : str, default=""
            Where it was met, for messages and names of arrays.

        Raises
        ------
        TypeError
            If files cannot hold it.
        """
        kind = type(value)
        if value is None or kind in (bool, int, str):
            return value
        if kind is float:
            return value if math.isfinite(value) else {"float": str(value)}
        encode = PLAIN.get(kind)
        if encode is not None:
            return encode(self, value, at)
        if isinstance(value, np.generic):
            return {"scalar": self._listed(np.asarray(value), at)}
        name = name_of(value)
        if name is not None:
            self.named.add(name)
            return {"named": name}
        return self._once(value, at)

    def _once(self, value: Any, at: str) -> Any:
        """Return an array, tensor or object, or where it is already."""
        if id(value) in self._known:
            return {"again": self._known[id(value)]}
        if id(value) in self._open:
            raise TypeError(f"{at} holds itself, which a file cannot. Use joblib.dump.")
        self._open.add(id(value))
        if isinstance(value, np.ndarray):
            node = self._array(value, at)
        elif isinstance(value, torch.Tensor):
            node = self._tensor(value, at)
        else:
            node = {"object": self._object(value, at)}
        self._open.discard(id(value))
        self._kept.append(value)
        self._known[id(value)] = len(self._known)
        return node

    def _object(self, value: Any, at: str) -> dict:
        kind = type(value)
        name = name_of(kind)
        # What pickles in a way of its own is more than its attributes.
        special = kind.__reduce__ is not object.__reduce__
        special = special or kind.__reduce_ex__ is not object.__reduce_ex__
        if name is None or special or kind.__module__ == "builtins":
            raise TypeError(
                f"{at or 'The estimator'} is {_short(value)} of type "
                f"{kind.__module__}.{kind.__qualname__}, which a file cannot hold. "
                "Leave it out, or make it a function or class of a module, or use "
                "joblib.dump."
            )
        # A prior leaves out what it can derive. Of a file it is not to derive anything.
        own = isinstance(value, Prior) and kind in OWN.values()
        state = dict(vars(value)) if own else value.__getstate__()
        if not isinstance(state, dict | None):
            raise TypeError(
                f"{at} is of type {name}, which has __slots__: a file cannot hold it. "
                "Use joblib.dump."
            )
        if state and CALLBACKS in state:  # of a fit, not of what it has learnt
            state = {key: part for key, part in state.items() if key != CALLBACKS}
        self.named.add(name)
        return {"class": name, "state": self.encode(state, at)}

    def _array(self, value: np.ndarray, at: str) -> dict:
        if type(value) not in (np.ndarray, np.memmap):
            raise TypeError(
                f"{at} is of type {type(value).__name__}, which a file cannot hold. "
                "Make it a plain array by numpy.asarray."
            )
        if stored_dtype(value) is None:
            return {"listed": self._listed(value, at)}
        # Bytes are written in C order; the order of rows and columns is as it was.
        turned = value.ndim > 1 and value.flags.f_contiguous
        turned = turned and not value.flags.c_contiguous
        if turned:
            return {"turned": self._store(value.T, at)}
        return {"array": self._store(value, at)}

    def _store(self, array: np.ndarray, at: str) -> str:
        name = at or "array"
        while name in self.arrays or name == "__metadata__":
            name += "'"
        self.arrays[name] = array
        return name

    def _listed(self, value: np.ndarray, at: str) -> dict:
        """Return an array cell by cell: of text, dates or objects."""
        kind = value.dtype.kind
        cells = value.view("i8") if kind in "mM" else value
        if kind not in "OUSmM" and stored_dtype(value) is None:
            raise TypeError(
                f"{at} has dtype {value.dtype}, which a file cannot hold. Convert it."
            )
        return {
            "dtype": value.dtype.str if kind != "O" else "object",
            "shape": list(value.shape),
            "values": [
                self.encode(cell, f"{at}[{i}]")
                for i, cell in enumerate(cells.ravel().tolist())
            ],
        }

    def _tensor(self, value: torch.Tensor, at: str) -> dict:
        if type(value) not in (torch.Tensor, torch.nn.Parameter) or value.is_sparse:
            raise TypeError(
                f"{at} is of type {type(value).__name__}, which a file cannot hold. "
                "Use joblib.dump."
            )
        array = value.detach().cpu().resolve_conj().resolve_neg()
        if array.dtype == torch.bfloat16 or stored_dtype(array.numpy()) is None:
            raise TypeError(
                f"{at} is a tensor of {value.dtype}, which a file cannot hold. Convert "
                "it."
            )
        tag = "parameter" if isinstance(value, torch.nn.Parameter) else "tensor"
        return {tag: [self._store(array.numpy(), at), value.requires_grad]}

    # --- containers and values of Python ------------------------------------------

    def _items(self, value, at: str) -> list:
        return [self.encode(item, _join(at, i)) for i, item in enumerate(value)]

    def _pairs(self, value: dict, at: str) -> list:
        return [
            [self.encode(key, at), self.encode(item, _join(at, key))]
            for key, item in value.items()
        ]

    def _dict(self, value: dict, at: str) -> dict:
        if all(type(key) is str for key in value):
            items = {key: self.encode(v, _join(at, key)) for key, v in value.items()}
            return {"dict": items}
        return {"pairs": self._pairs(value, at)}

    def _random_state(self, value: np.random.RandomState, at: str) -> dict:
        state = value.get_state(legacy=False)
        if state["bit_generator"] != "MT19937":
            raise TypeError(
                f"{at} is a RandomState of {state['bit_generator']}, which a file "
                "cannot hold. Pass a number."
            )
        inner = state["state"]
        parts = inner["key"], inner["pos"], state["has_gauss"], state["gauss"]
        return {"random_state": self._items(parts, at)}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _join(at: str, key: Any) -> str:
    return f"{at}.{key}" if at else str(key)


PLAIN: dict[type, Callable[[Encoder, Any, str], Any]] = {
    list: Encoder._items,
    tuple: lambda self, v, at: {"tuple": self._items(v, at)},
    set: lambda self, v, at: {"set": self._items(sorted(v, key=repr), at)},
    frozenset: lambda self, v, at: {"frozenset": self._items(sorted(v, key=repr), at)},
    dict: Encoder._dict,
    OrderedDict: lambda self, v, at: {"ordered": self._pairs(v, at)},
    slice: lambda self, v, at: {"slice": self._items((v.start, v.stop, v.step), at)},
    bytes: lambda self, v, at: {"bytes": v.hex()},
    complex: lambda self, v, at: {"complex": self._items((v.real, v.imag), at)},
    decimal.Decimal: lambda self, v, at: {"decimal": str(v)},
    datetime.timedelta: lambda self, v, at: {
        "timedelta": [v.days, v.seconds, v.microseconds]
    },
    type(pathlib.Path()): lambda self, v, at: {"path": str(v)},
    torch.Size: lambda self, v, at: {"size": list(v)},
    torch.device: lambda self, v, at: {"device": str(v)},
    torch.dtype: lambda self, v, at: {"dtype": str(v).removeprefix("torch.")},
    np.random.RandomState: Encoder._random_state,
    **{
        kind: lambda self, v, at, tag=tag: {tag: v.isoformat()}
        for kind, tag in DATES.items()
    },
}
