"""The Parzen likelihood is that of a kernel density, and its bandwidth the best."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import multivariate_normal, norm
from sklearn.neighbors import KernelDensity

from sklearn_aae.metrics import _pairs, parzen_bandwidth, parzen_log_likelihood


@pytest.fixture
def rows():
    rng = np.random.RandomState(0)
    return [1000 + rng.normal(size=(n, 3)) for n in (40, 60, 50)]


@pytest.mark.parametrize("h", [1e-3, 0.1, 0.7, 30.0])
def test_it_is_the_kernel_density(rows, h, monkeypatch):
    X, samples, _ = rows
    monkeypatch.setattr(_pairs, "BLOCK_CELLS", 7 * len(samples))  # several blocks
    truth = KernelDensity(bandwidth=h, rtol=0).fit(samples).score_samples(X)
    values = parzen_log_likelihood(X, samples, bandwidth=h, aggregate=False)
    np.testing.assert_allclose(values, truth, rtol=1e-6)
    mean = parzen_log_likelihood(X, samples, bandwidth=h)
    assert mean == pytest.approx(truth.mean(), rel=1e-6)
    assert isinstance(mean, float)


def test_it_is_the_mean_of_normal_densities(rows):
    X, samples, _ = rows
    h = 0.5
    truth = np.mean([multivariate_normal(s, h**2).pdf(X) for s in samples], axis=0)
    values = parzen_log_likelihood(X, samples, bandwidth=h, aggregate=False)
    np.testing.assert_allclose(values, np.log(truth), rtol=1e-9)


def test_many_samples_find_the_entropy():
    rng = np.random.RandomState(0)
    samples, validation, X = (rng.normal(size=(n, 1)) for n in (5000, 2000, 2000))
    found = parzen_log_likelihood(X, samples, X_validation=validation)
    assert found == pytest.approx(norm.logpdf(X).mean(), abs=0.01)


def test_the_bandwidth_is_the_likeliest_of_those_given(rows):
    X, samples, validation = rows
    bandwidths = [0.05, 0.5, 0.2, 2.0]
    likelihoods = [
        KernelDensity(bandwidth=h).fit(samples).score(validation) for h in bandwidths
    ]
    best = bandwidths[int(np.argmax(likelihoods))]
    assert parzen_bandwidth(validation, samples, bandwidths) == best
    options = {"X_validation": validation, "bandwidths": bandwidths}
    by_rows = parzen_log_likelihood(X, samples, **options)
    assert by_rows == parzen_log_likelihood(X, samples, bandwidth=best)


@pytest.mark.parametrize("unit", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize(("d", "shift"), [(1, 0.0), (3, 0.0), (40, 0.0), (2, 20.0)])
def test_the_default_bandwidths_hold_the_best(d, shift, unit):
    rng = np.random.RandomState(0)
    samples, validation = unit * rng.normal(size=(2, 300, d))
    validation = validation + unit * shift

    def loss(log_h):
        density = KernelDensity(bandwidth=np.exp(log_h), rtol=0).fit(samples)
        return -density.score(validation)

    bounds = np.log(1e-3 * unit), np.log(1e2 * unit)
    start = np.linspace(*bounds, 30)
    nearest = start[np.argmin([loss(h) for h in start])]
    best = minimize_scalar(loss, bounds=(nearest - 0.4, nearest + 0.4)).x
    found = np.log(parzen_bandwidth(validation, samples))
    assert found == pytest.approx(best, abs=0.25)  # a step of the grid is up to 0.5


@pytest.mark.parametrize("options", [{}, {"bandwidth": 1.0, "X_validation": [[0.0]]}])
def test_one_way_to_a_bandwidth(options):
    with pytest.raises(ValueError, match="needs one of bandwidth and X_validation"):
        parzen_log_likelihood([[0.0]], [[1.0]], **options)


@pytest.mark.parametrize("bandwidths", [[], [[1.0]], 1.0, [1.0, 0.0], [-1.0]])
def test_bandwidths_are_positive_numbers(bandwidths, rows):
    with pytest.raises(ValueError, match="'bandwidths' parameter of parzen_bandwidth"):
        parzen_bandwidth(rows[0], rows[1], bandwidths)


def test_rows_among_the_samples_have_no_best_bandwidth(rows):
    with pytest.raises(ValueError, match="All rows of X_validation are among"):
        parzen_bandwidth(rows[0][:5], rows[0])
