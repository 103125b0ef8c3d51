"""Sparse counts are counts, and scorers and metrics take sparse rows."""

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.metrics import pairwise_distances

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    SemiSupervisedAAEClassifier,
    metrics,
)
from sklearn_aae.metrics import _scorers, aae_scorer
from sklearn_aae.tabular import SparseTable, TablePreprocessor

SHARED = {
    "max_iter": 2,
    "random_state": 0,
    "hidden_layer_sizes": (8,),
    "critic_hidden_layer_sizes": (8,),
}
FAMILY = [
    AAETransformer(2, **SHARED),
    AAETransformer(2, scale="quantile", early_stopping=True, **SHARED),
    AAEOutlierDetector(**SHARED, n_init=2),
    ConditionalAAETransformer(2, **SHARED),
    SemiSupervisedAAEClassifier(2, **SHARED),
]
# The last two columns are amounts.
SOME = {"some": [0, 1, 2, 3], "mask": [True] * 4 + [False] * 2, "all": range(6)}


@pytest.fixture(scope="module")
def rows():
    rng = np.random.RandomState(0)
    y = rng.randint(2, size=120)
    counts = rng.poisson(np.where(y, 2.0, 0.3)[:, None], (120, 4)).astype(float)
    # No two rows are equal: no ties between neighbours.
    amounts = rng.uniform(0.5, 1.5, (120, 2)) * (rng.rand(120, 2) < 0.7)
    return np.hstack([counts, amounts]), y


@pytest.mark.parametrize("estimator", FAMILY, ids=str)
@pytest.mark.parametrize("some", SOME)
def test_sparse_counts_are_dense_counts(estimator, some, rows):
    (X, y), kind = rows, sparse.csc_matrix if some == "mask" else sparse.csr_array
    X = np.rint(1000 * X) if some == "all" else X
    model = clone(estimator).set_params(count_features=list(SOME[some]))
    weight = 1.0 + np.arange(len(X)) % 3
    dense = clone(model).fit(X, y, sample_weight=weight)
    thin = clone(model).fit(kind(X), y, sample_weight=weight)
    for name in ("transform", "predict", "reconstruct", "score_samples", "localize"):
        if hasattr(dense, name):
            truth, found = getattr(dense, name)(X), getattr(thin, name)(kind(X))
            np.testing.assert_allclose(found, truth, 1e-4, 1e-5, err_msg=name)
    if hasattr(dense, "sample"):
        truth, found = (m.sample(5, random_state=0) for m in (dense, thin))
        np.testing.assert_allclose(found, truth, 1e-4, 1e-5)
        assert found.dtype == truth.dtype
        assert (found[:, :4] == np.rint(found[:, :4])).all()
    # Rows of one kind serve a model of the other.
    mixed = getattr(thin, "transform", thin.score_samples)(X)
    truth = getattr(dense, "transform", dense.score_samples)(kind(X))
    np.testing.assert_allclose(mixed, truth, 1e-4, 1e-5)


def test_integers_and_chunks_of_sparse_counts(rows):
    X = rows[0][:, :4].astype(int)
    model = AAETransformer(2, count_features=list(range(4)), **SHARED)
    dense, thin = clone(model), clone(model)
    for part in (slice(0, 60), slice(60, 120)):
        dense.partial_fit(X[part])
        thin.partial_fit(sparse.csr_matrix(X[part]))
    np.testing.assert_allclose(
        thin.transform(sparse.coo_array(X)), dense.transform(X), 1e-4, 1e-5
    )


def test_stored_twice_is_one_count():
    X = sparse.csr_matrix(([0.5, 0.5, 2.0, 1.0], [0, 0, 1, 1], [0, 3, 4]), (2, 2))
    model = AAETransformer(1, count_features=[0, 1], **SHARED).fit(X)
    np.testing.assert_allclose(model.transform(X), model.transform(X.toarray()), 1e-5)


@pytest.mark.parametrize("value", [0.5, -1.0])
def test_what_is_no_count_is_named(value, rows):
    X = rows[0].copy()
    X[7, 2] = value
    model = AAETransformer(2, count_features=[1, 2], **SHARED)
    with pytest.raises(ValueError, match="Column 2 is among count_features, and holds"):
        model.fit(sparse.csr_matrix(X))
    model.fit(sparse.csr_matrix(rows[0]))
    with pytest.raises(ValueError, match=r"6 features|6 in fit"):
        model.transform(sparse.csr_matrix(rows[0][:, :5]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count_features": [9]}, "count_features names 9"),
        ({"categorical_features": [0]}, "sparse rows are numbers and counts"),
    ],
)
def test_what_sparse_rows_cannot_be(options, message, rows):
    with pytest.raises(ValueError, match=message):
        AAETransformer(2, **SHARED, **options).fit(sparse.csr_matrix(rows[0]))


def test_a_clusterer_takes_no_sparse_counts(rows):
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        AAEClusterer(count_features=[0]).fit(sparse.csr_matrix(rows[0]))


@pytest.mark.parametrize("counted", [(True,) * 4 + (False,) * 2, (True,) * 6])
def test_sparse_counts_are_as_far_apart_as_dense_ones(counted, rows):
    X = np.rint(rows[0])
    found = TablePreprocessor(counts=counted).fit(X)
    thin = SparseTable(sparse.csr_array(X))
    lazy = found.to_tensor(thin, torch.device("cpu"), torch.float64)
    truth = pairwise_distances(found.transform(X))
    np.testing.assert_allclose(pairwise_distances(lazy.points()), truth, atol=1e-6)


# --- metrics and scorers ------------------------------------------------------------

METRICS = {
    "closest_row_share": lambda X, Y: metrics.closest_row_share(X, X[:50], Y),
    "density_coverage": metrics.density_coverage,
    "frechet_distance": metrics.frechet_distance,
    "parzen_bandwidth": lambda X, Y: metrics.parzen_bandwidth(X[:, 4:], Y[:, 4:]),
    "parzen_log_likelihood": lambda X, Y: metrics.parzen_log_likelihood(
        X, Y, bandwidth=1.0
    ),
    "precision_recall": metrics.precision_recall,
    "prior_match": lambda X, Y: metrics.prior_match(X, Y, random_state=0),
    "reconstruction_error": metrics.reconstruction_error,
}


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("kind", [sparse.csr_array, sparse.csc_matrix])
def test_metrics_take_sparse_rows(name, kind, rows):
    X, Y = rows[0][:60], rows[0][60:]
    assert METRICS[name](kind(X), kind(Y)) == METRICS[name](X, Y)
    assert METRICS[name](kind(X), Y) == METRICS[name](X, Y)


@pytest.fixture(scope="module")
def fitted(rows):
    return SemiSupervisedAAEClassifier(2, **SHARED).fit(*rows)


@pytest.mark.parametrize("name", _scorers.SCORERS)
def test_scorers_take_sparse_rows(name, fitted, rows):
    X, y = rows
    options = {"classifier": fitted} if name == "inception_score" else {}
    scorer = aae_scorer(name, **options)
    score = scorer(fitted, sparse.csr_matrix(X), y)
    assert score == pytest.approx(scorer(fitted, X, y), rel=1e-4)
