"""How good a model is, for early stopping and for the choice between restarts.

The losses of an adversarial training do not say: the critic's falls when the
generator's rises. The criterion looks at the outcome: the part of the rows' variance
that the decoder does not explain, plus the distance of the codes from the prior. Both
are 0 at best, and neither needs labels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from sklearn_aae.objectives import energy_distance, energy_distance_and_noise
from sklearn_aae.training.data._batch import Batch, Networks
from sklearn_aae.training.losses._phases import Phase, TrainCritic, critic_logits

# The energy distance compares all pairs of rows.
MAX_ROWS = 1000


def measured_names(phases: Sequence[Phase]) -> list[str]:
    """Return what the history calls the measures of a game."""
    critics = (phase.name for phase in phases if isinstance(phase, TrainCritic))
    matches = ("prior_match", "prior_match_noise")
    return [*(f"{name}_accuracy" for name in critics), *matches]


@torch.no_grad()
def critic_accuracy(phase: TrainCritic, networks: Networks, batch: Batch) -> Tensor:
    """How often the critic gives a prior sample a larger logit than a code, () or (C,).

    Over all pairs of the two, equal logits count half. Not by the sign of the logits,
    which says nothing of a relativistic or Wasserstein critic. At ½ codes pass for
    prior samples.
    """
    critic = networks[phase.moves[0]]
    real, fake = critic_logits(critic, batch, *phase.points(networks, batch))
    gap = real.unsqueeze(-1) - fake.unsqueeze(-2)  # (B', B)
    return 0.5 + 0.5 * gap.sign().mean((-2, -1))


@torch.no_grad()
def prior_match(networks: Networks, batch: Batch) -> Tensor:
    """Normalised energy distance of codes and prior samples, in [0, 1]: 0 is best."""
    z, prior = batch.styles(networks)
    return energy_distance(z[..., :MAX_ROWS, :], prior[..., :MAX_ROWS, :])


@torch.no_grad()
def prior_match_and_noise(
    networks: Networks, batches: Sequence[Batch]
) -> tuple[Tensor, Tensor]:
    """Return the prior match of all batches together, and what chance alone reads."""
    pairs = [batch.styles(networks) for batch in batches]
    z, prior = (
        torch.cat(part, -2)[..., :MAX_ROWS, :] for part in zip(*pairs, strict=True)
    )
    return energy_distance_and_noise(z, prior)


@torch.no_grad()
def unexplained(networks: Networks, batch: Batch, total: float) -> Tensor:
    """Squared error of the reconstruction over the variance of the rows.

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
    """Unexplained variance plus distance from the prior, () or (C,): 0 is best.

    Without a decoder there is nothing to explain.

    Examples
    --------
    >>> import torch
    >>> from torch.nn import Identity
    >>> from sklearn_aae.decoders import GaussianDecoder
    >>> from sklearn_aae.encoders import DeterministicEncoder
    >>> from sklearn_aae.training import Batch, criterion
    >>> networks = {
    ...     "encoder": DeterministicEncoder(2, 2, module=Identity()),
    ...     "decoder": GaussianDecoder(2, 2, module=Identity()),
    ... }
    >>> x = torch.tensor([[0.0, 0.0], [1.0, 2.0], [4.0, 3.0]])
    >>> total = float(x.var(0, correction=0).sum())
    >>> criterion(networks, Batch(x, prior=x), total)  # explained, and as the prior
    tensor(0.)
    >>> float(criterion(networks, Batch(x, prior=x + 100), total)) > 0.9
    True
    """
    distance = prior_match(networks, batch)
    if "decoder" not in networks:
        return distance
    return unexplained(networks, batch, total) + distance
