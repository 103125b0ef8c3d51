"""What else the process does, or has switched on, changes no fit and no answer."""

import contextlib
import copy
import os
import pickle
import random
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
    metrics,
)
from sklearn_aae.training import _engine

OPTIONS = {
    "hidden_layer_sizes": (8,),
    "critic_hidden_layer_sizes": (8,),
    "max_iter": 2,
    "batch_size": 64,
    "random_state": 0,
}
MIXTURE = {"prior": "gaussian_mixture", "posterior": "universal"}
FAMILY = {
    "transformer": AAETransformer(2, **OPTIONS),
    "mixture": AAETransformer(2, **MIXTURE, dropout=0.2, **OPTIONS),
    "clusterer": AAEClusterer(3, n_init=2, **OPTIONS),
    "detector": AAEOutlierDetector(2, n_init=2, **OPTIONS),
    "conditional": ConditionalAAETransformer(
        3, prior="swiss_roll", **OPTIONS
    ).set_params(n_components=2),
    "sampler": GANSampler(3, **OPTIONS),
    "classifier": SemiSupervisedAAEClassifier(3, **OPTIONS),
}
each = pytest.mark.parametrize("name", FAMILY)
ANSWERS = ("transform", "predict", "predict_proba", "reconstruct", "score_samples")


def table():
    """Return 90 rows, of which some cells are missing, and their labels."""
    rng = np.random.RandomState(0)
    y = np.arange(90) % 3
    X = 4 * rng.normal(size=(3, 5))[y] + rng.normal(size=(90, 5))
    return X, np.where(np.arange(90) % 4, y, -1)


def answers(model, X):
    """Return all that a model says about rows, by method."""
    found = {name: getattr(model, name)(X) for name in ANSWERS if hasattr(model, name)}
    found["score"] = model.score(X, np.arange(90) % 3) if hasattr(model, "score") else 0
    return found | {"sample": model.sample(7, random_state=0)}


def life(name):
    """Fit, load, copy, train on and ask a model; return all answers."""
    X, y = table()
    model = clone(FAMILY[name]).fit(X, y)
    loaded = copy.deepcopy(pickle.loads(pickle.dumps(model)))
    told = [answers(model, X), answers(loaded, X)]
    return [*told, answers(loaded.partial_fit(X, y), X)]


def assert_same_bits(first, second):
    for one, other in zip(first, second, strict=True):
        assert one.keys() == other.keys()
        for method, value in one.items():
            np.testing.assert_array_equal(value, other[method], method)


@pytest.fixture(scope="module")
def undisturbed():
    """Return the answers of a life in which nothing else happens, computed once."""
    known = {}

    def answers_of(name):
        if name not in known:
            known[name] = life(name)
        return known[name]

    return answers_of


# --- other threads ------------------------------------------------------------------


class Drawing(threading.Thread):
    """Another thread that draws from torch's global generator all the time."""

    def __init__(self):
        super().__init__(daemon=True)
        self.draws, self.on = [], True

    def run(self):
        while self.on:
            self.draws.append(torch.rand(3))
            time.sleep(1e-5)

    def __enter__(self):
        torch.manual_seed(7)
        self.start()
        return self

    def __exit__(self, *error):
        self.on = False
        self.join()


@each
def test_a_thread_that_draws_is_not_heard_and_hears_nothing(name, undisturbed):
    expected = undisturbed(name)
    switches = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with Drawing() as other:
            found = life(name)
    finally:
        sys.setswitchinterval(switches)
    assert_same_bits(expected, found)
    torch.manual_seed(7)
    alone = torch.stack([torch.rand(3) for _ in other.draws])
    assert torch.equal(torch.stack(other.draws), alone)


@each
def test_global_random_states_stay(name):
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    life(name)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()
    assert random.getstate() == before[2]


def test_a_second_process_gives_the_same_bits(undisturbed, tmp_path):
    code = (
        "import pickle, runpy, sys\n"
        f"module = runpy.run_path({__file__!r})\n"
        "lives = {name: module['life'](name) for name in module['FAMILY']}\n"
        "pickle.dump(lives, open(sys.argv[1], 'wb'))"
    )
    stored = tmp_path / "lives"
    subprocess.run([sys.executable, "-c", code, stored], check=True)
    for name, found in pickle.loads(stored.read_bytes()).items():
        assert_same_bits(undisturbed(name), found)


# --- modes ----------------------------------------------------------------------------


class default_dtype:
    """float64 as the process's default dtype."""

    def __enter__(self):
        torch.set_default_dtype(torch.float64)

    def __exit__(self, *error):
        torch.set_default_dtype(torch.float32)


class deterministic(default_dtype):
    """torch's deterministic algorithms."""

    def __enter__(self):
        torch.use_deterministic_algorithms(True)

    def __exit__(self, *error):
        torch.use_deterministic_algorithms(False)


def switched(*modes):
    """Return a scope in which all of some modes are entered."""
    scope = contextlib.ExitStack()
    for mode in modes:
        scope.enter_context(mode)
    return scope


MODES = {
    "no_grad": lambda: switched(torch.no_grad(), default_dtype()),
    "grad_disabled": lambda: switched(
        torch.set_grad_enabled(False), torch.autocast("cpu", torch.bfloat16)
    ),
    "inference_mode": lambda: switched(
        torch.inference_mode(), torch.device("meta"), deterministic()
    ),
}


@each
@pytest.mark.parametrize("mode", MODES)
def test_modes_of_torch_change_no_bit(mode, name, undisturbed):
    expected = undisturbed(name)
    with MODES[mode]():
        before = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        found = life(name)
        assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == before
    assert_same_bits(expected, found)


@each
def test_what_inference_mode_has_made_trains_on(name, undisturbed):
    X, y = table()
    with torch.inference_mode():
        fitted = clone(FAMILY[name]).fit(X, y)
        loaded = copy.deepcopy(pickle.loads(pickle.dumps(fitted)))
    assert_same_bits([undisturbed(name)[2]], [answers(loaded.partial_fit(X, y), X)])
    assert fitted.partial_fit(X, y).n_iter_ == 3


def test_recorded_steps_under_modes_are_the_same(monkeypatch):
    monkeypatch.setattr(_engine, "RECORDED_STEPS", 2)
    X, _ = table()
    model = clone(FAMILY["transformer"]).set_params(max_iter=10)
    codes = model.fit(X).transform(X)
    assert model.net_.engine_._replay is not None
    with MODES["inference_mode"]():
        again = clone(model).fit(X)
    assert again.net_.engine_._replay is not None
    np.testing.assert_array_equal(again.transform(X), codes)


def test_a_prior_of_ones_own_that_inference_mode_has_made():
    X, _ = table()
    with torch.inference_mode():
        prior = torch.distributions.Normal(torch.zeros(2), torch.ones(2))
    for regularizer in ("adversarial", "kl"):
        model = AAETransformer(
            2, prior=prior, posterior="gaussian", regularizer=regularizer, **OPTIONS
        )
        assert np.isfinite(model.fit(X).transform(X)).all()


def test_answers_of_tables_and_metrics_under_modes_are_the_same():
    X, _ = table()
    names = np.array(["a", "b", "c"])[np.arange(90) % 3]
    frame = pd.DataFrame({"x": X[:, 0], "y": X[:, 1], "name": names})
    model = AAETransformer(2, **OPTIONS).fit(frame)

    def told():
        near = {"bandwidth": 0.5}
        return [
            model.sample(3, given={"name": "a"}, random_state=0).to_numpy()[:, :2],
            np.array(metrics.precision_recall(X[::2], X[1::2])),
            np.array(metrics.density_coverage(X[::2], X[1::2])),
            np.array(metrics.parzen_log_likelihood(X[::2], X[1::2], **near)),
            np.array(metrics.prior_match(X[::2], X[1::2], random_state=0)),
            np.array(metrics.aae_scorer("prior_match")(model, frame)),
        ]

    expected = told()
    for mode in MODES.values():
        with mode():
            found = told()
        for one, other in zip(expected, found, strict=True):
            np.testing.assert_array_equal(one, other)


# --- threads of torch, and forks ------------------------------------------------------

WORK = """
import multiprocessing, sys, warnings
import numpy as np
import torch
from joblib import Parallel, delayed, parallel_config
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_validate
from sklearn_aae import AAEClusterer, AAETransformer, metrics
from sklearn_aae.inspection import LatentSpaceDisplay, PriorMatchDisplay
warnings.simplefilter("ignore")
"""
FORKS = """
X = np.random.RandomState(0).normal(size=(2500, 20))
OPTIONS = dict(hidden_layer_sizes=(8,), batch_size=2500, max_iter=1, random_state=0)

def work(kind):
    return float(kind(2, n_init=1, **OPTIONS).fit(X).transform(X)[0, 0])

def child(kind, results):
    results.put((work(kind), torch.get_num_threads()))

torch.set_num_threads(2)
context = multiprocessing.get_context("fork")
for kind in (AAETransformer, AAEClusterer):
    before, results = work(kind), context.SimpleQueue()
    process = context.Process(target=child, args=(kind, results), daemon=True)
    process.start()
    process.join(60)
    after, n_threads = results.get() if process.exitcode == 0 else (None, None)
    assert after is not None, "the child hangs"
    np.testing.assert_allclose(after, before, rtol=1e-6)
    assert n_threads == torch.get_num_threads() == 2

def asked(results):
    pairs = X[:1200], X[1200:2400]
    metrics.closest_row_share(X[:700], *pairs)
    metrics.precision_recall(*pairs)
    metrics.density_coverage(*pairs)
    metrics.frechet_distance(*pairs)
    metrics.parzen_log_likelihood(*pairs, bandwidth=1.0)
    metrics.prior_match(X[:300], X[300:600])
    LatentSpaceDisplay.from_estimator(model, X)
    PriorMatchDisplay.from_estimator(model, X)
    results.put("done")

model = AAETransformer(2, **OPTIONS).fit(X)
large = torch.rand(1000, 1000).exp() @ torch.rand(1000, 1000)
process = context.Process(target=asked, args=(results,), daemon=True)
process.start()
process.join(60)
assert process.exitcode == 0, "metrics or displays hang"
jobs = (delayed(work)(AAETransformer) for _ in range(2))
done = Parallel(2, backend="multiprocessing", timeout=60)(jobs)
np.testing.assert_allclose(done, work(AAETransformer), rtol=1e-6)
"""
JOBS = """
X = load_digits().data[:300]

def codes(n_jobs, n_threads, **options):
    torch.set_num_threads(n_threads)
    model = AAETransformer(4, max_iter=1, random_state=0, **options)
    with parallel_config(backend="loky", inner_max_num_threads=1):
        fitted = cross_validate(model, X, cv=2, n_jobs=n_jobs, return_estimator=True)
    torch.set_num_threads(1)
    return [estimator.transform(X) for estimator in fitted["estimator"]]

# Steps of few operations run on one thread, whatever there is.
np.testing.assert_array_equal(*(codes(1, n, hidden_layer_sizes=(16,)) for n in (1, 2)))
# Others compute the same on equal numbers of threads.
alone = codes(1, 1)
np.testing.assert_array_equal(alone, codes(2, 2))
"""


def run_on_two_threads(code):
    """Run a program whose OpenMP has two threads; fail with what it has printed."""
    run = subprocess.run(
        [sys.executable, "-c", WORK + code],
        env=os.environ | {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert run.returncode == 0, run.stderr


NOT_IMPORTED = """
import sys
import warnings

import numpy as np

import sklearn_aae

warnings.simplefilter("ignore")
X, y = np.random.RandomState(0).normal(size=(60, 3)), np.arange(60) % 3
options = dict(hidden_layer_sizes=(4,), batch_size=20, max_iter=80, random_state=0)
names = [name for name in sklearn_aae.__all__ if name[0] in "ACGS"]
models = [getattr(sklearn_aae, name)(**options).fit(X, y) for name in names]
print(len(models), [type(m).__name__ for m in models if not m.net_.recorded_])
print({"torch._dynamo", "sympy"} & set(sys.modules) or "neither")
"""


def test_no_fit_imports_the_compiler_of_torch():
    """Its import takes as long as many a fit."""
    run = subprocess.run(
        [sys.executable, "-c", NOT_IMPORTED], capture_output=True, text=True
    )
    assert run.stdout.split() == ["6", "[]", "neither"], run.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no processes are forked here")
def test_a_forked_process_fits_after_a_fit_of_its_parent():
    run_on_two_threads(FORKS)


def test_jobs_with_equal_numbers_of_threads_give_equal_bits():
    run_on_two_threads(JOBS)
