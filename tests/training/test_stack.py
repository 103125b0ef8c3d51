"""A stack of models ends where its members, trained one by one, would end."""

from collections import OrderedDict
from contextlib import contextmanager

import pytest
import torch

from sklearn_aae.decoders import DECODERS
from sklearn_aae.encoders import ENCODERS
from sklearn_aae.nn import ACTIVATIONS, NORMALIZATIONS
from sklearn_aae.objectives import OBJECTIVES, PENALTIES
from sklearn_aae.priors import PRIORS
from sklearn_aae.training import (
    DIVERGENCES,
    SCHEDULES,
    UPDATES,
    _engine,
    _loop,
    _trainer,
    train_jobs,
)
from sklearn_aae.training._jobs import group
from sklearn_aae.training._trainer import train_one
from sklearn_aae.training.data import _batches
from sklearn_aae.training.data._batches import StackedBatches
from sklearn_aae.training.replay import _recording
from sklearn_aae.training.replay._recording import Replay

C = 8
PLAIN, BOTH = [False], [False, True]  # whether the stack's steps are recorded
CONDITIONAL = [name for name in PRIORS if PRIORS[name].conditional]


# Members that differ in all that members of one stack may differ in.
VARIED = {
    "rate": lambda i: [1e-2, 4e-3, 2e-2][i % 3],
    "rates": lambda i: [None, {"critic": 5e-3}][i % 2],
    "schedule": lambda i: list(SCHEDULES)[i % len(SCHEDULES)],
    "strength": lambda i: 0.5 + 0.25 * i,
    "total_variance": lambda i: 3.0 + i,
    "rows_seed": lambda i: i // 2,
    "n_rows": lambda i: 40 - i % 4,
}
NOISE = {
    "dropout": lambda i: 0.05 + 0.05 * i,
    "input_noise": lambda i: 0.1 + 0.1 * i,
    "input_dropout": lambda i: 0.02 + 0.05 * i,
}
PENALIZED = {"penalty_weight": lambda i: 0.1 * (i + 1)}


@pytest.fixture
def plain_or_recorded(monkeypatch):
    """Return a scope that rules, and checks, whether steps are recorded."""

    @contextmanager
    def scope(recorded):
        replays, call = [], Replay.__call__

        def counted(self, *args):
            replays.append(1)
            return call(self, *args)

        with monkeypatch.context() as patch:
            patch.setattr(_engine, "RECORDED_STACK_STEPS", 2 if recorded else 10**9)
            for name in ("_RECORDINGS", "_STEPS"):  # other trainings were of this shape
                patch.setattr(_recording, name, OrderedDict())
            patch.setattr(Replay, "__call__", counted)
            yield
        assert bool(replays) == recorded

    return scope


@pytest.fixture
def check(make_job, train_alone, alike, memory, monkeypatch, plain_or_recorded):
    """Return a function that trains jobs in both ways and compares them."""

    def train_together(n, options):
        together = [make_job(i, **options) for i in range(n)]
        before = [memory(job.net) for job in together]
        assert [len(stack) for stack in group(together)] == [n]
        with monkeypatch.context() as patch:
            patch.delattr(_trainer, "train_one")  # nobody trains alone
            train_jobs(together)
        weights = [memory(job.net) for job in together]
        for name in ("networks.encoder.", "networks.decoder."):
            keys = [key for key in before[0] if key.startswith(name)]
            pairs = zip(before, weights, strict=True)
            assert all(moved(old, new, keys) for old, new in pairs)
            assert moved(weights[0], weights[1], keys)
        return together

    def compare(n=3, *, kinds=PLAIN, tolerance=1e-9, **options):
        options = VARIED | options
        alone = train_alone(n, **options)
        for recorded in kinds:
            with plain_or_recorded(recorded):
                together = train_together(n, options)
            for job, expected in zip(together, alone, strict=True):
                alike(job, expected, tolerance)
        return together

    return compare


def moved(old, new, keys):
    return any(not torch.equal(old[key], new[key]) for key in keys)


# --- 200 steps ------------------------------------------------------------------------


@pytest.mark.parametrize("update", UPDATES)
def test_members_that_differ_in_all_that_they_may(update, check):
    options = {"epochs": lambda i: 25 if i == 3 else 40, **NOISE, **PENALIZED}
    jobs = check(C, kinds=BOTH, update=update, **options)
    assert lengths(jobs) == [40, 40, 40, 25, 40, 40, 40, 40]


def test_members_of_equal_pace(check):
    check(kinds=BOTH, rate=1e-2, rates=None, schedule="cosine", **NOISE)


def test_members_that_outlast_others_move_together(check):
    check(4, kinds=BOTH, epochs=lambda i: [1, 1, 3, 4][i])


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_training_in_parts_ends_like_one(
    schedule, alone, make_job, train_alone, alike
):
    options = {"schedule": schedule, "epochs": 5, **NOISE}
    jobs = [make_job(i, **options) for i in range(2)]
    for epochs in (1, 3, 5):
        for job in jobs:
            job.epochs, job.resumes = epochs, epochs > 1
        for part in [[job] for job in jobs] if alone else [jobs]:
            train_jobs(part)
        assert {len(job.net.history) for job in jobs} == {epochs}
    for job, expected in zip(jobs, train_alone(2, **options), strict=True):
        alike(job, expected, 0.0 if alone else 1e-9)


# --- every option ---------------------------------------------------------------------


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("name", [None, "adversarial", *DIVERGENCES])
def test_every_regularizer(name, update, check):
    check(regularizer=name, update=update, posterior="gaussian")


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective(name, check):
    check(objective=name)


@pytest.mark.parametrize("name", PENALTIES)
def test_every_penalty(name, check):
    check(penalty=name, objective="wasserstein", **PENALIZED)


@pytest.mark.parametrize("name", ENCODERS)
def test_every_posterior(name, check):
    check(posterior=name, **NOISE)


@pytest.mark.parametrize("name", [None, *NORMALIZATIONS])
def test_every_normalization(name, check):
    check(normalization=name, hidden=(6, 4))


@pytest.mark.parametrize("name", DECODERS)
def test_every_likelihood(name, check):
    check(likelihood=name)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation(name, check):
    # Without one ("identity") the next layer's normalisation takes a bias off again:
    # what Adam then follows is the rounding of a gradient of zero.
    check(activation=name, tolerance=1e-8)


@pytest.mark.parametrize("hidden", [(), (1,), (7, 4)], ids=str)
def test_any_depth(hidden, check):
    check(hidden=hidden)


def test_a_table_of_one_column_and_a_code_of_one(check):
    check(d=1, k=1)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule(name, check):
    check(schedule=name, epochs=lambda i: 2 + i % 3)


# --- priors and labels ----------------------------------------------------------------


@pytest.mark.parametrize("name", PRIORS)
def test_every_prior(name, check):
    check(prior=name)


def test_members_of_different_priors(check):
    real = [name for name in PRIORS if PRIORS[name].support == "real"]
    check(len(real), prior=lambda i: real[i])


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("name", CONDITIONAL)
def test_labels(name, update, check):
    check(prior=name, labelled=True, update=update, **PENALIZED)


def test_members_of_different_priors_with_labels(check):
    check(
        n=6,
        prior=lambda i: CONDITIONAL[i % len(CONDITIONAL)],
        prior_options=lambda i: {"weights": [1.0, 2.0, i + 1.0]},
        labelled=True,
    )


# --- rows -----------------------------------------------------------------------------


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("batch_size", [8, 64], ids=["mini-batches", "full batch"])
@pytest.mark.parametrize("labelled", [False, True], ids=["", "labels"])
def test_row_weights(batch_size, labelled, update, check):
    given = {"batch_size": batch_size, "labelled": labelled, "update": update}
    given |= {"prior": "gaussian_mixture", "n_rows": 40}
    check(weighted=True, penalty="r2", **PENALIZED, **given)


@pytest.mark.parametrize("name", [None, "adversarial", *DIVERGENCES])
def test_row_weights_of_a_full_batch_enter_every_regularizer(name, check):
    given = {"regularizer": name, "posterior": "gaussian", "epochs": 12}
    check(weighted=True, batch_size=64, **given, n_rows=40)


@pytest.mark.parametrize("batch_size", [40, 64])
def test_full_batches(batch_size, check):
    check(batch_size=batch_size, epochs=12, n_rows=40, **NOISE)


def test_few_rows_in_the_last_batch_and_many_steps(check, monkeypatch):
    monkeypatch.setattr(_batches, "PRIOR_STEPS", 4)
    monkeypatch.setattr(_batches, "GATHERED_CELLS", 250)
    check(batch_size=2, epochs=2, n_rows=lambda i: 40 - i % 2)


def test_a_stack_of_batches_is_its_members_side_by_side(make_job, monkeypatch):
    monkeypatch.setattr(_batches, "PRIOR_STEPS", 4)
    options = {"prior": "gaussian_mixture", "labelled": True, "weighted": True}
    members = [make_job(i, rows_seed=i, **options).batches for i in range(3)]
    for cells in (1, 250, 10**9):
        monkeypatch.setattr(_batches, "GATHERED_CELLS", cells)
        stacked = StackedBatches(members)
        assert stacked.n_steps == 5
        for number in (0, 3):
            epochs = [list(member.epoch(number)) for member in members]
            steps = list(stacked.epoch(number))
            assert len(steps) == 5
            for step, *alone in zip(steps, *epochs, strict=True):
                for part in ("x", "prior", "y", "prior_y"):
                    rows = [getattr(batch, part) for batch in alone]
                    assert torch.equal(getattr(step, part), torch.stack(rows)), part


def test_a_stack_of_full_batches_has_row_weights(make_job):
    options = {"batch_size": 64, "weighted": True}
    members = [make_job(i, **options).batches for i in range(3)]
    (step,) = StackedBatches(members).epoch(0)
    assert step.weight.shape == (3, 40)
    torch.testing.assert_close(step.weight.sum(1), step.weight.new_ones(3))


def lengths(jobs):
    return [len(job.net.history) for job in jobs]


# --- early stopping -------------------------------------------------------------------

STOPPING = {"patience": 2, "epochs": 25, "schedule": "constant", "rate": 2e-2}


# 0: all are carried along to the end; 1: the others move together at each stop.
@pytest.mark.parametrize("kept", [0.0, None, 0.999])
def test_members_stop_early_each_in_its_own_epoch(kept, check, monkeypatch):
    if kept is not None:
        monkeypatch.setattr(_loop, "KEPT_SHARE", kept)
    stacks = []
    make = _trainer._make_stack
    monkeypatch.setattr(
        _trainer, "_make_stack", lambda *a, **k: stacks.append(1) or make(*a, **k)
    )
    jobs = check(C, **STOPPING, **NOISE)
    assert len(set(lengths(jobs))) > 3
    assert max(lengths(jobs)) > min(lengths(jobs)) + 3
    n_stacks = len(stacks)
    n_ends = len(set(lengths(jobs)))
    if kept == 0.0:
        assert (
            n_stacks == 1 + n_ends
        )  # one trains, one evaluates each group of equal ends
    else:
        assert n_stacks > 2 + n_ends


@pytest.mark.parametrize("load_best", [False, True])
def test_the_best_epoch_is_kept_if_asked_for(load_best, check):
    jobs = check(load_best=load_best, **STOPPING)
    for job in jobs:
        losses = job.net.history[:, "valid_loss"]
        best = min(losses)
        assert losses.index(best) < len(losses) - 1
        expected = best if load_best else losses[-1]
        assert job.net.loss_ == pytest.approx(expected, rel=1e-9)


def test_early_stopping_with_labels_weights_and_own_steps(check):
    given = {"labelled": True, "weighted": True, "update": "alternating"}
    check(prior="gaussian_mixture", **STOPPING, **given)


# --- nets with a past -----------------------------------------------------------------


@pytest.mark.parametrize("update", UPDATES)
def test_nets_that_were_trained_before_train_on_as_a_stack(update, make_job, alike):
    options = {**VARIED, **NOISE, "update": update}
    alone, together = ([make_job(i, **options) for i in range(3)] for _ in range(2))
    for job in (*alone, *together):
        train_one(job)
        job.done = False
    assert [len(stack) for stack in group(together)] == [3]
    train_jobs(together)
    for job in alone:
        train_one(job)
    for job, expected in zip(together, alone, strict=True):
        assert len(job.net.history) == 8
        alike(job, expected, 1e-9)


def test_nets_of_different_pasts_train_apart(make_job):
    jobs = [make_job(i) for i in range(4)]
    for job, n_rows in zip(jobs, (None, 40, 40, 24), strict=True):
        if n_rows is not None:
            first = make_job(0, n_rows=n_rows)
            job.batches, kept = first.batches, job.batches
            train_one(job)
            job.batches = kept
    # New; twice four epochs of five steps; four epochs of three steps.
    assert sorted(len(stack) for stack in group(jobs)) == [1, 1, 2]
