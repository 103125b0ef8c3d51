"""Statistics of columns: ranges, entropies and deviances."""

from collections.abc import Iterator

import numpy as np
from scipy.stats import entropy, nbinom, poisson

# A variance that exceeds the mean by less than this fraction of it is that of a Poisson
# distribution.
ROUNDING = 1e-9

# Entropy below which the weight of a column of categories or counts grows no more.
MIN_ENTROPY = 0.1

# Cells that are dense in memory at a time.
CHUNK_CELLS = 2**18


def chunks(X) -> Iterator[slice]:
    """Yield slices of rows, of up to `CHUNK_CELLS` cells."""
    n_rows = max(1, CHUNK_CELLS // max(1, X.shape[1]))
    for start in range(0, len(X), n_rows):
        yield slice(start, start + n_rows)


def extent(X) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the lowest and highest number of each column, and whether it has NaN.

    Parameters
    ----------
    X : ndarray or SparseTable of shape (n_samples, n_features)
        Rows. Missing values (NaN) are left out; of a column without any other, lowest
        and highest are NaN.
    """
    low = high = np.full(X.shape[1], np.nan)
    missing = np.zeros(X.shape[1], dtype=bool)
    for part in chunks(X):
        rows = np.asarray(X[part])
        low = np.fmin(low, np.fmin.reduce(rows))
        high = np.fmax(high, np.fmax.reduce(rows))
        missing |= np.isnan(rows).any(axis=0)
    return low, high, missing


def count_known(X) -> np.ndarray:
    """Return how many cells of each column are not NaN, of dense or sparse rows."""
    parts = (np.isnan(np.asarray(X[part])).sum(0) for part in chunks(X))
    return len(X) - sum(parts, start=np.zeros(X.shape[1], dtype=np.intp))


def category_masses(
    x: np.ndarray, weight: np.ndarray | None = None, n_categories: int = 0
) -> np.ndarray:
    """Return the sum of the weights of the rows of each category.

    Parameters
    ----------
    x : ndarray of shape (n_samples,)
        Numbers of categories; NaN for missing ones.

    weight : ndarray of shape (n_samples,) or None, default=None
        Of the rows.

    n_categories : int, default=0
        Categories that there are, at least.
    """
    present = ~np.isnan(x)
    weight = None if weight is None else weight[present]
    codes = x[present].astype(np.intp)
    return np.bincount(codes, weights=weight, minlength=n_categories)


def value_masses(
    x: np.ndarray, weight: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the different numbers of a column, and the weight of the rows of each.

    Parameters
    ----------
    x : ndarray of shape (n_samples,)
        Numbers; NaN for missing ones.

    weight : ndarray of shape (n_samples,) or None, default=None
        Of the rows.
    """
    present = ~np.isnan(x)
    values, place = np.unique(x[present], return_inverse=True)
    weight = None if weight is None else weight[present]
    return values, np.bincount(place, weight, len(values)).astype(float)


def shares_of(masses: np.ndarray) -> np.ndarray:
    """Return the shares of the categories that have any; of none, those of one."""
    some = masses[masses > 0]
    return some / some.sum() if len(some) else np.ones(1)


def category_weight(shares: np.ndarray) -> float:
    """Return what a categorical column weighs: ½ (1 - Σ p²) / -Σ p log p.

    1 - Σ p², the Gini impurity, is the variance of the column's one-hot columns.

    Parameters
    ----------
    shares : ndarray of shape (n_categories,)
        Of the categories that are seen.
    """
    gini = 1 - (shares**2).sum()
    return float(0.5 * gini / max(entropy(shares), MIN_ENTROPY))


def count_information(x: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Return half the deviance of a column of counts, in nats a row.

    The mean log-likelihood of the saturated Poisson model, in which each count is its
    own rate, less that of one negative binomial distribution with the mean and variance
    of the column (a Poisson distribution where the variance is not above the mean).

    Parameters
    ----------
    x : ndarray of shape (n_samples,)
        Counts; NaN for missing ones.

    weight : ndarray of shape (n_samples,) or None, default=None
        Of the rows.
    """
    present = ~np.isnan(x)
    if not present.any():
        return 0.0
    x, weight = x[present], None if weight is None else weight[present]
    mean = np.average(x, weights=weight)
    variance = np.average((x - mean) ** 2, weights=weight)
    own = poisson.logpmf(x, x)
    if variance > mean * (1 + ROUNDING) > 0:
        ratio = mean / variance
        common = nbinom.logpmf(x, mean * ratio / (1 - ratio), ratio)
    else:
        common = poisson.logpmf(x, mean)
    return float(np.average(own - common, weights=weight))


def count_weight(x: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Return what a column of counts weighs: ½ over `count_information`."""
    return 0.5 / max(count_information(x, weight), MIN_ENTROPY)
