"""The cells of one column: what they hold, as numbers or as categories.

Cells are a narwhals series or a one-dimensional array.
"""

import contextlib
import datetime
import re
import reprlib
from collections.abc import Collection
from decimal import Decimal
from enum import Enum
from numbers import Integral, Number
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from sklearn_aae.tabular._cell_errors import (
    OtherKindError,
    complex_error,
    dtype_of,
    is_untyped,
    kinds_error,
    nested_error,
    time_error,
    what_matters,
)
from sklearn_aae.tabular._numbers import most_places

# Kinds of values that are read once, however many cells have them.
HASHED = (str, int, float, np.number)
TIME = (nw.Datetime, nw.Date, nw.Time, nw.Duration)
TIMES = (
    datetime.date,
    datetime.time,
    datetime.timedelta,
    np.datetime64,
    np.timedelta64,
)
NESTED = (nw.List, nw.Struct, nw.Array)
# Numbers as text: what Python takes besides, such as "1_5" or "nan", may be a mistake.
WRITTEN = re.compile(r"\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")
# Dtypes of dates and times that narwhals does not know, as their libraries call them.
TIME_NAMES = ("period", "date64", "month_day_nano_interval", "day_time_interval")


def is_number(cells, name) -> bool:
    """Whether a column holds numbers, none of them a boolean of a frame.

    Parameters
    ----------
    cells : Series or ndarray of shape (n_samples,)
        Cells.

    name : object
        Of the column, for the message.

    Raises
    ------
    ValueError
        If it holds dates, nested values, or values of several kinds.
    """
    dtype = cells.dtype
    if not isinstance(cells, nw.Series):
        check_dtype(dtype, f"Column {name!r}")
        return _all_numbers(cells, name) if dtype.kind == "O" else dtype.kind in "biuf"
    if dtype.is_numeric():
        return True
    _check_series(cells, name)
    if isinstance(dtype, nw.Object):
        return _all_numbers(cells, name)
    if isinstance(dtype, nw.Unknown):  # what narwhals has no name for
        kind = getattr(dtype_of(cells), "kind", "O")
        return kind in "biuf" or _all_numbers(cells, name)  # sparse, or by its values
    return False


def check_dtype(dtype, where: str, matters: str = "") -> None:
    """Raise ValueError if a dtype is of dates, times or complex cells.

    Parameters
    ----------
    dtype : dtype or None
        Of NumPy, pandas or Arrow; None of what has none.

    where : str
        What has it, for the message.

    matters : str, default=""
        What makes numbers of dates, for the message.
    """
    kind = getattr(dtype, "kind", "f")
    if kind in "mM" or str(dtype).startswith(TIME_NAMES):
        raise time_error(where, dtype, matters)
    if kind == "c":
        raise complex_error(where, dtype)


def _check_series(cells: nw.Series, name) -> None:
    """Raise ValueError if a column of a frame is of times or of nested cells."""
    where, dtype = f"Column {name!r}", dtype_of(cells)
    if isinstance(cells.dtype, TIME):
        raise time_error(where, dtype, what_matters(cells, name, cells.dtype))
    if isinstance(cells.dtype, NESTED):
        raise nested_error(dtype, name)
    if isinstance(cells.dtype, nw.Unknown):
        check_dtype(dtype, where, what_matters(cells, name, dtype))


def numbers_of(cells, name) -> np.ndarray:
    """Return the numbers of a column, NaN where missing.

    Parameters
    ----------
    cells : Series or ndarray of shape (n_samples,)
        Cells.

    name : object
        Of the column, for the message.

    Returns
    -------
    numbers : ndarray of shape (n_samples,), float64

    Raises
    ------
    ValueError
        If a cell is no number, or is too large for one.
    """
    try:
        return _floats(cells, name)
    except OverflowError:  # Python's integers have no largest
        raise ValueError(
            f"Column {name!r} holds a whole number beyond 1.8e308, the largest of "
            "float64. Pass its logarithm, or NaN where it is unknown."
        ) from None


def _floats(cells, name) -> np.ndarray:
    """Return the numbers of a column."""
    # Once: of objects, narwhals looks through the column each time.
    dtype = cells.dtype
    if isinstance(dtype, nw.Object):
        plain = _plain_floats(cells.to_list())
        if plain is not None:
            return plain
    series = isinstance(cells, nw.Series)
    boolean = series and isinstance(dtype, nw.Boolean)
    if not boolean and not is_number(cells, name):
        return _written_numbers(cells, name)
    untyped = isinstance(dtype, nw.Object | nw.Unknown)
    if boolean or untyped or getattr(dtype, "kind", "") == "O":
        values = [np.nan if _missing(v) else float(v) for v in _listed(cells)]
        return np.array(values)
    return _as_floats(cells) if series else cells.astype(float)


def _written_numbers(cells, name) -> np.ndarray:
    """Return the numbers that texts, or categories, are; each value is read once."""
    values = _listed(cells)
    # Other values may have no hash. In order: an error is of the first.
    plain = dict.fromkeys(value for value in values if isinstance(value, HASHED))
    read = {value: _written_number(value, cells, name) for value in plain}
    return np.array(
        [
            read[value]
            if isinstance(value, HASHED)
            else _written_number(value, cells, name)
            for value in values
        ]
    )


def _written_number(value, cells, name) -> float:
    """Return the number that a text, or a category, is; NaN if it is missing."""
    value = _plain(value)
    if _missing(value):
        return np.nan
    text = isinstance(value, str) and WRITTEN.fullmatch(value)
    if text or isinstance(value, float | Integral | Decimal):
        return float(value)
    now = f"has dtype {cells.dtype}, with the value {reprlib.repr(value)}"
    raise OtherKindError(name, "numbers", now)


def _plain_floats(values: list) -> np.ndarray | None:
    """Return Python's floats and integers, NaN for None; None if there are others."""
    plain = set(map(type, values)) <= {float, int, type(None)}
    return np.array(values, dtype=float) if plain else None


def _as_floats(cells: nw.Series) -> np.ndarray:
    """Return the numbers of a typed column in float64, rounded where they must be."""
    cells = _in_arrow(cells)
    if not cells.implementation.is_pyarrow():
        return cells.cast(nw.Float64).to_numpy()
    floats = cells.to_native().cast("float64", safe=False)  # 2**53 + 1 is not safe
    return floats.to_numpy()


def _in_arrow(cells: nw.Series) -> nw.Series:
    """Return a column of pandas that Arrow holds as one of Arrow."""
    native = cells.to_native()
    if not hasattr(getattr(native, "dtype", None), "pyarrow_dtype"):
        return cells
    return nw.from_native(native.array.__arrow_array__(), series_only=True)


def python_numbers(cells) -> tuple[str, int]:
    """Return what the numbers of an untyped column are: "int", "Decimal" or "float".

    Parameters
    ----------
    cells : Series or ndarray of shape (n_samples,)
        Cells.

    Returns
    -------
    kind : str
        The one type of all, else "float".

    places : int
        Of those that are Decimal, the most digits after the point.
    """
    values = [value for value in _listed(cells) if not _missing(value)]
    if values and all(isinstance(value, Integral) for value in values):
        return "int", 0
    if values and all(isinstance(value, Decimal) for value in values):
        return "Decimal", most_places(values)
    return "float", 0


def categories_of(cells, name) -> tuple:
    """Return the categories of a column: those it declares, or sorted those it has.

    Parameters
    ----------
    cells : Series or ndarray of shape (n_samples,)
        Cells.

    name : object
        Of the column, for the message.

    Raises
    ------
    ValueError
        If its values are of several kinds.
    """
    dtype = cells.dtype
    if isinstance(cells, nw.Series):
        _check_series(cells, name)
        if isinstance(dtype, nw.Categorical | nw.Enum):
            # Not every library lists the categories of every such column.
            with contextlib.suppress(AttributeError):
                declared = _in_arrow(cells).cat.get_categories().to_list()
                return tuple(value for value in declared if not _missing(value))
        if isinstance(dtype, nw.Boolean):
            return (False, True)
    try:
        values = {_plain(v) for v in _listed(cells) if not _missing(v)}
        return tuple(_sorted(values))
    except TypeError:  # a value has no hash, or no order
        kinds = _kinds(cells)
        _check_kinds(kinds, cells, name)
        raise kinds_error(cells, name, kinds) from None


def _plain(value):
    """Return a text, boolean or bytes of NumPy as one of Python."""
    of_numpy = isinstance(value, np.bool_ | np.str_ | np.bytes_)
    return value.item() if of_numpy else value


def _sorted(values: set) -> list:
    """Return values in order; members of an enumeration in that of their definition."""
    kinds = {type(value) for value in values}
    if len(kinds) == 1 and issubclass(kind := kinds.pop(), Enum):
        return [member for member in kind if member in values]
    return sorted(values)


def codes_of(cells, categories: tuple, name) -> np.ndarray:
    """Return the number of each cell's category, NaN for missing and unknown ones.

    Parameters
    ----------
    cells : Series or ndarray of shape (n_samples,)
        Cells.

    categories : tuple
        What is known.

    name : object
        Of the column, for the message.

    Returns
    -------
    codes : ndarray of shape (n_samples,), float64

    Raises
    ------
    ValueError
        If the cells are numbers where categories are text, or the other way round.
    """
    number = {category: float(i) for i, category in enumerate(categories)}
    values = _listed(cells)
    try:
        # A masked cell of an array of objects is its own value, and has no hash.
        codes = np.array(
            [np.nan if v is np.ma.masked else number.get(v, np.nan) for v in values]
        )
    except TypeError:
        raise nested_error(dtype_of(cells), name) from None
    if len(codes) and np.isnan(codes).all():
        _check_kind(values, categories, name)
    return codes


def is_present(cells) -> np.ndarray:
    """Return whether each cell of a column holds a value, (n_samples,)."""
    return np.array([not _missing(value) for value in _listed(cells)], dtype=bool)


def _check_kind(values: list, categories: tuple, name) -> None:
    """Raise ValueError if values are of another kind than the categories."""
    given = next((v for v in values if not _missing(v)), None)
    if given is not None and isinstance(given, str) != isinstance(categories[0], str):
        held = f"categories such as {categories[0]!r}"
        now = f"holds {given!r}, of type {type(given).__name__}"
        raise OtherKindError(name, held, now)


def _listed(cells) -> list[Any]:
    return cells.to_list() if isinstance(cells, nw.Series) else cells.tolist()


def _missing(value) -> bool:
    """Whether a value is None, NaN, NaT or pandas' NA: none equals itself."""
    if value is None:
        return True
    try:
        return not bool(value == value)
    except (TypeError, ValueError):  # NA has no truth; nested values have several
        return type(value).__name__ == "NAType"


def _kinds(cells) -> set[type]:
    """Return the types of the values of a column."""
    return {type(_plain(value)) for value in _listed(cells) if not _missing(value)}


def _check_kinds(kinds: set[type], cells, name) -> None:
    """Raise ValueError if values of these types are times, nested or complex."""
    where = f"Column {name!r}"
    for kind in sorted(kinds, key=str):
        if issubclass(kind, TIMES) or kind.__name__ == "Period":
            matters = what_matters(cells, name, kind)
            raise time_error(where, kind.__name__, matters)
        if issubclass(kind, Collection) and not issubclass(kind, str | bytes):
            dtype = kind.__name__ if is_untyped(cells) else dtype_of(cells)
            raise nested_error(dtype, name)
        if issubclass(kind, complex | np.complexfloating):
            raise complex_error(where, kind.__name__)


def _all_numbers(cells, name) -> bool:
    """Whether the values of an untyped column are numbers, not categories of a kind.

    Raises
    ------
    ValueError
        If they are neither, or of several kinds.
    """
    kinds = _kinds(cells)
    _check_kinds(kinds, cells, name)
    text = {kind for kind in kinds if issubclass(kind, str)}
    numbers = {k for k in kinds if issubclass(k, Number) and k is not bool} - text
    if len(kinds) > 1 and kinds not in (text, numbers):
        raise kinds_error(cells, name, kinds)
    return kinds == numbers
