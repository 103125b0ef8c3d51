"""The density of a prior over a line or the plane, and the levels worth drawing."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from sklearn_aae.utils._modes import plain_torch
from sklearn_aae.utils._prior import SEED, prior_codes
from sklearn_aae.utils._random import seeded_scope

# Draws that show where the prior lies, and its density where there is no formula.
N_DRAWS = 100_000

# Fraction of the draws that may lie outside the grid on each side, before the margin.
TAIL = 0.001
MARGIN = 0.1

# Smoothing of the histogram of the draws, in cells of the grid.
SMOOTHING = 2.0


@dataclass
class PlaneDensity:
    """A density at the points of a grid.

    Attributes
    ----------
    x, y : ndarray of shape (n_points,)
        Coordinates of the grid.

    values : ndarray of shape (n_points, n_points)
        Density, row i at y[i].

    heads : dict of PlaneDensity
        Where codes are a head of their label and a style: the density of each class or
        cluster, by its name. Their mean, by how frequent they are, is the whole.
    """

    x: np.ndarray
    y: np.ndarray
    values: np.ndarray
    heads: dict[Any, "PlaneDensity"] = field(default_factory=dict)

    def middle(self) -> tuple[float, float]:
        """Return the mean of the density."""
        mass = self.values / self.values.sum()
        return float(mass.sum(0) @ self.x), float(mass.sum(1) @ self.y)

    def levels(self, coverage) -> np.ndarray:
        """Return the density at the edge of the smallest region of some mass.

        Parameters
        ----------
        coverage : sequence of float
            Fractions, between 0 and 1.

        Returns
        -------
        levels : ndarray of shape (n_levels,)
            One for each fraction, ascending; without repetition.
        """
        falling = np.sort(self.values, axis=None)[::-1]
        mass = np.cumsum(falling) / falling.sum()
        index = np.searchsorted(mass, coverage).clip(max=len(mass) - 1)
        # A plateau is drawn at its edge: just below its height.
        return np.unique(falling[index]) * (1 - 1e-3)


@dataclass
class LineDensity:
    """A density at evenly spaced points of a line.

    Attributes
    ----------
    x, values : ndarray of shape (n_points,)
        Points, and the density there.
    """

    x: np.ndarray
    values: np.ndarray


@plain_torch()
def line_density(estimator, n_points: int) -> LineDensity:
    """Return the density of the prior of a code of one column, as `prior_density`."""
    draws = prior_codes(estimator, N_DRAWS)
    low, high = np.quantile(draws, [TAIL, 1 - TAIL])
    margin = MARGIN * (high - low) or 1.0  # all in one place
    x = np.linspace(low - margin, high + margin, n_points)
    return LineDensity(x, _density_at(estimator.prior_, draws, x))


@plain_torch()
def prior_density(estimator, n_points: int) -> PlaneDensity:
    """Return the density of the prior of a code of two columns.

    Parameters
    ----------
    estimator : object
        With ``prior_``.

    n_points : int
        Number of points of the grid along each side.

    Returns
    -------
    density : PlaneDensity
        By the prior's ``log_prob``; where it has none, a smoothed histogram of draws.
        The density of a head is that of the styles, moved to where the head is.
    """
    draws = prior_codes(estimator, N_DRAWS)
    low, high = np.quantile(draws, [TAIL, 1 - TAIL], axis=0)
    margin = MARGIN * (high - low)
    x, y = np.linspace(low - margin, high + margin, n_points, axis=-1)
    if not has_heads(estimator):
        return PlaneDensity(x, y, _density_at(estimator.prior_, draws, x, y))
    return _density_of_heads(estimator, x, y)


def has_heads(estimator) -> bool:
    """Whether codes are a head of the label and a style (paper, section 7)."""
    decoder = getattr(estimator, "decoder_", None)
    return getattr(decoder, "class_heads", None) is not None


def _density_of_heads(estimator, x: np.ndarray, y: np.ndarray) -> PlaneDensity:
    """Return the density of each class or cluster, and of all together."""
    heads = estimator.decoder_.class_heads.weight.detach().cpu().double().numpy()
    prior = estimator.prior_
    p = prior.class_prior.cpu().double().numpy()
    with seeded_scope(SEED):
        styles = prior.style.draw(N_DRAWS).cpu().numpy()
    of_label = [
        weight * _density_at(prior.style, styles, x - head[0], y - head[1])
        for weight, head in zip(p, heads.reshape(2, -1).T, strict=True)
    ]
    groups, names = np.arange(len(p)), getattr(estimator, "classes_", None)
    groups = getattr(estimator, "subcluster_labels_", groups)
    names = np.arange(groups.max() + 1) if names is None else names
    parts, shares = {}, []
    for i, name in enumerate(names.tolist()):
        mine = np.flatnonzero(groups == i)
        shares.append(p[mine].sum())
        values = sum(of_label[label] for label in mine) / shares[-1]
        parts[name] = PlaneDensity(x, y, values)
    whole = sum(s * part.values for s, part in zip(shares, parts.values(), strict=True))
    return PlaneDensity(x, y, whole / sum(shares), parts)


def _density_at(prior, draws: np.ndarray, *axes: np.ndarray) -> np.ndarray:
    """Return the density at the points of a grid, by formula or by draws."""
    points = np.stack(np.meshgrid(*axes), axis=-1)
    try:
        return _evaluate(prior, points.astype(draws.dtype))
    except (NotImplementedError, ValueError):  # no formula, or not on all the plane
        return _count(draws, *axes)


def _evaluate(prior, points: np.ndarray) -> np.ndarray:
    """Evaluate the density at points: the last axis is that of the code's columns."""
    if prior.n_components != points.shape[-1]:
        raise NotImplementedError("Codes are not what the prior draws.")
    distribution = prior(None)
    if getattr(distribution.support, "is_discrete", False):
        raise NotImplementedError("Probabilities of points are not a density.")
    with torch.no_grad():
        values = distribution.log_prob(torch.from_numpy(points)).exp()
    return np.nan_to_num(values.cpu().numpy().astype(float))


def _count(draws: np.ndarray, *axes: np.ndarray) -> np.ndarray:
    """Count the draws around the points of a grid, smoothed, as a density."""
    edges = [_edges(points) for points in axes[::-1]]  # rows are the last
    counts, _ = np.histogramdd(draws[:, ::-1], bins=edges)
    cell = np.prod([points[1] - points[0] for points in axes])
    return gaussian_filter(counts, SMOOTHING) / (len(draws) * cell)


def _edges(points: np.ndarray) -> np.ndarray:
    """Return the edges of the cells whose middles are `points`."""
    half = (points[1] - points[0]) / 2
    return np.append(points - half, points[-1] + half)
