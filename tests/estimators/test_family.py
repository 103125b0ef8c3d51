"""What all estimators of the family promise, one body for each promise."""

import pickle

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.estimators._state import to_arrays
from sklearn_aae.training import COLLECTOR, _engine, train_jobs
from sklearn_aae.training._trainer import train_one

SMALL = {"hidden_layer_sizes": (8,), "critic_hidden_layer_sizes": (8,)}
FADES = {**SMALL, "agreement_duration": 0.6, "update": "alternating"}
FAMILY = [
    AAETransformer(3, max_iter=5, random_state=0, **SMALL),
    AAEClusterer(3, max_iter=5, n_init=2, random_state=0, **SMALL),
    AAEClusterer(
        3, max_iter=5, n_init=2, random_state=0, smoothness_strength=1.0, **FADES
    ),
    AAEOutlierDetector(2, max_iter=5, n_init=2, random_state=0, **SMALL),
    AAEOutlierDetector(
        2, max_iter=5, n_init=2, random_state=0, localize_by="replacement", **SMALL
    ),
    ConditionalAAETransformer(3, max_iter=5, random_state=0, **SMALL),
    GANSampler(3, max_iter=5, random_state=0, **SMALL),
    SemiSupervisedAAEClassifier(3, max_iter=5, random_state=0, **SMALL),
    SemiSupervisedAAEClassifier(3, max_iter=5, random_state=0, **FADES),
]
ENCODING = [e for e in FAMILY if hasattr(e, "transform")]
each = pytest.mark.parametrize("estimator", FAMILY, ids=lambda e: type(e).__name__)
each_encoding = pytest.mark.parametrize(
    "estimator", ENCODING, ids=lambda e: type(e).__name__
)
ANSWERS = [
    "transform",
    "predict",
    "predict_proba",
    "reconstruct",
    "score_samples",
    "localize",
]


@pytest.fixture
def rows(blobs):
    """Rows, and labels of which some are missing."""
    X, y = blobs
    return X, np.where(np.arange(len(y)) % 3, y, -1)


def answers(model, X):
    """Return all that a model says about rows, by method."""
    found = {name: getattr(model, name)(X) for name in ANSWERS if hasattr(model, name)}
    return found | {"sample": model.sample(7, random_state=0)}


def assert_alike(first, second, tolerance=0.0):
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_allclose(value, second[name], tolerance, tolerance, name)


@each
def test_equal_seeds_give_equal_answers(estimator, rows):
    X, y = rows
    first, second = (clone(estimator).fit(X, y) for _ in range(2))
    assert_alike(answers(first, X), answers(second, X))
    other = clone(estimator).set_params(random_state=1).fit(X, y)
    assert (other.sample(7, random_state=0) != first.sample(7, random_state=0)).any()


@each
def test_a_pickle_answers_alike(estimator, rows):
    model = clone(estimator).fit(*rows)
    again = pickle.loads(pickle.dumps(model))
    assert_alike(answers(model, rows[0]), answers(again, rows[0]))


@each
def test_the_callers_random_numbers_stay(estimator, rows, rng_untouched):
    with rng_untouched():
        answers(clone(estimator).fit(*rows), rows[0])


@each
def test_training_goes_on_from_a_warm_start(estimator, rows):
    model = clone(estimator).set_params(warm_start=True).fit(*rows)
    assert model.fit(*rows).n_iter_ == 10


@each
def test_chunks_train_on(estimator, rows):
    model = clone(estimator)
    for part in np.split(np.arange(90), 3):
        model.partial_fit(rows[0][part], rows[1][part])
    assert model.n_iter_ == 3
    # One batch a chunk, and the optimisers remember those before.
    for optimizer in model.net_.engine_.optimizers:
        assert {float(state["step"]) for state in optimizer.state.values()} == {3}
    answers(model, rows[0])


class Stop(Callback):
    """Ctrl-C after the first step."""

    def on_batch_end(self, net, **kwargs):
        raise KeyboardInterrupt


@each
def test_an_interrupt_in_the_first_epoch_leaves_a_model(estimator, rows):
    model = clone(estimator).set_params(callbacks=[Stop()]).fit(*rows)
    assert model.n_iter_ == 0
    answers(model, rows[0])


@each_encoding
def test_codes_decode(estimator, rows):
    X, y = rows
    model = clone(estimator).fit(X, y)
    Z = model.transform(X)
    assert Z.shape == (90, len(model.get_feature_names_out()))
    np.testing.assert_allclose(model.inverse_transform(Z), model.reconstruct(X))
    with pytest.raises(ValueError, match="Pass what transform returns"):
        model.inverse_transform(Z[:, :-1])


@each_encoding
@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_codes_as_frames(estimator, container, rows):
    pytest.importorskip(container)
    model = clone(estimator).set_output(transform=container).fit(*rows)
    frame = model.transform(rows[0])
    assert list(frame.columns) == list(model.get_feature_names_out())


class Collected(Exception):
    """The jobs of a fit are known."""


def jobs_of(estimator, X, y, n_init):
    """Return the trainings that a fit of so many restarts asks for at first."""
    jobs = []

    def collect(asked):
        jobs.extend(asked)
        raise Collected

    token = COLLECTOR.set(collect)
    try:
        with pytest.raises(Collected):
            clone(estimator).set_params(n_init=n_init, max_iter=5).fit(X, y)
    finally:
        COLLECTOR.reset(token)
    return jobs


@each
@pytest.mark.parametrize("batch_size", [128, 40])
def test_a_stack_equals_one_by_one(estimator, batch_size, rows):
    alone = clone(estimator).set_params(batch_size=batch_size, dropout=0.1)
    stacked, single = (jobs_of(alone, *rows, n_init=3) for _ in range(2))
    for job in (*stacked, *single):
        job.net.module_.double()
        job.batches.x, job.validation.x = (
            job.batches.x.double(),
            job.validation.x.double(),
        )
        job.validation.prior = job.validation.prior.double()
        job.net.initialize_optimizer()
    train_jobs(stacked)
    for job in single:
        train_one(job)
    for together, one in zip(stacked, single, strict=True):
        assert_alike(to_arrays(together.net.module_), to_arrays(one.net.module_), 1e-9)
        assert together.net.loss_ == pytest.approx(one.net.loss_, rel=1e-9)


@each
def test_recorded_steps_give_the_same_bits(estimator, rows, monkeypatch):
    X, y = rows
    monkeypatch.setattr(_engine, "RECORDED_STEPS", 2)
    options = {"max_iter": 20, "batch_size": 32, "n_init": 1}
    models = [
        clone(estimator).set_params(compile=record, **options).fit(X, y)
        for record in (True, False)
    ]
    assert models[0].net_.engine_._replay is not None
    first, second = (to_arrays(model.net_.module_) for model in models)
    # The worst direction is a gradient near 0, made long: it enlarges rounding.
    smooth = getattr(estimator, "smoothness_strength", 0)
    assert_alike(first, second, 1e-6 if smooth else 0.0)


@each
def test_a_search_trains_stacks(estimator, rows):
    X, y = rows
    full = y if estimator.__sklearn_tags__().target_tags.required else None
    grid = {"learning_rate": [1e-3, 3e-3], "n_init": [1]}
    scores = []
    for backend in ("sequential", "stacked"):
        search = GridSearchCV(clone(estimator), grid, cv=2, refit=False)
        with parallel_config(backend=backend):
            search.fit(X, full)
        scores.append(search.cv_results_["mean_test_score"])
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-6)


@each
def test_every_parameter_is_checked(estimator):
    names = set(estimator.get_params())
    assert names == set(type(estimator)._parameter_constraints)
    with pytest.raises(TypeError, match="unexpected keyword"):
        type(estimator)(surprise=1)
