"""Phases of models that infer a label y beside the style z (paper, sections 5 to 7).

Letters: C models in a stack, B batch, m labels, k style size. q(y|x) are
label probabilities, the first m columns of a code; p(y) is the class prior.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from sklearn_aae.objectives import row_mean
from sklearn_aae.training.data._batch import Batch, Networks
from sklearn_aae.training.losses._phases import FoolCritic, Phase, TrainCritic
from sklearn_aae.utils._random import standard_normal

# Length of the step that looks for the direction in which q(y|x) changes most, over
# the radius.
PROBE = 0.1
TINY = 1e-8


def label_points(networks: Networks, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return labels drawn from p(y), one-hot, and q(y|x), both (B, m)."""
    critic: Any = networks["label_critic"]
    q = batch.label_probabilities(networks)
    return critic.draw(q), q


@dataclass(frozen=True)
class TrainLabelCritic(TrainCritic):
    """A second critic learns to tell one-hot draws of p(y) from q(y|x)."""

    name = "label_critic"
    moves = ("label_critic",)
    needs = ("encoder", "label_critic")

    def points(self, networks: Networks, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return labels drawn from p(y), one-hot, and q(y|x), both (B, m)."""
        return label_points(networks, batch)

    def loss(self, networks: Networks, batch: Batch) -> Tensor:
        """Return the critic's objective; where p(y) is learned, follow q(y)."""
        loss = super().loss(networks, batch)
        critic: Any = networks["label_critic"]
        critic.update_class_prior(batch.label_probabilities(networks), batch.weight)
        return loss


@dataclass(frozen=True)
class FoolLabelCritic(FoolCritic):
    """The encoder learns label probabilities that look like draws of p(y).

    So they are near 0 or 1, and on average as frequent as p(y) says.
    """

    name = "label_generator"
    needs = ("encoder", "label_critic")

    def points(self, networks: Networks, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return labels drawn from p(y), one-hot, and q(y|x), both (B, m)."""
        return label_points(networks, batch)


@dataclass(frozen=True)
class Classify(Phase):
    """-log q(y|x) of the labelled rows, in nats (paper, section 5).

    Parameters
    ----------
    class_weight : tuple of float or None
        Weight of each class; None for equal ones.
    """

    name = "classification"
    moves = ("encoder",)
    needs = ("encoder",)

    class_weight: tuple[float, ...] | None = None

    def loss(self, networks: Networks, batch: Batch) -> Tensor:
        """Return the mean over the labelled rows, 0 without any."""
        assert batch.y is not None
        log_q = batch.label_logits(networks).log_softmax(-1)
        weight = (batch.y >= 0).to(log_q)
        if batch.weight is not None:
            weight = weight * batch.weight
        if self.class_weight is not None:
            weight = weight * log_q.new_tensor(self.class_weight)[batch.y]
        picked = log_q.gather(-1, batch.y.clamp_min(0).unsqueeze(-1)).squeeze(-1)
        return -(weight * picked).sum(-1) / weight.sum(-1).clamp_min(TINY)


@dataclass(frozen=True)
class Distill(Phase):
    """-Σ_y p(y|x) log q(y|x), in nats, p(y|x) the soft labels of a teacher.

    Knowledge distillation (Hinton, Vinyals, Dean 2015).
    """

    name = "distillation"
    moves = ("encoder",)
    needs = ("encoder",)

    def loss(self, networks: Networks, batch: Batch) -> Tensor:
        """Return the mean over rows."""
        assert batch.soft_y is not None
        log_q = batch.label_logits(networks).log_softmax(-1)
        return -row_mean((batch.soft_y * log_q).sum(-1), batch.weight)


@dataclass(frozen=True)
class VirtualAdversarial(Phase):
    """KL(q(y|x) ‖ q(y|x + r)), in nats, for the worst r of length `radius`.

    Virtual adversarial training (Miyato et al. 2018): labels are not to change around a
    row. One step of power iteration finds the direction r.

    Parameters
    ----------
    radius : float
        Length of r in the units of the scaled columns.
    """

    name = "smoothness"
    sees = "own"
    replays_exactly = False  # a gradient near 0, made long, enlarges rounding
    moves = ("encoder",)
    needs = ("encoder",)

    radius: float | Tensor = 1.0

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the fields that may differ between models trained as one."""
        return ("weight", "radius")

    def loss(self, networks: Networks, batch: Batch) -> Tensor:
        """Return the mean over rows."""
        encoder: Any = networks["encoder"]
        x, q = batch.seen(networks), batch.label_probabilities(networks).detach()

        def divergence(r: Tensor) -> Tensor:
            log_q = encoder.label_logits(x + r, batch.weight).log_softmax(-1)
            kl = (q * ((q + TINY).log() - log_q)).sum(-1)
            return row_mean(kl, batch.weight)

        radius = torch.as_tensor(self.radius).to(q)[..., None, None]
        direction = F.normalize(standard_normal(x), dim=-1)
        probe = (PROBE * radius * direction).requires_grad_()
        (slope,) = torch.autograd.grad(divergence(probe).sum(), probe)
        return divergence(radius * F.normalize(slope, dim=-1, eps=1e-30))


@dataclass(frozen=True)
class NeighborAgreement(Phase):
    """-log((1-ε) Σ_y (q(y|x) q(y|x'))^β / p(y) + ε), x' a neighbour of x, in nats.

    Neighbours are to have one label. The sum is the pointwise mutual information of two
    rows (Adaloglou et al. 2023); ε allows for pairs whose labels have nothing to do
    with each other. The second half of a batch holds the neighbours of the first.

    Parameters
    ----------
    power : float
        β in (½, 1]: below 1 it keeps all rows from one sure label.

    neighbor_noise_rate : float
        ε in [0, 1), the rate of pairs of different labels. No pair costs more than
        -log ε, so that one wrong neighbour does not decide about a row.
    """

    name = "agreement"
    moves = ("encoder",)
    needs = ("encoder", "label_critic")

    power: float = 0.6
    neighbor_noise_rate: float | Tensor = 0.0

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the fields that may differ between models trained as one."""
        return ("weight", "neighbor_noise_rate")

    def loss(self, networks: Networks, batch: Batch) -> Tensor:
        """Return the mean over pairs."""
        own, other = batch.label_probabilities(networks).chunk(2, -2)
        critic: Any = networks["label_critic"]
        p = critic.class_prior.unsqueeze(-2)
        same = ((own * other + TINY).pow(self.power) / p).sum(-1)  # (C, B / 2)
        noise = torch.as_tensor(self.neighbor_noise_rate).to(same)[..., None]
        same = (1 - noise) * same + noise
        if batch.weight is None:
            return -row_mean(same.log())
        weight = batch.weight[..., : same.shape[-1]]
        return -row_mean(same.log(), weight / weight.sum(-1, keepdim=True))


@dataclass(frozen=True)
class BalanceClusters(Phase):
    """-H(q(y)), in nats: q(y), the mean of q(y|x) over a batch, is to be even."""

    name = "concentration"
    moves = ("encoder",)
    needs = ("encoder",)

    def loss(self, networks: Networks, batch: Batch) -> Tensor:
        """Return the negative entropy of the batch's mean label probabilities."""
        q = batch.label_probabilities(networks)
        weight = None if batch.weight is None else batch.weight.unsqueeze(-1)
        mean = q.mean(-2) if weight is None else (weight * q).sum(-2)
        return (mean * (mean + TINY).log()).sum(-1)


@dataclass(frozen=True)
class SeparateHeads(Phase):
    """Σ max(0, η - ‖w_i - w_j‖) over the pairs of class heads (paper, section 7).

    Parameters
    ----------
    distance : float
        η, from which on two heads are far enough from each other.
    """

    name = "head_distance"
    moves = ("decoder",)
    needs = ("decoder",)

    distance: float | Tensor = 1.0

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the fields that may differ between models trained as one."""
        return ("weight", "distance")

    def loss(self, networks: Networks, batch: Batch) -> Tensor:
        """Return the sum over pairs."""
        decoder: Any = networks["decoder"]
        heads = decoder.class_heads.weight.mT  # (C, m, k)
        gap = heads.unsqueeze(-2) - heads.unsqueeze(-3)  # (C, m, m, k)
        # The root of 0, of a head to itself, has no slope.
        distance = (gap.square().sum(-1) + TINY).sqrt()
        eta = torch.as_tensor(self.distance).to(heads)[..., None, None]
        return (eta - distance).relu().triu(1).sum((-2, -1))
