"""Labels of any container, and which of them are missing."""

import datetime
import uuid
from decimal import Decimal

import narwhals
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.exceptions import DataConversionWarning

from sklearn_aae.tabular import NotClassLabelsError, is_labelled, read_labels

TEXT = ["a", "b", None, "a"]
NUMBERS = [2, 1, None, 2]
FLAGS = [True, False, None, True]


class OnlyArray:
    """What other libraries bring: an object that NumPy can read, and no more."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


class Tensorlike(OnlyArray):
    """As xarray has it: dimensions and a shape, too."""

    ndim = 1

    @property
    def shape(self):
        return np.shape(self.values)


def masked(values, mask=(0, 0, 1, 0)):
    return np.ma.array(values, mask=mask)


def dictionary(values):
    return pa.array(values).dictionary_encode()


def null_within(values):
    """An Arrow dictionary whose null is one of its values."""
    return pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 0]), pa.array(values[:3]))


ANY = {
    "list": list,
    "tuple": tuple,
    "array of objects": lambda v: np.array(v, dtype=object),
    "masked objects": lambda v: masked(np.array([*v[:2], v[0], v[3]], dtype=object)),
    "masked": lambda v: masked([*v[:2], v[0], v[3]]),
    "column": lambda v: np.array(v, dtype=object)[:, None],
    "read by NumPy": lambda v: OnlyArray(np.array(v, dtype=object)),
    "xarray-like": lambda v: Tensorlike(np.array(v, dtype=object)),
    "pandas": lambda v: pd.Series(v, dtype=object),
    "pandas categorical": lambda v: pd.Series(v, dtype="category"),
    "pandas Categorical": pd.Categorical,
    "pandas index": lambda v: pd.Index(v, dtype=object),
    "pandas frame": lambda v: pd.DataFrame({"y": pd.Series(v, dtype="category")}),
    "pandas Arrow": lambda v: pd.Series(v, dtype=pd.ArrowDtype(pa.array(v).type)),
    "pandas Arrow dictionary": lambda v: pd.Series(
        dictionary(v), dtype=pd.ArrowDtype(dictionary(v).type)
    ),
    "polars": lambda v: pl.Series(v),
    "polars frame": lambda v: pl.DataFrame({"y": v}),
    "Arrow": pa.array,
    "Arrow chunks": lambda v: pa.chunked_array([v]),
    "Arrow dictionary": dictionary,
    "Arrow null in a dictionary": null_within,
    "Arrow dictionary chunks": lambda v: pa.chunked_array([dictionary(v)]),
    "Arrow run ends": lambda v: pa.RunEndEncodedArray.from_arrays(
        [1, 2, 3, 4], pa.array(v)
    ),
    "Arrow table": lambda v: pa.table({"y": dictionary(v)}),
    "Arrow batch": lambda v: pa.record_batch({"y": dictionary(v)}),
    "Arrow scalars": lambda v: list(pa.array(v)),
    "narwhals": lambda v: narwhals.from_native(pl.Series(v), series_only=True),
    "narwhals frame": lambda v: narwhals.from_native(pl.DataFrame({"y": v})),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize("values", [TEXT, NUMBERS, FLAGS], ids=["text", "int", "bool"])
@pytest.mark.parametrize("container", ANY)
def test_every_container_keeps_labels_and_what_is_missing(container, values):
    labels = read_labels(ANY[container](values))
    assert labels.tolist() == values
    kinds = {type(label) for label in labels if label is not None}
    assert kinds == {type(values[0])}
    assert is_labelled(labels).tolist() == [True, True, False, True]


@pytest.mark.parametrize(
    ("y", "truth"),
    [
        (pd.Series(NUMBERS, dtype="Int64"), NUMBERS),
        (pd.array(NUMBERS, dtype="Int64"), NUMBERS),
        (pd.Series(FLAGS, dtype="boolean"), FLAGS),
        (pd.Series(TEXT, dtype="string"), TEXT),
        (pl.Series(TEXT, dtype=pl.Categorical), TEXT),
        (pl.Series(TEXT, dtype=pl.Enum(["b", "a"])), TEXT),
        (pl.Series([2.0, float("nan"), None]), [2.0, None, None]),
        (pa.array([2.0, float("nan"), None]), [2.0, None, None]),
        (pl.Series([Decimal("2"), None]), [2, None]),
        (pl.Series([2**60 + 1, None]), [2**60 + 1, None]),
        (np.array([2.0, np.nan]), [2.0, None]),
        (["a", np.ma.masked, np.nan, pd.NA, pd.NaT], ["a", None, None, None, None]),
        (np.array(["2020", "NaT"], "M8[ns]")[1:], [None]),
        (torch.tensor([2, 1]), [2, 1]),
        (torch.tensor([True, False]), [True, False]),
        (torch.tensor([2.0, np.nan], dtype=torch.bfloat16), [2.0, None]),
        ([torch.tensor(2), torch.tensor(1)], [2, 1]),
        ([np.int32(2), np.bool_(True)], [2, True]),
        (masked([[2], [1]], [[0], [1]]), [2, None]),
        (csr_matrix([[2], [0]]), [2, 0]),
    ],
    ids=lambda value: "",
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_labels_of_single_libraries(y, truth):
    labels = read_labels(y).tolist()
    assert labels == truth
    assert [type(label) for label in labels] == [type(label) for label in truth]


def test_a_column_of_an_array_is_warned_of():
    with pytest.warns(DataConversionWarning, match="column-vector y_val"):
        read_labels(np.zeros((3, 1)), "y_val")


@pytest.mark.parametrize(
    ("y", "said"),
    [
        ([0.5, np.nan], r"y_val holds numbers that are not whole, such as 0\.5"),
        ([np.inf, 1.0], "y_val holds numbers that are not whole, such as inf"),
        (np.zeros((3, 2)), r"y_val has shape \(3, 2\)"),
        (csr_matrix((3, 2)), r"y_val has shape \(3, 2\)"),
        (pd.DataFrame({"a": [1], "b": [2]}), r"y_val has shape \(1, 2\)"),
        (pa.table({"a": [1], "b": [2]}), r"y_val has shape \(1, 2\)"),
        (pl.DataFrame({"a": [1], "b": [2]}), r"y_val has shape \(1, 2\)"),
    ],
)
def test_targets_of_other_kinds(y, said):
    with pytest.raises(NotClassLabelsError, match="Unknown label type.*" + said):
        read_labels(y, "y_val")


DAY = datetime.date(2020, 1, 2)
DATES = [
    np.array(["2020-01-02", "NaT"], "M8[ns]"),
    np.array(["2020-01-02", "NaT"], "M8[D]"),
    np.array([1, 2], "m8[s]"),
    np.ma.array(np.array(["2020", "2021"], "M8[ns]"), mask=[0, 1]),
    pd.Series(pd.to_datetime(["2020-01-02", None])),
    pd.Series(pd.period_range("2020", periods=2, freq="D")),
    pd.Series(pd.to_timedelta([1, 2])),
    pl.Series([DAY, None]),
    pl.Series([datetime.timedelta(1), None]),
    pa.array([DAY, None]),
    pa.array([datetime.time(1), None]),
    [DAY, None],
]


@pytest.mark.parametrize("y", DATES, ids=lambda y: "")
def test_dates_are_no_labels(y):
    with pytest.raises(ValueError, match="y_val holds dates or times, such as"):
        read_labels(y, "y_val")


@pytest.mark.parametrize(
    ("y", "said"),
    [
        ([uuid.UUID(int=1)], "y_val holds values of the type UUID"),
        (np.array([b"a"]), "y_val holds values of the type bytes"),
        ([1j], "y_val holds 1j.*Complex data not supported"),
        ([[1, 2], [3]], "y_val holds values of the type list"),
        (pl.Series([[1], [2]]), "y_val holds values of the type list"),
        (["a", 1], "y_val holds text such as 'a' and other values such as 1"),
        ("text", "y_val must hold one label for each row.*Got str"),
        ({"a": 1}, "y_val must hold one label for each row.*Got dict"),
        (pl.LazyFrame({"y": [1]}), r"y_val is a lazy frame.*y_val\.collect"),
    ],
)
def test_what_never_is_a_label(y, said):
    with pytest.raises(ValueError, match=said):
        read_labels(y, "y_val")


@pytest.mark.parametrize("minus_one", [-1, -1.0, np.int8(-1), Decimal(-1)])
def test_minus_one_is_a_label_if_it_is_named(minus_one):
    labels = read_labels([minus_one, 1, None, True])
    assert is_labelled(labels).tolist() == [False, True, False, True]
    assert is_labelled(labels, [-1, 1]).tolist() == [True, True, False, True]
    assert is_labelled(labels, [0, 1]).tolist() == [False, True, False, True]
    assert is_labelled(read_labels(["a", -1]), ["a"]).tolist() == [True, False]
