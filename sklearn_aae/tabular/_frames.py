"""Frames of any library, behind one interface."""

from collections import Counter
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np


def as_frame(X) -> nw.DataFrame | None:
    """Return a pandas, polars or Arrow table behind one interface; None for others.

    Parameters
    ----------
    X : object
        What a user passed.

    Raises
    ------
    ValueError
        If two columns have one name.
    """
    if not nw.dependencies.is_into_dataframe(X):
        return None
    # Arrow's tables have columns, too: their cells.
    names = X.columns if hasattr(X, "dtypes") else X.column_names
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        arrow = hasattr(X, "rename_columns")
        call = "X.rename_columns([...])" if arrow else "X.columns = [...]"
        raise ValueError(
            f"X has several columns of one name: {sorted(map(str, twice))}. Rename "
            f"them, for example with {call}."
        )
    return nw.from_native(X, eager_only=True)


def is_frame(X) -> bool:
    """Whether X is a pandas, polars or Arrow table."""
    return nw.dependencies.is_into_dataframe(X)


def column_names(X) -> list:
    """Return the names of a frame's columns; none of anything else."""
    frame = as_frame(X)
    return [] if frame is None else frame.columns


def float_dtypes(X) -> Any:
    """Return which floats a table may become, as `sklearn.utils.check_array` asks.

    Parameters
    ----------
    X : {array-like, DataFrame} of shape (n_samples, n_features)
        What `as_table` returns.

    Returns
    -------
    dtype : dtype or list of dtype
        float32 of a frame of nothing else, in whatever way its library says so.
    """
    frame = as_frame(X)
    dtypes = [] if frame is None else frame.schema.values()
    if dtypes and all(isinstance(dtype, nw.Float32) for dtype in dtypes):
        return np.float32
    return [np.float64, np.float32]


def needs_column_reader(X, *, takes_sparse: bool) -> bool:
    """Whether a frame is read column by column, as scikit-learn cannot read it.

    NumPy would take dates for numbers, and cannot read the NA of Arrow's decimals. Of
    sparse columns scikit-learn reads only frames of nothing else, with 0 for what is
    not stored; of others it warns that it makes them dense.

    Parameters
    ----------
    X : {array-like, DataFrame} of shape (n_samples, n_features)
        What `as_table` returns.

    takes_sparse : bool
        Whether the frame may become a sparse matrix.
    """
    frame = as_frame(X)
    if frame is None:
        return False
    dtypes = set(getattr(X, "dtypes", ()))
    sparse = {d for d in dtypes if type(d).__name__ == "SparseDtype"}
    if sparse and takes_sparse and all(d.fill_value == 0 for d in sparse):
        return dtypes != sparse
    return not all(
        dtype.is_float() or dtype.is_integer() or isinstance(dtype, nw.Boolean)
        for dtype in frame.schema.values()
    )


def as_frame_like(rows: np.ndarray, like) -> Any:
    """Return numbers as a frame of the kind, names and row labels of another.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_features)
        Numbers, one for each cell of the other.

    like : {array-like, DataFrame} of shape (n_samples, n_features)
        What `as_table` returns.

    Returns
    -------
    rows : {ndarray, DataFrame} of shape (n_samples, n_features)
        The array itself, if the other is no frame.
    """
    frame = as_frame(like)
    if frame is None:
        return rows
    if frame.implementation.is_pandas():
        import pandas as pd

        return pd.DataFrame(rows, index=like.index, columns=like.columns)
    backend = frame.implementation
    return nw.from_numpy(rows, schema=frame.columns, backend=backend).to_native()
