"""Dtypes and labels of frames as plain values, and back.

A fitted model keeps these, and no object of pandas, polars or Arrow: it can be stored
in any format, and loaded under other versions of them, or without.
"""

import base64
from importlib import import_module
from typing import Any

import numpy as np

# The libraries of frames: none other is imported by what a stored layout says.
LIBRARIES = ("pandas", "polars", "pyarrow")
# Scalars of pandas are kept as tuples that begin with their name after this.
PANDAS = "pandas."


def library(name: str) -> Any:
    """Import the library of the training frame, or say what it is needed for.

    Parameters
    ----------
    name : str
        "pandas", "polars" or "pyarrow".

    Raises
    ------
    ImportError
        If it is not installed.

    ValueError
        If it is another one.
    """
    if name not in LIBRARIES:
        raise ValueError(f"There are no frames of {name!r}, but of {LIBRARIES}.")
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(
            f"The model was fitted on a frame of {name}, so rows come back as one, and "
            f"{name} is not installed. Install it, or ask for codes or scores, which "
            "are arrays."
        ) from error


# --- values ---------------------------------------------------------------------------


def plain_value(value: Any) -> Any:
    """Return a label or category without types of NumPy and pandas.

    Parameters
    ----------
    value : object
        Of another type than theirs, it stays as it is.
    """
    if isinstance(value, tuple):
        return tuple(map(plain_value, value))
    if isinstance(value, np.generic) and value.dtype.kind not in "mM":
        return value.item()
    if type(value).__module__.split(".")[0] != "pandas":
        return value
    name = type(value).__name__
    parts: tuple = ()
    if name == "Interval":
        parts = plain_value(value.left), plain_value(value.right), value.closed
    elif name == "Period":
        parts = value.ordinal, value.freqstr
    elif name == "Timestamp":
        since = value.tz_localize(None) if value.tz is None else value.tz_convert(None)
        parts = since.isoformat(), None if value.tz is None else str(value.tz)
    elif name == "Timedelta":
        parts = (value.isoformat(),)
    elif name not in ("NAType", "NaTType"):
        return value
    return (PANDAS + name, *parts)


def native_value(value: Any) -> Any:
    """Return what `plain_value` was given; without pandas, its scalars stay plain.

    Parameters
    ----------
    value : object
        What `plain_value` returned.
    """
    if not isinstance(value, tuple):
        return value
    if not (value and isinstance(value[0], str) and value[0].startswith(PANDAS)):
        return tuple(map(native_value, value))
    try:
        pd = import_module("pandas")
    except ImportError:
        return value
    name, parts = value[0].removeprefix(PANDAS), value[1:]
    if name in ("NAType", "NaTType"):
        return pd.NA if name == "NAType" else pd.NaT
    if name == "Interval":
        return pd.Interval(*map(native_value, parts[:2]), closed=parts[2])
    if name == "Period":
        return pd.Period(ordinal=parts[0], freq=parts[1])
    if name == "Timedelta":
        return pd.Timedelta(*parts)
    since = pd.Timestamp(parts[0])
    zone = parts[1]
    return since if zone is None else since.tz_localize("UTC").tz_convert(zone)


# --- pandas ---------------------------------------------------------------------------


def describe_labels(index) -> dict:
    """Return an index of pandas, such as the names of columns, as plain values.

    Parameters
    ----------
    index : Index
        Of any kind.
    """
    if index.nlevels > 1:
        return {
            "levels": [describe_labels(level) for level in index.levels],
            "codes": [[int(code) for code in codes] for codes in index.codes],
            "names": [plain_value(name) for name in index.names],
        }
    name = plain_value(index.name)
    if type(index).__name__ == "RangeIndex":
        return {"range": [index.start, index.stop, index.step], "name": name}
    values = [plain_value(value) for value in index]
    return {"values": values, "dtype": describe_dtype(index.dtype), "name": name}


def make_labels(labels: dict):
    """Return the index of pandas that `describe_labels` was given."""
    pd = library("pandas")
    if "levels" in labels:
        levels = [make_labels(level) for level in labels["levels"]]
        names = [native_value(name) for name in labels["names"]]
        return pd.MultiIndex(levels, labels["codes"], names=names)
    name = native_value(labels["name"])
    if "range" in labels:
        return pd.RangeIndex(*labels["range"], name=name)
    values = [native_value(value) for value in labels["values"]]
    dtype = make_dtype(labels["dtype"])
    return pd.Index(values, dtype=dtype, name=name, tupleize_cols=False)


def describe_dtype(dtype) -> str | dict:
    """Return a dtype of pandas as plain values.

    Parameters
    ----------
    dtype : dtype
        Of NumPy or an extension.
    """
    if isinstance(dtype, np.dtype):
        return "object" if dtype.kind == "O" else dtype.str
    kind = type(dtype).__name__
    if kind == "CategoricalDtype":
        categories = describe_labels(dtype.categories)
        return {"categories": categories, "ordered": bool(dtype.ordered)}
    if kind == "ArrowDtype":
        pa = library("pyarrow")
        return {"arrow": describe_schema(pa.schema([("", dtype.pyarrow_dtype)]))}
    if kind == "StringDtype":
        return {"string": dtype.storage, "nan": isinstance(dtype.na_value, float)}
    if kind == "SparseDtype":
        fill = plain_value(dtype.fill_value)
        return {"sparse": describe_dtype(dtype.subtype), "fill": fill}
    return str(dtype)


def make_dtype(described: str | dict):
    """Return the dtype of pandas that `describe_dtype` was given."""
    pd = library("pandas")
    if isinstance(described, str):
        return pd.api.types.pandas_dtype(described)
    if "categories" in described:
        categories = make_labels(described["categories"])
        return pd.CategoricalDtype(categories, described["ordered"])
    if "arrow" in described:
        return pd.ArrowDtype(make_schema(described["arrow"]).field(0).type)
    if "sparse" in described:
        fill = native_value(described["fill"])
        return pd.SparseDtype(make_dtype(described["sparse"]), fill)
    return _string_dtype(described["string"], missing_is_nan=described["nan"])


def _string_dtype(storage: str, *, missing_is_nan: bool):
    """Return the text dtype of this version of pandas that comes nearest to another."""
    pd = library("pandas")
    missing = {"na_value": np.nan} if missing_is_nan else {}
    for kept in (storage, "python"):  # it may have been stored by Arrow
        try:
            return pd.StringDtype(kept, **missing)
        except (ImportError, ValueError):
            continue
        except TypeError:  # before pandas 2.3
            break
    return np.dtype(object)


# --- polars and Arrow -----------------------------------------------------------------


def describe_polars(dtype) -> dict:
    """Return a dtype of polars by name and arguments.

    Parameters
    ----------
    dtype : DataType
        Of a column.
    """
    name = dtype.base_type().__name__
    options: dict = {}
    if name == "Decimal":
        options = {"precision": dtype.precision, "scale": dtype.scale}
    elif name == "Enum":
        options = {"categories": dtype.categories.to_list()}
    elif name == "Categorical":
        group = getattr(dtype, "categories", None)  # since polars 1.32
        if group is not None and not group.is_global():
            physical = group.physical().__name__
            options = {"categories": [group.name(), group.namespace(), physical]}
    return {"name": name, **options}


def make_polars(described: dict):
    """Return the dtype of polars that `describe_polars` was given."""
    pl = library("polars")
    options = dict(described)
    name = options.pop("name")
    if name == "Categorical" and options:
        group, space, physical = options["categories"]
        return pl.Categorical(pl.Categories(group, space, _polars_class(physical)))
    return _polars_class(name)(**options)


def _polars_class(name: str) -> Any:
    """Return a dtype's class; nothing else of polars is called by a stored name."""
    pl = library("polars")
    found = getattr(pl, name, None)
    if not (isinstance(found, type) and issubclass(found, pl.DataType)):
        raise ValueError(f"polars has no dtype {name!r}.")
    return found


def describe_schema(schema) -> str:
    """Return an Arrow schema as text: its message of Arrow's file format, in base 64.

    Parameters
    ----------
    schema : pyarrow.Schema
        Of a table.
    """
    return base64.b64encode(schema.serialize()).decode()


def make_schema(described: str):
    """Return the Arrow schema that `describe_schema` was given."""
    library("pyarrow")
    ipc, message = import_module("pyarrow.ipc"), base64.b64decode(described)
    return ipc.read_schema(library("pyarrow").py_buffer(message))
