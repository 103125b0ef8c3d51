"""What a fit can know to be wrong, it says; and nothing about ordinary fits."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)

SMALL = {"hidden_layer_sizes": (8,), "random_state": 0}
MODELS = (
    AAETransformer,
    ConditionalAAETransformer,
    SemiSupervisedAAEClassifier,
    AAEClusterer,
    AAEOutlierDetector,
    GANSampler,
)
X = np.random.RandomState(0).normal(size=(150, 5))
Y = np.arange(150) % 2


@pytest.mark.parametrize("n_init", [1, 2])
@pytest.mark.parametrize("model", MODELS)
def test_a_diverged_training_warns(model, n_init):
    params = SMALL | {"hidden_layer_sizes": (16,)}
    params |= {"learning_rate": 10.0, "max_iter": 20, "step_back": False}
    # Where steps this wild end depends on the processor: far up, of most seeds.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for seed in range(4):
            model(n_init=n_init, **params | {"random_state": seed}).fit(X, Y)
    said = [str(w.message) for w in caught if w.category is ConvergenceWarning]
    assert any(re.search("diverged.*Lower learning_rate", text) for text in said)


def test_a_diverged_stream_warns():
    wild = AAETransformer(learning_rate=10.0, **SMALL)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(20):
            wild.partial_fit(X)
    assert any("diverged" in str(warning.message) for warning in caught)


def test_a_diverged_member_of_a_search_warns_for_itself():
    search = GridSearchCV(
        AAETransformer(max_iter=20, **SMALL), {"learning_rate": [1e-3, 10.0]}, cv=2
    )
    with pytest.warns(ConvergenceWarning) as caught:
        search.fit(X)
    assert sum("diverged" in str(w.message) for w in caught) == 2  # one for each fold


@pytest.mark.parametrize("max_iter", [1, 20])
@pytest.mark.parametrize("n", [2, 5, 150])
@pytest.mark.parametrize("model", MODELS)
def test_ordinary_and_tiny_trainings_do_not_warn(model, n, max_iter):
    clusters = {"n_clusters": 2} if model is AAEClusterer else {}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        warnings.filterwarnings("default", message="(?!.*diverged)")
        model(max_iter=max_iter, **clusters, **SMALL).fit(X[:n], Y[:n])


FAR = {
    "array": lambda rows: rows,
    "frame": lambda rows: pd.DataFrame(rows, columns=list("abcde")),
    "sparse": csr_array,
}


@pytest.mark.parametrize("kind", FAR)
def test_rows_that_judge_from_afar_warn(kind):
    make, model = FAR[kind], AAETransformer(max_iter=1, **SMALL)
    message = (
        "X_val lies far outside.*The steps of a pipeline before this one do not tr"
    )
    with pytest.warns(UserWarning, match=message):
        model.fit(make(X), X_val=make(X[:20] + 100 * (np.arange(5) == 2)))


def test_rows_that_judge_from_nearby_do_not_warn():
    model = AAETransformer(max_iter=1, **SMALL)
    constant = np.c_[X, np.zeros(150)]
    outliers = X[:20].copy()
    outliers[:8] *= 1000
    trend = X + 0.02 * np.arange(150)[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, X_val=outliers)
        model.fit(constant, X_val=np.c_[X, np.ones(150)])
        model.fit(trend[:100], X_val=trend[100:])
        model.fit(X[:3], X_val=X[10:13])


def test_few_rows_of_very_many_columns_tell_nothing_of_rows_that_judge():
    rng = np.random.RandomState(0)
    wide = 5.0 * (rng.rand(40, 5000) < 0.5) + 0.1 * rng.normal(size=(40, 5000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AAETransformer(max_iter=1, **SMALL).fit(wide[:12], X_val=wide[12:])


def test_a_pipeline_that_routes_scales_rows_that_judge():
    wide = X * [1, 10, 100, 1000, 1] + 500
    with config_context(enable_metadata_routing=True), warnings.catch_warnings():
        warnings.simplefilter("error")
        model = AAETransformer(max_iter=2, early_stopping=True, scale=None, **SMALL)
        model.set_fit_request(X_val=True)
        steps = make_pipeline(StandardScaler(), model, transform_input=["X_val"])
        steps.fit(wide[:120], X_val=wide[120:])
        scaler = StandardScaler().fit(wide[:120])
        by_hand = AAETransformer(max_iter=2, early_stopping=True, scale=None, **SMALL)
        by_hand.fit(scaler.transform(wide[:120]), X_val=scaler.transform(wide[120:]))
    assert steps[-1].history_[-1]["valid_loss"] == by_hand.history_[-1]["valid_loss"]


@pytest.mark.parametrize("text", [False, True])
def test_rows_without_names_warn_once(text):
    named = pd.DataFrame(X[:40], columns=list("abcde"))
    if text:
        named["e"] = ["u", "v"] * 20
    model = AAETransformer(max_iter=1, **SMALL).fit(named)
    for answer in (model.transform, model.partial_fit):
        with pytest.warns(UserWarning, match="valid feature names") as told:
            answer(named.to_numpy())
        assert len(told) == 1


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("model", [AAETransformer, GANSampler])
def test_numbers_whose_sums_overflow_are_numbers(model):
    wide = np.random.RandomState(0).uniform(-3e38, 3e38, size=(40, 2))
    model(max_iter=2, **SMALL).fit(wide.astype(np.float32))
