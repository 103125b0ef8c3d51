"""Cells of every type: taken as numbers or categories, or refused with what helps."""

import datetime
import uuid
from enum import Enum

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sklearn_aae.tabular import TableColumns

pa = pytest.importorskip("pyarrow")
pc = pytest.importorskip("pyarrow.compute")

IDS = [uuid.UUID(int=i) for i in (2, 1)]
BYTES = [b"b", b"a"]


class Size(Enum):
    """An order that is not that of names or values."""

    SMALL = "s"
    MEDIUM = "m"
    LARGE = "l"


def objects(*values):
    return pd.DataFrame({"c": pd.Series(values, dtype=object)})


def pandas_of(array):
    return pd.DataFrame({"c": pd.arrays.ArrowExtensionArray(array)})


def arrow(values, dtype):
    return pa.table({"c": pa.array(values, type=dtype)})


# --- taken ----------------------------------------------------------------------------

RUNS = pc.run_end_encode(pa.array(["b", "a", "a"]))
STORED = pa.ExtensionArray.from_storage
CATEGORIES = {
    "booleans of NumPy": (objects(np.True_, None, np.False_), (False, True)),
    "booleans of both": (objects(np.True_, False), (False, True)),
    "booleans in polars": (
        pl.DataFrame({"c": pl.Series([np.True_, None, np.False_], dtype=pl.Object)}),
        (False, True),
    ),
    "text of NumPy": (objects(np.str_("b"), "a"), ("a", "b")),
    "bytes": (objects(b"b", None, b"a"), (b"a", b"b")),
    "bytes of NumPy": (objects(np.bytes_(b"b"), b"a"), (b"a", b"b")),
    "UUID": (objects(*IDS), (IDS[1], IDS[0])),
    "UUID in polars": (
        pl.DataFrame({"c": pl.Series(IDS, dtype=pl.Object)}),
        (IDS[1], IDS[0]),
    ),
    "Enum": (objects(Size.LARGE, Size.SMALL, None), (Size.SMALL, Size.LARGE)),
    "polars Binary": (pl.DataFrame({"c": BYTES}), (b"a", b"b")),
    "binary": (arrow(BYTES, pa.binary()), (b"a", b"b")),
    "large_binary": (arrow(BYTES, pa.large_binary()), (b"a", b"b")),
    "binary_view": (arrow(BYTES, pa.binary_view()), (b"a", b"b")),
    "fixed binary": (arrow(BYTES, pa.binary(1)), (b"a", b"b")),
    "fixed binary in pandas": (
        pandas_of(pa.array(BYTES, type=pa.binary(1))),
        (b"a", b"b"),
    ),
    "uuid": (
        pa.table(
            {"c": STORED(pa.uuid(), pa.array([u.bytes for u in IDS], pa.binary(16)))}
        ),
        (IDS[1], IDS[0]),
    ),
    "runs of text": (pa.table({"c": RUNS}), ("a", "b")),
    "large_string": (arrow(["b", None, "a"], pa.large_string()), ("a", "b")),
    "string_view": (arrow(["b", None, "a"], pa.string_view()), ("a", "b")),
    "dictionary of large_string": (
        pa.table({"c": pa.array(["a", "b"], pa.large_string()).dictionary_encode()}),
        ("a", "b"),
    ),
    "bool": (arrow([True, None], pa.bool_()), (False, True)),
    "bool8": (
        pa.table({"c": STORED(pa.bool8(), pa.array([1, 0], pa.int8()))}),
        (False, True),
    ),
}


@pytest.mark.parametrize("kind", CATEGORIES)
def test_cells_that_are_categories(kind):
    frame, truth = CATEGORIES[kind]
    columns = TableColumns.learn(frame, "from_dtype")
    assert columns[0].categories == truth
    assert [type(value) for value in columns[0].categories] == [*map(type, truth)]
    codes = columns.encode(frame)[:, 0]
    assert set(codes[~np.isnan(codes)]) <= set(range(len(truth)))
    assert not columns.unknown(frame).any()


@pytest.mark.parametrize("kind", CATEGORIES)
def test_categories_come_back_in_their_dtype(kind):
    frame, truth = CATEGORIES[kind]
    columns = TableColumns.learn(frame, "from_dtype")
    back = columns.decode(np.arange(len(truth))[:, None], clip=True)
    assert type(back) is type(frame)
    cells = back["c"].to_pylist() if isinstance(back, pa.Table) else list(back["c"])
    assert tuple(cells) == truth
    again = getattr(back, "schema", getattr(back, "dtypes", None))
    before = getattr(frame, "schema", getattr(frame, "dtypes", None))
    assert (again == before) is True or all(again == before)


NUMBERS = {
    "half": (arrow(np.array([1, 2.5], "f2"), pa.float16()), [1, 2.5]),
    "runs": (pa.table({"c": pc.run_end_encode(pa.array([1.0, 2.5]))}), [1, 2.5]),
    "null": (pa.table({"c": pa.nulls(2)}), [np.nan, np.nan]),
    "null in pandas": (pandas_of(pa.nulls(2)), [np.nan, np.nan]),
    "sparse": (pd.DataFrame({"c": pd.arrays.SparseArray([0.0, 2.5])}), [0, 2.5]),
    "numbers of NumPy": (objects(np.float32(1.5), None), [1.5, np.nan]),
    "decimal32 in pandas": (
        pandas_of(pa.array(["1.5", None]).cast(pa.float64()).cast(pa.decimal32(3, 1))),
        [1.5, np.nan],
    ),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_cells_that_are_numbers(kind):
    frame, truth = NUMBERS[kind]
    columns = TableColumns.learn(frame, "from_dtype")
    assert columns[0].categories is None
    np.testing.assert_array_equal(columns.encode(frame)[:, 0], truth)


def test_a_masked_cell_among_objects_is_missing():
    frame = objects("a", np.ma.masked, "b")
    columns = TableColumns.learn(frame, "from_dtype")
    assert columns[0].categories == ("a", "b")
    np.testing.assert_array_equal(columns.encode(frame)[:, 0], [0, np.nan, 1])
    assert not columns.unknown(frame).any()


def test_categories_of_bytes_come_back_in_an_array():
    X = np.array([[b"a"], [b"b"], [b"a"]])
    columns = TableColumns.learn(X, [0])
    assert columns[0].categories == (b"a", b"b")
    assert columns.decode(columns.encode(X), clip=True).tolist() == X.tolist()


# --- refused --------------------------------------------------------------------------

DAY = datetime.date(2020, 1, 1)
UNION = pa.UnionArray.from_sparse(
    pa.array([0, 1], pa.int8()), [pa.array([1.0, 2.0]), pa.array(["a", "b"])]
)
TENSOR = STORED(
    pa.fixed_shape_tensor(pa.int8(), [1]), pa.array([[1]], pa.list_(pa.int8(), 1))
)
MAP = pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64()))
INTERVAL = pa.array([(1, 2, 3)], pa.month_day_nano_interval())
REFUSED = {
    "map": (pa.table({"c": MAP}), "dtype map<string, int64>, with nested"),
    "map in pandas": (pandas_of(MAP), "dtype map<string, int64>.*nested"),
    "struct": (arrow([{"q": 1}], None), "dtype struct<q: int64>, with nested"),
    "list": (arrow([[1]], None), "dtype list<.*int64>, with nested"),
    "large_list": (arrow([[1]], pa.large_list(pa.int8())), "large_list<.*nested"),
    "list_view": (arrow([[1]], pa.list_view(pa.int8())), "list_view<.*nested"),
    "tensor": (pa.table({"c": TENSOR}), "fixed_shape_tensor.*nested"),
    "polars list": (pl.DataFrame({"c": [[1]]}), r"dtype List\(Int64\), with nested"),
    "frozenset": (objects(frozenset("a")), "frozenset, with nested"),
    "interval": (pa.table({"c": INTERVAL}), "month_day_nano_interval.*days or seconds"),
    "interval in pandas": (pandas_of(INTERVAL), "month_day_nano_interval"),
    "date64": (arrow([DAY], pa.date64()), r"date64\[ms\].*day_of_year\(X\['c'\]\)"),
    "date32": (arrow([DAY], pa.date32()), r"date32.*compute\.day_of_year\(X\['c'\]\)"),
    "polars date": (pl.DataFrame({"c": [DAY]}), r"Date\..*X\['c'\]\.dt\.ordinal_day"),
    "period": (
        pd.DataFrame({"c": pd.period_range("2020", periods=2)}),
        r"period.*X\['c'\]\.dt\.day_of_year",
    ),
    "Period": (
        objects(pd.Period("2020-01")),
        r"Period.*X\['c'\]\.infer_objects\(\)\.dt",
    ),
    "timedelta64": (objects(np.timedelta64(1, "D")), "timedelta"),
    "complex": (objects(1j, 2.0), "has dtype complex.*two columns"),
    "unsorted": (objects(object(), object()), r"of the type object.*astype\(str\)"),
    "mixed pandas": (objects("a", 1), r"int, str.*X\['c'\]\.astype\(str\)"),
    "mixed bytes": (objects("a", b"a"), r"bytes, str.*X\['c'\]\.astype\(str\)"),
    "mixed booleans": (objects(np.True_, 2.5), "types bool, float"),
    "mixed polars": (
        pl.DataFrame({"c": pl.Series(["a", 1], dtype=pl.Object)}),
        r"int, str.*X\['c'\]\.map_elements\(str, return_dtype=polars\.String\)",
    ),
    "mixed Arrow": (
        pa.table({"c": UNION}),
        r"float, str.*pyarrow\.array\(map\(str, X\['c'\]\.to_pylist\(\)\)\)",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_the_error_names_the_column_its_type_and_what_helps(kind):
    frame, message = REFUSED[kind]
    with pytest.raises(ValueError, match=f"(?s)^Column 'c' .*{message}"):
        TableColumns.learn(frame, "from_dtype")


@pytest.mark.parametrize("kind", ["map", "list", "unsorted", "mixed pandas", "date32"])
def test_a_column_that_is_named_a_category_is_refused_alike(kind):
    frame, message = REFUSED[kind]
    with pytest.raises(ValueError, match=f"(?s)^Column 'c' .*{message}"):
        TableColumns.learn(frame, ["c"])


def test_mixed_cells_of_an_array_are_told_by_their_place():
    X = np.array([[1.0, "a"], [2.0, 3]], dtype=object)
    with pytest.raises(ValueError, match=r"Column 1 .*X\[:, 1\]\.astype\(str\)"):
        TableColumns.learn(X, [1])


@pytest.mark.parametrize("call", ["X.columns", "X.rename_columns"])
def test_columns_of_one_name_are_renamed_as_their_library_does(call):
    frame = pd.DataFrame([[1, 2]], columns=["a", "a"])
    if call == "X.rename_columns":
        frame = pa.table([[1], [2]], names=["a", "a"])
    with pytest.raises(ValueError, match=f"'a'.*{call}"):
        TableColumns.learn(frame, "from_dtype")


# What makes these calls right: they do what the messages say.


def test_the_calls_that_are_advised_work():
    X = pl.DataFrame({"c": pl.Series(["a", 1, None], dtype=pl.Object)})
    with pytest.warns(pl.exceptions.PolarsInefficientMapWarning):  # its own is no way
        text = X["c"].map_elements(str, return_dtype=pl.String)
    assert text.to_list()[:2] == ["a", "1"]
    table = pa.table({"c": UNION})
    assert pa.array(map(str, table["c"].to_pylist())).to_pylist() == ["1.0", "b"]
    assert pl.DataFrame({"c": [DAY]})["c"].dt.ordinal_day().to_list() == [1]
    assert pc.day_of_year(arrow([DAY], pa.date32())["c"]).to_pylist() == [1]
