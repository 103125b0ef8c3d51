"""How labels lie on the graph of neighbours, and which of them make one cluster."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from sklearn.cluster import KMeans
from sklearn.preprocessing import normalize


@dataclass(frozen=True, eq=False)
class Clustering:
    """Which labels make a cluster, and how good that is.

    Attributes
    ----------
    clusters : ndarray of shape (m,)
        Cluster of each label, counted from 0; -1 for labels that no row has.

    information : float
        Mutual information of the clusters at both ends of an edge, in nats.

    cut : float
        The normalised cut.
    """

    clusters: np.ndarray
    information: float
    cut: float

    @classmethod
    def find(
        cls,
        labels: np.ndarray,
        neighbors: np.ndarray,
        m: int,
        n_clusters: int,
        by: str,
        known: np.ndarray | None = None,
    ) -> "Clustering":
        """Merge labels into clusters.

        Parameters
        ----------
        labels, neighbors, m, n_clusters, by
            See `merge_labels`.

        known : ndarray of shape (m,), default=None
            Clusters that stay, see `add_labels`.
        """
        if known is None:
            clusters = merge_labels(labels, neighbors, m, n_clusters, by)
        else:
            clusters = add_labels(known, labels, neighbors, n_clusters)
        found = clusters[labels]
        information = shared_information(found, neighbors, n_clusters)
        cut = normalized_cut(edge_shares(found, neighbors, n_clusters))
        return cls(clusters, information, cut)


def merged(p: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Add up probabilities (n, m) of labels (m,) of one cluster, -1 for none."""
    member = clusters[:, None] == np.arange(clusters.max() + 1)
    return p @ member


def edge_shares(labels: np.ndarray, neighbors: np.ndarray, m: int) -> np.ndarray:
    """Return e_ab, the share of edges from a row of label a to one of b, (m, m).

    Parameters
    ----------
    labels : ndarray of shape (n,)
        Numbers below m.

    neighbors : ndarray of shape (n, n_neighbors)
        Row numbers; edges count in both directions.

    m : int
        Number of labels.
    """
    own = np.repeat(labels, neighbors.shape[1])
    e = np.bincount(own * m + labels[neighbors].ravel(), minlength=m * m)
    e = e.reshape(m, m)
    return (e + e.T) / (2 * e.sum())


def shared_information(labels: np.ndarray, neighbors: np.ndarray, m: int) -> float:
    """Return the mutual information of the labels at both ends of an edge, in nats.

    High where neighbours have one label and labels are many: it needs no truth, and
    does not depend on how sure a model is of itself. For the parameters see
    `edge_shares`.
    """
    e = edge_shares(labels, neighbors, m)
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
    labels: np.ndarray, neighbors: np.ndarray, m: int, n_clusters: int, by: str
) -> np.ndarray:
    """Merge labels into clusters, as their edges say.

    Parameters
    ----------
    labels, neighbors, m
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
        e = edge_shares(labels, neighbors, m)[np.ix_(used, used)]
        clusters[used] = MERGES[by](e, n_clusters)
    return clusters


def add_labels(
    known: np.ndarray, labels: np.ndarray, neighbors: np.ndarray, n_clusters: int
) -> np.ndarray:
    """Give labels that rows have for the first time a cluster; the others keep theirs.

    A new one while there are fewer than `n_clusters`, else that of most of their edges.

    Parameters
    ----------
    known : ndarray of shape (m,)
        Cluster of each label, counted from 0; -1 for labels without one.

    labels, neighbors
        See `edge_shares`.

    n_clusters : int
        Number of clusters not to exceed.

    Returns
    -------
    clusters : ndarray of shape (m,)
        Cluster of each label.
    """
    clusters, e = known.copy(), edge_shares(labels, neighbors, len(known))
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
