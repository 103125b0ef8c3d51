"""An embedding of pictures knows their classes, and tells real from generated ones."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from sklearn_aae.metrics import (
    ImageEmbedding,
    density_coverage,
    fit_image_embedding,
    frechet_distance,
    inception_score,
    precision_recall,
)

X, Y = load_digits().images / 16, load_digits().target
NAMES = np.array(list("abcdefghij"))[Y]


@pytest.fixture(scope="module")
def embedding():
    return fit_image_embedding(X[:1000], NAMES[:1000], max_iter=20, random_state=0)


def test_the_classifier_has_learned_the_classes(embedding):
    assert isinstance(embedding, ImageEmbedding)
    assert np.mean(embedding.predict(X[1000:]) == NAMES[1000:]) > 0.85
    proba = embedding.predict_proba(X[1000:])
    np.testing.assert_allclose(proba.sum(1), 1)
    assert list(embedding.classes_) == list("abcdefghij")
    features = embedding(X[1000:])
    assert features.shape == (797, 64)
    assert features.dtype == np.float64
    flat = X[1000:].reshape(-1, 64)
    assert np.array_equal(embedding(flat), features)
    # A picture's features are its own.
    np.testing.assert_allclose(embedding(X[1000:1003]), features[:3], rtol=1e-4)


def test_distances_grow_with_what_is_wrong(embedding):
    real, others = X[1000:1390], X[1390:1780]
    rng = np.random.RandomState(0)
    distances = [
        frechet_distance(real, (others + noise).clip(0, 1), embedding=embedding)
        for noise in (scale * rng.normal(size=others.shape) for scale in (0, 0.2, 0.5))
    ]
    assert distances == sorted(distances)
    assert distances[2] > 3 * distances[0]
    few = others[Y[1390:1780] < 3]
    precision, recall = precision_recall(real, few, embedding=embedding)
    assert precision > recall + 0.2
    assert density_coverage(real, few, embedding=embedding).coverage < 0.6


def test_it_is_a_classifier_for_the_inception_score(embedding):
    score, std = inception_score(X[1000:], embedding, n_splits=10, return_std=True)
    assert 5 < score <= 10
    assert 0 < std < 2
    parts = np.array_split(X[1000:], 10)
    scores = [inception_score(part, embedding) for part in parts]
    assert (score, std) == pytest.approx((np.mean(scores), np.std(scores)))
    assert inception_score(X[1000:], embedding, n_splits=10) == pytest.approx(score)


def test_the_same_seed_gives_the_same_features(embedding, rng_untouched):
    with rng_untouched():
        again = fit_image_embedding(X[:1000], NAMES[:1000], max_iter=20, random_state=0)
        other = fit_image_embedding(X[:200], Y[:200], max_iter=1, random_state=1)
        features = again(X[:5])
    assert np.array_equal(features, embedding(X[:5]))
    assert other(X[:5]).shape == features.shape
    stored = pickle.loads(pickle.dumps(embedding))
    assert np.array_equal(stored(X[:5]), features)


def test_pictures_of_eight_bits_and_of_channels():
    coarse = (255 * X[:200]).round().astype(np.uint8)
    options = {"max_iter": 1, "random_state": 0, "n_features": 7}
    of_coarse = fit_image_embedding(coarse, Y[:200], **options)
    of_unit = fit_image_embedding(coarse / 255, Y[:200], **options)
    found = of_coarse(coarse)
    np.testing.assert_allclose(found, of_unit(coarse / 255), rtol=1e-3, atol=1e-4)
    colour = np.random.RandomState(0).uniform(size=(60, 9, 12, 3))
    of_colour = fit_image_embedding(
        colour.reshape(60, -1), Y[:60], image_shape=(9, 12, 3), **options
    )
    assert of_colour(colour).shape == (60, 7)


def test_a_module_is_an_embedding():
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 5)).eval()
    with torch.inference_mode():
        parts = [torch.from_numpy(part).float() for part in (X[:90], X[90:])]
        by_hand = [module(part).numpy() for part in parts]
    found = frechet_distance(X[:90], X[90:], embedding=module)
    assert found == pytest.approx(frechet_distance(*by_hand))


BAD = [
    ({"X": X[:9].reshape(9, 64)}, "Pass image_shape"),
    ({"X": X[:9, :7]}, "at least 8 x 8"),
    ({"X": 255 * X[:9]}, "divide by a number"),
    ({"X": np.where(X[:9] > 0.9, np.nan, X[:9])}, "divide by a number"),
    ({"X": X[:9].astype(str)}, "Pixels must be uint8 or numbers"),
    ({"X": X[:0], "y": Y[:0]}, "There are no pictures in X"),
    ({"image_shape": 8}, r"has shape 8. Pass image_shape=\(height, width\)"),
    ({"image_shape": (8, 8.5)}, "Pass image_shape"),
    ({"image_shape": (8, 8, 0)}, "Pass image_shape"),
    ({"X": X[:8]}, "inconsistent numbers"),
    ({"y": np.zeros(9)}, "needs two labels in y at least"),
    ({"max_iter": 0}, "max_iter"),
    ({"n_features": 2.5}, "n_features"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_what_is_wrong_is_said(options, message):
    arguments = {"X": X[:9], "y": Y[:9]} | options
    with pytest.raises(ValueError, match=message):
        fit_image_embedding(arguments.pop("X"), arguments.pop("y"), **arguments)


@pytest.mark.filterwarnings("error")
def test_pictures_may_be_read_only_and_of_another_order_of_bytes():
    given = X[:20].copy()
    given.flags.writeable = False
    options = {"max_iter": 1, "random_state": 0}
    features = fit_image_embedding(given, Y[:20], **options)(given)
    big = X[:20].astype(">f8")
    assert np.array_equal(fit_image_embedding(big, Y[:20], **options)(big), features)


def test_other_pictures_are_refused(embedding):
    with pytest.raises(ValueError, match="There are no pictures in X"):
        embedding(X[:0])
    with pytest.raises(ValueError, match="Pictures must have shape"):
        embedding(X[:5, :7])
    with pytest.raises(ValueError, match=r"must be numbers in \[0, 1\], as those that"):
        embedding((255 * X[:5]).astype(np.uint8))
