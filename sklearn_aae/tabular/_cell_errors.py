"""Errors of cells: each names the column and what helps in its kind of table."""

from numbers import Number
from typing import Any

import narwhals.stable.v2 as nw


class OtherKindError(ValueError):
    """A column holds other cells than those that it was learned from.

    Parameters
    ----------
    column : object
        Its name.

    held, now : str
        What it held, and what is to be said of it now: "holds ..." or "has ...".
    """

    def __init__(self, column, held: str, now: str):
        super().__init__(column, held, now)  # what a pickle calls it with
        self.column, self.held, self.now = column, held, now

    def __str__(self) -> str:
        return f"Column {self.column!r} held {self.held} in fit. Now it {self.now}."


def dtype_of(cells) -> Any:
    """Return the dtype of a column as its own library has it.

    Parameters
    ----------
    cells : Series or ndarray of shape (n_samples,)
        Cells.
    """
    native = cells.to_native() if isinstance(cells, nw.Series) else cells
    return native.type if hasattr(native, "type") else native.dtype


def time_error(where: str, dtype, matters: str = "") -> ValueError:
    """Return an error of dates or times.

    Parameters
    ----------
    where : str
        Which column or argument holds them.

    dtype : object
        Its dtype.

    matters : str, default=""
        Calls that make numbers of them, see `what_matters`.
    """
    matters = matters or "the days or seconds since one of them"
    return ValueError(
        f"{where} has dtype {dtype}. Dates and times are no numbers: pass what matters "
        f"of them, for example {matters}."
    )


def what_matters(cells, name, kind) -> str:
    """Return the call that makes numbers of dates or durations, for an error message.

    Parameters
    ----------
    cells : Series or ndarray of shape (n_samples,)
        Cells.

    name : object
        Of the column.

    kind : dtype or type
        Of the cells, or of values among objects.

    Returns
    -------
    matters : str
        In the library of the column; empty where it has no such call.
    """
    word = str(getattr(kind, "__name__", kind)).lower()
    column = f"X[{name!r}]"
    typed = column
    if is_untyped(cells):
        call = "timedelta" if "delta" in word else "datetime"
        period = f"{column}.infer_objects()"
        typed = period if word == "period" else f"pandas.to_{call}({column})"
    if word.startswith(("duration", "timedelta")):
        return by_library(
            cells,
            pandas=f"the seconds ({typed}.dt.total_seconds())",
            polars=f"the seconds ({column}.dt.total_seconds())",
            pyarrow=f"their length ({column}.cast('int64'))",
        )
    if word in ("time", "month_day_nano_interval"):
        return ""
    call = by_library(
        cells,
        pandas=f"{typed}.dt.day_of_year",
        polars=f"{column}.dt.ordinal_day()",
        pyarrow=f"pyarrow.compute.day_of_year({column})",
    )
    return call and f"the day of the year ({call}), or the days since one of them"


def is_untyped(cells) -> bool:
    """Whether a column holds objects of Python."""
    return str(dtype_of(cells)).lower() == "object"


def nested_error(dtype, name) -> ValueError:
    """Return an error of cells that hold several values each."""
    return ValueError(
        f"Column {name!r} has dtype {dtype}, with nested values. Pass one "
        "number or one category a cell: spread them over columns first."
    )


def complex_error(where: str, dtype) -> ValueError:
    """Return an error of complex numbers."""
    return ValueError(
        f"{where} has dtype {dtype}. Complex data not supported: pass real and "
        "imaginary parts as two columns."
    )


def kinds_error(cells, name, kinds: set[type]) -> ValueError:
    """Return an error of values that cannot be categories, or are of several types.

    Parameters
    ----------
    cells : Series or ndarray of shape (n_samples,)
        Cells.

    name : object
        Of the column.

    kinds : set of type
        Of its values.
    """
    types = ", ".join(sorted(kind.__name__ for kind in kinds))
    call = by_library(
        cells,
        array=f"X[:, {name!r}].astype(str)",
        pandas=f"X[{name!r}].astype(str)",
        polars=f"X[{name!r}].map_elements(str, return_dtype=polars.String)",
        pyarrow=f"pyarrow.array(map(str, X[{name!r}].to_pylist()))",
    )
    if len(kinds) > 1:
        text = {kind for kind in kinds if issubclass(kind, str)}
        numbers = {kind for kind in kinds if issubclass(kind, Number)}
        if text and numbers and text | numbers == kinds:
            rest = f", errors='coerce'), or text by {call}"
            call = by_library(
                cells,
                array=f"pandas.to_numeric(X[:, {name!r}]{rest}",
                pandas=f"pandas.to_numeric(X[{name!r}]{rest}",
                polars=call,
                pyarrow=call,
            )
        return ValueError(
            f"Column {name!r} mixes values of the types {types}. Make them one type, "
            f"for example with {call}."
        )
    return ValueError(
        f"Column {name!r} holds values of the type {types}, which are neither numbers "
        f"nor categories: these can be hashed and sorted, as text can. Make text of "
        f"them, for example with {call}, or leave the column out."
    )


def by_library(
    cells, *, pandas: str, polars: str, pyarrow: str, array: str = ""
) -> str:
    """Return the text for the library that a column is of.

    Parameters
    ----------
    cells : Series or ndarray or None
        A column.

    pandas, polars, pyarrow : str
        Text for each library; the first one for others, too.

    array : str, default=""
        Text for columns of arrays.
    """
    if not isinstance(cells, nw.Series):
        return array
    kind = cells.implementation
    if kind.is_polars():
        return polars
    return pyarrow if kind.is_pyarrow() else pandas
