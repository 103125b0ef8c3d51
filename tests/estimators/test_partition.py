"""The partition of the neighbour graph that a clusterer's training begins with."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn import config_context
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score, mutual_info_score

from sklearn_aae import AAEClusterer
from sklearn_aae.estimators._graph import in_few_dimensions, nearest
from sklearn_aae.estimators.clustering._partition import (
    ENTROPY_WEIGHT,
    find_partition,
    quality,
    weigh_edges,
)


def partition(X, m):
    return find_partition(X, 10, m)


def unlike(n, share, seed=0):
    """Return two blobs of unlike size, five deviations apart in each column."""
    rng = np.random.RandomState(seed)
    y = (rng.uniform(size=n) < share).astype(int)
    return rng.normal(size=(n, 3)) + 5 * y[:, None], y


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_blobs_of_unlike_size_are_parted(share):
    X, y = unlike(1000, share)
    assert adjusted_rand_score(y, partition(X, 2)) == 1


def test_a_clusterer_finds_unlike_shares():
    X, y = unlike(600, 0.05)
    model = AAEClusterer(2, max_iter=20, hidden_layer_sizes=(32,), random_state=0)
    assert adjusted_rand_score(y, model.fit_predict(X)) == 1
    np.testing.assert_allclose(np.sort(model.cluster_prior_)[0], y.mean(), rtol=1e-3)
    even = model.set_params(fit_cluster_prior=False, max_iter=2).fit(X)
    np.testing.assert_allclose(even.prior_.class_prior, 0.5, rtol=1e-6)


@pytest.mark.parametrize(("n", "d"), [(300, 4), (2000, 4), (60, 2000)])
def test_blobs_are_found(n, d):
    centers = 12 * np.eye(5)[:, :d] if d == 4 else 5
    X, y = make_blobs(n, d, centers=centers, random_state=0)
    m = len(set(y))
    found = partition(in_few_dimensions(X), m)
    assert adjusted_rand_score(y, found) > 0.95
    np.testing.assert_array_equal(found, partition(in_few_dimensions(X), m))


def test_more_parts_than_there_are_differences():
    X = np.repeat(np.eye(3), 20, axis=0)
    labels = partition(X, 8)
    assert labels.min() >= 0
    assert labels.max() < 8
    assert {*partition(np.eye(4), 4)} == {0, 1, 2, 3}
    assert not partition(X, 1).any()


def test_few_rows_a_part_are_left_to_k_means():
    X, y = make_blobs(24, 5, centers=6, cluster_std=0.5, random_state=0)
    assert adjusted_rand_score(y, partition(X, 6)) == 1


def test_copies_of_rows_change_no_partition():
    X = unlike(300, 0.1)[0]
    times = np.random.RandomState(0).randint(1, 30, size=300)
    np.testing.assert_array_equal(
        partition(np.repeat(X, times, axis=0), 3), np.repeat(partition(X, 3), times)
    )


def test_edges_count_alike_in_dense_and_sparse_regions():
    X = np.random.RandomState(0).normal(size=(200, 3))
    near = nearest(X, 10)
    graph = weigh_edges(X, near)
    np.testing.assert_allclose(graph.sum(), 1)
    np.testing.assert_allclose((graph - graph.T).toarray(), 0, atol=1e-16)
    np.testing.assert_allclose(
        graph.toarray(), weigh_edges(1000 * X, near).toarray(), atol=1e-12
    )
    apart = weigh_edges(np.r_[X, 100 + 50 * X], np.r_[near, 200 + near]).toarray()
    np.testing.assert_allclose(apart[:200, :200], apart[200:, 200:], atol=1e-12)
    assert not apart[:200, 200:].any()


def test_quality_is_of_the_labels_at_the_ends_of_edges():
    rng = np.random.RandomState(0)
    ends = rng.randint(3, size=(2, 500))
    ends[1, :400] = ends[0, :400]
    both = np.concatenate([ends, ends[::-1]], axis=1)
    e = csr_array((np.ones(1000), both), shape=(3, 3)).toarray() / 1000
    entropy = mutual_info_score(both[0], both[0])
    expected = mutual_info_score(*both) / entropy**ENTROPY_WEIGHT
    assert quality(e) == pytest.approx(np.log(expected))
    assert quality(np.eye(1)) == -np.inf


def test_frames_as_output_do_not_reach_the_partition():
    X = np.random.RandomState(0).normal(size=(60, 55))
    plain = AAEClusterer(3, max_iter=1, random_state=0).fit(X).labels_
    with config_context(transform_output="pandas"):
        framed = AAEClusterer(3, max_iter=1, random_state=0).fit(X).labels_
    np.testing.assert_array_equal(plain, framed)
