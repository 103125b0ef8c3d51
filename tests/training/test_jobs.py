"""Which jobs train together, who hears of a failure, and how training is ended."""

import copyreg
import itertools
import threading
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback, EarlyStopping
from torch import nn

from sklearn_aae.nn import Linear
from sklearn_aae.training import (
    COLLECTOR,
    Batches,
    Cancelled,
    Job,
    NonFiniteLossError,
    _jobs,
    _loop,
    _trainer,
    error_of_one,
    train,
    train_jobs,
)
from sklearn_aae.training._checkpoint import Place, set_keys
from sklearn_aae.training._jobs import group, shape_of, stack_limit
from sklearn_aae.training._optim import StackedAdam
from sklearn_aae.training._trainer import train_one
from sklearn_aae.training.data._batches import share_rows

# --- who may train together -----------------------------------------------------------

# In what members of a stack may differ.
FREE = {
    "seed": [1, 2],
    "rate": [1e-2, 1e-3],
    "rates": [None, {"critic": 1e-4}],
    "schedule": ["cosine", "constant"],
    "epochs": [3, 4],
    "strength": [1.0, 2.0],
    "penalty_weight": [0.5, 1.0],
    "dropout": [0.1, 0.2],
    "input_noise": [0.1, 0.2],
    "input_dropout": [0.1, 0.2],
    "prior": ["gaussian", "uniform"],
    "n_rows": [40, 37],  # 5 steps each
    "rows_seed": [0, 1],
    "total_variance": [1.0, 2.0],
}
# What they must share.
SHARED = {
    "hidden": [(6,), (7,)],
    "k": [2, 3],
    "d": [5, 6],
    "posterior": ["deterministic", "gaussian"],
    "likelihood": ["gaussian", "laplace"],
    "regularizer": ["adversarial", "mmd"],
    "objective": ["bce", "hinge"],
    "update": ["joint", "alternating"],
    "normalization": ["batch", "layer"],
    "activation": ["gelu", "relu"],
    "batch_size": [8, 7],
    "n_rows": [40, 41],  # 5 and 6 steps
    "weighted": [False, True],
    "labelled": [False, True],
    "calibrate": [False, True],
    "patience": [None, 2],
    "dtype": [torch.float32, torch.float64],
    "dropout": [0.0, 0.1],
    "input_noise": [0.0, 0.1],
    "input_dropout": [0.0, 0.1],
    "penalty_weight": [0.0, 0.1],
    "prior": ["gaussian", "categorical"],  # codes on the simplex
}


def n_stacks(make_job, name, values, **options):
    return len(group([make_job(0, **options, **{name: v}) for v in values]))


@pytest.mark.parametrize("name", FREE)
def test_members_may_differ(name, make_job):
    assert n_stacks(make_job, name, FREE[name]) == 1


@pytest.mark.parametrize("name", SHARED)
def test_members_must_share(name, make_job):
    assert n_stacks(make_job, name, SHARED[name]) == 2
    assert n_stacks(make_job, name, SHARED[name][:1] * 2) == 1


def test_penalties_must_be_of_one_kind(make_job):
    options = {"penalty_weight": 0.1}
    assert n_stacks(make_job, "penalty", ["r1", "r2"], **options) == 2


def test_rows_must_all_have_labels_or_none(make_job):
    options = {"regularizer": "mmd", "prior": "gaussian_mixture"}  # no critic tells
    assert n_stacks(make_job, "labelled", [False, True], **options) == 2


def test_epochs_must_be_evaluated_on_as_many_rows_or_none(make_job):
    options = {"calibrate": False}
    assert n_stacks(make_job, "patience", [None, 2], **options) == 2
    assert n_stacks(make_job, "patience", [2, 3], **options) == 1
    assert n_stacks(make_job, "n_validation", [20, 21], patience=2) == 2


def test_a_training_that_goes_on_is_not_one_that_begins(make_job):
    jobs = [make_job(i) for i in range(3)]
    for job in jobs:
        job.epochs = 2
    train_jobs(jobs)
    for job, resumes in zip(jobs, [True, True, False], strict=True):
        job.epochs, job.resumes = 4, resumes
    assert sorted(map(len, group(jobs))) == [1, 2]


def test_a_prior_within_the_networks_must_be_one(make_job):
    options = {"regularizer": "kl", "posterior": "gaussian"}
    mixtures = [{"radius": 1.0}, {"radius": 2.0}, {"weights": [1.0, 2.0, 3.0]}]
    for name, values in {
        "prior": ["gaussian", "laplace"],
        "prior_options": [{"scale": 1.0}, {"scale": 2.0}],
    }.items():
        assert n_stacks(make_job, name, values, **options) == 2
        assert n_stacks(make_job, name, values[:1] * 2, **options) == 1
    options["prior"] = "gaussian_mixture"
    assert n_stacks(make_job, "prior_options", mixtures, **options) == 3
    assert n_stacks(make_job, "prior_options", mixtures[:1] * 3, **options) == 1


def test_row_weights_of_full_batches_are_not_those_of_mini_batches(make_job):
    options = {"weighted": True, "n_rows": 10}
    sizes = [10, 11]  # the one has 10 prior samples, the other 11
    assert n_stacks(make_job, "batch_size", sizes, **options) == 2


def test_jobs_of_equal_settings_have_equal_shapes(make_job):
    options = {"posterior": "universal", "prior": "gaussian_mixture", "dropout": 0.1}
    one, two = make_job(0, **options), make_job(1, **options)
    assert shape_of(one) == shape_of(two)
    assert hash(shape_of(one)) == hash(shape_of(two))


def with_module(job, module):
    networks = job.net.module_.networks
    networks["encoder"].module = module.to(job.batches.x)
    return job


def test_who_trains_alone(make_job):
    def alone(**options):
        return shape_of(make_job(0, **options)) is None

    assert not alone()
    assert alone(verbose=1)
    assert alone(callbacks=(Callback(),))
    assert not alone(callbacks=(EarlyStopping("reconstruction"),))
    assert alone(callbacks=(EarlyStopping("reconstruction"), Callback()))
    assert shape_of(with_module(make_job(0), nn.Linear(5, 2))) is None
    trained = make_job(0)
    train_one(trained)
    assert shape_of(trained) not in (None, shape_of(make_job(0)))  # not with new ones


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Sequential(Linear(5, 2), nn.Dropout(0.5)),  # global random state
        lambda: nn.Sequential(Linear(5, 2), nn.Flatten()),  # (C, B, k) to (C, B k)
        lambda: Linear(5, 2).requires_grad_(False),  # a stack would train it
    ],
    ids=["dropout", "flatten", "frozen"],
)
def test_modules_of_the_user_train_alone_whatever_is_in_them(make, make_job):
    assert shape_of(with_module(make_job(0), make())) is None


class LooksIn(EarlyStopping):
    def on_batch_end(self, net, **kwargs):
        raise RuntimeError("seen")


def test_an_early_stopping_that_looks_into_steps_trains_alone(make_job):
    assert shape_of(make_job(0, callbacks=(LooksIn("reconstruction"),))) is None


def test_numbers_of_numpy_count_by_value(make_job):
    jobs = [make_job(i, k=np.int64(2), hidden=(np.int64(6),)) for i in range(2)]
    assert len(group(jobs)) == 1


def test_jobs_that_share_a_callback_do_not_train_together(make_job):
    stop = EarlyStopping("reconstruction", patience=2, sink=lambda text: None)
    jobs = [make_job(i, callbacks=lambda i: (stop,)) for i in range(3)]
    assert [len(stack) for stack in group(jobs)] == [1, 1, 1]


# --- how many -------------------------------------------------------------------------


def test_every_job_is_in_one_stack(make_job):
    hidden = [(6,), (7,), (6,), (8,), (6,), (7,)]
    jobs = [make_job(i, hidden=hidden[i]) for i in range(6)]
    stacks = group(jobs)
    assert sorted(len(stack) for stack in stacks) == [1, 2, 3]
    assert sorted(jobs.index(job) for stack in stacks for job in stack) == [*range(6)]
    assert group([]) == []


@pytest.mark.parametrize(
    ("limit", "sizes"), [(9, [7]), (7, [7]), (6, [3, 4]), (3, [2, 2, 3]), (1, [1] * 7)]
)
def test_a_limit_cuts_stacks_of_even_size(limit, sizes, make_job, monkeypatch):
    monkeypatch.setattr(_jobs, "stack_limit", lambda job: limit)
    stacks = group([make_job(i) for i in range(7)])
    assert sorted(map(len, stacks)) == sizes


@pytest.mark.gpu
def test_the_limit_of_a_gpu_is_its_free_memory(make_job):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    assert stack_limit(make_job(0, device="cuda")) > 100


def test_the_limit_falls_with_what_a_model_keeps_busy(make_job, monkeypatch):
    if make_job(0).batches.x.device.type != "cpu":
        pytest.skip("another budget on this device")
    for bytes_, larger in itertools.product(
        (2**20, 2**26), ({"hidden": (64,)}, {"batch_size": 32}, {"hidden": (6, 6)})
    ):
        monkeypatch.setattr(_jobs, "CPU_STACK_BYTES", bytes_)
        assert 1 <= stack_limit(make_job(0, **larger)) < stack_limit(make_job(0))
    doubled = stack_limit(make_job(0, dtype=torch.float32))
    assert doubled == pytest.approx(2 * stack_limit(make_job(0)), abs=1)
    assert stack_limit(make_job(0)) * make_job(0).n_weights * 8 < 2**26
    monkeypatch.setattr(_jobs, "CPU_STACK_BYTES", 1)
    assert stack_limit(make_job(0)) == 1


@pytest.mark.parametrize(
    ("n_map_units", "n_jobs", "expected"),
    [(0, 7, [7]), (0, 8, [4, 4]), (10, 1, [1]), (10, 2, [1, 1]), (10, 5, [2, 3])],
)
def test_convolutional_models_are_dealt_out_to_all_workers(
    n_map_units, n_jobs, expected, make_job, monkeypatch
):
    monkeypatch.setattr(_jobs, "_n_map_units", lambda job: n_map_units)
    stacks = group([make_job(i) for i in range(n_jobs)], n_workers=2)
    assert [len(stack) for stack in stacks] == expected


@pytest.mark.parametrize(("n_map_units", "n_jobs"), [(10, 3), (0, 9)])
def test_no_stack_is_empty(n_map_units, n_jobs, make_job, monkeypatch):
    monkeypatch.setattr(_jobs, "_n_map_units", lambda job: n_map_units)
    monkeypatch.setattr(_jobs, "stack_limit", lambda job: 1)
    stacks = group([make_job(i) for i in range(n_jobs)], n_workers=2)
    assert [len(stack) for stack in stacks] == [1] * n_jobs


def test_members_of_equal_pace_stand_side_by_side(make_job):
    paces = [(1e-2, 3), (1e-3, 3), (1e-2, 4), (1e-2, 3), (1e-3, 3), (1e-2, 4)]
    jobs = [make_job(i, rate=r, epochs=n) for i, (r, n) in enumerate(paces)]
    (stack,) = group(jobs)
    runs = [
        key for key, _ in itertools.groupby(stack, key=lambda job: job.net.schedule_key)
    ]
    assert len(runs) == len(set(runs)) == 3


def test_a_training_at_lower_rates_has_a_key_of_its_own(make_job, tmp_path):
    jobs = [make_job(0) for _ in range(3)]
    for job, lowered in zip(jobs, [(), ((0, 0.1),), ((2, 0.1),)], strict=True):
        job.place, job.net.slowdown = Place(tmp_path, 60.0), lowered
    set_keys(jobs)
    assert len({job.key for job in jobs}) == 3


# --- failure --------------------------------------------------------------------------


def test_a_member_whose_loss_is_not_finite_fails_alone(make_job, train_alone, alike):
    options = {"rate": lambda i: 1e200 if i == 1 else 1e-2, "epochs": 6}
    jobs = [make_job(i, **options) for i in range(4)]
    assert len(group(jobs)) == 1
    with pytest.raises(NonFiniteLossError) as alone:
        train_one(make_job(1, **options))
    train_jobs(jobs)
    failed = jobs.pop(1)
    assert isinstance(failed.error, NonFiniteLossError)
    assert str(failed.error) == str(alone.value)
    assert not failed.done
    others = {"rate": 1e-2, "epochs": 6, "seed": lambda i: [0, 2, 3][i]}
    for job, expected in zip(jobs, train_alone(3, **others), strict=True):
        alike(job, expected)


@pytest.mark.parametrize("patience", [None, 2])
def test_all_members_may_fail(patience, make_job):
    jobs = [make_job(i, rate=1e200, epochs=6, patience=patience) for i in range(3)]
    train_jobs(jobs)
    assert all(isinstance(job.error, NonFiniteLossError) for job in jobs)
    assert not any(job.done for job in jobs)


class Fails(EarlyStopping):
    """Stops early, and fails in the given call of a hook."""

    def __init__(self, hook=None, at=1, error=None):
        super().__init__("reconstruction", patience=100, sink=lambda text: None)
        self.hook, self.at = hook, at
        self.error = RuntimeError("mine") if error is None else error

    def _count(self, hook):
        self.counts[hook] = self.counts.get(hook, 0) + 1
        if (hook, self.counts[hook]) == (self.hook, self.at):
            raise self.error

    def on_train_begin(self, net, **kwargs):
        self.counts = {}
        super().on_train_begin(net, **kwargs)
        self._count("on_train_begin")

    def on_epoch_begin(self, net, **kwargs):
        self._count("on_epoch_begin")

    def on_epoch_end(self, net, **kwargs):
        super().on_epoch_end(net, **kwargs)
        self._count("on_epoch_end")

    def on_train_end(self, net, **kwargs):
        super().on_train_end(net, **kwargs)
        self._count("on_train_end")


@pytest.mark.parametrize(
    ("hook", "at"),
    [
        ("on_epoch_end", 1),
        ("on_epoch_end", 3),
        ("on_train_begin", 1),
        ("on_epoch_begin", 2),
        ("on_train_end", 1),
    ],
)
def test_an_error_of_a_callback_reaches_its_job_only(
    hook, at, make_job, train_alone, alike
):
    callbacks = [(Fails(hook if i == 1 else None, at),) for i in range(3)]
    jobs = [make_job(i, callbacks=lambda i: callbacks[i]) for i in range(3)]
    assert len(group(jobs)) == 1
    train_jobs(jobs)
    failed = jobs.pop(1)
    assert repr(failed.error) == "RuntimeError('mine')"
    assert not failed.done
    for job, expected in zip(jobs, train_alone(2, seed=lambda i: 2 * i), strict=True):
        alike(job, expected)


def test_an_error_of_the_stack_reaches_all_its_members_and_no_other(
    make_job, monkeypatch
):
    monkeypatch.setattr(StackedAdam, "step", raising(RuntimeError("mine")))
    jobs = [make_job(i, hidden=[(6,), (6,), (7,)][i]) for i in range(3)]
    train_jobs(jobs)
    assert [repr(job.error) for job in jobs] == ["RuntimeError('mine')"] * 2 + ["None"]
    assert [job.done for job in jobs] == [False, False, True]


def raising(error):
    def function(*args, **kwargs):
        raise error

    return function


def test_an_error_of_a_job_alone_reaches_no_other(make_job):
    jobs = [make_job(i, hidden=(6 + i,)) for i in range(3)]
    jobs[1].net.lr = 1e200
    train_jobs(jobs)
    assert [type(job.error) for job in jobs] == [
        type(None),
        NonFiniteLossError,
        type(None),
    ]
    assert [job.done for job in jobs] == [True, False, True]


# --- interruption ---------------------------------------------------------------------


def after(n, action):
    """Return a question that is asked once a step: the n-th runs the action."""
    calls = itertools.count(1)

    def cancelled():
        return next(calls) == n and action()

    return cancelled


STOP = raising(KeyboardInterrupt)


@pytest.mark.parametrize("monitors", [(), ("reconstruction",)])
# The first question comes before the stack is made; 5 steps are an epoch.
@pytest.mark.parametrize(
    ("steps", "epochs"),
    [
        (0, 0),
        (1, 0),
        (5, 1),
        (8, 1),
    ],
)
def test_ctrl_c_keeps_the_members_as_they_are(
    steps, epochs, monitors, make_job, memory
):
    options = {"epochs": 4, "schedule": "constant", "rate": lambda i: 1e-2 / (i + 1)}
    jobs = [
        make_job(i, callbacks=lambda i: tuple(map(EarlyStopping, monitors)), **options)
        for i in range(3)
    ]
    train_jobs(jobs, after(2 + steps, STOP))
    for i, job in enumerate(jobs):
        assert job.error is None
        assert job.done
        assert job.net.interrupted_
        assert len(job.net.finished_history()) == epochs
        assert job.net.loss_ == pytest.approx(
            job.net.evaluate(job.validation), rel=1e-9
        )
        assert_as_after(steps, job, make_job(i, **options), memory)


def assert_as_after(steps, job, fresh, memory):
    """Assert that a job is where `fresh` is when it is interrupted alone."""
    fresh.net.set_callbacks([StopBefore(steps)])
    train_one(fresh)
    assert fresh.net.interrupted_
    kept, expected = memory(job.net), memory(fresh.net)
    assert set(kept) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(kept[name], value, rtol=1e-9, atol=1e-9)


class StopBefore(Callback):
    """Ctrl-C before batch n, counted from 0."""

    def __init__(self, n):
        self.n = n

    def on_train_begin(self, net, **kwargs):
        self.count = 0

    def on_batch_begin(self, net, **kwargs):
        if self.count == self.n:
            raise KeyboardInterrupt
        self.count += 1


def test_ctrl_c_between_the_groups_of_the_first_step(make_job, monkeypatch):
    step, calls = StackedAdam.step, itertools.count(1)

    def interrupted(self, *args):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return step(self, *args)

    monkeypatch.setattr(StackedAdam, "step", interrupted)
    jobs = [make_job(i) for i in range(3)]
    train_jobs(jobs)
    assert [job.error for job in jobs] == [None] * 3
    assert all(job.done and job.net.interrupted_ for job in jobs)


def test_ctrl_c_while_members_move_together(make_job, train_alone, monkeypatch):
    monkeypatch.setattr(_loop, "KEPT_SHARE", 0.5)
    ends = [2, 3, 4, 4]  # the first is carried along for one epoch
    make, calls = _trainer._make_stack, itertools.count(1)

    def interrupted(*args, **kwargs):
        if next(calls) == 2:
            raise KeyboardInterrupt
        return make(*args, **kwargs)

    monkeypatch.setattr(_trainer, "_make_stack", interrupted)
    options = {"schedule": "constant"}
    jobs = [make_job(i, epochs=ends[i], **options) for i in range(4)]
    train_jobs(jobs)
    assert [job.net.interrupted_ for job in jobs] == [False, False, True, True]
    reached = train_alone(4, epochs=lambda i: min(ends[i], 3), **options)
    for job, expected in zip(jobs, reached, strict=True):
        weights = zip(
            job.net.module_.parameters(),
            expected.net.module_.parameters(),
            strict=True,
        )
        for mine, theirs in weights:
            torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)


def test_ctrl_c_while_a_callback_runs_reaches_all_members(make_job):
    callbacks = [(Fails("on_epoch_end", 2, KeyboardInterrupt()),), (), ()]
    jobs = [make_job(i, callbacks=lambda i: callbacks[i]) for i in range(3)]
    train_jobs(jobs)
    assert [job.net.interrupted_ for job in jobs] == [True] * 3


@pytest.mark.parametrize("n_epochs", [0, 1])
def test_ctrl_c_before_the_first_step_of_a_stack(n_epochs, make_job, train_alone):
    """Of the first stack, and of the one that two members have moved into."""
    ends, options = [1, 1, 3, 3], {"schedule": "constant"}
    stop = Fails("on_epoch_begin", 1 + n_epochs, KeyboardInterrupt())
    callbacks = [(), (), (), (stop,)]
    jobs = [
        make_job(i, epochs=ends[i], callbacks=lambda i: callbacks[i], **options)
        for i in range(4)
    ]
    train_jobs(jobs)
    assert [job.error for job in jobs] == [None] * 4
    done = [n_epochs == 0] * 2 + [True] * 2
    assert [job.net.interrupted_ for job in jobs] == done
    assert [len(job.net.finished_history()) for job in jobs] == [n_epochs] * 4
    fresh = [make_job(i, epochs=1, **options) for i in range(4)]
    reached = train_alone(4, epochs=1, **options) if n_epochs else fresh
    for job, expected in zip(jobs, reached, strict=True):
        for mine, theirs in zip(
            job.net.module_.parameters(),
            expected.net.module_.parameters(),
            strict=True,
        ):
            torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)


def test_ctrl_c_leaves_further_jobs_undone(make_job):
    jobs = [make_job(i, hidden=(6 + i // 2,)) for i in range(4)]
    train_jobs(jobs, after(4, STOP))
    assert [job.done for job in jobs] == [True, True, False, False]
    assert [job.error for job in jobs] == [None] * 4
    assert [len(job.net.history) for job in jobs[2:]] == [0, 0]


def test_ctrl_c_spares_members_that_have_ended(make_job, train_alone, alike):
    options = {"epochs": lambda i: [2, 4, 4][i]}
    jobs = [make_job(i, **options) for i in range(3)]
    train_jobs(jobs, after(2 + 15, STOP))  # in the last epoch of two
    assert [job.net.interrupted_ for job in jobs] == [False, True, True]
    assert [len(job.net.finished_history()) for job in jobs] == [2, 3, 3]
    (expected,) = train_alone(1, epochs=2)
    alike(jobs[0], expected)


def test_an_interrupted_member_trains_on(make_job):
    jobs = [make_job(i) for i in range(2)]
    train_jobs(jobs, after(8, STOP))
    net = jobs[0].net
    n_before = len(net.finished_history())
    net.partial_fit(jobs[0].batches)
    assert len(net.finished_history()) == n_before + 4
    assert not net.interrupted_


# --- cancelling -----------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 9])
def test_training_is_called_off(n, make_job):
    jobs = [make_job(i, hidden=(6 + i // 2,)) for i in range(4)]
    with pytest.raises(Cancelled):
        train_jobs(jobs, after(n, lambda: True))
    assert not any(job.done or job.error for job in jobs)
    assert not isinstance(Cancelled(), Exception)  # no callback swallows it


@pytest.mark.parametrize(
    ("n", "done"),
    [
        (7, [False] * 3),  # before the first job, and before each of its 10 steps
        (12, [True, False, False]),
        (15, [True, False, False]),
    ],
)
def test_training_is_called_off_between_and_amid_lone_jobs(n, done, make_job):
    jobs = [make_job(i, hidden=(6 + i,), epochs=2) for i in range(3)]
    with pytest.raises(Cancelled):
        train_jobs(jobs, after(n, lambda: True))
    assert [job.done for job in jobs] == done
    assert not any(job.error for job in jobs)
    assert all("cancel" not in vars(job.net) for job in jobs)


# --- surroundings ---------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["its end", "Ctrl-C", "Cancelled"])
def test_the_thread_count_is_given_back(ending, make_job):
    before, seen = torch.get_num_threads(), []

    def look():
        seen.append(torch.get_num_threads())
        if ending == "Ctrl-C":
            raise KeyboardInterrupt
        return ending == "Cancelled"

    try:
        torch.set_num_threads(before + 1)
        raises = pytest.raises(Cancelled) if ending == "Cancelled" else nullcontext()
        with raises:
            train_jobs([make_job(i) for i in range(2)], after(3, look))
        assert torch.get_num_threads() == before + 1
        assert seen == [1]
    finally:
        torch.set_num_threads(before)


def test_training_leaves_the_global_generators_alone(make_job, rng_untouched):
    jobs = [make_job(i, dropout=0.1, posterior="gaussian") for i in range(3)]
    with rng_untouched():
        train_jobs(jobs)


def test_jobs_of_equal_rows_keep_one_tensor(make_job):
    jobs = [make_job(i, rows_seed=i % 2, hidden=(6 + i // 4,)) for i in range(6)]
    train_jobs(jobs)
    xs = [job.batches.x for job in jobs]
    assert all(xs[i] is xs[i % 2] for i in range(6))
    assert xs[0] is not xs[1]


def batches_of(x):
    return Batches(x, None, batch_size=2, seed=0)


def test_shared_rows_are_equal_rows(randn):
    x = randn(6, 3)
    last, first = x.clone(), x.clone()
    last[5, 2] += 1e-3
    first[0, 0] += 1.0
    rows = [
        x,
        x.clone(),
        last,  # same first row, different rest
        first,
        x[:5].clone(),
        x[:, :2].clone(),
        x.float() if x.dtype == torch.float64 else x.double(),
        last.clone(),
    ]
    members, known = [batches_of(r) for r in rows], []
    share_rows(known, members)
    expected = [0, 0, 2, 3, 4, 5, 6, 2]
    for member, own, i in zip(members, rows, expected, strict=True):
        assert member.x is rows[i]
        assert torch.equal(member.x, own)
        assert member.x.dtype == own.dtype
    assert len(known) == 6

    later = batches_of(first.clone())
    share_rows(known, [later])
    assert later.x is first
    assert len(known) == 6


def test_equal_numbers_of_another_dtype_are_not_shared(device):
    whole = torch.arange(6.0, device=device).reshape(3, 2)
    members = [batches_of(whole), batches_of(whole.double())]
    share_rows([], members)
    assert [m.x.dtype for m in members] == [torch.float32, torch.float64]


# --- collectors -----------------------------------------------------------------------


@pytest.fixture
def collector():
    """Return a function that sets the collector for this test."""
    tokens = []
    yield lambda function: tokens.append(COLLECTOR.set(function))
    for token in tokens:
        COLLECTOR.reset(token)


def test_without_a_collector_jobs_train_at_once(make_job):
    jobs = [make_job(i) for i in range(2)]
    train(jobs)
    assert all(job.done for job in jobs)


def test_a_collector_gets_the_jobs_untrained(make_job, collector):
    seen = []
    collector(seen.append)
    jobs = [make_job(i) for i in range(2)]
    train(jobs)
    assert len(seen) == 1
    assert seen[0] is jobs
    assert not any(job.done for job in jobs)
    assert all(len(job.net.history) == 0 for job in jobs)


def test_a_collector_may_train_the_jobs_of_many_threads_together(
    make_job, collector, train_alone, alike
):
    gathered, barrier = [], threading.Barrier(3)

    def gather(jobs):
        gathered.extend(jobs)
        if barrier.wait() == 0:
            train_jobs(gathered)
        barrier.wait()

    jobs = [make_job(i) for i in range(3)]

    def fit(job):
        token = COLLECTOR.set(gather)  # each thread has its own context
        train([job])
        COLLECTOR.reset(token)
        assert job.done

    threads = [threading.Thread(target=fit, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for job, expected in zip(jobs, train_alone(3), strict=True):
        alike(job, expected)


def test_a_module_handed_over_in_evaluation_mode_is_trained(make_job):
    module, modes = nn.Sequential(nn.Linear(5, 2), nn.Dropout(0.5)).eval(), []
    module[1].register_forward_hook(lambda m, *args: modes.append(m.training))
    train_one(with_module(make_job(0), module))
    assert modes[0] is True


def test_a_job_knows_its_size(make_job):
    job = make_job(0)
    n = sum(p.numel() for p in job.net.module_.parameters())
    assert job.n_weights == n
    assert job.n_bytes >= job.batches.x.nbytes + 3 * 4 * n
    assert isinstance(job, Job)


class TwoPartError(Exception):
    """An error that cannot be copied: its constructor asks for more than it keeps."""

    def __init__(self, what, why):
        super().__init__(what)


@pytest.mark.parametrize("registered", [False, True])
def test_each_caller_gets_an_error_of_its_own(registered, monkeypatch):
    for kind in (ValueError, TwoPartError):
        monkeypatch.delitem(copyreg.dispatch_table, kind, raising=False)
    if registered:  # as dask does for all errors
        tblib = pytest.importorskip("tblib.pickling_support")
        monkeypatch.setitem(copyreg.dispatch_table, ValueError, tblib.pickle_exception)
    try:
        raise ValueError("bug") from KeyError("cause")
    except ValueError as error:
        error.add_note("a note")
        shared, depth = error, error.__traceback__
    own = error_of_one(shared)
    assert own is not shared
    assert (type(own), own.args, own.__cause__) == (
        ValueError,
        ("bug",),
        shared.__cause__,
    )
    assert own.__traceback__ is depth
    own.add_note("of one")
    assert shared.__notes__ == ["a note"]
    single = TwoPartError("what", "why")
    assert error_of_one(single) is single
