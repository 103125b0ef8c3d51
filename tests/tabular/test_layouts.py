"""Frames that come back from plain values: every dtype, every name, no library kept."""

import datetime
import json
import pickle
import pickletools
import subprocess
import sys
from decimal import Decimal

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sklearn_aae import AAETransformer
from sklearn_aae.tabular import TableColumns
from sklearn_aae.tabular._dtypes import describe_labels, make_labels

LIBRARIES = ("pandas", "polars", "pyarrow")
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 1, "random_state": 0}
X = np.random.RandomState(0).normal(size=(12, 1))


def modules_of(blob: bytes) -> set[str]:
    """Return the packages whose objects a pickle of protocol 2 names."""
    found = (a for op, a, _ in pickletools.genops(blob) if op.name == "GLOBAL")
    return {argument.split()[0].split(".")[0] for argument in found}


def round_trip(frame):
    """Return a frame that is built from what pickling leaves of its columns."""
    columns = TableColumns.learn(frame, "from_dtype")
    rows = columns.encode(frame)
    blob = pickle.dumps(columns.with_ranges_of(rows), protocol=2)
    assert not modules_of(blob) & set(LIBRARIES)
    loaded = pickle.loads(blob)
    json.dumps(loaded.layout, default=str)
    for j in range(rows.shape[1]):  # a hole comes back as something of its column
        known = rows[~np.isnan(rows[:, j]), j]
        rows[np.isnan(rows[:, j]), j] = known[0] if len(known) else 0.0
    return loaded.decode(rows, clip=True, like=frame)


WORDS = ["lo", "hi", "lo", "mid"]
DAYS = pd.to_datetime(["2020-01-01", "2021-01-01"])
BERLIN = DAYS.tz_localize("Europe/Berlin")
PANDAS = {
    **{
        kind: pd.Series([1, 0, 1, 3], dtype=kind)
        for kind in ("int8", "uint64", "float32", "Int64", "UInt8", "Float32")
    },
    "bool": pd.Series([True, False, True, True]),
    "boolean": pd.Series([True, False, None, True], dtype="boolean"),
    "object": pd.Series(["a", None, "b", "a"], dtype=object),
    "str": pd.Series(["a", "c", "b", "a"], dtype="str"),
    "string": pd.Series(["a", None, "b", "a"], dtype="string"),
    "string python": pd.Series(WORDS, dtype=pd.StringDtype("python")),
    "empty": pd.Series([None] * 4, dtype="float64"),
    "empty category": pd.Series([None] * 4, dtype="category"),
    "category": pd.Series(WORDS, dtype="category"),
    "ordered": pd.Series(pd.Categorical(WORDS, ["lo", "mid", "hi"], ordered=True)),
    "category of int": pd.Series(pd.Categorical([30, 10, 30, 10], [30, 10, 5])),
    "category of float": pd.Series(pd.Categorical([3.5, 1.0, 1.0, 3.5])),
    "category of bool": pd.Series(pd.Categorical([True, False, True, None])),
    "category of bytes": pd.Series(pd.Categorical([b"a", b"b", b"a", None])),
    "category of dates": pd.Series(pd.Categorical(DAYS[[0, 1, 0, 1]])),
    "category of times": pd.Series(pd.Categorical(BERLIN[[0, 1, 0, 1]])),
    "category of spans": pd.Series(pd.Categorical((DAYS - DAYS[0])[[0, 1, 0, 1]])),
    "category of months": pd.Series(pd.Categorical(DAYS.to_period("M")[[0, 1, 0, 1]])),
    "category of days": pd.Series(pd.Categorical([datetime.date(2020, 1, 1)] * 4)),
    "category of tuples": pd.Series(pd.CategoricalIndex([("a", 1), ("b", 2)] * 2)),
    "intervals": pd.Series(pd.cut([0.5, 1.5, 2.5, 0.5], [0, 1, 2, 3])),
    "sparse int": pd.Series(pd.arrays.SparseArray([0, 2, 0, 1])),
    "sparse float": pd.Series(pd.arrays.SparseArray([0.5, np.nan, 0.5, 1.0])),
    **{
        f"{kind}[pyarrow]": pd.Series(cells, dtype=pd.ArrowDtype(kind))
        for kind, cells in [
            (pa.int64(), [2**53 + 1, 2**60, None, 0]),
            (pa.uint64(), [2**64 - 1, 1, 2, 3]),
            (pa.float32(), [0.5, 1.5, None, 2.5]),
            (pa.float16(), [0.5, 1.5, 2.5, 2.5]),
            (pa.bool_(), [True, None, False, True]),
            (pa.string(), ["a", None, "b", "a"]),
            (pa.large_string(), ["a", None, "b", "a"]),
            (pa.decimal128(5, 2), [Decimal("1.10"), None, Decimal("999.99"), None]),
            (pa.dictionary(pa.int8(), pa.string()), ["b", None, "a", "b"]),
        ]
    },
}
POLARS = {
    **{
        str(kind): pl.Series([1, 0, None, 3], dtype=kind)
        for kind in (pl.Int8, pl.UInt8, pl.Int64, pl.UInt64, pl.Int128, pl.Float32)
    },
    "big": pl.Series([2**64 - 1, 0, 1, 2], dtype=pl.UInt64),
    "huge": pl.Series([2**100, 0, 1, 2], dtype=pl.Int128),
    "bool": pl.Series([True, None, False, True]),
    "text": pl.Series(["a", None, "b", "a"]),
    "null": pl.Series([None] * 4),
    "empty text": pl.Series([None] * 4, dtype=pl.String),
    "category": pl.Series(WORDS, dtype=pl.Categorical),
    "own categories": pl.Series(
        WORDS, dtype=pl.Categorical(pl.Categories("sizes", "shop", pl.UInt8))
    ),
    "enum": pl.Series(WORDS, dtype=pl.Enum(["lo", "mid", "hi"])),
    "decimal": pl.Series([Decimal("1.10"), None, Decimal("999.99"), None]),
    "narrow": pl.Series([Decimal("1.1"), None, Decimal("9.9"), None], dtype=None).cast(
        pl.Decimal(4, 1)
    ),
    "objects": pl.Series([1, 2, None, 3], dtype=pl.Object),
}
ARROW = {
    str(cells.type) + name: cells
    for name, cells in [
        ("", pa.array([1, 0, None, 3], pa.int8())),
        ("", pa.array([2**53 + 1, -(2**62), 0, 5], pa.int64())),
        ("", pa.array([2**64 - 1, 2**53 + 1, 0, 5], pa.uint64())),
        ("", pa.array([0.5, 1.5, None, 2.5], pa.float32())),
        ("", pa.array(np.array([0.5, 1, 2, 3], np.float16))),
        ("", pa.array([True, None, False, True])),
        ("", pa.array(["a", None, "b", "a"])),
        ("", pa.array(["a", None, "b", "a"], pa.large_string())),
        ("", pa.nulls(4)),
        ("", pa.nulls(4, pa.string())),
        ("", pa.array([Decimal("1.10"), None, Decimal("2.30"), None])),
        ("", pa.array([Decimal(7), None, Decimal(10) ** 30, None], pa.decimal256(60))),
        ("", pa.array(WORDS).dictionary_encode()),
        (
            "",
            pa.DictionaryArray.from_arrays(
                pa.array([1, 0, 1, None], pa.int8()), [5, 7]
            ),
        ),
        (
            " ordered",
            pa.DictionaryArray.from_arrays([0, 2, 0, 1], WORDS[1:], ordered=True),
        ),
    ]
}


def pandas_cells(series):
    return series.astype(object).where(series.notna(), None).tolist()


def assert_same(before: list, after: list):
    """Check the cells that were there; floats do not hold all integers."""
    for a, b in zip(before, after, strict=True):
        assert a is None or a == b or a == pytest.approx(b)


@pytest.mark.parametrize("name", PANDAS)
def test_dtypes_of_pandas(name):
    frame = pd.DataFrame({"x": X[:4, 0], "c": PANDAS[name]}, index=[5, 3, 1, 0])
    frame["c"] = PANDAS[name].to_numpy() if name == "bool" else PANDAS[name].array
    back = round_trip(frame)
    assert back.dtypes.equals(frame.dtypes)
    assert back.index.equals(frame.index)
    assert_same(pandas_cells(frame["c"]), pandas_cells(back["c"]))


@pytest.mark.parametrize("name", POLARS)
def test_dtypes_of_polars(name):
    frame = pl.DataFrame({"x": X[:4, 0], "c": POLARS[name]})
    back = round_trip(frame)
    assert back.schema == frame.schema
    assert_same(frame["c"].to_list(), back["c"].to_list())


@pytest.mark.parametrize("name", ARROW)
def test_dtypes_of_arrow(name):
    fields = [
        pa.field("x", pa.float64(), nullable=False, metadata={"unit": "m"}),
        pa.field("c", ARROW[name].type),
    ]
    schema = pa.schema(fields, metadata={"source": "here"})
    table = pa.table([X[:4, 0], ARROW[name]], schema=schema)
    back = round_trip(table)
    assert back.schema.equals(schema, check_metadata=True)
    assert_same(table["c"].to_pylist(), back["c"].to_pylist())


LABELS = [
    pd.RangeIndex(2, 6, 2),
    pd.Index(["a", "b"], name="measure"),
    pd.Index([10, 20]),
    pd.Index(["a", 1], dtype=object),
    pd.Index([("a", 1), ("b", 2)], tupleize_cols=False),
    pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["part", None]),
    pd.MultiIndex.from_arrays([["a", "a"], DAYS]),
    DAYS,
    BERLIN,
    DAYS.to_period("M"),
    DAYS - DAYS[0],
    pd.CategoricalIndex(["a", "b"], ordered=True),
    pd.interval_range(0, 2),
    pd.IntervalIndex.from_breaks(pd.date_range("2020", periods=3, tz="UTC")),
    pd.Index([datetime.date(2020, 1, 1), None], dtype=object),
    pd.Index([1, 2], dtype="int64[pyarrow]"),
]


@pytest.mark.parametrize("labels", LABELS, ids=lambda labels: type(labels).__name__)
def test_labels_of_pandas(labels):
    described = describe_labels(labels)
    assert not modules_of(pickle.dumps(described, protocol=2)) & set(LIBRARIES)
    back = make_labels(pickle.loads(pickle.dumps(described)))
    assert type(back) is type(labels)
    pd.testing.assert_index_equal(back, labels, exact=True)


@pytest.mark.parametrize("at", [5, 1])
def test_names_of_columns_come_back(at):
    frame = pd.DataFrame(np.c_[X, X**2], columns=LABELS[at])
    pd.testing.assert_index_equal(round_trip(frame).columns, frame.columns)


# --- categories keep their order ------------------------------------------------------

ORDERED = pa.DictionaryArray.from_arrays(
    pa.array([1, 0, 2, None] * 3), ["lo", "mid", "hi"], ordered=True
)
TABLE = pa.table({"x": X[:, 0], "size": ORDERED})


def size_order(frame) -> tuple[list, bool]:
    """Return the categories that a frame's column declares, and if they have order."""
    column = frame["size"]
    if isinstance(frame, pa.Table):
        return column.chunk(0).dictionary.to_pylist(), column.type.ordered
    if isinstance(frame, pl.DataFrame):
        return column.dtype.categories.to_list(), True
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.categories.tolist(), column.cat.ordered
    chunk = column.array.__arrow_array__().chunk(0)
    return chunk.dictionary.to_pylist(), chunk.type.ordered


SIZES = pl.Enum(["lo", "mid", "hi"])
CONTAINERS = {
    "arrow": TABLE,
    "arrow in chunks": pa.concat_tables([TABLE.slice(5), TABLE.slice(0, 5)]),
    "pandas": TABLE.to_pandas(),
    "pandas of arrow": TABLE.to_pandas(types_mapper=pd.ArrowDtype),
    "polars": pl.DataFrame(
        {"x": X[:, 0], "size": pl.Series(ORDERED.to_pylist(), dtype=SIZES)}
    ),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_ordered_categories_keep_their_order(name):
    frame = CONTAINERS[name]
    model = AAETransformer(2, **SMALL).fit(frame)
    assert model.columns_[1].categories == ("lo", "mid", "hi")
    for back in (model.sample(4, random_state=0), model.reconstruct(frame)):
        assert size_order(back) == (["lo", "mid", "hi"], True)


@pytest.mark.parametrize("name", ["arrow", "pandas of arrow"])
def test_a_null_in_a_dictionary_is_a_missing_cell(name):
    codes = np.array([0, 1, 2, 1, 0, 2] * 2)
    kind = pa.DictionaryArray.from_arrays(codes, pa.array(["v", None, "u"]))
    table = pa.table({"x": X[:, 0], "kind": kind})
    if name != "arrow":
        table = table.to_pandas(types_mapper=pd.ArrowDtype)
    columns = TableColumns.learn(table, "from_dtype")
    assert columns[1].categories == ("v", "u")
    np.testing.assert_array_equal(np.isnan(columns.encode(table)[:, 1]), codes == 1)
    model = AAETransformer(2, **SMALL).fit(table)
    drawn = model.sample(20, random_state=0)["kind"]
    drawn = drawn.to_pylist() if name == "arrow" else drawn.dropna().tolist()
    assert set(drawn) <= {"u", "v", None}


def test_declared_categories_find_room_in_a_dictionary():
    names = [f"n{i}" for i in range(300)]
    kind = pa.array(["n0", "n1"] * 6).cast(pa.dictionary(pa.int8(), pa.string()))
    columns = TableColumns.learn(pa.table({"kind": kind}), {"kind": names})
    assert columns.decode(np.array([[299.0]]), True)["kind"].to_pylist() == ["n299"]


# --- numbers that are no floats -------------------------------------------------------

PRICES = [Decimal("1.10"), Decimal("2.30"), None] * 4
EXACT = {
    "arrow": pa.table({"x": X[:, 0], "price": pa.array(PRICES)}),
    "polars": pl.DataFrame({"x": X[:, 0], "price": PRICES}),
    "objects": pd.DataFrame({"x": X[:, 0], "price": PRICES}),
    "object array": np.column_stack([X[:, 0].astype(object), PRICES, ["a", "b"] * 6]),
}
EXACT["pandas"] = EXACT["arrow"].to_pandas(types_mapper=pd.ArrowDtype)
EXACT["with text"] = EXACT["pandas"].assign(kind=["a", "b"] * 6)


@pytest.mark.parametrize("name", EXACT)
def test_decimals_come_back_as_decimals(name):
    frame = EXACT[name]
    categories = [2] if name == "object array" else "from_dtype"
    model = AAETransformer(2, categorical_features=categories, **SMALL).fit(frame)
    for back in (model.sample(6, random_state=0), model.reconstruct(frame)):
        cells = back[:, 1] if isinstance(back, np.ndarray) else back["price"]
        cells = cells.to_pylist() if isinstance(back, pa.Table) else list(cells)
        cells = [cell for cell in cells if not pd.isna(cell)]
        assert all(type(cell) is Decimal for cell in cells)
        assert all(Decimal("1.10") <= cell <= Decimal("2.30") for cell in cells)
        assert all(cell == round(cell, 2) for cell in cells)


def test_digits_of_decimals_that_come_later_are_kept():
    def chunk(*cells):
        return pd.DataFrame({"x": X[:, 0], "price": list(map(Decimal, cells)) * 6})

    model = AAETransformer(2, **SMALL).partial_fit(chunk("1", "3"))
    assert all(cell == round(cell) for cell in model.sample(9, random_state=0)["price"])
    model.partial_fit(chunk("1.0625", "NaN"))
    drawn = [p for p in model.sample(9, random_state=0)["price"] if not pd.isna(p)]
    assert all(type(cell) is Decimal and cell == round(cell, 4) for cell in drawn)
    assert any(cell != round(cell, 3) for cell in drawn)


def test_decimals_beyond_their_digits_are_the_largest_that_there_are():
    table = pa.table({"p": pa.array([Decimal("9.9"), Decimal("-9.9")])})
    columns = TableColumns.learn(table, "from_dtype")
    columns = columns.with_ranges_of(columns.encode(table))
    rows = np.array([[1e9], [-1e300], [0.25]])
    back = columns.decode(rows, clip=False)["p"].to_pylist()
    assert back == [Decimal("9.9"), Decimal("-9.9"), Decimal("0.2")]


BIG = [2**53 + 1, 2**62, 5] * 4
UNSIGNED = [2**53 + 1, 2**64 - 1, 5] * 4
INTEGERS = {
    "arrow": pa.table({"x": X[:, 0], "i": BIG, "u": pa.array(UNSIGNED, pa.uint64())}),
    "polars": pl.DataFrame(
        {"x": X[:, 0], "i": BIG, "u": pl.Series(UNSIGNED, dtype=pl.UInt64)}
    ),
    "pandas": pd.DataFrame({"x": X[:, 0], "i": BIG, "u": np.array(UNSIGNED, "u8")}),
}
INTEGERS["pandas of arrow"] = INTEGERS["arrow"].to_pandas(types_mapper=pd.ArrowDtype)
INTEGERS["nullable"] = INTEGERS["pandas"].astype({"i": "Int64", "u": "UInt64"})


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("name", INTEGERS)
def test_integers_that_floats_do_not_hold(name, text):
    frame = INTEGERS[name]
    if text and name == "arrow":
        frame = frame.append_column("c", [["a", "b"] * 6])
    elif text and name == "polars":
        frame = frame.with_columns(c=pl.Series(["a", "b"] * 6))
    elif text:
        frame = frame.assign(c=["a", "b"] * 6)
    model = AAETransformer(2, **SMALL).fit(frame)
    for back in (model.sample(6, random_state=0), model.reconstruct(frame)):
        for column, most in (("i", 2**62), ("u", 2**64)):
            cells = back[column]
            cells = cells.to_pylist() if isinstance(back, pa.Table) else list(cells)
            assert all(5 <= int(cell) <= most for cell in cells)
            assert all(int(cell) == cell for cell in cells)
            assert max(map(int, cells)) > 2**53


# --- without the library --------------------------------------------------------------

ABSENT = """
import sys
import warnings
from importlib.machinery import PathFinder


class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.split(".")[0] in ("pandas", "polars", "pyarrow"):
            return None
        return super().find_spec(name, path, target)


sys.meta_path = [Without if f is PathFinder else f for f in sys.meta_path]
import joblib
import numpy as np
warnings.simplefilter("ignore")
models, rows, codes = joblib.load(sys.argv[1])
for name, model in models.items():
    assert np.array_equal(model.transform(rows[name]), codes[name]), name
    for answer in (model.sample, lambda: model.reconstruct(rows[name])):
        try:
            answer()
        except ImportError as error:
            library = "pyarrow" if name == "arrow" else name.split()[0]
            assert f"fitted on a frame of {library}" in str(error), error
        else:
            raise AssertionError(name)
"""


def test_a_model_of_a_frame_answers_where_its_library_is_not(tmp_path):
    frame = pd.DataFrame({"x": X[:, 0], "kind": ["a", "b"] * 6})
    frames = {
        "pandas": frame,
        "polars": pl.from_pandas(frame),
        "arrow": pa.Table.from_pandas(frame),
        "pandas of intervals": frame.assign(kind=pd.cut(X[:, 0], 3)),
    }
    models = {k: AAETransformer(2, **SMALL).fit(X) for k, X in frames.items()}
    rows = {k: frame.to_numpy(object) for k in frames}
    rows["pandas of intervals"] = rows["pandas"].copy()
    rows["pandas of intervals"][:, 1] = None
    codes = {k: models[k].transform(rows[k]) for k in frames}
    joblib.dump((models, rows, codes), tmp_path / "models.joblib")
    done = subprocess.run(
        [sys.executable, "-c", ABSENT, tmp_path / "models.joblib"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
