"""Gradient penalties of a critic: functions of a critic and its inputs.

Letters: C models in a stack, B batch, k code size. ``critic(z)`` or, with labels,
``critic(z, y)`` returns logits; ``real`` and ``fake`` are points. Each penalty returns
one value for each model, of shape () or (C,).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from sklearn_aae.objectives._adversarial import row_mean

Critic = Callable[..., Tensor]


def input_gradient(critic: Critic, z: Tensor, y: Tensor | None = None) -> Tensor:
    """∂D(z, y)/∂z, of the shape of z, itself differentiable in the critic."""
    z = z.detach().requires_grad_()
    logits = critic(z) if y is None else critic(z, y)
    (gradient,) = torch.autograd.grad(logits.sum(), z, create_graph=True)
    return gradient


def r1(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    weight: Tensor | None = None,
    real_y: Tensor | None = None,
    fake_y: Tensor | None = None,
) -> Tensor:
    """½ E‖∇D(z)‖² at samples of the prior (Mescheder et al. 2018)."""
    return 0.5 * row_mean(input_gradient(critic, real, real_y).square().sum(-1))


def r2(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    weight: Tensor | None = None,
    real_y: Tensor | None = None,
    fake_y: Tensor | None = None,
) -> Tensor:
    """½ E‖∇D(ẑ)‖² at the codes (Mescheder et al. 2018)."""
    return 0.5 * row_mean(input_gradient(critic, fake, fake_y).square().sum(-1), weight)


def r1_r2(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    weight: Tensor | None = None,
    real_y: Tensor | None = None,
    fake_y: Tensor | None = None,
) -> Tensor:
    """R1 + R2 (Huang et al. 2024)."""
    return r1(critic, real, fake, real_y=real_y) + r2(
        critic, real, fake, weight, fake_y=fake_y
    )


def wgan_gp(
    critic: Critic,
    real: Tensor,
    fake: Tensor,
    weight: Tensor | None = None,
    real_y: Tensor | None = None,
    fake_y: Tensor | None = None,
) -> Tensor:
    """E(‖∇D(u)‖ - 1)² halfway between prior samples and codes (Gulrajani et al. 2017).

    The paper draws the place u on each line at random; here the places t run evenly
    over (0, 1) along the batch, which draws nothing. With fewer codes than samples the
    codes repeat; row weights do not enter, and the place has the sample's label.
    """
    rows = torch.arange(real.shape[-2], device=real.device)
    fake = fake[..., rows % fake.shape[-2], :]
    t = ((rows + 0.5) / len(rows)).unsqueeze(-1).to(real.dtype)
    norm = (
        input_gradient(critic, t * real + (1 - t) * fake, real_y).square().sum(-1)
        + 1e-12
    ).sqrt()
    return row_mean((norm - 1).square())


PENALTIES = {"r1": r1, "r2": r2, "r1_r2": r1_r2, "wgan_gp": wgan_gp}
