"""A file becomes a table of what can be learnt from."""

import difflib
from pathlib import Path
from typing import Any, NamedTuple

from sklearn_aae.report._file import TableError, doubt_header, read_file
from sklearn_aae.report._words import name_some, shorten

# A column of text is the rows' names where so many of its values are different.
NAMES_SHARE = 0.5
# Fewer rows have no shape to learn.
MIN_ROWS = 20


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

    options : dict of str to object
        Arguments of ``pandas.read_csv`` that read the file, but for its defaults.

    renamed : str or None
        What makes the names of columns of those that pandas reads, as code; None if
        they are the same.

    doubt : str or None
        What to tell if the header looks like data.
    """

    X: Any
    colour: Any
    left_out: dict[str, str]
    options: dict[str, Any]
    renamed: str | None
    doubt: str | None


def read_table(
    path: Path, colour: str | None, dropped: list[str], header: bool = True
) -> Table:
    """Read a file and choose its columns.

    Parameters
    ----------
    path : Path
        A file of comma-separated values; semicolons, tabs, decimal commas and byte
        order marks are found out.

    colour : str or None
        The column that colours the picture; it is not learnt from.

    dropped : list of str
        Columns to leave out.

    header : bool, default=True
        Whether the first line has the names of the columns; else they are called 0,
        1, ...

    Raises
    ------
    TableError
        If there is no such file or column, or nothing to learn from.
    """
    frame, options = read_file(path, header)
    doubt = doubt_header(path, frame, options) if header else None
    renamed = _rename(frame, header)
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
        why = name_some([f"{n}: {reason}" for n, reason in left_out.items()], "; ")
        raise TableError(
            f"{path.name} has {len(X)} rows and {X.shape[1]} columns to learn from; at "
            f"least {MIN_ROWS} and 1 are needed."
            + (f" Left out: {why}." if why else "")
        )
    chosen = None if colour is None else frame[colour]
    return Table(X, chosen, left_out, options, renamed, doubt)


def _rename(frame: Any, header: bool) -> str | None:
    """Make names of columns texts without spaces around them; return the code."""
    if not header:
        frame.columns = frame.columns.map(str)
        return "str"
    names = [name.strip() for name in frame.columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise TableError(
            f"Several columns are called {shorten(twice)!r}: rename all but one."
        )
    stripped = names != list(frame.columns)
    frame.columns = names
    return "str.strip" if stripped else None


def _check_names(asked: list[str], names: Any) -> None:
    """Check that the columns that were asked for are there."""
    for name in asked:
        if name not in names:
            close = difflib.get_close_matches(name, names, 1, 0.5)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            known = name_some(list(names))
            raise TableError(f"There is no column {name!r}.{hint} There are {known}.")


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
