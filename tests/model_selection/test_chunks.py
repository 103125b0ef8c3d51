"""Tasks in chunks, for the workers of another backend, which stack their chunks."""

import contextlib
import os
import time
import warnings

import numpy as np
import pytest
from joblib import Parallel, delayed, effective_n_jobs, parallel_config
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

from sklearn_aae import AAETransformer
from sklearn_aae.model_selection._chunks import split_tasks

X, Y = load_iris(return_X_y=True)

MODEL = make_pipeline(
    AAETransformer(max_iter=2, hidden_layer_sizes=(8,), batch_size=150, random_state=0),
    LogisticRegression(),
)
GRID = {"aaetransformer__learning_rate": [1e-4, 1e-3, 1e-2]}


class TaskError(Exception):
    pass


def make_tasks():
    """Return functions that workers can run: they are pickled by value."""

    def place(i):
        from sklearn_aae import training

        # On a busy machine a worker is done with its chunk before another has one.
        time.sleep(0.5)
        barrier = training.COLLECTOR.get().__self__.call.barrier
        return i, os.getpid(), id(barrier)

    def fail(i):
        if i == 5:
            raise ValueError("five")
        return i

    def fail_unportably(i):
        class Unportable(Exception):
            def __reduce__(self):
                raise TypeError

        raise Unportable("no way")

    def vanish(i):
        if i == 5:
            os._exit(1)

    return place, fail, fail_unportably, vanish


PLACE, FAIL, FAIL_UNPORTABLY, VANISH = make_tasks()


def run(function, n_tasks):
    return Parallel()(delayed(function)(i) for i in range(n_tasks))


@pytest.fixture(scope="module")
def cluster():
    """A Dask cluster of two processes, and its client."""
    dask = pytest.importorskip("dask")
    distributed = pytest.importorskip("distributed")
    settings = {
        "n_workers": 2,
        "threads_per_worker": 1,
        "processes": True,
        "dashboard_address": "127.0.0.1:0",
    }
    quick = {
        "distributed.scheduler.allowed-failures": 0,
        "distributed.comm.timeouts.connect": "60s",
    }
    with (
        dask.config.set(quick),
        distributed.LocalCluster(**settings) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.wait_for_workers(2, timeout=60)
        yield client


@pytest.fixture(params=["threading", "loky", "dask"])
def over(request):
    """Activate the backend over two workers of another one."""
    if request.param == "dask":
        request.getfixturevalue("cluster")
    with parallel_config(backend="stacked", over=request.param, n_jobs=2):
        yield request.param


@pytest.fixture
def over_threads():
    """Activate the backend over two threads: quick to start, for what is common."""
    with parallel_config(backend="stacked", over="threading", n_jobs=2):
        yield


@pytest.mark.parametrize("n_tasks", [0, 1, 2, 5, 12])
@pytest.mark.parametrize("n_workers", [1, 2, 5])
def test_chunks_are_of_even_size(n_tasks, n_workers):
    chunks = split_tasks(n_tasks, n_workers)
    assert sorted(i for chunk in chunks for i in chunk) == list(range(n_tasks))
    assert all(len(chunk) > 0 for chunk in chunks)
    sizes = [len(chunk) for chunk in chunks] or [0]
    assert len(chunks) <= n_workers
    assert max(sizes) - min(sizes) <= 1


def test_each_worker_trains_its_chunk_together(over):
    places = run(PLACE, 7)
    assert [i for i, *_ in places] == list(range(7))
    barriers = [place[1:] for place in places]
    assert barriers == [barriers[i % 2] for i in range(7)]
    assert barriers[0] != barriers[1]
    if over != "threading":
        pids = {pid for _, pid, _ in places}
        assert len(pids) == 2
        assert os.getpid() not in pids


def test_search(over):
    search = GridSearchCV(MODEL, GRID, cv=3).fit(X, Y)
    with parallel_config(backend="sequential"):
        one_by_one = GridSearchCV(MODEL, GRID, cv=3).fit(X, Y)
    assert search.best_params_ == one_by_one.best_params_
    scores, expected = search.cv_results_, one_by_one.cv_results_
    np.testing.assert_allclose(
        scores["mean_test_score"], expected["mean_test_score"], rtol=1e-6
    )


def test_nested_search(over_threads):
    search = GridSearchCV(MODEL, GRID, cv=2)
    with parallel_config(backend="sequential"):
        expected = cross_val_score(search, X, Y, cv=3)
    np.testing.assert_allclose(cross_val_score(search, X, Y, cv=3), expected, rtol=1e-6)


def test_an_error(over):
    with pytest.raises(ValueError, match="five") as caught:
        run(FAIL, 8)
    assert "in fail" in caught.value.__notes__[0]
    assert run(PLACE, 2)


def test_an_error_that_cannot_be_sent_back(over_threads):
    with pytest.raises(RuntimeError, match="Unportable: no way"):
        run(FAIL_UNPORTABLY, 4)


def test_more_tasks_than_are_dispatched_at_first(over_threads, monkeypatch):
    monkeypatch.setattr("sklearn_aae.model_selection._backend.ALL_TASKS", 3)
    assert [i for i, *_ in run(PLACE, 10)] == list(range(10))


def test_work_is_cut_into_more_parts_than_workers(over_threads):
    assert effective_n_jobs(None) == effective_n_jobs(-1) == 64
    assert effective_n_jobs(1) == 1
    model = BaggingClassifier(MODEL, n_estimators=4, random_state=0).fit(X, Y)
    assert model.predict(X).shape == Y.shape


def test_shared_memory_stays_here():
    with parallel_config(backend="stacked", over="loky", n_jobs=2):
        parallel = Parallel(require="sharedmem")
        assert parallel(delayed(os.getpid)() for _ in range(3)) == 3 * [os.getpid()]


def test_a_lost_worker_of_loky():
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    with (
        parallel_config(backend="stacked", over="loky", n_jobs=2),
        pytest.raises(TerminatedWorkerError),
    ):
        run(VANISH, 8)


def test_a_lost_worker_of_dask(cluster):
    from distributed import KilledWorker

    with parallel_config(backend="stacked", over="dask"):
        with pytest.raises(KilledWorker):
            run(VANISH, 8)
        cluster.wait_for_workers(2, timeout=60)  # the nanny starts another one
        assert len(run(FAIL, 4)) == 4


def test_a_lost_chunk_is_run_again(cluster, monkeypatch, tmp_path):
    def vanish_once(i):
        with contextlib.suppress(FileExistsError):
            (tmp_path / "mark").touch(exist_ok=False)
            os._exit(1)
        return i

    monkeypatch.setattr(cluster.cluster.scheduler, "allowed_failures", 3)
    with parallel_config(backend="stacked", over="dask"):
        assert run(vanish_once, 4) == [0, 1, 2, 3]
    cluster.wait_for_workers(2, timeout=60)


def test_dask_gives_one_chunk_to_each_worker_and_large_data_no_warning(cluster):
    data = np.zeros(2_000_000)  # Dask's threshold is 10 MB

    def place_with(i, data):
        assert data.size == 2_000_000
        return PLACE(i)

    with parallel_config(backend="stacked", over="dask"), warnings.catch_warnings():
        warnings.simplefilter("error")
        places = Parallel()(delayed(place_with)(i, data) for i in range(6))
    assert len({place[1] for place in places}) == 2


def test_parameters_of_the_other_backend(cluster):
    with parallel_config(backend="stacked", over="dask", client=cluster):
        assert len({place[1] for place in run(PLACE, 4)}) == 2


def test_unknown_parameters():
    with pytest.raises(TypeError, match=r"no parameters \['max_modles'\]"):
        parallel_config(backend="stacked", max_modles=3)


def test_an_unknown_backend():
    with (
        parallel_config(backend="stacked", over="carrier pigeons"),
        pytest.raises(ValueError, match="carrier pigeons"),
    ):
        run(FAIL, 2)
