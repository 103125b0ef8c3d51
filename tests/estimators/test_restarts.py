"""Restarts (`n_init`) and what a fit does with the jobs that it hands over."""

import pickle
import threading

import numpy as np
import pytest
import torch
from sklearn.base import clone
from skorch.callbacks import EarlyStopping

from sklearn_aae import AAETransformer
from sklearn_aae.estimators import _base, _fitting
from sklearn_aae.training import (
    COLLECTOR,
    Cancelled,
    NonFiniteLossError,
    _trainer,
    train_jobs,
)
from sklearn_aae.utils._random import draw_seeds

N_INIT = 4

OPTIONS = [
    {},
    {"batch_size": 16},
    {"early_stopping": True, "n_iter_no_change": 2, "tol": 0.01, "max_iter": 25},
    {"prior": "gaussian_mixture", "dropout": 0.2, "posterior": "universal"},
    {"update": "alternating", "regularizer": "mmd", "input_noise": 0.1},
]


def make(**options):
    # With halving: test_halving.py.
    options = {"hidden_layer_sizes": (8,), "max_iter": 8, "random_state": 0, **options}
    return AAETransformer(**{"halving": False, **options})


@pytest.fixture
def single_fits(blobs, monkeypatch):
    """Return a function: the fits that `n_init` chooses from, each on its own."""
    X, y = blobs

    def fit_each(n_init=N_INIT, **options):
        rows_seed, *seeds = draw_seeds(options.get("random_state", 0), 1 + n_init)
        models = []
        for seed in seeds:
            with monkeypatch.context() as patch:
                patch.setattr(
                    _base, "draw_seeds", lambda state, n, s=seed: [rows_seed, s]
                )
                models.append(make(**options).fit(X, y))
        return models

    return fit_each


@pytest.fixture
def stacks(monkeypatch):
    """Record how many jobs each training in a stack had."""
    seen, train_stack = [], _trainer._train_stack

    def count(jobs, *args):
        seen.append(len(jobs))
        return train_stack(jobs, *args)

    monkeypatch.setattr(_trainer, "_train_stack", count)
    return seen


def is_float64(model):
    return next(model.net_.module_.parameters()).dtype == torch.float64


def assert_same_model(model, other, X):
    """Assert equality up to the rounding of the training."""
    tolerance = 1e-8 if is_float64(other) else 1e-3
    same = {"rtol": tolerance, "atol": tolerance}
    assert is_float64(model) == is_float64(other)
    assert model.net_.seed == other.net_.seed
    assert model.n_iter_ == other.n_iter_
    assert model.loss_ == pytest.approx(other.loss_, rel=tolerance)
    np.testing.assert_allclose(model.transform(X), other.transform(X), **same)
    np.testing.assert_allclose(model.reconstruct(X), other.reconstruct(X), **same)
    for line, wanted in zip(model.history_, other.history_, strict=True):
        assert set(line) == set(wanted)
        values = {k: v for k, v in line.items() if k != "dur"}
        wanted = {k: v for k, v in wanted.items() if k != "dur"}
        assert values == pytest.approx(wanted, rel=tolerance, abs=tolerance)


# --- the best of single fits ----------------------------------------------------------


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_restarts_are_the_best_of_single_fits(options, blobs, single_fits, stacks):
    X, y = blobs
    singles = single_fits(**options)
    assert stacks == []
    model = make(n_init=N_INIT, **options).fit(X, y)
    assert stacks == [N_INIT]
    losses = [single.loss_ for single in singles]
    assert min(losses) < max(losses) - 0.01  # there is something to choose
    best = singles[int(np.argmin(losses))]
    assert_same_model(model, best, X)


def test_the_best_is_not_always_the_first(single_fits, blobs):
    X, y = blobs
    chosen = set()
    for random_state in range(4):
        _, *seeds = draw_seeds(random_state, 1 + N_INIT)
        model = make(random_state=random_state, n_init=N_INIT).fit(X, y)
        chosen.add(seeds.index(model.net_.seed))
    assert len(chosen) > 1


def test_restarts_stop_early_each_in_its_own_epoch(single_fits, blobs):
    X, y = blobs
    options = {"early_stopping": True, "n_iter_no_change": 1, "tol": 0.0}
    options |= {"max_iter": 40, "learning_rate": 0.03}
    n_epochs = [single.n_iter_ for single in single_fits(**options)]
    assert len(set(n_epochs)) > 1
    assert min(n_epochs) < options["max_iter"]
    model = make(n_init=N_INIT, **options).fit(X, y)
    losses = [line["valid_loss"] for line in model.history_]
    assert model.loss_ == pytest.approx(min(losses), rel=1e-6)


def test_restarts_share_the_callbacks_of_the_user_one_after_the_other(
    single_fits, blobs
):
    X, y = blobs

    def stop():
        watch = {"monitor": "reconstruction", "sink": lambda text: None}
        return EarlyStopping(patience=2, threshold=0.05, threshold_mode="abs", **watch)

    options = {"max_iter": 40, "batch_size": 128}
    singles = single_fits(callbacks=[stop()], **options)
    best = min(singles, key=lambda single: single.loss_)
    model = make(n_init=N_INIT, callbacks=[stop()], **options).fit(X, y)
    assert_same_model(model, best, X)


# --- training goes on -----------------------------------------------------------------


def assert_same_memory(model, other):
    """Assert that the optimisers remember the same."""
    pairs = zip(
        model.net_.engine_.optimizers, other.net_.engine_.optimizers, strict=True
    )
    for mine, theirs in pairs:
        states = zip(mine.state.values(), theirs.state.values(), strict=True)
        for state, wanted in states:
            assert set(state) == set(wanted)
            assert state["step"] > 0
            for name, value in wanted.items():
                torch.testing.assert_close(state[name], value, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("update", ["joint", "alternating"])
def test_training_goes_on_like_that_of_a_single_net(update, blobs, single_fits):
    X, y = blobs
    options = {"update": update, "batch_size": 128, "warm_start": True}
    model = make(n_init=N_INIT, **options).fit(X, y)
    best = min(single_fits(**options), key=lambda single: single.loss_)
    assert_same_memory(model, best)
    before = model.transform(X)
    for train_on in ("fit", "partial_fit"):
        for trained in (model, best):
            getattr(trained, train_on)(X, y)
        assert_same_model(model, best, X)
        assert_same_memory(model, best)
    assert model.n_iter_ == 8 + 8 + 1
    assert np.abs(model.transform(X) - before).max() > 1e-3


def test_a_warm_start_trains_the_one_net(blobs, stacks):
    X, y = blobs
    model = make(n_init=N_INIT, warm_start=True).fit(X, y)
    net = model.net_
    assert model.fit(X, y).net_ is net
    assert stacks == [N_INIT]


# --- state ----------------------------------------------------------------------------


def test_a_model_of_restarts_can_be_pickled(blobs):
    X, y = blobs
    model = make(n_init=N_INIT, prior="gaussian_mixture", dropout=0.1).fit(X, y)
    twin = pickle.loads(pickle.dumps(model))
    assert np.array_equal(twin.transform(X), model.transform(X))
    assert np.array_equal(twin.reconstruct(X), model.reconstruct(X))
    assert (twin.loss_, twin.history_) == (model.loss_, model.history_)
    assert not [p for p in model.net_.module_.parameters() if p.dim() > 2]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_global_random_states_stay(options, blobs, rng_untouched):
    X, y = blobs
    with rng_untouched():
        make(n_init=3, **options).fit(X, y)


def test_the_same_seed_gives_the_same_bits(blobs):
    X, y = blobs
    codes = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)
        model = make(n_init=3, batch_size=16, dropout=0.1).fit(X, y)
        codes.append(model.transform(X))
    assert np.array_equal(*codes)


def test_the_thread_count_is_given_back(blobs, monkeypatch):
    X, y = blobs
    before, seen, step = torch.get_num_threads(), [], _trainer.Stack.train_epoch

    def look(self, *args):
        seen.append(torch.get_num_threads())
        return step(self, *args)

    monkeypatch.setattr(_trainer.Stack, "train_epoch", look)
    try:
        torch.set_num_threads(before + 1)
        make(n_init=3).fit(X, y)
        assert torch.get_num_threads() == before + 1
        assert set(seen) == {1}
    finally:
        torch.set_num_threads(before)


# --- failure --------------------------------------------------------------------------


@pytest.fixture
def failing(monkeypatch):
    """Return a function that lets chosen jobs fail; the others train."""

    def choose(error, indices):
        def train(jobs):
            train_jobs([job for i, job in enumerate(jobs) if i not in indices])
            for i in indices:
                jobs[i].error = error

        monkeypatch.setattr(_fitting, "train", train)

    return choose


@pytest.mark.parametrize("indices", [[0], [1, 2, 3], [0, 1, 2]], ids=str)
def test_the_best_of_the_restarts_that_did_not_diverge(
    indices, failing, blobs, single_fits
):
    X, y = blobs
    singles = single_fits()
    failing(NonFiniteLossError("mine"), indices)
    kept = [single for i, single in enumerate(singles) if i not in indices]
    best = min(kept, key=lambda single: single.loss_)
    assert_same_model(make(n_init=N_INIT).fit(X, y), best, X)


@pytest.mark.parametrize(
    ("error", "indices"),
    [
        (NonFiniteLossError("mine"), range(N_INIT)),
        (RuntimeError("mine"), [1]),
        (RuntimeError("mine"), range(N_INIT)),
    ],
)
@pytest.mark.parametrize("fitted", [False, True])
def test_fit_raises_the_error_of_a_job_and_changes_nothing(
    fitted, error, indices, failing, blobs
):
    X, y = blobs
    model = make(n_init=N_INIT)
    if fitted:
        model.fit(X, y)
    before = dict(vars(model))
    failing(error, indices)
    with pytest.raises(type(error), match="mine"):
        model.fit(X[:, :3], y)
    assert vars(model) == before
    assert all(vars(model)[name] is value for name, value in before.items())


def test_all_restarts_may_diverge(blobs):
    X, y = blobs
    model = make(n_init=3, learning_rate=1e300).fit
    with pytest.raises(NonFiniteLossError, match="Lower learning_rate"):
        model(X, y)


# --- Ctrl-C ---------------------------------------------------------------------------


def test_ctrl_c_keeps_the_best_restart_as_it_is(blobs, monkeypatch):
    X, y = blobs
    epoch = _trainer.Stack.train_epoch

    def interrupted(self, number, cancel):
        if number == 3:
            raise KeyboardInterrupt
        return epoch(self, number, cancel)

    monkeypatch.setattr(_trainer.Stack, "train_epoch", interrupted)
    model = make(n_init=N_INIT).fit(X, y)
    assert model.n_iter_ == 3
    assert model.net_.interrupted_
    assert np.isfinite(model.transform(X)).all()


@pytest.mark.parametrize("fit", ["fit", "partial_fit"])
@pytest.mark.parametrize("n_init", [1, 3])
def test_ctrl_c_before_any_model_is_trained(n_init, fit, blobs, collect):
    X, _ = blobs
    collect(lambda jobs: None)
    model = make(n_init=n_init)
    with pytest.raises(KeyboardInterrupt, match="before any model"):
        getattr(model, fit)(X)
    assert not hasattr(model, "net_")


# --- collectors -----------------------------------------------------------------------


@pytest.fixture
def collect():
    """Return a function that sets the collector of this test's thread."""
    tokens = []
    yield lambda function: tokens.append(COLLECTOR.set(function))
    for token in reversed(tokens):
        COLLECTOR.reset(token)


@pytest.mark.parametrize("n_init", [1, 3])
def test_a_collector_receives_the_jobs_of_a_fit(n_init, blobs, collect):
    X, y = blobs
    expected, seen = make(n_init=n_init).fit(X, y), []

    def collector(jobs):
        seen.extend(jobs)
        assert not any(job.done for job in jobs)
        train_jobs(jobs)

    collect(collector)
    model = make(n_init=n_init).fit(X, y)
    assert len(seen) == n_init
    assert model.net_ in [job.net for job in seen]
    assert_same_model(model, expected, X)


def test_training_on_goes_through_the_collector(blobs, collect):
    X, y = blobs
    model = make(warm_start=True, n_init=2).fit(X, y)
    seen = []
    collect(lambda jobs: seen.append(len(jobs)) or train_jobs(jobs))
    model.fit(X, y)
    model.partial_fit(X, y)
    make().partial_fit(X, y)
    assert seen == [1, 1, 1]


def test_a_fit_waits_for_its_collector(blobs):
    X, y = blobs
    handed, go, ended = threading.Event(), threading.Event(), []

    def collector(jobs):
        handed.set()
        assert go.wait(60)
        train_jobs(jobs)

    def fit():
        token = COLLECTOR.set(collector)
        ended.append(make().fit(X, y))
        COLLECTOR.reset(token)

    thread = threading.Thread(target=fit)
    thread.start()
    assert handed.wait(60)
    assert not ended
    go.set()
    thread.join(60)
    np.testing.assert_array_equal(ended[0].transform(X), make().fit(X, y).transform(X))


@pytest.mark.parametrize("n_init", [1, 3])
@pytest.mark.parametrize("fitted", [False, True])
def test_an_error_from_a_collector_is_raised_by_fit(fitted, n_init, blobs, collect):
    X, y = blobs
    model = make(n_init=n_init)
    if fitted:
        model.fit(X, y)
    before = dict(vars(model))

    def collector(jobs):
        train_jobs(jobs[1:])
        jobs[0].error = RuntimeError("mine")

    collect(collector)
    with pytest.raises(RuntimeError, match="mine"):
        model.fit(X[:, :3], y)
    assert vars(model) == before


@pytest.mark.parametrize("how", ["fit", "partial_fit"])
def test_a_failed_continuation_leaves_the_weights(how, blobs, collect):
    X, y = blobs
    model = make(warm_start=True, n_init=2).fit(X, y)
    codes, history = model.transform(X), list(model.history_)

    def collector(jobs):
        train_jobs(jobs)
        jobs[0].error = RuntimeError("mine")

    collect(collector)
    with pytest.raises(RuntimeError, match="mine"):
        getattr(model, how)(X, y)
    assert np.array_equal(model.transform(X), codes)
    assert model.history_ == history
    assert model.net_.finished_history() == history
    twin = clone(model)
    collect(None)
    twin.fit(X, y)
    getattr(model, how)(X, y)
    getattr(twin, how)(X, y)
    assert np.array_equal(model.transform(X), twin.transform(X))


def test_a_training_that_is_called_off_ends_the_fit(blobs, collect):
    X, y = blobs
    model = make(n_init=3)
    before = dict(vars(model))
    collect(lambda jobs: train_jobs(jobs, lambda: True))
    with pytest.raises(Cancelled):
        model.fit(X, y)
    assert vars(model) == before
