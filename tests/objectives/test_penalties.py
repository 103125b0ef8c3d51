"""Every penalty by the same tests; a new one is covered by its row in `PENALTIES`.

Add its closed form to `PENALTY_FORMULAS`.
"""

import pytest
import torch

from sklearn_aae.objectives import PENALTIES, row_mean

B, C, K = 8, 3, 2  # rows, models in a stack, code size


def linear(a):
    return lambda z: z @ a


def quadratic(A):
    return lambda z: 0.5 * ((z @ A) * z).sum(-1)


def interpolate(real, fake):
    """Places of the Wasserstein penalty."""
    t = (torch.arange(len(real)).to(real) + 0.5) / len(real)
    index = torch.arange(len(real), device=real.device) % len(fake)
    return t[:, None] * real + (1 - t[:, None]) * fake[index]


# Squared gradient norms at prior samples, codes and places between -> penalty.
PENALTY_FORMULAS = {
    "r1": lambda real, fake, between: 0.5 * real,
    "r2": lambda real, fake, between: 0.5 * fake,
    "r1_r2": lambda real, fake, between: 0.5 * real + 0.5 * fake,
    "wgan_gp": lambda real, fake, between: between,
}


@pytest.mark.parametrize("n_fake", [B, 5, B + 3])
@pytest.mark.parametrize("name", PENALTIES)
def test_penalty_of_a_linear_critic(name, n_fake, randn, close):
    a = 2 * randn(K)
    square = a.square().sum()
    expected = PENALTY_FORMULAS[name](square, square, (square.sqrt() - 1).square())
    close(PENALTIES[name](linear(a), randn(B, K), randn(n_fake, K)), expected)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_fake", [B, 5, B + 3])
@pytest.mark.parametrize("name", PENALTIES)
def test_penalty_of_a_quadratic_critic(name, n_fake, weighted, randn, close):
    A = randn(K, K)
    A = A + A.T  # ∇D(z) = A z
    real, fake = randn(B, K), randn(n_fake, K)
    w = randn(n_fake).softmax(-1) if weighted else None
    expected = PENALTY_FORMULAS[name](
        (real @ A).square().sum(-1).mean(),
        row_mean((fake @ A).square().sum(-1), w),
        ((interpolate(real, fake) @ A).norm(dim=-1) - 1).square().mean(),
    )
    close(PENALTIES[name](quadratic(A), real, fake, w), expected)


@pytest.mark.parametrize("name", PENALTIES)
def test_penalty_slope_agrees_with_finite_differences(name, make_critic, randn):
    critic = make_critic(activation="tanh").double()
    names, values = zip(*critic.named_parameters(), strict=True)
    real, fake = randn(4, K).double(), randn(4, K).double()

    def penalty(*parameters):
        def call(z):
            arguments = dict(zip(names, parameters, strict=True))
            return torch.func.functional_call(critic, arguments, (z,))

        return PENALTIES[name](call, real, fake)

    values = [value.detach().requires_grad_() for value in values]
    values[-1].requires_grad_(False)  # the last bias has no part in the gradient
    assert torch.autograd.gradcheck(penalty, values)


@pytest.mark.parametrize("name", PENALTIES)
def test_penalty_stack_equals_one_by_one(name, make_critic, randn, close, stack):
    members = [make_critic(seed) for seed in range(C)]
    real, fake = randn(C, B, K), randn(C, B, K)
    weight = randn(C, B).softmax(-1)
    together = PENALTIES[name](stack(members), real, fake, weight)
    assert together.shape == (C,)
    for c, member in enumerate(members):
        alone = PENALTIES[name](member, real[c], fake[c], weight[c])
        assert alone.shape == ()
        close(together[c], alone)


@pytest.mark.parametrize("name", PENALTIES)
def test_penalty_is_finite_where_the_critic_is_flat(name, randn):
    a = torch.zeros_like(randn(K)).requires_grad_()
    penalty = PENALTIES[name](linear(a), randn(B, K), randn(B, K))
    (slope,) = torch.autograd.grad(penalty, a)
    assert slope.isfinite().all()


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("n_real", [B, B + 4])
def test_penalty_is_told_the_labels_of_each_point(
    penalty, n_real, make_critic, randn, close
):
    critic, real, fake = make_critic(n_classes=4), randn(n_real, K), randn(B, K)
    fake_y = torch.tensor([0, 3, -1, 2, 1, -1, 0, 2]).to(fake.device)
    real_y = (torch.arange(n_real) % 5 - 1).to(fake.device)

    def square(z, y):
        z = z.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(z, y).sum(), z)
        return gradient.square().sum(-1)

    # The places between take the label of their prior sample.
    between = square(interpolate(real, fake), real_y)
    expected = PENALTY_FORMULAS[penalty](
        square(real, real_y).mean(),
        square(fake, fake_y).mean(),
        ((between + 1e-12).sqrt() - 1).square().mean(),
    )
    close(PENALTIES[penalty](critic, real, fake, None, real_y, fake_y), expected)
