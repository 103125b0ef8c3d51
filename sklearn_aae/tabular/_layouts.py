"""The layout of a frame, as plain values, and frames that are built by it."""

import decimal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from sklearn_aae.tabular._dtypes import (
    describe_dtype,
    describe_labels,
    describe_polars,
    describe_schema,
    library,
    make_dtype,
    make_labels,
    make_polars,
    make_schema,
)

# More digits than a decimal of any library has.
DIGITS = 100


@dataclass(frozen=True)
class Cells:
    """The cells of a column of a table that is built.

    Attributes
    ----------
    values : ndarray of shape (n_samples,)
        Numbers, or numbers of categories, or objects.

    categories : tuple or None, default=None
        The categories, if the values are numbers of them.

    missing : ndarray of shape (n_samples,) or None, default=None
        Which cells are missing, whatever their value; None if none is.
    """

    values: np.ndarray
    categories: tuple | None = None
    missing: np.ndarray | None = None

    @property
    def numeric(self) -> bool:
        """Whether the values are floats, which a dtype may want as something else."""
        return self.categories is None and self.values.dtype != object

    def listed(self) -> np.ndarray:
        """Return the cells themselves."""
        if self.missing is not None:
            listed = replace(self, missing=None).listed()
            if listed.dtype.kind == "f":
                return np.where(self.missing, np.nan, listed)
            listed = listed.astype(object)
            listed[self.missing] = None
            return listed
        if self.categories is None:
            return self.values
        categories = np.fromiter(self.categories, object, len(self.categories))
        return categories[self.values.astype(np.intp)]


def integers(values: np.ndarray) -> np.ndarray:
    """Return whole floats as integers, of Python where no dtype of NumPy holds them.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Whole numbers.
    """
    low, high = (values.min(), values.max()) if len(values) else (0, 0)
    if low >= -(2.0**63) and high < 2.0**63:
        return values.astype(np.int64)
    if low >= 0 and high < 2.0**64:
        return values.astype(np.uint64)
    return np.array([int(value) for value in values], dtype=object)


def decimals(values: np.ndarray, precision: int, scale: int) -> list[decimal.Decimal]:
    """Return floats as decimals.

    Parameters
    ----------
    values : ndarray of shape (n_samples,)
        Numbers.

    precision : int
        Largest number of digits: larger numbers become the largest of these.

    scale : int
        Number of digits after the point.
    """
    with decimal.localcontext(prec=DIGITS):
        step = decimal.Decimal(1).scaleb(-scale)
        most = (10**precision - 1) * step
        exact = (decimal.Decimal(value) for value in values.tolist())
        return [min(max(value, -most), most).quantize(step) for value in exact]


# --- from frames ----------------------------------------------------------------------


def layout_of(frame: nw.DataFrame, declared: dict) -> dict[str, Any]:
    """Return kind, names and dtypes of a frame as plain values, without its rows.

    Parameters
    ----------
    frame : narwhals DataFrame
        The training frame.

    declared : dict
        Categories of some columns, which their dtypes must hold.
    """
    kind, native = frame.implementation, frame.to_native()
    if kind.is_pyarrow():
        schema = _wider_schema(native.schema, declared)
        return {"kind": "pyarrow", "schema": describe_schema(schema)}
    if kind.is_polars():
        names, dtypes = native.columns, dict(native.schema)
        for name, categories in declared.items():
            if type(dtypes[name]).__name__ == "Enum":
                dtypes[name] = type(dtypes[name])(categories)
        described = [describe_polars(dtypes[name]) for name in names]
        return {"kind": "polars", "names": names, "dtypes": described}
    dtypes = dict(zip(frame.columns, native.dtypes, strict=True))
    for name, categories in declared.items():
        if hasattr(dtypes[name], "categories"):
            dtypes[name] = type(dtypes[name])(categories, dtypes[name].ordered)
    return {
        "kind": "pandas",
        "labels": describe_labels(native.columns),
        "dtypes": [describe_dtype(dtype) for dtype in dtypes.values()],
    }


def with_dtype(layout: dict[str, Any], j: int, other: dict[str, Any]) -> dict[str, Any]:
    """Return a layout whose column has the dtype of a layout of one column.

    Parameters
    ----------
    layout : dict
        What `layout_of` returned.

    j : int
        Place of the column.

    other : dict
        Of a frame of that column alone. Of another kind, it changes nothing.
    """
    if layout["kind"] != other["kind"]:
        return layout
    if layout["kind"] == "pyarrow":
        schema, one = make_schema(layout["schema"]), make_schema(other["schema"])
        schema = schema.set(j, schema.field(j).with_type(one.types[0]))
        return layout | {"schema": describe_schema(schema)}
    dtypes = list(layout["dtypes"])
    dtypes[j] = other["dtypes"][0]
    return layout | {"dtypes": dtypes}


def _wider_schema(schema, declared: dict):
    """Return an Arrow schema whose dictionaries have room for declared categories."""
    pa = library("pyarrow")
    for name, categories in declared.items():
        at = schema.get_field_index(name)
        kind = schema.types[at]
        if not pa.types.is_dictionary(kind):
            continue
        signed = pa.types.is_signed_integer(kind.index_type)
        if len(categories) > 2 ** (kind.index_type.bit_width - signed):
            wider = pa.dictionary(pa.int32(), kind.value_type, kind.ordered)
            schema = schema.set(at, schema.field(at).with_type(wider))
    return schema


# --- to frames ------------------------------------------------------------------------


def rebuild(layout: dict[str, Any], columns: Sequence[Cells], index=None):
    """Return a frame of a layout's kind, names and dtypes.

    Parameters
    ----------
    layout : dict
        What `layout_of` returned.

    columns : sequence of Cells
        Of each column.

    index : Index or None, default=None
        Row labels, of a pandas frame.

    Raises
    ------
    ImportError
        If the library of the frame is not installed.
    """
    native = library(layout["kind"])
    if layout["kind"] == "pyarrow":
        schema = make_schema(layout["schema"])
        arrays = [_arrow(c, t) for c, t in zip(columns, schema.types, strict=True)]
        return native.table(arrays, schema=schema)
    if layout["kind"] == "polars":
        dtypes = [make_polars(dtype) for dtype in layout["dtypes"]]
        parts = zip(layout["names"], columns, dtypes, strict=True)
        # By name: of series alone, one without a name would get one.
        return native.DataFrame({part[0]: _polars(*part) for part in parts})
    dtypes = _once(make_dtype, layout["dtypes"])
    if index is None:
        index = native.RangeIndex(len(columns[0].values))
    series = [_pandas(c, t, index) for c, t in zip(columns, dtypes, strict=True)]
    frame = native.DataFrame(dict(enumerate(series)), index=index)
    frame.columns = make_labels(layout["labels"])
    return frame


def _once(make, described: list) -> list:
    """Return what is made of each description, of many equal ones made once."""
    made: dict[str, Any] = {}
    for text in described:
        if isinstance(text, str) and text not in made:
            made[text] = make(text)
    return [made[text] if isinstance(text, str) else make(text) for text in described]


def _fitting(values: np.ndarray, dtype) -> np.ndarray:
    """Return whole floats as integers that fit a dtype, whichever library it is of.

    Chunks after the first may have larger ones: they become the largest of the dtype.
    """
    name = str(getattr(dtype, "subtype", dtype)).lower()  # of a sparse one, its cells'
    if "128" in name:
        return integers(values)
    least, most = np.iinfo(name).min, np.iinfo(name).max
    top = np.float64(most)
    return integers(values.clip(least, np.nextafter(top, 0) if top > most else top))


def _pandas(cells: Cells, dtype, index):
    """Return a series of pandas."""
    pd = library("pandas")
    if isinstance(dtype, pd.ArrowDtype):
        array = _arrow(cells, dtype.pyarrow_dtype)
        return pd.Series(pd.arrays.ArrowExtensionArray(array), index=index)
    if cells.missing is not None:
        whole = _pandas(replace(cells, missing=None), dtype, index)
        if isinstance(dtype, pd.SparseDtype):
            whole = whole.sparse.to_dense()
        return whole.where(pd.Series(~cells.missing, index)).astype(dtype)
    if isinstance(dtype, pd.CategoricalDtype) and cells.categories is not None:
        codes = cells.values.astype(np.intp)
        return pd.Series(pd.Categorical.from_codes(codes, dtype=dtype), index=index)
    values = cells.listed()
    if cells.numeric and dtype.kind in "iu":
        values = _fitting(values, dtype)
    return pd.Series(values, dtype=dtype, index=index)


def _polars(name: str, cells: Cells, dtype):
    """Return a series of polars."""
    pl = library("polars")
    if cells.missing is not None:
        whole = _polars(name, replace(cells, missing=None), dtype)
        if isinstance(dtype, pl.Object):
            kept = zip(whole.to_list(), cells.missing, strict=True)
            return pl.Series(name, [None if m else v for v, m in kept], dtype=dtype)
        there = pl.Series(~cells.missing)
        return whole.zip_with(there, pl.Series(name, [None], dtype=dtype))
    values = cells.listed()
    if cells.numeric and isinstance(dtype, pl.Decimal):
        parts = decimals(values, dtype.precision or 38, dtype.scale)
        return pl.Series(name, parts, dtype=dtype)
    if cells.numeric and dtype.is_integer():
        return pl.Series(name, _fitting(values, dtype).tolist(), dtype=dtype)
    if isinstance(dtype, pl.Object):
        return pl.Series(name, values.tolist(), dtype=dtype)
    if cells.numeric:  # thousands of columns take long as lists
        return pl.Series(name, np.ascontiguousarray(values)).cast(dtype)
    return pl.Series(name, values.tolist(), strict=False).cast(dtype)


def _arrow(cells: Cells, kind):
    """Return an array of Arrow."""
    pa = library("pyarrow")
    if cells.missing is not None:
        whole = _arrow(replace(cells, missing=None), kind)
        places = pa.array(np.arange(len(whole)), mask=cells.missing)
        return whole.take(places)
    if pa.types.is_dictionary(kind) and cells.categories is not None:
        codes = pa.array(cells.values.astype(np.int64)).cast(kind.index_type)
        categories = pa.array(list(cells.categories), type=kind.value_type)
        build = pa.DictionaryArray.from_arrays
        return build(codes, categories, ordered=kind.ordered)
    values = cells.listed()
    if cells.numeric and pa.types.is_decimal(kind):
        return pa.array(decimals(values, kind.precision, kind.scale), type=kind)
    if cells.numeric and pa.types.is_integer(kind):
        return pa.array(_fitting(values, kind).tolist(), type=kind)
    if cells.numeric and pa.types.is_floating(kind):
        return pa.array(values.astype(kind.to_pandas_dtype()), type=kind)
    if isinstance(kind, pa.Bool8Type):  # pyarrow builds it of integers alone
        return pa.array(values.tolist(), type=pa.bool_()).cast(kind)
    return pa.array(values.tolist(), type=kind)
