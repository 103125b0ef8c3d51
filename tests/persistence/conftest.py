"""Small models of every kind, and tables that they are fitted on."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.persistence import load, save

SMALL = {
    "hidden_layer_sizes": (4,),
    "critic_hidden_layer_sizes": (4,),
    "max_iter": 1,
    "random_state": 0,
}
N = 24
X = np.random.RandomState(0).normal(size=(N, 3)).round(2)
Y = np.where(np.arange(N) % 2, "no", "yes")
CELLS = {"x": X[:, 0], "n": [1, 2, None, 4] * 6, "kind": ["a", "b"] * 12}
TABLES = {
    "array": X,
    "grey": np.random.RandomState(0).uniform(size=(N, 64)),
    "float32": X.astype(np.float32),
    "sparse": csr_matrix(np.where(X > 0, X, 0)),
    "pandas": pd.DataFrame({**CELLS, "bin": pd.cut(X[:, 1], 3)}),
    "dates": pd.DataFrame(
        {"x": X[:, 0], "day": pd.Categorical(pd.to_datetime(["2026-01-01"] * N))}
    ),
    "polars": pl.DataFrame(CELLS, schema_overrides={"kind": pl.Enum(["b", "a"])}),
    "arrow": pa.table(CELLS),
}
METHODS = (
    "transform",
    "predict",
    "predict_proba",
    "decision_function",
    "score_samples",
    "reconstruct",
)


def answers(model, table):
    """Return what a model answers about a table, by method."""
    found = {m: getattr(model, m)(table) for m in METHODS if hasattr(model, m)}
    if hasattr(model, "sample"):
        found["sample"] = model.sample(5, random_state=1)
    return found


@pytest.fixture(scope="session")
def make():
    """Return a function that fits a small estimator on a table of `TABLES`."""
    kinds = {
        "AAETransformer": AAETransformer(2, **SMALL),
        "AAEClusterer": AAEClusterer(2, n_init=2, **SMALL),
        "SemiSupervisedAAEClassifier": SemiSupervisedAAEClassifier(2, **SMALL),
        "ConditionalAAETransformer": ConditionalAAETransformer(2, **SMALL),
        "AAEOutlierDetector": AAEOutlierDetector(2, n_init=2, **SMALL),
        "GANSampler": GANSampler(2, **SMALL),
    }

    def fit(kind, table="array", **options):
        model = type(kinds[kind])(**{**kinds[kind].get_params(), **options})
        return model.fit(TABLES[table], Y)

    return fit


@pytest.fixture(scope="session")
def assert_same():
    """Return a function that compares the answers of two models, bit for bit."""

    def compare(a, b, table):
        table = TABLES[table] if isinstance(table, str) else table
        expected, found = answers(a, table), answers(b, table)
        assert expected.keys() == found.keys()
        assert len(expected) >= 1
        for method, rows in expected.items():
            same = rows.equals if hasattr(rows, "equals") else None
            other = found[method]
            assert same(other) if same else np.array_equal(rows, other), method

    return compare


@pytest.fixture
def there_and_back(tmp_path):
    """Return a function that saves an estimator and loads it."""

    def through_a_file(estimator, **options):
        save(estimator, tmp_path / "model.aae")
        return load(tmp_path / "model.aae", **options)

    return through_a_file
