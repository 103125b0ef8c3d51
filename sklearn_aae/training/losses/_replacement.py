"""Phases in which a network learns which cells of a row are another's.

Letters: C models in a stack, B batch, d cells of a row.
"""

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from sklearn_aae.nn import rectangles
from sklearn_aae.objectives import row_mean
from sklearn_aae.training.data._batch import Batch, Networks
from sklearn_aae.training.losses._phases import Phase
from sklearn_aae.utils._random import standard_uniform

# Pixels that a patch changes by no more are as they were: a tenth of the range.
CHANGED = 0.1


@dataclass(frozen=True)
class DetectReplacedCells(Phase):
    """The cell critic learns to detect cells that are replaced by another row's.

    Replaced token detection (Clark et al. 2020, ELECTRA), here of a table's cells.

    Parameters
    ----------
    rate : float
        Probability that a known cell is replaced by a known one of its column.
    """

    name = "cell_critic"
    moves = ("cell_critic",)
    needs = ("cell_critic",)
    sees = "drawn"

    rate: float = 0.15

    def replace(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return rows of which cells are replaced, and which cells that changed."""
        others = x.gather(-2, _below(x.shape[-2], standard_uniform(x)))
        known = ~x.isnan() & ~others.isnan()
        replaced = (standard_uniform(x) < self.rate) & known
        # By an equal one: nothing to detect.
        return torch.where(replaced, others, x), replaced & (others != x)

    def loss(self, networks: Networks, batch: Batch) -> Tensor:
        """Return the binary cross-entropy, in nats a known cell."""
        x, known = batch.x, ~batch.x.isnan()
        seen, changed = self.replace(x)
        logits = networks["cell_critic"](seen, batch.weight)
        nats = (F.softplus(logits) - logits * changed) * known
        return row_mean(nats.sum(-1) / known.sum(-1).clamp_min(1), batch.weight)


@dataclass(frozen=True)
class DetectReplacedPatches(DetectReplacedCells):
    """The cell critic learns to detect a patch that is no part of a picture.

    A rectangle, anywhere, of another place of another picture, the one before it in the
    batch (Li et al. 2021, CutPaste), or of one grey level, each as often. One that
    crosses an edge goes on at the opposite one. Which cells changed by more than a
    tenth of the range is what the critic learns to tell.

    Parameters
    ----------
    shape : tuple of int
        Height, width and channels of the pictures, which must be given.

    rate : float
        Probability that a picture is changed.

    sizes : pair of float
        Smallest and largest share of a picture that is replaced, of at least one pixel
        a side.

    stretch : float
        Logarithm of the largest ratio of height to width, in those of the picture.
    """

    shape: tuple[int, int, int] = field(kw_only=True)
    rate: float = 0.8
    sizes: tuple[float, float] = (0.005, 0.1)
    stretch: float = 1.5

    def replace(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return pictures of which a patch is replaced, and which cells changed."""
        u = standard_uniform(x[..., :1].expand(*x.shape[:-1], 9))[
            ..., None
        ]  # (B, 9, 1)
        least, most = self.sizes
        size, ratio = least + (most - least) * u[..., 0, :], 2 * u[..., 1, :] - 1
        root = (0.5 * self.stretch * ratio).exp()
        side = size.sqrt()
        sides = [
            of.clamp_min(1 / n)  # a pixel
            for of, n in zip((side * root, side / root), self.shape[:2], strict=True)
        ]
        inside = rectangles(u[..., 2:4, 0], (sides[0], sides[1]), self.shape)
        inside = inside & (u[..., 8, :] < self.rate)
        patches = torch.where(u[..., 7, :] < 0.5, self._elsewhere(x, u), u[..., 6, :])
        seen = torch.where(inside, patches, x)
        return seen, (seen - x).abs() > CHANGED

    def _elsewhere(self, x: Tensor, u: Tensor) -> Tensor:
        """Return for each place another one's cells, of another picture: (B, d)."""
        height, width, n = self.shape
        rows, columns = (
            (torch.arange(size, device=x.device) + _below(size, u[..., i, :])) % size
            for i, size in ((4, height), (5, width))
        )
        places = (width * rows[..., :, None] + columns[..., None, :]).flatten(-2)
        if n > 1:
            channels = torch.arange(n, device=x.device)
            places = (n * places[..., None] + channels).flatten(-2)
        return x.roll(1, -2).gather(-1, places)


def _below(n: int, u: Tensor) -> Tensor:
    """Return numbers of n things, each as likely, by u in [0, 1)."""
    return (n * u).long().clamp_max(n - 1)
