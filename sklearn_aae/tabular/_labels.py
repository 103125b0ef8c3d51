"""Labels of any container as one array, and which rows have one.

A row is unlabelled if its label is -1, None, NaN, or masked. -1 is a class only where
the caller names it among the classes: what a table, a fold or a chunk happens to hold
does not decide.
"""

import datetime
import warnings
from collections.abc import Iterable
from decimal import Decimal
from numbers import Number, Real
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from sklearn.exceptions import DataConversionWarning

UNLABELLED = -1
# What marks of rows without a label become as text.
MARKS = {str(UNLABELLED), "nan", "None", "<NA>", "NaT", ""}

TIMES = (
    datetime.date,
    datetime.time,
    datetime.timedelta,
    np.datetime64,
    np.timedelta64,
)


class NotClassLabelsError(ValueError):
    """A target of another kind: numbers that are not whole, or several columns."""


def read_labels(y: Any, name: str = "y") -> np.ndarray:
    """Return class labels as an array of Python's own values.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 1)
        Labels: a list, an array, a masked array, a tensor, a series or a frame of one
        column, of any library.

    name : str, default="y"
        What the caller calls them, for the messages.

    Returns
    -------
    labels : ndarray of shape (n_samples,), object
        Text, booleans or whole numbers; None where the label is missing.

    Raises
    ------
    NotClassLabelsError
        If they are numbers that are not whole, or there are several columns.

    ValueError
        If they are of a kind that is no label, or of several kinds.
    """
    labels = column_values(y, name)
    if len(getattr(y, "shape", ())) == 2:
        warnings.warn(
            f"A column-vector {name} was passed when a 1d array was expected. Pass one "
            f"dimension, for example {name}.ravel() or one column of a frame.",
            DataConversionWarning,
            stacklevel=2,
        )
    _check_kinds(labels, name)
    return labels


def column_values(y: Any, name: str = "y") -> np.ndarray:
    """Return the values of one column of any kind, None where they are missing.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 1)
        See `read_labels`.

    name : str, default="y"
        What the caller calls them, for the messages.

    Returns
    -------
    values : ndarray of shape (n_samples,), object

    Raises
    ------
    NotClassLabelsError
        If there are several columns.

    ValueError
        If it is no column.
    """
    cells = _cells_of(y, name)
    values = [_plain(cell) for cell in cells]
    return np.fromiter(values, dtype=object, count=len(values))


def is_labelled(labels: np.ndarray, classes: Iterable[Any] | None = None) -> np.ndarray:
    """Return which rows have a label.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,), object
        As `read_labels` or `column_values` returns them.

    classes : iterable, default=None
        The classes, where they are named: -1 is a label if it is among them.

    Returns
    -------
    labelled : ndarray of shape (n_samples,), bool
    """
    present = np.array([label is not None for label in labels], dtype=bool)
    if classes is not None and UNLABELLED in list(classes):
        return present
    return present & ~np.array([is_minus_one(label) for label in labels], dtype=bool)


def is_minus_one(label: Any) -> bool:
    """Whether a label is the number -1."""
    return isinstance(label, Number) and label == UNLABELLED


def warn_about_minus_one(
    labels: np.ndarray, classes: Iterable[Any] | None, name: str = "y"
) -> None:
    """Warn if -1 and one other label are all there is: -1 may be meant as a class.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,), object
        As `read_labels` returns them.

    classes : iterable or None
        The classes, where they are named.

    name : str, default="y"
        What the caller calls the labels.
    """
    found = set(labels[is_labelled(labels)].tolist())
    if classes is None and len(found) == 1 and any(map(is_minus_one, labels)):
        warnings.warn(
            f"{name} holds -1 and one other label, {min(found)!r}. Rows of -1 are "
            f"unlabelled; if -1 is a class, say so: classes=[-1, {min(found)!r}].",
            UserWarning,
            stacklevel=3,
        )


# --- containers -----------------------------------------------------------------------


def _cells_of(y: Any, name: str) -> list[Any]:
    """Return the cells of a column, of whatever type its container gives."""
    if hasattr(y, "collect") and hasattr(y, "collect_schema"):
        raise ValueError(
            f"{name} is a lazy frame ({type(y).__name__}): its rows are not there yet. "
            f"Pass {name}.collect()."
        )
    if hasattr(y, "to_native"):  # a series or frame of narwhals, of any version
        y = y.to_native()
    if hasattr(y, "columns"):
        y = _only_column(y, name)
    if isinstance(y, np.ndarray) or getattr(y, "ndim", 1) != 1 or hasattr(y, "detach"):
        return _cells_of_array(y, name)
    # Of Arrow; of series of pandas and polars; of arrays of pandas: NumPy would make
    # floats of whole numbers beside a missing one, and a category of a null.
    for listing in ("to_pylist", "to_list", "tolist"):
        if hasattr(y, listing):
            return getattr(y, listing)()
    return _cells_of_array(y, name)


def _only_column(frame: Any, name: str) -> Any:
    """Return the one column of a frame."""
    _check_one_column(np.shape(frame), name)
    eager = nw.from_native(frame, eager_only=True, pass_through=True)
    # Arrow's record batches are no frames to narwhals; their columns are arrays.
    return eager[:, 0] if isinstance(eager, nw.DataFrame) else frame.columns[0]


def _cells_of_array(y: Any, name: str) -> list[Any]:
    """Return the cells of a list, an array or a tensor."""
    if hasattr(y, "detach"):  # a tensor of any device
        y = y.detach().cpu().tolist()
    if hasattr(y, "toarray"):  # sparse
        _check_one_column(y.shape, name)
        y = y.toarray()
    masked = np.ma.getmaskarray(y) if isinstance(y, np.ma.MaskedArray) else None
    # An array of objects keeps None, NaN and numbers apart from text.
    values = np.asarray(y, dtype=object if isinstance(y, list | tuple) else None)
    if values.ndim == 0:
        raise ValueError(
            f"{name} must hold one label for each row, in one column. Got "
            f"{type(y).__name__} instead."
        )
    if values.ndim > 1:
        _check_one_column(values.shape, name)
    # Dates stay what they are: as objects, those in nanoseconds would be numbers.
    dates = values.dtype.kind in "mM"
    cells = list(values.ravel()) if dates else values.ravel().astype(object)
    if masked is None:
        return list(cells)
    return [None if m else c for c, m in zip(cells, masked.ravel(), strict=True)]


def _check_one_column(shape: tuple[int, ...], name: str) -> None:
    if len(shape) != 2 or shape[1] != 1:
        raise NotClassLabelsError(
            f"Unknown label type: {name} has shape {shape}, and class labels are one "
            "column."
        )


def _plain(value: Any) -> Any:
    """Return a value as one of Python's own types, None if it is missing."""
    if value is None or value is np.ma.masked:
        return None
    if hasattr(value, "as_py"):  # a scalar of Arrow
        value = value.as_py()
    elif isinstance(value, np.datetime64 | np.timedelta64):
        pass  # in nanoseconds, item would make it a number
    elif isinstance(value, np.generic) or hasattr(value, "detach"):
        value = value.item()
    if isinstance(value, Decimal) and value.is_finite():
        value = int(value) if value == int(value) else float(value)
    try:
        return value if value == value else None
    except TypeError:  # pandas.NA has no truth value
        return None
    except ValueError:  # nor have nested values, which are refused later
        return value


# --- kinds ----------------------------------------------------------------------------


def _check_kinds(labels: np.ndarray, name: str) -> None:
    """Raise unless labels are text, or booleans and whole numbers."""
    present = labels[is_labelled(labels)]
    kinds = {type(label) for label in present}
    for kind in kinds:
        # NumPy's spans of time are integers to Python.
        if not issubclass(kind, str | Real) or issubclass(kind, TIMES):
            raise _kind_error(kind, next(v for v in present if type(v) is kind), name)
    text = any(issubclass(kind, str) for kind in kinds)
    if text:
        _check_text(present, name)
    elif any(not issubclass(kind, int) for kind in kinds):
        _check_whole(present, name)


def _kind_error(kind: type, label: Any, name: str) -> ValueError:
    if issubclass(kind, complex):
        return ValueError(
            f"Unknown label type: {name} holds {label!r}. Complex data not supported."
        )
    dated = issubclass(kind, TIMES) or kind.__name__ == "Period"
    what = "dates or times" if dated else f"values of the type {kind.__name__}"
    return ValueError(
        f"Unknown label type: {name} holds {what}, such as {label!r}. Class labels are "
        "whole numbers, text or booleans: make each value that is a class one of "
        "these, for example text with str()."
    )


def _check_text(present: np.ndarray, name: str) -> None:
    text = np.array([isinstance(label, str) for label in present], dtype=bool)
    if not text.all():
        raise ValueError(
            f"Unknown label type: {name} holds text such as {present[text][0]!r} and "
            f"other values such as {present[~text][0]!r}. Pass labels of one kind."
        )
    taken = sorted(MARKS & {*present.tolist()})
    if taken:
        warnings.warn(
            f"{name} holds the text {taken[0]!r}, which is taken as a class. To mark "
            "rows as unlabelled use None or NaN, which astype(str) makes text of.",
            UserWarning,
            stacklevel=4,
        )


def _check_whole(present: np.ndarray, name: str) -> None:
    numbers = present.astype(float)
    broken = present[~(np.isfinite(numbers) & (numbers == np.floor(numbers)))]
    if len(broken):
        raise NotClassLabelsError(
            f"Unknown label type: 'continuous'. {name} holds numbers that are not "
            f"whole, such as {broken[0]!r}. Class labels are whole numbers, text or "
            "booleans; None and NaN are unlabelled rows."
        )
