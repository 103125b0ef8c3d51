"""How many training rows have each category: which are known, what others cost."""

from dataclasses import replace

import numpy as np

from sklearn_aae.tabular._columns import TableColumns


def count_categories(
    columns: TableColumns,
    X: np.ndarray,
    weight: np.ndarray | None = None,
    *,
    new_rows: bool = True,
) -> TableColumns:
    """Return columns whose `category_counts` include further training rows.

    Parameters
    ----------
    columns : TableColumns
        Columns, with the counts of the training rows so far.

    X : ndarray of shape (n_samples, n_features)
        Encoded rows.

    weight : ndarray of shape (n_samples,) or None, default=None
        Sample weights. A weight below 1 counts as 1: the row was seen.

    new_rows : bool, default=True
        Whether none of the rows was counted before. Else they may be the same ones, and
        the larger of the two counts stands.
    """
    counted = list(columns.columns)
    for j, column in enumerate(counted):
        if column.categories is None:
            continue
        present = ~np.isnan(X[:, j])
        w = None if weight is None else np.maximum(weight, 1)[present]
        m = len(column.categories)
        more = np.bincount(X[present, j].astype(np.intp), weights=w, minlength=m)
        before = np.array(column.category_counts or [0.0] * m)
        counts = before + more if new_rows else np.maximum(before, more)
        counted[j] = replace(column, category_counts=tuple(counts.tolist()))
    return TableColumns(counted, columns.layout)


def mask_rare_categories(
    columns: TableColumns, X: np.ndarray, least: int = 1
) -> np.ndarray:
    """Return encoded rows with NaN for categories of fewer than `least` training rows.

    A category that the dtype declares but no training row has is as unknown to the
    networks as one that was never declared.

    Parameters
    ----------
    columns : TableColumns
        Columns, with the counts of the training rows.

    X : ndarray of shape (n_samples, n_features)
        Encoded rows.

    least : int, default=1
        Training rows that make a category known.
    """
    fewest = [min(c.category_counts, default=least) for c in columns.columns]
    if min(fewest, default=least) >= least:
        return X
    rare = _is_rare(columns, X, least)
    return np.where(rare, np.nan, X) if rare.any() else X


def unknown_cells(columns: TableColumns, X, least: int = 1) -> np.ndarray:
    """Return which cells hold a category of fewer than `least` training rows.

    Parameters
    ----------
    columns : TableColumns
        Columns, with the counts of the training rows.

    X : {array-like, DataFrame} of shape (n_samples, n_features)
        Rows, not encoded.

    least : int, default=1
        Training rows that make a category known.

    Returns
    -------
    unknown : ndarray of shape (n_samples, n_features), bool
    """
    return columns.unknown(X) | _is_rare(columns, columns.encode(X), least)


def unknown_category_cost(columns: TableColumns) -> np.ndarray:
    """Return -log p of a category that none of n training rows has: log(n + 1).

    By Laplace's rule of succession, p = 1 / (n + 1).

    Parameters
    ----------
    columns : TableColumns
        Columns, with the counts of the training rows.

    Returns
    -------
    cost : ndarray of shape (n_features,)
        In nats; 0 for numeric columns.
    """
    return np.log1p([sum(column.category_counts) for column in columns.columns])


def good_turing_weights(
    columns: TableColumns,
    X: np.ndarray,
    unknown: np.ndarray,
    least: int,
    weight: np.ndarray,
) -> np.ndarray:
    """Return how many new rows each row stands for that sets a threshold (Good 1953).

    A training row counts itself among the rows of its category; a new row does not. A
    category that k training rows share is thus, to each of these rows, what a category
    of k - 1 training rows is to a new row. So the fraction of new rows whose category
    has fewer than `least` training rows is that of the training rows whose category has
    at most `least`. Rows that were not trained on, trimmed or held out, are new ones.

    Parameters
    ----------
    columns : TableColumns
        Columns, with the counts of the training rows.

    X : ndarray of shape (n_samples, n_features)
        Encoded rows, trained on or not; NaN for categories of fewer than `least` rows.

    unknown : ndarray of shape (n_samples, n_features), bool
        Which cells hold such a category.

    least : int
        Training rows that make a category known.

    weight : ndarray of shape (n_samples,)
        Of the rows. One below 1 counts as 1.

    Returns
    -------
    weights : ndarray of shape (n_samples,)
    """
    weights, rows = np.ones(len(unknown)), np.maximum(weight, 1)
    for j in np.flatnonzero(unknown.any(0)).tolist():
        seen, known = np.array(columns[j].category_counts), ~np.isnan(X[:, j])
        codes = X[known, j].astype(np.intp)
        here = np.bincount(codes, weights=rows[known], minlength=len(seen))
        trained = np.minimum(here, seen)
        below = rows[unknown[:, j]].sum()
        up_to = below + trained[(seen >= least) & (seen < least + 1)].sum()
        n = below + here.sum()
        # One row more, so that rows of known categories never get the weight 0.
        weight_of_known = (n - up_to + 1) / (n - below + 1)
        weights *= np.where(unknown[:, j], up_to / below, weight_of_known)
    return weights


def _is_rare(columns: TableColumns, X: np.ndarray, least: int) -> np.ndarray:
    """Return which cells of encoded rows hold a category of fewer than `least` rows."""
    rare = np.zeros(X.shape, dtype=bool)
    for j, column in enumerate(columns.columns):
        counts = np.array(column.category_counts)
        if len(counts) and counts.min() < least:
            is_rare = np.append(counts < least, False)  # a missing cell is not rare
            codes = np.where(np.isnan(X[:, j]), len(counts), X[:, j])
            rare[:, j] = is_rare[codes.astype(np.intp)]
    return rare
