"""Successive halving of restarts (`halving`): who leaves, and that nobody else changes.

The truth are single fits: each restart trained by itself, to the end, and, at a
constant learning rate, only as far as a rung.
"""

import gc
import weakref
from functools import partial

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback
from torch import nn

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.estimators import _base, _fitting
from sklearn_aae.estimators._halving import cut, plan_rungs
from sklearn_aae.estimators._spec import Stage
from sklearn_aae.training import NonFiniteLossError, _jobs, _trainer, train_jobs
from sklearn_aae.utils._random import draw_seeds

N_INIT, N_EPOCHS = 5, 12
RUNGS = [(3, 3), (6, 2)]  # after 3 epochs 3 are left, after 6 epochs 2

SMALL = {
    "hidden_layer_sizes": (6,),
    "critic_hidden_layer_sizes": (6,),
    "max_iter": N_EPOCHS,
    "batch_size": 64,
    "compile": False,
}
AGREEMENT = {"n_components": 2, "partition_strength": 0, "agreement_strength": 3.0}
AGREEMENT |= SMALL
KINDS = {
    "transformer": partial(AAETransformer, 2, linear_skip=False, **SMALL),
    # The reconstruction alone trains in a second stage.
    "holes": partial(AAETransformer, 2, input_dropout=0.3, **SMALL),
    "clusterer": partial(AAEClusterer, 3, n_components=2, **SMALL),
    "agreement": partial(AAEClusterer, 3, **AGREEMENT),
    # The second rung lies in the second stage.
    "stages": partial(
        AAEClusterer, 3, **AGREEMENT, smoothness_strength=1.0, agreement_duration=0.4
    ),
    "sampler": partial(GANSampler, 2, **{"halving": True, **SMALL}),
}
each = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
def rows(blobs):
    return blobs[0]


@pytest.fixture
def alone(rows, monkeypatch):
    """Return a function that fits each restart by itself."""

    def fit_each(kind, random_state=0, only=None, **options):
        rows_seed, *seeds = draw_seeds(random_state, 1 + N_INIT)
        models = {}
        for seed in seeds if only is None else [only]:
            with monkeypatch.context() as patch:
                patch.setattr(
                    _base, "draw_seeds", lambda state, n, s=seed: [rows_seed, s]
                )
                models[seed] = KINDS[kind](**options).fit(rows)
        return models

    return fit_each


@pytest.fixture
def sizes(monkeypatch):
    """Record how many nets each part of a training has."""
    seen = []

    def counted(jobs):
        seen.append(len(jobs))
        train_jobs(jobs)

    monkeypatch.setattr(_fitting, "train", counted)
    return seen


@pytest.fixture
def one_by_one(monkeypatch):
    monkeypatch.setattr(_jobs, "stack_limit", lambda job: 1)


def weights(model):
    return {k: v.numpy() for k, v in model.net_.module_.state_dict().items()}


def lines(model):
    return [{k: v for k, v in line.items() if k != "dur"} for line in model.history_]


def criterion(model):
    """Return what restarts are compared by: lower is better."""
    return -model.information_ if hasattr(model, "information_") else model.loss_


# --- the plan -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_epochs", "n_restarts", "rungs"),
    [
        (40, 8, {10: 4, 20: 2}),
        (41, 5, {11: 3, 21: 2}),
        (40, 2, {10: 1}),
        (40, 3, {10: 2, 20: 1}),
        (40, 1, {}),
        (2, 8, {1: 2}),
        (1, 8, {}),
    ],
)
def test_rungs(n_epochs, n_restarts, rungs):
    assert plan_rungs(n_epochs, n_restarts) == rungs


@pytest.mark.parametrize(
    ("rungs", "parts"),
    [
        ({}, [("a", 0, 20, None), ("b", 0, 10, None)]),
        ({8: 4, 15: 2}, [("a", 0, 8, 4), ("a", 8, 15, 2), ("a", 15, 20, None)]),
        ({8: 4, 20: 2}, [("a", 0, 8, 4), ("a", 8, 20, 2)]),
        ({22: 2}, [("a", 0, 20, None), ("b", 0, 2, 2), ("b", 2, 10, None)]),
    ],
)
def test_stages_are_cut_at_the_rungs(rungs, parts):
    stages = [(Stage([], name), n) for name, n in (("a", 20), ("b", 10))]
    found = [
        (part.stage.make_batches, part.begin, part.end, part.n_kept)
        for part in cut(stages, rungs)
    ]
    assert found[: len(parts)] == parts
    assert [name for name, *_ in found[len(parts) :]] in ([], ["b"])


# --- who stays is as without ----------------------------------------------------------


@each
def test_the_winner_is_that_restart_alone(kind, rows, alone, sizes, one_by_one):
    model = KINDS[kind](n_init=N_INIT, random_state=0).fit(rows)
    n_stages = len(set(map(frozenset, lines(model))))
    assert len(sizes) == len(RUNGS) + n_stages
    assert (sizes[0], sizes[-1]) == (N_INIT, RUNGS[-1][1])
    (single,) = alone(kind, only=model.net_.seed).values()
    assert lines(model) == lines(single)
    assert model.loss_ == single.loss_
    expected = weights(single)
    for name, value in weights(model).items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


@each
def test_a_stack_that_is_halved_ends_like_single_fits(kind, rows, alone):
    options = {"batch_size": 128, "random_state": 1}  # full batches are float64
    model = KINDS[kind](n_init=N_INIT, **options).fit(rows)
    (single,) = alone(kind, only=model.net_.seed, **options).values()
    expected = weights(single)
    for name, value in weights(model).items():
        np.testing.assert_allclose(value, expected[name], 1e-6, 1e-6, err_msg=name)
    for line, wanted in zip(lines(model), lines(single), strict=True):
        assert line == pytest.approx(wanted, rel=1e-6, abs=1e-6)


def test_training_goes_on_after_it(rows, alone, one_by_one):
    """So the optimisers remember what they would without."""
    model = KINDS["transformer"](n_init=N_INIT, random_state=0, warm_start=True)
    seed = model.fit(rows).net_.seed
    (single,) = alone("transformer", only=seed, warm_start=True).values()
    for each_of in (model, single):
        each_of.fit(rows)
    assert len(model.history_) == 2 * N_EPOCHS
    assert lines(model) == lines(single)


# --- who stays ------------------------------------------------------------------------


# A seed and a rate at which the best restart is behind at a rung.
COMES_FROM_BEHIND = {
    "random_state": 1,
    "learning_rate": 0.1,
    "learning_rate_schedule": "constant",
    "batch_size": 128,
}


@pytest.mark.filterwarnings("ignore:Only . of n_clusters")
@pytest.mark.parametrize("kind", ["transformer", "agreement", "sampler"])
def test_who_is_behind_at_a_rung_leaves(kind, rows, alone):
    """By fits that end at the rungs: at a constant rate these are its beginnings."""
    at = {
        n: {
            seed: criterion(model)
            for seed, model in alone(kind, max_iter=n, **COMES_FROM_BEHIND).items()
        }
        for n in (*dict(RUNGS), N_EPOCHS)
    }
    left = list(at[N_EPOCHS])
    for n_epochs, n_kept in RUNGS:
        ranked = sorted(left, key=at[n_epochs].__getitem__)
        left = [seed for seed in left if seed in ranked[:n_kept]]
    expected, best = (min(some, key=at[N_EPOCHS].__getitem__) for some in (left, at[3]))
    assert expected != best
    for halving, seed in ((True, expected), (False, best)):
        model = KINDS[kind](n_init=N_INIT, halving=halving, **COMES_FROM_BEHIND)
        assert model.fit(rows).net_.seed == seed


def test_restarts_that_diverge_are_the_first_to_leave(rows, monkeypatch, sizes):
    def train(jobs):
        sizes.append(len(jobs))
        train_jobs(jobs)
        if len(sizes) == 1:
            for job in jobs[:3]:
                job.done, job.error = False, NonFiniteLossError("mine")

    monkeypatch.setattr(_fitting, "train", train)
    model = KINDS["transformer"](n_init=N_INIT, random_state=0).fit(rows)
    assert sizes == [N_INIT, 2, 2]
    seeds = draw_seeds(0, 1 + N_INIT)[1:]
    assert model.net_.seed in seeds[3:]


def test_a_real_error_in_a_later_part_is_raised(rows, monkeypatch, sizes):
    def train(jobs):
        sizes.append(len(jobs))
        train_jobs(jobs)
        if len(sizes) == 2:
            jobs[0].done, jobs[0].error = False, RuntimeError("mine")

    monkeypatch.setattr(_fitting, "train", train)
    with pytest.raises(RuntimeError, match="mine"):
        KINDS["transformer"](n_init=N_INIT, random_state=0).fit(rows)


def test_who_leaves_is_forgotten(rows, monkeypatch):
    build, nets = _fitting.build_net, []

    def built(*args):
        net = build(*args)
        nets.append(weakref.ref(net))
        return net

    monkeypatch.setattr(_fitting, "build_net", built)
    model = KINDS["transformer"](n_init=N_INIT, random_state=0).fit(rows)
    gc.collect()
    assert [net() for net in nets if net() is not None] == [model.net_]
    assert len(nets) >= N_INIT


# --- where it is off ------------------------------------------------------------------


class Plain(nn.Module):
    """A user's encoder."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(5, 2)

    def forward(self, x):
        return self.linear(x)


@pytest.mark.parametrize(
    "options",
    [
        {"early_stopping": True},
        {"callbacks": [Callback()]},
        {"encoder": Plain(), "linear_skip": False},
    ],
    ids=lambda options: next(iter(options)),
)
def test_off_where_somebody_may_remember_the_training(options, rows, sizes):
    AAETransformer(2, **SMALL, n_init=3, random_state=0, **options).fit(rows)
    assert sizes == [3]


def test_outlier_detectors_keep_all(rows, sizes):
    detector = AAEOutlierDetector(2, n_init=3, random_state=0, **SMALL).fit(rows)
    assert set(sizes) == {3}
    assert len(detector.members_) == 3
    assert "halving" not in detector.get_params()


def test_estimators_that_choose_have_it():
    for kind in (
        AAETransformer,
        AAEClusterer,
        ConditionalAAETransformer,
        SemiSupervisedAAEClassifier,
    ):
        assert kind().get_params()["halving"] is True
    assert GANSampler().get_params()["halving"] is False


def test_chunks_are_not_cut(rows, sizes):
    model = KINDS["transformer"](n_init=N_INIT, random_state=0)
    model.partial_fit(rows).partial_fit(rows)
    assert sizes == [1, 1]


# --- Ctrl-C ---------------------------------------------------------------------------


@pytest.mark.parametrize("epoch", [2, 4, 8])
def test_ctrl_c_keeps_the_best_of_those_left(epoch, rows, alone, monkeypatch):
    train_epoch = _trainer.Stack.train_epoch

    def interrupted(self, number, cancel):
        if number == epoch:
            raise KeyboardInterrupt
        return train_epoch(self, number, cancel)

    options = {"learning_rate_schedule": "constant", "batch_size": 128}
    reached = alone("transformer", max_iter=epoch, **options)
    with monkeypatch.context() as patch:
        patch.setattr(_trainer.Stack, "train_epoch", interrupted)
        with pytest.warns(match=f"n_iter_={epoch} whole epochs"):
            model = KINDS["transformer"](n_init=N_INIT, random_state=0, **options).fit(
                rows
            )
    assert (model.n_iter_, model.net_.interrupted_) == (epoch, True)
    loss = reached[model.net_.seed].loss_
    n_left = [n for rung, n in [(0, N_INIT), *RUNGS] if rung <= epoch][-1]
    assert model.loss_ == pytest.approx(loss, rel=1e-6)
    assert loss in sorted(single.loss_ for single in reached.values())[:n_left]


def test_ctrl_c_spares_what_an_earlier_part_has_trained(
    rows, alone, monkeypatch, one_by_one
):
    """One that waits to train on answers if it is better than the one that did."""
    trained, train_one = [], _trainer.train_one

    def interrupted(job, cancel):
        def stop():
            if len(trained) == N_INIT + 1:
                raise KeyboardInterrupt

        trained.append(job.net.seed)
        train_one(job, stop)

    options = {"learning_rate_schedule": "constant", "random_state": 3}
    at_rung = alone("transformer", max_iter=3, **options)
    best = min(at_rung, key=lambda seed: at_rung[seed].loss_)
    monkeypatch.setattr(_trainer, "train_one", interrupted)
    with pytest.warns(match="n_iter_=3 whole epochs"):
        model = KINDS["transformer"](n_init=N_INIT, **options).fit(rows)
    assert len(trained) == N_INIT + 1
    assert model.net_.seed == best != trained[-1]
    assert model.loss_ == at_rung[best].loss_


# --- searches -------------------------------------------------------------------------


def test_a_stacked_search_equals_fits_one_by_one(rows):
    grid = {"learning_rate": [1e-3, 1e-2], "halving": [True, False]}
    found = []
    for backend in ("sequential", "stacked"):
        model = KINDS["transformer"](n_init=N_INIT, batch_size=128, random_state=0)
        with parallel_config(backend=backend):
            search = GridSearchCV(model, grid, cv=2).fit(rows)
        found.append(search.cv_results_["mean_test_score"])
    np.testing.assert_allclose(*found, rtol=1e-6)
