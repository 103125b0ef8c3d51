"""Frames of any library: read column by column, and built again."""

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


def framed(rows: np.ndarray, like) -> Any:
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


def template_of(frame: nw.DataFrame, declared: dict) -> Any:
    """Return no rows of a frame, for its kind, names and dtypes.

    Parameters
    ----------
    frame : narwhals DataFrame
        The training frame.

    declared : dict
        Categories of some columns, which their dtypes must hold.
    """
    kind, native = frame.implementation, frame.head(0).to_native()
    if kind.is_pyarrow():
        return native.schema.empty_table()  # no rows would still hold all of them
    for name, categories in declared.items():
        dtype = native[name].dtype
        if kind.is_pandas() and hasattr(dtype, "categories"):
            import pandas as pd

            wider = pd.CategoricalDtype(categories, dtype.ordered)
            native = native.assign(**{name: native[name].astype(wider)})
        elif kind.is_polars() and hasattr(dtype, "categories"):
            import polars as pl

            if isinstance(dtype, pl.Enum):
                native = native.with_columns(native[name].cast(pl.Enum(categories)))
    return native


def rebuild(template: Any, columns: list[np.ndarray], index=None):
    """Return a frame of the kind, names and dtypes of a template.

    Parameters
    ----------
    template : DataFrame
        A frame of pandas, polars or Arrow; its rows do not matter.

    columns : list of ndarray
        Cells of each column.

    index : Index or None, default=None
        Row labels, of a pandas frame.
    """
    kind = nw.from_native(template, eager_only=True).implementation
    if kind.is_pandas():
        import pandas as pd

        series = [
            pd.Series(cells, dtype=dtype, index=index)
            for cells, dtype in zip(columns, template.dtypes, strict=True)
        ]
        frame = pd.concat(series, axis=1)
        frame.columns = template.columns
        return frame
    if kind.is_polars():
        import polars as pl

        schema = template.schema
        lists = [cells.tolist() for cells in columns]
        return pl.DataFrame(
            [
                pl.Series(name, cells, strict=False).cast(schema[name])
                for name, cells in zip(schema, lists, strict=True)
            ]
        )
    import pyarrow as pa

    arrays = [
        pa.array(cells.tolist(), type=field.type)
        for cells, field in zip(columns, template.schema, strict=True)
    ]
    return pa.table(arrays, schema=template.schema)
