"""Critics of codes."""

import pytest
import torch
from torch import nn

from sklearn_aae.critics import Critic
from sklearn_aae.nn import BatchNorm, Dropout, LayerNorm

B, C, K = 8, 3, 2  # rows, models in a stack, code size
LABELS = torch.tensor([0, 3, -1, 2, 1, -1, 0, 2])


@pytest.mark.parametrize("n_classes", [0, 4])
def test_critic_gives_each_row_its_own_logit(n_classes, make_critic, randn, close):
    critic, z = make_critic(n_classes=n_classes), randn(B, K)
    y = LABELS.to(z.device) if n_classes else None
    logits = critic(z, y)
    assert logits.shape == (B,)
    for i in range(B):
        alone = critic(z[i : i + 1], None if y is None else y[i : i + 1])
        close(logits[i : i + 1], alone)


def test_critic_has_no_normalisation():
    kinds = (
        BatchNorm,
        LayerNorm,
        Dropout,
        nn.LayerNorm,
        nn.modules.batchnorm._NormBase,
    )
    modules = list(Critic(K, (6, 7), n_classes=3).modules())
    assert len(modules) > 4
    assert not any(isinstance(module, kinds) for module in modules)


def test_critic_sees_the_label(make_critic, randn, close):
    critic, z = make_critic(n_classes=4), randn(B, K)
    y = LABELS.to(z.device)
    switch = torch.zeros(B, 5, dtype=z.dtype, device=z.device)
    switch[torch.arange(B), torch.where(LABELS == -1, 4, LABELS)] = 1
    expected = critic.head(critic.body(torch.cat([z, switch], -1))).squeeze(-1)
    close(critic(z, y), expected)
    assert (critic(z, y) - critic(z, y.flip(0))).abs().max() > 1e-3


@pytest.mark.parametrize("n_classes", [0, 4])
def test_critic_stack_equals_one_by_one(n_classes, make_critic, randn, close, stack):
    members = [make_critic(seed, n_classes) for seed in range(C)]
    z = randn(C, B, K)
    y = torch.stack([LABELS.roll(c) for c in range(C)]).to(z.device)
    y = y if n_classes else [None] * C
    logits = stack(members)(z, y if n_classes else None)
    assert logits.shape == (C, B)
    for c, member in enumerate(members):
        close(logits[c], member(z[c], y[c]))


def test_critic_gradient_reaches_every_parameter(make_critic, randn):
    critic, z = make_critic(n_classes=4), randn(B, K)
    (critic(z, LABELS.to(z.device)) * randn(B)).sum().backward()
    for key, parameter in critic.named_parameters():
        assert parameter.grad.abs().max() > 1e-6, key
