"""The cells of one column: what they hold, as numbers or as categories.

Cells are a narwhals series or a one-dimensional array.
"""

import contextlib
import datetime
from numbers import Number
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

TIME = (nw.Datetime, nw.Date, nw.Time, nw.Duration)
TIMES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64)
NESTED = (nw.List, nw.Struct, nw.Array)


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
        objects = dtype.kind == "O"
        return _kind(cells, name) == "number" if objects else dtype.kind in "biuf"
    if dtype.is_numeric():
        return True
    if isinstance(dtype, TIME):
        raise _time_error(f"Column {name!r}", dtype)
    if isinstance(dtype, NESTED):
        raise _nested_error(name, dtype)
    if isinstance(dtype, nw.Object):
        return _kind(cells, name) == "number"
    if isinstance(dtype, nw.Unknown):  # a sparse column, or one of nulls alone
        native = getattr(cells.to_native(), "dtype", None)
        check_dtype(native, f"Column {name!r}")
        return getattr(native, "kind", "f") in "biuf"
    return False


def check_dtype(dtype, where: str) -> None:
    """Raise ValueError if a NumPy or pandas dtype is of dates, times or complex cells.

    Parameters
    ----------
    dtype : dtype or None
        None of what has none.

    where : str
        What has it, for the message.
    """
    kind = getattr(dtype, "kind", "f")
    if kind in "mM" or str(dtype).startswith("period"):
        raise _time_error(where, dtype)
    if kind == "c":
        raise ValueError(
            f"{where} has dtype {dtype}. Complex data not supported: pass real and "
            "imaginary parts as two columns."
        )


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
        If a cell is no number.
    """
    boolean = isinstance(cells, nw.Series) and isinstance(cells.dtype, nw.Boolean)
    if not boolean and not is_number(cells, name):
        values = [value for value in _listed(cells) if not _missing(value)]
        if values:
            raise ValueError(
                f"Column {name!r} held numbers in fit. Now it has dtype {cells.dtype}, "
                f"with the value {values[0]!r}."
            )
        return np.full(len(cells), np.nan)
    if not isinstance(cells, nw.Series):
        if cells.dtype != object:
            return cells.astype(float)
        return np.array([np.nan if _missing(v) else float(v) for v in cells])
    if boolean or isinstance(cells.dtype, nw.Object | nw.Unknown):
        cast = [np.nan if _missing(v) else float(v) for v in cells.to_list()]
        return np.array(cast)
    return cells.cast(nw.Float64).to_numpy()


def check_counts(numbers: np.ndarray, name) -> np.ndarray:
    """Return numbers, if they are counts or missing.

    Parameters
    ----------
    numbers : ndarray of shape (n_samples,)
        Cells.

    name : object
        Of the column, for the message.

    Raises
    ------
    ValueError
        If a cell is below 0 or no whole number.
    """
    held = numbers[~np.isnan(numbers)]
    wrong = held[(held < 0) | (held != np.floor(held))]
    if len(wrong):
        raise ValueError(
            f"Column {name!r} is among count_features, and holds {wrong[0]:g}: counts "
            "are whole numbers from 0 on."
        )
    return numbers


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
        if isinstance(dtype, TIME):
            raise _time_error(f"Column {name!r}", dtype)
        if isinstance(dtype, nw.Categorical | nw.Enum):
            # Not every library lists the categories of every such column.
            with contextlib.suppress(AttributeError):
                return tuple(cells.cat.get_categories().to_list())
        if isinstance(dtype, nw.Boolean):
            return (False, True)
    try:
        return tuple(sorted({v for v in _listed(cells) if not _missing(v)}))
    except TypeError:
        raise _mixed_error(name, _listed(cells)) from None


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
        codes = np.array([number.get(value, np.nan) for value in values])
    except TypeError:
        raise _nested_error(name, cells.dtype) from None
    if len(codes) and np.isnan(codes).all():
        _check_kind(values, categories, name)
    return codes


def is_held(cells) -> np.ndarray:
    """Return whether each cell of a column holds a value, (n_samples,)."""
    return np.array([not _missing(value) for value in _listed(cells)], dtype=bool)


def _check_kind(values: list, categories: tuple, name) -> None:
    """Raise ValueError if values are of another kind than the categories."""
    given = next((v for v in values if not _missing(v)), None)
    if given is not None and isinstance(given, str) != isinstance(categories[0], str):
        raise ValueError(
            f"Column {name!r} held categories such as {categories[0]!r} in fit. Now it "
            f"holds {given!r}, of type {type(given).__name__}."
        )


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


def _kind(cells, name) -> str:
    """Return "number" or "text" for the values of an object column."""
    values = [value for value in _listed(cells) if not _missing(value)]
    if not values:
        return "number"
    if any(isinstance(value, TIMES) for value in values):
        raise _time_error(f"Column {name!r}", type(values[0]).__name__)
    if any(isinstance(v, list | dict | tuple | set | np.ndarray) for v in values):
        raise _nested_error(name, type(values[0]).__name__)
    text = [isinstance(value, str | bool) for value in values]
    if all(text) and len({isinstance(value, str) for value in values}) == 1:
        return "text"
    if not any(text) and all(isinstance(value, Number) for value in values):
        return "number"
    raise _mixed_error(name, values)


def _time_error(where: str, dtype) -> ValueError:
    return ValueError(
        f"{where} has dtype {dtype}. Dates and times are no numbers: pass what matters "
        "of them, for example .dt.dayofyear of a column, or the days since a date."
    )


def _nested_error(name, dtype) -> ValueError:
    return ValueError(
        f"Column {name!r} has dtype {dtype}, with nested values. Pass one number or "
        "one category a cell: spread them over columns first."
    )


def _mixed_error(name, values: list) -> ValueError:
    kinds = sorted({type(v).__name__ for v in values if not _missing(v)})
    return ValueError(
        f"Column {name!r} mixes values of the types {', '.join(kinds)}. Make them one "
        f"type, for example with X[{name!r}].astype(str)."
    )
