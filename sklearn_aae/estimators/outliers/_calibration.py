"""What training rows say of new ones: how scores are distributed, where cells lie."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sklearn_aae.tabular._statistics import chunks, extent

# Points by which the survival function is kept.
MAX_KNOTS = 1000
# Above this share of the rows lies the tail, whose mean excess continues the rest.
TAIL = 0.9
# Binary digits that tell scores apart: equal rows may be scored a rounding apart.
DIGITS = 30
# Least mean excess, as a share of the standard deviation and of the largest score.
LEAST_EXCESS = 0.1, 1e-3

# A cell is far out by half of the range of all training rows beyond it, or by so many
# ranges of all but a share of them at each end.
WIDER, MUCH_WIDER, ENDS = 0.5, 3.0, 0.01
# Cells of which quantiles are taken.
MAX_CELLS = 2**20


def distinct(scores: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the different scores, rising, and the weight of each."""
    _, exponent = np.frexp(scores)
    unit = np.ldexp(1.0, exponent.clip(0) - DIGITS)
    values, place = np.unique(np.round(scores / unit) * unit, return_inverse=True)
    return values, np.bincount(place, weight)


def weighted_quantile(scores: np.ndarray, weight: np.ndarray, level: float) -> float:
    """Return a value that at least a share of the weight does not exceed, and just so.

    It lies in the middle between two scores, or just above the highest one. Whole
    weights count like repeated scores.
    """
    values, mass = distinct(scores, weight)
    passed = mass.cumsum()
    at = np.searchsorted(passed, level * passed[-1] * (1 - 1e-9))
    # Above all scores that are rounded to the highest one.
    top = values[-1] + 2.0 ** (2 - DIGITS) * max(abs(values[-1]), 1.0)
    return float(np.append(values, top)[at : at + 2].mean())


def quantile_of_new(scores: np.ndarray, weight: np.ndarray, level: float) -> float:
    """Return a value that a new score does not exceed with a probability.

    Of n rows the k-th score is exceeded with the probability 1 - k / (n + 1) (Weibull
    1939; Vovk, Gammerman and Shafer 2005); between them the line, and just above the
    highest where that is not enough. Of weights, n is (Σ w)² / Σ w² (Kish 1965), and
    k - ½ is n times the share of the weight up to the middle of the row's own; equal
    scores have all from the first to the last k.

    Parameters
    ----------
    scores, weight : ndarray of shape (n_samples,)
        Of rows that nothing was learned from, and their weights.

    level : float
        The probability.
    """
    w = weight / weight.max()  # squares neither overflow nor vanish
    scores, w = scores[w > 0], w[w > 0]  # of no weight, or too small a one
    n = w.sum() ** 2 / (w**2).sum()
    w *= n / w.sum()
    values, place = np.unique(scores, return_inverse=True)
    mass = np.bincount(place, w)
    half, last = np.bincount(place, w**2) / mass / 2, mass.cumsum()
    k = np.column_stack([last - mass + half, last - half]) + 0.5
    found = np.interp(level, k.ravel() / (n + 1), np.repeat(values, 2))
    # As in `weighted_quantile`: above what is rounded to it.
    return float(found + 2.0 ** (2 - DIGITS) * max(abs(found), 1.0))


@dataclass
class EmpiricalSurvival:
    """-log P(S >= s) of a score, by the empirical distribution of the training rows.

    Between them the logarithm is interpolated; above the highest it grows on by the
    mean excess of the tail, as that of an exponential distribution.

    Attributes
    ----------
    knots : ndarray of shape (n_knots,)
        Scores, rising.

    surprise : ndarray of shape (n_knots,)
        -log P(S >= s) at the knots.

    slope : float
        Its growth above the last one.
    """

    knots: np.ndarray
    surprise: np.ndarray
    slope: float

    @classmethod
    def learn(cls, scores: np.ndarray, weight: np.ndarray) -> "EmpiricalSurvival":
        """Learn from the scores and weights of the training rows, each (n_samples,)."""
        knots, mass = distinct(scores, weight)
        above = mass[::-1].cumsum()[::-1]  # weight of the rows with S >= s
        surprise = np.log((above[0] + 1) / (above + 1))
        start = weighted_quantile(scores, weight, TAIL)
        excess = np.average((scores - start).clip(0), weights=weight) / (1 - TAIL)
        mean = np.average(knots, weights=mass)
        spread = np.sqrt(np.average((knots - mean) ** 2, weights=mass))
        least = LEAST_EXCESS[0] * spread + LEAST_EXCESS[1] * max(knots[-1], 1.0)
        evenly = np.linspace(surprise[0], surprise[-1], MAX_KNOTS)
        kept = np.unique(np.searchsorted(surprise, evenly))
        return cls(knots[kept], surprise[kept], float(1 / max(excess, least)))

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Return the surprise of scores, in nats; 0 for the least."""
        beyond = (scores - self.knots[-1]).clip(0) * self.slope
        return np.interp(scores, self.knots, self.surprise) + beyond


@dataclass
class Range:
    """Beyond which numbers are unlike any of the training rows.

    Attributes
    ----------
    low, high : ndarray of shape (n_features,)
        Infinite for columns of categories, or of one value.
    """

    low: np.ndarray
    high: np.ndarray

    @classmethod
    def learn(cls, rows, n_categories: Sequence[int]) -> "Range":
        """Learn from the training rows, (n_samples, n_features)."""
        some = rows[:: -(-rows.shape[0] * rows.shape[1] // MAX_CELLS)]
        ends = _quantiles(np.asarray(some, dtype=float), [ENDS, 1 - ENDS])
        low, high = np.full((2, rows.shape[1]), [[-np.inf], [np.inf]])
        counted = np.array(n_categories) == 0
        with np.errstate(over="ignore", invalid="ignore"):
            for (a, b), times in ((extent(rows)[:2], WIDER), (ends, MUCH_WIDER)):
                known = counted & (b > a)
                low = np.where(known, np.maximum(low, a - times * (b - a)), low)
                high = np.where(known, np.minimum(high, b + times * (b - a)), high)
        return cls(low, high)

    def beyond(self, rows) -> np.ndarray:
        """Return which cells are beyond: (n_samples, n_features), bool."""
        parts = [np.asarray(rows[part]) for part in chunks(rows)]
        return np.vstack([(p < self.low) | (p > self.high) for p in parts])


def _quantiles(rows: np.ndarray, levels: list[float]) -> np.ndarray:
    """Return quantiles of the known cells of columns, (n_levels, n_features)."""
    if not np.isnan(rows).any():
        return np.quantile(rows, levels, axis=0)
    known = [column[~np.isnan(column)] for column in rows.T]
    return np.array(
        [np.quantile(c, levels) if len(c) else [np.nan] * len(levels) for c in known]
    ).T
