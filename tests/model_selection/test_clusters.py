"""Searches on clusters: workers of Dask, of which one is killed, and Ray."""

import os
import signal

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from sklearn_aae import AAETransformer

X = np.random.RandomState(0).normal(size=(60, 4))
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}


def search(folder, scoring=None):
    model = AAETransformer(2, checkpoint=str(folder), **SMALL)
    grid = {"learning_rate": [1e-3, 1e-2]}
    return GridSearchCV(model, grid, cv=3, scoring=scoring, n_jobs=2)


def assert_same_search(one, other):
    for key, scores in one.cv_results_.items():
        if key.endswith("test_score"):
            np.testing.assert_array_equal(scores, other.cv_results_[key])
    weights = [
        s.best_estimator_._get_state()["nets"][0]["weights"] for s in (one, other)
    ]
    assert all(np.array_equal(a, weights[1][name]) for name, a in weights[0].items())


# A worker that joins or leaves warns in its own words.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_killed_worker_of_dask(tmp_path):
    distributed = pytest.importorskip("distributed")
    killed = tmp_path / "killed"

    def score(model, rows, y=None):
        if not killed.exists():
            killed.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return model.score(rows)

    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    )
    with (
        cluster,
        distributed.Client(cluster),
        joblib.parallel_config(backend="dask", scatter=[X]),
    ):
        found = search(tmp_path / "dask", score).fit(X)
    assert int(killed.read_text()) != os.getpid()
    assert_same_search(search(tmp_path / "serial").set_params(n_jobs=1).fit(X), found)
    names = [{p.name for p in (tmp_path / f).iterdir()} for f in ("dask", "serial")]
    assert names[0] == names[1]  # each fit once, none half written


def test_a_search_on_ray(tmp_path):
    ray = pytest.importorskip("ray")
    register = pytest.importorskip("ray.util.joblib").register_ray
    register()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        with joblib.parallel_config(backend="ray"):
            found = search(tmp_path / "ray").fit(X)
    finally:
        ray.shutdown()
    assert_same_search(search(tmp_path / "serial").set_params(n_jobs=1).fit(X), found)
