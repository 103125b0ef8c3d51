"""How much a scaling stretches rows: from densities of scaled cells to those of cells.

Letters: n rows, d columns, m distinct quantiles of a column.
"""

import numpy as np
from scipy.stats import norm
from sklearn.preprocessing import QuantileTransformer

from sklearn_aae.tabular._preprocessor import TablePreprocessor
from sklearn_aae.tabular._statistics import chunks

# Levels that scikit-learn's quantile transformer keeps between.
MIN_LEVEL = 1e-7


def log_jacobian(preprocessor: TablePreprocessor, X) -> np.ndarray:
    """Return Σ_j log |dx'_j / dx_j| over the known cells of columns of numbers.

    x' is a scaled cell, and a density p' of it is the density p'(x') |dx'/dx| of the
    cell x itself. Counts and categories have probabilities, which no scale changes;
    columns that did not vary in training have no density.

    Parameters
    ----------
    preprocessor : TablePreprocessor
        Fitted.

    X : ndarray or SparseTable of shape (n, d)
        Rows, in the units of the table.

    Returns
    -------
    log_jacobian : ndarray of shape (n,)
    """
    held = [c is not None for c in preprocessor.schema_.constants]
    numbers = np.array(preprocessor.schema_.n_categories) == 0
    numbers[preprocessor.counts_] = False
    numbers &= ~np.array(held)
    total = np.zeros(X.shape[0])
    for part in chunks(X):
        rows = np.asarray(X[part], dtype=np.float64)
        slopes = _slopes(preprocessor, rows)
        known = numbers & ~np.isnan(rows)
        total[part] = np.log(slopes, out=np.zeros(rows.shape), where=known).sum(1)
    return total


def _slopes(preprocessor: TablePreprocessor, rows: np.ndarray) -> np.ndarray:
    """Return dx'/dx of each cell, (n, d)."""
    if preprocessor.scale != "quantile":
        return np.broadcast_to(preprocessor.slopes(), rows.shape)
    slopes = np.ones(rows.shape)
    if not hasattr(preprocessor, "scaler_"):
        return slopes
    places, scaler = preprocessor.numeric_, preprocessor.scaler_
    for at, transformer in ((places, scaler), *preprocessor.late_scalers_):
        columns = np.arange(rows.shape[1])[at]
        for j, quantiles in zip(columns, transformer.quantiles_.T, strict=True):
            slopes[:, j] = _quantile_slopes(transformer, quantiles, rows[:, j])
    return slopes


def _quantile_slopes(
    scaler: QuantileTransformer, quantiles: np.ndarray, cells: np.ndarray
) -> np.ndarray:
    """Return the slope of the straight line between the quantiles around each cell.

    Of a cell that is a quantile itself, these are the one below and the one above: a
    value that many rows share has no density of its own.
    """
    q, first = np.unique(quantiles, return_index=True)
    if len(q) == 1:
        return np.ones(cells.shape)
    last = np.append(first[1:], len(quantiles)) - 1
    level = (scaler.references_[first] + scaler.references_[last]) / 2
    scaled = norm.ppf(level.clip(MIN_LEVEL, 1 - MIN_LEVEL))
    below = (np.searchsorted(q, cells, side="left") - 1).clip(0, len(q) - 2)
    above = np.searchsorted(q, cells, side="right").clip(below + 1, len(q) - 1)
    return (scaled[above] - scaled[below]) / (q[above] - q[below])
