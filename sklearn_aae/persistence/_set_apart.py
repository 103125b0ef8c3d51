"""What skops cannot store: objects of torch, set apart, and what has no name, refused.

skops gets a copy of an estimator, in which each object of torch is a `Kept`: its number
among those that the file holds beside the bytes of skops. The copy is made by pickling,
but for our estimators, which it leaves as the plain state that they give to a file. It
shares the arrays.
"""

import contextlib
import contextvars
import copyreg
import io
import pickle
import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import torch
from sklearn.base import BaseEstimator
from torch.distributions import Distribution

from sklearn_aae.estimators import BaseModel
from sklearn_aae.persistence._classes import full_name
from sklearn_aae.priors import Prior

_OBJECTS: contextvars.ContextVar[list] = contextvars.ContextVar("objects")


class Kept:
    """Stands for an object beside the bytes of skops; made by skops, it is that object.

    Parameters
    ----------
    at : int
        Its number.
    """

    at: int

    def __new__(cls, at: int) -> Any:
        return _OBJECTS.get()[at]

    def __reduce__(self) -> tuple:
        return Kept, (self.at,)

    @classmethod
    def stand_in(cls, at: int) -> "Kept":
        """Return what stands for an object while it is saved."""
        new = object.__new__(cls)
        new.at = at
        return new


@contextlib.contextmanager
def giving(objects: list) -> Iterator[None]:
    """Let each `Kept` that is made be one of these objects."""
    token = _OBJECTS.set(objects)
    try:
        yield
    finally:
        _OBJECTS.reset(token)


def set_apart(estimator: BaseEstimator) -> tuple[BaseEstimator, list]:
    """Return an estimator as skops can store it, and the objects that are set apart.

    Raises
    ------
    TypeError
        If something that it holds cannot be found again by its name.
    """
    walk = _Walk()
    try:
        walk.dump(estimator)
    except Exception:
        if walk.nameless is None:  # of what does not pickle skops has its say
            return estimator, []
        raise TypeError(
            f"{_place(estimator)} holds {full_name(walk.nameless)}, which its module "
            "does not have by that name: a file that names it could never be loaded. "
            "Make it a function or class at the top level of a module."
        ) from None
    if not walk.kept:
        return estimator, []
    walk.file.seek(0)
    return _Copy(walk.file, buffers=walk.buffers).load(), walk.kept


def _place(estimator: BaseEstimator) -> str:
    """Return the innermost parameter that holds something without a name."""
    params = estimator.get_params()
    names = [*params][::-1]  # each step before all steps
    for name in sorted(names, key=lambda name: -name.count("__")):
        walk = _Walk()
        with contextlib.suppress(Exception):
            walk.dump(params[name])
        if walk.nameless is not None:
            return name
    return "The estimator"


class _Walk(pickle.Pickler):
    """Pickles an object, up to what has no name, and without objects of torch.

    Attributes
    ----------
    file, buffers : BytesIO, list
        The pickle, and the arrays, which are not copied.

    kept : list
        The objects of torch that it met.

    nameless : type or function, or None
        What it stopped at.
    """

    def __init__(self):
        self.file, self.buffers = io.BytesIO(), []
        super().__init__(self.file, protocol=5, buffer_callback=self.buffers.append)
        self.kept: list[Any] = []
        self.nameless: Any = None
        self._numbers: dict[int, int] = {}

    def persistent_id(self, found: Any) -> int | None:
        """Return the number of an object of torch; None for all else."""
        if not isinstance(found, Distribution | torch.nn.Module | torch.Tensor):
            return None
        if isinstance(found, Prior) and not _holds_torch(found):
            return None  # no more than its arguments
        if id(found) not in self._numbers:
            self._numbers[id(found)] = len(self.kept)
            self.kept.append(found)
        return self._numbers[id(found)]

    def reducer_override(self, found: Any) -> Any:
        """Stop at what has no name; leave our estimators as plain state."""
        if isinstance(found, type | FunctionType) and not _has_its_name(found):
            self.nameless = found
            raise TypeError
        if isinstance(found, BaseModel):
            state = found.__getstate__()
            return copyreg.__newobj__, (type(found),), state, None, None, _fill  # type: ignore[attr-defined]
        return NotImplemented


class _Copy(pickle.Unpickler):
    """Makes the copy."""

    def persistent_load(self, at: int) -> Kept:
        """Return what stands for an object of torch."""
        return Kept.stand_in(at)


def _fill(model: BaseModel, state: dict) -> None:
    """Give a model a state that is not built again."""
    vars(model).update(state)


def _holds_torch(prior: Prior) -> bool:
    walk = _Walk()
    with contextlib.suppress(Exception):  # which the walk that asks will meet
        walk.dump(prior.__getstate__())
    return bool(walk.kept)


def _has_its_name(found: type | FunctionType) -> bool:
    """Whether the module of a class or function has it by its name, as skops asks."""
    module = sys.modules.get(found.__module__)
    return getattr(module, found.__name__, None) is found
