"""A file becomes a table of what can be learnt from."""

import csv
import difflib
from pathlib import Path
from typing import Any, NamedTuple

from sklearn_aae.utils._optional import import_optional

# A column of text is the rows' names where so many of its values are different.
NAMES_SHARE = 0.5
# Fewer rows have no shape to learn.
MIN_ROWS = 20
# What tells the separator.
SNIFFED = 2**16


class TableError(ValueError):
    """The file is no table that can be looked at; the message says what to do."""


class Table(NamedTuple):
    """A table to look at.

    Attributes
    ----------
    X : DataFrame
        The columns to learn from.

    colour : Series or None
        What colours the picture.

    left_out : dict of str to str
        Why columns are not in `X`, by name.
    """

    X: Any
    colour: Any
    left_out: dict[str, str]


def read_table(path: Path, colour: str | None, dropped: list[str]) -> Table:
    """Read a file and choose its columns.

    Parameters
    ----------
    path : Path
        A file of comma-separated values; semicolons and tabs are found out.

    colour : str or None
        The column that colours the picture; it is not learnt from.

    dropped : list of str
        Columns to leave out.

    Raises
    ------
    TableError
        If there is no such file or column, or nothing to learn from.
    """
    frame = _read(path)
    frame.columns = [str(name).strip() for name in frame.columns]
    for name in [*([] if colour is None else [colour]), *dropped]:
        if name not in frame.columns:
            close = difflib.get_close_matches(name, frame.columns, 1, 0.5)
            names = ", ".join(frame.columns[:12])
            more = ", ..." if frame.shape[1] > 12 else ""
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise TableError(
                f"There is no column {name!r}.{hint} There are {names}{more}."
            )
    left_out = dict.fromkeys(dropped, "as you asked")
    if colour is not None:
        left_out[colour] = "colours the picture"
    for name in frame.columns:
        reason = None if name in left_out else _unfit(frame[name])
        if reason is not None:
            left_out[name] = reason
    X = frame.drop(columns=list(left_out))
    if not X.shape[1] or len(X) < MIN_ROWS:
        why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise TableError(
            f"{path.name} has {len(X)} rows and {X.shape[1]} columns to learn from; at "
            f"least {MIN_ROWS} and 1 are needed."
            + (f" Left out: {why}." if why else "")
        )
    return Table(X, None if colour is None else frame[colour], left_out)


def _read(path: Path) -> Any:
    pd = import_optional("pandas", feature="Reading a table", extra="report")
    if not path.is_file():
        raise TableError(f"There is no file {str(path)!r}.")
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            start = file.read(SNIFFED)
        frame = pd.read_csv(path, sep=_separator(start), encoding="utf-8-sig")
    except UnicodeDecodeError:
        frame = pd.read_csv(path, sep=_separator(start), encoding="latin-1")
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise TableError(
            f"{path.name} is no table of separated values: {error}"
        ) from None
    return frame


def _separator(start: str) -> str:
    try:
        return csv.Sniffer().sniff(start, delimiters=",;\t|").delimiter
    except csv.Error:  # one column, or too little to tell
        return ","


def _unfit(column: Any) -> str | None:
    """Return why a column cannot be learnt from, if so."""
    values = column.dropna()
    if not len(values):
        return "is empty"
    numeric = values.map(lambda value: isinstance(value, int | float)).all()
    n_values = values.nunique()
    if n_values == 1:
        return "has one value only"
    if not numeric and n_values > max(2, NAMES_SHARE * len(values)):
        return f"is text of {n_values} different values: names of the rows, or dates"
    counts = numeric and n_values == len(values) and values.is_monotonic_increasing
    if counts and (values.diff().dropna() == 1).all():
        return "counts the rows"
    return None
