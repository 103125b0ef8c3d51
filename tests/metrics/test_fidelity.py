"""Fréchet distance and inception score against their closed forms."""

import numpy as np
import pytest
import scipy.linalg
from sklearn.datasets import load_iris
from sklearn.svm import LinearSVC

from sklearn_aae.metrics import frechet_distance, inception_score


def by_definition(X, Y):
    S1, S2 = (np.atleast_2d(np.cov(t, rowvar=False)) for t in (X, Y))
    root = scipy.linalg.sqrtm(S1 @ S2).real
    shift = X.mean(0) - Y.mean(0)
    return shift @ shift + np.trace(S1 + S2 - 2 * root)


@pytest.mark.parametrize(("n", "m", "d"), [(30, 50, 4), (200, 100, 1), (12, 40, 10)])
def test_frechet_is_the_root_of_the_product(n, m, d):
    rng = np.random.RandomState(0)
    X = 5 + rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    Y = rng.normal(size=(m, d)) @ rng.normal(size=(d, d))
    assert frechet_distance(X, Y) == pytest.approx(by_definition(X, Y), rel=1e-6)
    assert frechet_distance(Y, X) == pytest.approx(by_definition(X, Y), rel=1e-6)


def whitened(n, d):
    """Return rows of mean 0 and covariance 1, exactly."""
    rows = np.random.RandomState(0).normal(size=(n, d))
    rows = np.linalg.qr(rows - rows.mean(0))[0]
    return (rows - rows.mean(0)) * np.sqrt(n - 1)


@pytest.mark.parametrize("widths", [(1, 2, 3), (1, 0, 3), (0, 0, 0)])
def test_frechet_of_diagonal_gaussians(widths):
    rows, widths = whitened(50, 3), np.array(widths)
    others, mean = np.array([2, 5, 0.5]), np.array([1, -2, 0])
    truth = mean @ mean + ((widths - others) ** 2).sum()
    found = frechet_distance(rows * widths, rows[::-1] * others + mean)
    assert found == pytest.approx(truth, rel=1e-9)


@pytest.mark.parametrize(("n", "d"), [(3, 30), (50, 30)])
def test_frechet_of_singular_covariances(n, d):
    rng = np.random.RandomState(0)
    X = np.hstack([rng.normal(size=(n, d // 2))] * 2)
    assert frechet_distance(X, X[::-1]) == pytest.approx(0, abs=1e-12)
    assert frechet_distance(X, X + 1) == pytest.approx(d, rel=1e-12)
    # Of multiples, tr (S (a² S))^½ = a tr S.
    truth = 4 * X.var(0, ddof=1).sum() + 4 * (X.mean(0) ** 2).sum()
    assert frechet_distance(X, 3 * X) == pytest.approx(truth, rel=1e-12)


class Lookup:
    """A classifier whose rows are its probabilities."""

    def predict_proba(self, X):
        return np.asarray(X)


def test_inception_score_of_known_probabilities():
    assert inception_score(np.eye(4)[[0, 1, 2, 3] * 5], Lookup()) == pytest.approx(4)
    assert inception_score(np.full((9, 4), 0.25), Lookup()) == pytest.approx(1)
    proba = np.random.RandomState(0).dirichlet([1, 2, 3], size=30)
    kl = [(p * np.log(p / proba.mean(0))).sum() for p in proba]
    assert inception_score(proba, Lookup()) == pytest.approx(np.exp(np.mean(kl)))


def test_inception_score_is_the_mean_of_splits():
    proba = np.random.RandomState(0).dirichlet([1, 2, 3], size=30)
    parts = [inception_score(part, Lookup()) for part in (proba[:15], proba[15:])]
    assert inception_score(proba, Lookup(), n_splits=2) == pytest.approx(np.mean(parts))
    assert parts[0] != parts[1]


def test_inception_score_needs_probabilities_and_rows():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(TypeError, match="LinearSVC has none: calibrate it"):
        inception_score(X, LinearSVC().fit(X, y))
    with pytest.raises(
        ValueError, match=r"at least 5 rows of X for n_splits=5\. Got 3"
    ):
        inception_score(np.eye(3), Lookup(), n_splits=5)
