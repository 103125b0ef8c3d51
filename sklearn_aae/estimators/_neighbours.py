"""The graph of nearest neighbours of the training rows, and how labels lie on it."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

# Rows of which distances are looked at, to learn their scale.
MAX_ROWS = 2000


def nearest(X: np.ndarray, n_neighbors: int) -> np.ndarray:
    """Return the numbers of the nearest other rows, (n, n_neighbors).

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Scaled rows.

    n_neighbors : int
        As many, or all other rows if there are fewer.
    """
    search = NearestNeighbors(n_neighbors=min(n_neighbors, X.shape[0] - 1)).fit(X)
    # Of the rows themselves: without each row itself.
    return search.kneighbors(return_distance=False)


def neighbour_distance(X: np.ndarray, n_neighbors: int) -> float:
    """Return the mean distance of rows to their `n_neighbors`-th neighbour."""
    n_samples = X.shape[0]
    some = X[:: -(-n_samples // MAX_ROWS)]
    search = NearestNeighbors(n_neighbors=min(n_neighbors + 1, n_samples)).fit(X)
    return float(search.kneighbors(some)[0][:, -1].mean())


def shared_information(labels: np.ndarray, neighbours: np.ndarray, m: int) -> float:
    """Return the mutual information of the labels at both ends of an edge, in nats.

    High where neighbours have one label and labels are many: it needs no truth, and
    does not depend on how sure a model is of itself.

    Parameters
    ----------
    labels : ndarray of shape (n,)
        Cluster numbers below m.

    neighbours : ndarray of shape (n, n_neighbors)
        Row numbers.

    m : int
        Number of clusters.
    """
    joint = np.zeros((m, m))
    own = np.repeat(labels, neighbours.shape[1])
    np.add.at(joint, (own, labels[neighbours].ravel()), 1.0)
    joint = (joint + joint.T) / (2 * joint.sum())
    p = joint.sum(1)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / np.outer(p, p)[seen])).sum())
