"""How near generated rows are to real ones, in one number."""

import warnings
from numbers import Integral
from typing import Any, Literal, overload

import numpy as np
from scipy.special import rel_entr

from sklearn_aae.metrics._checks import check_n_rows, check_parameter, check_rows
from sklearn_aae.metrics._pairs import in_one_unit
from sklearn_aae.metrics._points import comparable_points, one_hot
from sklearn_aae.utils._compat import Interval
from sklearn_aae.utils._typing import TableLike


def frechet_distance(X: TableLike, Y: TableLike, *, embedding: Any = None) -> float:
    """Squared Fréchet distance of two sets of rows, taken as Gaussians.

    ‖m₁ - m₂‖² + tr(S₁ + S₂ - 2 (S₁ S₂)^½), with means m and covariances S ([1]_). With
    the features of an Inception network as `embedding` it is the "FID" of images.

    Parameters
    ----------
    X : {array-like, DataFrame} of shape (n_samples, n_features)
        Rows, such as held-out ones.

    Y : {array-like, DataFrame} of shape (n_generated, n_features)
        Rows to compare them with. Sets of few rows are farther apart: compare only
        numbers of equally many rows.

    embedding : callable or nn.Module, default=None
        From rows to features of shape (n_rows, n_dimensions), as `fit_image_embedding`
        makes one; a module gets a tensor, and is to be in evaluation mode. None
        compares numbers in their own units; of a frame with categories, numbers in
        standard deviations of X, and two categories are √2 apart.

    Returns
    -------
    distance : float
        0 for equal means and covariances (these by n - 1).

    Raises
    ------
    ValueError
        If the columns differ, cells are missing, or a set has one row only.

    References
    ----------
    .. [1] Heusel, Ramsauer, Unterthiner, Nessler, Hochreiter, "GANs Trained by a Two
       Time-Scale Update Rule Converge to a Local Nash Equilibrium", NeurIPS 2017,
       https://arxiv.org/abs/1706.08500

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aae.metrics import frechet_distance
    >>> X, Y = np.random.RandomState(0).normal(size=(2, 10_000, 3))
    >>> round(frechet_distance(X, Y), 2)
    0.0
    >>> round(frechet_distance(X, 2 * Y + 1), 0)
    6.0
    """
    function = "frechet_distance"
    points, exponent = in_one_unit(*comparable_points(function, embedding, X=X, Y=Y))
    check_n_rows(function, 2, X=points[0], Y=points[1])
    X, Y = one_hot(*points)
    shift = X.mean(0) - Y.mean(0)
    # The widest columns first: then the digits of narrow ones are not lost in them.
    order = np.argsort(-(X.var(0) + Y.var(0)), kind="stable")
    A, B = _root(X[:, order]), _root(Y[:, order])
    # tr (AᵀA BᵀB)^½ is the sum of the singular values of A Bᵀ = P S Qᵀ, so that the
    # traces are together ‖A - P Qᵀ B‖²: no difference of large sums, and no covariance
    # whose rounding has a large root where it is singular.
    P, _, Q = np.linalg.svd(A @ B.T)
    distance = shift @ shift + np.square(A - P @ (Q @ B)).sum()
    with np.errstate(over="ignore"):
        distance = float(np.ldexp(distance, -2 * exponent))
    if np.isinf(distance):
        warnings.warn(
            "The squared distance is more than a float can be: frechet_distance is "
            "infinite. Divide X and Y by a number before.",
            RuntimeWarning,
            stacklevel=2,
        )
    return distance


def _root(X: np.ndarray) -> np.ndarray:
    """Return A with AᵀA = Cov(X), as many rows as columns."""
    A = np.asarray(np.linalg.qr((X - X.mean(0)) / np.sqrt(len(X) - 1), mode="r"))
    return np.vstack([A, np.zeros((A.shape[1] - len(A), A.shape[1]))])


@overload
def inception_score(
    X: TableLike,
    classifier: Any,
    *,
    n_splits: int = ...,
    return_std: Literal[False] = ...,
) -> float: ...
@overload
def inception_score(
    X: TableLike, classifier: Any, *, n_splits: int = ..., return_std: Literal[True]
) -> tuple[float, float]: ...
def inception_score(
    X: TableLike, classifier: Any, *, n_splits: int = 1, return_std: bool = False
) -> float | tuple[float, float]:
    """Whether rows look clear to a classifier, and of all kinds.

    exp E KL(p(y|x) ‖ p(y)), with p(y) the mean of p(y|x) over the rows ([1]_).

    Parameters
    ----------
    X : {array-like, DataFrame} of shape (n_samples, n_features)
        Generated rows.

    classifier : object
        Fitted on real rows, with ``predict_proba``.

    n_splits : int, default=1
        Number of equal parts, in the order of the rows, whose scores are averaged. The
        paper takes 10.

    return_std : bool, default=False
        Whether the standard deviation over the parts is returned, too, as the
        literature reports it.

    Returns
    -------
    score : float
        Between 1, all rows look alike to the classifier, and its number of classes. It
        says nothing of how the rows differ from real ones within a class.

    std : float
        Only with ``return_std=True``.

    Raises
    ------
    TypeError
        If the classifier has no ``predict_proba``.

    ValueError
        If there are fewer rows than parts.

    References
    ----------
    .. [1] Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen, "Improved Techniques
       for Training GANs", NeurIPS 2016, https://arxiv.org/abs/1606.03498

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn_aae.metrics import inception_score
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = LogisticRegression(max_iter=1000).fit(X, y)
    >>> round(inception_score(X, classifier), 1)
    2.3
    >>> round(inception_score(X[y == 0], classifier), 1)
    1.0
    """
    function = "inception_score"
    check_parameter(
        function, "n_splits", n_splits, Interval(Integral, 1, None, closed="left")
    )
    if not hasattr(classifier, "predict_proba"):
        raise TypeError(
            f"{function} needs a classifier with predict_proba. "
            f"{type(classifier).__name__} has none: calibrate it, for example with "
            "CalibratedClassifierCV."
        )
    proba = check_rows(
        function, "classifier.predict_proba(X)", classifier.predict_proba(X)
    )
    check_n_rows(function, n_splits, f" for n_splits={n_splits}", X=proba)
    scores = [
        np.exp(rel_entr(part, part.mean(0)).sum(1).mean())
        for part in np.array_split(proba, n_splits)
    ]
    mean = float(np.mean(scores))
    return (mean, float(np.std(scores))) if return_std else mean
