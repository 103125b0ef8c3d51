"""Errors that name the column."""

import numpy as np

from sklearn_aae.tabular._sparse import SparseTable


def _column(X, place: np.ndarray) -> int:
    """Return the column of a cell: of sparse rows, by its place among stored cells."""
    return X.column_of(place[0]) if isinstance(X, SparseTable) else int(place[1])


def check_finite(X: np.ndarray, names) -> None:
    """Raise ValueError if a cell is infinite; NaN is a missing cell of dense rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows.

    names : sequence
        Of the columns, for the message.
    """
    if isinstance(X, SparseTable) and np.isnan(X.matrix.data).any():
        raise ValueError(
            "Input X contains NaN: cells of sparse rows cannot be missing. Pass them "
            "dense, or impute first, for example with SimpleImputer."
        )
    cells = X.matrix.data if isinstance(X, SparseTable) else X
    with np.errstate(over="ignore", invalid="ignore"):  # one that is not finite: below
        total = cells.sum()
    if np.isfinite(total) or not np.isinf(cells).any():
        return
    places = np.argwhere(np.isinf(cells))
    columns = [_column(X, place) for place in places]
    raise ValueError(
        f"Input X contains infinity: column {names[columns[0]]!r} has "
        f"{columns.count(columns[0])} infinite values. Replace them, by NaN if they "
        "are unknown: np.where(np.isinf(X), np.nan, X), or, of a pandas frame, "
        "X.replace([np.inf, -np.inf], np.nan)."
    )


def check_plain(
    X: np.ndarray, discrete, names, owner: str, *, pictures: bool = False
) -> None:
    """Raise ValueError if a column has categories, counts or missing cells.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows.

    discrete : sequence of bool
        For each column, whether it has categories or counts.

    names : sequence
        Of the columns, for the message.

    owner : str
        Class of the estimator, for the message.

    pictures : bool, default=False
        Whether rows are pictures, for the message.
    """
    if any(discrete):
        raise ValueError(
            f"Column {names[list(discrete).index(True)]!r} holds categories or counts. "
            f"{owner} takes plain numbers: encode it first, for example with "
            "OneHotEncoder, or use AAETransformer."
        )
    cells = X.matrix.data if isinstance(X, SparseTable) else X
    with np.errstate(over="ignore", invalid="ignore"):
        total = cells.sum()
    if np.isnan(total) and np.isnan(cells).any():
        columns = [_column(X, place) for place in np.argwhere(np.isnan(cells))]
        advice = (
            f"{owner} takes complete columns: impute first, for example with "
            "SimpleImputer or KNNImputer, or use AAETransformer."
        )
        if pictures:
            advice = (
                "Pictures (image_shape) have no missing pixels: fill them in first, "
                "for example X = np.nan_to_num(X)."
            )
        raise ValueError(
            f"Input X contains NaN: column {names[columns[0]]!r} has "
            f"{columns.count(columns[0])} missing values. {advice}"
        )
