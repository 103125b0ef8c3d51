"""A cell far out is to blame itself, not those beside it."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.base import clone

from sklearn_aae import AAEOutlierDetector
from sklearn_aae.estimators.outliers._scores import METHODS

OPTIONS = {
    "hidden_layer_sizes": (8,),
    "max_iter": 10,
    "n_init": 2,
    "random_state": 0,
}
WAYS = "reconstruction", "replacement"
VALUES = [-30.0, 1e3, -1e30, 1e200, np.finfo(float).max]


@pytest.fixture(scope="module")
def rows():
    return np.random.RandomState(0).normal(size=(200, 5))


@pytest.fixture(scope="module")
def frame(rows):
    """Numbers with holes, counts and categories."""
    rng = np.random.RandomState(1)
    frame = pd.DataFrame(rows[:, :3], columns=list("abc"))
    frame["n"] = rng.poisson(3.0, 200)
    frame["kind"] = rng.choice(["u", "v", "w"], 200)
    frame.loc[::9, "b"] = np.nan
    return frame


@pytest.fixture(scope="module", params=WAYS)
def fitted(request, rows):
    options = OPTIONS | {"localize_by": request.param}
    return AAEOutlierDetector(**options).fit(rows)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", VALUES)
def test_most_of_the_score_is_the_cells_own(method, value, fitted, rows):
    detector = clone(fitted).set_params(score_method=method)
    if method == "replacement":
        detector.set_params(localize_by=method)
    detector.fit(rows)
    X = rows[:4].copy()
    X[[0, 1, 2], [2, 0, 4]] = value
    shares, score = detector.localize(X), -detector.score_samples(X)
    np.testing.assert_allclose(shares.sum(1), score, 1e-9)
    for i, j in enumerate([2, 0, 4]):
        assert shares[i, j] / score[i] > 0.6
    np.testing.assert_allclose(shares[3], detector.localize(X[3:])[0], 1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [np.asarray, csr_matrix])
def test_kinds_of_rows(dtype, kind, rows):
    X = np.where(np.abs(rows) > 0.5, rows, 0.0).astype(dtype)
    detector = AAEOutlierDetector(scale=None, **OPTIONS).fit(kind(X))
    X[7, 3] = np.finfo(dtype).max
    shares = detector.localize(kind(X))
    assert shares[7, 3] > 0.8 * shares[7].sum()
    ordinary = detector.localize(kind(X[:7]))
    np.testing.assert_allclose(shares[:7], ordinary, 1e-6, 1e-9)


@pytest.mark.parametrize(
    ("column", "value"), [("a", 500.0), ("b", -1e9), ("c", 1e200), ("n", 10**6)]
)
@pytest.mark.parametrize("way", WAYS)
def test_beside_counts_and_categories(column, value, way, frame):
    detector = AAEOutlierDetector(
        count_features=["n"], **OPTIONS | {"localize_by": way}
    ).fit(frame)
    far = frame[:9].copy()
    far.loc[4, column] = value
    shares = np.asarray(detector.localize(far))
    assert shares[4, list(frame).index(column)] > 0.6 * shares[4].sum()
    rest = [i for i in range(9) if i != 4]
    np.testing.assert_allclose(shares[rest], detector.localize(far.iloc[rest]), 1e-6)


def test_cells_far_out_in_training_are_to_blame_as_well(rows):
    X = rows.copy()
    X[7, 3] = 1e6
    shares = AAEOutlierDetector(**OPTIONS).fit(X).localize(X)
    assert shares[7, 3] > 0.8 * shares[7].sum()


def test_two_cells_share_what_they_add(rows):
    X = rows[:1].copy()
    X[0, [1, 3]] = 1e4, -1e4
    shares = AAEOutlierDetector(**OPTIONS).fit(rows).localize(X)[0]
    assert shares[[1, 3]].sum() > 0.9 * shares.sum()
    assert shares[[1, 3]].min() > 0.3 * shares.sum()


def test_what_is_dealt_out_survives_a_copy(rows, tmp_path):
    import pickle

    X = rows[:3] * [1, 1, 1e5, 1, 1]
    detector = AAEOutlierDetector(**OPTIONS).fit(rows)
    loaded = pickle.loads(pickle.dumps(detector))
    np.testing.assert_array_equal(loaded.localize(X), detector.localize(X))


@pytest.mark.parametrize("far", [1e10, -1e20, 1e25])
def test_categories_beside_a_far_cell_are_some_that_there_are(far):
    """Columns of 3 and 4 categories share a group, which is filled up."""
    rng = np.random.RandomState(0)
    table = pd.DataFrame({"x": rng.normal(size=60)})
    table["three"], table["four"] = rng.choice([*"abc"], 60), rng.choice([*"abcd"], 60)
    for seed in range(4):
        model = AAEOutlierDetector(**OPTIONS | {"random_state": seed}).fit(table)
        rebuilt = model.reconstruct(table.head(2).assign(x=[far, -far]))
        assert rebuilt["three"].isin([*"abc"]).all()
        assert rebuilt["four"].isin([*"abcd"]).all()
