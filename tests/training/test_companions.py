"""Rows that come with those of a step: which they are, and who sees them."""

import pytest
import torch

from sklearn_aae.critics import LabelCritic
from sklearn_aae.decoders import GaussianDecoder
from sklearn_aae.encoders import ENCODERS
from sklearn_aae.priors import Gaussian
from sklearn_aae.training import (
    Batch,
    Classify,
    LabelledBatches,
    LabelledNeighborBatches,
    NeighborAgreement,
    Recipe,
    Reconstruct,
    VirtualAdversarial,
)
from sklearn_aae.training._optim import make_optimizer
from sklearn_aae.training._step import train_step
from sklearn_aae.utils._random import seeded_scope

N, D, K, M = 8, 5, 2, 3


@pytest.fixture(params=["deterministic", "gaussian", "universal"])
def networks(request, dtype, device):
    with seeded_scope(0):
        encoder = ENCODERS[request.param](
            D, K, n_classes=M, hidden_layer_sizes=(6,), normalization="batch"
        )
        decoder = GaussianDecoder(K, D, n_classes=M, class_heads=True)
        critic = LabelCritic([0.5, 0.3, 0.2], hidden_layer_sizes=(4,))
    made = {"encoder": encoder, "decoder": decoder, "label_critic": critic}
    return {name: net.to(device, dtype) for name, net in made.items()}


@pytest.fixture
def batch(randn):
    """Three rows drawn, one that comes with them, and a companion of each."""
    weight, y = randn(N).exp(), torch.tensor([0, -1, 2, 1, -1, -1, 0, -1])
    share, counts = weight / weight.sum(), {"drawn": 3, "own": 4}
    return Batch(randn(N, D), randn(N, K), share, y.to(share.device), row_counts=counts)


def test_own_rows_are_the_first_and_share_the_encoder_pass(networks, batch, close):
    code, logits = batch.code(networks), batch.label_logits(networks)
    own = batch.rows("own")
    assert own is batch.rows("own")
    assert batch.rows("all") is batch
    assert torch.equal(batch.rows("drawn").x, batch.x[:3])
    assert torch.equal(own.x, batch.x[:4])
    assert torch.equal(own.y, batch.y[:4])
    assert float(own.weight.sum()) == pytest.approx(1, abs=1e-6)
    close(own.weight * batch.weight[:4].sum(), batch.weight[:4])
    assert torch.equal(own.code(networks), code[:4])
    close(own.style_posterior(networks).mean, batch.style_posterior(networks).mean[:4])
    # Of a universal posterior the logits are those of a draw.
    close(own.label_logits(networks), logits[:4])
    close(own.seen(networks), batch.seen(networks)[:4])


def test_own_rows_are_encoded_alone_after_the_pass_is_forgotten(networks, batch):
    first = batch.rows("own")
    batch.forget()
    own = batch.rows("own")
    assert own is not first
    assert own.code(networks).shape == (4, M + K)
    assert batch._code is None


def test_a_phase_of_rows_that_there_are_not_is_refused():
    with pytest.raises(TypeError, match=r"'sees' attribute of Mine .*'own'.*'drwan'"):
        type("Mine", (Reconstruct,), {"sees": "drwan"})
    assert type("Mine", (Reconstruct,), {"sees": "own"}).sees == "own"


def test_rows_without_companions_are_all_own(networks, randn):
    batch = Batch(randn(N, D), randn(N, K))
    assert batch.rows("own") is batch


@pytest.mark.parametrize("share_pass", [True, False])
def test_reconstruction_and_smoothness_do_not_see_companions(
    networks, batch, share_pass, monkeypatch
):
    seen = {}
    for phase in (Reconstruct, VirtualAdversarial, Classify, NeighborAgreement):

        def spy(self, networks, batch, loss=phase.loss):
            seen[self.name] = len(batch.x)
            return loss(self, networks, batch)

        monkeypatch.setattr(phase, "loss", spy)
    recipe = Recipe(
        networks, [Reconstruct(), VirtualAdversarial(), Classify(), NeighborAgreement()]
    )
    optimizers = [
        make_optimizer(recipe.moved(p), 1e-3) for p in recipe.optimizer_groups
    ]
    train_step(
        recipe.networks,
        recipe.optimizer_groups,
        optimizers,
        batch,
        share_pass=share_pass,
    )
    few = {"reconstruction": 3, "smoothness": 4}
    assert seen == few | {"classification": 8, "agreement": 8}


def test_batches_say_which_rows_were_drawn(randn):
    x, few, full = randn(20, D), torch.arange(20) % 5 - 1, torch.arange(20) % 5
    told = [
        LabelledBatches(x, Gaussian(K), batch_size=8, seed=0, y=y).row_counts
        for y in (few, full, torch.full_like(few, -1))
    ]
    assert told == [{"drawn": 8}, {}, {}]  # full: labelled ones need no company


def test_batches_say_which_rows_are_own(randn):
    x, y = randn(20, D), torch.arange(20) % 5 - 1
    neighbours = (torch.arange(20)[:, None] + torch.arange(1, 3)) % 20
    batches = LabelledNeighborBatches(
        x, Gaussian(K), batch_size=8, seed=0, y=y, neighbors=neighbours
    )
    batch = next(iter(batches.epoch(0)))
    n = 8 + 8  # of 16 labelled rows no more than there are others
    assert batch.row_counts == {"drawn": 8, "own": n}
    assert len(batch.x) == 2 * n == 8 + batches.n_companions
    rows = [int((x == row).all(1).nonzero()) for row in batch.x]
    pairs = zip(rows[:n], rows[n:], strict=True)
    assert all(b in neighbours[a] for a, b in pairs)


def test_labelled_companions_follow_the_weights(randn):
    n = 60
    y = torch.full((n,), -1)
    y[:20] = 0
    weight = torch.ones(n, dtype=torch.float64)
    weight[:10], weight[10:20] = 9, 1e-6
    batches = LabelledBatches(
        randn(n, D), Gaussian(K), batch_size=16, seed=0, weight=weight, y=y
    )
    told = torch.cat([batch.y[batches.batch_size :] for batch in batches.epoch(0)])
    assert len(told) == 4 * 16
    assert (told == 0).all()
    rows = torch.cat([batch.x[batches.batch_size :] for batch in batches.epoch(0)])
    light = (rows[:, None] == batches.x[10:20]).all(-1).any(-1)
    assert not light.any()
