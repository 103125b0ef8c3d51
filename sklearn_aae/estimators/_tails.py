"""Scores of different units as probabilities of a tail."""

from dataclasses import dataclass

import numpy as np

# Points by which the survival function is kept.
MAX_KNOTS = 1000
# Above this share of the rows lies the tail, whose mean excess continues the rest.
TAIL = 0.9
# Binary digits that tell scores apart: equal rows may be scored a rounding apart.
DIGITS = 30
# Least mean excess, as a share of the standard deviation and of the largest score.
LEAST_EXCESS = 0.1, 1e-3


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
    top = values[-1] + 2.0**-DIGITS * max(abs(values[-1]), 1.0)
    return float(np.append(values, top)[at : at + 2].mean())


@dataclass
class Tail:
    """-log P(S >= s) of a score, by the scores of the training rows.

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
    def learn(cls, scores: np.ndarray, weight: np.ndarray) -> "Tail":
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
