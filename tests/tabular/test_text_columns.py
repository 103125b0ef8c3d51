"""The warning of text that makes poor categories: when it comes, when it does not."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_aae.tabular import TableColumns, warn_about_text_columns

pa = pytest.importorskip("pyarrow")

N = 40
DAYS = pd.date_range("2020-01-28", periods=N)


def messages(frame, rule="from_dtype"):
    """Return what is warned of a table."""
    columns = TableColumns.learn(frame, rule)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_about_text_columns(columns, frame, columns.encode(frame), rule)
    assert all(issubclass(w.category, UserWarning) for w in caught)
    return [str(w.message) for w in caught]


DATES = [
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%m/%d/%Y",
    "%d.%m.%y",
    "%d %B %Y",
    "%b %d, %Y",
    "%d-%b-%Y",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%d %H:%M",
    "%a, %d %b %Y %H:%M:%S GMT",
    "%H:%M:%S",
]
NUMBERS = {
    "?": [*map(str, np.arange(N - 1) / 7), "?"],
    "N/A": [*map(str, range(N - 1)), "N/A"],
    "few numbers": ["0.0", "1.0", "2.0", "3.0", "?"] * 8,
    "all": [f"{i}e-3" for i in range(N)],
}
IDS = {
    "ids": [f"u{i:03}" for i in range(N)],
    "nearly": [f"name {i}" for i in range(N - 2)] + ["name 0"] * 2,
    "with holes": [f"name {i}" for i in range(12)] + [None] * (N - 12),
    "on purpose": pd.Categorical([f"u{i}" for i in range(N)]),
}
FINE = {
    "categories": list("abcdefgh") * 5,
    "one text each, few rows": list("abcdefghi"),
    "many categories": [f"c{i % 25}" for i in range(N)],
    "classes": ["1", "2", "3", "1"] * 10,
    "digits": [str(i % 10) for i in range(N)],
    "dependents": ["0", "1", "2", "3+"] * 10,
    "versions": ["10.15.7", "10.15.6", "11.0.1", "12.0.1", "1.2.3"] * 8,
    "years": [str(2000 + i % 20) for i in range(N)],
    "two days": ["2020-01-01", "2020-01-02"] * 20,
    "days on purpose": pd.Categorical([f"2020-01-{i % 20 + 1}" for i in range(N)]),
    "nothing": [None] * N,
}


@pytest.mark.parametrize("pattern", DATES)
def test_dates_as_text_are_told(pattern):
    texts = pd.date_range("2020-01-28", periods=N, freq="25h").strftime(pattern)
    (message,) = messages(pd.DataFrame({"x": np.arange(N), "when": texts}))
    assert message.startswith("Column 'when' holds dates or times as text, such as")
    assert "pandas.to_datetime(X['when']).dt.day_of_year" in message


@pytest.mark.parametrize("kind", NUMBERS)
def test_numbers_as_text_are_told(kind):
    (message,) = messages(pd.DataFrame({"power": NUMBERS[kind]}))
    assert message.startswith("Column 'power' holds numbers as text")
    assert "pandas.to_numeric(X['power'], errors='coerce')" in message
    marks = {"all": "text,", "N/A": "beside 'N/A'"}
    assert marks.get(kind, "beside '?'") in message


@pytest.mark.parametrize("kind", IDS)
def test_columns_of_one_row_each_are_told(kind):
    (message,) = messages(pd.DataFrame({"x": np.arange(N), "key": IDS[kind]}))
    assert message.startswith("Column 'key' holds")
    assert "X.drop(columns='key')" in message


@pytest.mark.parametrize("kind", FINE)
def test_ordinary_categories_are_not_told(kind):
    assert messages(pd.DataFrame({"c": pd.Series(FINE[kind])})) == []


CALLS = {
    pl.DataFrame: ("to_date().dt.ordinal_day()", "cast(polars.Float64", "X.drop('c')"),
    pa.table: ("day_of_year(X['c'].cast(", ".to_pandas(), err", "X.drop_columns('c')"),
}


@pytest.mark.parametrize("make", CALLS, ids=lambda make: make.__module__)
def test_the_remedy_is_one_of_the_frames_library(make):
    kinds = DAYS.strftime("%Y-%m-%d").tolist(), NUMBERS["?"], IDS["ids"]
    for texts, call in zip(kinds, CALLS[make], strict=True):
        (message,) = messages(make({"c": texts}))
        assert call in message


def test_the_remedies_work():
    days = DAYS.strftime("%Y-%m-%d").tolist()
    of_polars, of_arrow = pl.DataFrame({"c": days}), pa.table({"c": days})
    truth = DAYS.day_of_year.tolist()
    assert pd.to_datetime(pd.Series(days)).dt.day_of_year.tolist() == truth
    assert of_polars["c"].str.to_date().dt.ordinal_day().to_list() == truth
    day_of_year = pytest.importorskip("pyarrow.compute").day_of_year
    assert day_of_year(of_arrow["c"].cast("date32")).to_pylist() == truth
    numbers = pl.DataFrame({"c": NUMBERS["?"]})["c"].cast(pl.Float64, strict=False)
    assert numbers.null_count() == 1
    assert of_polars.drop("c").width == of_arrow.drop_columns("c").num_columns == 0


def test_a_column_that_is_named_is_one_on_purpose():
    frame = pd.DataFrame({"c": [f"2020-01-{i % 20 + 1:02}" for i in range(N)]})
    assert len(messages(frame)) == 1
    assert messages(frame, ["c"]) == []
    assert messages(frame, [True]) == []
    assert messages(frame, {"c": sorted(set(frame["c"]))}) == []
    other = frame.assign(d=list("ab") * 20)
    assert len(messages(other, {"d": ["a", "b"]})) == 1


def test_a_column_of_an_array_is_told_by_its_place():
    (message,) = messages(np.arange(2.0 * N).reshape(N, 2), [1])
    assert message.startswith("Column 1 holds 40 categories in 40 rows")
    assert "numpy.delete(X, 1, axis=1)" in message
