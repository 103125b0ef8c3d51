"""One optimiser over a stack is Adam over each member, whatever the memory layout."""

import pytest
import torch
from torch import nn

from sklearn_aae.training._optim import (
    BETAS,
    StackedAdam,
    make_optimizer,
    moved_by,
    pile,
    spans_of,
)
from sklearn_aae.training._step import descend, laid_out

C = 5
SHAPES = [(4, 3), (4,), (1, 3), (4, 1), (1, 1), (3, 3)]


@pytest.fixture
def values(randn):
    """Return the first values of each member: values[c][j]."""
    return [[randn(*shape) for shape in SHAPES] for _ in range(C)]


def whole_of(values):
    """Return stacked parameters."""
    return [nn.Parameter(pile(list(rows))) for rows in zip(*values, strict=True)]


def plain_adam(values):
    """Return torch's Adam by its plain loop, over the parameters of one member."""
    parameters = [nn.Parameter(value.clone()) for value in values]
    return torch.optim.Adam(parameters, betas=BETAS, foreach=False, fused=False)


# Strides that a gradient of shape (..., h, d) may have.
def contiguous(g):
    return g.contiguous()


def transposed(g):
    return g.mT.contiguous().mT if g.dim() > 1 else g.contiguous()


def strided(g):
    """Every other number in memory."""
    return torch.stack([g, g], -1)[..., 0]


def stack_last(g):
    """The members innermost."""
    return g.movedim(0, -1).contiguous().movedim(-1, 0)


def spread(g):
    """One number for all cells, without a copy."""
    return g.flatten()[:1].reshape([1] * g.dim()).expand(g.shape)


LAYOUTS = [contiguous, transposed, strided, stack_last, spread]
RATES = [1e-2, 1e-2, 3e-2, 1e-3, 1e-3]  # of the members


def rates_at(t):
    """Rates that change from step to step."""
    return [rate / (1 + t) for rate in RATES]


def set_rates(stacked, rates):
    for span, group in zip(stacked.spans, stacked.param_groups, strict=True):
        group["lr"] = rates[span.start]


def step_both(stacked, alone, t, randn, layout=contiguous):
    """Take the step t with random gradients, stacked and one by one."""
    set_rates(stacked, rates_at(t))
    for j, parameter in enumerate(stacked.whole):
        gradient = layout(randn(*parameter.shape))
        parameter.grad = laid_out(gradient, parameter)
        for c, optimizer in enumerate(alone):
            optimizer.param_groups[0]["params"][j].grad = gradient[c].clone()
    stacked.step()
    stacked.zero_grad()
    for optimizer, rate in zip(alone, rates_at(t), strict=True):
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()


def assert_equal_members(stacked, alone, close):
    for c, optimizer in enumerate(alone):
        state = stacked.member_state(c)
        for j, parameter in enumerate(optimizer.param_groups[0]["params"]):
            close(stacked.whole[j].detach()[c], parameter.detach())
            expected = optimizer.state[parameter]
            assert set(state[j]) == set(expected)
            for name, value in expected.items():
                assert state[j][name].shape == value.shape
                close(state[j][name], value)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "spans",
    [spans_of(RATES), [slice(c, c + 1) for c in range(C)]],
    ids=["groups", "each"],
)
def test_stacked_adam_is_adam_of_each_member(spans, layout, values, randn, close):
    stacked = StackedAdam(whole_of(values), spans)
    alone = [plain_adam(rows) for rows in values]
    for t in range(6):
        step_both(stacked, alone, t, randn, layout)
    assert_equal_members(stacked, alone, close)


def test_equal_rates_share_one_group(values):
    assert spans_of([1, 1, 2, 2, 2, 1]) == [slice(0, 2), slice(2, 5), slice(5, 6)]
    assert spans_of([(1, "a")]) == [slice(0, 1)]
    stacked = StackedAdam(whole_of(values), spans_of(RATES))
    assert len(stacked.param_groups) == 3
    assert moved_by(stacked) == stacked.whole


def test_gradients_are_dropped(values, randn):
    stacked = StackedAdam(whole_of(values), spans_of(RATES))
    step_both(stacked, [plain_adam(rows) for rows in values], 0, randn)
    parts = [p for group in stacked.param_groups for p in group["params"]]
    assert all(p.grad is None for p in (*stacked.whole, *parts))


def test_a_parameter_without_a_gradient_stays(values, randn, close):
    stacked = StackedAdam(whole_of(values), spans_of(RATES))
    before = [p.detach().clone() for p in stacked.whole]
    stacked.whole[0].grad = torch.ones_like(stacked.whole[0])
    stacked.step()
    assert not torch.equal(stacked.whole[0], before[0])
    for parameter, value in zip(stacked.whole[1:], before[1:], strict=True):
        assert torch.equal(parameter, value)


# --- state ----------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [[0, 1, 2, 3, 4], [1, 2, 4], [3]], ids=str)
def test_members_carry_their_state_into_another_stack(kept, values, randn, close):
    first = StackedAdam(whole_of(values), spans_of(RATES))
    alone = [plain_adam(rows) for rows in values]
    for t in range(3):
        step_both(first, alone, t, randn)
    weights = [[p.detach()[c].clone() for p in first.whole] for c in kept]
    rates = [RATES[c] for c in kept]
    second = StackedAdam(whole_of(weights), spans_of(rates))
    second.load_members([first.member_state(c) for c in kept])
    alone = [alone[c] for c in kept]
    assert_equal_members(second, alone, close)
    for _ in range(3):
        gradients = [randn(*p.shape) for p in second.whole]
        for j, (parameter, g) in enumerate(zip(second.whole, gradients, strict=True)):
            parameter.grad = laid_out(g, parameter)
            for c, optimizer in enumerate(alone):
                optimizer.param_groups[0]["params"][j].grad = g[c].clone()
        set_rates(second, rates)
        second.step()
        for optimizer, rate in zip(alone, rates, strict=True):
            optimizer.param_groups[0]["lr"] = rate
            optimizer.step()
    assert_equal_members(second, alone, close)


def test_states_are_copies(values, randn):
    stacked = StackedAdam(whole_of(values), spans_of(RATES))
    alone = [plain_adam(rows) for rows in values]
    step_both(stacked, alone, 0, randn)
    states = [stacked.member_state(c) for c in range(C)]
    kept = [[{k: v.clone() for k, v in s.items()} for s in m] for m in states]
    step_both(stacked, alone, 1, randn)
    other = StackedAdam(whole_of(values), spans_of(RATES))
    other.load_members(states)
    step_both(other, [plain_adam(rows) for rows in values], 2, randn)
    for member, expected in zip(states, kept, strict=True):
        for state, wanted in zip(member, expected, strict=True):
            for name, value in wanted.items():
                assert torch.equal(state[name], value), name


def test_a_member_state_suits_the_optimiser_of_one_model(values, randn, close):
    stacked = StackedAdam(whole_of(values), spans_of(RATES))
    alone = [plain_adam(rows) for rows in values]
    step_both(stacked, alone, 0, randn)
    for c in range(C):
        own = make_optimizer([p.detach()[c].clone() for p in stacked.whole], RATES[c])
        parameters = own.param_groups[0]["params"]
        own.state.update(zip(parameters, stacked.member_state(c), strict=True))
        alone[c].param_groups[0]["lr"] = RATES[c]
        theirs = alone[c].param_groups[0]["params"]
        for mine, other in zip(parameters, theirs, strict=True):
            other.grad = randn(*mine.shape)
            mine.grad = other.grad.clone()
        own.step()
        alone[c].step()
        for mine, other in zip(parameters, theirs, strict=True):
            close(mine.detach(), other.detach())


# --- memory layout --------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_pile_stacks(shape, randn):
    rows = [randn(*shape) for _ in range(C)]
    piled = pile(rows)
    assert torch.equal(piled, torch.stack(rows))
    if len(shape) == 2:
        assert piled.mT.is_contiguous()
    rows[0].zero_()
    assert piled[0].count_nonzero() == piled[0].numel()  # a copy


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_laid_out_gradients_are_equal_and_lie_like_their_parameter(
    shape, layout, randn
):
    alone = nn.Parameter(randn(*shape))
    stacked = nn.Parameter(pile([randn(*shape) for _ in range(C)]))
    for parameter in (alone, stacked):
        gradient = layout(randn(*parameter.shape))
        out = laid_out(gradient, parameter)
        assert torch.equal(out, gradient)
        assert out.stride() == parameter.stride()


def test_a_gradient_that_lies_right_is_not_copied(randn):
    parameter = nn.Parameter(pile([randn(4, 3) for _ in range(C)]))
    gradient = torch.empty_like(parameter).normal_()
    assert laid_out(gradient, parameter) is gradient


class Hand(torch.autograd.Function):
    """A loss whose gradient is handed over, in a layout of its own."""

    @staticmethod
    def forward(ctx, parameter, gradient):
        ctx.gradient = gradient
        return parameter.sum()

    @staticmethod
    def backward(ctx, _):
        return ctx.gradient, None


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(4, 3), (1, 3), (3, 3)], ids=str)
def test_a_step_reads_gradients_of_any_layout(shape, layout, randn, close):
    """The truth is torch's plain loop; its fused kernel reads memory as it lies."""
    first = [randn(*shape) for _ in range(C)]
    one = nn.Parameter(first[0].clone())
    whole = nn.Parameter(pile(first))
    stacked = StackedAdam([whole], [slice(0, C)])
    truths = [plain_adam([value]) for value in (first[0], torch.stack(first))]
    own = make_optimizer([one], 1e-2)
    for optimizer in (stacked, *truths):
        optimizer.param_groups[0]["lr"] = 1e-2
    for _ in range(3):
        pairs = zip((one, whole), (own, stacked), truths, strict=True)
        for parameter, optimizer, truth in pairs:
            gradient = layout(randn(*parameter.shape))
            descend(Hand.apply(parameter, gradient), optimizer, None)
            assert parameter.grad is None
            (plain,) = truth.param_groups[0]["params"]
            plain.grad = gradient.contiguous().clone()
            truth.step()
            close(parameter.detach(), plain.detach())
