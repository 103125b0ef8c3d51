"""How the numbers of a column move with what they are decoded as.

Letters: N examples, n rows drawn.
"""

import numpy as np
from sklearn.isotonic import isotonic_regression

from sklearn_aae.tabular import NormalScores

# The mean score of decoded means is learned from groups of so many rows, at most.
GROUP_ROWS, MAX_GROUPS = 20, 50


class NumberMoves:
    """How the numbers of a column move with what they are decoded as.

    Parameters
    ----------
    numbers : ndarray of shape (N,)
        Of the examples, NaN where missing.

    means : ndarray of shape (N,)
        What they are decoded as.

    weight : ndarray of shape (N,)
        Of the examples.
    """

    def __init__(self, numbers: np.ndarray, means: np.ndarray, weight: np.ndarray):
        self._examples, known = numbers, ~np.isnan(numbers)
        self.scores = NormalScores(numbers[known], weight[known])
        order = np.flatnonzero(known)[np.argsort(means[known], kind="stable")]
        n_groups = min(max(2, len(order) // GROUP_ROWS), MAX_GROUPS, len(order))
        groups = np.array_split(order, n_groups)
        self._at = np.array([means[group].mean() for group in groups])
        trend = [self.scores.means(numbers[group]).mean() for group in groups]
        self._trend = isotonic_regression(np.array(trend))
        self._decoded = self._mean_scores(means)

    def _mean_scores(self, means: np.ndarray) -> np.ndarray:
        return np.interp(means, self._at, self._trend)

    def move(self, at: np.ndarray, means: np.ndarray, level) -> np.ndarray:
        """Return the scores of examples, at a level of their number, moved, (n,)."""
        scores = self.scores.scores(self._examples[at], level)
        return scores + self._mean_scores(means) - self._decoded[at]

    def gap(self, at: np.ndarray, means: np.ndarray, number: float) -> np.ndarray:
        """Return how far examples that are moved are from a number, in scores, (n,)."""
        ends = [self.move(at, means, np.full(len(at), end)) for end in (0.0, 1.0)]
        low, high = self.scores.interval(number)
        gap = np.maximum(low - ends[1], ends[0] - high).clip(0)
        return np.where(np.isnan(gap), np.inf, gap)
