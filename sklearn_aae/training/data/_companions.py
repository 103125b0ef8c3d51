"""Batches in which the drawn rows come with companions: labelled rows, neighbours.

Letters: S steps, B rows drawn for a step, L labelled companions. A step's rows stand in
this order: the B drawn, the L labelled, then a neighbour of each of these B + L.
"""

import torch
from torch import Tensor

from sklearn_aae.training.data._batches import Batches


class NeighborBatches(Batches):
    """Batches whose second half holds a neighbour of each row of the first half.

    It is drawn anew in each epoch, from the row's nearest neighbours.

    Parameters
    ----------
    neighbors : Tensor of shape (n, n_neighbors), int64
        Numbers of the nearest neighbours of each row.

    **options : dict
        Of `Batches`.
    """

    def __init__(self, x: Tensor, prior, *, neighbors: Tensor, **options):
        super().__init__(x, prior, **options)
        self.neighbors = neighbors

    @property
    def key(self) -> tuple:
        """What the batches depend on: batches of equal keys are equal."""
        return (*super().key, id(self.neighbors))

    @property
    def n_companions(self) -> int:
        """Number of companions in a batch: B neighbours, L labelled, L neighbours."""
        return self.batch_size + 2 * super().n_companions

    @property
    def row_counts(self) -> dict[str, int]:
        """See `Batch.row_counts`: B rows are drawn, B + L are no neighbours."""
        n = self.batch_size
        return {"drawn": n} | super().row_counts | {"own": n + super().n_companions}

    def _accompany(self, order: Tensor, seed: int) -> Tensor:
        """Add a neighbour of each row: twice as many row numbers for each step."""
        order = super()._accompany(order, seed)
        generator = torch.Generator().manual_seed(seed)
        n_neighbors = self.neighbors.shape[1]
        picks = torch.randint(n_neighbors, order.shape, generator=generator)
        return torch.cat([order, self.neighbors[order, picks.to(order.device)]], -1)


class LabelledBatches(Batches):
    """Batches in which labelled rows follow the drawn ones.

    With few labels, most batches would hold none. Labelled rows are drawn for each
    step, unless it takes all. If every row is labelled, none are added. If weights act
    through the draw of the rows, they also act through that of the labelled rows. Prior
    samples have no labels: here the encoder infers them, and no critic sees them.

    Parameters
    ----------
    y : Tensor of shape (n,)
        Labels, -1 = unlabelled.

    labelled_size : int or None, default=None
        Number L of labelled rows in a batch, if there are as many. None for as many as
        rows are drawn.

    **options : dict
        Of `Batches`.
    """

    def __init__(
        self,
        x: Tensor,
        prior,
        *,
        y: Tensor,
        labelled_size: int | None = None,
        **options,
    ):
        super().__init__(x, prior, **options)
        self.y, self.labelled_size = y, labelled_size
        self.labelled = (y >= 0).nonzero().squeeze(-1)

    @property
    def key(self) -> tuple:
        """What the batches depend on: batches of equal keys are equal."""
        return (*super().key, self.n_labelled)

    @property
    def n_labelled(self) -> int:
        """Number L of labelled rows that follow the drawn ones."""
        n = len(self.labelled)
        return 0 if n == len(self) else min(n, self.labelled_size or self.batch_size)

    @property
    def n_companions(self) -> int:
        """Number of companions in a batch: its labelled rows."""
        return self.n_labelled

    @property
    def row_counts(self) -> dict[str, int]:
        """See `Batch.row_counts`: B rows are drawn."""
        return {"drawn": self.batch_size} if self.n_labelled else {}

    def _accompany(self, order: Tensor, seed: int) -> Tensor:
        """Add labelled rows to each step: (S, B + L)."""
        n, n_steps = self.n_labelled, len(order)
        rows = self.labelled.expand(n_steps, -1)
        generator = torch.Generator().manual_seed(seed)
        if n and self._resamples():
            assert self.weight is not None
            weight = self.weight[self.labelled].cpu().expand(n_steps, -1)
            picks = torch.multinomial(weight, n, replacement=True, generator=generator)
            rows = rows.gather(1, picks.to(rows.device))
        elif n < len(self.labelled):
            shape = n_steps, len(self.labelled)
            draw = torch.rand(shape, generator=generator, dtype=torch.float32)
            rows = rows.gather(1, draw.argsort(-1)[:, :n].to(rows.device))
        return torch.cat([order, rows[:, :n]], -1)


class LabelledNeighborBatches(NeighborBatches, LabelledBatches):
    """Batches of drawn rows, labelled rows, and then a neighbour of each of them."""
