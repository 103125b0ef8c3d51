"""What labelled rows alone tell: soft labels for all rows, and how far to trust them.

Letters: n rows, L labelled rows, m classes.
"""

import warnings

import numpy as np
from joblib import parallel_config
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from sklearn_aae.estimators._examples import some_of_each
from sklearn_aae.tabular import UNLABELLED
from sklearn_aae.utils._memo import computed_once

# Labelled rows that the teachers are fitted on: more say little more, and cost time.
MAX_LABELLED = 5000
N_TREES, MAX_LBFGS_ITER = 100, 1000
# Moves until labels are as frequent as probable, of rows at most that are counted, and
# the frequency below which a class counts as too rare to be moved.
N_MOVES, MAX_COUNTED, LEAST_RATE = 100, 5000, 0.01
# Labels spread: the part that comes from the neighbours, and the steps of it.
SPREAD, N_STEPS = 0.9, 40
N_FOLDS = 5
# What a held-out probability is mixed with p(y) by: one wrong label does not decide.
DOUBT = 0.05
# What labels of all rows count beside a teacher.
LABELS_ALONE = 0.3
# Cells of n rows and m classes beyond which labels are not spread.
MAX_CELLS = 2**25
# Weights so near to 0 or 1 are it, a share of the number of labels that told them, and
# its bounds: what neighbours, or a teacher, cost is saved, and a teacher of few labels
# misleads where neighbours know nearly all.
ROUNDED, ROUNDED_SHARE = (0.05, 0.2), 1 / 500


@computed_once
def soft_labels(points, y: np.ndarray, n_classes: int, weight, seed: int) -> np.ndarray:
    """Return the mean probabilities of a logistic regression and a random forest.

    Both are scikit-learn's, and learn from the labelled rows. Their probabilities are
    moved until classes are as often the most likely one as they are probable, see
    `even_out`: a rare class would hardly ever be it.

    Parameters
    ----------
    points : {ndarray, sparse matrix} of shape (n, d)
        All rows.

    y : ndarray of shape (n,)
        Class numbers, -1 = unlabelled; of two classes at least.

    n_classes : int
        Number of classes m.

    weight : ndarray of shape (n,) or None
        Weights of the rows.

    seed : int
        Of the forest.

    Returns
    -------
    proba : ndarray of shape (n, m)
    """
    at = np.flatnonzero(y != UNLABELLED)
    at = at[
        some_of_each(y[at], min(len(at), MAX_LABELLED), np.random.RandomState(seed))
    ]
    proba = np.zeros((points.shape[0], n_classes))
    for model in (
        LogisticRegression(max_iter=MAX_LBFGS_ITER),
        RandomForestClassifier(N_TREES, random_state=seed),
    ):
        # Few labels are warned of elsewhere; a search's own backend has no part in it.
        with warnings.catch_warnings(), parallel_config("sequential"):
            warnings.simplefilter("ignore")
            model.fit(points[at], y[at], None if weight is None else weight[at])
            proba[:, model.classes_] += model.predict_proba(points) / 2
    return even_out(proba, weight)


def even_out(proba: np.ndarray, weight=None) -> np.ndarray:
    """Return p(y|x) exp(b_y), normalised: predicted labels are as frequent as p(y).

    p(y) is the mean of p(y|x) over the rows. That is what the critic of labels makes of
    q(y|x) where neighbours are trusted.

    Parameters
    ----------
    proba : ndarray of shape (n, m)
        p(y|x) of the rows.

    weight : ndarray of shape (n,) or None, default=None
        Weights of the rows.
    """
    # At random: the order of the rows may be that of something in them.
    at = np.random.RandomState(0).permutation(len(proba))[:MAX_COUNTED]
    some, w = proba[at], None if weight is None else weight[at]
    wanted, b = np.average(some, axis=0, weights=w), np.zeros(proba.shape[1])
    total = len(some) if w is None else w.sum()
    for i in range(N_MOVES):
        labels = (some * np.exp(b)).argmax(1)
        found = np.bincount(labels, weights=w, minlength=len(b)) / total
        step = 0.5 / (1 + i / 20)  # smaller and smaller: counts jump
        b += step * np.log((wanted + LEAST_RATE) / (found + LEAST_RATE))
    moved = proba * np.exp(b - b.max())
    return moved / moved.sum(1, keepdims=True)


def unit_columns(points, n_numbers: int):
    """Return dense points whose first columns, the numbers, have unit variance."""
    if sparse.issparse(points):
        return points
    points = np.array(points, dtype=np.float64)
    numbers = points[:, :n_numbers]
    if n_numbers:
        scaler = StandardScaler().set_output(transform="default")
        points[:, :n_numbers] = scaler.fit_transform(numbers)
    return points


@computed_once
def cluster_weight(neighbors: np.ndarray, y: np.ndarray, n_classes: int) -> float:
    """Return how far neighbours are trusted to have one label, from 0 to 1.

    Labels are spread over the graph of neighbours (Zhou et al. 2004) from four fifths
    of the labelled rows to the others. Let e be the part of the labels' entropy that
    this explains, e = 1 + mean log p(y|neighbours) / H(y) within [0, 1], the mean over
    rows whose class has another label, and 1 if there are none. The weight is
    e² / (e² + (1 - e)²), rounded where it is near to 0 or 1: within 0.05 if fewer than
    25 labels told it, within 0.2 if 100 or more did.

    Parameters
    ----------
    neighbors : ndarray of shape (n, n_neighbors)
        Numbers of the nearest rows of each row.

    y : ndarray of shape (n,)
        Class numbers, -1 = unlabelled.

    n_classes : int
        Number of classes m.
    """
    if len(y) * n_classes > MAX_CELLS:
        return 1.0
    at = np.flatnonzero(y != UNLABELLED)
    labels = y[at]
    prior = np.bincount(labels, minlength=n_classes) / len(at)
    proba = (1 - DOUBT) * _held_out(neighbors, at, labels, prior) + DOUBT * prior
    gained = np.log(proba[np.arange(len(at)), labels]) - np.log(prior[labels])
    # The only label of a class cannot be told from the others'.
    told = np.bincount(labels, minlength=n_classes)[labels] > 1
    entropy = -np.log(prior[labels])
    # Without any label to ask, one a class is all there is to spread: trust it.
    e = gained[told].mean() / entropy[told].mean() if told.any() else 1.0
    e = min(max(float(e), 0.0), 1.0)
    weight = e**2 / (e**2 + (1 - e) ** 2)
    near = min(max(ROUNDED_SHARE * len(at), ROUNDED[0]), ROUNDED[1])
    return float(round(weight)) if min(weight, 1 - weight) < near else weight


def label_weight(y: np.ndarray, trust: float) -> float:
    """Return how far labels count by themselves, beside what a teacher makes of them.

    As far as neighbours are trusted; and where more than half of the rows have a label,
    up to `LABELS_ALONE`, where all have one: a network finds there what neither
    teacher does, and of few labels it would know each by heart.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Class numbers, -1 = unlabelled.

    trust : float
        `cluster_weight`.
    """
    share = float((y != UNLABELLED).mean())
    return max(trust, LABELS_ALONE * (2 * share - 1))


def _held_out(neighbors, at, labels, prior) -> np.ndarray:
    """Return label probabilities of each labelled row by the others' labels, (L, m)."""
    n, m = len(neighbors), len(prior)
    rows = np.repeat(np.arange(n), neighbors.shape[1])
    ones = np.ones(neighbors.size)
    graph = sparse.csr_array((ones, (rows, neighbors.ravel())), shape=(n, n))
    graph = graph.maximum(graph.T)
    root = sparse.diags_array(graph.sum(1) ** -0.5)
    step = (SPREAD * (root @ graph @ root)).tocsr()
    # Folds of as many of each class, in the order of the rows: no draw is needed.
    fold = np.empty(len(at), dtype=np.int64)
    fold[np.argsort(labels, kind="stable")] = np.arange(len(at)) % N_FOLDS
    proba = np.empty((len(at), m))
    for held in (fold == k for k in range(N_FOLDS)):
        known = np.zeros((n, m))
        known[at[~held], labels[~held]] = 1 - SPREAD
        known /= np.maximum(known.sum(0), 1 - SPREAD)  # each class spreads as much
        spread = known
        for _ in range(N_STEPS):
            spread = step @ spread + known
        mass = spread[at[held]] * prior
        total = mass.sum(1, keepdims=True)
        # A row that no label reaches is as likely of a class as any other row.
        proba[held] = np.where(total > 0, mass / np.where(total > 0, total, 1), prior)
    return proba
