"""Two-sample tests: their statistics by loops, their p-values under null and others."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist
from scipy.stats import energy_distance as energy_distance_1d
from scipy.stats import kstest, norm
from sklearn.metrics import pairwise_distances

from sklearn_aae.metrics import prior_match
from sklearn_aae.objectives import energy_distance

METHODS = ["energy", "mmd", "classifier"]


def draw(seed, n=30, m=30, k=2):
    rng = np.random.RandomState(seed)
    return rng.normal(size=(n, k)), rng.normal(size=(m, k))


def different(pairs):
    """Return the mean of a square table without its diagonal."""
    return (pairs.sum() - np.trace(pairs)) / (len(pairs) * (len(pairs) - 1))


def test_energy_is_the_distance_of_training():
    Z, draws = draw(0, 50, 30)
    found = prior_match(Z + 1, draws, random_state=0).statistic
    truth = energy_distance(torch.from_numpy(Z + 1), torch.from_numpy(draws))
    assert found == pytest.approx(float(truth), rel=1e-9)
    points = np.zeros((20, 2)), np.ones((20, 2))
    assert prior_match(*points).statistic == pytest.approx(1)


def test_energy_is_that_of_scipy_for_many_rows():
    Z, draws = draw(0, 1500, 1500, 1)
    Z = 2 * Z + 1
    found = prior_match(Z, draws, n_permutations=1, random_state=0).statistic
    scale = 2 * cdist(Z, draws).mean()
    truth = energy_distance_1d(Z[:, 0], draws[:, 0]) / np.sqrt(scale)
    assert found == pytest.approx(truth, abs=2e-3)


def test_mmd_is_the_unbiased_discrepancy():
    Z, draws = draw(0, 20, 35)
    Z = Z * 3
    pooled = np.vstack([Z, draws])
    scale = pairwise_distances(pooled, metric="sqeuclidean").mean()

    def kernel(a, b):
        d2 = cdist(a, b, "sqeuclidean")
        return sum(s * scale / (s * scale + d2) for s in (0.1, 0.2, 0.5, 1, 2, 5, 10))

    truth = different(kernel(Z, Z)) + different(kernel(draws, draws))
    truth -= 2 * kernel(Z, draws).mean()
    found = prior_match(Z, draws, method="mmd", random_state=0).statistic
    assert found == pytest.approx(truth, rel=1e-9)


@pytest.mark.parametrize("method", ["energy", "mmd"])
def test_pvalue_is_a_share_of_splits(method):
    """The statistic of each split by itself, ranked, is near the p-value."""
    Z, draws = draw(1, 12, 15)
    Z = Z + 0.4
    pooled, rng = np.vstack([Z, draws]), np.random.RandomState(5)
    orders = [np.arange(27), *(rng.permutation(27) for _ in range(600))]
    options = {"method": method, "n_permutations": 1}
    values = [
        prior_match(pooled[o[:12]], pooled[o[12:]], **options).statistic for o in orders
    ]
    truth = np.mean(np.array(values) >= values[0] - 1e-9)
    found = prior_match(Z, draws, method=method, n_permutations=5000, random_state=0)
    assert 0.01 < truth < 0.5
    assert found.pvalue == pytest.approx(truth, abs=0.06)


@pytest.mark.parametrize(
    ("method", "n", "m"),
    [
        ("energy", 30, 30),
        ("energy", 20, 45),
        ("mmd", 30, 30),
        ("mmd", 20, 45),
        ("classifier", 20, 45),
    ],
)
def test_pvalues_are_uniform_under_the_null(method, n, m):
    n_permutations, rng = 49, np.random.RandomState(0)
    p = np.empty(500)
    for i in range(len(p)):
        samples = rng.normal(size=(n, 2)), rng.normal(size=(m, 2))
        options = {"n_permutations": n_permutations, "random_state": rng}
        p[i] = prior_match(*samples, method=method, **options).pvalue
    if method != "classifier":  # between two of the values that it may have
        p -= rng.rand(len(p)) / (n_permutations + 1)
    assert kstest(p, "uniform").pvalue > 0.01


@pytest.mark.parametrize("method", ["energy", "mmd"])
def test_splits_that_are_the_same_count(method):
    """Of 20 splits of six rows two have the statistic: the first one, and its swap."""
    Z, draws = draw(0, 3, 3)
    options = {"n_permutations": 4000, "random_state": 0}
    found = prior_match(Z + 9, draws, method=method, **options)
    assert found.pvalue == pytest.approx(2 / 20, abs=0.02)


def test_classifier_asks_whether_codes_rank_higher():
    """The area and its p-value by the normal approximation of the rank sum."""
    deviation = np.sqrt((30 + 30 + 1) / 12) / 30
    lower = 0
    for seed in range(8):
        found = prior_match(*draw(seed, 60, 60), method="classifier", random_state=0)
        truth = norm.sf(found.statistic - 0.5, scale=deviation)
        assert found.pvalue == pytest.approx(truth, abs=0.02)
        lower += found.statistic < 0.45
    assert lower  # there a test of both sides would find a difference


ALTERNATIVES = {
    "shift": lambda Z: Z + 0.4,
    "scale": lambda Z: 1.5 * Z,
    # Of the same means and covariances as the prior.
    "mixture": lambda Z: np.column_stack(
        [0.3 * Z[:, 0] + 0.91**0.5 * np.sign(np.sin(1e4 * Z[:, 0])), Z[:, 1]]
    ),
    "dependence": lambda Z: np.column_stack(
        [Z[:, 0], 0.7 * Z[:, 0] + 0.51**0.5 * Z[:, 1]]
    ),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ALTERNATIVES)
def test_differences_are_found(kind, method):
    Z, draws = draw(0, 600, 600)
    options = {"method": method, "random_state": 0}
    found = prior_match(ALTERNATIVES[kind](Z), draws, **options)
    same = prior_match(Z, draws, **options)
    assert found.pvalue < 0.01
    assert same.pvalue > 0.05
    assert found.statistic > same.statistic


@pytest.mark.parametrize("method", METHODS)
def test_equal_rows_everywhere_are_no_difference(method):
    rows = np.full((15, 2), 0.1)
    found = prior_match(rows, rows, method=method)
    assert found.pvalue == 1.0
    assert found.statistic == pytest.approx(0.5 if method == "classifier" else 0)


@pytest.mark.parametrize("method", METHODS)
def test_seeds_decide(method, rng_untouched):
    Z, draws = draw(0, 80, 90)
    Z = Z + 1
    options = {"method": method, "max_samples": 40}
    with rng_untouched():
        first, again, other = (
            prior_match(Z, draws, random_state=seed, **options) for seed in (3, 3, 4)
        )
        prior_match(Z, draws, **options)
    assert first == again
    assert first.statistic != other.statistic


def test_rows_are_a_random_part():
    Z, draws = draw(0, 3000, 400)
    Z[:2700] += 100  # the last ones, or the first ones, would say otherwise
    found = prior_match(Z, draws, max_samples=200, random_state=0).statistic
    assert found == pytest.approx(
        prior_match(Z, draws, max_samples=3000).statistic, abs=0.05
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "ks"}, r"'method' parameter of prior_match .* Got 'ks' instead"),
        ({"n_permutations": 0}, r"'n_permutations' .* range \[1, inf\). Got 0 instead"),
        ({"max_samples": 1}, r"'max_samples' .* range \[2, inf\). Got 1 instead"),
    ],
)
def test_parameters_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        prior_match(*draw(0), **options)


def test_one_row_is_no_sample():
    with pytest.raises(ValueError, match=r"at least 2 rows of Z_prior\. Got 1"):
        prior_match([[0.0], [1.0]], [[0.0]])
