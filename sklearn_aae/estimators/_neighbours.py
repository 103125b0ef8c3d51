"""The graph of nearest neighbours of the training rows, and how labels lie on it."""

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import issparse
from sklearn import config_context
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from sklearn_aae.metrics._pairs import Points, distance_blocks, in_one_unit

# Rows of which distances are looked at, to learn their scale.
MAX_ROWS = 2000
# Mebibytes of distances at once, of sparse rows: scikit-learn's 1024 are doubled by the
# numbers of the rows that it sorts.
WORKING_MEMORY = 32

# Relative error of a squared distance above which it is computed from differences.
LEAST_DIGITS = 1e-6


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


def neighbour_distance(X: np.ndarray, n_neighbors: int) -> float:
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


def edge_shares(labels: np.ndarray, neighbours: np.ndarray, m: int) -> np.ndarray:
    """Return e_ab, the share of edges from a row of label a to one of b, (m, m).

    Parameters
    ----------
    labels : ndarray of shape (n,)
        Numbers below m.

    neighbours : ndarray of shape (n, n_neighbors)
        Row numbers; edges count in both directions.

    m : int
        Number of labels.
    """
    own = np.repeat(labels, neighbours.shape[1])
    e = np.bincount(own * m + labels[neighbours].ravel(), minlength=m * m)
    e = e.reshape(m, m)
    return (e + e.T) / (2 * e.sum())


def shared_information(labels: np.ndarray, neighbours: np.ndarray, m: int) -> float:
    """Return the mutual information of the labels at both ends of an edge, in nats.

    High where neighbours have one label and labels are many: it needs no truth, and
    does not depend on how sure a model is of itself. For the parameters see
    `edge_shares`.
    """
    e = edge_shares(labels, neighbours, m)
    p = e.sum(1)
    seen = e > 0
    return float((e[seen] * np.log(e[seen] / np.outer(p, p)[seen])).sum())


def normalized_cut(e: np.ndarray) -> float:
    """Return Σ_a (1 - e_aa / p_a): what share of a cluster's edges leave it, summed.

    Clusters that no row has count as 1 each (Shi and Malik 2000).

    Parameters
    ----------
    e : ndarray of shape (m, m)
        Shares of edges between clusters, see `edge_shares`.
    """
    p = e.sum(1)
    seen = p > 0
    return float(len(e) - (np.diag(e)[seen] / p[seen]).sum())


def merge_labels(
    labels: np.ndarray, neighbours: np.ndarray, m: int, n_clusters: int, by: str
) -> np.ndarray:
    """Merge labels into clusters, as their edges say.

    Parameters
    ----------
    labels, neighbours, m
        See `edge_shares`.

    n_clusters : int
        Number of clusters to leave.

    by : {"modularity", "cut"}
        A key of `MERGES`.

    Returns
    -------
    clusters : ndarray of shape (m,)
        Cluster of each label, counted from 0; -1 for labels that no row has.
    """
    used, clusters = np.unique(labels), np.full(m, -1)
    clusters[used] = np.arange(len(used))
    if len(used) > n_clusters:
        e = edge_shares(labels, neighbours, m)[np.ix_(used, used)]
        clusters[used] = MERGES[by](e, n_clusters)
    return clusters


def add_labels(
    known: np.ndarray, labels: np.ndarray, neighbours: np.ndarray, n_clusters: int
) -> np.ndarray:
    """Give labels that rows have for the first time a cluster; the others keep theirs.

    A new one while there are fewer than `n_clusters`, else that of most of their edges.

    Parameters
    ----------
    known : ndarray of shape (m,)
        Cluster of each label, counted from 0; -1 for labels without one.

    labels, neighbours
        See `edge_shares`.

    n_clusters : int
        Number of clusters not to exceed.

    Returns
    -------
    clusters : ndarray of shape (m,)
        Cluster of each label.
    """
    clusters, e = known.copy(), edge_shares(labels, neighbours, len(known))
    for label in np.setdiff1d(labels, np.flatnonzero(known >= 0)):
        n_found = clusters.max() + 1
        if n_found < n_clusters:
            clusters[label] = n_found
        else:
            member = clusters == np.arange(n_clusters)[:, None]
            clusters[label] = (member @ e[label]).argmax()
    return clusters


def merge_by_modularity(e: np.ndarray, n_clusters: int) -> np.ndarray:
    """Return the cluster of each label, merged two at a time.

    The modularity Q = Σ_a (e_aa - p_a²) is how many more edges stay within a cluster
    than would by chance (Newman 2004); to merge a and b adds 2 (e_ab - p_a p_b).
    """
    e, owner = e.copy(), np.arange(len(e))
    while len(e) > n_clusters:
        p = e.sum(1)
        gain = np.where(np.tri(len(e), k=-1) > 0, e - np.outer(p, p), -np.inf)
        a, b = np.unravel_index(gain.argmax(), gain.shape)  # a > b
        e[b] += e[a]
        e[:, b] += e[:, a]
        e = np.delete(np.delete(e, a, 0), a, 1)
        owner = np.where(owner == a, b, owner - (owner > a))
    return owner


def merge_by_cut(e: np.ndarray, n_clusters: int) -> np.ndarray:
    """Return the cluster of each label, of little normalised cut.

    Spectral clustering (Ng, Jordan and Weiss 2001) in which a label counts by its
    edges.
    """
    p = e.sum(1)
    leading = (len(e) - n_clusters, len(e) - 1)
    _, U = eigh(e / np.sqrt(np.outer(p, p)), subset_by_index=leading)
    means = KMeans(n_clusters, n_init=20, random_state=0)
    found = means.fit_predict(normalize(U), sample_weight=p)
    return np.unique(found, return_inverse=True)[1]


MERGES = {"modularity": merge_by_modularity, "cut": merge_by_cut}
