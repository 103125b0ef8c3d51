"""Numbers as normal scores by their rank, and back to numbers that are like those."""

import numpy as np
from scipy.stats import norm


class NormalScores:
    """The way from a column's numbers to normal scores Φ⁻¹(F(x)) and back.

    F is the empirical distribution. A value that many rows share has an interval of
    scores, so a lump such as 0 keeps its fraction of the rows. Nothing lies beyond the
    smallest and the largest number, and a column of few different values gets no other.

    Parameters
    ----------
    numbers : ndarray of shape (n,)
        Without NaN; at least one.

    weight : ndarray of shape (n,)
        Of the numbers.
    """

    def __init__(self, numbers: np.ndarray, weight: np.ndarray):
        self.values, place = np.unique(numbers, return_inverse=True)
        counts = np.bincount(place)
        mass = np.bincount(place, weight)
        self.upper = (mass.cumsum() / mass.sum()).clip(0, 1)
        self.upper[-1] = 1.0  # whatever rounding says
        self.lower = np.append(0.0, self.upper[:-1])
        self._shared = counts > 1
        self._discrete = 2 * counts[self._shared].sum() >= len(numbers)
        # Scores stay finite, and within the intervals of the ends, which may be rare.
        ends = (self.upper - self.lower)[[0, -1]]
        least = 0.25 * min(1 / len(numbers), *ends[ends > 0])
        self._least = max(least, np.finfo(float).eps)

    def scores(self, numbers: np.ndarray, level: np.ndarray) -> np.ndarray:
        """Return scores, each at a level of the interval of its number.

        Parameters
        ----------
        numbers : ndarray of shape (n,)
            Numbers that were there before; NaN stays.

        level : ndarray of shape (n,)
            Within [0, 1).
        """
        at = np.searchsorted(self.values, numbers).clip(0, len(self.values) - 1)
        rank = self.lower[at] + level * (self.upper[at] - self.lower[at])
        scores = norm.ppf(rank.clip(self._least, 1 - self._least))
        return np.where(np.isnan(numbers), np.nan, scores)

    def interval(self, number: float) -> tuple[float, float]:
        """Return the lowest and the highest score of a number, seen or not."""
        at = [np.searchsorted(self.values, number, side) for side in ("left", "right")]
        edges = np.append(self.lower, 1.0)
        low, high = edges[at]
        if at[0] == at[1] and 0 < at[0] < len(
            self.values
        ):  # between two that were seen
            below, above = self.values[at[0] - 1 : at[0] + 1]
            part = (number - below) / (above - below)
            widths = self.upper - self.lower
            low = high = low + (part - 0.5) * widths[at[0] - (part < 0.5)]
        ranks = np.array([low, high]).clip(self._least, 1 - self._least)
        return tuple(norm.ppf(ranks).tolist())

    def means(self, numbers: np.ndarray) -> np.ndarray:
        """Return the mean score of each number's interval.

        Parameters
        ----------
        numbers : ndarray of shape (n,)
            Numbers that were there before, without NaN.
        """
        edges = norm.pdf(norm.ppf([self.lower, self.upper]))
        width = self.upper - self.lower
        with np.errstate(invalid="ignore", divide="ignore"):
            means = (edges[0] - edges[1]) / width
        # Of weights that rounding takes for nothing, an interval is a point.
        middle = norm.ppf(self.upper.clip(self._least, 1 - self._least))
        means = np.where(width > 0, means, middle)
        return means[np.searchsorted(self.values, numbers)]

    def numbers(self, scores: np.ndarray) -> np.ndarray:
        """Return the numbers at scores.

        Parameters
        ----------
        scores : ndarray of shape (n,)
            NaN stays.
        """
        known = ~np.isnan(scores)
        rank = norm.cdf(scores[known])
        last = len(self.values) - 1
        at = np.searchsorted(self.upper, rank).clip(0, last)
        found = self.values[at]
        if not self._discrete:
            width = np.maximum(self.upper[at] - self.lower[at], np.finfo(float).tiny)
            part = ((rank - self.lower[at]) / width).clip(0, 1)
            next_ = self.values[np.where(part < 0.5, at - 1, at + 1).clip(0, last)]
            between = found + np.abs(part - 0.5).clip(0, 0.5) * (next_ - found)
            found = np.where(self._shared[at], found, between)
        numbers = np.full(len(scores), np.nan)
        numbers[known] = found
        return numbers
