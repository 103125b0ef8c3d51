"""The only door to scikit-learn's private or moving API (1.6 to 1.9)."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import _safe_indexing as safe_indexing
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    StrOptions,
)
from sklearn.utils.validation import _check_sample_weight as _sklearn_sample_weight

try:  # scikit-learn 1.9
    from sklearn.callback import CallbackSupportMixin
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing: scikit-learn before 1.9 has no callbacks, and no `set_callbacks`."""


__all__ = [
    "CALLBACKS",
    "CALLBACK_STATE",
    "CallbackSupportMixin",
    "Interval",
    "InvalidParameterError",
    "StrOptions",
    "check_sample_weight",
    "fit_context",
    "safe_indexing",
]

# Where an estimator keeps its callbacks.
CALLBACKS = "_skl_callbacks"

# What scikit-learn's `fit_context` needs to end the callbacks of a fit that failed.
CALLBACK_STATE = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")

Method = TypeVar("Method", bound=Callable[..., Any])


def fit_context(method: Method) -> Method:
    """Let `fit` validate the estimator's parameters, and end callbacks if it fails."""
    return _fit_context(prefer_skip_nested_validation=True)(method)


_NON_NEGATIVE = (
    "ensure_non_negative"
    if "ensure_non_negative" in inspect.signature(_sklearn_sample_weight).parameters
    else "only_non_negative"
)


def check_sample_weight(sample_weight, X):
    """Validate weights: one number >= 0 a row, not all zero.

    Parameters
    ----------
    sample_weight : array-like of shape (n_samples,)
        Weights of the rows; a masked one is missing, and refused as NaN is.

    X : array of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    sample_weight : ndarray of shape (n_samples,), float64

    Raises
    ------
    ValueError
        If the shape is wrong, a weight is negative, or all are zero.
    """
    if isinstance(sample_weight, np.ma.MaskedArray):
        sample_weight = sample_weight.astype(float).filled(np.nan)
    weight = _sklearn_sample_weight(
        sample_weight, X, dtype=float, **{_NON_NEGATIVE: True}
    )
    if not weight.any():
        raise ValueError(
            "Sample weights must contain at least one non-zero number: "
            "all values in sample_weight are zero."
        )
    return weight
