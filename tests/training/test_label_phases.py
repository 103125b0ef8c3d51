"""Phases of labels against formulas of their own."""

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score
from torch.nn import functional as F

from sklearn_aae.critics import LabelCritic
from sklearn_aae.decoders import GaussianDecoder
from sklearn_aae.encoders import ENCODERS
from sklearn_aae.estimators._graph import nearest
from sklearn_aae.estimators.clustering._merge import shared_information
from sklearn_aae.priors import Gaussian
from sklearn_aae.training import (
    BalanceClusters,
    Batch,
    Classify,
    Distill,
    LabelledBatches,
    NeighborAgreement,
    NeighborBatches,
    SeparateHeads,
    VirtualAdversarial,
)
from sklearn_aae.utils._random import Streams, seeded_scope

B, D, K, M = 8, 5, 2, 3


@pytest.fixture
def networks(dtype, device):
    with seeded_scope(0):
        encoder = ENCODERS["deterministic"](
            D, K, n_classes=M, hidden_layer_sizes=(6,), normalization="batch"
        )
        decoder = GaussianDecoder(K, D, n_classes=M, class_heads=True)
        critic = LabelCritic([0.5, 0.3, 0.2], hidden_layer_sizes=(4,))
    made = {"encoder": encoder, "decoder": decoder, "label_critic": critic}
    return {name: net.to(device, dtype) for name, net in made.items()}


@pytest.fixture
def batch(randn):
    y = torch.tensor([0, -1, 2, 1, -1, -1, 0, -1])
    return Batch(randn(B, D), randn(B, K), y=y)


def test_classification_is_the_cross_entropy_of_the_labelled(networks, batch, close):
    logits = batch.label_logits(networks)
    close(
        Classify().loss(networks, batch),
        F.cross_entropy(logits, batch.y, ignore_index=-1),
    )
    weights = (1.0, 2.0, 5.0)
    close(
        Classify(class_weight=weights).loss(networks, batch),
        F.cross_entropy(logits, batch.y, logits.new_tensor(weights), ignore_index=-1),
    )


def test_distillation_is_the_divergence_from_the_teacher(networks, batch, randn, close):
    p = torch.distributions.Categorical(logits=randn(B, M))
    q = torch.distributions.Categorical(logits=batch.label_logits(networks))
    batch.soft_y = p.probs
    truth = torch.distributions.kl_divergence(p, q) + p.entropy()
    close(Distill().loss(networks, batch), truth.mean())


def test_classification_without_labels_is_nothing(networks, batch):
    batch.y = torch.full((B,), -1)
    loss = Classify().loss(networks, batch)
    assert float(loss) == 0


def test_spread_is_the_negative_entropy_of_the_mean(networks, batch, close):
    mean = batch.label_probabilities(networks).mean(0)
    truth = -torch.distributions.Categorical(mean).entropy()
    torch.testing.assert_close(
        BalanceClusters().loss(networks, batch), truth, atol=1e-6, rtol=0
    )


@pytest.mark.parametrize("stray", [0.0, 0.2])
def test_agreement_is_the_pointwise_information_of_pairs(networks, batch, stray):
    q = batch.label_probabilities(networks)
    p = networks["label_critic"].class_prior
    same = [
        sum((float(a) * float(b)) ** 0.7 / float(c) for a, b, c in zip(*r, strict=True))
        for r in ((q[i], q[i + B // 2], p) for i in range(B // 2))
    ]
    truth = -np.mean([np.log((1 - stray) * ratio + stray) for ratio in same])
    agree = NeighborAgreement(power=0.7, neighbor_noise_rate=stray)
    assert float(agree.loss(networks, batch)) == pytest.approx(truth, 1e-5)


def test_agreement_of_weighted_pairs(networks, batch):
    """A pair counts by the weight of the row whose neighbour the other is."""
    code, half, agree = batch.code(networks), B // 2, NeighborAgreement()
    weight = torch.arange(1.0, B + 1)
    pairs = [
        Batch(batch.x[[i, i + half]], batch.prior, _code=code[[i, i + half]])
        for i in range(half)
    ]
    losses = [float(agree.loss(networks, pair)) for pair in pairs]
    batch.weight = weight / weight.sum()
    truth = np.average(losses, weights=weight[:half])
    assert float(agree.loss(networks, batch)) == pytest.approx(truth, 1e-5)


@pytest.mark.parametrize(("stray", "cost"), [(0.0, 8.7), (0.1, -np.log(0.1))])
def test_a_stray_neighbour_costs_little(networks, batch, stray, cost):
    logits = torch.tensor([[50.0, 0, 0], [0, 50.0, 0]]).repeat_interleave(B // 2, 0)
    logits.requires_grad_()
    batch._code = torch.cat([logits.softmax(-1), torch.zeros(B, K)], -1)
    loss = NeighborAgreement(neighbor_noise_rate=stray).loss(networks, batch)
    (slope,) = torch.autograd.grad(loss, logits)
    assert loss.item() == pytest.approx(cost, rel=0.05)
    assert bool(slope.isfinite().all())


def test_stacked_pairs_have_strays_of_their_own(networks, batch):
    shares = torch.tensor([0.0, 0.1, 0.5])
    single = [
        NeighborAgreement(neighbor_noise_rate=float(e)).loss(networks, batch)
        for e in shares
    ]
    code = batch.code(networks).detach()
    both = Batch(code, code, _code=code.expand(3, *code.shape))
    stacked = NeighborAgreement(neighbor_noise_rate=shares).loss(networks, both)
    torch.testing.assert_close(stacked, torch.stack(single), atol=1e-6, rtol=0)


def test_heads_are_pushed_apart_within_eta(networks, batch):
    heads = networks["decoder"].class_heads.weight.T.detach()  # (m, k)
    gaps = [(heads[i] - heads[j]).norm() for i, j in [(0, 1), (0, 2), (1, 2)]]
    truth = sum(max(0.0, 3.0 - float(gap)) for gap in gaps)
    loss = SeparateHeads(distance=3.0).loss(networks, batch)
    assert float(loss) == pytest.approx(truth, 1e-4)
    assert float(SeparateHeads(distance=1e-3).loss(networks, batch)) == 0


@pytest.mark.parametrize("name", ENCODERS)
def test_the_worst_direction_beats_random_ones(name, randn, dtype):
    with seeded_scope(0):
        encoder = ENCODERS[name](D, K, n_classes=M, hidden_layer_sizes=(6,)).to(dtype)
    networks, x = {"encoder": encoder.eval()}, randn(B, D)
    with Streams(0).active():
        batch = Batch(x, randn(B, K))
        worst = VirtualAdversarial(radius=0.5).loss(networks, batch)
        if name == "universal":  # its shares depend on a draw
            assert worst.isfinite()
            return
        q = batch.label_probabilities(networks)
        other = []
        for _ in range(20):
            r = 0.5 * F.normalize(randn(B, D), dim=-1)
            log_q = encoder.label_logits(x + r).log_softmax(-1)
            other.append(float((q * (q.log() - log_q)).sum(-1).mean()))
    assert float(worst) > np.mean(other)
    # One power iteration finds the best direction up to a little.
    assert float(worst) > 0.9 * max(other)


def test_label_critic_draws_by_its_shares_and_learns_them(randn):
    critic = LabelCritic([0.6, 0.3, 0.1], rate=0.5, hidden_layer_sizes=(4,))
    with Streams(0).active():
        drawn = critic.draw(torch.zeros(20_000, 3))
    assert (drawn.sum(-1) == 1).all()
    np.testing.assert_allclose(drawn.mean(0), [0.6, 0.3, 0.1], atol=0.015)
    critic.update_class_prior(torch.tensor([[1.0, 0, 0], [0, 1.0, 0]]), None)
    np.testing.assert_allclose(critic.class_prior, [0.55, 0.4, 0.05], atol=1e-6)
    fixed = LabelCritic([0.5, 0.5], hidden_layer_sizes=(4,))
    fixed.update_class_prior(torch.tensor([[1.0, 0.0]]), None)
    np.testing.assert_allclose(fixed.class_prior, [0.5, 0.5])


def test_stacked_label_critics_draw_like_single_ones(stack):
    shares = [[0.6, 0.3, 0.1], [0.1, 0.1, 0.8]]
    members = [LabelCritic(s, hidden_layer_sizes=(4,)) for s in shares]
    with Streams([3, 4]).active():
        together = stack(members).draw(torch.zeros(2, 50, 3))
    for seed, member, drawn in zip([3, 4], members, together, strict=True):
        with Streams(seed).active():
            assert torch.equal(member.draw(torch.zeros(50, 3)), drawn)


def test_rows_come_with_a_neighbour(randn):
    x = randn(40, 3)
    near = torch.from_numpy(nearest(x.cpu().numpy(), 4))
    data = NeighborBatches(x, Gaussian(2), neighbors=near, batch_size=8, seed=0)
    assert data.n_companions == 8
    for batch in data.epoch(0):
        own, other = batch.x.chunk(2)
        for a, b in zip(own, other, strict=True):
            (i,) = (x == a).all(-1).nonzero()
            assert (x[near[i[0]]] == b).all(-1).any()


@pytest.mark.parametrize(
    ("n_told", "size", "extra"),
    [(3, None, 3), (20, None, 8), (40, None, 0), (20, 5, 5), (20, 12, 12), (3, 5, 3)],
)
def test_batches_end_in_labelled_rows(n_told, size, extra, randn):
    x, y = randn(40, 3), torch.arange(40) % 3
    y[n_told:] = -1
    data = LabelledBatches(
        x, Gaussian(2), y=y, labelled_size=size, batch_size=8, seed=0
    )
    assert data.n_companions == extra
    for batch in data.epoch(0):
        assert len(batch.x) == 8 + extra
        assert (batch.y[8:] >= 0).all()
        assert len({*map(tuple, batch.x[8:].tolist())}) == extra
        assert batch.prior_y is None
        for row, label in zip(batch.x, batch.y, strict=True):
            (i,) = (x == row).all(-1).nonzero()
            assert y[i[0]] == label


def test_batches_of_other_labelled_rows_have_another_key(randn):
    x, y = randn(40, 3), torch.arange(40) % 3
    y[20:], prior = -1, Gaussian(2)
    few, more, again, default = (
        LabelledBatches(x, prior, y=y, labelled_size=n, batch_size=8, seed=0).key
        for n in (5, 6, 5, None)
    )
    assert few == again
    assert len({few, more, default}) == 3


def test_shared_information_is_that_of_the_edges():
    rng = np.random.RandomState(0)
    labels, near = rng.randint(3, size=50), rng.randint(50, size=(50, 4))
    ends = np.repeat(labels, 4), labels[near].ravel()
    both = np.concatenate(ends), np.concatenate(ends[::-1])
    truth = mutual_info_score(*both)
    assert shared_information(labels, near, 3) == pytest.approx(truth)
