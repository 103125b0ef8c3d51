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
from sklearn_aae.estimators._model import MIN_RESIDUAL, FittedModel
from sklearn_aae.estimators.outliers._calibration import EmpiricalSurvival
from sklearn_aae.estimators.outliers._heat import heat, hottest
from sklearn_aae.training import AAENet

# No cell is more surprising, in nats, not even one that overflows.
MAX_SURPRISE = 1e3


@dataclass(eq=False)
class Member:
    """One trained model of an ensemble.

    Attributes
    ----------
    model : FittedModel
        The networks that answer.

    usual : ndarray of shape (d,)
        Mean of `residual` over the training rows.

    survival : dict of str to EmpiricalSurvival
        Calibration of each score.
    """

    model: FittedModel
    usual: np.ndarray = field(init=False)
    survival: dict[str, EmpiricalSurvival] = field(default_factory=dict)

    @property
    def net(self) -> AAENet:
        """What trained."""
        return self.model.net

    @property
    def encoder(self) -> nn.Module:
        """q(z|x)."""
        return self.model.encoder

    @property
    def decoder(self) -> nn.Module:
        """p(x|z)."""
        return self.model.decoder

    @property
    def image_shape(self) -> tuple[int, int, int] | None:
        """Height, width and channels, if rows are pictures."""
        return self.encoder.image_shape  # type: ignore[return-value]

    @property
    def critic(self) -> nn.Module | None:
        """D(z), of an adversarial model."""
        return self.model.networks.get("critic")

    @property
    def cell_critic(self) -> nn.Module | None:
        """Which cells are another row's, of a model that has learned to spot them."""
        return self.model.networks.get("cell_critic")

    def ask(self, answer, rows: np.ndarray, codes=None) -> np.ndarray:
        """Return an answer about valid rows, see `FittedModel.ask`, in float64."""
        return self.model.ask(answer, rows, codes).astype(np.float64)

    def residual(self, x: Tensor, p: RowDistribution | None = None) -> Tensor:
        """Return what the reconstruction misses of cells, NaN of missing ones: (B, d).

        (x - x̂)² of numbers, -log p(x|z) of categories and counts.
        """
        p = self.decoder(self.encoder(x).mean) if p is None else p
        # What never varied is known: how well it was learned does not matter.
        held = self.encoder.constants
        squares = (x - (p.mean if held is None else held(p.mean))).square()
        nats = p.by_kind(squares, lambda: (-p.cells(x)).clamp_max(MAX_SURPRISE))
        return torch.where(x.isnan(), x, nats)

    def cells(self, x: Tensor, z: Tensor | None = None) -> Tensor:
        """Return how surprising each cell is, given the code of its row: (B, d).

        log(1 + (x - x̂)²/σ²) of numbers, of pixels with means over windows (`heat`); of
        categories and counts what -log p(x|z) is above its mean, since a column of many
        categories costs much in any row. 0 of missing cells.
        """
        p = self.decoder(self.encoder(x).mean if z is None else z.to(x))
        residual, usual = self.residual(x, p), torch.tensor(self.usual).to(x)
        if self.image_shape is not None:
            return heat(residual, usual, self.image_shape)
        cells = (residual / usual.clamp_min(MIN_RESIDUAL**2)).log1p()
        cells = p.by_kind(cells, lambda: (residual - usual).clamp_min(0.0))
        return cells.nan_to_num(MAX_SURPRISE, MAX_SURPRISE).masked_fill(x.isnan(), 0.0)

    def attribution(self, x: Tensor, by: str) -> Tensor:
        """Return how much each cell adds to its row's score, in nats: (B, d).

        Parameters
        ----------
        x : Tensor of shape (B, d)
            Rows.

        by : {"reconstruction", "replacement", "both"}
            How surprising a cell is, see `cells`; -log P(it is its row's own), see
            `replaced`; or the root of their product.
        """
        if by == "reconstruction":
            return self.cells(x)
        if by == "replacement":
            return self.replaced(x)
        return (self.cells(x) * self.replaced(x)).sqrt()

    def replaced(self, x: Tensor) -> Tensor:
        """Return -log P(each cell is its row's own), by the critic of cells: (B, d).

        Of columns of a table that never varied the critic has learned nothing: they
        count as in `cells`. Patches of pictures vary all pixels.
        """
        assert self.cell_critic is not None
        held = self.encoder.constants if self.image_shape is None else None
        steady = x if held is None else held(x)
        nats = F.softplus(self.cell_critic(steady)).clamp_max(MAX_SURPRISE)
        if held is not None:
            nats = torch.where(held.held, self.cells(x), nats)
        nats = nats.nan_to_num(MAX_SURPRISE).masked_fill(x.isnan(), 0.0)
        if self.image_shape is None:
            return nats
        channels = nats.unflatten(-1, (-1, self.image_shape[2]))  # (B, h w, c)
        return channels.mean(-1, keepdim=True).expand_as(channels).flatten(1)

    def _reconstruction_score(self, x: Tensor, z: Tensor) -> Tensor:
        """Return how badly rows are reconstructed: (B,)."""
        if self.image_shape is None:
            return self.cells(x, z).sum(-1)
        residual = self.residual(x, self.decoder(z))
        usual = torch.tensor(self.usual).to(x)
        cells = heat(residual, usual, self.image_shape, places=False)
        return hottest(cells, self.image_shape[2])

    def scores(self, x: Tensor, names: Sequence[str]) -> Tensor:
        """Return the scores of rows, high for outliers: (B, n_names)."""
        z = self.encoder(x).mean
        found = {}
        if "reconstruction" in names:
            found["reconstruction"] = self._reconstruction_score(x, z)
        if "prior" in names:
            found["prior"] = -self.model.prior(None).log_prob(z.cpu()).to(z)
        if "critic" in names:
            assert self.critic is not None
            found["critic"] = -self.critic(z)
        if "replacement" in names:
            nats = self.replaced(x)
            images = self.image_shape
            found["replacement"] = (
                nats.sum(-1) if images is None else hottest(nats, images[2])
            )
        return torch.stack([found[name] for name in names], -1)
