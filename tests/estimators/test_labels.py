"""What labels may be: unlabelled rows, text, weights of classes, chunks."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.model_selection import KFold, cross_val_score

from sklearn_aae import (
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)

SMALL = {"hidden_layer_sizes": (16,), "random_state": 0, "max_iter": 5}


@pytest.fixture(scope="module")
def wine():
    """Rows, labels, and labels of which four in five are -1."""
    X, y = load_wine(return_X_y=True)
    return X, y, np.where(np.arange(len(y)) % 5 == 0, y, -1)


@pytest.fixture(scope="module")
def fitted(wine):
    return SemiSupervisedAAEClassifier(**SMALL).fit(wine[0], wine[2])


def as_text(y, unlabelled):
    """Labels as text, and a mark for -1."""
    names = np.array(["a", "b", "c", unlabelled], dtype=object)
    return names[y]


@pytest.mark.parametrize("unlabelled", [-1, -1.0, None, np.nan])
def test_marks_of_unlabelled_rows_among_text(unlabelled, wine, fitted):
    X, _, few = wine
    model = SemiSupervisedAAEClassifier(**SMALL).fit(X, as_text(few, unlabelled))
    assert model.classes_.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(model.predict_proba(X), fitted.predict_proba(X))
    assert model.score(X, as_text(few, unlabelled)) == fitted.score(X, few)


def test_minus_one_as_text_is_warned_of(wine):
    X, _, few = wine
    with pytest.warns(UserWarning, match="the text '-1'"):
        model = SemiSupervisedAAEClassifier(**SMALL).fit(X, as_text(few, "-1"))
    assert "-1" in model.classes_


@pytest.mark.parametrize(
    "model",
    [SemiSupervisedAAEClassifier(), AAETransformer(prior="gaussian_mixture")],
)
def test_text_beside_numbers_is_refused(model, wine):
    y = np.where(wine[1] == 1, "b", wine[1].astype(object))
    with pytest.raises(ValueError, match=r"Unknown label type.*'b'.* 0"):
        model.fit(wine[0], y)


@pytest.mark.parametrize("unlabelled", [-1, None, np.nan])
def test_score_is_of_labelled_rows(unlabelled, wine, fitted):
    X, y, few = wine
    told = few >= 0
    marked = np.where(told, y.astype(object), unlabelled)
    weight = np.arange(1.0, 1 + len(y))
    right = fitted.predict(X) == y
    assert fitted.score(X, marked) == right[told].mean()
    assert fitted.score(X, marked, weight) == pytest.approx(
        np.average(right[told], weights=weight[told])
    )
    with pytest.raises(ValueError, match="score needs labelled rows"):
        fitted.score(X[~told], marked[~told])


def test_a_search_scores_labelled_rows(wine):
    X, _, few = wine
    folds = KFold(3, shuffle=True, random_state=0)
    model = SemiSupervisedAAEClassifier(**SMALL)
    scores = [
        cross_val_score(model, X, y, cv=folds)
        for y in (few, as_text(few, None), as_text(few, np.nan))
    ]
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])


def test_no_label_at_all(wine):
    X = wine[0]
    for model in (ConditionalAAETransformer(), SemiSupervisedAAEClassifier()):
        for nothing in (np.full(len(X), -1), np.full(len(X), None)):
            with pytest.raises(ValueError, match="needs labelled rows"):
                model.fit(X, nothing)


def test_labels_of_validation_rows(wine):
    X, y, few = wine
    model = SemiSupervisedAAEClassifier(**SMALL)
    with pytest.raises(ValueError, match="requires y_val beside X_val"):
        model.fit(X, few, X_val=X[:30])
    with pytest.raises(ValueError, match="y_val was passed without X_val"):
        model.fit(X, few, y_val=y[:30])
    model.fit(X, few, X_val=X[:30], y_val=np.full(30, -1))
    assert "valid_loss" in model.history_[-1]


@pytest.mark.parametrize(
    "class_weight",
    [{0: -1, 1: 1, 2: 1}, {0: np.nan}, {0: 0, 1: 0, 2: 0}, {0: 1, "one": 2}],
)
def test_weights_of_classes_are_checked(class_weight, wine):
    model = SemiSupervisedAAEClassifier(class_weight=class_weight, **SMALL)
    with pytest.raises(ValueError, match="'class_weight' parameter"):
        model.fit(wine[0], wine[2])


def test_weights_of_classes_that_a_first_chunk_lacks(wine):
    X, y, _ = wine
    model = SemiSupervisedAAEClassifier(class_weight={0: 1, 2: 9}, **SMALL)
    model.partial_fit(X[y < 2], y[y < 2], classes=[0, 1, 2])
    assert model._class_weights == (1, 1, 9)


def test_weights_of_classes_may_change(wine):
    X, _, few = wine
    models = [
        SemiSupervisedAAEClassifier(warm_start=True, **SMALL).fit(X, few)
        for _ in range(2)
    ]
    models[1].set_params(class_weight={0: 50})
    shares = [model.fit(X, few).predict_proba(X) for model in models]
    assert models[1]._class_weights == (50, 1, 1)
    assert np.abs(shares[0] - shares[1]).max() > 1e-3


def test_classes_of_chunks(wine):
    X, y, few = wine
    model = SemiSupervisedAAEClassifier(**SMALL)
    with pytest.raises(ValueError, match=r"one class only.*classes=\[...\]"):
        model.partial_fit(X[:50], few[:50])
    assert not hasattr(model, "classes_")
    model.partial_fit(X[:50], few[:50], classes=[0, 1, 2]).partial_fit(X[50:], y[50:])
    with pytest.raises(ValueError, match="not the same as on the first call"):
        model.partial_fit(X, y, classes=[0, 1])


ORDERED = [
    AAETransformer(prior="gaussian_mixture", random_state=0),
    ConditionalAAETransformer(random_state=0),
]


@pytest.mark.parametrize("model", ORDERED, ids=lambda model: type(model).__name__)
def test_chunks_in_the_order_of_their_labels(model, wine):
    X, y, _ = wine
    model = clone(model)
    for c in (2, 0, 1):
        model.partial_fit(X[y == c], y[y == c], classes=[2, 1, 0])
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.sample(4, y=[0, 1, 2, 2], random_state=0).shape == (4, X.shape[1])
    # The two that the first chunk lacks count as one row each.
    n = (y == 2).sum()
    np.testing.assert_allclose(model._class_shares, np.array([1, 1, n]) / (n + 2))
    with pytest.raises(ValueError, match="not the same as on the first call"):
        model.partial_fit(X, y, classes=[0, 1])
    untold = clone(model).partial_fit(X[y == 2], y[y == 2])
    with pytest.raises(ValueError, match=r"did not see: \[0, 1\].*classes=\[...\]"):
        untold.partial_fit(X, y)


def test_a_first_chunk_without_labels_and_its_classes(wine):
    X, y, _ = wine
    model = clone(ORDERED[0]).partial_fit(X, classes=["a", "b", "c"])
    assert model._class_shares == pytest.approx([1 / 3] * 3)
    model.partial_fit(X, np.array(["a", "b", "c"])[y])
    assert model.sample(1, y="c").shape == (1, X.shape[1])


@pytest.mark.parametrize("model", [AAETransformer(), GANSampler()])
def test_classes_without_a_use_are_refused(model, wine):
    with pytest.raises(ValueError, match="no use for classes"):
        model.partial_fit(wine[0], classes=[0, 1, 2])
    assert not hasattr(model, "net_")


def test_validation_rows_are_no_pair(wine):
    X, y, few = wine
    model = SemiSupervisedAAEClassifier(**SMALL)
    with pytest.raises(ValueError, match=r"not a pair.*as y_val"):
        model.fit(X, few, X_val=(X, y), y_val=y)
