"""A trained model of an ensemble, and how it scores rows.

Letters: B rows, d columns, z codes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sklearn_aae.distributions import RowDistribution
from sklearn_aae.estimators._sampling import MIN_RESIDUAL
from sklearn_aae.estimators._tails import Tail
from sklearn_aae.priors import Prior
from sklearn_aae.training import AAENet

# No cell is more surprising, in nats, not even one that overflows.
MAX_SURPRISE = 1e3


@dataclass
class Member:
    """One trained model of an ensemble.

    Attributes
    ----------
    net : AAENet
        What trained.

    encoder, decoder : nn.Module
        The networks that answer.

    critic : nn.Module or None
        D(z), of an adversarial model.

    cell_critic : nn.Module or None
        Which cells are another row's, of a model that localizes by it.

    usual : ndarray of shape (d,)
        Mean of `missed` over the training rows.

    tails : dict of str to Tail
        Calibration of each score.
    """

    net: AAENet
    encoder: nn.Module
    decoder: nn.Module
    critic: nn.Module | None
    cell_critic: nn.Module | None
    usual: np.ndarray = field(init=False)
    tails: dict[str, Tail] = field(default_factory=dict)

    def missed(self, x: Tensor) -> Tensor:
        """Return what the reconstruction misses of cells, NaN of missing ones: (B, d).

        (x - x̂)² of numbers, -log p(x|z) of categories and counts.
        """
        return self._missed(x, self.decoder(self.encoder(x).mean))

    def _missed(self, x: Tensor, p: RowDistribution) -> Tensor:
        # What never varied is known: how well it was learned does not matter.
        held = self.encoder.constants
        missed = (x - (p.mean if held is None else held(p.mean))).square()
        missed = p.by_kind(missed, lambda: (-p.cells(x)).clamp_max(MAX_SURPRISE))
        return torch.where(x.isnan(), x, missed)

    def cells(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Return how surprising each cell is, given the code of its row: (B, d).

        log(1 + (x - x̂)²/σ²) of numbers; of categories and counts what -log p(x|z) is
        above its mean, since a column of many categories costs much in any row. 0 of
        missing cells.
        """
        p = self.decoder(self.encoder(x).mean if z is None else z.to(x))
        missed, usual = self._missed(x, p), torch.tensor(self.usual).to(x)
        cells = (missed / usual.clamp_min(MIN_RESIDUAL**2)).log1p()
        cells = p.by_kind(cells, lambda: (missed - usual).clamp_min(0.0))
        return cells.nan_to_num(MAX_SURPRISE, MAX_SURPRISE).masked_fill(x.isnan(), 0.0)

    def blame(self, x: Tensor) -> Tensor:
        """Return how far each cell is to blame for its row's score, in nats: (B, d).

        -log P(it is its row's own), if there is a critic of cells; else how surprising
        it is. Of columns that never varied the critic has learned nothing.
        """
        if self.cell_critic is None:
            return self.cells(x)
        held = self.encoder.constants
        steady = x if held is None else held(x)
        nats = F.softplus(self.cell_critic(steady)).clamp_max(MAX_SURPRISE)
        if held is not None:
            nats = torch.where(held.held, self.cells(x), nats)
        return nats.nan_to_num(MAX_SURPRISE).masked_fill(x.isnan(), 0.0)

    def scores(self, x: Tensor, prior: Prior, names: Sequence[str]) -> Tensor:
        """Return the scores of rows, high for outliers: (B, n_names)."""
        z = self.encoder(x).mean
        found = {}
        if "reconstruction" in names:
            found["reconstruction"] = self.cells(x, z).sum(-1)
        if "prior" in names:
            found["prior"] = -prior(None).log_prob(z.cpu()).to(z)
        if "critic" in names:
            assert self.critic is not None
            found["critic"] = -self.critic(z)
        return torch.stack([found[name] for name in names], -1)
