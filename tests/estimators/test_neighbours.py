"""Neighbours are the nearest rows, however far from the origin they lie."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from sklearn_aae.estimators._graph import mean_neighbor_distance, nearest


def make(kind, d, dtype):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(80, d))
    if kind == "clusters":
        X[:40] += 1e9 if dtype == np.float64 else 1e5
    if kind == "sentinel":
        X[rng.rand(80) < 0.5, 0] = 99_999_999
    return X.astype(dtype)


@pytest.mark.parametrize("kind", ["plain", "clusters", "sentinel"])
@pytest.mark.parametrize("d", [5, 30, 100])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_they_are_those_of_brute_force(kind, d, dtype):
    X = make(kind, d, dtype)
    apart = cdist(X.astype(float), X.astype(float))
    np.fill_diagonal(apart, np.inf)
    truth = np.sort(apart, 1)[:, :5]
    found = nearest(X, 5)
    assert (found != np.arange(80)[:, None]).all()
    np.testing.assert_allclose(np.take_along_axis(apart, found, 1), truth, 1e-6)
    assert mean_neighbor_distance(X, 5) == pytest.approx(truth[:, -1].mean(), rel=1e-6)


def test_equal_rows_are_neighbours_and_no_row_its_own():
    X = np.repeat(np.random.RandomState(0).normal(size=(4, 30)), 5, axis=0)
    found = nearest(X, 4)
    assert (found != np.arange(20)[:, None]).all()
    assert (found // 5 == np.arange(20)[:, None] // 5).all()
    assert mean_neighbor_distance(X, 4) == 0
