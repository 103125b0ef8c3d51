"""New rows around training rows: codes near theirs, and what codes leave open of them.

A row is drawn in three steps. A training row (x₀, z₀) is drawn, and a code z of the
Gaussian with the moments of the K codes nearest to z₀: all of it is a density of codes
that follows them wherever they lie ("manifold Parzen windows", Vincent and Bengio,
NeurIPS 2002). Then x takes from x₀ what the code leaves open, all columns together:

- a number moves, in normal scores s, by what its decoded mean has moved:
  s(x) = s(x₀) + m(g(z)) - m(g(z₀)), m(g) the mean score of rows that are decoded as g;
- a category stays with probability min(1, p(x₀|z) / p(x₀|z₀)), and is else drawn of
  what p(·|z) has more than p(·|z₀): the maximal coupling of the two;
- a missing cell is missing.

Letters: N examples, n rows drawn, d columns, k width of a code, K neighbours.
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np
from torch import Tensor

from sklearn_aae.estimators._examples import Examples
from sklearn_aae.estimators._model import FittedModel
from sklearn_aae.estimators._moves import NumberMoves
from sklearn_aae.estimators._neighborhood import Neighborhood
from sklearn_aae.estimators._stream import stream
from sklearn_aae.estimators._transport import ClassTransport
from sklearn_aae.tabular import Dependencies
from sklearn_aae.utils._modes import plain_torch
from sklearn_aae.utils._random import systematic

# Class number that stands for all examples.
ANY = -2
# Deviation, in normal scores, of numbers that count as a given one.
BANDWIDTH = 0.05
# Log weight of a row that is not as it was asked for.
NEVER = -np.inf


class RowSampler:
    """Draws rows around the examples that a model has kept.

    Parameters
    ----------
    model : FittedModel
        That encodes and decodes.

    examples : dict of ndarray
        See `sklearn_aae.estimators._examples`.

    pools : callable
        Maps the examples' codes (N, k) and labels (N,) to the class number of each,
        -1 for none.

    style : int
        Place of the first column of a code that is drawn; those before are labels,
        and stay.

    n_classes : int
        Number of classes that styles can be moved between.
    """

    def __init__(
        self,
        model: FittedModel,
        examples: Examples,
        pools: Callable[[np.ndarray, np.ndarray], np.ndarray],
        style: int,
        n_classes: int,
    ):
        self.model, self.style, self.n_classes = model, style, n_classes
        self._kept = examples["rows"]
        self.labels = examples["labels"]
        self.weight = examples["weight"]
        self.codes = model.encode(self._kept.astype(np.float64)).astype(np.float64)
        self.pools = pools(self.codes, self.labels)
        self._neighborhoods: dict[int, Neighborhood] = {}

    # --- codes ------------------------------------------------------------------------

    def codes_around(self, n: int, pools: np.ndarray | None, seed: int) -> np.ndarray:
        """Draw codes from the density of the examples' codes.

        Parameters
        ----------
        n : int
            Number of codes.

        pools : ndarray of shape (n,) or None
            Class number of each; None draws one as often as there are examples of it.

        seed : int
            Of the draw.

        Returns
        -------
        places : ndarray of shape (n, k + 1)
            Codes, and the number of the example that each is drawn around.
        """
        rng = np.random.RandomState(seed)
        at = np.empty(n, dtype=np.int64)
        if pools is None:
            at[:] = self._by_weight(np.arange(len(self.codes)), n, rng)
        else:
            for c in np.unique(pools):
                n_of = int((pools == c).sum())
                at[pools == c] = self._by_weight(self._members(c), n_of, rng)
        codes = self.codes[at]
        asked = self.pools[at] if pools is None else pools
        for c in np.unique(asked):
            of_class = np.flatnonzero(asked == c)
            around = self._neighborhood(c).draw(at[of_class], rng)
            codes[of_class, self.style :] = around
        return np.column_stack([codes, at])

    def beside_nearest(
        self, codes: np.ndarray, pools: np.ndarray | None, seed: int
    ) -> np.ndarray:
        """Draw for each code one of the examples whose codes are nearest.

        Parameters
        ----------
        codes : ndarray of shape (n, k)
            Codes.

        pools : ndarray of shape (n,) or None
            Class number that each example is to have; None for any.

        seed : int
            Of the draw.

        Returns
        -------
        places : ndarray of shape (n, k + 1)
            The codes, and the numbers of the examples.
        """
        rng = np.random.RandomState(seed)
        asked = np.full(len(codes), ANY) if pools is None else pools
        at = np.empty(len(codes), dtype=np.int64)
        for c in np.unique(asked):
            of_class = asked == c
            near = self._neighborhood(c).near(codes[of_class, self.style :])
            column = rng.randint(near.shape[1], size=len(near))
            at[of_class] = near[np.arange(len(near)), column]
        return np.column_stack([codes, at])

    def _by_weight(self, members: np.ndarray, n: int, rng) -> np.ndarray:
        """Return n of some examples by weight, in random order."""
        at = systematic(self.weight[members], n, rng.uniform())
        return members[rng.permutation(at)]

    def _members(self, c: int) -> np.ndarray:
        """Return the examples of a class; of one without any, all examples."""
        members = np.flatnonzero((self.pools == c) | (c == ANY))
        return members if len(members) else np.arange(len(self.codes))

    def _neighborhood(self, c: int) -> Neighborhood:
        if c not in self._neighborhoods:
            members = self._members(c)
            styles = self.codes[members, self.style :]
            self._neighborhoods[c] = Neighborhood(members, styles)
        return self._neighborhoods[c]

    @cached_property
    def transport(self) -> ClassTransport:
        """What moves styles from class to class."""
        styles = self.codes[:, self.style :]
        return ClassTransport(styles, self.pools, self.weight, self.n_classes)

    # --- cells ------------------------------------------------------------------------

    @cached_property
    def rows(self) -> np.ndarray:
        """Rows of the examples, (N, d): eight times as large as 8-bit pixels."""
        return self._kept.astype(np.float64)

    @cached_property
    def _categorical(self) -> np.ndarray:
        """Whether each column holds categories, (d,)."""
        return np.array(self.model.columns.n_categories) > 0

    @cached_property
    def _dependencies(self) -> Dependencies:
        return Dependencies(self.rows)

    @cached_property
    def _numbers(self) -> dict[int, NumberMoves]:
        """How numbers move, by their columns: those of others stay.

        So do numbers that fix other columns: the next one may mean another world.
        """
        fixing = [a for a, _ in self._dependencies.pairs]
        moving = ~self._categorical & ~np.isnan(self.rows).all(0)
        moving[fixing] = False
        columns = np.flatnonzero(moving)
        y = self.labels if self.model.decoder.conditional else None
        means = self._decode_means(columns, self.codes, y)
        return {
            j: NumberMoves(self.rows[:, j], means[:, i], self.weight)
            for i, j in enumerate(columns)
        }

    @plain_torch()
    def draw_cells(
        self,
        places: np.ndarray,
        labels: np.ndarray | None,
        seed: int,
        known: np.ndarray | None = None,
    ) -> np.ndarray:
        """Draw rows of codes, with what other codes leave open of their examples.

        Parameters
        ----------
        places : ndarray of shape (n, k + 1)
            Codes, and the number of an example for each.

        labels : ndarray of shape (n,) or None
            Class numbers of the codes, of a decoder that sees them.

        seed : int
            Of the draw.

        known : ndarray of shape (d,) or None, default=None
            Cells that all rows have, NaN for the others.

        Returns
        -------
        rows : ndarray of shape (n, d)
            In the units of the table; NaN is a missing cell.
        """
        at = places[:, -1].astype(np.int64)
        rows, rng = self.rows[at], np.random.RandomState(seed)
        level = rng.uniform(size=rows.shape)
        numbers, categories = list(self._numbers), np.flatnonzero(self._categorical)
        means = self._decode_means(numbers, places[:, :-1], labels)
        for i, j in enumerate(numbers):
            scores = self._numbers[j].move(at, means[:, i], level[:, j])
            rows[:, j] = self._numbers[j].scores.numbers(scores)
        if len(categories):
            hole = np.isnan(rows[:, categories])
            cells = np.hstack(
                [np.nan_to_num(rows[:, categories]), level[:, categories]]
            )
            drawn = self._compare("coupled", categories, places, labels, cells)
            rows[:, categories] = np.where(hole, np.nan, drawn)
        for j in np.flatnonzero(~np.array(self.model.columns.nullable)):
            hole, seen = np.isnan(rows[:, j]), self.rows[~np.isnan(self.rows[:, j]), j]
            rows[hole, j] = rng.choice(seen, hole.sum()) if hole.any() else []
        stated = np.zeros(rows.shape[1], dtype=bool)
        if known is not None:
            known = self._dependencies.complete(known)
            stated = ~np.isnan(known)
            rows[:, stated] = known[stated]
        return self._dependencies.apply(rows, stated)

    @plain_torch()
    def weigher(self, known: np.ndarray) -> Callable[..., np.ndarray]:
        """Return a function from places and labels to log weights of rows.

        A row is drawn with cells near the known ones with a probability that falls with
        the weight: that of a category is the one to draw it, that of a number a kernel
        of its normal score.

        Parameters
        ----------
        known : ndarray of shape (d,)
            Cells, NaN where none is given.
        """
        known = self._dependencies.complete(known)
        stated = ~np.isnan(known)
        numbers = [j for j in self._numbers if stated[j]]
        categories = np.flatnonzero(stated & self._categorical)
        others = [
            j
            for j in np.flatnonzero(stated & ~self._categorical)
            if j not in self._numbers
        ]

        def weigh(places: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
            at = places[:, -1].astype(np.int64)
            log_w = np.zeros(len(at))
            means = self._decode_means(numbers, places[:, :-1], labels)
            for i, j in enumerate(numbers):
                gap = self._numbers[j].gap(at, means[:, i], known[j])
                log_w -= 0.5 * (gap / BANDWIDTH) ** 2
            if len(categories):
                seen = self.rows[at][:, categories]
                wanted = np.broadcast_to(known[categories], seen.shape)
                cells = np.hstack([np.nan_to_num(seen), wanted])
                log_p = self._compare(
                    "coupled_log_prob", categories, places, labels, cells
                )
                log_w += np.where(np.isnan(seen), NEVER, log_p).sum(1)
            differs = (self.rows[at][:, others] != known[others]).any(1)
            return np.where(differs, NEVER, log_w)

        return weigh

    def _decode_means(self, columns, codes, labels) -> np.ndarray:
        """Return decoded means of some columns of numbers, scaled, (n, columns)."""
        if not len(columns):
            return np.empty((len(codes), 0))
        decoder = self.model.decoder.only_columns([int(j) for j in columns])
        y = labels if decoder.conditional else None
        means = stream(decoder, lambda z, y=None: decoder(z, y).mean, codes, labels=y)
        return means.astype(np.float64)

    def _compare(self, ask, columns, places, labels, cells) -> np.ndarray:
        """Return what the distribution at codes says beside that at examples' codes.

        `ask` is a method of `Columns` that takes a row drawn there, that
        distribution, and something else; `cells` holds the two side by side.
        """
        decoder = self.model.decoder.only_columns([int(j) for j in columns])
        at, k = places[:, -1].astype(np.int64), self.codes.shape[1]
        y = None
        if decoder.conditional:
            y = np.column_stack([labels, self.labels[at]])

        def answer(parts: Tensor, y: Tensor | None = None) -> Tensor:
            sizes = [k, k, len(columns), len(columns)]
            z, z0, drawn, other = parts.split(sizes, -1)
            here, there = (None, None) if y is None else y.unbind(-1)
            return getattr(decoder(z, here), ask)(drawn, decoder(z0, there), other)

        parts = np.hstack([places[:, :-1], self.codes[at], cells])
        return stream(decoder, answer, parts, labels=y).astype(np.float64)
