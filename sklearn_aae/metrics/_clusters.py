"""How well clusters agree with known labels."""

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils import check_array, check_consistent_length, column_or_1d


def clustering_accuracy(y_true, y_pred):
    """Share of rows whose cluster is matched with their label, one to one, at best.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.

    y_pred : array-like of shape (n_samples,)
        Clusters, by any names. More clusters than labels, or fewer, leave some without
        a match: their rows count as wrong.

    Returns
    -------
    accuracy : float
        Between 0 and 1.

    See Also
    --------
    majority_vote_error : Where several clusters may have one label.

    References
    ----------
    .. [1] Xie, Girshick, Farhadi, "Unsupervised Deep Embedding for Clustering
       Analysis", ICML 2016, https://arxiv.org/abs/1511.06335

    Examples
    --------
    >>> from sklearn_aae.metrics import clustering_accuracy
    >>> clustering_accuracy(["a", "a", "b", "b"], [1, 1, 0, 2])
    0.75
    """
    *_, counts = _count(y_true, y_pred)
    return float(counts[linear_sum_assignment(-counts)].sum() / counts.sum())


def majority_vote_error(
    y_true, y_pred, *, y_true_vote=None, y_pred_vote=None, proba_vote=None
):
    """Share of rows whose label is not the one that their cluster was given.

    A cluster is given the label of most of its voters, the first one of equals. The
    paper asks one voter a cluster, with `proba_vote`: the validation row x with the
    largest q(y_i|x) gives cluster i its label ([1]_, section 6).

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels.

    y_pred : array-like of shape (n_samples,)
        Clusters, by any names; numbers of columns with `proba_vote`.

    y_true_vote : array-like of shape (n_vote,), default=None
        Labels of the voters, such as the training rows. None: the rows themselves vote,
        so that many clusters make the error small whatever they are.

    y_pred_vote : array-like of shape (n_vote,), default=None
        Clusters of the voters.

    proba_vote : array-like of shape (n_vote, n_clusters), default=None
        Instead of `y_pred_vote`: the voters' probabilities of the clusters, as
        ``predict_proba`` returns them.

    Returns
    -------
    error : float
        Between 0 and 1. Rows of a cluster without voters count as wrong.

    Raises
    ------
    ValueError
        If lengths differ, or it is not clear how to vote.

    See Also
    --------
    clustering_accuracy : Each cluster with a label of its own.

    References
    ----------
    .. [1] Makhzani, Shlens, Jaitly, Goodfellow, Frey, "Adversarial Autoencoders", 2016,
       https://arxiv.org/abs/1511.05644

    Examples
    --------
    >>> from sklearn_aae.metrics import majority_vote_error
    >>> y_true, y_pred = ["a", "a", "b", "b"], [1, 1, 0, 2]
    >>> majority_vote_error(y_true, y_pred)
    0.0
    >>> majority_vote_error(y_true, y_pred, y_true_vote=["a", "b"], y_pred_vote=[1, 0])
    0.25
    """
    labels, clusters, counts = _count(y_true, y_pred)
    asked = y_pred_vote is not None, proba_vote is not None
    if all(asked) or any(asked) != (y_true_vote is not None):
        raise ValueError(
            "majority_vote_error takes the labels of voters, y_true_vote, together "
            "with one of y_pred_vote and proba_vote."
        )
    if proba_vote is not None:
        elected = _elect_surest(y_true_vote, proba_vote, clusters)
    elif y_pred_vote is not None:
        elected = _elect(*_count(y_true_vote, y_pred_vote))
    else:
        elected = _elect(labels, clusters, counts)
    row = {label: i for i, label in enumerate(labels)}
    right = sum(
        counts[row[elected[cluster]], j]
        for j, cluster in enumerate(clusters)
        if elected.get(cluster) in row
    )
    return float(1 - right / counts.sum())


def _count(y_true, y_pred) -> tuple[list, list, np.ndarray]:
    """Return the labels, the clusters, and how many rows have each pair of them."""
    y_true, y_pred = column_or_1d(y_true), column_or_1d(y_pred)
    check_consistent_length(y_true, y_pred)
    if not len(y_true):
        raise ValueError("There is no row to compare labels and clusters of.")
    counts = contingency_matrix(y_true, y_pred)
    return np.unique(y_true).tolist(), np.unique(y_pred).tolist(), counts


def _elect(labels: list, clusters: list, counts: np.ndarray) -> dict:
    """Return the label of most voters of each cluster."""
    winners = counts.argmax(0)
    return {cluster: labels[i] for cluster, i in zip(clusters, winners, strict=True)}


def _elect_surest(y_true_vote, proba_vote, clusters: list) -> dict:
    """Return the label of the voter that each cluster, a column, is surest of."""
    labels, proba = column_or_1d(y_true_vote), check_array(proba_vote)
    check_consistent_length(labels, proba)
    unknown = set(clusters).difference(range(proba.shape[1]))
    if unknown:
        raise ValueError(
            f"proba_vote has {proba.shape[1]} columns, one for each cluster, but "
            f"{unknown.pop()!r} of y_pred is the number of none. Pass clusters as "
            "numbers of columns, counted from 0."
        )
    return dict(enumerate(labels[proba.argmax(0)].tolist()))
