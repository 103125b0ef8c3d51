"""Distances between all rows of two tables, block by block.

Letters: n rows of X, m rows of Y, d columns of numbers, J of categories.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.utils import gen_batches
from torch import Tensor

# Distances that are held at once, 4 MiB of float64: they stay in the cache.
BLOCK_CELLS = 2**19

# Columns up to which each distance is made of differences: no product is faster.
NARROW = 32

# Distances of wide rows are as exact as this, as a share; what a product does not give
# so well is computed from differences.
ROUNDING = 1e-10
EPS, TINY = np.finfo(float).eps, np.finfo(float).tiny

# The largest number is given this exponent of 2. Then no sum of squares overflows, and
# none of differences down to 1e-298 of it is lost.
EXPONENT = 480


@dataclass(frozen=True)
class Points:
    """Rows of numbers, and of categories of which two different ones are √2 apart.

    Attributes
    ----------
    numbers : ndarray of shape (n, d), float64
        Complete and finite.

    kinds : ndarray of shape (n, J), float64
        Numbers of categories.

    unit : float
        What 1 is in the scale of the numbers.
    """

    numbers: np.ndarray
    kinds: np.ndarray
    unit: float = 1.0

    @classmethod
    def plain(cls, rows: np.ndarray) -> "Points":
        """Return rows of numbers as points."""
        return cls(rows, np.empty((len(rows), 0)))

    @property
    def narrow(self) -> bool:
        """Whether distances are made of differences from the start."""
        return self.numbers.shape[1] <= NARROW

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.numbers)

    def __getitem__(self, rows) -> "Points":
        """Select rows."""
        return replace(self, numbers=self.numbers[rows], kinds=self.kinds[rows])

    def scaled(self, exponent: int) -> "Points":
        """Return the points in a unit that is smaller by a power of 2."""
        numbers = np.ldexp(self.numbers, exponent)
        with np.errstate(over="ignore"):  # of numbers that are all far below 1
            unit = np.ldexp(self.unit, exponent)
        return replace(self, numbers=numbers, unit=unit)


def in_one_unit(*tables: Points) -> tuple[list[Points], int]:
    """Return tables in a unit in which squares neither overflow nor vanish.

    Returns
    -------
    tables : list of Points

    exponent : int
        Distances are 2 to its power of what they were, without any rounding.
    """
    largest = max(np.abs(t.numbers).max(initial=0.0) for t in tables)
    exponent = EXPONENT - int(np.frexp(largest)[1])
    return [t.scaled(exponent) for t in tables], exponent


def _by_products(X: Points, Y: Points) -> Iterator[tuple[slice, Tensor]]:
    x, y = torch.from_numpy(X.numbers), torch.from_numpy(Y.numbers)
    centre = y.mean(0)
    a, b = x - centre, y - centre
    a_squares, b_squares = a.square().sum(1)[:, None], b.square().sum(1)
    share = (x.shape[1] + 8) * EPS / ROUNDING
    for rows in _parts(X, Y):
        squares = a_squares[rows] + b_squares
        d2 = torch.addmm(squares, a[rows], b.mT, alpha=-2)
        # What rounding may have made of it, against what is left.
        doubtful = d2 <= squares.mul_(share).add_(TINY / ROUNDING)
        found = _with_kinds(d2.clamp_min_(0).sqrt_(), X[rows], Y)
        yield rows, _recomputed(found, X[rows], Y, doubtful)


def _by_differences(X: Points, Y: Points) -> Tensor:
    x, y = torch.from_numpy(X.numbers), torch.from_numpy(Y.numbers)
    return _with_kinds(_differences(x, y), X, Y)


def _differences(x: Tensor, y: Tensor) -> Tensor:
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def _with_kinds(found: Tensor, X: Points, Y: Points) -> Tensor:
    """Return distances of numbers, with what categories add to them."""
    if not X.kinds.shape[1]:
        return found
    kinds = torch.from_numpy(X.kinds), torch.from_numpy(Y.kinds)
    different = torch.cdist(*kinds, p=0.0)  # number of columns
    return _joined(found, different, X.unit)


def _joined(found: Tensor, different: Tensor, unit: float) -> Tensor:
    """Return distances of rows that differ in as many columns of categories."""
    return torch.hypot(found, different.mul_(2).sqrt_().mul_(unit))


def _by_pairs(X: Points, Y: Points) -> Tensor:
    """Return ‖x - y‖ of rows side by side, to the bit as `_by_differences`: (n,)."""
    x, y = torch.from_numpy(X.numbers), torch.from_numpy(Y.numbers)
    found = _differences(x[:, None], y[:, None])[:, 0, 0]
    if not X.kinds.shape[1]:
        return found
    different = torch.from_numpy((X.kinds != Y.kinds).sum(1, dtype=float))
    return _joined(found, different, X.unit)


def _recomputed(found: Tensor, X: Points, Y: Points, doubtful: Tensor) -> Tensor:
    """Return distances, some of them computed again from differences, in place."""
    most = max(1, BLOCK_CELLS // (2 * X.numbers.shape[1]))  # whose rows are held
    for pairs in doubtful.nonzero().split(most):
        i, j = pairs.T
        found[i, j] = _by_pairs(X[i.numpy()], Y[j.numpy()])
    return found


def _sharpened(found: Tensor, X: Points, Y: Points, edge: Tensor) -> Tensor:
    """Return distances, those at an edge to the last digit: in place."""
    if X.narrow:
        return found
    return _recomputed(found, X, Y, (found - edge).abs() <= 2 * ROUNDING * edge)


def distance_blocks(X: Points, Y: Points) -> Iterator[tuple[slice, Tensor]]:
    """Yield rows of X, as a slice, and their distances to all rows of Y.

    Parameters
    ----------
    X, Y : Points
        In one unit, see `in_one_unit`.
    """
    if not X.narrow:
        yield from _by_products(X, Y)
        return
    for rows in _parts(X, Y):
        yield rows, _by_differences(X[rows], Y)


def _parts(X: Points, Y: Points) -> Iterator[slice]:
    """Return rows of X whose distances to Y are held at once."""
    return gen_batches(len(X), max(1, BLOCK_CELLS // max(1, len(Y))))


def neighbour_radii(X: Points, n_neighbors: int) -> Tensor:
    """Return the distance of each row to its n-th nearest other row."""
    radii = torch.empty(len(X), dtype=torch.float64)
    # The row itself is among its nearest.
    options: dict[str, Any] = {
        "k": n_neighbors + 1,
        "dim": 1,
        "largest": False,
        "sorted": False,
    }
    for rows, d in distance_blocks(X, X):
        radii[rows] = d.topk(**options).values.amax(1)
        if not X.narrow:
            d = _sharpened(d, X[rows], X, radii[rows, None])
            radii[rows] = d.topk(**options).values.amax(1)
    return radii


def nearest_distances(X: Points, Y: Points) -> np.ndarray:
    """Return the distance of each row of X to the nearest one of Y: (n,)."""
    parts = [d.amin(1).numpy() for _, d in distance_blocks(X, Y)]
    return np.concatenate(parts)


def ball_counts(
    centres: Points, radii: Tensor, X: Points
) -> tuple[np.ndarray, np.ndarray]:
    """Count which rows lie in which balls, their edges included.

    Parameters
    ----------
    centres : Points
        Of the m balls.

    radii : Tensor of shape (m,), float64
        Their radii.

    X : Points
        n rows.

    Returns
    -------
    n_balls : ndarray of shape (n,)
        Balls that hold each row.

    n_rows : ndarray of shape (m,)
        Rows that each ball holds.
    """
    n_balls = torch.empty(len(X), dtype=torch.int64)
    n_rows = torch.zeros(len(centres), dtype=torch.int64)
    for rows, d in distance_blocks(X, centres):
        inside = _sharpened(d, X[rows], centres, radii) <= radii
        n_balls[rows] = inside.sum(1)
        n_rows += inside.sum(0)
    return n_balls.numpy(), n_rows.numpy()
