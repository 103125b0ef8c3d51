"""Mini-batches as tensors that live on the device.

Letters: C models in a stack, B batch, B' prior samples of a step, S steps that are
gathered together, d columns, k code size. Rows, prior samples and labels of several
steps are gathered at once: the loop itself only cuts views.
"""

import math
from collections.abc import Hashable, Iterator, Sequence
from typing import ClassVar, Protocol

import torch
from torch import Tensor
from torch.utils.data import Dataset

from sklearn_aae.training.data._batch import Batch
from sklearn_aae.utils._random import epoch_seeds, seeded_scope

# Cells of the rows gathered at once: 16 MB of float32.
GATHERED_CELLS = 2**22
# Steps whose prior samples are drawn at once, by one seed.
PRIOR_STEPS = 64
# Prior samples of a step where all rows fit into one batch, if that may be so large.
MIN_PRIOR = 1024

# The tensors of S steps, (S, ...), in the order of `PARTS`.
Piece = tuple[Tensor | None, ...]


def steps_at_once(n_cells: int) -> int:
    """Return how many steps of `n_cells` each are gathered together."""
    return max(1, min(PRIOR_STEPS, GATHERED_CELLS // n_cells))


class DrawsCodes(Protocol):
    """What batches need of a prior."""

    n_classes: int | None

    def draw(self, n_samples: int, y: Tensor | None = None) -> Tensor:
        """Draw codes of shape (n_samples, k), for labels y if given."""
        ...


class Batches(Dataset):
    """The training rows of one model, cut into the batches of each epoch.

    A batch holds `batch_size` rows, or all rows if there are fewer. The last batch of
    an epoch is filled up with the epoch's first rows. If all rows fit into one batch,
    each row enters once, with its weight. If not, weights act through the draw: an
    epoch holds each row about as often as its part of the sum of weights says.

    Each step also has prior samples, as many as rows. If all rows fit into one batch,
    there are up to `MIN_PRIOR`, so that their number does not depend on that of the
    rows: then rows of weight 2 train like rows that stand twice in the table.

    Parameters
    ----------
    x : Tensor of shape (n, d)
        Rows, on the device.

    prior : DrawsCodes
        Draws codes: ``prior.draw(n, y)``.

    batch_size : int
        Rows of a step, and prior samples B' of a step, at most.

    seed : int
        Of all draws. Each epoch derives its own, so that a fit can be continued.

    weight : Tensor of shape (n,) or None, default=None
        Row weights.

    y : Tensor of shape (n,) or None, default=None
        Labels, -1 = unlabelled.

    soft_y : Tensor of shape (n, m) or None, default=None
        Label probabilities that a teacher gives the rows.

    prior_key : hashable, default=None
        Equal for priors that draw equal codes, so that models that train as one stack
        draw them once. None if that is not known.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.priors import Gaussian
    >>> from sklearn_aae.training import Batches
    >>> x = torch.arange(10.0).unsqueeze(1)
    >>> batches = Batches(x, Gaussian(2), batch_size=4, seed=0)
    >>> [(len(batch), tuple(batch.prior.shape)) for batch in batches.epoch(0)]
    [(4, (4, 2)), (4, (4, 2)), (4, (4, 2))]
    >>> rows = torch.cat([batch.x for batch in batches.epoch(0)])
    >>> torch.equal(rows.unique(), x.squeeze())  # each row once, two of them twice
    True
    """

    generator: ClassVar[str] = "encoder"  # see `Batch.generator`

    def __init__(
        self,
        x: Tensor,
        prior: DrawsCodes,
        *,
        batch_size: int,
        seed: int,
        weight: Tensor | None = None,
        y: Tensor | None = None,
        soft_y: Tensor | None = None,
        prior_key: Hashable = None,
    ):
        self.prior_key = prior_key
        self.x, self.prior, self.weight, self.y = x, prior, weight, y
        self.soft_y = soft_y
        self.seed = seed
        # As many for whole weights as for repeated rows.
        n = len(x) if weight is None else max(len(x), round(float(weight.sum())))
        self.n_prior = min(batch_size, max(n, MIN_PRIOR))
        self.batch_size = min(batch_size, len(x))
        self.n_steps = math.ceil(len(x) / self.batch_size)
        self.label_counts: Tensor | None = None
        if y is not None:
            n_labels = 1 + (prior.n_classes or 0)  # the first counts the unlabelled
            self.label_counts = torch.bincount(
                y.cpu() + 1,
                weights=None if weight is None else weight.cpu(),
                minlength=n_labels,
            ).float()

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.x)

    @property
    def n_companions(self) -> int:
        """Number of rows that come with those drawn for a step, as companions."""
        return 0

    @property
    def row_counts(self) -> dict[str, int]:
        """See `Batch.row_counts`."""
        return {}

    @property
    def key(self) -> tuple:
        """What the batches depend on: batches of equal keys are equal."""
        labels = id(self.y), id(self.soft_y)
        rows = (type(self), id(self.x), *labels, id(self.weight))
        prior = id(self.prior) if self.prior_key is None else self.prior_key
        return (*rows, self.batch_size, self.n_prior, self.seed, prior)

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the batches of epoch `number`, counted over all fits of the model."""
        for piece in self.pieces(number, steps_at_once(self.batch_size * self.width)):
            yield from cut(piece, self)

    def pieces(self, number: int, n_together: int) -> Iterator[Piece]:
        """Yield the tensors of epoch `number`, up to `n_together` steps at a time."""
        order_seed, prior_seed = epoch_seeds(self.seed, number, 2)
        order = self._order(order_seed).reshape(self.n_steps, self.batch_size)
        order = self._accompany(order, order_seed)
        weight = None if self._resamples() else self.weight
        if weight is not None:  # the steps hold the same rows: all
            weight = weight[order[0]] / weight[order[0]].sum()
        for start in range(0, self.n_steps, PRIOR_STEPS):
            prior = self._prior_steps(start, prior_seed + start)
            block = order[start : start + PRIOR_STEPS].split(n_together)
            for i, rows in enumerate(block):
                at = slice(i * n_together, i * n_together + len(rows))
                yield (
                    self.x[rows],
                    prior[0][at],
                    None if weight is None else weight.expand(len(rows), -1),
                    None if self.y is None else self.y[rows],
                    None if prior[1] is None else prior[1][at],
                    None if self.soft_y is None else self.soft_y[rows],
                )

    def _prior_steps(self, start: int, seed: int) -> tuple[Tensor, Tensor | None]:
        """Draw the codes, and their labels, of the steps from `start` on."""
        n_steps = min(PRIOR_STEPS, self.n_steps - start)
        codes, y = self.draw_prior(n_steps * self.n_prior, seed)
        codes = codes.reshape(n_steps, self.n_prior, -1)
        return codes, None if y is None else y.reshape(n_steps, -1)

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.x.shape[-1]

    def _accompany(self, order: Tensor, seed: int) -> Tensor:
        """Add companions to the row numbers (S, B) of the steps: none."""
        return order

    def _resamples(self) -> bool:
        """Whether weights act through the draw of the rows, see the class."""
        return self.weight is not None and len(self) > self.batch_size

    def _order(self, seed: int) -> Tensor:
        """Return the row numbers of an epoch, a multiple of the batch size."""
        n = len(self)
        if n == self.batch_size and not self._resamples():
            return torch.arange(n, device=self.x.device)
        n_drawn = self.n_steps * self.batch_size
        generator = torch.Generator().manual_seed(seed)
        order = torch.empty(n_drawn, dtype=torch.int64)  # no second one to lengthen it
        once = torch.randperm(n, generator=generator, out=order[:n])
        if self.weight is None:
            order[n:] = once[: n_drawn - n]
        else:
            order = _resample(self.weight.cpu()[once], n_drawn, generator, once)
        return order.to(self.x.device)

    def draw_prior(self, n: int, seed: int) -> tuple[Tensor, Tensor | None]:
        """Draw n codes, and their labels where rows have labels.

        As many codes as rows, on average, are unlabelled (-1) and come from the whole
        prior; the others have labels as frequent as those of the rows, and come from
        their label's component of the prior (paper, section 2.3).
        """
        with seeded_scope(seed):
            codes = self.prior.draw(n)
            if self.label_counts is None:
                return codes.to(self.x.device, self.x.dtype), None
            y = torch.full((n,), -1)
            unlabelled = self.label_counts[0] / self.label_counts.sum()
            labelled = torch.rand(n, dtype=torch.float32) >= unlabelled
            if labelled.any():
                m = int(labelled.sum())
                y[labelled] = torch.multinomial(self.label_counts[1:], m, True)
                codes[labelled] = self.prior.draw(m, y[labelled]).to(codes)
            return codes.to(self.x.device, self.x.dtype), y.to(self.x.device)


class GANBatches(Batches):
    """Batches of a plain GAN, whose generator makes rows of prior samples.

    They are those of an autoencoder with rows and prior samples exchanged: the critic
    compares what the generator makes of the samples with the rows, as that of an
    autoencoder compares what the encoder makes of the rows with the samples.
    """

    generator = "generator"

    def pieces(self, number: int, n_together: int) -> Iterator[Piece]:
        """Yield samples and rows of epoch `number`, up to `n_together` steps a time."""
        for rows, codes, *_ in super().pieces(number, n_together):
            yield codes, rows, None, None, None, None

    def _resamples(self) -> bool:
        """Whether weights act through the draw of the rows: always, if there are any.

        Weights of a batch belong to what the generator makes, not to the rows.
        """
        return self.weight is not None


def cut(piece: Piece, like: Batches) -> Iterator[Batch]:
    """Cut the tensors of some steps into batches of the kind that `like` yields."""
    options = {"row_counts": like.row_counts, "generator": like.generator}
    n_steps = next(len(part) for part in piece if part is not None)
    parts = [[None] * n_steps if part is None else part.unbind() for part in piece]
    for step in zip(*parts, strict=True):
        yield Batch(*step, **options)  # type: ignore[arg-type, misc]


class StackedBatches:
    """Batches of C models as one: their steps side by side, (C, B, ...).

    Each member gathers from its own rows, in its own order. Rows that are equal in
    several members are stored once (see `share_rows`). Members of equal `key`, as the
    candidates of a search on one fold, gather and draw once.

    Parameters
    ----------
    members : sequence of Batches
        With equal numbers of steps, rows a step, columns, and labels or none.
    """

    def __init__(self, members: Sequence[Batches]):
        self.members = list(members)
        self.n_steps = members[0].n_steps
        self.batch_size = members[0].batch_size
        distinct = {member.key: member for member in self.members}
        self._distinct = list(distinct.values())
        self._places = [[*distinct].index(member.key) for member in self.members]

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the batches of epoch `number`."""
        first = self.members[0]
        cells = len(self.members) * first.batch_size * first.width
        together = steps_at_once(cells)
        streams = [member.pieces(number, together) for member in self._distinct]
        for pieces in zip(*streams, strict=True):
            parts = zip(*[pieces[place] for place in self._places], strict=True)
            stacked = (None if p[0] is None else torch.stack(p, 1) for p in parts)  # type: ignore[arg-type]
            yield from cut(tuple(stacked), first)


def share_rows(known: list[Tensor], batches: Sequence[Batches]) -> None:
    """Let batches of equal rows share one tensor; `known` collects one of each."""
    for data in batches:
        for x in known:
            if x is data.x or (x.shape == data.x.shape and _equal(x, data.x)):
                data.x = x
                break
        else:
            known.append(data.x)


def _equal(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors are equal; the first row decides most cases fast."""
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)):
        return False  # rows of sparse tables
    same_kind = a.dtype == b.dtype and a.device == b.device
    return same_kind and torch.equal(a[0], b[0]) and torch.equal(a, b)


def _resample(
    weight: Tensor, n: int, generator: torch.Generator, rows: Tensor
) -> Tensor:
    """Draw n of the rows in proportion to weight: systematic sampling, then shuffled.

    Each row then appears as often as n times its weight says, rounded up or down.
    """
    level = weight.double().cumsum(0) / weight.double().sum()
    start = torch.rand((), generator=generator, dtype=torch.float32)
    places = (torch.arange(n) + start) / n
    drawn = torch.searchsorted(level, places.double()).clamp_max(len(rows) - 1)
    return rows[drawn][torch.randperm(n, generator=generator)]
