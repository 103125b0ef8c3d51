"""Distances are those of brute force, whatever the cells and however they lie."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from sklearn_aae.metrics import (
    _pairs,
    closest_row_share,
    density_coverage,
    frechet_distance,
    parzen_bandwidth,
    parzen_log_likelihood,
    precision_recall,
    prior_match,
    reconstruction_error,
)

N, D = 60, 3


def make(kind, d=D):
    rng = np.random.RandomState(0)
    X, Y = rng.normal(size=(2, N, d))
    Y *= 1.2
    match kind:
        case "sentinel":
            X[rng.rand(N) < 0.7, 0] = Y[rng.rand(N) < 0.7, 0] = 99_999_999
        case "clusters":
            X[: N // 2] += 3e7
            Y[: N // 2] += 3e7
        case "heavy tails":
            X, Y = np.exp(4 * X), np.exp(4 * Y)
        case "one far out":
            X[7] = 1e12
        case "grid":
            X, Y = np.rint(2 * X), np.rint(2 * Y)
    return X, Y


KINDS = ["plain", "sentinel", "clusters", "heavy tails", "one far out", "grid"]
over_kinds = pytest.mark.parametrize("kind", KINDS)
# Of 100 columns distances are made by products.
over_widths = pytest.mark.parametrize("d", [D, 100])
over_units = pytest.mark.parametrize("unit", [2.0**-997, 2.0**-100, 1.0, 2.0**960])


@over_kinds
@over_widths
def test_balls_hold_what_they_hold(kind, d):
    X, Y = make(kind, d)
    to = cdist(Y, X)
    held = to <= np.sort(cdist(X, X), 1)[:, 3]
    holding = to <= np.sort(cdist(Y, Y), 1)[:, [3]]
    found = *precision_recall(X, Y), *density_coverage(X, Y, n_neighbors=3)
    truth = held.any(1), holding.any(0), held.sum(1) / 3, held.any(0)
    assert found == pytest.approx([t.mean() for t in truth], rel=1e-12)


@over_kinds
@over_widths
def test_the_closest_rows_are_the_closest(kind, d):
    train, held_out = make(kind, d)
    X = np.vstack([train[:20] + 1e-3, held_out[:15] - 1e-3, train[:15] / 2])
    at = [(t - train.mean(0)) / train.std(0) for t in (X, train, held_out)]
    to_train, to_others = (cdist(at[0], t).min(1) for t in at[1:])
    truth = (to_train < to_others).mean() + 0.5 * (to_train == to_others).mean()
    assert closest_row_share(X, train, held_out) == pytest.approx(truth, rel=1e-12)


@over_kinds
@over_widths
def test_windows_are_as_far_as_they_are(kind, d):
    X, samples = make(kind, d)
    d2 = cdist(X, samples, "sqeuclidean")
    for h in (0.5, 1e3):
        truth = logsumexp(-d2 / (2 * h**2), axis=1) - np.log(N)
        truth -= d * np.log(h * np.sqrt(2 * np.pi))
        found = parzen_log_likelihood(X, samples, bandwidth=h, aggregate=False)
        np.testing.assert_allclose(found, truth, 1e-9)
    h = parzen_bandwidth(X, samples)
    bounds = np.sqrt(np.array([d2.min(1).mean(), d2.mean()]) / d)
    assert bounds[0] * (1 - 1e-9) <= h <= bounds[1] * (1 + 1e-9)


@over_kinds
@over_widths
def test_tests_of_two_samples(kind, d):
    Z, draws = make(kind, d)
    cross, *within = cdist(Z, draws), cdist(Z, Z), cdist(draws, draws)
    inside = sum(d.sum() / (N * (N - 1)) for d in within)
    truth = np.sqrt(max(0.0, 1 - inside / (2 * cross.mean())))
    found = prior_match(Z, draws, n_permutations=1, random_state=0).statistic
    assert found == pytest.approx(truth, rel=1e-9, abs=1e-7)
    scales = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]
    both = np.vstack([Z, draws])
    d2 = cdist(both, both, "sqeuclidean")
    kernel = sum(s * d2.mean() / (s * d2.mean() + d2) for s in scales)
    np.fill_diagonal(kernel, 0)
    parts = kernel[:N, :N], kernel[N:, N:]
    truth = sum(k.sum() / (N * (N - 1)) for k in parts) - 2 * kernel[:N, N:].mean()
    options = {"method": "mmd", "n_permutations": 1, "random_state": 0}
    assert prior_match(Z, draws, **options).statistic == pytest.approx(truth, abs=1e-9)


def frechet_of_diagonal(X, Y):
    """Return the distance of samples whose covariances are diagonal."""
    spread = (X.std(0, ddof=1) - Y.std(0, ddof=1)) ** 2
    return (spread + (X.mean(0) - Y.mean(0)) ** 2).sum()


@pytest.mark.parametrize("far", [1.0, 1e4, 99_999_999.0])
def test_frechet_beside_a_wide_column(far):
    """Neither column says anything of another one: the root is that of each."""
    signs = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)])
    X, Y = signs * [1.0, 2.0, far], signs * [3.0, 2.5, far] + [0.0, 1.0, 0.0]
    truth = frechet_of_diagonal(X, Y)
    assert frechet_distance(X, Y) == pytest.approx(truth, rel=1e-9)


METRICS = {
    "closest_row_share": lambda X, Y: closest_row_share(X + Y, X, Y),
    "density_coverage": density_coverage,
    "precision_recall": precision_recall,
    "energy": lambda X, Y: prior_match(X, Y, n_permutations=9, random_state=0),
    "mmd": lambda X, Y: prior_match(
        X, Y, method="mmd", n_permutations=9, random_state=0
    ),
    "reconstruction_error": reconstruction_error,
}


@over_units
@pytest.mark.parametrize("name", METRICS)
def test_numbers_without_a_unit_have_none(name, unit):
    X, Y = make("plain")
    assert METRICS[name](unit * X, unit * Y) == METRICS[name](X, Y)


@over_units
def test_numbers_with_a_unit_scale_with_it(unit):
    X, Y = make("plain")
    h = parzen_bandwidth(X, Y)
    assert parzen_bandwidth(unit * X, unit * Y) == unit * h
    truth = parzen_log_likelihood(X, Y, bandwidth=h) - D * np.log(unit)
    found = parzen_log_likelihood(unit * X, unit * Y, bandwidth=unit * h)
    assert found == pytest.approx(truth, rel=1e-12)
    constant = np.full((4, 1), unit)
    if 1e-150 < unit < 1e150:
        assert frechet_distance(unit * X, unit * Y) == pytest.approx(
            unit**2 * frechet_distance(X, Y), rel=1e-12
        )
        assert reconstruction_error(constant, 2 * constant) == unit**2


def test_what_no_float_can_be_is_told():
    X, Y = make("plain")
    with pytest.warns(RuntimeWarning, match="more than a float can be"):
        assert frechet_distance(1e200 * X, 1e200 * Y) == np.inf
    far = np.full((4, 1), 1e300)
    with pytest.warns(RuntimeWarning, match="reconstruction_error is infinite"):
        assert reconstruction_error(far, 2 * far) == np.inf


@pytest.mark.parametrize("name", METRICS)
def test_huge_cells_beside_others(name):
    """One row of 1e300 does not make the others equal, nor NaN of anything."""
    X, Y = make("plain")
    X[7] = 1e300
    assert np.isfinite(METRICS[name](X, Y)).all()
    balls = density_coverage(X, Y)
    assert balls.density == pytest.approx(density_coverage(*make("plain"))[0], abs=1)


def test_products_keep_the_digits_of_differences(monkeypatch):
    X, Y = (_pairs.Points.plain(t) for t in make("clusters", 100))
    (X, Y), exponent = _pairs.in_one_unit(X, Y)
    found = np.vstack([d for _, d in _pairs.distance_blocks(X, Y)])
    truth = cdist(*make("clusters", 100))
    np.testing.assert_allclose(np.ldexp(found, -exponent), truth, 1e-9)


def test_distances_of_pairs_are_those_of_tables_to_the_bit():
    rng = np.random.RandomState(0)
    X, Y = (
        _pairs.Points(rng.normal(size=(9, 40)), rng.randint(3, size=(9, 2)) * 1.0, 0.3)
        for _ in range(2)
    )
    pairs, table = _pairs._by_pairs(X, Y), _pairs._by_differences(X, Y)
    assert pairs.tolist() == table.diagonal().tolist()
    ((_, found),) = _pairs.distance_blocks(X, X)
    assert found.diagonal().tolist() == [0.0] * 9
