"""A category that a table lacks is unlike all others, whoever holds it."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.spatial.distance import cdist

from sklearn_aae.metrics import (
    closest_row_share,
    density_coverage,
    frechet_distance,
    precision_recall,
)

KINDS = {
    "pandas": lambda frame: frame,
    "categorical": lambda frame: frame.assign(kind=frame["kind"].astype("category")),
    "polars": pl.from_pandas,
    "arrow": pa.Table.from_pandas,
    "objects": lambda frame: frame.to_numpy(dtype=object),
}
over_containers = pytest.mark.parametrize("container", KINDS)


def make(n, seed, n_kinds=600):
    rng = np.random.RandomState(seed)
    kinds = rng.choice([f"k{i}" for i in range(n_kinds)], n)
    return pd.DataFrame({"kind": kinds, "x": rng.normal(size=n)})


def squared(a, b, unit):
    differ = a["kind"].to_numpy(object)[:, None] != b["kind"].to_numpy(object)
    return cdist(a[["x"]] / unit, b[["x"]] / unit, "sqeuclidean") + 2 * differ


def share_by_hand(X, train, held_out):
    unit = train["x"].std(ddof=0)
    to_train, to_others = (squared(X, t, unit).min(1) for t in (train, held_out))
    return (to_train < to_others).mean() + 0.5 * (to_train == to_others).mean()


@pytest.mark.parametrize("n_kinds", [3, 60, 600, 5000])
@pytest.mark.parametrize("kind", ["fresh", "near"])
def test_copies_among_many_categories(n_kinds, kind):
    train, held_out = make(300, 1, n_kinds), make(300, 2, n_kinds)
    X = make(500, 3, n_kinds)
    if kind == "near":
        X = train.sample(500, replace=True, random_state=0)
        X = X.assign(x=X["x"] + np.random.RandomState(4).normal(size=500))
    truth = share_by_hand(X, train, held_out)
    assert closest_row_share(X, train, held_out) == pytest.approx(truth)
    truth = share_by_hand(X, held_out, train)
    assert closest_row_share(X, held_out, train) == pytest.approx(truth)


@over_containers
def test_containers_are_alike(container):
    tables = make(50, 3), make(40, 1), make(40, 2)
    rule = [0] if container == "objects" else "from_dtype"
    found = closest_row_share(*map(KINDS[container], tables), categorical_features=rule)
    assert found == pytest.approx(share_by_hand(*tables))


def test_categories_of_nobody_else_are_equal_at_least_to_themselves():
    train = pd.DataFrame({"c": ["a", "z"] * 5})
    others = pd.DataFrame({"c": ["b", "c"] * 5})
    X = pd.DataFrame({"c": ["z", "b", "new", "a"]})
    assert closest_row_share(X, train, others) == (1 + 0 + 0.5 + 1) / 4
    assert closest_row_share(X, others, train) == (0 + 1 + 0.5 + 0) / 4
    declared = {"c": ["a", "z"]}
    found = closest_row_share(X, train, others, categorical_features=declared)
    assert found == (1 + 0 + 0.5 + 1) / 4


def test_missing_cells_have_a_distance():
    """A hole is a category of its own; a number is (v² + 1)^½ from it."""

    def table(*cells):
        return pd.DataFrame(cells, columns=["c", "x"]).astype({"x": float})

    # Of mean 0 and standard deviation 1.
    train = table(("a", 1), ("a", -1), ("b", 1), ("b", -1))
    one_of_each = [table(*[row] * 4) for row in ((None, 1), ("c", 1), ("a", None))]
    hole, unknown, without = one_of_each
    X = table(("a", 1), (None, 1), ("c", 1), (None, None), ("a", None))
    # Squared distances to the nearest row of train: 0, 2, 2, 4, 2; to `hole`: 2, 0,
    # 2, 2, 4; to `unknown`: 2, 2, 0, 4, 4; to `without`: 2, 4, 4, 2, 0.
    assert closest_row_share(X, train, hole) == (1 + 0 + 0.5 + 0 + 1) / 5
    assert closest_row_share(X, train, unknown) == (1 + 0.5 + 0 + 0.5 + 1) / 5
    assert closest_row_share(X, train, without) == (1 + 1 + 1 + 0 + 0) / 5


@pytest.mark.parametrize("container", sorted(set(KINDS) - {"objects"}))
def test_balls_hold_no_other_categories(container):
    X, Y = make(60, 1, 40), make(50, 2, 60)
    assert set(Y["kind"]) - set(X["kind"])
    unit = X["x"].std(ddof=0)
    to = squared(Y, X, unit)
    held = to <= np.sort(squared(X, X, unit), 1)[:, 3]
    holding = to <= np.sort(squared(Y, Y, unit), 1)[:, [3]]
    tables = KINDS[container](X), KINDS[container](Y)
    truth = pytest.approx([held.any(1).mean(), holding.any(0).mean()])
    assert precision_recall(*tables) == truth
    truth = pytest.approx([held.sum(1).mean() / 3, held.any(0).mean()])
    assert density_coverage(*tables, n_neighbors=3) == truth


def test_frechet_counts_a_new_category():
    x = np.random.RandomState(0).normal(size=40)
    X = pd.DataFrame({"kind": ["a", "b"] * 20, "x": x})
    Y = pd.DataFrame({"kind": ["a", "c"] * 20, "x": x})
    by_hand = [
        np.column_stack([x / x.std(), *(t["kind"] == kind for kind in "abc")])
        for t in (X, Y)
    ]
    found = frechet_distance(X, Y)
    assert found == pytest.approx(frechet_distance(*by_hand))
    assert found > 0.5
    assert frechet_distance(X, Y.replace({"c": "d"})) == pytest.approx(found)


def test_frechet_of_many_categories_is_exact():
    X, Y = make(60, 1, 300), make(60, 2, 300)
    kinds = sorted({*X["kind"], *Y["kind"]})
    unit = X["x"].std(ddof=0)
    by_hand = [
        np.column_stack([t["x"] / unit, *(t["kind"] == kind for kind in kinds)])
        for t in (X, Y)
    ]
    assert frechet_distance(X, Y) == pytest.approx(frechet_distance(*by_hand))


@pytest.mark.parametrize("name", ["X", "X_train", "X_held_out"])
def test_what_cannot_be_compared_is_named(name):
    tables = {"X": make(9, 0), "X_train": make(9, 1), "X_held_out": make(9, 2)}
    tables[name] = tables[name].assign(x=np.inf)
    with pytest.raises(ValueError, match=f"'{name}' argument .* infinite .* 'x'"):
        closest_row_share(**tables)
    tables[name] = tables[name].rename(columns={"x": "z"})
    with pytest.raises(ValueError, match="the same columns in the same order"):
        closest_row_share(**tables)
