"""The graph of nearest neighbours of the training rows."""

import numpy as np
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from sklearn_aae.metrics._pairs import Points, distance_blocks, in_one_unit
from sklearn_aae.utils._memo import computed_once

# Rows of which distances are looked at, to learn their scale.
MAX_ROWS = 2000
# Mebibytes of distances at once, of sparse rows: scikit-learn's 1024 are doubled by the
# numbers of the rows that it sorts.
WORKING_MEMORY = 32

# Principal axes in which rows of more columns are compared.
MAX_AXES = 50

# Relative error of a squared distance above which it is computed from differences.
LEAST_DIGITS = 1e-6


@computed_once
def nearest(X: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Return the numbers of the nearest other rows, (n, n_neighbors).

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Scaled rows.

    n_neighbors : int
        As many, or all other rows if there are fewer; a single row is its own.
    """
    if X.shape[0] == 1:
        return np.zeros((1, 1), dtype=np.int64)
    search = NearestNeighbors(n_neighbors=min(n_neighbors, X.shape[0] - 1)).fit(X)
    # Of the rows themselves: without each row itself.
    with config_context(working_memory=WORKING_MEMORY):
        distance, index = search.kneighbors()
    lost = np.flatnonzero(_lost(X, distance[:, -1]))
    if len(lost):
        index[lost] = _by_differences(X, lost, index.shape[1])[1]
    return index


def in_few_dimensions(X: np.ndarray) -> np.ndarray:
    """Return dense rows, of many columns the scores of their first principal axes.

    Distances in very many columns are mostly those of their noise.
    """
    n = min(MAX_AXES, X.shape[0] - 1)
    return X if X.shape[1] <= MAX_AXES or not n else _principal_scores(X, n)


@computed_once
def _principal_scores(X: np.ndarray, n: int) -> np.ndarray:
    with config_context(array_api_dispatch=False, transform_output="default"):
        return PCA(n, random_state=0).fit_transform(X)


@computed_once
def mean_neighbor_distance(X: np.ndarray, n_neighbors: int) -> float:
    """Return the mean distance of rows to their `n_neighbors`-th neighbour."""
    n_samples = X.shape[0]
    every = -(-n_samples // MAX_ROWS)
    some = X[::every]
    search = NearestNeighbors(n_neighbors=min(n_neighbors + 1, n_samples)).fit(X)
    with config_context(working_memory=WORKING_MEMORY):
        distance = search.kneighbors(some)[0][:, -1]
    lost = np.flatnonzero(_lost(some, distance))
    if len(lost):
        n_others = min(n_neighbors, n_samples - 1)
        distance[lost] = _by_differences(X, every * lost, n_others)[0][:, -1]
    return float(distance.mean())


def _lost(X, distance: np.ndarray) -> np.ndarray:
    """Return of which rows a distance may be the rounding of squares: (n,)."""
    if issparse(X):
        return np.zeros(len(distance), dtype=bool)
    squares = np.einsum("ij,ij->i", X, X, dtype=np.float64)
    error = 2 * (X.shape[1] + 8) * np.finfo(float).eps * squares
    return error > LEAST_DIGITS * distance**2


def _by_differences(
    X: np.ndarray, rows: np.ndarray, n_neighbors: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return distances and numbers of the nearest others of some rows, sorted."""
    points = Points.plain(np.asarray(X, dtype=np.float64))
    (points,), exponent = in_one_unit(points)
    distance, index = [], []
    for part, d in distance_blocks(points[rows], points):
        d[np.arange(len(d)), rows[part]] = np.inf  # each row itself
        found = d.topk(n_neighbors, dim=1, largest=False)
        distance.append(found.values.numpy())
        index.append(found.indices.numpy())
    return np.ldexp(np.concatenate(distance), -exponent), np.concatenate(index)
