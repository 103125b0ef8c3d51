"""What users pass as rows, as an array, a sparse matrix or a frame."""

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from sklearn_aae.tabular._cells import check_dtype

# Objects that are refused, since their rows are not in memory or not a table: the
# attributes that identify them, what they are, and the call that makes a table. The
# first entry whose attributes are all there counts.
REFUSED = (
    (
        ("collect", "collect_schema"),
        "a lazy frame whose rows are not there yet",
        "{0}.collect()",
    ),
    (
        ("read_all", "read_next_batch"),
        "a stream, which can be read only once",
        "{0}.read_all()",
    ),
    (
        ("fetchnumpy", "df"),
        "a query: its rows are not there yet",
        "{0}.df() or {0}.to_arrow_table()",
    ),
    (
        ("obs", "var", "to_df"),
        "several tables in one",
        "{0}.to_df(), or {0}.X without the names",
    ),
    (
        ("to_table", "to_batches"),
        "a dataset: its rows are not there yet",
        "{0}.to_table()",
    ),
    (("toPandas",), "not in memory", "{0}.toPandas()"),
    (("to_dataframe",), "no table of rows and columns", "{0}.to_dataframe()"),
    (("to_pandas",), "no table that is known here", "{0}.to_pandas()"),
    (("__arrow_c_stream__",), "no table that is known here", "pyarrow.table({0})"),
)


def as_table(X, name: str = "X") -> Any:
    """Return what was passed as rows as an array, a sparse matrix or a native frame.

    Tensors become arrays, a RecordBatch a table, a frame of narwhals or dask the frame
    behind it. A masked cell of NumPy becomes a missing one.

    Parameters
    ----------
    X : array-like, DataFrame or torch.Tensor of shape (n_samples, n_features)
        Of any device.

    name : str, default="X"
        Of the argument, for the message.

    Raises
    ------
    ValueError
        If it is no table in memory, such as a lazy frame, a stream or a dict, a frame
        without columns, one column of a frame, or an array of dates or complex numbers.
    """
    if type(X) is np.ndarray and X.dtype.kind == "f":  # the most frequent one
        return X
    if nw.dependencies.is_narwhals_dataframe(X):
        X = X.to_native()
    elif _is_arrow(X, "RecordBatch"):
        X = sys.modules["pyarrow"].Table.from_batches([X])
    elif type(X).__module__.startswith("dask.dataframe") and hasattr(X, "to_frame"):
        _refuse_one_column(X, name)
    elif type(X).__module__.startswith("dask.dataframe"):
        X = X.compute()
    if nw.dependencies.is_into_dataframe(X):
        _check_columns(X, name)
        return X
    X = _unmasked(X)
    _check_table(X, name)
    check_dtype(getattr(X, "dtype", None), name)
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(X, torch.Tensor):
        return X
    X = X.detach().cpu().resolve_neg()
    return (X.float() if X.dtype in (torch.float16, torch.bfloat16) else X).numpy()


def _is_arrow(X, *kinds: str) -> bool:
    """Whether X is of one of some classes of pyarrow, if that was ever imported."""
    pa = sys.modules.get("pyarrow")
    return pa is not None and isinstance(X, tuple(getattr(pa, kind) for kind in kinds))


def _unmasked(X) -> Any:
    """Return an array without a mask: NaN, or None among objects, where it hid cells.

    Rows of a list may be masked, too.
    """
    if isinstance(X, list | tuple):
        if not any(isinstance(row, np.ma.MaskedArray) for row in X):
            return X
        X = np.ma.stack([np.ma.asarray(row) for row in X])
    if not isinstance(X, np.ma.MaskedArray):
        return X
    if X.dtype.kind in "cmMV" or not np.ma.is_masked(X):
        return X.data
    if X.dtype.kind in "biuf":
        dtype = X.dtype if X.dtype.kind == "f" else np.float64
        return np.ma.filled(X.astype(dtype), np.nan)
    cells = X.data.astype(object)
    cells[np.ma.getmaskarray(X)] = None
    return cells


def _check_columns(X, name: str) -> None:
    if not X.shape[1]:
        raise ValueError(
            f"{name} is a {type(X).__name__} without columns (shape={tuple(X.shape)}): "
            "at least 1 is needed."
        )


def _refuse_one_column(X, name: str) -> None:
    raise ValueError(
        f"Expected 2D input, got a {type(X).__name__} of one column. Reshape your "
        f"data: pass {name}.to_frame()."
    )


def _check_table(X, name: str) -> None:
    """Raise ValueError if X is no table, and say which call makes one of it."""
    if hasattr(X, "to_frame"):
        _refuse_one_column(X, name)
    if _is_arrow(X, "Array", "ChunkedArray"):
        struct = sys.modules["pyarrow"].types.is_struct(X.type)
        call = (
            f"pyarrow.Table.from_struct_array({name})"
            if struct
            else f"pyarrow.table({{'x': {name}}})"
        )
        raise _refusal(X, name, "one column", call)
    if isinstance(X, list | tuple):
        if any(isinstance(row, Mapping) for row in X[:1]):
            raise _refusal(X, name, "rows as dicts", f"pandas.DataFrame({name})")
        return
    if fields := getattr(getattr(X, "dtype", None), "names", None):
        what = f"a structured array with the fields {list(fields)}"
        raise _refusal(X, name, what, f"pandas.DataFrame({name})")
    if hasattr(X, "dtype") and hasattr(X, "shape"):  # an array of any library
        return
    for attributes, what, call in REFUSED:
        if all(hasattr(X, attribute) for attribute in attributes):
            raise _refusal(X, name, what, call.format(name))
    if isinstance(X, Mapping):
        rows = any(np.ndim(cells) for cells in X.values()) or not X
        call = f"pandas.DataFrame({name})" if rows else f"pandas.DataFrame([{name}])"
        what = "a dict of columns" if rows else "a dict of cells"
        raise _refusal(X, name, what, call)
    if isinstance(X, str | os.PathLike):
        raise _refusal(X, name, "no table, only text", f"pandas.read_csv({name})")
    if isinstance(X, Iterator):
        what = "rows that can be read only once"
        raise _refusal(X, name, what, f"list({name})")


def _refusal(X, name: str, what: str, call: str) -> ValueError:
    return ValueError(f"{name} is {what} ({type(X).__name__}). Pass {call}.")
