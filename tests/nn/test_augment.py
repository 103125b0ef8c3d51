"""Pictures are moved, cut and mirrored as asked for, each in a way of its own."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from sklearn_aae import AAEClusterer, AAETransformer, SemiSupervisedAAEClassifier
from sklearn_aae.encoders import ENCODERS
from sklearn_aae.nn import AUGMENTATIONS, ImageLayers, augment
from sklearn_aae.utils._random import Streams, standard_uniform

SHAPE = (20, 10, 2)
X, Y = load_digits().images[:80] / 16, load_digits().target[:80] % 3
SMALL = {"hidden_channels": (2, 2), "max_iter": 2, "random_state": 0}


def drawing(value):
    """Return a source of one number."""
    return lambda like: torch.full_like(like, value)


def picture():
    x = torch.zeros(1, *SHAPE, dtype=torch.float64)
    x[0, 4:8, 2:4] = 1.0
    return x.flatten(1)


def test_a_shift_of_whole_pixels_is_exact():
    # The end of the range: two rows, and one column.
    moved = augment(picture(), ["shift"], SHAPE, drawing(0.0)).view(SHAPE)
    expected = torch.zeros(SHAPE, dtype=torch.float64)
    expected[6:10, 3:5] = 1.0
    torch.testing.assert_close(moved, expected)


def test_a_flip_mirrors_left_for_right():
    flat = picture()
    mirrored = augment(flat, ["flip"], SHAPE, drawing(0.4)).view(SHAPE)
    torch.testing.assert_close(mirrored, flat.view(SHAPE).flip(1))
    torch.testing.assert_close(augment(flat, ["flip"], SHAPE, drawing(0.6)), flat)


def test_a_crop_stretches_a_part():
    flat = picture()
    cropped = augment(flat, ["crop"], SHAPE, drawing(0.5)).view(SHAPE)
    # 90 % of both sides, from the middle.
    assert float(cropped.sum()) == pytest.approx(float(flat.sum()) / 0.81, rel=0.05)
    torch.testing.assert_close(augment(flat, ["crop"], SHAPE, drawing(1.0)), flat)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_pictures_are_changed_in_training_by_the_members_own_stream(name):
    options = {"images": ImageLayers((8, 8, 1), (2,)), "augmentation": (name,)}
    encoder = ENCODERS["deterministic"](64, 2, **options).double()
    x = torch.from_numpy(X[:12].reshape(2, 6, 64))
    with Streams([3, 4]).active():
        together = encoder.train().corrupt(x)
        assert torch.equal(encoder.eval().corrupt(x), x)
    assert not torch.equal(together, x)
    for c, seed in enumerate([3, 4]):
        with Streams(seed).active():
            alone = augment(x[c], (name,), (8, 8, 1), standard_uniform)
        torch.testing.assert_close(together[c], alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("compile", [False, True])
def test_estimators_train_on_changed_pictures(compile):
    few = np.where(np.arange(80) < 20, Y, -1)
    options = SMALL | {"compile": compile, "max_iter": 40, "batch_size": 20}
    models = [
        SemiSupervisedAAEClassifier(image_shape=(8, 8), augmentation=a, **options)
        for a in (None, "shift")
    ]
    answers = [model.fit(X, few).predict_proba(X) for model in models]
    assert not np.array_equal(*answers)
    assert models[1].net_.recorded_ == compile
    names = ["flip", "crop"]
    model = AAEClusterer(3, image_shape=(8, 8), n_init=2, augmentation=names, **SMALL)
    assert model.fit_predict(X).shape == (80,)
    assert "augmentation" not in AAETransformer().get_params()


def test_what_cannot_be_is_said():
    with pytest.raises(ValueError, match="'rotate', which is none of"):
        AAEClusterer(3, image_shape=(8, 8), augmentation=["rotate"], **SMALL).fit(X)
    with pytest.raises(ValueError, match="needs image_shape"):
        AAEClusterer(3, augmentation="flip", max_iter=1).fit(X.reshape(80, 64))
