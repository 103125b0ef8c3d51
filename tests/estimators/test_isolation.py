"""Threads, forked processes and memory maps: models do not disturb each other.

``FULL_SIZE=1`` asks each of eight threads a thousand times.
"""

import hashlib
import os
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    SemiSupervisedAAEClassifier,
)

# Of Python 3.12 on: the processes here are forked where one thread runs.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")

X, Y = np.random.RandomState(0).normal(size=(120, 4)), np.arange(120) % 2
N_ANSWERS = 1000 if os.environ.get("FULL_SIZE") else 100
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 6, "random_state": 0}
MODELS = [
    AAETransformer(2, **SMALL),
    AAEClusterer(2, n_init=2, **SMALL),
    SemiSupervisedAAEClassifier(2, **SMALL),
    AAEOutlierDetector(1, n_init=2, **SMALL),
]


def digest(model):
    """Fit a copy of a model; return a hash of its weights."""
    weights = clone(model).fit(X, Y)._get_state()["nets"][0]["weights"]
    found = hashlib.sha256()
    for name in sorted(weights):
        found.update(weights[name].tobytes())
    return found.digest()


def test_answers_in_threads_are_those_of_one():
    model = clone(MODELS[0]).fit(X)
    parts = [X[i : i + 20] for i in range(0, 120, 20)]
    expected = [model.transform(part) for part in parts]

    def ask(first):
        places = [(first + i) % 6 for i in range(N_ANSWERS)]
        found = [model.transform(parts[place]) for place in places]
        pairs = zip(found, places, strict=True)
        return all(np.array_equal(codes, expected[place]) for codes, place in pairs)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(8)))


def test_fits_at_once_are_those_of_one_after_the_other():
    """Four in threads, while two processes that were forked fit, too."""
    expected = [digest(model) for model in MODELS]
    forked = {}
    for i in (0, 2):
        reading, writing = os.pipe()
        process = os.fork()
        if process == 0:
            try:
                os.write(writing, digest(MODELS[i]))
            finally:
                os._exit(0)
        forked[i] = process, reading, writing
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(digest, MODELS)) == expected
    for i, (process, reading, writing) in forked.items():
        os.close(writing)
        assert os.read(reading, 64) == expected[i]
        os.close(reading)
        os.waitpid(process, 0)


def test_memory_maps_are_read_without_a_warning(tmp_path):
    """Of models and of rows, which joblib hands to workers read-only."""
    model = clone(MODELS[0]).set_params(warm_start=True).fit(X)
    joblib.dump((model, X), tmp_path / "m")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mapped, rows = joblib.load(tmp_path / "m", mmap_mode="r")
        assert isinstance(rows, np.memmap)
        assert np.array_equal(mapped.transform(rows), model.transform(X))
        mapped.fit(rows)
        mapped.partial_fit(rows)
        clone(MODELS[3]).fit(rows).localize(rows)
    assert np.array_equal(rows, X)
