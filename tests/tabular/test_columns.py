"""Tables of any library: what columns are, and what comes back."""

import datetime
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sklearn_aae.tabular import (
    OtherKindError,
    TableColumns,
    _cells,
    _column,
    column_names,
)

MIXED = {
    "size": [1.5, None, -2.0, 0.25],
    "count": [3, 1, 2, 7],
    "city": ["Ulm", None, "Bonn", "Ulm"],
    "member": [True, False, True, True],
}


def pandas_frame():
    frame = pd.DataFrame(MIXED, index=[7, 5, 3, 1])
    frame["grade"] = pd.Categorical(
        ["low", "high", None, "low"], categories=["low", "mid", "high"], ordered=True
    )
    frame["code"] = pd.Categorical([30, 10, 30, None], categories=[30, 10])
    frame["whole"] = pd.array([1, None, 3, 4], dtype="Int64")
    frame["small"] = np.array([1, 2, 3, 4], dtype=np.uint8)
    frame["half"] = np.array([1, 2, 3, 4], dtype=np.float32)
    frame["text"] = pd.Series(["a", "b", None, "a"], dtype=object).to_numpy()
    frame["empty"] = [np.nan] * 4
    return frame


def polars_frame():
    frame = pl.DataFrame(MIXED)
    kinds = pl.Enum(["low", "mid", "high"])
    return frame.with_columns(
        grade=pl.Series(["low", "high", None, "low"], dtype=kinds),
        kind=pl.Series(["x", "y", "x", None], dtype=pl.Categorical),
        small=pl.Series([1, 2, 3, 4], dtype=pl.UInt8),
        empty=pl.Series([None] * 4, dtype=pl.String),
    )


def arrow_table():
    table = pa.table(MIXED)
    kind = pa.array(["x", "y", None, "x"]).dictionary_encode()
    return table.append_column("kind", kind)


FRAMES = [pandas_frame, polars_frame, arrow_table]


def learnt(frame, rule="from_dtype"):
    """Return the columns of a frame and its cells as numbers."""
    columns = TableColumns.learn(frame, rule)
    rows = columns.encode(frame)
    return columns.with_ranges_of(rows), rows


@pytest.mark.parametrize("make", FRAMES)
def test_what_columns_are(make):
    columns, rows = learnt(make())
    kinds = {column.name: column.categories for column in columns.columns}
    assert kinds["size"] is None
    assert kinds["count"] is None
    assert kinds["city"] == ("Bonn", "Ulm")
    assert kinds["member"] == (False, True)
    np.testing.assert_array_equal(rows[:, 0], [1.5, np.nan, -2.0, 0.25])
    np.testing.assert_array_equal(rows[:, 2], [1, np.nan, 0, 1])
    np.testing.assert_array_equal(rows[:, 3], [1, 0, 1, 1])


def test_declared_categories_keep_their_order():
    columns, rows = learnt(pandas_frame())
    by_name = {column.name: column for column in columns.columns}
    assert by_name["grade"].categories == ("low", "mid", "high")
    assert by_name["code"].categories == (30, 10)
    at = list(by_name).index("code")
    np.testing.assert_array_equal(rows[:, at], [0, 1, 0, np.nan])


@pytest.mark.parametrize("make", FRAMES)
def test_a_frame_comes_back(make):
    frame = make()
    columns, rows = learnt(frame)
    back = columns.decode(np.nan_to_num(rows), clip=True, like=frame)
    assert type(back) is type(frame)
    if isinstance(frame, pd.DataFrame):
        assert back.dtypes.equals(frame.dtypes)
        assert back.index.equals(frame.index)
        assert back.columns.equals(frame.columns)
    else:
        assert back.schema == frame.schema
    again = columns.encode(back)
    np.testing.assert_array_equal(again[~np.isnan(rows)], rows[~np.isnan(rows)])


def test_integers_are_rounded_and_stay_in_range():
    columns, _ = learnt(pandas_frame()[["count", "small"]])
    back = columns.decode(np.array([[2.4, -300.0], [99.0, 2.6]]), clip=False)
    assert back["count"].tolist() == [2, 7]
    assert back["small"].tolist() == [1, 3]


@pytest.mark.parametrize(("clip", "truth"), [(True, 1.5), (False, 9.0)])
def test_numbers_stay_in_range_if_asked(clip, truth):
    columns, _ = learnt(pandas_frame()[["size"]])
    assert columns.decode(np.array([[9.0]]), clip)["size"].tolist() == [truth]


def test_unknown_categories_are_missing():
    columns, _ = learnt(pd.DataFrame({"c": ["a", "b"], "n": [1.0, 2.0]}))
    rows = columns.encode(pd.DataFrame({"c": ["b", "z", None], "n": [1, None, 3]}))
    np.testing.assert_array_equal(rows[:, 0], [1, np.nan, np.nan])
    np.testing.assert_array_equal(rows[:, 1], [1, np.nan, 3])


@pytest.mark.parametrize(
    "rule", [[1], [False, True, False], np.array([1]), (1,)], ids=str
)
def test_categories_of_an_array(rule):
    X = np.array([[0.5, 3.0, 1.0], [1.5, 7.0, np.nan], [2.5, 3.0, 4.0]])
    columns, rows = learnt(X, rule)
    assert columns.n_categories == (0, 2, 0)
    np.testing.assert_array_equal(rows[:, 1], [0, 1, 0])
    back = columns.decode(np.array([[1.0, 1.0, 2.0]]), clip=True)
    np.testing.assert_array_equal(back, [[1.0, 7.0, 2.0]])


def test_categories_by_name():
    frame = pd.DataFrame({"a": [1, 2], "b": [3, 4]})
    assert learnt(frame, ["b"])[0].n_categories == (0, 2)


def test_text_that_looks_like_numbers_stays_text():
    X = np.array([["01", 1.5], ["02", 2.5], ["03", 3.5]], dtype=object)
    columns, rows = learnt(X, [0])
    assert columns.decode(rows, clip=True).tolist() == X.tolist()


def test_columns_named_by_integers():
    frame = pd.DataFrame({10: ["x", "y"], 20: [1, 2]})
    assert learnt(frame, {10: ["y", "x"]})[0][0].categories == ("y", "x")
    assert learnt(frame, [10, 20])[0].n_categories == (2, 2)
    with pytest.raises(ValueError, match="names 0, which is not a column"):
        learnt(frame, {0: ["x"]})


def test_integers_at_the_ends_of_their_dtype():
    frame = pd.DataFrame({"id": np.array([1, 2**63 - 1, 5]), "n": [1.0, 2.0, 3.0]})
    columns, rows = learnt(frame)
    assert columns.decode(rows, clip=True)["id"].dtype == np.int64


def test_no_row_of_the_table_is_kept():
    names = ["Alice Smith", "Bob Jones"] * 500
    for make in (pd.DataFrame, pl.DataFrame, pa.table):
        columns, _ = learnt(make({"n": np.arange(1000.0), "c": names}), {"c": ["?"]})
        kept = pickle.dumps(columns)
        assert b"Alice" not in kept
        assert len(kept) < 5000


def test_a_column_of_nulls():
    columns, rows = learnt(pa.table({"k": pa.nulls(3), "n": [1.0, 2.0, 3.0]}))
    assert np.isnan(rows[:, 0]).all()
    later = pa.table({"k": ["x", "y"], "n": pa.nulls(2)})
    assert np.isnan(columns.encode(later)).all()


def test_categories_of_every_library():
    table = pa.table({"c": pa.array(["u", "v", None]).dictionary_encode()})
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)
    assert learnt(frame)[0][0].categories == ("u", "v")
    frame = pl.DataFrame({"c": pl.Series(["u", "v"], dtype=pl.Enum(["u", "v"]))})
    columns, _ = learnt(frame, {"c": ["u", "v", "w"]})
    assert columns.decode(np.array([[2.0]]), clip=True)["c"].to_list() == ["w"]


def test_declared_categories():
    frame = pd.DataFrame({"a": ["x", "y"], "b": [1, 2], "c": [True, False]})
    columns, rows = learnt(frame, {"a": ["z", "y", "x"], "b": (2, 1)})
    assert columns.n_categories == (3, 2, 2)
    np.testing.assert_array_equal(rows, [[2, 1, 1], [1, 0, 0]])


def test_text_in_an_array():
    X = np.array([["u", 1.0], ["v", 2.5]], dtype=object)
    columns, rows = learnt(X, [0])
    np.testing.assert_array_equal(rows, [[0, 1.0], [1, 2.5]])
    assert columns.decode(rows, clip=True).tolist() == X.tolist()


# --- what is refused ------------------------------------------------------------------

TODAY = datetime.date(2020, 1, 1)
DAYS = pd.to_datetime(["2020-01-01", "2021-01-01"])
BAD_COLUMNS = [
    (pd.DataFrame({"when": DAYS}), "'when' .*day of the year"),
    (pd.DataFrame({"when": DAYS.tz_localize("UTC")}), "'when' .*day of the year"),
    (pd.DataFrame({"when": DAYS - DAYS[0]}), r"\(X\['when'\].dt.total_seconds"),
    (
        pd.DataFrame({"when": [datetime.timedelta(1), None]}, dtype=object),
        r"\(pandas.to_timedelta\(X\['when'\]\).dt.total_seconds",
    ),
    (
        pd.DataFrame({"when": [TODAY, TODAY]}),
        r"\(pandas.to_datetime\(X\['when'\]\).dt.day_of_year",
    ),
    (pd.DataFrame({"when": [datetime.time(1), None]}), "'when' .*example the days or"),
    (pl.DataFrame({"when": [datetime.time(1), None]}), "'when' .*example the days or"),
    (pl.DataFrame({"when": [TODAY, TODAY]}), "'when' .*day of the year"),
    (pl.DataFrame({"when": [datetime.timedelta(1)]}), r"'when' .*dt.total_seconds\("),
    (
        pd.DataFrame({"c": [1, "?"]}),
        r"'c' mixes values of the types int, str.*to_numeric\(X\['c'\], errors="
        r"'coerce'\), or text by X\['c'\].astype\(str\)",
    ),
    (pd.DataFrame({"c": [1.5, "x", None]}), "'c' mixes values of the types float, str"),
    (
        pd.DataFrame({"c": [True, "x"]}, dtype=object),
        "mixes values of the types bool, str",
    ),
    (pd.DataFrame({"c": [b"x", "x"]}), "'c' mixes values of the types bytes, str"),
    (pd.DataFrame({"c": [[1], [2]]}), "'c' .* nested"),
    (pd.DataFrame({"c": [{"a": 1}, {}]}), "'c' .* nested"),
    (pd.DataFrame({"c": [(1, 2), (3,)]}), "'c' .* nested"),
    (pd.DataFrame({"c": [np.ones(2), np.ones(3)]}), "'c' .* nested"),
    (pl.DataFrame({"c": [[1], [2, 3]]}), "'c' .* nested"),
    (pl.DataFrame({"c": [{"a": 1}, {"a": 2}]}), "'c' .* nested"),
    (pd.DataFrame([[1, 2]], columns=["a", "a"]), "one name: .'a'"),
]


@pytest.mark.parametrize(("frame", "message"), BAD_COLUMNS)
def test_columns_that_are_refused(frame, message):
    with pytest.raises(ValueError, match="(?s)" + message):
        TableColumns.learn(frame, "from_dtype")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (["z"], "names 'z', which is not a column"),
        ([5], "names 5, which is not a column"),
        ([True], r"mask .* shape \(1,\), but X has 2"),
        (None, "'c' has dtype .*from_dtype"),
        (["n"], r"'c' has dtype .*a list has all of them. Add it to the list"),
        ({"z": [1]}, "names 'z', which is not a column"),
        ({"c": ["a", "a"]}, r"\['c'\] must hold each category once"),
        ({"c": []}, r"\['c'\] must hold each category once"),
    ],
)
def test_rules_that_do_not_fit(rule, message):
    frame = pd.DataFrame({"n": [1, 2], "c": ["a", "b"]})
    with pytest.raises(ValueError, match="(?s)" + message):
        TableColumns.learn(frame, rule)


GOOD = pd.DataFrame({"n": [1.0, 2.0, 4.0], "c": ["a", "b", "a"]})
LATER = [
    (GOOD.assign(n=["x", "y", "z"]), "'n' held numbers in fit.*'x'"),
    (GOOD.assign(n=pd.Categorical(["x", "y", "z"])), "'n' held numbers in fit"),
    (GOOD.assign(n=DAYS[[0, 1, 0]]), "'n' .*day of the year"),
    (GOOD.assign(c=[1.5, 2.5, 3.5]), "'c' held categories such as 'a'.*float"),
    (GOOD.assign(c=[1, 2, 3]), "'c' held categories such as 'a'.*int"),
    (GOOD.assign(c=[[1], [2], [3]]), "'c' .* nested"),
    (GOOD[["n"]], "X has 1 columns, but there were 2"),
    (GOOD["n"].to_numpy(), "Expected 2D array, got 1D"),
]


@pytest.mark.parametrize(("frame", "message"), LATER)
def test_later_tables_that_are_refused(frame, message):
    columns = TableColumns.learn(GOOD, "from_dtype")
    with pytest.raises(ValueError, match="(?s)" + message):
        columns.encode(frame)


def test_errors_of_other_kinds_survive_processes():
    columns = TableColumns.learn(GOOD, "from_dtype")
    with pytest.raises(OtherKindError, match="'n' held numbers in fit") as error:
        columns.encode(LATER[0][0])
    back = pickle.loads(pickle.dumps(error.value))
    assert type(back) is OtherKindError
    assert str(back) == str(error.value)


def test_of_several_texts_that_are_no_numbers_the_first_is_told():
    columns = TableColumns.learn(GOOD, "from_dtype")
    for text in ("x", "y", "z"):
        frame = GOOD.assign(n=[text, *sorted({"x", "y", "z"} - {text})])
        with pytest.raises(ValueError, match=f"'n' held numbers in fit.*'{text}'"):
            columns.encode(frame)


def test_each_of_equal_values_is_read_once(monkeypatch):
    columns, read = TableColumns.learn(GOOD, "from_dtype"), []
    number = _cells._written_number
    monkeypatch.setattr(
        _cells, "_written_number", lambda v, *a: read.append(v) or number(v, *a)
    )
    for pair in (["1", "2"], [1, 2], [1.0, 2.0]):
        cells = pd.Categorical(pair * 50)
        frame = pd.DataFrame({"n": cells, "c": ["a"] * 100})
        assert columns.encode(frame)[:, 0].tolist() == [1.0, 2.0] * 50
        assert [read.pop(0), read.pop(0), *read] == pair


@pytest.mark.parametrize(
    ("cells", "truth"),
    [
        (["", "a", ""], (0, 1, 0)),  # an empty string is a category
        ([" a", "a", None], (0, 1, np.nan)),
        (["ä", "z", "ß"], (2, 0, 1)),
        ([True, False, None], (1, 0, np.nan)),
        ([pd.NA, "a", np.nan], (np.nan, 0, np.nan)),
    ],
)
def test_cells_that_are_taken(cells, truth):
    _, rows = learnt(pd.DataFrame({"c": pd.Series(cells, dtype=object)}))
    np.testing.assert_array_equal(rows[:, 0], truth)


@pytest.mark.parametrize(
    "cells",
    [
        pd.array([1, None, 3], dtype="Int64"),
        pd.array([1.0, None, 3.0], dtype="Float64"),
        pd.Series([1, None, 3], dtype=object),
        pd.arrays.SparseArray([1.0, np.nan, 3.0]),
        np.array([1.0, np.nan, 3.0], dtype=np.float16),
    ],
    ids=lambda cells: str(cells.dtype),
)
def test_numbers_of_all_dtypes(cells):
    columns, rows = learnt(pd.DataFrame({"n": cells, "c": ["a", "b", "a"]}))
    np.testing.assert_array_equal(rows[:, 0], [1, np.nan, 3])
    back = columns.decode(np.nan_to_num(rows, nan=2.0), clip=True)
    assert back["n"].dtype == cells.dtype


# --- whole numbers beside missing cells -----------------------------------------------

ROOMS = [3.0, None, 1.0, 4.0]
HOLED = [
    pd.DataFrame({"rooms": ROOMS}),
    pd.DataFrame({"rooms": pd.array(ROOMS, dtype="float32")}),
    pd.DataFrame({"rooms": pd.array(ROOMS, dtype="Float64")}),
    pd.DataFrame({"rooms": pd.array(ROOMS, dtype="double[pyarrow]")}),
    pd.DataFrame({"rooms": [3, None, 1, 4]}, dtype=object),
    pd.DataFrame({"rooms": [np.int64(3), pd.NA, 1, 4]}, dtype=object),
    pd.DataFrame({"rooms": pd.arrays.SparseArray([3.0, np.nan, 1.0, 4.0])}),
    pl.DataFrame({"rooms": ROOMS}),
    pa.table({"rooms": ROOMS}),
]


@pytest.mark.parametrize("frame", HOLED)
def test_whole_numbers_beside_holes_come_back_whole(frame):
    columns, _ = learnt(frame)
    rows = np.array([[2.4], [9.0]])
    for clip, most in ((True, 4), (False, 9)):
        cells = columns.decode(rows, clip)["rooms"]
        cells = cells.to_pylist() if isinstance(frame, pa.Table) else cells.to_list()
        assert cells == [2, most]
        whole = isinstance(frame, pd.DataFrame) and frame["rooms"].dtype == object
        assert all(isinstance(cell, int if whole else float) for cell in cells)


FRACTIONS = [
    pd.DataFrame({"rooms": [3.0, 2.0, 1.0, 4.0]}),  # floats that nothing made floats
    pd.DataFrame({"rooms": [3.5, None, 1.0, 4.0]}),
    pd.DataFrame({"rooms": [3.5, None, 1, 4]}, dtype=object),
    pl.DataFrame({"rooms": [3.5, None, 1.0, 4.0]}),
]


@pytest.mark.parametrize("frame", FRACTIONS)
def test_other_numbers_are_not_rounded(frame):
    columns, _ = learnt(frame)
    assert columns.decode(np.array([[2.4]]), True)["rooms"].to_list() == [2.4]


def test_an_array_of_floats_is_not_rounded():
    X = np.array([[3.0, 0.0], [np.nan, 1.0], [1.0, 0.0]])
    columns, _ = learnt(X, [1])
    assert columns.decode(np.array([[2.4, 1.0]]), True).tolist() == [[2.4, 1.0]]


def test_integers_of_an_untyped_array_come_back_as_such():
    X = np.array([["u", 3, 0.5], ["v", None, 1.0], ["u", 1, 2.0]], dtype=object)
    columns, _ = learnt(X, [0])
    ((text, whole, number),) = columns.decode(np.array([[1, 2.4, 0.75]]), True).tolist()
    assert (text, whole, number) == ("v", 2, 0.75)
    assert type(whole) is int


def test_a_later_chunk_may_show_that_numbers_are_not_whole():
    for first in ([3.0, None, 1.0], [3, None, 1]):
        columns, _ = learnt(pd.DataFrame({"rooms": pd.Series(first, dtype=object)}))
        assert columns.with_ranges_of(np.array([[np.nan], [7.0]]))[0].whole
        later = columns.with_ranges_of(np.array([[2.5], [7.0]]))
        assert later.decode(np.array([[2.4]]), True)["rooms"].tolist() == [2.4]
    typed, _ = learnt(pd.DataFrame({"rooms": [3, 2, 1]}))
    later = typed.with_ranges_of(np.array([[2.5]]))
    assert later[0].whole  # its dtype has no fractions


# --- frames of many columns -----------------------------------------------------------


def wide(kind, dtype, text=False):
    """Return a frame of 40 columns of numbers, one of them empty, and the numbers."""
    X = np.random.RandomState(0).normal(size=(6, 40)).astype(dtype)
    X[1, 3] = X[:, 7] = np.nan
    columns = {f"c{j}": X[:, j] for j in range(40)}
    if text:
        columns["t"] = ["a", "b"] * 3
        X = np.c_[X, [0, 1] * 3]
    return kind(columns), X


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "kind", [pd.DataFrame, pl.DataFrame, pa.table], ids=["pandas", "polars", "arrow"]
)
def test_columns_of_plain_numbers_are_read_as_one(kind, dtype, text, monkeypatch):
    frame, X = wide(kind, dtype, text)
    asked, numbers_of = [], _column.numbers_of
    monkeypatch.setattr(
        _column,
        "numbers_of",
        lambda cells, name: asked.append(type(cells)) or numbers_of(cells, name),
    )
    columns = TableColumns.learn(frame, "from_dtype")
    asked.clear()
    rows = columns.encode(frame)
    np.testing.assert_array_equal(rows, X)
    assert rows.dtype == dtype
    assert set(asked) == {np.ndarray}
    assert [column.empty for column in columns.columns[:40]] == [
        j == 7 for j in range(40)
    ]


def test_names_that_are_numbers_and_nullable_columns_beside_plain_ones():
    frame = pd.DataFrame({0: [1.5, 2.0], 9: [3.0, np.nan], 4: [5, 6]})
    frame[7] = pd.array([1.5, None], dtype="Float64")
    columns = TableColumns.learn(frame, "from_dtype")
    expected = [[1.5, 3, 5, 1.5], [2, np.nan, 6, np.nan]]
    np.testing.assert_array_equal(columns.encode(frame), expected)


SMALL_INTEGERS = np.arange(4, dtype=np.uint8)
OF_SMALL_INTEGERS = {
    "pandas": pd.DataFrame({"n": SMALL_INTEGERS}),
    "pandas nullable": pd.DataFrame({"n": SMALL_INTEGERS}, dtype="UInt8"),
    "pandas sparse": pd.DataFrame({"n": pd.arrays.SparseArray(SMALL_INTEGERS)}),
    "polars": pl.DataFrame({"n": SMALL_INTEGERS}),
    "Arrow": pa.table({"n": SMALL_INTEGERS}),
}


@pytest.mark.parametrize("kind", OF_SMALL_INTEGERS)
def test_larger_integers_of_later_chunks_become_the_largest_of_the_dtype(kind):
    frame = OF_SMALL_INTEGERS[kind]
    columns = TableColumns.learn(frame, "from_dtype")
    columns = columns.with_ranges_of(np.array([[-5.0], [3900.0]]))
    back = columns.decode(np.array([[-3.0], [7.0], [300.0]]), clip=True)
    assert [int(value) for value in np.asarray(back["n"])] == [0, 7, 255]
    assert type(back) is type(frame)


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.table])
def test_an_empty_name_comes_back(kind):
    frame = kind({"": [0.5, 1.5], "b": ["u", "v"]})
    columns = TableColumns.learn(frame, "from_dtype")
    back = columns.decode(columns.encode(frame), clip=True)
    assert column_names(back) == ["", "b"]
