"""What later rows tell of columns: scales of those that begin to vary, and weights."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
from scipy.stats import entropy
from sklearn.preprocessing import MinMaxScaler

from sklearn_aae.tabular._scalers import SCALERS, WEIGHTED
from sklearn_aae.tabular._schema import TableSchema
from sklearn_aae.tabular._sparse import SparseTable
from sklearn_aae.tabular._statistics import (
    category_masses,
    category_weight,
    chunks,
    count_weight,
    extent,
    shares_of,
    value_masses,
)

# The different cells of a column of counts, and the weight of the rows of each.
Masses = tuple[np.ndarray, np.ndarray]


class LateScales:
    """How a fitted `TablePreprocessor` goes on, see there for its attributes."""

    scale: str | None
    seed: int
    span: tuple[float, float] | None
    scaler_: Any
    schema_: TableSchema
    low_: np.ndarray
    high_: np.ndarray
    empty_: np.ndarray
    counts_: np.ndarray
    means_: np.ndarray
    late_scalers_: list[tuple[np.ndarray, Any]]
    # Of preprocessors that were stored before there were any.
    masses_: Sequence[tuple[int, np.ndarray]] = ()
    late_counts_: Sequence[tuple[int, Masses]] = ()
    variance_: np.ndarray = np.zeros(())
    mass_: float = 0.0

    def with_late_scales(
        self,
        X: np.ndarray | SparseTable,
        weight: np.ndarray | None = None,
        *,
        new_rows: bool = True,
    ) -> Self:
        """Return a preprocessor with scales for columns that vary in later rows only.

        A number gets the scale of the first rows in which it varies, for good.
        Categories, and counts that did not vary at first, have the weight that is
        theirs in all rows so far: the first rows in which a column varies may be some
        in which it hardly does.

        Parameters
        ----------
        X : ndarray or SparseTable of shape (n_samples, n_features)
            Rows to train on.

        weight : ndarray of shape (n_samples,) or None, default=None
            Their weights.

        new_rows : bool, default=True
            Whether none of the rows was there before, see `count_categories`.
        """
        still = np.array([c is not None for c in self.schema_.constants])
        masses = self._masses_before(still)
        counts = self._counts_before(still | self.empty_)
        if not (still.any() or self.empty_.any() or masses or counts):
            return self
        low, high, _ = extent(X)
        new = copy.copy(self)
        new.low_, new.high_ = np.fmin(self.low_, low), np.fmax(self.high_, high)
        new.variance_ = self.variance_ + np.zeros(len(still))
        new.means_ = self.means_.copy()
        joined = np.add if new_rows else np.maximum
        mass = float(len(X) if weight is None else weight.sum())
        new.mass_ = float(joined(self.mass_, mass))
        # A column whose first known cells are all equal has no scale yet.
        late = (still | self.empty_) & (new.low_ < new.high_)
        new.empty_ = self.empty_ & ~late
        weights = np.array(self.schema_.weights)
        counted = np.isin(np.arange(len(late)), self.counts_)
        numbers = late & ~counted & (np.array(self.schema_.n_categories) == 0)
        if numbers.any():
            new._scale_late_numbers(X, weight, np.flatnonzero(numbers), self.low_)
        new._weigh_late_counts(X, weight, counts, weights, joined)
        new._weigh_categories(X, weight, masses, weights, joined)
        more = float(np.sum(new.variance_ - self.variance_))
        new.schema_ = replace(
            self.schema_,
            means=tuple(new.means_.tolist()),
            weights=tuple(weights.tolist()),
            total_variance=self.schema_.total_variance + more,
            constants=new._constants(still & ~late),
        )
        return new

    def _constants(self, still: np.ndarray) -> tuple[float | None, ...]:
        raise NotImplementedError

    def _masses_before(self, still) -> Sequence[tuple[int, np.ndarray]]:
        """Return the masses of categories of earlier rows.

        They were not stored once: what varied then keeps its weight.
        """
        if "masses_" in vars(self):
            return self.masses_
        sizes = self.schema_.n_categories
        late = np.flatnonzero(still).tolist()
        return [(j, np.zeros(sizes[j])) for j in late if sizes[j]]

    def _counts_before(self, waiting) -> Sequence[tuple[int, Masses]]:
        """Return what columns of counts held in earlier rows that did not vary there.

        Of a preprocessor that was stored before they were kept, as one row.
        """
        if "late_counts_" in vars(self):
            return self.late_counts_
        places = self.counts_[waiting[self.counts_]].tolist()
        return [(j, value_masses(self.low_[[j]])) for j in places]

    def _span_scaler(self, n_columns: int) -> MinMaxScaler:
        """Return what maps `span` to [0, 1]."""
        scaler = MinMaxScaler().set_output(transform="default")
        return scaler.fit(np.tile(np.array(self.span)[:, None], n_columns))

    def _scale_late_numbers(self, X, weight, places: np.ndarray, low) -> None:
        """Learn scale, mean and variance of columns of numbers that vary by now.

        `low` is what they held before, where they held anything: one row more.
        """
        cells = np.concatenate([low[None, places], _columns(X, places)])
        w = np.ones(len(cells)) if weight is None else np.r_[weight.mean(), weight]
        scaled = cells
        if self.scale is not None:
            scaler = self._late_scaler(cells, None if weight is None else w)
            self.late_scalers_ = [*self.late_scalers_, (places, scaler)]
            scaled = scaler.transform(cells)
        known = w[:, None] * ~np.isnan(scaled)
        mean = (known * np.nan_to_num(scaled)).sum(0) / known.sum(0)
        squares = np.nan_to_num(scaled - mean) ** 2
        self.means_[places] = mean
        self.variance_[places] = (known * squares).sum(0) / w.sum()

    def _late_scaler(self, cells: np.ndarray, weight):
        """Return the scaler of columns that vary by now."""
        if self.span is not None:
            return self._span_scaler(cells.shape[1])
        options = {}
        if self.scale in WEIGHTED and weight is not None:
            options["sample_weight"] = weight
        scaler = SCALERS[self.scale](len(cells), self.seed)
        scaler = scaler.set_output(transform="default").fit(cells, **options)
        if self.scale == "common":
            scaler.scale_ = np.full(cells.shape[1], self.scaler_.scale_[0])
        return scaler

    def _weigh_late_counts(self, X, weight, before, weights, joined) -> None:
        """Count what is in columns of counts that did not vary at first; weigh them."""
        self.late_counts_ = [
            (j, _join(masses, masses_of_column(X, j, weight), joined))
            for j, masses in before
        ]
        for j, (values, masses) in self.late_counts_:
            if len(values) < 2:
                continue
            counts = self.schema_.counts[j]
            assert counts is not None
            shift, scale = counts
            scaled = (np.log1p(values) - shift) / scale
            self.means_[j] = mean = np.average(scaled, weights=masses)
            square = masses @ (scaled - mean) ** 2
            self.variance_[j] = square / max(self.mass_, masses.sum())
            weights[j] = count_weight(values, masses)

    def _weigh_categories(self, X, weight, before, weights, joined) -> None:
        """Count the categories of rows; set the columns' weights and variances."""
        self.masses_ = [
            (j, joined(masses, category_masses(X[:, j], weight, len(masses))))
            for j, masses in before
        ]
        for j, masses in self.masses_:
            shares = shares_of(masses)
            weights[j] = category_weight(shares)
            # Rows that are others than those before, but taken for the same, sum to
            # more than there are.
            known = min(masses.sum() / self.mass_, 1.0)
            self.variance_[j] = 2 * weights[j] * entropy(shares) * known


def masses_of_column(X: np.ndarray | SparseTable, j: int, weight) -> Masses:
    """Return the different cells of a column, and the weight of the rows of each."""
    if isinstance(X, SparseTable):
        return X.value_counts(j, weight)
    return value_masses(X[:, j], weight)


def _join(one: Masses, other: Masses, joined) -> Masses:
    """Return the different cells of two sets of rows, and their weights."""
    values = np.union1d(one[0], other[0])
    parts = np.zeros((2, len(values)))
    for part, (cells, masses) in zip(parts, (one, other), strict=True):
        np.add.at(part, np.searchsorted(values, cells), masses)
    masses = joined(*parts)
    return values[masses > 0], masses[masses > 0]


def _columns(X, places) -> np.ndarray:
    """Return some columns of rows, dense."""
    return np.concatenate([np.asarray(X[part])[:, places] for part in chunks(X)])
