"""Of defaults.py: which rows are fitted, and how good the answers are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import roc_auc_score
from sklearn.metrics.cluster import contingency_matrix
from sklearn.model_selection import train_test_split
from sklearn.neighbors import NearestNeighbors
from tables_protocol import forest_auc, judge_codes, numbers

N_LABELS, RARE = 40, 0.05


@dataclass(frozen=True)
class Problem:
    """Rows to fit, their labels for the fit, and rows and labels to judge by."""

    X: Any
    y: Any
    X_test: Any
    y_test: Any


def split(X, y, seed):
    """Return 70 % of the rows to fit and the others to judge by, by class."""
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=seed
    )
    parts = (X.reset_index(drop=True), y, X_test.reset_index(drop=True), y_test)
    return Problem(*parts)


def whole(X, y, seed):
    """Return all rows, which are judged themselves."""
    return Problem(X.reset_index(drop=True), None, X, y)


def with_rare(X, y, seed):
    """Return all rows of the classes but the smallest, of which few are left."""
    _, y = np.unique(y, return_inverse=True)
    rare = y == np.bincount(y).argmin()
    n_rare = max(5, round(RARE / (1 - RARE) * (~rare).sum()))
    some = np.random.RandomState(seed).permutation(np.flatnonzero(rare))[:n_rare]
    kept = np.sort(np.concatenate([np.flatnonzero(~rare), some]))
    rows = X.iloc[kept].reset_index(drop=True)
    return Problem(rows, None, rows, rare[kept])


def few_labels(X, y, seed):
    """Return a split with 40 labelled rows, two of each class among them; others -1."""
    problem = split(X, np.unique(y, return_inverse=True)[1], seed)
    order = np.random.RandomState(seed).permutation(len(problem.y))
    first = [order[problem.y[order] == c][:2] for c in np.unique(problem.y)]
    chosen = np.concatenate([*first, order])
    _, at = np.unique(chosen, return_index=True)
    known = np.isin(np.arange(len(problem.y)), chosen[np.sort(at)][:N_LABELS])
    labels = np.where(known, problem.y, -1)
    return Problem(problem.X, labels, problem.X_test, problem.y_test)


def codes_auc(model, problem):
    """Return the mean ROC AUC of two classifiers of the codes."""
    Z, Z_test = (model.transform(rows) for rows in (problem.X, problem.X_test))
    scores = judge_codes(Z, Z_test, problem.y, problem.y_test)
    return (scores["AUC 15-NN"] + scores["AUC logistic"]) / 2


def accuracy(labels, problem):
    """Return the accuracy of clusters under their best matching to classes."""
    counts = contingency_matrix(problem.y_test, labels)
    return counts[linear_sum_assignment(-counts)].sum() / len(labels)


def labelled_frame(X, y):
    """Return rows with their labels as one more column of text."""
    return X.assign(target_=pd.Series(y).astype(str).to_numpy())


def drawn_by_class(model, problem):
    """Return as many rows as were fitted, drawn for their labels."""
    rows = model.sample(len(problem.y), y=problem.y)
    return labelled_frame(pd.DataFrame(rows, columns=problem.X.columns), problem.y)


def numeric_split(X, y, seed):
    """Return a split whose rows are numbers, categories one-hot."""
    problem = split(X, y, seed)
    prepare = numbers().fit(problem.X)
    X, X_test = prepare.transform(problem.X), prepare.transform(problem.X_test)
    return Problem(X, None, X_test, None)


def coverage(drawn, problem):
    """Return the share of test rows that have a drawn row as near as their fifth one.

    The coverage of Naeem et al. (2020), https://arxiv.org/abs/2002.09797.
    """
    real = problem.X_test
    within = NearestNeighbors(n_neighbors=5).fit(real).kneighbors()[0][:, -1]
    nearest = NearestNeighbors(n_neighbors=1).fit(drawn).kneighbors(real)[0][:, 0]
    return np.mean(nearest <= within)


def n_classes(problem):
    """Return the number of classes."""
    return len(np.unique(problem.y_test))


def of_rows(answer):
    """Return the ROC AUC of an answer for all rows: higher for the rare ones."""
    return lambda model, problem: roc_auc_score(problem.y_test, answer(model, problem))


def proba_auc(model, problem):
    """Return the ROC AUC of class probabilities on the test rows."""
    proba = model.predict_proba(problem.X_test)
    proba = proba[:, 1] if proba.shape[1] == 2 else proba
    return roc_auc_score(problem.y_test, proba, multi_class="ovr")


def of_draws(draw):
    """Return the ROC AUC on real test rows of a forest trained on drawn ones."""
    return lambda model, problem: forest_auc(
        draw(model, problem), problem.X_test, problem.y_test
    )
