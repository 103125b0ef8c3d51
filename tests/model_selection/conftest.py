"""A watchdog for each test, and jobs that stand in for training."""

import faulthandler
import os
import signal
import threading
import time

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key
from joblib import parallel_config

import sklearn_aae.model_selection  # noqa: F401, registers the backend
from sklearn_aae import training

WATCHDOG_SECONDS = 120


def threads_of_barriers():
    return [t for t in threading.enumerate() if t.name == "stacked-fit"]


@pytest.fixture(autouse=True)
def watchdog(request):
    """End the process, with all stacks, if a test hangs; find threads left behind."""
    stderr = request.config.stash[fault_handler_stderr_fd_key]  # not captured
    over = threading.Event()

    def watch():
        # Second by second: a process that is stopped for a while is not to blame.
        if not any(over.wait(1) for _ in range(WATCHDOG_SECONDS)):
            faulthandler.dump_traceback(file=stderr)
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    yield
    over.set()
    assert threads_of_barriers() == []


@pytest.fixture(autouse=True)
def ctrl_c():
    """Let SIGINT interrupt, also where the shell started the tests to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def stacked():
    """Activate the backend."""
    with parallel_config(backend="stacked"):
        yield


@pytest.fixture
def trainings(monkeypatch):
    """Record how many models each training of a barrier has."""
    sizes, train_jobs = [], training.train_jobs

    def recorded(jobs, cancelled=lambda: False):
        sizes.append(len(jobs))
        train_jobs(jobs, cancelled)

    monkeypatch.setattr(training, "train_jobs", recorded)
    return sizes


class StandIn:
    """A job that needs no torch."""

    def __init__(self, n_bytes=0):
        self.n_bytes, self.error, self.done = n_bytes, None, False


class Trainer:
    """Stands in for `train_jobs`; its `fit` stands in for an estimator's."""

    def __init__(self):
        self.sizes = []
        self.began = threading.Event()
        self.until_cancelled = False
        self.failure = None

    def train(self, jobs, cancelled=lambda: False):
        self.sizes.append(len(jobs))
        self.began.set()
        while self.until_cancelled:
            if cancelled():
                raise training.Cancelled
            time.sleep(0.001)
        if self.failure is not None:
            raise self.failure
        for job in jobs:
            assert not job.done, "trained twice"
            job.done = True

    def fit(self, result=None, n_jobs=1, n_bytes=0):
        jobs = [StandIn(n_bytes) for _ in range(n_jobs)]
        collect = training.COLLECTOR.get()
        (self.train if collect is None else collect)(jobs)
        assert all(job.done for job in jobs), "not trained"
        return result


@pytest.fixture
def trainer(monkeypatch):
    trainer = Trainer()
    monkeypatch.setattr(training, "train_jobs", trainer.train)
    return trainer
