"""A fitted model: the networks that answer, and what takes tables to them and back.

Letters: B rows of a chunk, d columns, k code size. The networks answer in float64 on a
CPU, so that a row's answer does not depend on the rows beside it.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_aae.distributions import RowDistribution
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._stream import stream
from sklearn_aae.nn import Block, ConvBlock, frozen_copy
from sklearn_aae.priors import Prior
from sklearn_aae.tabular import TableColumns, TablePreprocessor, log_jacobian
from sklearn_aae.training import AAENet
from sklearn_aae.utils._random import seeded_scope

# Deviations of a scaled number that is reconstructed exactly.
MIN_RESIDUAL = 0.01
# The same, of a likelihood: what single precision leaves.
MIN_NOISE = 1e-6


@dataclass(eq=False)
class FittedModel:
    """What one trained net answers.

    Attributes
    ----------
    net : AAENet
        What trained; it can train on.

    networks : dict of str to nn.Module
        Copies of its networks that answer: "encoder", "decoder", ...

    answers : dict of str to str or None
        The public attribute of an estimator that holds a network.

    prior : Prior
        What codes are made to look like.

    columns : TableColumns
        What the columns of the table hold.

    preprocessor : TablePreprocessor
        From the table to what the encoder sees, and back.

    residuals : ndarray of shape (d,) or None
        Root mean square of what the reconstruction misses of each numeric column, in
        units of the scaled columns; None of a model that reconstructs nothing, or that
        does not answer for the estimator.

    sampler : object or None
        What draws rows around training rows, once some have been drawn.

    part : int
        Place among the estimators whose parameters nets are built by.
    """

    net: AAENet
    networks: Mapping[str, nn.Module]
    answers: Mapping[str, str | None]
    prior: Prior
    columns: TableColumns
    preprocessor: TablePreprocessor
    residuals: np.ndarray | None = None
    sampler: Any = None
    part: int = 0

    @property
    def encoder(self) -> nn.Module:
        """q(z|x)."""
        return self.networks["encoder"]

    @property
    def decoder(self) -> nn.Module:
        """p(x|z)."""
        return self.networks["decoder"]

    @property
    def attributes(self) -> dict:
        """What an estimator shows of the model, by the names of its attributes."""
        shown = {
            attribute: self.networks[name]
            for name, attribute in self.answers.items()
            if attribute is not None
        }
        return {"net_": self.net, "prior_": self.prior, **shown}

    def place(self, *sizes: int | None) -> tuple[torch.device, torch.dtype]:
        """Return where the net trains on, and how precisely, with any rows."""
        weight = next(self.net.module_.parameters())
        return weight.device, weight.dtype

    def encode(self, X) -> np.ndarray:
        """Return the mean of q(z|x) for valid rows."""
        return self.ask(lambda x: self.encoder(x).mean, X)

    def ask(self, answer: Callable[..., Tensor], X, labels=None) -> np.ndarray:
        """Return an answer about valid rows, chunk by chunk.

        Parameters
        ----------
        answer : callable
            Maps scaled rows (B, d), and their labels if there are any, to a tensor of
            as many rows.

        X : ndarray of shape (n_samples, d)
            Rows.

        labels : ndarray of shape (n_samples, ...), default=None
            Class numbers, or codes.
        """
        scale = self.preprocessor.transform
        return stream(self.encoder, answer, X, scale, labels=labels)

    def log_prob(self, X, labels: np.ndarray | None = None) -> np.ndarray:
        """Return log p(x|z) of valid rows, z the mean of q(z|x), float64.

        A density is that of the cells in the units of the table, with the noise that
        the training rows have. A column that did not vary in training has none: what
        counts of it is how much less likely a cell is than the one it always had.
        """
        log_prob = self._log_prob_of_scaled()

        def of_own_codes(x: Tensor, y: Tensor | None = None) -> Tensor:
            return log_prob(self.decoder(self.encoder(x).mean, y), x)

        scores = self.ask(of_own_codes, X, labels).astype(np.float64)
        return scores + self._log_stretch(X)

    def log_prob_of_classes(self, X, codes: np.ndarray, n_classes: int) -> np.ndarray:
        """Return log p(x|y, z) of valid rows and their codes for each class y, float64.

        Parameters
        ----------
        X : ndarray of shape (n_samples, d)
            Rows.

        codes : ndarray of shape (n_samples, k)
            What `encode` returns for them.

        n_classes : int
            Number of classes that the decoder sees.
        """
        log_prob = self._log_prob_of_scaled()

        def of_classes(x: Tensor, z: Tensor) -> Tensor:
            classes = torch.arange(n_classes, device=x.device)
            each = [self.decoder(z, y.expand(len(x))) for y in classes]
            return torch.stack([log_prob(p, x) for p in each], -1)

        scores = self.ask(of_classes, X, codes).astype(np.float64)
        return scores + np.reshape(self._log_stretch(X), (-1, 1))

    def _log_prob_of_scaled(self) -> Callable[[RowDistribution, Tensor], Tensor]:
        """Return a function from p(x|z) and scaled rows to log densities, (B,)."""
        noise = self.noise
        constants = self.preprocessor.schema_.constants
        varies = np.array([c is None for c in constants])
        usual = np.array([0.0 if c is None else c for c in constants])

        def density(p: RowDistribution, x: Tensor) -> Tensor:
            return p.cells(x) if noise is None else p.cells_of_noise(x, noise)

        def log_prob(p: RowDistribution, x: Tensor) -> Tensor:
            cells = density(p, x)
            if not varies.all():
                here = torch.from_numpy(varies).to(x.device)
                held = torch.from_numpy(usual).to(x)
                as_ever = density(p, torch.where(here | x.isnan(), x, held))
                cells = cells - torch.where(here, torch.zeros_like(cells), as_ever)
            return cells.sum(-1)

        return log_prob

    def _log_stretch(self, X) -> np.ndarray | float:
        """Return how much denser rows are than scaled rows, (n_samples,), in nats."""
        return 0.0 if self.noise is None else log_jacobian(self.preprocessor, X)

    @property
    def noise(self) -> float | None:
        """Deviations of numbers from their reconstruction, in those of the decoder.

        One number for all scaled columns, the most likely one on the training rows: the
        root mean square of `residuals`. None without columns of numbers, and where the
        likelihood has no scale.
        """
        numbers = np.array([c is None for c in self.preprocessor.schema_.constants])
        numbers[np.array(self.columns.discrete) | self.preprocessor.empty_] = False
        unit: float | None = self.decoder.noise  # type: ignore[assignment]
        if unit is None or not numbers.any():
            return None
        assert self.residuals is not None
        spread = np.sqrt(np.mean(self.residuals[numbers] ** 2)) / unit
        return max(float(spread), MIN_NOISE)

    def decode(self, Z: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Return the mean of p(x|z) for valid codes, in the units of the table."""
        return self.generate(lambda z, y=None: self.decoder(z, y).mean, Z, labels)

    def generate(
        self, answer: Callable[..., Tensor], Z: np.ndarray, labels=None
    ) -> np.ndarray:
        """Return rows that a decoder makes of codes, in the units of the table."""
        return stream(self.decoder, answer, Z, finish=self.unscale, labels=labels)

    def unscale(self, rows: np.ndarray) -> np.ndarray:
        """Return scaled rows in the units of the table."""
        return self.preprocessor.inverse_transform(rows.astype(np.float64))

    def draw_codes(self, n_samples: int, labels, seed: int) -> np.ndarray:
        """Draw codes from the prior, of class numbers where they are given."""
        with seeded_scope(seed):
            y = None if labels is None else torch.tensor(labels)
            return self.prior.draw(n_samples, y).cpu().numpy()

    def measure(
        self,
        rows: Rows,
        earlier: np.ndarray | None = None,
        settled: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the `residuals` of scaled rows.

        Columns without a cell have those of an `earlier` fit, if there was one, and so
        have the columns that are `settled`, of few rows: those that varied before.
        """
        x = rows.some()
        cells = x.X.cpu().numpy()

        def mean(part: Tensor, y: Tensor | None = None) -> Tensor:
            return self.decoder(self.encoder(part).mean, y).mean

        residuals = cells - stream(self.decoder, mean, cells, labels=x.y)
        found = torch.from_numpy(residuals).square().nanmean(0).sqrt().double().numpy()
        found[np.array(self.columns.discrete)] = 0.0
        if earlier is not None:
            kept = np.isnan(found)
            kept = kept if settled is None else kept | settled
            found = np.where(kept, earlier, found)
        return np.nan_to_num(found)


def answering(net: AAENet, name: str, dtype: torch.dtype) -> nn.Module:
    """Return a copy of a trained network that answers in a dtype."""
    trained = net.module_.networks[name]
    if net.module_.own_layers:
        network = frozen_copy(trained, dtype)
    else:
        network = copy.deepcopy(trained).to(dtype)
    network.eval()
    for block in network.modules():
        if isinstance(block, Block | ConvBlock):
            block.fold()
    return network.requires_grad_(False)
