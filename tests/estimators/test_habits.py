"""Tables as users have them: each ends in a model that is of use."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import normalized_mutual_info_score

from sklearn_aae import (
    AAEClusterer,
    AAETransformer,
    ConditionalAAETransformer,
    SemiSupervisedAAEClassifier,
)

SHARED = {
    "hidden_layer_sizes": (32,),
    "critic_hidden_layer_sizes": (32,),
    "random_state": 0,
}
FAMILY = [
    AAETransformer(2, max_iter=100, **SHARED),
    AAEClusterer(3, n_init=4, **SHARED),
    ConditionalAAETransformer(2, max_iter=100, **SHARED),
    SemiSupervisedAAEClassifier(2, **SHARED),
]


def blobs(sizes, n_columns=6, seed=0):
    """Return rows around three centres, and their classes."""
    rng = np.random.RandomState(seed)
    y = np.repeat(np.arange(3), sizes)
    centres = 6 * np.eye(3, n_columns)
    order = rng.permutation(len(y))
    return (centres[y] + rng.normal(size=(len(y), n_columns)))[order], y[order]


def unscaled():
    X, y = blobs((100, 100, 100))
    return X * 10.0 ** np.arange(-3, 3) + 1e4, y


def unequal():
    return blobs((400, 80, 20))


def few_rows():
    return blobs((20, 20, 20))


def wide():
    X, y = blobs((60, 60, 60), 500)
    X[:, :100] += 6 * np.eye(3)[y] @ np.random.RandomState(1).normal(size=(3, 100))
    return X, y


def one_label_each():
    X, y = blobs((80, 80, 80))
    told = [np.flatnonzero(y == c)[0] for c in range(3)]
    few = np.full(len(y), -1)
    few[told] = y[told]
    return X, few


def repeated():
    X, y = blobs((20, 20, 20))
    return np.tile(X, (8, 1)), np.tile(y, 8)


HABITS = [unscaled, unequal, few_rows, wide, one_label_each, repeated]


@pytest.mark.parametrize("estimator", FAMILY, ids=lambda e: type(e).__name__)
@pytest.mark.parametrize("habit", HABITS, ids=lambda h: h.__name__)
def test_a_habit_leaves_a_model_of_use(estimator, habit):
    X, y = habit()
    told = y != -1
    truth = y if told.all() else blobs((80, 80, 80))[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = clone(estimator).fit(X, y)
    Z = model.transform(X)
    assert np.isfinite(Z).all()
    assert np.isfinite(model.sample(10, random_state=0)).all()
    if isinstance(model, AAEClusterer):
        assert normalized_mutual_info_score(truth, model.labels_) > 0.5
    elif isinstance(model, SemiSupervisedAAEClassifier):
        assert model.score(X, truth) > 0.9
    else:
        X_hat = (
            model.reconstruct(X, np.where(told, y, -1))
            if isinstance(model, ConditionalAAETransformer) and told.all()
            else model.reconstruct(X)
        )
        unit = X.std(0)
        missed = np.square((X - X_hat) / unit).mean()
        assert missed < 1.0  # the mean misses 1
