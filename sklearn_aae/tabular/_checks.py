"""Errors that name the column: what sklearn's array checks cannot say of a frame."""

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


def check_columns(X, name: str) -> None:
    """Raise ValueError if a frame has text, categories or missing values.

    Parameters
    ----------
    X : DataFrame or anything else
        Only frames have columns to name.

    name : str
        Class of the estimator, for the message.
    """
    if not (hasattr(X, "columns") and hasattr(X, "dtypes")):
        return
    columns = list(X.columns)
    bad = [(c, t) for c, t in zip(columns, X.dtypes, strict=True) if not _is_number(t)]
    if bad:
        column, dtype = bad[0]
        others = f" (and {len(bad) - 1} more)" if len(bad) > 1 else ""
        raise ValueError(
            f"Column {column!r}{others} has dtype {dtype}. {name} takes numeric "
            "columns: encode text and categories first, for example with "
            "make_column_transformer((OneHotEncoder(sparse_output=False), [...]), "
            "remainder='passthrough')."
        )
    # pandas tells NA of its extension dtypes, polars makes nulls NaN.
    mask = X.isna() if hasattr(X, "isna") else np.isnan(np.asarray(X, dtype=float))
    holes = np.asarray(mask).sum(axis=0)
    if holes.any():
        first = int(np.flatnonzero(holes)[0])
        raise ValueError(
            f"Input X contains NaN: column {columns[first]!r} has {holes[first]} "
            f"missing values. {name} takes complete columns: impute first, for "
            "example with SimpleImputer or KNNImputer in a pipeline."
        )


def _is_number(dtype) -> bool:
    """Whether a pandas, polars or NumPy dtype holds numbers or booleans."""
    if hasattr(dtype, "is_numeric"):  # polars
        return dtype.is_numeric() or str(dtype) == "Boolean"
    kind = getattr(dtype, "kind", None)
    if kind is None:  # pandas: sparse and extension dtypes
        kind = getattr(getattr(dtype, "numpy_dtype", None), "kind", None)
    return kind is not None and kind in "biuf"
