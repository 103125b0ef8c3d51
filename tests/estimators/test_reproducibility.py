"""The same seed gives the same bits; the caller's random states stay as they are."""

import functools
import hashlib
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed, parallel_config
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV

from sklearn_aae import AAETransformer

X, Y = load_iris(return_X_y=True)

OPTIONS = [
    {},
    {"batch_size": 32, "posterior": "gaussian", "dropout": 0.2, "input_noise": 0.1},
    {"posterior": "universal", "prior": "swiss_roll", "batch_size": 32},
    {"regularizer": "sliced_wasserstein", "early_stopping": True, "n_init": 2},
    {"prior": lambda n, rng: rng.uniform(size=(n, 2)), "scale": "quantile"},
    {
        "encoder": torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Dropout(0.5)),
        "batch_size": 32,
    },
]


def digest(**options):
    options = {"random_state": 0, "max_iter": 5, **options}
    codes = AAETransformer(**options).fit(X, Y).transform(X)
    return hashlib.sha256(codes.tobytes()).hexdigest()


def global_states():
    return (
        random.getstate(),
        np.random.get_state()[1].tobytes(),
        np.random.get_state()[2:],
        torch.get_rng_state().numpy().tobytes(),
    )


@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
@pytest.mark.parametrize("random_state", [0, None])
def test_global_random_states_stay(options, random_state):
    model = AAETransformer(max_iter=2, random_state=random_state, **options)
    before = global_states()
    model.fit(X, Y)
    model.transform(X)
    model.sample(5)
    model.sample(5, random_state=0)
    model.partial_fit(X) if not model.early_stopping else None
    assert global_states() == before


@pytest.mark.parametrize("options", OPTIONS, ids=range(len(OPTIONS)))
def test_global_random_states_do_not_matter(options):
    torch.manual_seed(1)
    first = digest(**options)
    torch.manual_seed(2)
    np.random.seed(3)
    assert digest(**options) == first


def test_random_state_matters():
    assert digest(random_state=0) != digest(random_state=1)
    assert digest(random_state=None) != digest(random_state=None)
    state = np.random.RandomState(0)
    assert digest(random_state=state) != digest(random_state=state)


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_number_of_jobs_does_not_matter(backend):
    alone = [digest(batch_size=32, random_state=seed) for seed in range(3)]
    with parallel_config(backend=backend, n_jobs=2):
        together = Parallel()(
            delayed(digest)(batch_size=32, random_state=seed) for seed in range(3)
        )
    assert together == alone


def counts():
    """Return torch's number of threads here and in a new thread."""
    with ThreadPoolExecutor(1) as pool:
        return torch.get_num_threads(), pool.submit(torch.get_num_threads).result()


def search():
    grid = {"learning_rate": [1e-3, 1e-2]}
    model = AAETransformer(hidden_layer_sizes=(8,), max_iter=2, random_state=0)
    with parallel_config(backend="stacked"):
        GridSearchCV(model, grid, cv=4, error_score="raise").fit(X)


@pytest.mark.parametrize("work", [digest, "transform", search])
def test_thread_count_is_given_back(work):
    if work == "transform":  # several chunks
        model = AAETransformer(max_iter=1, random_state=0).fit(X)
        rows = np.tile(X, (5000 // len(X) + 1, 1))
        work = functools.partial(model.transform, rows)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        work()
        assert counts() == (3, 3)
    finally:
        torch.set_num_threads(before)


def test_sample_draws_anew_unless_seeded():
    model = AAETransformer(max_iter=1, random_state=0).fit(X)
    assert np.array_equal(
        model.sample(4, random_state=0), model.sample(4, random_state=0)
    )
    assert not np.array_equal(model.sample(4), model.sample(4))
