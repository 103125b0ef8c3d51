"""Copies are found out, by a distance of typed columns."""

import numpy as np
import pandas as pd
import pytest

from sklearn_aae.metrics import closest_row_share


def make_rows(n, seed):
    rng = np.random.RandomState(seed)
    return pd.DataFrame(
        {
            "x": np.where(rng.rand(n) < 0.1, np.nan, 100 * rng.normal(size=n)),
            "c": rng.choice(["a", "b", "c"], n),
            "k": rng.randint(0, 100, n),
        }
    )


@pytest.mark.parametrize(("n_train", "n_held_out"), [(400, 400), (900, 300)])
def test_share_of_copies(n_train, n_held_out):
    train, held_out = make_rows(n_train, 0), make_rows(n_held_out, 1)
    fresh = make_rows(3000, 2)
    assert closest_row_share(fresh, train, held_out) == pytest.approx(0.5, abs=0.06)
    assert closest_row_share(held_out, train, held_out) < 0.01
    evenly = np.linspace(0, n_train - 1, n_held_out).round().astype(int)
    both = pd.concat([train.iloc[evenly[:150]], held_out.iloc[:150]])
    assert closest_row_share(both, train, held_out) == pytest.approx(0.5, abs=0.01)


def test_share_is_the_brute_force_count():
    train, held_out, X = (
        np.random.RandomState(i).normal(size=(30, 2)) for i in range(3)
    )
    unit = train.std(0)
    near = [
        np.linalg.norm((X[:, None] - rows[None]) / unit, axis=2).min(1)
        for rows in (train, held_out)
    ]
    truth = (near[0] < near[1]).mean()
    assert closest_row_share(X, train, held_out) == pytest.approx(truth)
    assert closest_row_share(X, train, train) == 0.5


def test_categories_count_as_such():
    train = pd.DataFrame({"c": ["a"] * 20, "n": np.arange(20.0)})
    other = pd.DataFrame({"c": ["b"] * 20, "n": np.arange(20.0)})
    train.loc[0, "c"] = "b"
    assert closest_row_share(other.iloc[1:], train, other) == 0.0
