"""What several fits compute of the same rows, computed once for all of them."""

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, ParamSpec

import joblib
import numpy as np

P = ParamSpec("P")
# What is remembered at once, in bytes; of a search, a few arrays for each fold.
MAX_BYTES = 2**28


class Memo:
    """Results of functions, by the contents of their arguments.

    Those that were asked for the longest ago are forgotten, beyond `max_bytes`.

    Parameters
    ----------
    max_bytes : int, default=2**28
        Of all results; the last one is kept, whatever its size.
    """

    def __init__(self, max_bytes: int = MAX_BYTES):
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def result(self, function: Callable[..., Any], *args, **kwargs) -> Any:
        """Return a copy of ``function(*args, **kwargs)``; others that ask wait for it.

        Parameters
        ----------
        function : callable
            Depends on nothing but its arguments, and returns an array or a number.

        *args, **kwargs
            What joblib can hash.
        """
        key = joblib.hash((function.__module__, function.__qualname__, args, kwargs))
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
        # One by one within: a search that runs the call's own tasks might give their
        # turn to a fit that waits here for the result.
        with entry.lock, joblib.parallel_config("sequential"):
            if not entry.done:
                entry.value, entry.done = function(*args, **kwargs), True
        self._forget()
        return np.copy(entry.value) if entry.n_bytes else entry.value

    def _forget(self) -> None:
        """Drop the oldest results, until the others fit."""
        with self._lock:
            total = sum(entry.n_bytes for entry in self._entries.values())
            while total > self.max_bytes and len(self._entries) > 1:
                _, entry = self._entries.popitem(last=False)
                total -= entry.n_bytes


class _Entry:
    """A result, or a place for it."""

    def __init__(self) -> None:
        self.lock, self.done = threading.Lock(), False
        self.value: Any = None

    @property
    def n_bytes(self) -> int:
        """Size of an array; 0 for a number."""
        return getattr(self.value, "nbytes", 0) if np.ndim(self.value) else 0


# Of the search whose fit this thread runs.
MEMO: ContextVar[Memo | None] = ContextVar("memo", default=None)


def computed_once(function: Callable[P, Any]) -> Callable[P, Any]:
    """Let a function remember its results where a memo is at hand.

    Parameters
    ----------
    function : callable
        See `Memo.result`.
    """

    @functools.wraps(function)
    def remembered(*args: P.args, **kwargs: P.kwargs) -> Any:
        memo = MEMO.get()
        if memo is None:
            return function(*args, **kwargs)
        return memo.result(function, *args, **kwargs)

    return remembered
