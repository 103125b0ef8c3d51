"""What rows tell of their columns: extents, and how much there is to learn."""

from collections.abc import Iterator

import numpy as np
from scipy.stats import entropy, nbinom, poisson

# A variance so little above the mean, as a share of it, is that of a Poisson column.
ROUNDING = 1e-9

# Cells that are looked at at once.
CHUNK_CELLS = 2**19


def chunks(X) -> Iterator[slice]:
    """Yield slices of rows, of up to `CHUNK_CELLS` cells."""
    n_rows = max(1, CHUNK_CELLS // max(1, X.shape[1]))
    for start in range(0, len(X), n_rows):
        yield slice(start, start + n_rows)


def extent(X) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the lowest and highest cell of each column, and whether it has holes.

    Parameters
    ----------
    X : ndarray or SparseTable of shape (n_samples, n_features)
        Rows; NaN is a hole, and lowest and highest of nothing else.
    """
    low = high = np.full(X.shape[1], np.nan)
    holes = np.zeros(X.shape[1], dtype=bool)
    for part in chunks(X):
        rows = np.asarray(X[part])
        low = np.fmin(low, np.fmin.reduce(rows))
        high = np.fmax(high, np.fmax.reduce(rows))
        holes |= np.isnan(rows).any(axis=0)
    return low, high, holes


def column_entropy(x: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Return the entropy of a categorical column, in nats.

    Parameters
    ----------
    x : ndarray of shape (n_samples,)
        Numbers of categories; NaN for missing ones.

    weight : ndarray of shape (n_samples,) or None, default=None
        Of the rows.
    """
    seen = ~np.isnan(x)
    weight = None if weight is None else weight[seen]
    counts = np.bincount(x[seen].astype(np.intp), weights=weight)
    return float(entropy(counts[counts > 0])) if len(counts) else 0.0


def count_information(x: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Return how many nats a count is surer of its own rate than of that of all.

    The mean of log p(x|rate x) of a Poisson distribution, less that of log p(x) of the
    negative binomial one of the column's mean and variance: half the deviance.

    Parameters
    ----------
    x : ndarray of shape (n_samples,)
        Counts; NaN for missing ones.

    weight : ndarray of shape (n_samples,) or None, default=None
        Of the rows.
    """
    seen = ~np.isnan(x)
    if not seen.any():
        return 0.0
    x, weight = x[seen], None if weight is None else weight[seen]
    mean = np.average(x, weights=weight)
    variance = np.average((x - mean) ** 2, weights=weight)
    own = poisson.logpmf(x, x)
    if variance > mean * (1 + ROUNDING) > 0:
        share = mean / variance
        of_all = nbinom.logpmf(x, mean * share / (1 - share), share)
    else:
        of_all = poisson.logpmf(x, mean)
    return float(np.average(own - of_all, weights=weight))
