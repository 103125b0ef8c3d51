"""A partition of the neighbour graph: where the training of clusters begins.

Letters: n rows, m labels, S the normalised weights of the graph, e_ab the share of its
weight between labels a and b, p_a = Σ_b e_ab.
"""

import warnings
from collections.abc import Iterator

import numpy as np
from scipy.linalg import eigh
from scipy.sparse import csr_array, diags_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import ArpackNoConvergence, eigsh
from sklearn import config_context
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import normalize

from sklearn_aae.estimators._graph import nearest
from sklearn_aae.estimators.clustering._merge import MERGES
from sklearn_aae.utils._memo import computed_once

# Eigenvectors, in multiples of m, and the power of their eigenvalues that weighs them:
# steps of a random walk.
EMBEDDINGS = ((1, 0), (1, 10), (2, 0), (2, 10), (2, 30))
# How often k-means starts anew in each.
N_ROUNDS = 2
# Parts, in multiples of m, that are merged to m.
OVERSAMPLINGS = (2, 4)
# Digits, of the largest cell, in which copies agree.
N_DIGITS = 6
# Neighbours of the wider graph, in multiples, of at most half the mean part.
WIDER = 4
# Rows that a part has on average, at least.
MIN_PART = 4
# γ in log I - γ log H. With 0 large clusters are cut; with 1 like ones are united.
ENTROPY_WEIGHT = 0.55
# Rows up to which all eigenvectors are computed.
MAX_DENSE = 1500
# Rounds of moves, and how many of them may bring nothing.
MAX_ROUNDS, PATIENCE = 20, 3


@computed_once
def find_partition(points: np.ndarray, n_neighbors: int, m: int) -> np.ndarray:
    """Return the labels of a good partition of the neighbour graph into m parts, (n,).

    Spectral clustering (Ng, Jordan and Weiss 2001) in several ways: k-means on 1 m or
    2 m eigenvectors, into m parts or into more that are merged. Each partition is
    improved by moves of single rows, and the best is kept: first the one that unites
    fewest unconnected parts of the graph, then by its mean `quality` on this graph and
    on one of more neighbours, which sees clusters that hang together more widely.
    Where a part has fewer rows than a row has neighbours, the graph joins all, and
    k-means finds the parts.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Rows between which distances are measured.

    n_neighbors : int
        Nearest other rows that a row is joined with.

    m : int
        Number of parts; some may stay empty.
    """
    # Copies of a row would be its only neighbours.
    keys = np.round(points / max(np.abs(points).max(), 1e-300), N_DIGITS)
    _, first, place = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    # All is NumPy's here, and k-means of scikit-learn 1.6 fails under the dispatch.
    with config_context(array_api_dispatch=False):
        return _of_distinct(points[first], n_neighbors, m)[place]


def _of_distinct(points: np.ndarray, n_neighbors: int, m: int) -> np.ndarray:
    """Return the labels of a partition of rows that all differ."""
    n = len(points)
    if m >= n or m == 1:
        return np.arange(n) % m
    if n < m * n_neighbors:
        return KMeans(m, n_init=10, random_state=0).fit_predict(points)
    wide = max(n_neighbors, min(WIDER * n_neighbors, n // (2 * m)))
    near = nearest(points, wide)
    graph = weigh_edges(points, near[:, :n_neighbors])
    graphs = [graph, weigh_edges(points, near)] if wide > n_neighbors else [graph]
    islands = _islands(graph, 2 * n_neighbors)
    rng = np.random.RandomState(0)
    with warnings.catch_warnings():
        # Rows that are all alike make fewer parts than asked for.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = [_improve(graph, start, m, rng) for start in _starts(graph, m, rng)]
    ranks = [
        (
            -_n_united(islands, labels, m),
            np.mean([quality(_between(one, labels, m)[1]) for one in graphs]),
        )
        for labels in found
    ]
    return found[ranks.index(max(ranks))]


def weigh_edges(points: np.ndarray, neighbors: np.ndarray) -> csr_array:
    """Return the weights of the edges, symmetric, of sum 1.

    w_ij = exp(-(d_ij - d_i1) / s_i), d_i1 the distance to the nearest, and s_i such
    that Σ_j w_ij = log2(k + 1) of k neighbours; then w_ij + w_ji - w_ij w_ji, as UMAP
    has it (McInnes, Healy and Melville 2018). So dense and sparse regions count alike.

    Parameters
    ----------
    points : ndarray of shape (n, d)
        Rows between which distances are measured.

    neighbors : ndarray of shape (n, k)
        Numbers of the nearest other rows.
    """
    n, k = neighbors.shape
    d = np.stack(
        [np.linalg.norm(points - points[near], axis=1) for near in neighbors.T], axis=1
    ).astype(np.float64)
    beyond = np.maximum(d - d.min(1, keepdims=True), 0)
    unit = beyond.max(1, keepdims=True)
    beyond /= np.where(unit > 0, unit, 1)
    low, high = np.full((n, 1), 1e-3), np.full((n, 1), 1e3)
    for _ in range(30):  # bisection of the scale, by its logarithm
        scale = np.sqrt(low * high)
        large = np.exp(-beyond / scale).sum(1, keepdims=True) > np.log2(k + 1)
        low, high = np.where(large, low, scale), np.where(large, scale, high)
    w = np.exp(-beyond / scale).ravel()
    rows = np.repeat(np.arange(n), k)
    one_way = csr_array((w, (rows, neighbors.ravel())), shape=(n, n))
    graph = one_way + one_way.T - one_way.multiply(one_way.T)
    return csr_array(graph / graph.sum())


def quality(e: np.ndarray) -> float:
    """Return log I - γ log H: how good a partition is.

    I is the mutual information of the labels at both ends of an edge, H their entropy:
    the share I / H of what a label says that a neighbour knows, which favours parts
    that stand apart, to the power γ, times I^(1 - γ), which favours parts of like size.

    Parameters
    ----------
    e : ndarray of shape (m, m)
        Shares of the graph's weight between labels.
    """
    information, entropy = _information(e)
    if information <= 0 or entropy <= 0:
        return -np.inf
    return float(np.log(information) - ENTROPY_WEIGHT * np.log(entropy))


def _information(e: np.ndarray) -> tuple[float, float]:
    """Return mutual information and entropy of the labels at the ends of an edge."""
    p, seen = e.sum(1), e > 0
    entropy = -(p[p > 0] * np.log(p[p > 0])).sum()
    return (e[seen] * np.log(e[seen])).sum() + 2 * entropy, entropy


def _between(graph: csr_array, labels: np.ndarray, m: int):
    """Return the weight of each row's edges to each label (n, m), and e (m, m)."""
    n = len(labels)
    member = csr_array((np.ones(n), (np.arange(n), labels)), shape=(n, m))
    to_labels = (graph @ member).toarray()
    return to_labels, member.T @ to_labels


def _embed(graph: csr_array, q: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the q largest eigenvalues of D^-½ S D^-½ and their eigenvectors (n, q)."""
    n = graph.shape[0]
    scale = diags_array(np.asarray(graph.sum(1)) ** -0.5)
    S = scale @ graph @ scale
    if n <= MAX_DENSE:
        values, U = eigh(S.toarray(), subset_by_index=(n - q, n - 1))
    else:
        start = np.random.RandomState(0).normal(size=n)
        try:
            values, U = eigsh(S, q, which="LA", v0=start, tol=1e-4)
        except ArpackNoConvergence as stopped:
            values, U = stopped.eigenvalues, stopped.eigenvectors
    order = values.argsort()[::-1]
    return values[order], U[:, order]


def _starts(graph: csr_array, m: int, rng) -> Iterator[np.ndarray]:
    """Yield partitions into m parts, of several embeddings."""
    n = graph.shape[0]
    most = max(size for size, _ in EMBEDDINGS)
    values, U = _embed(graph, min(most * m, n - 1))
    for size, power in N_ROUNDS * EMBEDDINGS:
        q = min(size * m, U.shape[1])
        rows = normalize(U[:, :q] * values[:q].clip(0) ** power)
        yield KMeans(m, n_init=3, random_state=rng).fit_predict(rows)
        for times in OVERSAMPLINGS:
            n_parts = min(times * m, n // MIN_PART)
            if n_parts <= m:
                continue
            parts = KMeans(n_parts, n_init=1, random_state=rng).fit_predict(rows)
            parts = np.unique(parts, return_inverse=True)[1]
            e = _between(graph, parts, parts.max() + 1)[1]
            for merge in MERGES.values():
                yield merge(e, m)[parts] if len(e) > m else parts


def _improve(graph: csr_array, labels: np.ndarray, m: int, rng) -> np.ndarray:
    """Move rows to where `quality` rises most; return the best labels.

    Rows move at the same time, by the slope of the quality: a random half of those that
    would, as two neighbours could else change places for ever.
    """
    degree, floor = np.asarray(graph.sum(1)), 1 / graph.nnz
    best, highest, n_idle = labels, -np.inf, 0
    for _ in range(MAX_ROUNDS):
        to_labels, e = _between(graph, labels, m)
        value = quality(e)
        if value > highest:
            best, highest, n_idle = labels, value, 0
        else:
            n_idle += 1
        information, entropy = _information(e)
        if n_idle == PATIENCE or min(information, entropy) <= 0:
            break
        p = np.maximum(e.sum(1), floor)
        shared = np.log(np.maximum(e, floor) / np.outer(p, p))
        slope = 2 * to_labels @ shared.T / information
        slope += ENTROPY_WEIGHT * np.outer(degree, np.log(p)) / entropy
        wanted = slope.argmax(1)
        moves = (wanted != labels) & (rng.uniform(size=len(labels)) < 0.5)
        if not moves.any():
            break
        labels = np.where(moves, wanted, labels)
    return best


def _islands(graph: csr_array, min_size: int) -> np.ndarray:
    """Return for each row its unconnected part of the graph; -1 in parts too small."""
    part = connected_components(graph, directed=False)[1]
    size = np.bincount(part)
    return np.where(size[part] > min_size, part, -1)


def _n_united(islands: np.ndarray, labels: np.ndarray, m: int) -> int:
    """Return how often a label holds rows of one more unconnected part."""
    counts = (len(np.setdiff1d(islands[labels == c], [-1])) for c in range(m))
    return sum(max(0, count - 1) for count in counts)
