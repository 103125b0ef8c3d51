"""Checks of the arguments of metrics."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from numbers import Number

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array

from sklearn_aae.tabular import (
    OtherKindError,
    TableColumns,
    as_table,
    column_names,
    is_frame,
    needs_column_reader,
)
from sklearn_aae.utils._compat import InvalidParameterError


def check_parameter(function: str, name: str, value, allowed) -> None:
    """Raise InvalidParameterError unless a parameter is what it may be.

    Parameters
    ----------
    function, name : str
        Whose parameter it is, and its name.

    value : object
        What was passed.

    allowed : Interval or StrOptions
        What it may be.
    """
    if not allowed.is_satisfied_by(value):
        raise InvalidParameterError(
            f"The {name!r} parameter of {function} must be {allowed}. Got {value!r} "
            "instead."
        )


def as_dense(X, name: str):
    """Return an argument's rows with tensors and sparse matrices turned into arrays.

    Of pictures, (n_samples, height, width[, channels]), as rows of their cells.
    """
    X = as_table(X, name)
    if issparse(X):
        return X.toarray(order="C")
    if is_frame(X):
        return X
    try:
        many = np.ndim(X) > 2
    except ValueError:  # rows of several lengths: what reads them says so
        return X
    return np.asarray(X).reshape(np.shape(X)[0], -1) if many else X


def check_rows(
    function: str, name: str, X, *, missing: bool = False, categories: bool = False
) -> np.ndarray:
    """Return rows of numbers as a float64 array.

    Parameters
    ----------
    function, name : str
        Whose argument it is, and its name.

    X : {array-like, sparse matrix, DataFrame, torch.Tensor} of shape \
            (n_samples, n_features)
        Rows.

    missing : bool, default=False
        Whether cells may be NaN.

    categories : bool, default=False
        Whether numbers may be categories: where they were made of numbers.

    Raises
    ------
    ValueError
        If cells are no numbers, missing or infinite.
    """
    X = as_dense(X, name)
    try:
        read_here = needs_column_reader(X, takes_sparse=False)
        cells = _numbers_by_column(X, categories) if read_here else X
        rows = check_array(cells, dtype=np.float64, ensure_all_finite=False)
    except ValueError as error:
        raise ValueError(
            f"The {name!r} argument of {function} must be rows of numbers: {error}"
        ) from error
    check_complete(function, name, rows, X, missing=missing)
    return rows


def _numbers_by_column(X, categories: bool) -> np.ndarray:
    """Return the numbers of a frame; raise ValueError if a column has categories.

    Booleans are 0 and 1; those that are other numbers may pass.
    """
    numbers = []
    for column in TableColumns.learn(X, "from_dtype").columns:
        known = column.categories or ()
        kinds = Number if categories else (bool, np.bool_)
        if not all(isinstance(value, kinds) for value in known):
            raise ValueError(f"column {column.name!r} holds categories.")
        numbers.append(replace(column, categories=None))
    return TableColumns(numbers).encode(X)


@contextmanager
def comparing(function: str, first: str | Mapping, second: str) -> Iterator[None]:
    """Say of a column that holds two kinds of cells in which arguments it does.

    Parameters
    ----------
    function : str
        That compares them.

    first : str or mapping
        Argument whose cells tell the kind of a column, or that of each column.

    second : str
        Argument that is read.
    """
    try:
        yield
    except OtherKindError as error:  # it speaks of a fit, and there is none
        told = first if isinstance(first, str) else first[error.column]
        raise ValueError(
            f"{function} compares cells of one kind, but column {error.column!r} of "
            f"{told} holds {error.held}, and that of {second} {error.now}."
        ) from None


def check_complete(
    function: str, name: str, rows: np.ndarray, table, *, missing: bool = False
) -> None:
    """Raise ValueError if cells are infinite, or missing where they may not be.

    Parameters
    ----------
    function, name : str
        Whose argument it is, and its name.

    rows : ndarray of shape (n_samples, n_features)
        Its cells as numbers.

    table : {array, DataFrame} of shape (n_samples, n_features)
        What knows the names of its columns.

    missing : bool, default=False
        Whether cells may be NaN.
    """
    with np.errstate(over="ignore"):  # a sum that overflows is tested below
        total = rows.sum()
    if np.isfinite(total):
        return
    bad = np.isinf(rows) if missing else ~np.isfinite(rows)
    if bad.any():
        j = int(bad.any(0).argmax())
        column = (column_names(as_table(table)) or range(j + 1))[j]
        raise ValueError(
            f"The {name!r} argument of {function} has {int(bad[:, j].sum())} "
            f"{'' if missing else 'missing or '}infinite cells in column {column!r}. "
            "Leave out those rows, or fill them, for example with SimpleImputer."
        )


def check_same_names(function: str, **tables) -> None:
    """Raise ValueError if two frames have other columns; named as arguments."""
    names = [column_names(as_table(X, name)) for name, X in tables.items()]
    if all(names) and names[0] != names[1]:
        raise ValueError(
            f"{function} compares rows of the same columns in the same order. "
            f"{' and '.join(tables)} have the columns {names[0]} and {names[1]}."
        )


def same_columns(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Return whether rows of two shapes compare: pictures may be flat in one of them.

    Flat rows have shape (n_samples, height * width * channels).
    """
    flat = len(a) == 2 or len(b) == 2
    return a[1:] == b[1:] or (flat and math.prod(a[1:]) == math.prod(b[1:]))


def check_same_columns(function: str, **tables) -> None:
    """Raise ValueError unless two tables have the same columns; named as arguments."""
    shapes = {name: np.shape(as_table(X, name)) for name, X in tables.items()}
    (first, a), (second, b) = shapes.items()
    if not same_columns(a, b):
        raise ValueError(
            f"{function} compares rows of the same columns, but {first} has shape {a} "
            f"and {second} has shape {b}."
        )
    check_same_names(function, **tables)


def check_n_rows(function: str, least: int, why: str = "", **tables) -> None:
    """Raise ValueError if a table has too few rows; named as arguments."""
    for name, table in tables.items():
        if len(table) < least:
            raise ValueError(
                f"{function} needs at least {least} rows of {name}{why}. Got "
                f"{len(table)}."
            )
