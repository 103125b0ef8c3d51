"""Tensors out for tensors in, where scikit-learn's array API is switched on.

Models answer in NumPy arrays; for a tensor of rows that becomes one on the same device,
once, at the outermost call. Labels that are text stay an array.
"""

import functools
from collections.abc import Callable
from contextvars import ContextVar
from inspect import isfunction
from typing import Any

import numpy as np
import torch
from sklearn import get_config

# Methods that answer about rows, or codes, that they are given first.
ANSWERS = (
    "transform",
    "inverse_transform",
    "reconstruct",
    "interpolate",
    "traverse",
    "transfer",
    "predict",
    "fit_predict",
    "predict_proba",
    "score_samples",
    "decision_function",
    "localize",
)

_within: ContextVar[bool] = ContextVar("within", default=False)


def answer_in_kind(cls: type) -> None:
    """Let a class answer tensors by tensors: all its methods in `ANSWERS`."""
    for name in ANSWERS:
        method = getattr(cls, name, None)
        if isfunction(method) and not hasattr(method, "in_kind"):
            setattr(cls, name, _in_kind(method))


def _in_kind(method: Callable) -> Callable:
    """Return a method whose answer about a tensor is one."""

    @functools.wraps(method)
    def answer(self, X, *args, **kwargs):
        on = isinstance(X, torch.Tensor) and get_config().get("array_api_dispatch")
        if not on or _within.get():
            return method(self, X, *args, **kwargs)
        token = _within.set(True)
        try:
            found = method(self, X, *args, **kwargs)
        finally:
            _within.reset(token)
        return as_tensor(found, X.device)

    answer.in_kind = True  # type: ignore[attr-defined]
    return answer


def as_tensor(found: Any, device: torch.device) -> Any:
    """Return an array of numbers as a tensor, and whatever else as it is."""
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "biuf":
        return found
    tensor = torch.from_numpy(np.ascontiguousarray(found))
    single = device.type == "mps" and tensor.dtype == torch.float64
    return tensor.to(device, torch.float32 if single else tensor.dtype)
