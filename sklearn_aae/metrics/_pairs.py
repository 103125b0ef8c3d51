"""Distances between all rows of two tables, block by block.

Letters: n rows of X, m rows of Y, d columns.
"""

from collections.abc import Iterator

import numpy as np
import torch
from sklearn.utils import gen_batches
from torch import Tensor

# Distances that are held at once, 32 MiB of float64.
BLOCK_CELLS = 2**22

# Share of ‖x‖² + ‖y‖² below which a distance is rounding: equal rows come out a little
# apart, and a row on the edge of a ball a little outside.
SLACK = 1e-13


def distance_blocks(
    X: np.ndarray, Y: np.ndarray, slack: float = 0.0
) -> Iterator[tuple[slice, Tensor]]:
    """Yield rows of X, as a slice, and their ‖x - y‖² to all rows of Y.

    Parameters
    ----------
    X : ndarray of shape (n, d), float64
        Rows.

    Y : ndarray of shape (m, d), float64
        Rows.

    slack : float, default=0.0
        Share of ‖x‖² + ‖y‖² that is taken off each distance.
    """
    centre = Y.mean(0)  # far from the origin, the difference of squares is all rounding
    x, y = torch.from_numpy(X - centre), torch.from_numpy(Y - centre)
    x_squares, y_squares = ((1 - slack) * t.square().sum(1) for t in (x, y))
    for rows in gen_batches(len(x), max(1, BLOCK_CELLS // len(y))):
        d2 = torch.addmm(y_squares, x[rows], y.mT, alpha=-2)
        yield rows, d2.add_(x_squares[rows, None]).clamp_min_(0)


def neighbour_radii(X: np.ndarray, n_neighbors: int) -> Tensor:
    """Return the squared distance of each row to its n-th nearest other row."""
    radii = torch.empty(len(X), dtype=torch.float64)
    for rows, d2 in distance_blocks(X, X):
        # The row itself is among its nearest.
        nearest = d2.topk(n_neighbors + 1, dim=1, largest=False, sorted=False)
        radii[rows] = nearest.values.amax(1)
    return radii


def ball_counts(
    centres: np.ndarray, radii: Tensor, X: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Count which rows lie in which balls, their edges included.

    Parameters
    ----------
    centres : ndarray of shape (m, d), float64
        Of the balls.

    radii : Tensor of shape (m,), float64
        Their squared radii.

    X : ndarray of shape (n, d), float64
        Rows.

    Returns
    -------
    n_balls : ndarray of shape (n,)
        Balls that hold each row.

    n_rows : ndarray of shape (m,)
        Rows that each ball holds.
    """
    n_balls = torch.empty(len(X), dtype=torch.int64)
    n_rows = torch.zeros(len(centres), dtype=torch.int64)
    for rows, d2 in distance_blocks(X, centres, SLACK):
        inside = d2 <= radii
        n_balls[rows] = inside.sum(1)
        n_rows += inside.sum(0)
    return n_balls.numpy(), n_rows.numpy()
