"""Noise on rows in training has the size that it names, and is the member's own."""

import pytest
import torch

from sklearn_aae.encoders import ENCODERS
from sklearn_aae.nn import NOISES, ImageLayers
from sklearn_aae.utils._random import Streams, seeded_scope

SHAPE = (8, 10, 3)
D = 240


def corrupted(kind, amount, x, seeds=0, training=True):
    images = ImageLayers(SHAPE, (2,))
    options = {"images": images, "input_noise": amount, "noise_type": kind}
    with seeded_scope(0):
        encoder = ENCODERS["deterministic"](D, 2, **options).double()
    with Streams(seeds).active():
        return encoder.train(training).corrupt(x)


@pytest.mark.parametrize("kind", NOISES)
def test_noise_acts_in_training_only_and_on_the_members_own_stream(kind):
    x = torch.full((2, 5, D), 0.4, dtype=torch.float64)
    assert torch.equal(corrupted(kind, 0.2, x, [0, 1], training=False), x)
    together = corrupted(kind, 0.2, x, [3, 4])
    for c, seed in enumerate([3, 4]):
        assert torch.equal(corrupted(kind, 0.2, x[c], seed), together[c])
    assert not torch.equal(together[0], together[1])


def test_gaussian_noise_has_its_deviation():
    x = torch.zeros(400, D, dtype=torch.float64)
    assert float(corrupted("gaussian", 0.5, x).std()) == pytest.approx(0.5, rel=0.02)


def test_salt_and_pepper_are_as_often():
    y = corrupted(
        "salt_and_pepper", 0.2, torch.full((400, D), 0.4, dtype=torch.float64)
    )
    for value, share in ((0.0, 0.1), (1.0, 0.1), (0.4, 0.8)):
        assert float((y == value).double().mean()) == pytest.approx(share, abs=0.01)


def test_a_mask_is_a_rectangle_of_one_level():
    y = corrupted("mask", 0.25, torch.full((400, D), -1.0, dtype=torch.float64)).view(
        -1, *SHAPE
    )
    hidden = y != -1
    # 4 x 5 pixels of all channels in each picture, and each pixel as often.
    assert (hidden.sum((1, 2, 3)) == 4 * 5 * 3).all()
    assert torch.equal(hidden[..., 0], hidden[..., 2])
    assert (
        (hidden.any(2).any(-1).sum(1) == 4) & (hidden.any(1).any(-1).sum(1) == 5)
    ).all()
    assert (hidden.double().mean(0) - 0.25).abs().max() < 0.1
    for picture, inside in zip(y[:9], hidden[:9], strict=True):
        assert len(picture[inside].unique()) == 1
    levels = y[hidden].unique()
    assert levels.min() < 0.05
    assert levels.max() > 0.95
