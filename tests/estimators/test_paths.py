"""Ways through the code: they end where they should and stay where they should."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from sklearn_aae import (
    AAEClusterer,
    AAETransformer,
    ConditionalAAETransformer,
    SemiSupervisedAAEClassifier,
)

SMALL = {
    "hidden_layer_sizes": (8,),
    "critic_hidden_layer_sizes": (8,),
    "max_iter": 5,
    "random_state": 0,
}
FAMILY = [
    AAETransformer(3, **SMALL),
    AAETransformer(3, prior="uniform", **SMALL),
    AAETransformer(1, **SMALL),
    AAEClusterer(3, n_init=2, **SMALL),
    AAEClusterer(3, n_init=2, class_heads=False, **SMALL),
    ConditionalAAETransformer(3, **SMALL),
    SemiSupervisedAAEClassifier(3, **SMALL),
]
each = pytest.mark.parametrize("estimator", FAMILY, ids=repr)


@each
@pytest.mark.parametrize("path", ["auto", "linear", "spherical"])
def test_ways_end_at_reconstructions(estimator, path, blobs):
    X, y = blobs
    model = clone(estimator).fit(X, y)
    ways = model.interpolate(X[:4], X[4:8], 5, path=path).reshape(4, 5, -1)
    ends = model.inverse_transform(model.transform(X[:8]))
    np.testing.assert_allclose(ways[:, 0], ends[:4])
    np.testing.assert_allclose(ways[:, -1], ends[4:])


def test_straight_and_round_ways(blobs, monkeypatch):
    model = AAETransformer(3, **SMALL).fit(blobs[0])
    seen = []
    monkeypatch.setattr(model, "inverse_transform", seen.append)
    codes = np.random.RandomState(0).normal(size=(2, 6, 3))
    monkeypatch.setattr(model, "transform", lambda X: X)
    for path in ("linear", "spherical", "auto"):
        model.interpolate(*codes, 7, path=path)
    straight, arc, auto = (z.reshape(6, 7, 3) for z in seen)
    np.testing.assert_allclose(np.diff(straight, 2, axis=1), 0, atol=1e-12)
    np.testing.assert_array_equal(auto, arc)
    # Codes of one length keep it on the way, and turn by equal angles.
    unit = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in codes]
    model.interpolate(*unit, 7)
    way = seen[-1].reshape(6, 7, 3)
    np.testing.assert_allclose(np.linalg.norm(way, axis=2), 1)
    turns = np.einsum("ijk,ijk->ij", way[:, 1:], way[:, :-1])
    np.testing.assert_allclose(turns, turns[:, :1].repeat(6, 1))
    # Opposite codes have no one arc between them: the straight line.
    model.interpolate(codes[0], -codes[0], 3, path="spherical")
    np.testing.assert_allclose(seen[-1].reshape(6, 3, 3)[:, 1], 0, atol=1e-12)


def test_other_priors_ask_for_straight_ways(blobs):
    X, y = blobs
    for estimator in (FAMILY[1], FAMILY[3]):
        model = clone(estimator).fit(X, y)
        auto, straight = (
            model.interpolate(X[:3], X[3:6], path=path) for path in ("auto", "linear")
        )
        np.testing.assert_array_equal(auto, straight)


@each
def test_one_column_of_the_code_moves(estimator, blobs, monkeypatch):
    X, y = blobs
    model = clone(estimator).fit(X, y)
    assert model.traverse(X[:2], 0, 4).shape == (8, X.shape[1])
    seen, decode = [], model.inverse_transform
    monkeypatch.setattr(
        model, "inverse_transform", lambda Z, **y: seen.append(Z) or decode(Z, **y)
    )
    k = model.transform(X[:2]).shape[1]
    model.traverse(X[:2], k - 1, 4)
    ways, codes = seen[0].reshape(2, 4, k), model.transform(X[:2])
    np.testing.assert_array_equal(ways[..., :-1], codes[:, None, :-1].repeat(4, 1))
    if isinstance(estimator, AAETransformer) and estimator.prior == "gaussian":
        np.testing.assert_allclose(ways[:, [0, -1], -1], [[-1.96, 1.96]] * 2, atol=0.1)


def test_labels_of_the_way(blobs):
    X, y = blobs
    model = ConditionalAAETransformer(3, **SMALL).fit(X, y)
    labels = np.unique(y)[:2]
    first, second = (model.interpolate(X[:2], X[2:4], 3, y=label) for label in labels)
    expected = model.inverse_transform(model.transform(X[:1]), y=labels[1])
    np.testing.assert_allclose(second[:1], expected)
    assert (first != second).any()
    assert (model.traverse(X[:2], y=labels[0]) != model.traverse(X[:2])).any()


def test_each_way_has_its_label(blobs):
    X, y = blobs
    model = ConditionalAAETransformer(3, **SMALL).fit(X, y)
    labels = np.unique(y)[:2]
    for decode in (
        lambda i, y: model.traverse(X[i], n_steps=3, y=y),
        lambda i, y: model.interpolate(X[i], X[2:][i], 3, y=y),
    ):
        both = decode(slice(0, 2), labels)
        one_by_one = [decode(slice(i, i + 1), labels[i]) for i in range(2)]
        np.testing.assert_allclose(both, np.concatenate(one_by_one))
        with pytest.raises(ValueError, match=r"one for each of 2 ways. Got 3"):
            decode(slice(0, 2), y[:3])
    with pytest.raises(TypeError, match=r"AAETransformer decodes codes without .*'y'"):
        AAETransformer(2, **SMALL).fit(X).traverse(X[:2], y=labels)


def test_tables_come_back_as_tables(blobs):
    frame = pd.DataFrame(blobs[0][:, :2], columns=["a", "b"])
    frame["c"] = np.where(frame["a"] > 0, "x", "y")
    model = AAETransformer(2, **SMALL).fit(frame)
    model.set_output(transform="pandas")
    for rows in (model.interpolate(frame[:3], frame[3:6]), model.traverse(frame[:3])):
        assert rows.shape == (30, 3)
        assert rows.dtypes.equals(frame.dtypes)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, X: m.interpolate(X[:2], X[:3]), "they have 2 and 3"),
        (lambda m, X: m.interpolate(X, X, 1), "'n_steps' parameter of interpolate"),
        (lambda m, X: m.interpolate(X, X, path="round"), "'path' parameter"),
        (lambda m, X: m.traverse(X, 3), "'component' parameter of traverse"),
        (lambda m, X: m.traverse(X, 0, 2.5), "'n_steps' parameter of traverse"),
    ],
)
def test_bad_requests(call, message, blobs):
    model = AAETransformer(3, **SMALL).fit(blobs[0])
    with pytest.raises(ValueError, match=message):
        call(model, blobs[0])


@each
def test_errors_name_the_end_that_they_are_about(estimator, blobs):
    X, y = blobs
    model = clone(estimator).fit(X, y)
    few = X[:2, :-1]
    for ends, name in (((few, X[:2]), "X_start"), ((X[:2], few), "X_end")):
        with pytest.raises(ValueError, match=rf"^{name}: X has \d+ features, but"):
            model.interpolate(*ends)
