"""How much of the rows a reconstruction misses."""

import warnings
from dataclasses import replace
from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike

from sklearn_aae.metrics._checks import (
    as_dense,
    check_complete,
    check_parameter,
    check_rows,
    check_same_columns,
    check_same_names,
    comparing,
    same_columns,
)
from sklearn_aae.metrics._pairs import EXPONENT
from sklearn_aae.tabular import (
    TableColumns,
    as_frame,
    as_table,
    column_names,
    is_frame,
)
from sklearn_aae.utils._compat import StrOptions, check_sample_weight
from sklearn_aae.utils._typing import TableLike

MULTIOUTPUT = StrOptions({"uniform_average", "variance_weighted", "raw_values"})


@overload
def reconstruction_error(
    X: TableLike,
    X_reconstructed: TableLike,
    *,
    sample_weight: ArrayLike | None = ...,
    multioutput: Literal["uniform_average", "variance_weighted"] = ...,
) -> float: ...
@overload
def reconstruction_error(
    X: TableLike,
    X_reconstructed: TableLike,
    *,
    sample_weight: ArrayLike | None = ...,
    multioutput: Literal["raw_values"],
) -> np.ndarray: ...
def reconstruction_error(
    X: TableLike,
    X_reconstructed: TableLike,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: str = "uniform_average",
) -> float | np.ndarray:
    """Mean squared error of cells, each column divided by its variance in X.

    0 is best; 1 is what the mean of each column would get. Of columns without missing
    cells that vary it is 1 - R². Of a column of categories it is the share of cells
    that got another one, divided by the share that the most frequent one would miss.
    Categories may be numbers; booleans are 0 and 1 where numbers were made of them.

    Parameters
    ----------
    X : {array-like, DataFrame} of shape (n_samples, n_features)
        Rows; categories are in a frame. Missing cells do not count.

    X_reconstructed : {array-like, DataFrame} of shape (n_samples, n_features)
        What was made of them.

    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.

    multioutput : {"uniform_average", "variance_weighted", "raw_values"}, \
            default="uniform_average"
        How columns count, as in `sklearn.metrics.r2_score`. "uniform_average" averages
        over them, each in its own standard deviations. "variance_weighted" divides the
        error of all by the variance of all, both in the units of X: right where these
        are the same for all columns, such as pixels. "raw_values" returns one number
        for each column: NaN for one without any cell, which the averages leave out.
        Categories have no unit, and no "variance_weighted".

    Returns
    -------
    error : float or ndarray of shape (n_features,)
        Of a constant column, which has no variance, undivided.

    Raises
    ------
    ValueError
        If the shapes differ, X has no cell, or categories are to be
        "variance_weighted".

    See Also
    --------
    sklearn.metrics.r2_score : 1 minus this, of complete rows.

    Examples
    --------
    >>> from sklearn_aae.metrics import reconstruction_error
    >>> X = [[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]
    >>> reconstruction_error(X, X)
    0.0
    >>> reconstruction_error(X, [[2.0, 10.0], [2.0, 20.0], [2.0, 30.0]])
    0.5
    """
    function = "reconstruction_error"
    check_parameter(function, "multioutput", multioutput, MULTIOUTPUT)
    cells, made, typed = _cells_of(function, X, X_reconstructed)
    shape, other = (np.shape(as_table(rows)) for rows in (X, X_reconstructed))
    if len(cells) != len(made) or not same_columns(shape, other):
        raise ValueError(
            f"{function} compares rows one by one, but X has shape {shape} and "
            f"X_reconstructed has shape {other}."
        )
    check_same_names(function, X=X, X_reconstructed=X_reconstructed)
    if typed.any() and multioutput == "variance_weighted":
        name = column_names(as_table(X))[int(typed.argmax())]
        raise ValueError(
            f"multioutput={multioutput!r} needs columns of one unit, and column "
            f"{name!r} holds categories."
        )
    weight = np.ones(len(cells))
    if sample_weight is not None:
        weight = check_sample_weight(sample_weight, cells)
    cells, made = cells[weight > 0], made[weight > 0]
    weight = weight[weight > 0]
    error, squares = _relative_error(cells, made, weight)
    for j in np.flatnonzero(typed):
        error[j] = _relative_misses(cells[:, j], made[:, j], weight)
    if np.isnan(error).all():
        raise ValueError(f"All cells of X are missing: {function} has none to compare.")
    if np.isinf(error).any():
        warnings.warn(
            "The squared error is more than a float can be: reconstruction_error is "
            "infinite. Divide X and X_reconstructed by a number before.",
            RuntimeWarning,
            stacklevel=2,
        )
    if multioutput == "raw_values":
        return error
    varies = squares > 0
    if multioutput == "variance_weighted" and varies.any():
        return float(np.average(error[varies], weights=squares[varies]))
    return float(np.nanmean(error))


def _cells_of(function: str, X, made) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return cells as numbers, what was made of them, and which columns are typed.

    A category is its number; one that X does not have, or that is missing, is -1.
    """
    given, table = as_dense(X, "X"), as_dense(made, "X_reconstructed")
    frames = is_frame(given) and is_frame(table)
    learned = TableColumns.learn(given, "from_dtype") if frames else None
    if learned is not None and any(learned.n_categories):
        check_same_columns(function, X=X, X_reconstructed=made)
        learned = _booleans_as_numbers(learned, table)
    if learned is None or not any(learned.n_categories):
        cells = check_rows(function, "X", X, missing=True)
        typed = np.zeros(cells.shape[1], dtype=bool)
        others = check_rows(function, "X_reconstructed", made, categories=True)
        return cells, others, typed
    typed = np.array(learned.n_categories) > 0
    with comparing(function, "X", "X_reconstructed"):
        cells, others = (learned.encode(t).astype(float) for t in (given, table))
    others[:, typed] = np.nan_to_num(others[:, typed], nan=-1.0)
    check_complete(function, "X", cells, given, missing=True)
    check_complete(function, "X_reconstructed", others, table)
    return cells, others, typed


def _booleans_as_numbers(columns: TableColumns, made) -> TableColumns:
    """Return columns in which booleans are 0 and 1 where numbers were made of them.

    Other categories that are numbers name things: how far they are apart says nothing.
    """
    found, frame = list(columns.columns), as_frame(made)
    assert frame is not None
    places = [j for j, column in enumerate(found) if _is_boolean(column.categories)]
    if not places:
        return columns
    part = frame[:, places]
    learned = TableColumns.learn(part.to_native(), "from_dtype")
    # Of no value a dtype of numbers tells that they were; objects tell nothing.
    told = zip(places, learned.columns, part.schema.values(), strict=True)
    for j, column, dtype in told:
        if column.categories is None and (dtype.is_numeric() or not column.empty):
            found[j] = replace(found[j], categories=None)
    return TableColumns(found)


def _is_boolean(categories: tuple | None) -> bool:
    kinds = (bool, np.bool_)
    return bool(categories) and all(isinstance(v, kinds) for v in categories or ())


def _relative_misses(x: np.ndarray, made: np.ndarray, weight: np.ndarray) -> float:
    """Return P(x̂ ≠ x) / P(x is not the most frequent), of the cells that are there."""
    seen = ~np.isnan(x)
    x, made, weight = x[seen], made[seen], weight[seen]
    if not len(x):
        return np.nan
    shares = np.bincount(x.astype(int), weight) / weight.sum()
    rest = 1 - shares.max() if np.count_nonzero(shares) > 1 else 1.0
    return float(np.average(x != made, weights=weight) / rest)


def _relative_error(
    X: np.ndarray, made: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return E(x - x̂)² / Var(x) of each column, over the cells of X that are there.

    And, by a common factor, the sum of (x - E x)² of each column: 0 of a constant one.
    """
    # A power of 2 for each column: squares of its numbers neither overflow nor vanish.
    largest = np.fmax(np.fmax.reduce(np.abs(X)), np.abs(made).max(0))
    exponent = EXPONENT - np.frexp(largest)[1]
    X, made = np.ldexp(X, exponent), np.ldexp(made, exponent)
    seen = ~np.isnan(X)
    mass = weight @ seen
    mass[mass == 0] = np.nan

    def mean(values: np.ndarray) -> np.ndarray:
        return weight @ np.where(seen, values, 0.0) / mass

    # A rounded mean would leave a constant column some variance.
    constant = np.fmin.reduce(X) == np.fmax.reduce(X)
    error = mean((X - made) ** 2)
    variance = np.where(constant, 1.0, mean((X - mean(X)) ** 2))
    squares = np.where(constant, 0.0, np.nan_to_num(mass * variance))
    squares = np.ldexp(squares, 2 * (exponent.min() - exponent))
    with np.errstate(over="ignore"):  # of a constant column, its caller warns
        return np.ldexp(error / variance, np.where(constant, -2 * exponent, 0)), squares
