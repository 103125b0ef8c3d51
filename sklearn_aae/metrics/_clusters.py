"""How well clusters agree with known labels."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from sklearn.utils import check_array, check_consistent_length

from sklearn_aae.tabular import column_values, is_labelled, warn_about_minus_one
from sklearn_aae.utils._typing import LabelsLike


def clustering_accuracy(
    y_true: LabelsLike, y_pred: LabelsLike, *, classes: LabelsLike | None = None
) -> float:
    """Share of rows whose cluster is matched with their label, one to one, at best.

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels. Rows of -1, None and NaN are unlabelled and do not count.

    y_pred : array-like of shape (n_samples,)
        Clusters, by any names. More clusters than labels, or fewer, leave some without
        a match: their rows count as wrong.

    classes : array-like of shape (n_classes,), default=None
        The classes, where -1 is one: it is a label if it is named here.

    Returns
    -------
    accuracy : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If lengths differ, no row has a label, or a row has no cluster.

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
    *_, counts = _count(_pairs(y_true, y_pred, classes))
    return float(counts[linear_sum_assignment(-counts)].sum() / counts.sum())


def majority_vote_error(
    y_true: LabelsLike,
    y_pred: LabelsLike,
    *,
    y_true_vote: LabelsLike | None = None,
    y_pred_vote: LabelsLike | None = None,
    proba_vote: ArrayLike | None = None,
    classes: LabelsLike | None = None,
) -> float:
    """Share of rows whose label is not the one that their cluster was given.

    A cluster is given the label of most of its voters, the first one of equals. The
    paper asks one voter a cluster, with `proba_vote`: the validation row x with the
    largest q(y_i|x) gives cluster i its label ([1]_, section 6).

    Parameters
    ----------
    y_true : array-like of shape (n_samples,)
        Labels. Rows of -1, None and NaN are unlabelled and do not count.

    y_pred : array-like of shape (n_samples,)
        Clusters, by any names; numbers of columns with `proba_vote`.

    y_true_vote : array-like of shape (n_vote,), default=None
        Labels of the voters, such as the training rows. None: the rows themselves vote,
        so that many clusters make the error small whatever they are. Voters without a
        label do not vote.

    y_pred_vote : array-like of shape (n_vote,), default=None
        Clusters of the voters.

    proba_vote : array-like of shape (n_vote, n_clusters), default=None
        Instead of `y_pred_vote`: the voters' probabilities of the clusters, as
        ``predict_proba`` returns them.

    classes : array-like of shape (n_classes,), default=None
        The classes, where -1 is one: it is a label if it is named here.

    Returns
    -------
    error : float
        Between 0 and 1. Rows of a cluster without voters count as wrong.

    Raises
    ------
    ValueError
        If lengths differ, no row or voter has a label, a row has no cluster, or it is
        not clear how to vote.

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
    labels, clusters, counts = _count(_pairs(y_true, y_pred, classes))
    asked = y_pred_vote is not None, proba_vote is not None
    if all(asked) or any(asked) != (y_true_vote is not None):
        raise ValueError(
            "majority_vote_error takes the labels of voters, y_true_vote, together "
            "with one of y_pred_vote and proba_vote."
        )
    if proba_vote is not None:
        elected = _elect_surest(y_true_vote, proba_vote, clusters, classes)
    elif y_pred_vote is not None:
        votes = _pairs(
            y_true_vote, y_pred_vote, classes, ("y_true_vote", "y_pred_vote")
        )
        elected = _elect(*_count(votes))
    else:
        elected = _elect(labels, clusters, counts)
    row = {label: i for i, label in enumerate(labels)}
    right = sum(
        counts[row[elected[cluster]], j]
        for j, cluster in enumerate(clusters)
        if elected.get(cluster) in row
    )
    return float(1 - right / counts.sum())


def _labelled(y, classes, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return labels, None where missing, and which rows have one."""
    labels = column_values(y, name)
    if not len(labels):
        raise ValueError(f"There is no row in {name} to compare with clusters.")
    named = None if classes is None else column_values(classes, "classes")
    labelled = is_labelled(labels, named)
    if not labelled.any():
        raise ValueError(
            f"No row of {name} has a label: -1, None and NaN are unlabelled. If -1 is "
            "a class, name it: classes=[...]."
        )
    warn_about_minus_one(labels, named, name)
    return labels, labelled


def _pairs(
    y_true, y_pred, classes, names: tuple[str, str] = ("y_true", "y_pred")
) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels of the labelled rows, and their clusters."""
    clusters = column_values(y_pred, names[1])
    n_labels = len(column_values(y_true, names[0]))
    if n_labels != len(clusters):
        raise ValueError(
            f"{names[0]} and {names[1]} have inconsistent numbers of samples: "
            f"{n_labels} and {len(clusters)}. Pass one cluster for each label."
        )
    labels, labelled = _labelled(y_true, classes, names[0])
    clusters = clusters[labelled]
    n_without = clusters.tolist().count(None)
    if n_without:
        raise ValueError(f"{names[1]} holds no cluster for {n_without} labelled rows.")
    return labels[labelled], clusters


def _count(pairs: tuple[np.ndarray, np.ndarray]) -> tuple[list, list, np.ndarray]:
    """Return the labels, the clusters, and how many rows have each pair of them."""
    (labels, i), (clusters, j) = (_numbered(values) for values in pairs)
    counts = np.zeros((len(labels), len(clusters)), dtype=np.int64)
    np.add.at(counts, (i, j), 1)
    return labels, clusters, counts


def _numbered(values: np.ndarray) -> tuple[list, np.ndarray]:
    """Return the distinct values in order, and the number of each value."""
    try:
        distinct = sorted(set(values.tolist()))
    except TypeError:
        kinds = sorted({type(value).__name__ for value in values})
        raise ValueError(
            f"Labels or clusters mix values of the types {', '.join(kinds)}. Pass "
            "values of one kind."
        ) from None
    number = {value: i for i, value in enumerate(distinct)}
    return distinct, np.array([number[value] for value in values], dtype=np.intp)


def _elect(labels: list, clusters: list, counts: np.ndarray) -> dict:
    """Return the label of most voters of each cluster."""
    winners = counts.argmax(0)
    return {cluster: labels[i] for cluster, i in zip(clusters, winners, strict=True)}


def _elect_surest(y_true_vote, proba_vote, clusters: list, classes) -> dict:
    """Return the label of the voter that each cluster, a column, is surest of."""
    proba = check_array(proba_vote)
    labels, labelled = _labelled(y_true_vote, classes, "y_true_vote")
    check_consistent_length(labels, proba)
    unknown = set(clusters).difference(range(proba.shape[1]))
    if unknown:
        raise ValueError(
            f"proba_vote has {proba.shape[1]} columns, one for each cluster, but "
            f"{unknown.pop()!r} of y_pred is the number of none. Pass clusters as "
            "numbers of columns, counted from 0."
        )
    return dict(enumerate(labels[labelled][proba[labelled].argmax(0)].tolist()))
