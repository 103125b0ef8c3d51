"""Decoders and critics of pictures, by the rules of those of tables.

Their encoders are among those of ``test_encoders.py``.
"""

import math

import pytest
import torch
from scipy import stats
from torch.distributions import Distribution, Normal

from sklearn_aae.critics import Critic
from sklearn_aae.decoders import PIXEL_DECODERS, PixelDecoder
from sklearn_aae.distributions import PixelGaussian, PixelLogistic
from sklearn_aae.encoders import Generator
from sklearn_aae.nn import NORMALIZATIONS, ImageLayers
from sklearn_aae.utils._random import seeded_scope

IMAGES = ImageLayers((8, 9, 1), (3, 4))
B, C, D, K = 8, 3, IMAGES.n_cells, 2  # pictures, models in a stack, pixels, code size


@pytest.fixture
def make_decoder(device, dtype):
    def make(name, seed=0, **options):
        with seeded_scope(seed):
            decoder = PIXEL_DECODERS[name](K, D, images=IMAGES, **options)
        return decoder.to(device, dtype)

    return make


@pytest.fixture
def make_critic(device, dtype):
    def make(seed=0):
        with seeded_scope(seed):
            return Critic(D, (), images=IMAGES).to(device, dtype)

    return make


@pytest.mark.parametrize("name", PIXEL_DECODERS)
def test_decoder_stack_equals_one_by_one(name, make_decoder, randn, close, stack):
    options = {"linear_skip": True}
    members = [make_decoder(name, seed, **options) for seed in range(C)]
    z, x = randn(C, B, K), randn(C, B, D).sigmoid()
    p = stack(members)(z)
    for c, member in enumerate(members):
        alone = member(z[c])
        close(p.mean[c], alone.mean)
        close(p.log_prob(x)[c], alone.log_prob(x[c]))
        close(p.cells(x)[c], alone.cells(x[c]))


@pytest.mark.parametrize("name", PIXEL_DECODERS)
def test_decoder_says_the_same_of_cells_and_pictures(name, make_decoder, randn, close):
    decoder, z, x = make_decoder(name), randn(B, K), randn(B, D).sigmoid()
    p = decoder(z)
    assert isinstance(p, Distribution)
    assert (p.batch_shape, p.event_shape) == ((B,), (D,))
    close(p.cells(x).sum(-1), p.log_prob(x))
    (-p.log_prob(x).mean()).backward()
    assert all(q.grad.abs().max() > 0 for q in decoder.parameters())
    assert p.sample().shape == (B, D)
    some = decoder.only_columns([5, 2])
    close(some(z).mean, p.mean[:, [5, 2]])
    close(some(z).cells(x[:, [5, 2]]), p.cells(x)[:, [5, 2]])


def test_one_gaussian_scale_is_torchs(randn, close):
    mean, x = randn(B, D), randn(B, D)
    p = PixelGaussian(mean, torch.tensor(-1.5, dtype=mean.dtype, device=mean.device))
    close(p.cells(x), Normal(mean, math.exp(-1.5)).log_prob(x))
    assert p.sample((2000,)).std(0).mean() == pytest.approx(math.exp(-1.5), rel=0.02)


def test_pixel_logistic_is_the_rounded_distribution():
    mean, scale = torch.tensor([[0.3]], dtype=torch.float64), 0.05
    p = PixelLogistic(mean, torch.tensor(math.log(scale), dtype=torch.float64))
    levels = torch.arange(256, dtype=torch.float64)[:, None] / 255
    found = p.cells(levels)[:, 0].exp()
    edges = stats.logistic(0.3, scale).cdf((levels[:, 0].numpy() * 255 + 0.5) / 255)
    expected = torch.from_numpy(edges).diff(prepend=torch.zeros(1).double())
    expected[-1] += 1 - edges[-1]
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    assert float(found.sum()) == pytest.approx(1)
    draws = p.sample((4000,))
    torch.testing.assert_close(draws, (draws * 255).round() / 255)
    assert float(draws.median()) == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("name", ["gaussian", "logistic"])
def test_the_scale_of_pixels_is_learned_to_the_error(name, make_decoder, randn):
    decoder = make_decoder(name, scale=1.0)
    assert isinstance(decoder, PixelDecoder)
    z = randn(64, K)
    # What is missed of pixels has a spread of 0.05.
    x = (0.4 + 0.05 * randn(64, D)).clamp(0, 1)
    optimizer = torch.optim.Adam(decoder.parameters(), lr=5e-3)
    for _ in range(200):
        optimizer.zero_grad()
        (-decoder(z).log_prob(x).mean()).backward()
        optimizer.step()
    found = float(decoder.log_scale().detach().exp())
    spread = 0.05 if name == "gaussian" else 0.05 * math.sqrt(3) / math.pi
    assert found == pytest.approx(spread, rel=0.2)


def test_critic_of_pictures(make_critic, randn, close, stack):
    members = [make_critic(seed) for seed in range(C)]
    x = randn(C, B, D)
    logits = stack(members)(x)
    assert logits.shape == (C, B)
    for c, member in enumerate(members):
        close(logits[c], member(x[c]))
    members[0](x[0]).square().sum().backward()
    assert all(p.grad.abs().max() > 0 for p in members[0].parameters())


@pytest.mark.parametrize("normalization", [None, *NORMALIZATIONS])
def test_generator_of_pictures(normalization, randn, close, stack, device, dtype):
    members = []
    for seed in range(C):
        with seeded_scope(seed):
            options = {"images": IMAGES, "normalization": normalization}
            members.append(Generator(K, D, **options).to(device, dtype))
    z = randn(C, B, K)
    x = stack(members)(z).mean
    assert x.shape == (C, B, D)
    assert ((x > 0) & (x < 1)).all()
    for c, member in enumerate(members):
        close(x[c], member(z[c]).mean)
