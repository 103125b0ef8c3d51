"""The door for rows: what is taken as a table, and what is told to become one."""

from types import SimpleNamespace

import narwhals as main_narwhals
import narwhals.stable.v1 as narwhals_v1
import narwhals.stable.v2 as narwhals_v2
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy.sparse import csr_array

from sklearn_aae.tabular import TableColumns, as_frame_like, as_table, float_dtypes

pa = pytest.importorskip("pyarrow")

COLUMNS = {"size": [1.5, 2.0, 0.5], "city": ["Ulm", None, "Bonn"]}
TABLE = pa.table(COLUMNS)


# --- taken ----------------------------------------------------------------------------

TAKEN = {
    "pandas": (pd.DataFrame(COLUMNS), pd.DataFrame),
    "polars": (pl.DataFrame(COLUMNS), pl.DataFrame),
    "Arrow": (TABLE, pa.Table),
    "RecordBatch": (TABLE.to_batches()[0], pa.Table),
    "narwhals": (main_narwhals.from_native(pd.DataFrame(COLUMNS)), pd.DataFrame),
    "narwhals v1": (narwhals_v1.from_native(TABLE), pa.Table),
    "narwhals v2": (narwhals_v2.from_native(pl.DataFrame(COLUMNS)), pl.DataFrame),
}


@pytest.mark.parametrize("kind", TAKEN)
def test_a_frame_is_taken_as_its_library_has_it(kind):
    X, truth = TAKEN[kind]
    table = as_table(X)
    assert type(table) is truth
    assert as_table(table) is table
    columns = TableColumns.learn(X, "from_dtype")
    assert [column.name for column in columns.columns] == ["size", "city"]
    assert columns[1].categories == ("Bonn", "Ulm")
    np.testing.assert_array_equal(columns.encode(X)[:, 1], [1, np.nan, 0])


def test_a_frame_of_dask_is_computed():
    dask = pytest.importorskip("dask.dataframe")
    frame = pd.DataFrame(COLUMNS, index=[4, 2, 9])
    table = as_table(dask.from_pandas(frame, npartitions=2, sort=False))
    assert isinstance(table, pd.DataFrame)
    assert table.index.tolist() == [4, 2, 9]
    assert table["size"].tolist() == COLUMNS["size"]


def test_a_column_may_have_the_name_of_an_attribute():
    names = ["to_frame", "collect", "collect_schema", "dtype", "read_all", "compute"]
    frame = pd.DataFrame(np.ones((2, 6)), columns=names)
    assert as_table(frame) is frame


@pytest.mark.parametrize(
    "X",
    [
        np.ones((2, 2)),
        np.ones((2, 2), dtype=int),
        np.array([["a", 1.0]], dtype=object),
        csr_array(np.eye(2)),
        [[1.0, 2.0], [3.0, 4.0]],
        ((1.0, 2.0), (3.0, 4.0)),
    ],
)
def test_arrays_and_lists_are_left_as_they_are(X):
    assert as_table(X) is X


# --- masks ----------------------------------------------------------------------------

MASK = [[True, False], [False, False]]
MASKED = {
    "float64": (np.ma.array([[9.0, 2], [3, 4]], mask=MASK), np.float64),
    "float32": (np.ma.array([[9, 2], [3, 4]], mask=MASK, dtype="f4"), np.float32),
    "int": (np.ma.array([[9, 2], [3, 4]], mask=MASK), np.float64),
    "uint8": (np.ma.array([[9, 2], [3, 4]], mask=MASK, dtype="u1"), np.float64),
    "rows": ([np.ma.array([9, 2], mask=[1, 0]), [3, 4]], np.float64),
}


@pytest.mark.parametrize("kind", MASKED)
def test_masked_numbers_are_nan(kind):
    X, dtype = MASKED[kind]
    table = as_table(X)
    assert type(table) is np.ndarray
    assert table.dtype == dtype
    np.testing.assert_array_equal(table, [[np.nan, 2], [3, 4]])


def test_masked_text_is_none():
    for dtype in (object, "U1"):
        table = as_table(np.ma.array([["z", "b"], ["c", "d"]], mask=MASK, dtype=dtype))
        assert table.tolist() == [[None, "b"], ["c", "d"]]


def test_a_mask_that_hides_nothing_changes_no_dtype():
    table = as_table(np.ma.array([[1, 2]], mask=False))
    assert type(table) is np.ndarray
    assert table.dtype == int


def test_masked_categories_of_an_array_are_missing():
    X = np.ma.array([[5, 1], [7, 2], [5, 3]], mask=[[0, 0], [1, 0], [0, 0]])
    columns = TableColumns.learn(X, [0])
    assert columns[0].categories == (5,)
    np.testing.assert_array_equal(columns.encode(X)[:, 0], [0, np.nan, 0])
    assert not columns.unknown(X).any()


# --- refused, with the call that helps ------------------------------------------------


def stand_in(*attributes, name="Thing"):
    """Return an object of a library that need not be installed."""
    return type(name, (SimpleNamespace,), {})(**dict.fromkeys(attributes, None))


LAZY = pl.DataFrame(COLUMNS).lazy()
RECORDS = [{"size": 1.5, "city": "Ulm"}, {"size": 2.0, "city": None}]
REFUSED = {
    "lazy polars": (LAZY, r"lazy frame.*X\.collect\(\)"),
    "lazy narwhals": (main_narwhals.from_native(LAZY), r"lazy.*X\.collect\(\)"),
    "reader": (
        TABLE.to_reader(),
        r"a stream, which can be read only once.*X\.read_all\(\)",
    ),
    "dict of columns": (COLUMNS, r"dict of columns.*pandas\.DataFrame\(X\)"),
    "dict of arrays": ({"a": np.ones(2)}, r"dict of columns.*pandas\.DataFrame\(X\)"),
    "a dict row": (RECORDS[0], r"dict of cells.*pandas\.DataFrame\(\[X\]\)"),
    "list of dicts": (RECORDS, r"rows as dicts \(list\)\. Pass pandas\.DataFrame\(X\)"),
    "structured": (
        np.array([(1.5, "Ulm")], dtype=[("size", float), ("city", "U4")]),
        r"structured array.*'size', 'city'.*pandas\.DataFrame\(X\)",
    ),
    "series": (pd.Series([1.0]), r"one column.*X\.to_frame\(\)"),
    "polars series": (pl.Series([1.0]), r"one column.*X\.to_frame\(\)"),
    "Arrow column": (TABLE["size"], r"one column.*pyarrow\.table\(\{'x': X\}\)"),
    "Arrow array": (pa.array([1.0]), r"one column.*pyarrow\.table\(\{'x': X\}\)"),
    "Arrow rows": (TABLE.to_struct_array(), r"from_struct_array\(X\)"),
    "generator": (
        (row for row in [[1.0]]),
        r"rows that can be read only once.*list\(X\)",
    ),
    "zip": (
        zip([1.0], [2.0], strict=True),
        r"rows that can be read only once.*list\(X\)",
    ),
    "path": ("rows.csv", r"no table, only text \(str\)\. Pass pandas\.read_csv\(X\)"),
    "DuckDB": (
        stand_in("fetchnumpy", "df", "__arrow_c_stream__", "to_table", "columns"),
        r"a query: its rows are not there yet.*X\.df\(\) or X\.to_arrow_table\(\)",
    ),
    "AnnData": (
        stand_in("obs", "var", "to_df", "shape", "X", name="AnnData"),
        r"several tables in one \(AnnData\).*X\.to_df\(\), or X\.X without the na",
    ),
    "dataset": (
        stand_in("to_table", "to_batches"),
        r"a dataset: its rows are not there yet.*X\.to_table\(\)",
    ),
    "Spark": (
        stand_in("toPandas", "dtypes", "columns"),
        r"is not in memory .*X\.toPandas\(\)",
    ),
    "xarray": (
        stand_in("to_dataframe", "dtypes"),
        r"no table of rows and col.*X\.to_dataframe\(\)",
    ),
    "frame": (stand_in("to_pandas"), r"no table that is known here .*X\.to_pandas\(\)"),
    "stream": (stand_in("__arrow_c_stream__"), r"is known here .*pyarrow\.table\(X\)"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_table_is_told_to_become_one(kind):
    X, message = REFUSED[kind]
    with pytest.raises(ValueError, match="(?s)" + message):
        as_table(X)


def test_a_column_of_dask_is_no_table():
    dask = pytest.importorskip("dask.dataframe")
    with pytest.raises(ValueError, match=r"one column.*X\.to_frame\(\)"):
        as_table(dask.from_pandas(pd.DataFrame(COLUMNS), npartitions=1)["size"])


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_frame_without_columns_is_refused(kind):
    message = r"rows is a \w+ without columns \(shape=\(0, 0\)\): at least 1 is"
    with pytest.raises(ValueError, match=message):
        as_table(kind({}), "rows")


def test_the_message_names_the_argument():
    with pytest.raises(ValueError, match=r"Z is a dict.*pandas\.DataFrame\(Z\)"):
        as_table(COLUMNS, "Z")


# --- dtypes and frames of answers -----------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": np.ones(2, dtype="f4")}),
        pd.DataFrame({"a": pd.array([1.0, None], dtype="Float32")}),
        pd.DataFrame({"a": pd.array([1.0, None], dtype="float[pyarrow]")}),
        pl.DataFrame({"a": [1.0, None]}, schema={"a": pl.Float32}),
        pa.table({"a": pa.array([1.0, None], type=pa.float32())}),
    ],
)
def test_float32_of_every_library_is_float32(frame):
    assert float_dtypes(frame) is np.float32
    wider = narwhals_v2.from_native(frame).with_columns(b=narwhals_v2.lit(1.5))
    assert float_dtypes(wider.to_native()) == [np.float64, np.float32]


def test_arrays_keep_the_float_that_they_have():
    for X in (np.ones((1, 1)), torch.ones(1, 1), [[1.0]]):
        assert float_dtypes(as_table(X)) == [np.float64, np.float32]


@pytest.mark.parametrize("kind", ["pandas", "polars", "Arrow"])
def test_answers_are_framed_like_the_question(kind):
    like = TAKEN[kind][0]
    rows = np.arange(6.0).reshape(3, 2)
    answer = as_frame_like(rows, like)
    assert type(answer) is type(like)
    frame = narwhals_v2.from_native(answer)
    assert frame.columns == ["size", "city"]
    np.testing.assert_array_equal(frame.to_numpy(), rows)


def test_a_pandas_answer_keeps_row_labels_and_any_names():
    names = pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["u", "v"])
    like = pd.DataFrame(np.ones((2, 2)), index=["r", "s"], columns=names)
    answer = as_frame_like(np.zeros((2, 2)), like)
    assert answer.index.equals(like.index)
    assert answer.columns.equals(names)
    array = np.zeros((2, 2))
    assert as_frame_like(array, np.ones((2, 2))) is array
