"""The tables of docs/what_goes_in.rst, row by row: taken how, comes back how."""

import csv
import re
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sklearn_aae import AAETransformer, SemiSupervisedAAEClassifier
from sklearn_aae.tabular import is_labelled, read_labels

TABLES = Path(__file__).parents[1] / "docs" / "what_goes_in"
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0}
# Of many categories, of sparse columns, of a column of labels: said, and right.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
CELLS: dict = {}
exec((Path(__file__).parent / "what_goes_in.py").read_text(), CELLS)

FRAMES = {
    "pandas": lambda column: pd.DataFrame({"x": CELLS["x"], "c": column}),
    "polars": lambda column: pl.DataFrame({"x": CELLS["x"], "c": column}),
    "arrow": lambda column: pa.table({"x": CELLS["x"], "c": column}),
}


def rows_of(name: str) -> list:
    """Return the rows of a table of the docs as parameters of a test."""
    with (TABLES / f"{name}.csv").open(newline="") as file:
        return [
            pytest.param(name, *row, id=f"{name}: {row[0]}")
            for row in list(csv.reader(file))[1:]
        ]


def build(expression: str):
    """Build what stands in the first column."""
    return eval(expression.strip("`"), dict(CELLS))


def dtype_of(table) -> str:
    """Return the dtype of the column c."""
    column = table["c"]
    return str(column.type if isinstance(column, pa.ChunkedArray) else column.dtype)


def cells_of(table) -> list:
    """Return the cells of the column c."""
    column = table["c"]
    return getattr(column, "to_pylist", getattr(column, "to_list", None))()


@pytest.mark.parametrize(
    ("kind", "column", "taken", "back"),
    [row for kind in FRAMES for row in rows_of(kind)],
)
def test_columns(kind, column, taken, back):
    frame = FRAMES[kind](build(column))
    model = AAETransformer(**SMALL)
    if taken == "refused":
        with pytest.raises(ValueError, match=re.escape(back)) as caught:
            model.fit(frame)
        assert "'c'" in str(caught.value)
        return
    model.fit(frame)
    learned = model.columns_[1]
    found = {
        "categories": bool(learned.categories),
        "nothing": learned.empty,
        "whole numbers": learned.whole,
        "numbers": True,
    }
    assert next(name for name, holds in found.items() if holds) == taken
    for table in (model.sample(9, random_state=0), model.reconstruct(frame)):
        assert type(table) is type(frame)
        assert dtype_of(table) == back.strip("`")
        cells = cells_of(table)
        if taken == "nothing":
            assert all(pd.isna(cell) for cell in cells)
        elif taken == "categories":
            assert {c for c in cells if not pd.isna(c)} <= set(learned.categories)
        else:
            numbers = np.array(cells, dtype=float)
            numbers = numbers[~np.isnan(numbers)]
            assert taken == "numbers" or (numbers % 1 == 0).all()


def table_kind(table) -> str:
    """Return the type of a table, with the dtype of an array."""
    name = f"{type(table).__module__.split('.')[0]}.{type(table).__name__}"
    return f"{name} of {table.dtype}" if isinstance(table, np.ndarray) else name


@pytest.mark.parametrize(("kind", "table", "taken", "back"), rows_of("tables"))
def test_tables(kind, table, taken, back):
    model, X = AAETransformer(**SMALL), build(table)
    if taken == "refused":
        with pytest.raises(ValueError, match=re.escape(back)):
            model.fit(X)
        return
    Z = model.fit(X).transform(X)
    assert Z.shape == (40, 2)
    names = list(getattr(model, "feature_names_in_", ()))
    assert taken == ("columns u, v" if names == ["u", "v"] else "numbers")
    assert table_kind(model.sample(3, random_state=0)) == back.strip("`")
    assert table_kind(model.reconstruct(X)) in (
        back.strip("`"),
        f"numpy.ndarray of {Z.dtype}",
    )


@pytest.mark.parametrize(("kind", "labels", "classes", "unlabelled"), rows_of("labels"))
def test_labels(kind, labels, classes, unlabelled):
    X, y = np.c_[CELLS["x"], CELLS["i"]], build(labels)
    model = SemiSupervisedAAEClassifier(**SMALL)
    if classes == "refused":
        with pytest.raises(ValueError, match=re.escape(unlabelled)):
            model.fit(X, y)
        return
    model.fit(X, y)
    assert repr(model.classes_.tolist()) == classes.strip("`")
    assert (~is_labelled(read_labels(y))).sum() == int(unlabelled)
    assert set(model.predict(X).tolist()) <= set(model.classes_.tolist())
