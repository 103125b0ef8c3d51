"""Likelihood of rows under samples of a model that has no density of its own."""

from numbers import Real
from typing import Literal, overload

import numpy as np
import torch
from numpy.typing import ArrayLike

from sklearn_aae.metrics._checks import (
    check_parameter,
    check_rows,
    check_same_columns,
)
from sklearn_aae.metrics._pairs import (
    Points,
    distance_blocks,
    in_one_unit,
    nearest_distances,
)
from sklearn_aae.utils._compat import Interval
from sklearn_aae.utils._modes import plain_torch
from sklearn_aae.utils._typing import TableLike

POSITIVE = Interval(Real, 0, None, closed="neither")

# Bandwidths to choose from where none are given.
N_BANDWIDTHS = 20


@overload
def parzen_log_likelihood(
    X: TableLike,
    X_samples: TableLike,
    *,
    bandwidth: float | None = ...,
    X_validation: TableLike | None = ...,
    bandwidths: ArrayLike | None = ...,
    aggregate: Literal[True] = ...,
) -> float: ...
@overload
def parzen_log_likelihood(
    X: TableLike,
    X_samples: TableLike,
    *,
    bandwidth: float | None = ...,
    X_validation: TableLike | None = ...,
    bandwidths: ArrayLike | None = ...,
    aggregate: Literal[False],
) -> np.ndarray: ...
@plain_torch()
def parzen_log_likelihood(
    X: TableLike,
    X_samples: TableLike,
    *,
    bandwidth: float | None = None,
    X_validation: TableLike | None = None,
    bandwidths: ArrayLike | None = None,
    aggregate: bool = True,
) -> float | np.ndarray:
    """Mean log density of rows under a Parzen window of samples.

    p(x) = 1/m Σ_j N(x; s_j, h² I), with the samples s_j of a model as centres. This is
    how generative models without a likelihood were long compared ([1]_, section 3;
    [2]_). It is a rough measure in many dimensions: compare only numbers of equally
    many samples.

    Parameters
    ----------
    X : {array-like, DataFrame} of shape (n_samples, n_features)
        Rows that the model has not seen.

    X_samples : {array-like, DataFrame} of shape (n_centers, n_features)
        Samples of the model, such as ``model.sample(10_000)``.

    bandwidth : float, default=None
        h. None takes what `parzen_bandwidth` chooses.

    X_validation : {array-like, DataFrame} of shape (n_validation, n_features), \
            default=None
        Other rows, to choose the bandwidth by.

    bandwidths : array-like of shape (n_bandwidths,), default=None
        The bandwidths to choose from, see `parzen_bandwidth`. The paper's authors and
        those before them took ``np.logspace(-1, 0, 10)``, for pixels in [0, 1].

    aggregate : bool, default=True
        Whether to return the mean, or one value for each row.

    Returns
    -------
    log_likelihood : float or ndarray of shape (n_samples,)
        In nats. Higher is better.

    Raises
    ------
    ValueError
        If neither `bandwidth` nor `X_validation` is given, or both are.

    References
    ----------
    .. [1] Makhzani, Shlens, Jaitly, Goodfellow, Frey, "Adversarial Autoencoders", 2016,
       https://arxiv.org/abs/1511.05644
    .. [2] Breuleux, Bengio, Vincent, "Quickly generating representative samples from an
       RBM-derived process", Neural Computation 23(8), 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aae.metrics import parzen_log_likelihood
    >>> samples, validation, X = np.random.RandomState(0).normal(size=(3, 1000, 2))
    >>> round(parzen_log_likelihood(X, samples, X_validation=validation), 1)
    -2.8
    >>> round(parzen_log_likelihood(X, 3 * samples, X_validation=validation), 1)
    -4.1
    """
    function = "parzen_log_likelihood"
    if (bandwidth is None) == (X_validation is None):
        raise ValueError(
            f"{function} needs one of bandwidth and X_validation: a bandwidth, or rows "
            "to choose it by that are not in X, such as half of the held-out rows."
        )
    if bandwidth is None:
        bandwidth = parzen_bandwidth(X_validation, X_samples, bandwidths)
    check_parameter(function, "bandwidth", bandwidth, POSITIVE)
    rows = check_rows(function, "X", X)
    centres = check_rows(function, "X_samples", X_samples)
    check_same_columns(function, X=X, X_samples=X_samples)
    values = _log_densities(rows, centres, np.array([bandwidth], dtype=float))[0]
    return float(values.mean()) if aggregate else values


@plain_torch()
def parzen_bandwidth(
    X_validation: TableLike, X_samples: TableLike, bandwidths: ArrayLike | None = None
) -> float:
    """Bandwidth of a Parzen window under which rows are most likely.

    Parameters
    ----------
    X_validation : {array-like, DataFrame} of shape (n_validation, n_features)
        Rows that are not among the samples.

    X_samples : {array-like, DataFrame} of shape (n_centers, n_features)
        Samples of a model: centres of the Gaussian kernels.

    bandwidths : array-like of shape (n_bandwidths,), default=None
        Those to choose from. None: 20 from the root mean squared distance of a row to
        its nearest sample to that of a row to any sample, both divided by √d for d
        columns. The most likely bandwidth lies between these two, whatever the units.

    Returns
    -------
    bandwidth : float
        One of `bandwidths`.

    Raises
    ------
    ValueError
        If all rows are among the samples: the smaller the bandwidth, the likelier.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aae.metrics import parzen_bandwidth
    >>> samples, validation = np.random.RandomState(0).normal(size=(2, 1000, 2))
    >>> parzen_bandwidth(validation, samples, bandwidths=[0.03, 0.3, 3.0])
    0.3
    """
    function = "parzen_bandwidth"
    rows = check_rows(function, "X_validation", X_validation)
    centres = check_rows(function, "X_samples", X_samples)
    check_same_columns(function, X_validation=X_validation, X_samples=X_samples)
    if bandwidths is None:
        candidates = _bandwidths(rows, centres)
    else:
        candidates = np.asarray(bandwidths, dtype=float)
        if candidates.ndim != 1 or not len(candidates):
            raise ValueError(
                f"The 'bandwidths' parameter of {function} must be a list of numbers. "
                f"Got {bandwidths!r} instead."
            )
        for value in candidates.tolist():
            check_parameter(function, "bandwidths", value, POSITIVE)
    likelihood = _log_densities(rows, centres, candidates).mean(1)
    return float(candidates[likelihood.argmax()])


def _bandwidths(X: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Return bandwidths between the bounds of the best one.

    Where the likelihood is at its maximum, d h² is the mean of ‖x - s_j‖² by the
    responsibilities of the centres: no less than the nearest, no more than their mean.
    """
    (x, c), exponent = in_one_unit(Points.plain(X), Points.plain(centres))
    least = np.square(nearest_distances(x, c)).mean()
    if not least:
        raise ValueError(
            "All rows of X_validation are among X_samples: no bandwidth is the best. "
            "Pass rows that the samples were not drawn from, or bandwidths."
        )
    shift = x.numbers.mean(0) - c.numbers.mean(0)
    mean = shift @ shift + x.numbers.var(0).sum() + c.numbers.var(0).sum()
    mean = max(mean, least)  # they are equal, but for rounding, of a single sample
    # Of bounds that are far apart, more: a step is at most a factor of √e.
    n = max(N_BANDWIDTHS, 1 + int(np.ceil(np.log(mean) - np.log(least))))
    return np.ldexp(np.sqrt(np.geomspace(least, mean, n) / X.shape[1]), -exponent)


def _log_densities(
    X: np.ndarray, centres: np.ndarray, bandwidths: np.ndarray
) -> np.ndarray:
    """Return log p(x) of each row by each bandwidth, (n_bandwidths, n_samples)."""
    values = torch.empty(len(bandwidths), len(X), dtype=torch.float64)
    (x, c), exponent = in_one_unit(Points.plain(X), Points.plain(centres))
    with np.errstate(over="ignore"):  # so wide that all is one point to it
        widths = np.ldexp(bandwidths, exponent).clip(np.finfo(float).tiny)
    for rows, d in distance_blocks(x, c):
        nearest = d.amin(1, keepdim=True)
        d2 = (d - nearest).mul_(d.add_(nearest))
        for i, h in enumerate(widths.tolist()):
            total = (d2 / h).div_(-2 * h).exp_().sum(1)
            values[i, rows] = total.log() - (nearest[:, 0] / h).square() / 2
    m, n_columns = centres.shape
    constant = np.log(m) + n_columns * (np.log(2 * np.pi) / 2 + np.log(bandwidths))
    return values.numpy() - constant[:, None]
