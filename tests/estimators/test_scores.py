"""Scores in the units of the table, against densities written out."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import laplace, norm
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from sklearn_aae import AAETransformer
from sklearn_aae.metrics import aae_scorer
from sklearn_aae.tabular import SCALERS, TablePreprocessor, log_jacobian

SMALL = {"hidden_layer_sizes": (16,), "critic_hidden_layer_sizes": (16,)}
X = np.random.RandomState(0).gamma(2.0, size=(300, 3)) * [1, 10, 1000] + [0, 5, -3]
X[:, 2] = 100 * X[:, 0] + X[:, 2] / 10
MODEL = AAETransformer(2, max_iter=10, clip=False, random_state=0, **SMALL)


@pytest.mark.parametrize("reconstruction", ["gaussian", "laplace"])
@pytest.mark.parametrize("scale", ["standard", "minmax", "range", "common", None])
def test_the_score_is_the_density_of_rows_in_their_units(scale, reconstruction):
    rows = X if scale else X / X.std(0)
    model = (
        clone(MODEL).set_params(scale=scale, reconstruction=reconstruction).fit(rows)
    )
    missed = rows - model.reconstruct(rows)
    unit = 1 / model.preprocessor_.slopes()
    deviation = np.sqrt(np.mean((missed / unit) ** 2)) * unit
    density = norm(0, deviation)
    if reconstruction == "laplace":
        density = laplace(0, deviation / np.sqrt(2))  # of the same variance
    told = density.logpdf(missed).sum(1)
    np.testing.assert_allclose(model.score_samples(rows), told, rtol=1e-4, atol=1e-4)


def test_units_move_scores_by_their_logarithm():
    factor = np.array([4.0, 0.5, 1024.0])
    plain, other = clone(MODEL).fit(X), clone(MODEL).fit(X * factor)
    moved = other.score_samples(X * factor) + np.log(factor).sum()
    np.testing.assert_allclose(moved, plain.score_samples(X), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("scale", [s for s in SCALERS if s])
def test_the_jacobian_is_the_slope_of_the_scaling(scale):
    scaling = TablePreprocessor(scale).fit(X)
    rows = np.percentile(X, [12.3, 45.6, 78.9], axis=0)
    step = 1e-6 * X.std(0)
    above, below = scaling.scale_rows(rows + step), scaling.scale_rows(rows - step)
    slope = (above - below) / (2 * step)
    told = log_jacobian(scaling, rows)
    rtol = 0.01 if scale == "quantile" else 1e-6  # from one quantile to the next
    np.testing.assert_allclose(told, np.log(slope).sum(1), rtol=rtol)
    rows[0, 1] = np.nan
    rest = np.log(slope[0, [0, 2]]).sum()
    np.testing.assert_allclose(log_jacobian(scaling, rows)[0], rest, rtol=rtol)


def test_quantiles_that_are_one_value_have_the_slope_around_it():
    cells = np.r_[np.zeros(50), np.arange(1.0, 51.0)][:, None]
    scaling = TablePreprocessor("quantile").fit(cells)
    asked = np.array([[-5.0], [0.0], [0.5], [25.0], [50.0], [60.0]])
    slope = np.exp(log_jacobian(scaling, asked))
    assert np.isfinite(slope).all()
    assert slope[0] == slope[1] == pytest.approx(slope[2])  # the segment from 0 to 1
    scaled = scaling.scale_rows(np.array([[24.0], [26.0]]))
    assert slope[3] == pytest.approx((scaled[1] - scaled[0])[0] / 2)
    assert slope[4] == slope[5]


def test_the_only_value_of_a_column_counts_nothing():
    flag = np.full((300, 1), 7.0)
    model = clone(MODEL).set_params(scale="range").fit(np.hstack([X, flag]))
    scores = model.score_samples(np.hstack([X, flag]))
    stirred = model.score_samples(np.hstack([X, flag + 1]))
    assert (stirred < scores).all()
    bare = clone(MODEL).set_params(scale="range").fit(X).score_samples(X)
    assert scores.mean() == pytest.approx(bare.mean(), abs=1.0)


def test_categories_and_counts_have_probabilities():
    rng = np.random.RandomState(0)
    table = pd.DataFrame({"k": rng.choice(["a", "b"], 300), "n": rng.poisson(3, 300)})
    models = [
        clone(MODEL).set_params(scale=scale, count_features=["n"]).fit(table)
        for scale in ("standard", "minmax")
    ]
    scores = [model.score_samples(table) for model in models]
    assert (scores[0] < 0).all()
    np.testing.assert_array_equal(*scores)  # no scale is theirs
    wider = table.assign(x=X[:, 0])
    model = clone(MODEL).set_params(scale="minmax").fit(wider)
    hole = wider.assign(x=np.nan)
    assert np.isfinite(model.score_samples(hole)).all()


def test_a_search_takes_a_scaling_that_is_right():
    pixels = load_digits().data[:900]
    options = {"hidden_layer_sizes": (64,), "max_iter": 20, "random_state": 0}

    def error(model, X, y=None):
        return -np.mean((model.reconstruct(X) - X) ** 2)

    relative = aae_scorer("reconstruction_error", multioutput="variance_weighted")
    search = GridSearchCV(
        AAETransformer(8, **options),
        {"scale": ["standard", "minmax", "range"]},
        scoring={"score": AAETransformer.score, "error": error, "relative": relative},
        refit="score",
        cv=2,
    ).fit(pixels)
    found = search.cv_results_
    assert found["mean_test_error"][search.best_index_] > 1.05 * max(
        found["mean_test_error"]
    )
    np.testing.assert_array_equal(found["rank_test_relative"], found["rank_test_error"])
