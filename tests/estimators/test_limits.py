"""Limits of time and memory: what a training does when it comes to one."""

import time

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.estimators import _stream
from sklearn_aae.training import _loop, _trainer

X, Y = np.random.RandomState(0).normal(size=(120, 4)), np.arange(120) % 2
SMALL = {"hidden_layer_sizes": (8,), "random_state": 0}
OVER = "time_limit=.* seconds are over.*Raise time_limit, or set max_iter="


class Clock:
    """A clock that goes on by a second whenever it is asked."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        self.now += 1.0
        return self.now

    def __getattr__(self, name):
        return getattr(time, name)


@pytest.fixture
def clock(monkeypatch):
    """Let time pass by what is done, not by how long it takes here."""
    clock = Clock()
    monkeypatch.setattr(_loop, "time", clock)
    return clock


KINDS = [
    AAETransformer(2, max_iter=200, **SMALL),
    AAETransformer(2, max_iter=200, n_init=4, **SMALL),
    AAETransformer(
        2, max_iter=200, early_stopping=True, tol=0, n_iter_no_change=200, **SMALL
    ),
    AAEClusterer(2, max_iter=200, n_init=2, agreement_duration=0.5, **SMALL),
    SemiSupervisedAAEClassifier(2, max_iter=200, **SMALL),
    AAEOutlierDetector(n_components=(1, 2), n_init=4, trim=0.1, max_iter=200, **SMALL),
    GANSampler(2, max_iter=200, **SMALL),
]


@pytest.mark.filterwarnings("ignore:Only . of n_clusters", "ignore:The critic of")
@pytest.mark.parametrize("model", KINDS, ids=str)
def test_a_training_ends_when_its_time_is_over(model, clock):
    model = clone(model).set_params(time_limit=100.0)
    with pytest.warns(ConvergenceWarning, match=OVER) as told:
        model.fit(X, Y)
    n_told = sum("time_limit" in str(w.message) for w in told)
    assert n_told == (2 if getattr(model, "trim", 0) else 1)
    assert 0 < model.n_iter_ < 200
    assert clock.now < 130  # no restart or stage took all
    assert np.isfinite(model.loss_)
    if hasattr(model, "predict"):
        assert len(model.predict(X)) == 120


@pytest.mark.filterwarnings("ignore:Only . of n_clusters", "ignore:The critic of")
@pytest.mark.filterwarnings("ignore:The training diverged")
@pytest.mark.parametrize(
    "model",
    [
        AAETransformer(2, n_init=4),
        AAETransformer(2, n_init=4, learning_rate=50.0),
        SemiSupervisedAAEClassifier(2),
        AAEClusterer(2, n_init=4),
    ],
    ids=str,
)
def test_epochs_that_are_cut_cost_their_time(model, clock):
    """A later part, or a step back, gets what the earlier ones have left."""
    rows = np.random.RandomState(0).normal(size=(960, 4))
    model = clone(model).set_params(
        time_limit=100.0, batch_size=16, max_iter=20, **SMALL
    )
    with pytest.warns(ConvergenceWarning, match=OVER):
        model.fit(rows, np.arange(960) % 2)
    assert clock.now < 115
    assert all("prior_match" in line for line in model.history_)


@pytest.mark.parametrize("limit", [20.0, 26.0, 32.0])
@pytest.mark.filterwarnings("ignore:Only . of n_clusters", "ignore:The critic of")
def test_lines_of_the_history_are_whole(limit, clock):
    model = AAEClusterer(2, max_iter=60, n_init=4, batch_size=30, **SMALL)
    with pytest.warns(ConvergenceWarning, match=OVER):
        model.set_params(time_limit=limit).fit(X)
    assert all("label_critic_accuracy" in line for line in model.history_)


@pytest.mark.parametrize("warm", [False, True])
def test_one_training_gets_all_of_the_time(warm, clock):
    model = AAEOutlierDetector(1, n_init=1, trim=0.1, warm_start=True, **SMALL)
    model.set_params(max_iter=2).fit(X)
    model.set_params(max_iter=200, time_limit=100.0)
    begin = clock.now
    with pytest.warns(ConvergenceWarning, match=OVER):
        model.fit(X) if warm else clone(model).set_params(trim=0.0).fit(X)
    assert 95 < clock.now - begin < 110


def test_what_comes_before_the_end_is_the_training(clock):
    whole = AAETransformer(2, max_iter=200, **SMALL).fit(X)
    model = AAETransformer(2, max_iter=200, time_limit=20.0, **SMALL)
    with pytest.warns(ConvergenceWarning, match=OVER):
        model.fit(X)
    kept = [
        {k: v for k, v in m.history_[i].items() if k != "dur"}
        for m in (whole, model)
        for i in range(model.n_iter_)
    ]
    assert kept[: model.n_iter_] == kept[model.n_iter_ :]


def test_one_step_is_taken_in_any_case():
    model = AAETransformer(2, max_iter=200, time_limit=1e-9, batch_size=30, **SMALL)
    with pytest.warns(ConvergenceWarning, match="after 0 whole epochs.*max_iter=1,"):
        model.fit(X)
    assert model.n_iter_ == 0
    assert model.transform(X).shape == (120, 2)
    steps = {float(s["step"]) for s in model.net_.engine_.optimizers[0].state.values()}
    assert steps == {1.0}


def test_time_enough_changes_nothing():
    rich = AAETransformer(2, max_iter=4, time_limit=1e6, **SMALL).fit(X)
    plain = AAETransformer(2, max_iter=4, **SMALL).fit(X)
    assert np.array_equal(rich.transform(X), plain.transform(X))


def test_a_stack_shares_its_time(clock):
    """Six fits of ten seconds each, as one stack: a minute for all."""
    steps = AAETransformer(2, max_iter=500, time_limit=10.0, **SMALL)
    search = GridSearchCV(steps, {"learning_rate": [1e-3, 1e-2]}, cv=3, refit=False)
    stacked = joblib.parallel_config(backend="stacked")
    with stacked, pytest.warns(ConvergenceWarning, match=OVER) as told:
        search.fit(X)
    assert sum("time_limit" in str(w.message) for w in told) == 6
    assert 60 < clock.now < 90
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_later_process_goes_on_after_a_time_limit(clock, tmp_path):
    params = {"max_iter": 30, "checkpoint": tmp_path, **SMALL}
    limited = AAETransformer(2, time_limit=12.0, **params)
    n_epochs = []
    for _ in range(3):
        with pytest.warns(ConvergenceWarning, match=OVER):
            n_epochs.append(clone(limited).fit(X).n_iter_)
    assert n_epochs == sorted(set(n_epochs))  # further each time
    ended = AAETransformer(2, **params).fit(X)
    whole = AAETransformer(2, max_iter=30, **SMALL).fit(X)
    assert np.array_equal(ended.transform(X), whole.transform(X))


# --- memory ---------------------------------------------------------------------------


@pytest.fixture
def room_for(monkeypatch):
    """Return a function that leaves memory for stacks of so many models."""

    def leave(n, after=0):
        trained, train_stack, train_one = [], _trainer._train_stack, _trainer.train_one

        def stack(jobs, cancel):
            trained.append(len(jobs))
            if len(jobs) > n:
                if after:  # it has begun, when the memory ends
                    for job in jobs:
                        job.net.history.new_epoch()
                        job.epochs = after
                    train_stack(jobs, cancel)
                    for job in jobs:
                        job.epochs = 5
                raise torch.OutOfMemoryError("CUDA out of memory. Tried 2 GiB")
            train_stack(jobs, cancel)

        def one(job, cancel):
            trained.append(1)
            if n < 1:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried 2 GiB")
            train_one(job, cancel)

        monkeypatch.setattr(_trainer, "_train_stack", stack)
        monkeypatch.setattr(_trainer, "train_one", one)
        return trained

    return leave


@pytest.mark.parametrize("after", [0, 2])
def test_a_stack_without_memory_trains_in_halves(room_for, after):
    params = {"max_iter": 5, "n_init": 6, "halving": False, **SMALL}
    plenty = AAETransformer(2, **params).fit(X)
    trained = room_for(2, after)
    scarce = AAETransformer(2, **params).fit(X)
    assert trained == [6, 3, 1, 2, 3, 1, 2]
    np.testing.assert_allclose(scarce.transform(X), plenty.transform(X), atol=1e-4)
    assert len(scarce.history_) == 5


def test_a_model_without_memory_says_what_to_lower(room_for):
    room_for(0)
    message = "no memory on cpu to train one model.*Lower batch_size"
    with pytest.raises(MemoryError, match=message):
        AAETransformer(2, max_iter=5, n_init=2, **SMALL).fit(X)
    with pytest.raises(MemoryError, match=message):
        AAETransformer(2, max_iter=5, **SMALL).fit(X)


def test_answers_without_memory_come_in_smaller_chunks(monkeypatch):
    model = AAETransformer(2, max_iter=1, **SMALL).fit(X)
    expected, encode, sizes = model.transform(X), model.encoder_.forward, []

    def scarce(x, *given):
        sizes.append(len(x))
        if len(x) > 50:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: 99 bytes")
        return encode(x, *given)

    monkeypatch.setattr(model.encoder_, "forward", scarce)
    assert np.array_equal(model.transform(X), expected)
    assert sizes[0] == 120
    assert max(sizes[1:]) <= 120
    monkeypatch.setattr(_stream, "is_out_of_memory", lambda error: False)
    with pytest.raises(RuntimeError, match="can't allocate"):
        model.transform(X)
