"""Whether generated rows lie where real ones do, and real ones where they lie."""

from numbers import Integral
from typing import Any, NamedTuple

from sklearn_aae.metrics._checks import check_n_rows, check_parameter
from sklearn_aae.metrics._pairs import (
    Points,
    ball_counts,
    in_one_unit,
    neighbour_radii,
)
from sklearn_aae.metrics._points import comparable_points
from sklearn_aae.utils._compat import Interval
from sklearn_aae.utils._modes import plain_torch
from sklearn_aae.utils._typing import TableLike


class PrecisionRecall(NamedTuple):
    """What `precision_recall` returns."""

    precision: float
    recall: float


class DensityCoverage(NamedTuple):
    """What `density_coverage` returns."""

    density: float
    coverage: float


@plain_torch()
def precision_recall(
    X: TableLike, X_generated: TableLike, *, n_neighbors: int = 3, embedding: Any = None
) -> PrecisionRecall:
    """Share of generated rows among the real ones, and of real among the generated.

    A row is among others if it lies in the ball around one of them that reaches to its
    k-th nearest neighbour ([1]_).

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Real rows.

    X_generated : {array-like, sparse matrix, DataFrame} of shape \
            (n_generated, n_features)
        Generated rows; as many as real ones, best.

    n_neighbors : int, default=3
        k, less than the number of rows of either.

    embedding : callable or nn.Module, default=None
        From rows to features of shape (n_rows, n_dimensions), as `fit_image_embedding`
        makes one; a module gets a tensor. None compares numbers in their own units:
        scale columns of different units before. Of a frame with categories, numbers are
        compared in standard deviations of X, and two categories are √2 apart.

    Returns
    -------
    precision : float
        Between 0 and 1: low for rows that look like no real one.

    recall : float
        Between 0 and 1: low if kinds of rows are never generated.

    Raises
    ------
    ValueError
        If the columns differ, cells are missing, or rows are too few.

    See Also
    --------
    density_coverage : The same, less moved by outliers.

    References
    ----------
    .. [1] Kynkäänniemi, Karras, Laine, Lehtinen, Aila, "Improved Precision and Recall
       Metric for Assessing Generative Models", NeurIPS 2019,
       https://arxiv.org/abs/1904.06991

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aae.metrics import precision_recall
    >>> X, X_generated = np.random.RandomState(0).normal(size=(2, 1000, 2))
    >>> precision, recall = precision_recall(X, 0.1 * X_generated)
    >>> precision > 0.9, recall < 0.2
    (True, True)
    """
    function = "precision_recall"
    X, Y = _points(function, X, X_generated, n_neighbors, embedding)
    check_n_rows(
        function, n_neighbors + 1, f" for n_neighbors={n_neighbors}", X_generated=Y
    )
    n_real, _ = ball_counts(X, neighbour_radii(X, n_neighbors), Y)
    n_generated, _ = ball_counts(Y, neighbour_radii(Y, n_neighbors), X)
    return PrecisionRecall(float((n_real > 0).mean()), float((n_generated > 0).mean()))


@plain_torch()
def density_coverage(
    X: TableLike, X_generated: TableLike, *, n_neighbors: int = 5, embedding: Any = None
) -> DensityCoverage:
    """How densely generated rows lie among the real ones, and how many they are near.

    Each real row has a ball that reaches to its k-th nearest neighbour ([1]_). Balls of
    generated rows are not used: an outlier among them does not count.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Real rows.

    X_generated : {array-like, sparse matrix, DataFrame} of shape \
            (n_generated, n_features)
        Generated rows; as many as real ones, best.

    n_neighbors : int, default=5
        k, less than the number of real rows.

    embedding : callable, default=None
        From rows to features, as of `precision_recall`.

    Returns
    -------
    density : float
        Number of balls that hold a generated row, divided by k, on average: about 1 for
        rows of the same distribution, more where they crowd.

    coverage : float
        Share of the balls that hold a generated row: for equally many rows of the same
        distribution about 1 - 2^-k.

    Raises
    ------
    ValueError
        If the columns differ, cells are missing, or rows are too few.

    See Also
    --------
    precision_recall : The measures that these refine.

    References
    ----------
    .. [1] Naeem, Oh, Uh, Choi, Yoo, "Reliable Fidelity and Diversity Metrics for
       Generative Models", ICML 2020, https://arxiv.org/abs/2002.09797

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aae.metrics import density_coverage
    >>> X, X_generated = np.random.RandomState(0).normal(size=(2, 1000, 2))
    >>> density, coverage = density_coverage(X, X_generated)
    >>> round(density, 1), round(coverage, 2)
    (1.0, 0.96)
    """
    X, Y = _points("density_coverage", X, X_generated, n_neighbors, embedding)
    n_balls, n_rows = ball_counts(X, neighbour_radii(X, n_neighbors), Y)
    density = n_balls.mean() / n_neighbors
    return DensityCoverage(float(density), float((n_rows > 0).mean()))


def _points(function: str, X, X_generated, n_neighbors, embedding) -> list[Points]:
    """Return both tables as points of one unit; of real ones there are enough."""
    check_parameter(
        function,
        "n_neighbors",
        n_neighbors,
        Interval(Integral, 1, None, closed="left"),
    )
    X, Y = comparable_points(function, embedding, X=X, X_generated=X_generated)
    check_n_rows(function, n_neighbors + 1, f" for n_neighbors={n_neighbors}", X=X)
    return in_one_unit(X, Y)[0]
