"""Whatever scikit-learn runs by joblib gives the results of fits one by one."""

import signal
import threading
from collections import Counter

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from scipy.stats import loguniform
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    cross_validate,
    learning_curve,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from sklearn_aae import (
    AAEClusterer,
    AAETransformer,
    SemiSupervisedAAEClassifier,
    training,
)
from sklearn_aae.utils import _memo

X, Y = load_iris(return_X_y=True)

RATES = {"aaetransformer__learning_rate": list(np.logspace(-4, -1, 7))}
FEW_RATES = {"aaetransformer__learning_rate": [1e-3, 1e-2]}


def make_model(final=None, **options):
    # All rows in one batch: in float64 only rounding tells a stack from single fits.
    options = {"max_iter": 2, "hidden_layer_sizes": (8,), "batch_size": 150, **options}
    transformer = AAETransformer(random_state=0, **options)
    return make_pipeline(transformer, final or LogisticRegression())


def both(work):
    """Return what work gives one by one, and stacked."""
    with parallel_config(backend="stacked"):
        stacked = work()
    return work(), stacked


def assert_same_search(searches):
    one_by_one, stacked = searches
    assert stacked.best_params_ == one_by_one.best_params_
    for name in ("mean_test_score", "std_test_score"):
        np.testing.assert_allclose(
            stacked.cv_results_[name], one_by_one.cv_results_[name], rtol=1e-6
        )
    np.testing.assert_allclose(stacked.predict(X), one_by_one.predict(X))


# --- searches -------------------------------------------------------------------------


def test_grid_search(trainings):
    assert_same_search(both(lambda: GridSearchCV(make_model(), RATES).fit(X, Y)))
    assert trainings == [35]


def test_grid_search_over_shapes(trainings):
    grid = {"aaetransformer__hidden_layer_sizes": [(8,), (4,), (8, 4)], **FEW_RATES}
    assert_same_search(both(lambda: GridSearchCV(make_model(), grid, cv=3).fit(X, Y)))
    assert trainings == [18]


@pytest.mark.parametrize("max_models", [1, 4])
def test_max_models(max_models, trainings):
    with parallel_config(backend="stacked", max_models=max_models):
        search = GridSearchCV(make_model(), FEW_RATES, cv=3).fit(X, Y)
    assert_same_search((GridSearchCV(make_model(), FEW_RATES, cv=3).fit(X, Y), search))
    assert max(trainings) <= max_models
    assert sum(trainings) == 6


def test_restarts_meet_too(trainings):
    model = make_model(n_init=3)
    assert_same_search(both(lambda: GridSearchCV(model, FEW_RATES, cv=3).fit(X, Y)))
    assert trainings == [18, 6]  # the first epoch leaves one of three


SHARED = [
    (AAEClusterer(3, n_init=1, max_iter=2, random_state=0), "balance_strength"),
    (SemiSupervisedAAEClassifier(max_iter=2, random_state=0), "smoothness_strength"),
]


@pytest.mark.parametrize(("model", "name"), SHARED, ids=["clusterer", "classifier"])
def test_what_candidates_share_is_computed_once_a_fold(model, name, monkeypatch):
    """Neighbours, partitions and teachers are of the rows of a fold, not of a fit."""
    asked, computed = Counter(), Counter()
    result = _memo.Memo.result

    def count(memo, function, *args, **kwargs):
        def counted(*args, **kwargs):
            computed[function.__name__] += 1
            return function(*args, **kwargs)

        asked[function.__name__] += 1
        counted.__qualname__ = function.__qualname__
        return result(memo, counted, *args, **kwargs)

    monkeypatch.setattr(_memo.Memo, "result", count)
    few = np.where(np.arange(len(Y)) % 3 == 0, Y, -1)
    order = np.random.RandomState(0).permutation(len(Y))
    grid = {name: [0.5, 1.0, 2.0]}
    search = GridSearchCV(model, grid, cv=3, refit=False, error_score="raise")
    alone, stacked = both(lambda: clone(search).fit(X[order], few[order]).cv_results_)
    np.testing.assert_allclose(
        stacked["mean_test_score"], alone["mean_test_score"], rtol=1e-6
    )
    by_fits = [name for name, n in asked.items() if n == 9]  # others by each other
    assert by_fits
    assert {computed[name] for name in by_fits} == {3}


def test_randomized_search(trainings):
    space = {"aaetransformer__learning_rate": loguniform(1e-4, 1e-1)}
    settings = {"n_iter": 6, "cv": 3, "random_state": 0}
    assert_same_search(
        both(lambda: RandomizedSearchCV(make_model(), space, **settings).fit(X, Y))
    )
    assert trainings == [18]


def test_halving_search(trainings):
    settings = {"cv": 3, "random_state": 0, "min_resources": 16}
    assert_same_search(
        both(lambda: HalvingGridSearchCV(make_model(), RATES, **settings).fit(X, Y))
    )
    assert trainings == [21, 9]


def test_other_estimators_in_the_same_search(trainings):
    others = [
        LogisticRegression(max_iter=1000),
        RandomForestClassifier(5, random_state=0, n_jobs=2),
    ]
    grid = [
        {"aaetransformer": ["passthrough"], "logisticregression": others},
        FEW_RATES,
        {"logisticregression": [KNeighborsClassifier()]},
    ]
    assert_same_search(both(lambda: GridSearchCV(make_model(), grid, cv=3).fit(X, Y)))
    assert trainings == [9]


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_a_failing_fit_is_scored_as_a_failure(trainings):
    grid = {"aaetransformer__learning_rate": [1e-3, -1.0, 1e-2]}
    with parallel_config(backend="stacked"), pytest.warns(FitFailedWarning):
        search = GridSearchCV(make_model(), grid, cv=3).fit(X, Y)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [0, 1, 0]
    assert trainings == [6]


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_a_diverging_fit_fails_alone(trainings):
    grid = {"aaetransformer__learning_rate": [1e-3, 1e300, 1e-2]}
    with parallel_config(backend="stacked"), pytest.warns(FitFailedWarning):
        search = GridSearchCV(make_model(max_iter=5), grid, cv=3).fit(X, Y)
    assert np.isnan(search.cv_results_["mean_test_score"]).tolist() == [0, 1, 0]
    assert trainings == [9]


def test_a_failing_fit_raises_if_asked_to():
    grid = {"aaetransformer__learning_rate": [1e-3, -1.0]}
    search = GridSearchCV(make_model(), grid, error_score="raise")
    with parallel_config(backend="stacked"):
        with pytest.raises(ValueError, match="learning_rate"):
            search.fit(X, Y)
        search.set_params(param_grid=FEW_RATES).fit(X, Y)


def test_ctrl_c_while_a_stack_trains(monkeypatch, stacked):
    train_jobs = training.train_jobs

    def train(jobs, cancelled):
        threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
        train_jobs(jobs, cancelled)

    monkeypatch.setattr(training, "train_jobs", train)
    with pytest.raises(KeyboardInterrupt):
        cross_val_score(make_model(max_iter=10**6), X, Y, cv=3)
    monkeypatch.undo()
    assert len(cross_val_score(make_model(), X, Y, cv=3)) == 3


# --- the rest of scikit-learn ---------------------------------------------------------


def test_nested_search(trainings):
    search = GridSearchCV(make_model(), FEW_RATES, cv=3)
    one_by_one, stacked = both(lambda: cross_val_score(search, X, Y, cv=4))
    np.testing.assert_allclose(stacked, one_by_one, rtol=1e-6)
    assert trainings == [24, 4]


def test_cross_validate(trainings):
    one_by_one, stacked = both(lambda: cross_validate(make_model(), X, Y, cv=4))
    np.testing.assert_allclose(
        stacked["test_score"], one_by_one["test_score"], rtol=1e-6
    )
    assert trainings == [4]


def test_cross_val_predict(trainings):
    one_by_one, stacked = both(
        lambda: cross_val_predict(make_model(), X, Y, cv=4, method="predict_proba")
    )
    np.testing.assert_allclose(stacked, one_by_one, rtol=1e-6)
    assert trainings == [4]


def test_learning_curve(trainings):
    sizes = [0.3, 0.6, 1.0]
    one_by_one, stacked = both(
        lambda: learning_curve(
            make_model(), X, Y, train_sizes=sizes, cv=3, shuffle=True, random_state=0
        )[2]
    )
    np.testing.assert_allclose(stacked, one_by_one, rtol=1e-6)
    assert trainings == [9]


@pytest.mark.parametrize(
    ("ensemble", "final"),
    [(BaggingClassifier, LogisticRegression()), (BaggingRegressor, Ridge())],
)
def test_bagging(ensemble, final, trainings):
    one_by_one, stacked = both(
        lambda: ensemble(make_model(final), n_estimators=6, random_state=0).fit(X, Y)
    )
    np.testing.assert_allclose(stacked.predict(X), one_by_one.predict(X), rtol=1e-6)
    assert trainings == [6]


def test_stacking(trainings):
    models = [("a", make_model()), ("b", make_model(n_components=3))]
    one_by_one, stacked = both(lambda: StackingClassifier(models, cv=3).fit(X, Y))
    np.testing.assert_allclose(
        stacked.predict_proba(X), one_by_one.predict_proba(X), rtol=1e-6
    )
    assert trainings == [2, 6]


def test_an_estimator_that_fits_in_predict(trainings):
    class Late(BaseEstimator):
        _estimator_type = "classifier"

        def fit(self, X, y):
            self.data_ = X, y
            return self

        def predict(self, X):
            return make_model().fit(*self.data_).predict(X)

        def score(self, X, y):
            return np.mean(self.predict(X) == y)

    one_by_one, stacked = both(lambda: cross_val_score(Late(), X, Y, cv=4))
    np.testing.assert_allclose(stacked, one_by_one)
    assert trainings == [4]


def test_optuna_by_batches(trainings):
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial):
        rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
        model = make_model().set_params(aaetransformer__learning_rate=rate)
        return cross_val_score(model, X, Y, cv=3).mean()

    def study():
        sampler = optuna.samplers.RandomSampler(seed=0)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        for _ in range(2):
            trials = [study.ask() for _ in range(4)]
            # Which task draws first is left to the threads, so they draw before.
            for trial in trials:
                trial.suggest_float("rate", 1e-4, 1e-1, log=True)
            values = Parallel()(delayed(objective)(trial) for trial in trials)
            for trial, value in zip(trials, values, strict=True):
                study.tell(trial, value)
        return [(trial.params["rate"], trial.value) for trial in study.trials]

    one_by_one, stacked = both(study)
    np.testing.assert_allclose(stacked, one_by_one, rtol=1e-6)
    assert trainings == [12, 12]


# --- the caller's own -----------------------------------------------------------------


@pytest.mark.parametrize("random_state", [0, None])
def test_random_states_of_the_caller(random_state, rng_untouched, stacked):
    model = make_model().set_params(aaetransformer__random_state=random_state)
    search = GridSearchCV(model, FEW_RATES, cv=3)
    with rng_untouched():
        search.fit(X, Y)


def test_fits_do_not_depend_on_their_neighbours(stacked):
    codes = [
        Parallel()(
            delayed(AAETransformer(max_iter=3, batch_size=32, random_state=i).fit)(X)
            for i in seeds
        )
        for seeds in ([0, 1, 2, 3], [3, 0])
    ]
    np.testing.assert_allclose(
        codes[0][0].transform(X), codes[1][1].transform(X), rtol=1e-3, atol=1e-4
    )


def test_the_fitted_search_is_as_any_other(stacked):
    search = GridSearchCV(make_model(), FEW_RATES, cv=3).fit(X, Y)
    assert clone(search).fit(X, Y).best_params_ == search.best_params_
