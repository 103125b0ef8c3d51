"""Distributions of rows, p(x|z): what decoders return.

Letters: B batch, d columns, J categorical columns of a group, M its largest number of
categories.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from sklearn_aae.distributions._codes import NO_SHAPE, Shape
from sklearn_aae.distributions._counts import Counts

# Probability below which nothing is drawn.
TINY = 1e-30


class RowDistribution(Distribution):
    """p(x|z) of rows, whose cells are independent of each other: what decoders return.

    A subclass gives `mean` and `cells`; the rest follows for columns of numbers.
    """

    arg_constraints = {}
    support = constraints.real_vector

    def cells(self, value: Tensor) -> Tensor:
        """Log-probability (of numbers: log density) of each cell, (..., d)."""
        raise NotImplementedError

    def cells_of_noise(self, value: Tensor, deviation: float) -> Tensor:
        """`cells`, with numbers that scatter more or less about their mean: (..., d).

        If p is the density of x̂ + ε, that of x̂ + s ε is p(x̂ + (x - x̂)/s)/s.

        Parameters
        ----------
        value : Tensor of shape (..., d)
            Rows.

        deviation : float
            s: how many times as much.
        """
        mean = self.mean
        numbers = ~(self.discrete | value.isnan())
        moved = torch.where(numbers, mean + (value - mean) / deviation, value)
        # A truth value times a number would be of torch's default dtype.
        return self.cells(moved) - numbers.to(moved) * math.log(deviation)

    def log_prob(self, value: Tensor) -> Tensor:
        """Sum over the cells of a row, in nats: (...,)."""
        return self.cells(value).sum(-1)

    def balanced_log_prob(self, value: Tensor) -> Tensor:
        """`log_prob` as the training takes it: columns may have weights, (...,)."""
        return self.log_prob(value)

    def unexplained(self, value: Tensor) -> Tensor:
        """Squared error of the mean, the part of a row that it leaves open: (...,)."""
        return (value - self.mean).square().sum(-1)

    @property
    def discrete(self) -> Tensor:
        """Whether a column's cells have probabilities, not densities: (d,)."""
        return torch.zeros(self.event_shape, dtype=torch.bool, device=self.mean.device)

    def by_kind(self, numbers: Tensor, discrete: Callable[[], Tensor]) -> Tensor:
        """Return `numbers` in columns of numbers and ``discrete()`` in the others.

        Both are of shape (..., d). `discrete` is not called without such columns.
        """
        return numbers


class IndependentCells(RowDistribution):
    """Numeric columns, each cell with a distribution of its own.

    Parameters
    ----------
    base : Distribution of batch shape (..., d)
        Of the cells.
    """

    def __init__(self, base: Distribution):
        self.base = base
        shape = base.batch_shape
        super().__init__(shape[:-1], shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The mean of each cell."""
        return self.base.mean

    def cells(self, value: Tensor) -> Tensor:
        """Log density of each cell, (..., d)."""
        return self.base.log_prob(value)

    def sample(self, sample_shape: Shape = NO_SHAPE) -> Tensor:
        """Draw each cell."""
        return self.base.sample(torch.Size(sample_shape))


class UnitGaussian(RowDistribution):
    """N(mean, I) over the last axis, with the cheapest possible log density."""

    def __init__(self, mean: Tensor):
        self._mean = mean
        super().__init__(mean.shape[:-1], mean.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self._mean

    def cells(self, value: Tensor) -> Tensor:
        """-½(x - mean)² - ½ log 2π of each cell."""
        return -0.5 * ((value - self._mean).square() + math.log(2 * math.pi))

    def log_prob(self, value: Tensor) -> Tensor:
        """-½‖x - mean‖² - ½ d log 2π of each row."""
        d = self._mean.shape[-1]
        squares = (value - self._mean).square().sum(-1)
        return -0.5 * (squares + d * math.log(2 * math.pi))

    def sample(self, sample_shape: Shape = NO_SHAPE) -> Tensor:
        """Draw mean + ε."""
        mean = self._mean.expand(*sample_shape, *self._mean.shape)
        return mean + torch.randn_like(mean)


class Columns(RowDistribution):
    """Independent columns of several types; a NaN cell is one that was not observed.

    Numeric columns have a density each, columns of counts probabilities, categorical
    ones the logits of their categories; the value of a categorical cell is the number
    of its category.

    Parameters
    ----------
    numeric : Distribution of shape (..., n)
        Of the numeric columns, each cell its own.

    counts : Counts of shape (..., l) or None
        Of the columns of counts.

    logits : sequence of Tensor of shape (..., J, M)
        Of the categorical columns, in groups of about one number of categories. What a
        column lacks of M is filled up with logits of hardly any probability.

    order : Tensor of shape (d,), int64
        Places of the columns in a row: the numeric ones, the counts, then group by
        group.

    weight : Tensor of shape (d,) or (C, d)
        Factor of each column in `balanced_log_prob`, in that order.

    Examples
    --------
    A number and a category of four, of one row; a cell that is missing says nothing.

    >>> import torch
    >>> from torch.distributions import Normal
    >>> from sklearn_aae.distributions import Columns
    >>> numeric, logits = Normal(torch.zeros(1), 1.0), [torch.zeros(1, 4)]
    >>> p = Columns(numeric, None, logits, order=torch.arange(2), weight=torch.ones(2))
    >>> p.cells(torch.tensor([0.0, 3.0])).exp()  # 1 / √2π and 1 / 4
    tensor([0.3989, 0.2500])
    >>> p.log_prob(torch.tensor([torch.nan, 3.0])).exp()
    tensor(0.2500)
    """

    def __init__(
        self,
        numeric: Distribution,
        counts: Counts | None,
        logits: Sequence[Tensor],
        order: Tensor,
        weight: Tensor,
    ):
        self.numeric, self.counts = numeric, counts
        self.numbers = [numeric] if counts is None else [numeric, counts]
        self.logits, self.order, self.weight = list(logits), order, weight
        self._sizes = [p.batch_shape[-1] for p in self.numbers]
        self.n_numbers = sum(self._sizes)
        batch, d = numeric.batch_shape[:-1], order.shape
        super().__init__(batch, d, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Means of numbers and counts, the most probable categories of the others."""
        return self._in_row([g.argmax(-1) for g in self.logits], self._means)

    @property
    def _means(self) -> Tensor:
        return torch.cat([p.mean for p in self.numbers], -1)

    @property
    def discrete(self) -> Tensor:
        """Whether a column's cells have probabilities, (d,): counts and categories."""
        return self.order.argsort() >= self._sizes[0]

    def by_kind(self, numbers: Tensor, discrete: Callable[[], Tensor]) -> Tensor:
        """Return `numbers` in columns of numbers and ``discrete()`` in the others."""
        return torch.where(self.discrete, discrete(), numbers)

    def sample(self, sample_shape: Shape = NO_SHAPE) -> Tensor:
        """Draw rows, all cells observed."""
        shape = torch.Size(sample_shape)
        draws = torch.rand(
            *shape, *self.batch_shape, *self.event_shape, dtype=torch.float32
        )
        numbers = torch.cat([p.sample(shape) for p in self.numbers], -1)
        return self._in_row(self._at(draws.to(numbers)), numbers)

    def coupled(self, value: Tensor, other: "Columns", level: Tensor) -> Tensor:
        """Return means of numbers and counts, and categories coupled with a row's.

        Parameters
        ----------
        value : Tensor of shape (..., d)
            A row, drawn of `other`.

        other : Columns
            The distribution of the same columns elsewhere.

        level : Tensor of shape (..., d)
            Within [0, 1): uniform ones make the categories draws of this distribution,
            as few of them as possible other than those of `value` (maximal coupling).
        """
        value, level = (x.index_select(-1, self.order) for x in (value, level))
        codes, at = [], self.n_numbers
        for here, there in zip(self.logits, other.logits, strict=True):
            J = here.shape[-2]
            cells, u = (x[..., at : at + J].unsqueeze(-1) for x in (value, level))
            codes.append(_couple(here.softmax(-1), there.softmax(-1), cells.long(), u))
            at += J
        return self._in_row(codes, self._means)

    def coupled_log_prob(
        self, value: Tensor, other: "Columns", wanted: Tensor
    ) -> Tensor:
        """Log-probability of the categories that `coupled` may draw, (..., d).

        Parameters
        ----------
        value, other
            See `coupled`.

        wanted : Tensor of shape (..., d)
            Categories.
        """
        value, wanted = (x.index_select(-1, self.order) for x in (value, wanted))
        parts, at = [self._means.new_zeros(self._means.shape)], self.n_numbers
        for here, there in zip(self.logits, other.logits, strict=True):
            J = here.shape[-2]
            x, to = (c[..., at : at + J].long().unsqueeze(-1) for c in (value, wanted))
            p, q = here.softmax(-1), there.softmax(-1)
            stays, more = _coupling(p, q, x)
            goes = (
                (1 - stays) * more.gather(-1, to) / more.sum(-1, True).clamp_min(TINY)
            )
            parts.append((goes + stays * (x == to)).squeeze(-1).clamp_min(TINY).log())
            at += J
        return self._back(torch.cat(parts, -1))

    def _at(self, level: Tensor) -> list[Tensor]:
        """Return each group's categories at levels of their cumulative probability."""
        level, at = level.index_select(-1, self.order), self.n_numbers
        codes = []
        for logits in self.logits:
            J = logits.shape[-2]
            u = level[..., at : at + J].unsqueeze(-1)
            codes.append(_at_level(logits.softmax(-1), u))
            at += J
        return codes

    def log_prob(self, value: Tensor) -> Tensor:
        """Sum over the observed cells of a row, in nats: (..., )."""
        return self._cells(value).sum(-1)

    def balanced_log_prob(self, value: Tensor) -> Tensor:
        """`log_prob` with each column's cells times its weight."""
        return (self._cells(value) * self.weight.unsqueeze(-2)).sum(-1)

    def cells(self, value: Tensor) -> Tensor:
        """Log-probability of each cell, 0 of those not observed: (..., d)."""
        return self._back(self._cells(value))

    def unexplained(self, value: Tensor) -> Tensor:
        """Squared error of numbers, and -2 log p of categories by weight: (..., ).

        With weights of ½ over the entropy of a column, it is 1 on average where only
        the frequencies of the categories are known; as it is for a column of variance
        1 of which only the mean is known.
        """
        x, seen = self._grouped(value)
        n = self.n_numbers
        squares = (x[..., :n] - self._means).square()
        surprise = -2 * self._categorical(x) * self.weight.unsqueeze(-2)[..., n:]
        residual = torch.cat([squares, surprise], -1)
        return torch.where(seen, residual, residual.new_zeros(())).sum(-1)

    def _cells(self, value: Tensor) -> Tensor:
        """`cells` in the order of the groups."""
        x, seen = self._grouped(value)
        parts = x[..., : self.n_numbers].split(self._sizes, -1)
        of_numbers = [p.log_prob(v) for p, v in zip(self.numbers, parts, strict=True)]
        log_prob = torch.cat([*of_numbers, self._categorical(x)], -1)
        return torch.where(seen, log_prob, log_prob.new_zeros(()))

    def _grouped(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Return cells in the order of the groups, 0 and False if not observed."""
        x = value.index_select(-1, self.order)
        seen = ~x.isnan()
        return torch.where(seen, x, x.new_zeros(())), seen

    def _categorical(self, x: Tensor) -> Tensor:
        """Return log p of the categorical cells of grouped rows."""
        at, parts = self.n_numbers, []
        for logits in self.logits:
            J = logits.shape[-2]
            codes = x[..., at : at + J].long().unsqueeze(-1)
            parts.append(logits.log_softmax(-1).gather(-1, codes).squeeze(-1))
            at += J
        return torch.cat(parts, -1) if parts else x[..., at:]

    def _in_row(self, codes: list[Tensor], numbers: Tensor) -> Tensor:
        """Return rows of numbers and category numbers, in the columns' own order."""
        return self._back(torch.cat([numbers, *(c.to(numbers) for c in codes)], -1))

    def _back(self, grouped: Tensor) -> Tensor:
        return grouped.index_select(-1, self.order.argsort())


def _couple(p: Tensor, q: Tensor, drawn: Tensor, level: Tensor) -> Tensor:
    """Return draws of p, the maximal coupling with draws of q: (..., J).

    A draw x of q stays with probability min(1, p(x) / q(x)); else it is one of
    max(p - q, 0), normalised.

    Parameters
    ----------
    p, q : Tensor of shape (..., J, M)
        Probabilities.

    drawn, level : Tensor of shape (..., J, 1)
        Draws of q, and uniform numbers.
    """
    stays, more = _coupling(p, q, drawn)
    rest = (level - stays) / (1 - stays).clamp_min(TINY)  # uniform, if x goes
    kept = (level < stays) | (more.sum(-1, keepdim=True) <= 0)
    return torch.where(kept.squeeze(-1), drawn.squeeze(-1), _at_level(more, rest))


def _at_level(weight: Tensor, level: Tensor) -> Tensor:
    """Return places of the cumulative weight; none that has no weight: (..., J).

    Parameters
    ----------
    weight : Tensor of shape (..., J, M)
        Not below 0.

    level : Tensor of shape (..., J, 1)
        Fraction of the sum, within [0, 1).
    """
    edges = weight.cumsum(-1)
    place = torch.arange(weight.shape[-1], device=weight.device)
    last = torch.where(weight > 0, place, 0).amax(-1)  # a level may be rounded up to 1
    return (edges <= level * edges[..., -1:]).sum(-1).minimum(last)


def _coupling(p: Tensor, q: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
    """Return the probability that draws of q stay, and what p has more than q."""
    stays = (p / q.clamp_min(TINY)).gather(-1, drawn).clamp_max(1)
    return stays, (p - q).clamp_min(0)
