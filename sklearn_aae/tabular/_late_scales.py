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
)


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

        A number, or count, gets the scale of the first rows in which it varies, for
        good; categories have the weight that is theirs in all rows so far.

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
        if not (still.any() or self.empty_.any() or masses):
            return self
        low, high, _ = extent(X)
        new = copy.copy(self)
        new.low_, new.high_ = np.fmin(self.low_, low), np.fmax(self.high_, high)
        new.variance_ = self.variance_ + np.zeros(len(still))
        # A column whose first known cells are all equal has no scale yet.
        late = (still | self.empty_) & (new.low_ < new.high_)
        new.empty_ = self.empty_ & ~late
        weights = np.array(self.schema_.weights)
        counted = np.isin(np.arange(len(late)), self.counts_)
        numbers = late & ~counted & (np.array(self.schema_.n_categories) == 0)
        if numbers.any():
            new._scale_late_numbers(X, weight, np.flatnonzero(numbers), self.low_)
        for j in np.flatnonzero(late & counted).tolist():
            weights[j] = new._weigh_late_count(X, weight, j)
        new._weigh_categories(X, weight, masses, weights, new_rows=new_rows)
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
        self.means_, known = self.means_.copy(), w[:, None] * ~np.isnan(scaled)
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

    def _weigh_late_count(self, X, weight, j: int) -> float:
        """Return the weight of a column of counts that varies by now."""
        cells = _columns(X, [j])[:, 0]
        counts = self.schema_.counts[j]
        assert counts is not None
        shift, scale = counts
        known = ~np.isnan(cells)
        w = known if weight is None else known * weight
        scaled = (np.log1p(cells[known]) - shift) / scale
        mean = np.average(scaled, weights=w[known])
        square = (w[known] * (scaled - mean) ** 2).sum()
        self.variance_[j] = square / (len(w) if weight is None else weight.sum())
        return count_weight(cells, weight)

    def _weigh_categories(
        self, X, weight, before, weights: np.ndarray, *, new_rows: bool
    ) -> None:
        """Count the categories of rows; set the columns' weights and variances.

        They change with each chunk: the first one in which a column varies may be one
        in which it hardly does.
        """
        joined = np.add if new_rows else np.maximum
        mass = float(len(X) if weight is None else weight.sum())
        self.mass_ = float(joined(self.mass_, mass))
        self.masses_ = [
            (j, joined(masses, category_masses(X[:, j], weight, len(masses))))
            for j, masses in before
        ]
        for j, masses in self.masses_:
            shares = shares_of(masses)
            weights[j] = category_weight(shares)
            known = masses.sum() / self.mass_
            self.variance_[j] = 2 * weights[j] * entropy(shares) * known


def _columns(X, places) -> np.ndarray:
    """Return some columns of rows, dense."""
    return np.concatenate([np.asarray(X[part])[:, places] for part in chunks(X)])
