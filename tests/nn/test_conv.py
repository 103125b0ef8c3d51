"""Convolutions: as torch has them, of any size, and of a stack as of one by one."""

import pytest
import torch
from torch.nn import functional as F

from sklearn_aae.nn import (
    NORMALIZATIONS,
    Conv,
    ConvBlock,
    ConvDecoder,
    ConvEncoder,
    ConvTranspose,
    ImageLayers,
    calibrating,
    n_products,
    widest_layer,
)
from sklearn_aae.utils._random import seeded_scope

B, C, K = 4, 3, 2  # pictures, models in a stack, code size
SHAPES = [(8, 8, 1), (9, 12, 3), (11, 8, 2), (17, 16, 1)]
CHANNELS = (3, 4)


def make(kind, shape, seed=0, **options):
    images = ImageLayers(shape, CHANNELS)
    with seeded_scope(seed):
        body = ConvDecoder(K, images, **options) if kind == "decoder" else None
        return (body or ConvEncoder(images, **options)).double()


def randn(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def enter(kind, shape, *n):
    return randn(*n, K if kind == "decoder" else shape[0] * shape[1] * shape[2])


@pytest.mark.parametrize("shape", SHAPES)
def test_encoder_is_torchs_convolutions(shape):
    body, x = make("encoder", shape, activation="relu"), enter("encoder", shape, B)
    h = x.view(B, *shape).permute(0, 3, 1, 2)
    for block in body.blocks:
        h = F.conv2d(h, block.conv.weight, block.conv.bias, 2, 1).relu()
    expected = h.permute(0, 2, 3, 1).reshape(B, -1)
    torch.testing.assert_close(body(x), expected)
    assert expected.shape == (B, CHANNELS[-1] * (shape[0] // 4) * (shape[1] // 4))
    assert body.n_out == expected.shape[1]


@pytest.mark.parametrize("shape", SHAPES)
def test_decoder_makes_pictures_of_the_shape(shape):
    body = make("decoder", shape, activation="tanh")
    x = body(randn(B, K))
    assert x.shape == (B, shape[0] * shape[1] * shape[2])
    # Each cell is moved by the code: no row or column of an odd size is left out.
    assert (body(randn(B, K, seed=1)) - x).abs().amin(0).max() > 0
    assert ((body(randn(B, K, seed=1)) - x).abs().amax(0) > 0).all()


def test_a_transposed_layer_is_the_transpose():
    for size in [(8, 8), (9, 10), (7, 11)]:
        down, up = Conv(2, 3, size).double(), ConvTranspose(3, 2, size).double()
        x, y = randn(1, 2, *size), randn(1, 3, size[0] // 2, size[1] // 2)
        with torch.no_grad():
            up.weight.copy_(down.weight)
            down.bias.zero_()
            up.bias.zero_()
        torch.testing.assert_close((down(x) * y).sum(), (x * up(y)).sum())


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("normalization", [None, *NORMALIZATIONS])
@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_a_stack_equals_one_by_one(kind, normalization, weighted, stack):
    shape, options = (9, 8, 2), {"normalization": normalization, "activation": "gelu"}
    members = [make(kind, shape, c, **options) for c in range(C)]
    together, x = stack(members), enter(kind, shape, C, B).requires_grad_()
    w = torch.arange(1.0, B + 1, dtype=torch.float64).expand(C, B) if weighted else None
    w = w if w is None else w / w.sum(-1, keepdim=True)
    out = together(x, w)
    out.square().sum().backward()
    for c, member in enumerate(members):
        mine = x[c].detach().requires_grad_()
        alone = member(mine, None if w is None else w[c])
        alone.square().sum().backward()
        torch.testing.assert_close(out[c], alone)
        torch.testing.assert_close(x.grad[c], mine.grad)
        other = dict(together.named_parameters())
        for name, parameter in member.named_parameters():
            torch.testing.assert_close(other[name].grad[c], parameter.grad)
        other = dict(together.named_buffers())
        for name, buffer in member.named_buffers():
            torch.testing.assert_close(other[name][c], buffer)


def test_statistics_of_a_stack_are_averaged_over_batches(stack):
    shape, options = (8, 8, 1), {"normalization": "batch"}
    members = [make("encoder", shape, c, **options) for c in range(C)]
    together, batches = stack(members), [randn(C, B, 64, seed=s) for s in range(3)]
    with calibrating(together), torch.no_grad():
        for x in batches:
            together(x)
    for c, member in enumerate(members):
        with calibrating(member), torch.no_grad():
            for x in batches:
                member(x[c])
        other = dict(together.named_buffers())
        for name, buffer in member.named_buffers():
            torch.testing.assert_close(other[name][c], buffer)


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_row_weights_are_repetition(kind, repetition):
    body, shape = make(kind, (8, 9, 1), normalization="batch"), (8, 9, 1)
    x = enter(kind, shape, 8)
    weighted, plain = body(x, repetition.weights(x)), body(repetition.copies(x))
    torch.testing.assert_close(repetition.copies(weighted), plain)


@pytest.mark.parametrize("transposed", [False, True])
def test_folded_normalisation_answers_the_same(transposed):
    size = (9, 8)
    conv = ConvTranspose(2, 3, size) if transposed else Conv(2, 3, size)
    block = ConvBlock(conv, normalization="batch", activation="relu").double()
    shape = (B, 2, 4, 4) if transposed else (B, 2, *size)
    for seed in range(5):
        block(2 + 3 * randn(*shape, seed=seed))
    block.eval()
    expected = block(randn(*shape))
    block.fold()
    assert block.norm is None
    torch.testing.assert_close(block(randn(*shape)), expected)


def test_extra_columns_are_channels():
    images = ImageLayers((8, 8, 1), CHANNELS)
    with seeded_scope(0):
        body = ConvEncoder(images, n_extra=2).double()
    x = randn(B, 66)
    wide = torch.cat([x[:, :64, None], x[:, None, 64:].expand(B, 64, 2)], -1)
    plain = make("encoder", (8, 8, 3))
    plain.load_state_dict(body.state_dict())
    torch.testing.assert_close(body(x), plain(wide.flatten(1)))


def test_costs_are_counted():
    body = make("encoder", (8, 8, 1))
    first, second = (block.conv for block in body.blocks)
    assert first.n_products == 16 * first.weight.numel()
    assert second.n_products == 4 * second.weight.numel()
    biases = first.bias.numel() + second.bias.numel()
    assert n_products(body) == first.n_products + second.n_products + biases
    assert widest_layer(body) == 64
    up = ConvTranspose(4, 3, (8, 8))
    assert up.n_products == 16 * up.weight.numel()
