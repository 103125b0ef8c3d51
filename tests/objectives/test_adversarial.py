"""Every objective by the same tests; a new one is covered by its row in `OBJECTIVES`.

Add its losses where neither side gains any more to `DRAWN_GAME`.
"""

import itertools
import math

import pytest
import torch

from sklearn_aae.objectives import OBJECTIVES

B, C = 8, 3  # rows, models in a stack

# Logit, critic's and generator's loss where both sides have reached a draw.
DRAWN_GAME = {
    "bce": (0.0, 2 * math.log(2), math.log(2)),
    "least_squares": (0.5, 0.25, 0.125),
    "hinge": (0.0, 2.0, 0.0),
    "wasserstein": (0.0, 0.0, 0.0),
    "relativistic": (0.0, math.log(2), math.log(2)),
}


def logits(randn, *shape):
    """Logits inside (0, 1), where every objective slopes the way of the game."""
    return randn(*shape).sigmoid()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objective_signs(name, randn):
    objective = OBJECTIVES[name]()
    real, fake = (logits(randn, n).requires_grad_() for n in (B, B + 3))
    objective.critic(real, fake).backward()
    assert (real.grad < 0).all()  # the critic gains by higher real logits
    assert (fake.grad > 0).all()
    real.grad = fake.grad = None
    objective.generator(real, fake).backward()
    assert (fake.grad < 0).all()
    assert (real.grad is None) is not objective.pairs


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objective_at_equal_logits(name, device, dtype):
    logit, critic_loss, generator_loss = DRAWN_GAME[name]
    objective = OBJECTIVES[name]()
    at = torch.full((4,), logit, device=device, dtype=dtype)
    assert float(objective.critic(at, at)) == pytest.approx(critic_loss)
    assert float(objective.generator(at, at)) == pytest.approx(generator_loss)
    # Facing equal codes and samples, the critic can do no better than this.
    for shift in (-3.0, -0.5, -0.01, 0.01, 0.5, 3.0):
        moved = at + shift
        assert float(objective.critic(moved, moved)) >= critic_loss - 1e-6


@pytest.mark.parametrize("player", ["critic", "generator"])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_objective_stack_equals_one_by_one(name, player, randn, close):
    loss = getattr(OBJECTIVES[name](), player)
    real, fake = 3 * randn(C, B), 3 * randn(C, B + 2)
    weight = randn(C, B + 2).softmax(-1)
    for w in (None, weight):
        together = loss(real, fake, w)
        assert together.shape == (C,)
        for c in range(C):
            alone = loss(real[c], fake[c], None if w is None else w[c])
            assert alone.shape == ()
            close(together[c], alone)


@pytest.mark.parametrize("player", ["critic", "generator"])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_objective_weights_are_repetition(name, player, randn, close, repetition):
    loss = getattr(OBJECTIVES[name](), player)
    real, fake = 3 * randn(5), 3 * randn(B)
    close(
        loss(real, fake, repetition.weights(fake)), loss(real, repetition.copies(fake))
    )


@pytest.mark.parametrize("player", ["critic", "generator"])
@pytest.mark.parametrize("size", [50.0, 500.0])
@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_objective_is_finite_for_large_logits(name, size, player, precision):
    signs = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=precision)
    real = (size * signs).requires_grad_()
    fake = (size * signs.flip(0).roll(1)).requires_grad_()
    loss = getattr(OBJECTIVES[name](), player)(real, fake)
    assert loss.isfinite()
    gradients = torch.autograd.grad(loss, (real, fake), allow_unused=True)
    assert all(g.isfinite().all() for g in gradients if g is not None)


@pytest.mark.parametrize("weighted", [False, True])
def test_relativistic_is_over_all_pairs(weighted, randn, repetition):
    real, fake = 2 * randn(4), 2 * randn(B)
    w = repetition.weights(fake) if weighted else torch.full_like(fake, 1 / B)
    critic = generator = 0.0
    for r, (f, share) in itertools.product(real, zip(fake, w, strict=True)):
        critic += float(share) / 4 * math.log1p(math.exp(f - r))
        generator += float(share) / 4 * math.log1p(math.exp(r - f))
    objective, weight = OBJECTIVES["relativistic"](), w if weighted else None
    assert float(objective.critic(real, fake, weight)) == pytest.approx(critic)
    assert float(objective.generator(real, fake, weight)) == pytest.approx(generator)
