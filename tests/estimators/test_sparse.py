"""Sparse tables give what dense ones give, and are never dense as a whole."""

import tracemalloc

import numpy as np
import pytest
import torch
from joblib import parallel_config
from scipy import sparse
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import GridSearchCV

from sklearn_aae import (
    AAEClusterer,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.estimators import _graph
from sklearn_aae.tabular import SparseTable, TablePreprocessor

SMALL = {"hidden_layer_sizes": (8,), "critic_hidden_layer_sizes": (8,)}
SHARED = {"max_iter": 3, "random_state": 0, **SMALL}
FAMILY = [
    *(AAETransformer(2, scale=scale, **SHARED) for scale in ("standard", "minmax")),
    *(AAETransformer(2, scale=scale, **SHARED) for scale in ("quantile", None)),
    AAETransformer(2, early_stopping=True, **SHARED),
    ConditionalAAETransformer(2, **SHARED),
    GANSampler(2, **SHARED),
    SemiSupervisedAAEClassifier(2, **SHARED),
]
each = pytest.mark.parametrize("estimator", FAMILY, ids=str)


@pytest.fixture(scope="module")
def rows():
    """Three kinds of rows, most of their cells zero, and the kinds."""
    rng = np.random.RandomState(0)
    y = rng.randint(3, size=300)
    rate = np.kron(np.eye(3), np.ones((1, 4)))[y] * 1.5 + 0.1
    # Sums of which no two are equal: no ties between neighbours.
    return rng.poisson(rate) * rng.uniform(0.5, 1.5, rate.shape), y


@each
@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array])
def test_sparse_is_dense(estimator, kind, rows):
    X, y = rows
    dense = clone(estimator).fit(X, y)
    thin = clone(estimator).fit(kind(X), y)
    for name in ("transform", "predict", "reconstruct", "score_samples"):
        if hasattr(dense, name):
            truth, found = getattr(dense, name)(X), getattr(thin, name)(kind(X))
            np.testing.assert_allclose(found, truth, 1e-5, 1e-6, err_msg=name)
    weight = np.arange(len(X)) % 3
    truth = clone(estimator).fit(X, y, sample_weight=weight).sample(5, random_state=0)
    thin = clone(estimator).fit(kind(X), y, sample_weight=weight)
    np.testing.assert_allclose(thin.sample(5, random_state=0), truth, 1e-5, 1e-6)


def test_a_search_over_sparse_rows_stacks(rows):
    X, _ = rows
    grid = {"learning_rate": [1e-3, 3e-3]}
    model = AAETransformer(2, batch_size=64, **SHARED)
    truth = GridSearchCV(model, grid, cv=2).fit(X).cv_results_["mean_test_score"]
    with parallel_config(backend="stacked"):
        search = GridSearchCV(model, grid, cv=2).fit(sparse.csr_matrix(X))
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], truth, 1e-4)


@pytest.mark.parametrize(
    ("value", "message"),
    [(np.inf, "column 3 has 1 infinite"), (np.nan, "cannot be missing")],
)
def test_stored_cells_are_checked(value, message, rows):
    X = rows[0].copy()
    X[7, 3] = value
    with pytest.raises(ValueError, match=message):
        AAETransformer(2, **SHARED).fit(sparse.csr_matrix(X))


@pytest.mark.parametrize("scale", ["standard", "minmax", "range", "common", None])
@pytest.mark.parametrize("shift", [0.0, -50.0])
def test_sparse_rows_are_as_far_apart_as_dense_ones(scale, shift, rows):
    X = np.where(rows[0] > 0, 100 * rows[0] + shift, 0.0)
    found = TablePreprocessor(scale).fit(X)
    thin = SparseTable(sparse.csr_array(X))
    lazy = found.to_tensor(thin, torch.device("cpu"), torch.float64)
    truth = pairwise_distances(found.transform(X))
    np.testing.assert_allclose(pairwise_distances(lazy.points()), truth, atol=1e-9)


def test_bent_columns_have_no_sparse_neighbours(rows):
    X, y = rows
    model = SemiSupervisedAAEClassifier(2, scale="quantile", **SHARED)
    with pytest.raises(ValueError, match="Use another scale, or dense rows"):
        model.fit(sparse.csr_matrix(X), y)


def test_a_clusterer_takes_dense_rows(rows):
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        AAEClusterer().fit(sparse.csr_matrix(rows[0]))


def test_text_is_never_dense_as_a_whole():
    rng = np.random.RandomState(0)
    texts = [" ".join(f"w{i}" for i in rng.zipf(1.3, 20) % 9_000) for _ in range(8000)]
    X = TfidfVectorizer().fit_transform(texts)
    whole = 8 * X.shape[0] * X.shape[1]  # as float64, in bytes
    model = AAETransformer(2, **(SHARED | {"max_iter": 1, "batch_size": 64}))
    tracemalloc.start()
    Z = model.fit(X).transform(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert Z.shape == (8000, 2)
    # What is held depends on when cycles are collected: 120 to 190 of 480 MB.
    assert peak < whole / 2


def test_neighbours_among_sparse_rows_are_searched_for_in_parts():
    X = sparse.random(4000, 50, 0.05, format="csr", random_state=0)
    tracemalloc.start()
    _graph.nearest(X, 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4000**2 * 8  # all distances; scikit-learn would take twice that
