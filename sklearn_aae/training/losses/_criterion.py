"""How good a model is, for early stopping and for the choice between restarts.

The losses of a game do not say: the critic's falls when the generator's rises. This
criterion looks at the outcome: what the decoder cannot explain, plus how far the codes
are from the prior. Both are shares, both are 0 at best; it needs no labels.
"""

import torch
from torch import Tensor

from sklearn_aae.objectives import energy_distance
from sklearn_aae.training.data._batch import Batch, Networks
from sklearn_aae.training.losses._phases import TrainCritic, critic_logits

# The energy distance compares all pairs of rows.
MAX_ROWS = 1000


@torch.no_grad()
def critic_accuracy(phase: TrainCritic, networks: Networks, batch: Batch) -> Tensor:
    """Share of pairs of a prior sample and a code that the critic tells apart rightly.

    ½ is a draw. Pairs, because a relativistic or Wasserstein critic has no zero.
    """
    critic = networks[phase.moves[0]]
    real, fake = critic_logits(critic, batch, *phase.points(networks, batch))
    gap = real.unsqueeze(-1) - fake.unsqueeze(-2)  # (B', B)
    return 0.5 + 0.5 * gap.sign().mean((-2, -1))


@torch.no_grad()
def prior_match(networks: Networks, batch: Batch) -> Tensor:
    """1 minus the normalised energy distance of codes and prior samples; 1 is best."""
    z, prior = batch.styles(networks)
    return 1 - energy_distance(z[..., :MAX_ROWS, :], prior[..., :MAX_ROWS, :])


@torch.no_grad()
def unexplained(networks: Networks, batch: Batch, total: float) -> Tensor:
    """Squared error of the reconstruction, as a share of the rows' variance.

    Parameters
    ----------
    networks : mapping of str to nn.Module
        Encoder and decoder.

    batch : Batch
        Rows.

    total : float
        What `unexplained` is without a model: the variance of the training rows, summed
        over columns.
    """
    p = batch.decoded(networks, batch.posterior(networks).mean)
    return p.unexplained(batch.x).mean(-1) / total


def criterion(networks: Networks, batch: Batch, total: float) -> Tensor:
    """Unexplained share plus prior mismatch, () or (C,); lower is better.

    Without a decoder there is nothing to explain.
    """
    if "decoder" not in networks:
        return 1 - prior_match(networks, batch)
    return unexplained(networks, batch, total) + 1 - prior_match(networks, batch)
