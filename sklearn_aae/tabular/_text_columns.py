"""A warning of text that makes poor categories: ids, dates, numbers with a "?"."""

import re
import warnings

import narwhals.stable.v2 as nw
import numpy as np

from sklearn_aae.tabular._cell_errors import by_library
from sklearn_aae.tabular._columns import TableColumns
from sklearn_aae.tabular._frames import as_frame

# With fewer rows, or fewer different texts, there is no warning.
MIN_ROWS, MIN_TEXTS = 10, 5
# More different numbers than this, as text, are hardly categories on purpose.
MANY_TEXTS = 20
# Different texts that are examined.
MAX_EXAMINED = 1000
# Fraction of the rows, or of the different texts, that must be of a kind.
MOST = 0.9
# What people write where a number is missing.
NO_NUMBER = {"", "?", "-", "--", ".", "na", "n/a", "nan", "null", "none", "missing"}

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?")
MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[.]?"
TIME = r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[ap]m)?( ?(z|utc|gmt|[+-]\d{2}:?\d{2}))?"
DATE = "|".join(
    (
        r"\d{4}[-/]\d{1,2}",
        r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}",
        r"\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})",
        rf"\d{{1,2}}[-/. ]*{MONTH}[-/, ]*\d{{2,4}}",
        rf"{MONTH} *\d{{1,2}},? +\d{{4}}",
    )
)
WHEN = re.compile(rf"([a-z]{{3,9}},? )?({DATE})([ t]+{TIME})?|{TIME}")

ON_PURPOSE = (
    "If they are categories on purpose, give the column a dtype of categories, or name "
    "it in categorical_features"
)


def warn_about_text_columns(columns: TableColumns, X, rows: np.ndarray, named) -> None:
    """Warn of columns that became categories, and should rather be something else.

    Parameters
    ----------
    columns : TableColumns
        What was learned of the table.

    X : {array-like, DataFrame} of shape (n_samples, n_features)
        The table, as `as_table` returns it.

    rows : ndarray of shape (n_samples, n_features)
        Its cells, encoded.

    named : object
        The parameter `categorical_features`. A column that it names, or that has a
        dtype of categories, is one on purpose: there is a warning of its ids only.
    """
    frame = as_frame(X)
    for j, column in enumerate(columns.columns):
        if not column.categories:
            continue
        codes = rows[:, j][~np.isnan(rows[:, j])].astype(np.intp)
        found = np.flatnonzero(np.bincount(codes))
        if len(codes) < MIN_ROWS or len(found) < MIN_TEXTS:
            continue
        cells = None if frame is None else frame.get_column(column.name)
        evenly = found[:: -(-len(found) // MAX_EXAMINED)]
        texts = [column.categories[code] for code in evenly]
        own = len(found) > MOST * len(codes)
        warning = None
        if _by_rule(cells, column.name, named):
            warning = _of_dates(texts, cells, column.name)
            warning = warning or _of_numbers(texts, cells, column.name, own=own)
        if warning is None and own:
            warning = (
                f"{len(found)} categories in {len(codes)} rows: hardly any comes "
                "twice, and there is nothing to learn of them. If it is an id or free "
                f"text, leave it out, for example with {_without(cells, column.name)}"
            )
        if warning is not None:
            message = f"Column {column.name!r} holds {warning}."
            warnings.warn(message, UserWarning, stacklevel=2)


def _by_rule(cells, name, named) -> bool:
    """Whether a column became one of categories for its text alone."""
    text = cells is not None and isinstance(cells.dtype, nw.String)
    open_ = isinstance(named, str) or (isinstance(named, dict) and name not in named)
    return text and open_


def _of_dates(texts: list[str], cells, name) -> str | None:
    """Return the warning of dates as text; None for other text."""
    dates = sum(WHEN.fullmatch(text.strip().lower()) is not None for text in texts)
    if dates <= MOST * len(texts):
        return None
    call = by_library(
        cells,
        pandas=f"pandas.to_datetime(X[{name!r}]).dt.day_of_year",
        polars=f"X[{name!r}].str.to_date().dt.ordinal_day()",
        pyarrow=f"pyarrow.compute.day_of_year(X[{name!r}].cast('date32'))",
    )
    return (
        f"dates or times as text, such as {texts[0]!r}, and each is a category of its "
        f"own. Make numbers of them, for example with {call}, or the days since one of "
        f"them. {ON_PURPOSE}"
    )


def _of_numbers(texts: list[str], cells, name, *, own: bool) -> str | None:
    """Return the warning of numbers as text; None for other text.

    Few numbers alone may be categories on purpose; beside a "?" they are not.
    """
    is_number = [NUMBER.fullmatch(text.strip().lower()) is not None for text in texts]
    others = [text for text, n in zip(texts, is_number, strict=True) if not n]
    many = own or len(texts) > MANY_TEXTS
    marked = others and all(text.strip().lower() in NO_NUMBER for text in others)
    if not (many and sum(is_number) > MOST * len(texts)) and not (
        marked and sum(is_number) > 2
    ):
        return None
    call = by_library(
        cells,
        pandas=f"pandas.to_numeric(X[{name!r}], errors='coerce')",
        polars=f"X[{name!r}].cast(polars.Float64, strict=False)",
        pyarrow=f"pandas.to_numeric(X[{name!r}].to_pandas(), errors='coerce')",
    )
    return (
        f"numbers as text{f' beside {others[0]!r}' if others else ''}, and each is a "
        f"category of its own. Make numbers of them, for example with {call}. "
        f"{ON_PURPOSE}"
    )


def _without(cells, name) -> str:
    """Return the call that leaves a column out."""
    return by_library(
        cells,
        array=f"numpy.delete(X, {name!r}, axis=1)",
        pandas=f"X.drop(columns={name!r})",
        polars=f"X.drop({name!r})",
        pyarrow=f"X.drop_columns({name!r})",
    )
