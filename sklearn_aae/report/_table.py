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

    options : dict of str to str
        Arguments of ``pandas.read_csv`` that read the file, but for its defaults.

    stripped : bool
        Whether names of columns have lost spaces around them.
    """

    X: Any
    colour: Any
    left_out: dict[str, str]
    options: dict[str, str]
    stripped: bool


def read_table(path: Path, colour: str | None, dropped: list[str]) -> Table:
    """Read a file and choose its columns.

    Parameters
    ----------
    path : Path
        A file of comma-separated values; semicolons, tabs and decimal commas are found
        out.

    colour : str or None
        The column that colours the picture; it is not learnt from.

    dropped : list of str
        Columns to leave out.

    Raises
    ------
    TableError
        If there is no such file or column, or nothing to learn from.
    """
    frame, options = _read(path)
    stripped = _strip_names(frame)
    _check_names([*([] if colour is None else [colour]), *dropped], frame.columns)
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
    chosen = None if colour is None else frame[colour]
    return Table(X, chosen, left_out, options, stripped)


def _strip_names(frame: Any) -> bool:
    """Take spaces from around the names of columns; return whether there were any."""
    names = [name.strip() for name in frame.columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TableError(f"Several columns are called {twice!r}: rename all but one.")
    stripped = names != list(frame.columns)
    frame.columns = names
    return stripped


def _check_names(asked: list[str], names: Any) -> None:
    """Check that the columns that were asked for are there."""
    for name in asked:
        if name not in names:
            close = difflib.get_close_matches(name, names, 1, 0.5)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            known = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
            raise TableError(f"There is no column {name!r}.{hint} There are {known}.")


def _read(path: Path) -> tuple[Any, dict[str, str]]:
    """Return the file as a frame, and the options that read it."""
    pd = import_optional("pandas", feature="Reading a table", extra="report")
    if not path.is_file():
        raise TableError(f"There is no file {str(path)!r}.")
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        separator = _separator(file.read(SNIFFED))
    options = {} if separator == "," else {"sep": separator}
    try:
        try:
            frame = pd.read_csv(path, **options)
        except UnicodeDecodeError:
            options["encoding"] = "latin-1"
            frame = pd.read_csv(path, **options)
        if separator != ",":
            commas = pd.read_csv(path, **options, decimal=",")
            if _n_numeric(commas) > _n_numeric(frame):
                frame, options["decimal"] = commas, ","
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise TableError(
            f"{path.name} is no table of separated values: {error}"
        ) from None
    if not isinstance(frame.index, pd.RangeIndex):  # pandas took values for names
        raise TableError(
            f"{path.name} has more values in a row than names in its header: name each "
            "column, and end no line with a separator."
        )
    return frame, options


def _n_numeric(frame: Any) -> int:
    return frame.select_dtypes("number").shape[1]


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
