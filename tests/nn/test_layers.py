"""Layers: against torch, weights = repetition, stacked = one by one."""

import copy

import pytest
import torch
from torch import nn

from sklearn_aae.nn import (
    ACTIVATIONS,
    MLP,
    NORMALIZATIONS,
    BatchNorm,
    Block,
    Dropout,
    LayerNorm,
    Linear,
    calibrating,
    frozen_copy,
)
from sklearn_aae.utils._random import Streams, seeded_scope, standard_uniform


@pytest.fixture
def place(device, dtype):
    """Return a function that gives a module random parameters on the device."""

    def to(module, seed=0):
        with seeded_scope(seed):
            for parameter in module.parameters():
                nn.init.normal_(parameter)
        return module.to(device, dtype)

    return to


@pytest.fixture
def counts():
    return torch.tensor([1, 3, 0, 2, 1, 5])


def shares(counts, x):
    return counts.to(x) / counts.sum()


# --- Linear ---------------------------------------------------------------------------


def test_linear_alone_is_torchs(place, randn, close):
    layer, x = place(Linear(4, 3)), randn(6, 4)
    close(layer(x), x @ layer.weight.T + layer.bias)


def test_linear_starts_within_the_inverse_root_of_its_width():
    layer = Linear(25, 400)
    for parameter in layer.parameters():
        assert 0.19 < parameter.abs().max() <= 0.2


# --- every layer: stacked = one by one ------------------------------------------------

STACKED = {
    "linear": lambda: Linear(4, 3),
    "batch": lambda: BatchNorm(4),
    "layer": lambda: LayerNorm(4),
    "dropout": lambda: Dropout(0.4, standard_uniform),
    "block": lambda: Block(4, 3, normalization="batch", activation="elu", dropout=0.2),
    "mlp": lambda: MLP(4, (5, 3), normalization="layer", dropout=0.2),
    "empty mlp": lambda: MLP(4, ()),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", STACKED)
def test_a_stack_equals_its_members(name, training, place, randn, close, stack, device):
    members = [place(STACKED[name](), seed).train(training) for seed in range(3)]
    for module in (m for member in members for m in member.modules()):
        if isinstance(module, Dropout):
            module.uniform = standard_uniform
    together = stack(members)
    x, seeds = randn(3, 6, 4), [5, 6, 7]

    with Streams(seeds, device).active():
        out = together(x)
    for c, member in enumerate(members):
        with Streams(seeds[c], device).active():
            close(out[c], member(x[c]))
    for name, buffer in together.named_buffers():
        close(buffer, torch.stack([member.get_buffer(name) for member in members]))


# --- normalisation --------------------------------------------------------------------


def test_batch_norm_is_torchs(place, randn, close):
    ours, x = place(BatchNorm(4)), 3 * randn(6, 4) + 1
    theirs = nn.BatchNorm1d(4).to(x)
    theirs.load_state_dict(ours.state_dict(), strict=False)
    close(ours(x), theirs(x))
    close(ours.running_mean, theirs.running_mean)
    # Torch counts the variance in running_var by n - 1, which no row weight can.
    theirs.load_state_dict(ours.state_dict(), strict=False)
    close(ours.eval()(x), theirs.eval()(x))


def paths(place, x):
    """Three layers that saw x: plain, by equal weights, as a stack of one."""
    plain, weighted, stacked = (place(BatchNorm(x.shape[-1])) for _ in range(3))
    for values in (*stacked._parameters.values(), *stacked._buffers.values()):
        values.data = values.data[None]
    weight = torch.ones_like(x[:, 0]) / len(x)
    return (
        (plain, plain(x)),
        (weighted, weighted(x, weight)),
        (stacked, stacked(x[None])[0]),
    )


def test_batch_norm_paths_agree(place, randn, close):
    (_, plain), (_, weighted), (_, stacked) = paths(place, 3 * randn(6, 4) + 1)
    close(weighted, plain)
    close(stacked, plain)


@pytest.mark.parametrize("name", ["running_mean", "running_var"])
def test_batch_norm_paths_keep_the_same_statistics(name, place, randn, close):
    (plain, _), (weighted, _), (stacked, _) = paths(place, 3 * randn(6, 4) + 1)
    expected = getattr(plain, name)
    close(getattr(stacked, name)[0], expected)
    close(getattr(weighted, name), expected)


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_weights_are_repetition(name, place, randn, close, counts):
    x = randn(6, 4)
    one, two = place(NORMALIZATIONS[name](4)), place(NORMALIZATIONS[name](4))
    weighted = one(x, shares(counts, x)).repeat_interleave(counts.to(x.device), 0)
    close(weighted, two(x.repeat_interleave(counts.to(x.device), 0)))
    for buffer, value in two.named_buffers():
        close(one.get_buffer(buffer), value)


def test_weights_of_a_stack_are_each_members(place, randn, close, counts, stack):
    members = [place(BatchNorm(4), seed) for seed in range(2)]
    x = randn(2, 6, 4)
    weight = torch.stack([shares(counts, x), shares(counts.flip(0), x)])
    out = stack(members)(x, weight)
    for c, member in enumerate(members):
        close(out[c], member(x[c], weight[c]))


def test_batch_norm_running_statistics_move_by_their_momentum(place, randn, close):
    layer, x = place(BatchNorm(4, momentum=0.25)), randn(6, 4)
    weight = torch.ones_like(x[:, 0]) / 6
    layer(x, weight)
    close(layer.running_mean, 0.25 * x.mean(0))
    close(layer.running_var, 0.75 + 0.25 * x.var(0, correction=0))


def test_layer_norm_is_torchs(place, randn, close):
    ours, x = place(LayerNorm(4)), randn(6, 4)
    theirs = nn.LayerNorm(4).to(x)
    theirs.load_state_dict(ours.state_dict())
    close(ours(x), theirs(x))


# --- calibration ----------------------------------------------------------------------


def test_calibrating_on_all_rows_gives_their_statistics(place, randn, close):
    layer, x = place(BatchNorm(4)), 2 * randn(40, 4) + 3
    layer(randn(8, 4))  # running statistics of something else
    with calibrating(layer):
        layer(x)
    close(layer.running_mean, x.mean(0))
    close(layer.running_var, x.var(0, correction=0))
    normalized = (layer.eval()(x) - layer.bias) / layer.weight
    close(normalized.mean(0), torch.zeros_like(layer.bias))


def test_calibrating_averages_over_batches(place, randn, close):
    model = place(MLP(4, (3,), normalization="batch"))
    norm, x = model.blocks[0].norm, 2 * randn(4, 10, 4) + 3
    with calibrating(model):
        for batch in x:
            model(batch)
    h = model.blocks[0].linear(x)
    close(norm.running_mean, h.mean((0, 1)))
    close(norm.running_var, h.var(1, correction=0).mean(0))


def test_calibrating_uses_row_weights(place, randn, close, counts):
    layer, x = place(BatchNorm(4)), randn(6, 4)
    with calibrating(layer):
        layer(x, shares(counts, x))
    repeated = x.repeat_interleave(counts.to(x.device), 0)
    close(layer.running_mean, repeated.mean(0))
    close(layer.running_var, repeated.var(0, correction=0))


@pytest.mark.parametrize("fails", [True, False])
def test_calibrating_ends(fails, place, randn, close):
    layer, x = place(BatchNorm(4)), randn(6, 4)
    if fails:
        with pytest.raises(KeyboardInterrupt), calibrating(layer):
            raise KeyboardInterrupt
    else:
        with calibrating(layer):
            layer(x)
    before = layer.running_mean.clone()
    layer(x + 10)
    close(layer.running_mean, 0.9 * before + 0.1 * (x + 10).mean(0))


# --- dropout --------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.0, 0.25, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(p, device):
    layer, x = Dropout(p), torch.ones(200, 200, device=device)
    out = layer(x)
    kept = out[out != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - p)))
    assert float((out == 0).float().mean()) == pytest.approx(p, abs=0.01)
    assert float(out.mean()) == pytest.approx(1, abs=0.08)
    assert torch.equal(layer.eval()(x), x)


def test_dropout_draws_from_its_callers_source(device):
    layer, x = Dropout(0.5, standard_uniform), torch.ones(30, device=device)
    with Streams(3, device).active():
        first = layer(x)
    with Streams(3, device).active():
        assert torch.equal(layer(x), first)
    with Streams(4, device).active():
        assert not torch.equal(layer(x), first)


# --- MLP ------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(), (3,), (7, 5)])
def test_mlp_width(sizes, place, randn):
    model = place(MLP(4, sizes))
    assert model.n_out == ((4, *sizes)[-1])
    assert model(randn(6, 4)).shape == (6, model.n_out)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_those_they_name(name, place, randn, close):
    functions = {
        "leaky_relu": lambda h: torch.where(h > 0, h, 0.2 * h),
        "identity": lambda h: h,
        "tanh": torch.tanh,
    }
    function = functions.get(name) or getattr(nn.functional, name)
    model, x = place(MLP(4, (5,), activation=name)), randn(6, 4)
    close(model(x), function(model.blocks[0].linear(x)))


def test_block_order_is_linear_normalisation_activation_dropout(place, randn, close):
    block = place(Block(4, 3, normalization="layer", activation="relu", dropout=0.5))
    x, keep = randn(6, 4), randn(6, 3).sigmoid()
    block.dropout.uniform = lambda like: keep
    h = nn.functional.layer_norm(block.linear(x), (3,))
    h = torch.relu(h * block.norm.weight + block.norm.bias)
    close(block(x), h * (keep >= 0.5) * 2)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_a_frozen_copy_is_a_copy(kind):
    module = MLP(3, (5, 4), normalization="batch", activation="gelu", dropout=0.1)
    module(torch.randn(8, 3))
    expected = copy.deepcopy(module).to(kind).state_dict()
    twin = frozen_copy(module, kind).eval()
    assert not any(p.requires_grad for p in twin.parameters())
    torch.testing.assert_close(dict(twin.state_dict()), dict(expected), rtol=0, atol=0)
    for block in twin.blocks:
        block.fold()
    with torch.no_grad():
        for tensor in (*twin.parameters(), *twin.buffers()):
            tensor.zero_()
    assert module.training
    assert all(block.norm is not None for block in module.blocks)
    now = copy.deepcopy(module).to(kind).state_dict()
    torch.testing.assert_close(dict(now), dict(expected), rtol=0, atol=0)
