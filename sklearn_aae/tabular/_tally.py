"""How often categories were seen: which are known, and what an unknown one costs."""

from dataclasses import replace

import numpy as np

from sklearn_aae.tabular._columns import TableColumns


def tallied(
    columns: TableColumns, X: np.ndarray, weight: np.ndarray | None = None
) -> TableColumns:
    """Return the same columns, with the categories of further training rows counted.

    Parameters
    ----------
    columns : TableColumns
        What they are.

    X : ndarray of shape (n_samples, n_features)
        Encoded rows.

    weight : ndarray of shape (n_samples,) or None, default=None
        As numbers of rows; a row counts at least once.
    """
    told = list(columns.columns)
    for j, column in enumerate(told):
        if column.categories is None:
            continue
        seen = ~np.isnan(X[:, j])
        w = None if weight is None else np.maximum(weight, 1)[seen]
        m = len(column.categories)
        more = np.bincount(X[seen, j].astype(np.intp), weights=w, minlength=m)
        before = column.tally or (0.0,) * m
        told[j] = replace(column, tally=tuple((before + more).tolist()))
    return TableColumns(told, columns.layout)


def forget_unseen(columns: TableColumns, X: np.ndarray, least: int = 1) -> np.ndarray:
    """Return encoded rows in which categories of fewer than `least` rows are missing.

    A category that the dtype declares and no training row has is as unknown as one that
    nobody declared.
    """
    if all(min(column.tally, default=least) >= least for column in columns.columns):
        return X
    unseen = _unseen(columns, X, least)
    return np.where(unseen, np.nan, X) if unseen.any() else X


def unknown_cells(columns: TableColumns, X, least: int = 1) -> np.ndarray:
    """Return which cells hold a category of fewer than `least` training rows.

    Parameters
    ----------
    columns : TableColumns
        What was seen.

    X : {array-like, DataFrame} of shape (n_samples, n_features)
        Rows.

    least : int, default=1
        By default, those that were not seen at all.

    Returns
    -------
    unknown : ndarray of shape (n_samples, n_features), bool
    """
    return columns.unknown(X) | _unseen(columns, columns.encode(X), least)


def novelty(columns: TableColumns) -> np.ndarray:
    """Return -log p of a category that n rows lack, log(n + 1): (n_features,).

    What the rarest may cost, by Laplace's rule.
    """
    return np.log1p([sum(column.tally) for column in columns.columns])


def weights_of_new_rows(
    columns: TableColumns, unknown: np.ndarray, least: int
) -> np.ndarray:
    """Return how many new rows each training row stands for.

    Fewer training rows hold a rare category than new rows will: a new row's category
    has, among the training rows, one row less than a training row's own, which counts
    itself (Good 1953). So the share of new rows below `least` is that of the training
    rows up to `least`.

    Parameters
    ----------
    columns : TableColumns
        What was seen.

    unknown : ndarray of shape (n_samples, n_features), bool
        Which cells of the training rows hold a category of fewer than `least` rows.

    least : int
        Rows that a category is known from.

    Returns
    -------
    weights : ndarray of shape (n_samples,)
    """
    weights = np.ones(len(unknown))
    for j in np.flatnonzero(unknown.any(0)).tolist():
        tally = np.array(columns[j].tally)
        n, below = tally.sum(), tally[tally < least].sum()
        up_to = tally[tally < least + 1].sum()
        # One row more, so that rows of known categories always count for some.
        share = (n - up_to + 1) / (n - below + 1)
        weights *= np.where(unknown[:, j], up_to / below, share)
    return weights


def _unseen(columns: TableColumns, X: np.ndarray, least: int) -> np.ndarray:
    unseen = np.zeros(X.shape, dtype=bool)
    for j, column in enumerate(columns.columns):
        if column.tally and min(column.tally) < least:
            rare = np.append(np.array(column.tally) < least, False)  # of a hole
            codes = np.where(np.isnan(X[:, j]), len(column.tally), X[:, j])
            unseen[:, j] = rare[codes.astype(np.intp)]
    return unseen
