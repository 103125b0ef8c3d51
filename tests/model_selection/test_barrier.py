"""The meeting of fits: counted exactly, whatever the tasks do in between."""

import gc
import random
import signal
import sys
import threading
import time
import traceback
import warnings

import joblib
import pytest
import torch
from joblib import Parallel, delayed, parallel_config
from threadpoolctl import ThreadpoolController

from sklearn_aae import training
from sklearn_aae.model_selection import StackedBackend, _barrier, _resources
from sklearn_aae.model_selection._calls import current_task


class TaskError(Exception):
    pass


def run(function, n_tasks, **settings):
    return Parallel(**settings)(delayed(function)(i) for i in range(n_tasks))


# --- who meets ------------------------------------------------------------------------


@pytest.mark.parametrize("n_tasks", [1, 2, 35, 200])
def test_all_tasks_meet_once(n_tasks, trainer, stacked):
    assert run(trainer.fit, n_tasks) == list(range(n_tasks))
    assert trainer.sizes == [n_tasks]


def test_more_tasks_than_are_dispatched_at_first(trainer, stacked, monkeypatch):
    monkeypatch.setattr("sklearn_aae.model_selection._backend.ALL_TASKS", 10)
    assert run(trainer.fit, 35, n_jobs=-1) == list(range(35))
    assert trainer.sizes == [20, 15]


def test_n_jobs_bounds_who_meets(trainer, stacked):
    assert run(trainer.fit, 35, n_jobs=4) == list(range(35))
    assert trainer.sizes == [8, 8, 8, 8, 3]


def test_n_jobs_of_one_is_sequential(trainer, stacked):
    assert run(trainer.fit, 3, n_jobs=1) == [0, 1, 2]
    assert trainer.sizes == [1, 1, 1]


def test_n_jobs_of_zero_is_refused(trainer, stacked):
    with pytest.raises(ValueError, match="n_jobs == 0 in Parallel has no meaning"):
        run(trainer.fit, 3, n_jobs=0)
    with pytest.raises(ValueError, match="n_jobs == 0 in Parallel has no meaning"):
        joblib.effective_n_jobs(0)


def test_work_is_cut_into_many_parts_outside_and_few_inside(stacked):
    assert joblib.effective_n_jobs(None) == joblib.effective_n_jobs(-1) == 64
    assert joblib.effective_n_jobs(3) == 3
    inside = Parallel()(delayed(joblib.effective_n_jobs)(n) for n in (None, -1, 3))
    assert inside == [joblib.cpu_count(), joblib.cpu_count(), 3]


def test_tasks_that_fit_often_and_never(trainer, stacked):
    def task(i):
        for _ in range(i % 4):
            trainer.fit()
        return i

    assert run(task, 20) == list(range(20))
    assert trainer.sizes == [15, 10, 5]


def test_trees_of_a_nested_forest_are_no_tasks(trainer, stacked):
    def task(n_jobs):
        tasks = (delayed(threading.get_ident)() for _ in range(20))
        return len({threading.get_ident(), *Parallel(n_jobs, prefer="threads")(tasks)})

    assert run(lambda i: task(None), 2) == [1, 1]
    assert min(run(lambda i: task(2), 2)) > 1


def test_slow_tasks_are_waited_for(trainer, stacked):
    def task(i):
        time.sleep(0.05 if i % 7 == 0 else 0)
        return trainer.fit(i)

    run(task, 20)
    assert trainer.sizes == [20]


def test_a_call_without_tasks(stacked):
    assert run(None, 0) == []


@pytest.mark.parametrize("return_as", ["generator", "generator_unordered"])
def test_generators(return_as, trainer, stacked):
    results = run(trainer.fit, 12, return_as=return_as)
    assert sorted(results) == list(range(12))
    assert trainer.sizes == [12]


def test_a_generator_left_early(trainer):
    with parallel_config(backend="stacked", max_models=1):
        results = run(trainer.fit, 50, return_as="generator")
    assert next(results) == 0
    with pytest.warns(UserWarning, match="not used|still being processed"):
        results.close()
    assert len(trainer.sizes) < 50


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_generators_forgotten_in_tasks(trainer, stacked):
    def task(i):
        results = run(trainer.fit, 4, return_as="generator")
        forgotten = [next(results), results]
        forgotten.append(forgotten)  # left to the garbage collector, in any thread
        if i % 3 == 0:
            gc.collect()
        return trainer.fit(i)

    assert run(task, 12) == list(range(12))
    gc.collect()


def test_one_parallel_called_twice(trainer, stacked):
    with Parallel() as parallel:
        for _ in range(2):
            assert parallel(delayed(trainer.fit)(i) for i in range(5)) == [*range(5)]
    assert trainer.sizes == [5, 5]


def test_two_barriers_side_by_side(trainer):
    both, results = threading.Barrier(2, timeout=30), {}

    def task(i):
        if i == 0:
            both.wait()  # both calls run
        return trainer.fit(i)

    def search(n_tasks):
        with parallel_config(backend="stacked"):
            results[n_tasks] = run(task, n_tasks)

    threads = [threading.Thread(target=search, args=(n,)) for n in (5, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {5: [*range(5)], 9: [*range(9)]}
    assert sorted(trainer.sizes) == [5, 9]


# --- nested calls ---------------------------------------------------------------------


def test_nested_calls_meet(trainer, stacked):
    def search(i):
        run(trainer.fit, 4)
        return trainer.fit(i)  # the refit

    assert run(search, 5) == list(range(5))
    assert trainer.sizes == [20, 5]


def test_nested_calls_of_another_length(trainer, stacked):
    def search(i):
        for _ in range(i):
            run(trainer.fit, 3)
        return i

    assert run(search, 4) == list(range(4))
    assert trainer.sizes == [9, 6, 3]


@pytest.mark.parametrize("settings", [{"n_jobs": 1}, {"n_jobs": 2}, {"n_jobs": -1}])
def test_nested_calls_keep_their_n_jobs(settings, trainer, stacked):
    def search(i):
        return run(trainer.fit, 4, **settings)

    assert run(search, 3) == 3 * [[0, 1, 2, 3]]
    assert trainer.sizes == (4 * [3] if settings == {"n_jobs": 1} else [12])


def test_nested_threads_train_on_their_own(trainer, stacked):
    def search(i):
        return run(trainer.fit, 4, n_jobs=2, backend="threading")

    assert run(search, 3) == 3 * [[0, 1, 2, 3]]
    assert trainer.sizes == 12 * [1]


def test_a_fit_in_a_thread_of_a_task(trainer, stacked):
    def task(i):
        collect = training.COLLECTOR.get()

        def fit():
            training.COLLECTOR.set(collect)  # as a copied context would
            trainer.fit()

        thread = threading.Thread(target=fit)
        thread.start()
        thread.join()
        return trainer.fit(i)

    assert run(task, 3) == [0, 1, 2]
    assert sorted(trainer.sizes) == [1, 1, 1, 3]


def test_fits_among_the_arguments_of_nested_tasks(trainer, stacked):
    def search(i):
        tasks = (delayed(trainer.fit)(trainer.fit(k)) for k in range(6))
        return Parallel(n_jobs=2)(tasks)

    assert run(search, 3) == 3 * [[*range(6)]]


# --- bounds ---------------------------------------------------------------------------


@pytest.mark.parametrize("max_models", [1, 2, 7])
@pytest.mark.parametrize("n_jobs_of_a_fit", [1, 2])
def test_max_models(max_models, n_jobs_of_a_fit, trainer):
    def search(i):
        run(task, 3)
        return task(i)

    def task(i):
        return trainer.fit(i, n_jobs=n_jobs_of_a_fit)

    with parallel_config(backend="stacked", max_models=max_models):
        assert run(search, 8) == list(range(8))
        assert run(task, 8) == list(range(8))
    assert max(trainer.sizes) <= max(max_models, n_jobs_of_a_fit)
    assert sum(trainer.sizes) == 40 * n_jobs_of_a_fit


def test_memory_bounds_who_waits(trainer, stacked, monkeypatch):
    monkeypatch.setattr(_resources, "free_memory", lambda: 100)
    Parallel()(delayed(trainer.fit)(i, n_bytes=10) for i in range(12))
    assert trainer.sizes == [5, 5, 2]


def test_a_model_too_large_for_the_memory_trains_alone(trainer, stacked, monkeypatch):
    monkeypatch.setattr(_resources, "free_memory", lambda: 5)
    monkeypatch.setattr("sklearn_aae.model_selection._backend.cpu_count", lambda: 1)
    Parallel()(delayed(trainer.fit)(i, n_bytes=10) for i in range(4))
    assert trainer.sizes == [1, 1, 1, 1]


@pytest.mark.parametrize("max_models", [0, -1, 2.5, "many"])
def test_unfit_max_models(max_models):
    with pytest.raises(ValueError, match="max_models must be a positive integer"):
        StackedBackend(max_models=max_models)


def test_as_many_tasks_run_as_there_are_slots(trainer, stacked):
    running, most, lock = 0, 0, threading.Lock()

    def task(i):
        nonlocal running, most
        for _ in range(3):
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.001)
            with lock:
                running -= 1
            trainer.fit()

    run(task, 20)
    assert most <= joblib.cpu_count()


def bound_threads(monkeypatch, n_threads):
    """Have the system refuse to start more threads for fits than this."""
    start = threading.Thread.start

    def bounded(self):
        alive = [t for t in threading.enumerate() if t.name == "stacked-fit"]
        if self.name == "stacked-fit" and len(alive) >= n_threads:
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(threading.Thread, "start", bounded)


def test_too_few_threads_for_all_tasks(trainer, stacked, monkeypatch):
    bound_threads(monkeypatch, 6)
    assert run(trainer.fit, 20) == list(range(20))
    assert max(trainer.sizes) == 5
    assert sum(trainer.sizes) == 20


def test_too_few_threads_for_nested_tasks(trainer, stacked, monkeypatch):
    bound_threads(monkeypatch, 3)
    with pytest.raises(RuntimeError, match="no thread for a task"):
        run(lambda i: run(trainer.fit, 2), 2)


# --- errors ---------------------------------------------------------------------------


def test_an_error_ends_the_call_and_says_where_it_arose(trainer, stacked):
    def the_culprit(i):
        if i == 7:
            raise TaskError("seven")
        return trainer.fit(i)

    with pytest.raises(TaskError, match="seven") as caught:
        run(the_culprit, 20)
    assert "in the_culprit" in caught.value.__notes__[0]
    assert run(trainer.fit, 5) == list(range(5))


def test_an_error_of_a_nested_call_is_that_of_its_caller(trainer, stacked):
    def inner(i, k):
        trainer.fit()
        if i == k == 2:
            raise TaskError
        return trainer.fit(k)

    def outer(i):
        try:
            return Parallel()(delayed(inner)(i, k) for k in range(4))
        except TaskError:
            return trainer.fit("error")

    assert run(outer, 4) == [[*range(4)], [*range(4)], "error", [*range(4)]]


@pytest.mark.parametrize("failure", [TaskError("bug"), SystemExit(3)])
def test_a_failing_trainer_reaches_all_callers(failure, trainer, stacked):
    caught = []

    def task(i):
        try:
            trainer.fit()
        except BaseException as error:
            caught.append(error)

    trainer.failure = failure
    run(task, 6)
    assert [(type(e), e.args) for e in caught] == 6 * [(type(failure), failure.args)]


def test_callers_do_not_print_the_way_through_each_other(trainer, stacked):
    depths, notes = [], []

    def task(i):
        try:
            trainer.fit()
        except TaskError as error:
            depths.append(len(traceback.extract_tb(error.__traceback__)))
            notes.append(list(error.__notes__))
            error.add_note("of one")

    trainer.failure = TaskError("bug")
    trainer.failure.add_note("a note")
    run(task, 6)
    assert depths == 6 * [depths[0]]
    assert notes == 6 * [["a note"]]


def test_the_error_of_a_job_is_left_to_its_fit(trainer, stacked, monkeypatch):
    def fail(jobs, cancelled):
        jobs[0].error = TaskError()
        trainer.train(jobs)

    monkeypatch.setattr(training, "train_jobs", fail)
    assert run(trainer.fit, 3) == [0, 1, 2]


def interrupt(trainer, nested):
    """Ctrl-C while the barrier trains."""
    trainer.until_cancelled = True

    def press():
        assert trainer.began.wait(30)
        time.sleep(0.05)
        signal.raise_signal(signal.SIGINT)

    presser = threading.Thread(target=press)
    presser.start()
    task = (lambda i: run(trainer.fit, 3)) if nested else trainer.fit
    try:
        with pytest.raises(KeyboardInterrupt):
            run(task, 9)
    finally:
        presser.join()
    trainer.until_cancelled = False


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("max_models", [None, 4])
def test_ctrl_c(nested, max_models, trainer):
    filters = warnings.filters[:]
    with parallel_config(backend="stacked", max_models=max_models):
        interrupt(trainer, nested)
        assert threads_left() == []
        assert warnings.filters == filters
        assert run(trainer.fit, 4) == list(range(4))
    assert trainer.sizes[-1] == 4


def threads_left():
    return [t for t in threading.enumerate() if t.name == "stacked-fit"]


def test_ctrl_c_does_not_wait_for_ever(trainer, stacked, monkeypatch):
    monkeypatch.setattr(_barrier, "GRACE_SECONDS", 0.1)
    release = threading.Event()

    def task(i):
        if i == 0:
            release.wait()  # a computation that knows no stop
        else:
            trainer.began.set()

    presser = threading.Timer(0.1, signal.raise_signal, [signal.SIGINT])
    presser.start()
    with pytest.raises(KeyboardInterrupt):
        run(task, 2)
    release.set()
    for thread in (presser, *threads_left()):
        thread.join()


def test_a_time_out_ends_the_call(trainer, stacked):
    trainer.until_cancelled = True
    with pytest.raises((TimeoutError, joblib.parallel.TimeoutError)):
        run(trainer.fit, 3, timeout=0.2)
    trainer.until_cancelled = False


@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_tasks_do(seed, trainer):
    """Calls in calls, errors, bounds: the results are those of one by one."""
    with parallel_config(backend="sequential"):
        expected = outcome(seed, trainer)
    draw = random.Random(seed)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with parallel_config(backend="stacked", max_models=draw.choice([None, 1, 3])):
            assert outcome(seed, trainer) == expected
    finally:
        sys.setswitchinterval(interval)


def outcome(seed, trainer, depth=0):
    """Do what a seed says: fit, fail, or call `Parallel` for more of the same."""
    draw, results = random.Random(seed), []
    for kind in draw.choices("fcse", weights=(5, 4, 1, 0.3), k=draw.randrange(4)):
        if kind == "f":
            results.append(trainer.fit("fit", n_jobs=draw.randrange(1, 3)))
        elif kind == "s":
            time.sleep(draw.random() * 1e-3)
        elif kind == "e" and depth:
            raise TaskError
        elif kind == "c" and depth < 3:
            n_jobs = draw.choice([None, -1, 1, 2, 3])
            seeds = [draw.random() for _ in range(draw.randrange(1, 9))]
            tasks = (delayed(outcome)(s, trainer, depth + 1) for s in seeds)
            try:
                results.append(Parallel(n_jobs=n_jobs)(tasks))
            except TaskError:
                results.append("error")
    return results


# --- the process is left as it was ----------------------------------------------------


def numbers_of_threads():
    pools = ThreadpoolController()
    blas = {pool["num_threads"] for pool in pools.select(user_api="blas").info()}
    openmp = {pool["num_threads"] for pool in pools.select(user_api="openmp").info()}
    return torch.get_num_threads(), openmp, blas


def test_threads_of_tasks_and_of_the_training(trainer, stacked, monkeypatch):
    seen = {"training": []}

    def train(jobs, cancelled):
        seen["training"].append(numbers_of_threads())
        trainer.train(jobs)

    def task(i):
        before = numbers_of_threads()
        trainer.fit()
        return before, numbers_of_threads()

    def fresh_thread():
        seen["fresh"] = torch.get_num_threads()

    monkeypatch.setattr(training, "train_jobs", train)
    before_torch, controller = torch.get_num_threads(), ThreadpoolController()
    torch.set_num_threads(2)
    with controller.select(user_api="openmp").limit(limits=2):
        before = numbers_of_threads()
        in_tasks = run(task, 6)
        assert numbers_of_threads() == before
        thread = threading.Thread(target=fresh_thread)
        thread.start()
        thread.join()
    torch.set_num_threads(before_torch)
    ((of_training, _, blas_of_training),) = seen["training"]
    assert (of_training, blas_of_training) == (2, before[2])
    assert {number for pair in in_tasks for number in pair[0][:1]} == {1}
    for number, openmp, blas in (numbers for pair in in_tasks for numbers in pair):
        assert (number, openmp, blas) == (1, {1}, {1})
    assert seen["fresh"] == 2


def test_warning_filters(trainer, stacked):
    def task(i):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore" if i % 2 else "always")
            trainer.fit()

    filters, content = warnings.filters, warnings.filters[:]
    run(task, 8)
    assert warnings.filters is filters
    assert warnings.filters == content


def test_tasks_know_where_they_are(trainer, stacked):
    assert all(run(lambda i: current_task() is not None, 3))
    assert current_task() is None
    assert training.COLLECTOR.get() is None
