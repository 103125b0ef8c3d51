"""Rows of given cells, against many rows of the same model of which those are kept."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from sklearn_aae import (
    AAETransformer,
    ConditionalAAETransformer,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.estimators import _given
from sklearn_aae.estimators._given import draw_given
from sklearn_aae.utils._random import systematic

SMALL = {"hidden_layer_sizes": (32,), "critic_hidden_layer_sizes": (32,)}


@pytest.fixture(scope="module")
def fitted():
    """Return a model of two numbers and a category that is rare, and fixed by one."""
    x = np.random.RandomState(0).normal(size=3000)
    z = 2 * x + np.random.RandomState(1).normal(size=3000)
    table = pd.DataFrame({"x": x, "z": z, "k": np.where(x < -2, "low", "usual")})
    return AAETransformer(2, max_iter=20, random_state=0, **SMALL).fit(table)


@pytest.mark.parametrize("given", [{"x": 0.3}, {"x": -2.2}, {"k": "low"}])
def test_rows_of_given_cells_are_like_those_kept_of_many(given, fitted):
    (name, value), *_ = given.items()
    many = fitted.sample(200_000, random_state=1)
    near = many[name] == value if name == "k" else abs(many[name] - value) < 0.1
    kept = many[near]
    drawn = fitted.sample(2000, given=given, random_state=0)
    assert (drawn[name] == value).all()
    for column in {"x", "z"} - {name}:
        spread = kept[column].std()
        assert drawn[column].mean() == pytest.approx(
            kept[column].mean(), abs=spread / 5
        )
        assert drawn[column].std() == pytest.approx(spread, rel=0.2)
    share = (kept["k"] == "low").mean()
    assert (drawn["k"] == "low").mean() == pytest.approx(share, abs=0.05)


def test_importance_resampling_is_the_exact_posterior(fitted):
    # Of a prior N(0, 1) and a cell N(z, s), p(z|x) = N(x / (1 + s²), s² / (1 + s²)).
    s, x = 0.5, 1.2

    def draw(n, seed):
        return np.random.RandomState(seed).normal(size=(n, 1)), None

    def weigh(codes, labels):
        return -0.5 * ((x - codes[:, 0]) / s) ** 2

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_given, "_weigher", lambda model, known: weigh)
        codes, labels = draw_given(None, None, draw, 20_000, 0)
    assert labels is None
    assert codes.mean() == pytest.approx(x / (1 + s**2), abs=0.02)
    assert codes.var() == pytest.approx(s**2 / (1 + s**2), rel=0.03)


def test_few_likely_codes_are_told(fitted, monkeypatch):
    monkeypatch.setattr(_given, "MAX_CANDIDATES", 1000)
    unlikely = {"x": fitted.columns_[0].low, "z": fitted.columns_[1].high}
    with pytest.warns(UserWarning, match=r"Of \d+ codes drawn, only about \d+ make"):
        fitted.sample(3, given=unlikely, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted.sample(3, given={"k": "usual"}, random_state=0)


def test_candidates_come_in_batches(fitted, monkeypatch):
    alone = fitted.sample(50, given={"k": "usual"}, random_state=3)
    again = fitted.sample(50, given={"k": "usual"}, random_state=3)
    pd.testing.assert_frame_equal(alone, again)
    sizes = []

    def draw(n, seed):
        sizes.append(n)
        return np.zeros((n, 1)), np.arange(n)

    monkeypatch.setattr(_given, "MAX_BATCH", 2048)
    weigh = lambda codes, labels: np.where(labels % 4, -np.inf, 0.0)  # noqa: E731
    monkeypatch.setattr(_given, "_weigher", lambda model, known: weigh)
    _, labels = draw_given(None, None, draw, 1500, 0)
    assert max(sizes) <= 2048
    assert sum(sizes) >= 4 * 2 * 1500  # a quarter of them carries weight
    assert (labels % 4 == 0).all()


def test_labels_are_drawn_with_their_codes():
    rng = np.random.RandomState(0)
    y = (rng.uniform(size=600) < 0.2).astype(int)
    X = pd.DataFrame({"a": rng.normal(size=600) + 8 * y, "b": rng.normal(size=600)})
    options = {"max_iter": 60, "batch_size": 64, "random_state": 0}
    model = ConditionalAAETransformer(2, **options, **SMALL).fit(X, y)
    drawn = model.sample(200, given={"a": 8.0}, random_state=0)
    assert (drawn["a"] == 8).all()
    labels = np.array([1, 0] * 20)  # b says nothing of the label
    drawn = model.sample(40, y=labels, given={"b": 0.0}, random_state=0)
    assert ((drawn["a"] > 4) == labels).mean() > 0.9


def test_codes_that_hold_labels_stay_in_their_places():
    X, y = load_iris(return_X_y=True)
    model = SemiSupervisedAAEClassifier(max_iter=60, random_state=0, **SMALL).fit(X, y)
    labels = np.array([1, 0] * 20)
    drawn = model.sample(40, y=labels, given={1: 3.0}, random_state=0)
    assert (drawn[:, 1] == 3).all()
    assert (model.predict(drawn) == labels).mean() > 0.9


def test_rows_without_a_category_are_not_taken_for_those_that_have_it():
    rng = np.random.RandomState(0)
    lacks = rng.rand(900) < 0.5
    table = pd.DataFrame({"a": rng.normal(size=900) + 6 * lacks})
    table["k"] = np.where(lacks, None, rng.choice(["u", "v"], 900))
    model = AAETransformer(2, max_iter=20, random_state=0, **SMALL).fit(table)
    drawn = model.sample(300, given={"k": "u"}, random_state=0)
    assert (drawn["k"] == "u").all()
    assert (drawn["a"] < 3).mean() > 0.95


def test_systematic_resampling_repeats_by_weight():
    weight = np.array([0.0, 1.0, 2.0, 0.0, 1.0])
    places = systematic(weight, 8, 0.5)
    np.testing.assert_array_equal(np.bincount(places, minlength=5), 2 * weight)
    for start in (0.0, 0.999):
        assert weight[systematic(weight, 8, start)].all()


def test_rows_without_a_cell_are_not_taken_for_those_that_have_it():
    rng = np.random.RandomState(0)
    a = rng.normal(size=600)
    table = pd.DataFrame({"a": a, "c": np.where(a > 0, "p", "q"), "b": np.nan})
    table.loc[:2, "b"] = [1.0, 2.0, 3.0]
    model = AAETransformer(2, max_iter=5, random_state=0, **SMALL).fit(table)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        drawn = model.sample(60, given={"b": 2.0}, random_state=0)
    assert [w for w in caught if "invalid value" in str(w.message)] == []
    assert (drawn["b"] == 2.0).all()
    # They are drawn around the three rows that have the cell, not around one.
    assert drawn["a"].nunique() > 10


def test_the_warning_is_at_the_call(fitted):
    with pytest.warns(UserWarning, match="Of .* codes drawn") as caught:
        fitted.sample(3, given={"x": -2.9, "z": 3.0}, random_state=0)
    assert caught[0].filename == __file__
