"""Frames of any library: read column by column, and built again."""

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
    names = getattr(X, "column_names", None) or getattr(X, "columns", None)
    if names is None:
        return None
    names = list(names)
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(
            f"X has several columns of one name: {sorted(map(str, twice))}. Rename "
            "them, for example with X.columns = [...]."
        )
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    return frame if isinstance(frame, nw.DataFrame) else None


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
