"""Tables as arrays, and an error that names the column."""

import sys

import numpy as np


def as_table(X):
    """Return X with torch tensors turned into NumPy arrays.

    Parameters
    ----------
    X : array-like, DataFrame or torch.Tensor of shape (n_samples, n_features)
        Of any device.
    """
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(X, torch.Tensor):
        return X
    X = X.detach().cpu()
    return (X.float() if X.dtype in (torch.float16, torch.bfloat16) else X).numpy()


def check_finite(X: np.ndarray, names) -> None:
    """Raise ValueError if a cell is infinite; NaN is a missing cell.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows.

    names : sequence
        Of the columns, for the message.
    """
    if np.isfinite(X.sum()) or not np.isinf(X).any():
        return
    j = int(np.flatnonzero(np.isinf(X).any(axis=0))[0])
    raise ValueError(
        f"Input X contains infinity: column {names[j]!r} has {np.isinf(X[:, j]).sum()} "
        "infinite values. Replace them, by NaN if they are unknown: "
        "np.where(np.isinf(X), np.nan, X)."
    )


def check_plain(X: np.ndarray, n_categories, names, owner: str) -> None:
    """Raise ValueError if a column is categorical or has missing cells.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Rows.

    n_categories : sequence of int
        For each column, 0 for a numeric one.

    names : sequence
        Of the columns, for the message.

    owner : str
        Class of the estimator, for the message.
    """
    typed = [j for j, m in enumerate(n_categories) if m]
    if typed:
        raise ValueError(
            f"Column {names[typed[0]]!r} holds categories. {owner} takes numbers: "
            "encode it first, for example with OneHotEncoder, or use AAETransformer."
        )
    if np.isnan(X.sum()) and np.isnan(X).any():
        j = int(np.flatnonzero(np.isnan(X).any(axis=0))[0])
        raise ValueError(
            f"Input X contains NaN: column {names[j]!r} has {np.isnan(X[:, j]).sum()} "
            f"missing values. {owner} takes complete columns: impute first, for "
            "example with SimpleImputer or KNNImputer, or use AAETransformer."
        )
