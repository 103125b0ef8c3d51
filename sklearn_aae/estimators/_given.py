"""Codes of rows of which some cells are given: p(z|cells), by importance resampling.

Letters: N candidates, n rows that are asked for, d columns, k code size.
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sklearn_aae.distributions import RowDistribution
from sklearn_aae.estimators._model import MIN_RESIDUAL, FittedModel
from sklearn_aae.estimators._stream import stream
from sklearn_aae.tabular import Column, TableColumns, is_present
from sklearn_aae.utils._modes import plain_torch
from sklearn_aae.utils._random import systematic

# Effective candidates that are enough: so many for each row, and so many at least.
PER_ROW, ENOUGH = 2, 500
# Fewer are said to be few, and fewer than one for so many rows.
MIN_EFFECTIVE, ROWS_OF_ONE = 50, 4
# Candidates that are drawn at a time, and in all: the first, or the second a row.
MIN_BATCH, MAX_BATCH = 2**10, 2**16
MAX_CANDIDATES, MAX_PER_ROW = 2**19, 20
# Those are kept that are no less likely than the best one by so many nats.
NEGLIGIBLE = 30.0

# A number of candidates and a seed; returns codes, and their labels if there are any.
Draw = Callable[[int, int], tuple[np.ndarray, np.ndarray | None]]
# Candidates, and their labels if there are any; returns log weights.
Weigh = Callable[[np.ndarray, np.ndarray | None], np.ndarray]


def given_row(given: dict, columns: TableColumns) -> np.ndarray | None:
    """Return a row of given cells, encoded, NaN elsewhere; None for no cells."""
    if not isinstance(given, dict):
        found = (
            f"a {type(given).__name__}" if hasattr(given, "columns") else repr(given)
        )
        raise ValueError(
            f"given must be a dict of cells, by the columns that they are of. Got "
            f"{found} instead."
        )
    if not given:
        return None
    names = [column.name for column in columns]
    row = np.full(len(names), np.nan)
    for name, value in given.items():
        if name not in names:
            raise ValueError(f"given names {name!r}, not a column of {names}.")
        row[names.index(name)] = _cell(columns[names.index(name)], name, value)
    return row


def _cell(column: Column, name, value) -> float:
    """Return a given cell, encoded; raise ValueError if no row is drawn by it."""
    if column.never_seen:
        raise ValueError(
            f"given names {name!r}, a column without a cell in the training rows. "
            "Leave it out."
        )
    cells = np.array([value], dtype=object)
    if not is_present(cells).all():
        raise ValueError(
            f"given[{name!r}]={value!r} is a missing cell, and rows are drawn by "
            "what is known. Leave it out."
        )
    cell = column.encode(cells)[0]
    known = not np.isnan(cell)
    if column.categories is None:
        seen = column.low, column.high
        known = known and seen[0] <= cell <= seen[1]
    else:
        seen = column.seen_categories
        known = known and column.category_counts[int(cell)] > 0
    if not known:
        raise ValueError(
            f"given[{name!r}]={value!r} is nothing that was seen: "
            f"{'one of' if column.categories else 'within'} {seen}."
        )
    if column.whole and cell != np.floor(cell):
        raise ValueError(
            f"given[{name!r}]={value!r} is no whole number, as all cells of "
            "that column are."
        )
    return float(cell)


@plain_torch()
def draw_given(
    model: FittedModel,
    known: np.ndarray,
    draw: Draw,
    n_samples: int,
    seed: int,
    weigh: Weigh | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Draw codes from p(z|cells), by importance resampling.

    A candidate z, of the prior or of a training row, has the weight w = p(cells|z).
    Candidates are drawn until the
    effective number of them, (Σ w)² / Σ w² (Kish 1965), is enough; of these, rows are
    drawn by weight, at evenly spaced levels of the cumulative weight ("systematic
    resampling", Kitagawa 1996), which repeats as few as there can be.

    Parameters
    ----------
    model : FittedModel
        That decodes.

    known : ndarray of shape (d,)
        Encoded cells, NaN where none is given.

    draw : callable
        Draws candidates.

    n_samples : int
        Number of codes n.

    seed : int
        Of the draws.

    weigh : callable, default=None
        Maps candidates and their labels to log weights; None for log p(cells|z).

    Returns
    -------
    codes : ndarray of shape (n, k)
        In random order.

    labels : ndarray of shape (n,) or None
        Their labels.

    Warns
    -----
    UserWarning
        If few of the candidates carry weight when no more are drawn.
    """
    rng, weigh = np.random.RandomState(seed), weigh or _weigher(model, known)
    enough = max(PER_ROW * n_samples, ENOUGH)
    most = max(MAX_PER_ROW * n_samples, MAX_CANDIDATES)
    pool: Pool | None = None
    n_drawn, effective = 0, 0.0
    while effective < enough and n_drawn < most:
        missing = enough / max(effective, 1.0) * n_drawn - n_drawn
        n_batch = int(np.clip(missing, MIN_BATCH, MAX_BATCH))
        codes, labels = draw(n_batch, rng.randint(2**31))
        pool = Pool(codes, labels, weigh(codes, labels)).likely(pool)
        effective = pool.effective
        n_drawn += n_batch
    if effective < max(n_samples / ROWS_OF_ONE, MIN_EFFECTIVE):
        _warn_of_few(effective, n_drawn, n_samples)
    assert pool is not None
    chosen = rng.permutation(systematic(pool.weight, n_samples, rng.uniform()))
    labels = pool.labels
    return pool.codes[chosen], None if labels is None else labels[chosen]


class Pool(NamedTuple):
    """Candidates: codes (N, k), labels (N,) if any, log p(cells|z) (N,)."""

    codes: np.ndarray
    labels: np.ndarray | None
    log_p: np.ndarray

    @property
    def weight(self) -> np.ndarray:
        """Importance weights, the largest of them 1; equal ones if none is likely."""
        best = self.log_p.max()
        if best == -np.inf:
            return np.ones(len(self.log_p))
        return np.exp(self.log_p - best)

    @property
    def effective(self) -> float:
        """(Σ w)² / Σ w²; 0 if none has the cells."""
        if self.log_p.max() == -np.inf:
            return 0.0
        w = self.weight
        return float(w.sum() ** 2 / (w**2).sum())

    def likely(self, others: "Pool | None") -> "Pool":
        """Return these and others, without those that are not going to be chosen."""
        pools = [self] if others is None else [others, self]
        log_p = np.concatenate([pool.log_p for pool in pools])
        kept = log_p >= log_p.max() - NEGLIGIBLE
        codes = np.concatenate([pool.codes for pool in pools])[kept]
        labels = [pool.labels for pool in pools if pool.labels is not None]
        joined = np.concatenate(labels)[kept] if labels else None
        return Pool(codes, joined, log_p[kept])


def _weigher(model: FittedModel, known: np.ndarray) -> Weigh:
    """Return a function from codes and their labels to log p(cells|z)."""
    stated = np.flatnonzero(~np.isnan(known))
    decoder = model.decoder.only_columns(stated.tolist())
    x = torch.from_numpy(model.preprocessor.scale_rows(known[None])[:, stated])
    scale = torch.from_numpy(np.maximum(model.residuals[stated], MIN_RESIDUAL))

    def likelihood(z: Tensor, y: Tensor | None = None) -> Tensor:
        return _cells(decoder(z, y), x.to(z), scale.to(z)).nansum(-1)

    return lambda codes, labels: stream(decoder, likelihood, codes, labels=labels)


def _cells(p: RowDistribution, x: Tensor, scale: Tensor) -> Tensor:
    """Return log p of cells, numbers with the deviation that they are decoded with."""
    number = -0.5 * ((x - p.mean) / scale).square()
    return p.by_kind(number, lambda: p.cells(x.expand_as(number)))


def _warn_of_few(effective: float, n_drawn: int, n_samples: int) -> None:
    warnings.warn(
        f"Of {n_drawn} codes drawn, only about {effective:.0f} make the given cells "
        f"likely, and the {n_samples} rows come from these: some will be much alike. "
        "Cells that few rows have, or many that hardly go together, are rare in what "
        "the model draws. Give fewer, or cells that are more usual.",
        UserWarning,
        stacklevel=6,  # at the call of `sample`
    )
