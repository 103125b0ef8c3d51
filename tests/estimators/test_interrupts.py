"""Ctrl-C: whoever called fit keeps the model and is told; a search is ended."""

import os
import pickle
import signal
import threading
import warnings

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.feature_selection import RFE
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.utils.validation import check_is_fitted
from skorch.callbacks import Callback

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.training._loop import Member

RNG = np.random.RandomState(0)
Y = np.arange(60) % 3
X = 4 * RNG.normal(size=(3, 5))[Y] + RNG.normal(size=(60, 5))


class CtrlC(Callback):
    """Ctrl-C in the n-th epoch, as the main thread sees it."""

    def __init__(self, epoch=1):
        self.epoch = epoch

    def on_batch_end(self, net, **kwargs):
        if len(net.history) >= self.epoch:
            raise KeyboardInterrupt


OPTIONS = {
    "hidden_layer_sizes": (8,),
    "critic_hidden_layer_sizes": (8,),
    "max_iter": 3,
    "random_state": 0,
    "callbacks": [CtrlC(epoch=2)],
}
FAMILY = [
    AAETransformer(2, **OPTIONS),
    AAEClusterer(3, n_init=2, **OPTIONS),
    AAEOutlierDetector(2, n_init=2, **OPTIONS),
    AAEOutlierDetector(2, trim=0.1, **OPTIONS),
    ConditionalAAETransformer(2, **OPTIONS),
    GANSampler(2, **OPTIONS),
    SemiSupervisedAAEClassifier(2, **OPTIONS),
]
each = pytest.mark.parametrize("estimator", FAMILY, ids=lambda e: type(e).__name__)
CLASSIFIER = SemiSupervisedAAEClassifier(2, **OPTIONS)
TRANSFORMER = AAETransformer(2, **OPTIONS)


def cut_short(found):
    """Return the warnings that a training was interrupted."""
    return [w for w in found if "was interrupted" in str(w.message)]


@each
def test_a_fit_by_itself_keeps_the_model_and_says_so(estimator):
    model = clone(estimator)
    with pytest.warns(ConvergenceWarning) as found:
        model.fit(X, Y)
    (warning,) = cut_short(found)
    assert f"{type(model).__name__} was interrupted" in str(warning.message)
    assert f"n_iter_={model.n_iter_} whole epoch" in str(warning.message)
    assert model.n_iter_ == 1
    assert warning.filename == __file__
    assert model.sample(3).shape == (3, 5)
    assert set(vars(model)) == set(
        vars(clone(model).set_params(callbacks=None).fit(X, Y))
    )


@each
def test_training_on_keeps_the_model_and_says_so(estimator):
    for train in ("fit", "partial_fit"):
        model = clone(estimator).set_params(callbacks=None, warm_start=True).fit(X, Y)
        model.set_params(callbacks=[CtrlC(epoch=4)])
        with pytest.warns(ConvergenceWarning, match="n_iter_=3 whole epochs"):
            getattr(model, train)(X, Y)
        assert model.n_iter_ == 3


@each
def test_a_copy_goes_on_as_the_model_that_was_cut_short_in_an_epoch(
    estimator, monkeypatch
):
    model = clone(estimator).set_params(callbacks=None, warm_start=True, max_iter=4)
    steps, begin_epoch = iter(range(99)), Member.begin_epoch

    def strike(member):
        begin_epoch(member)
        if next(steps) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Member, "begin_epoch", strike)
        with pytest.warns(ConvergenceWarning, match="was interrupted"):
            model.fit(X, Y)
    assert all("dur" in line for line in model.net_.history)
    twin = pickle.loads(pickle.dumps(model))
    for one in (model, twin):
        one.fit(X, Y)
    drawn = [one.sample(5, random_state=0) for one in (model, twin)]
    np.testing.assert_array_equal(*drawn)


@each
def test_a_whole_fit_says_nothing(estimator):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        clone(estimator).set_params(callbacks=None, early_stopping=True).fit(X, Y)
    assert not cut_short(found)


@pytest.mark.parametrize(
    ("estimator", "call"),
    [
        (TRANSFORMER, lambda model: model.fit_transform(X)),
        (
            clone(TRANSFORMER).set_output(transform="pandas"),
            lambda m: m.fit_transform(X),
        ),
        (FAMILY[1], lambda model: model.fit_predict(X)),
        (FAMILY[2], lambda model: model.fit_predict(X)),
    ],
)
def test_fit_and_answer_in_one_call_is_a_fit_by_itself(estimator, call):
    with pytest.warns(ConvergenceWarning, match="was interrupted") as found:
        assert len(call(clone(estimator))) == 60
    assert cut_short(found)[0].filename == __file__


def test_in_a_loop_by_hand_each_fit_says_so():
    for part in (X[::2], X[1::2]):
        with pytest.warns(ConvergenceWarning, match="was interrupted"):
            clone(TRANSFORMER).fit(part)


class Wrapped(BaseEstimator):
    """A user's estimator around one of the library."""

    def fit(self, X, y=None):
        self.model_ = clone(TRANSFORMER).fit(X)
        return self

    def score(self, X, y=None):
        return self.model_.score(X)


def in_tasks():
    Parallel()(delayed(clone(TRANSFORMER).fit)(X) for _ in range(2))


def stacked():
    with parallel_config(backend="stacked"):
        cross_validate(TRANSFORMER, X, cv=2)


def optimized():
    def objective(dropout):
        return -clone(TRANSFORMER).set_params(dropout=dropout).fit(X).score(X)

    minimize_scalar(objective, bounds=(0.0, 0.5), method="bounded")


OTHERS = {
    "search": lambda: GridSearchCV(TRANSFORMER, {"dropout": [0, 0.1]}, cv=2).fit(X),
    "search of a wrapper": lambda: cross_validate(Wrapped(), X, cv=2),
    "cross-validation": lambda: cross_validate(TRANSFORMER, X, cv=2),
    "cross_val_predict": lambda: cross_val_predict(CLASSIFIER, X, Y, cv=2),
    "learning_curve": lambda: learning_curve(CLASSIFIER, X, Y, cv=2),
    "pipeline": lambda: make_pipeline(TRANSFORMER, LogisticRegression()).fit(X, Y),
    "end of a pipeline": lambda: make_pipeline(PCA(2), TRANSFORMER).fit(X),
    "pipeline.fit_transform": lambda: make_pipeline(TRANSFORMER).fit_transform(X),
    "union": lambda: make_union(TRANSFORMER).fit(X),
    "voting": lambda: VotingClassifier([("a", CLASSIFIER)]).fit(X, Y),
    "bagging": lambda: BaggingClassifier(CLASSIFIER, 2).fit(X, Y),
    "calibration": lambda: CalibratedClassifierCV(CLASSIFIER, cv=2).fit(X, Y),
    "one vs rest": lambda: OneVsRestClassifier(CLASSIFIER).fit(X, Y),
    "selection": lambda: RFE(CLASSIFIER, importance_getter="n_iter_").fit(X, Y),
    "joblib": in_tasks,
    "stacked": stacked,
    "optimizer": optimized,
}


@pytest.mark.parametrize("who", OTHERS)
def test_what_fits_models_of_others_is_ended(who):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        with pytest.raises(KeyboardInterrupt, match=r"was interrupted|Stopped before"):
            OTHERS[who]()


@each
def test_a_search_over_any_estimator_is_ended(estimator):
    grid = {"learning_rate": [1e-3, 1e-2]}
    with pytest.raises(KeyboardInterrupt):
        GridSearchCV(estimator, grid, cv=2).fit(X, Y)


def test_an_installed_package_that_calls_fit_is_ended(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "fits_models"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "def run(model, X):\n    return model.fit(X)\n"
    )
    monkeypatch.syspath_prepend(package.parent)
    import fits_models

    with pytest.raises(KeyboardInterrupt):
        fits_models.run(clone(TRANSFORMER), X)


@pytest.mark.parametrize("train", ["fit", "partial_fit"])
def test_where_the_interrupt_goes_through_an_earlier_fit_stays(train):
    model = clone(TRANSFORMER).set_params(callbacks=None, warm_start=True).fit(X)
    codes = model.transform(X)
    model.set_params(callbacks=[CtrlC(epoch=4)])
    with pytest.raises(KeyboardInterrupt):
        Parallel()(delayed(getattr(model, train))(X) for _ in range(1))
    assert model.n_iter_ == 3
    np.testing.assert_array_equal(model.transform(X), codes)


def test_the_steps_after_an_interrupted_one_are_not_fitted():
    pipeline = make_pipeline(clone(TRANSFORMER), LogisticRegression())
    with pytest.raises(KeyboardInterrupt):
        pipeline.fit(X, Y)
    with pytest.raises(NotFittedError):
        check_is_fitted(pipeline[-1])


class Press(Callback):
    """Presses Ctrl-C, the real one."""

    def on_epoch_begin(self, net, **kwargs):
        if threading.current_thread() is threading.main_thread():
            os.kill(os.getpid(), signal.SIGINT)


def test_a_real_ctrl_c():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    model = clone(TRANSFORMER).set_params(callbacks=[Press()])
    try:
        with pytest.warns(ConvergenceWarning, match="n_iter_=0 whole epochs"):
            clone(model).fit(X)
        with pytest.raises(KeyboardInterrupt):
            cross_validate(model, X, cv=2)
    finally:
        signal.signal(signal.SIGINT, before)
