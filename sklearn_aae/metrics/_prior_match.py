"""Whether codes look like draws from the prior: tests of two samples."""

from numbers import Integral
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.stats import mannwhitneyu
from torch import Tensor

from sklearn_aae.metrics._checks import (
    check_n_rows,
    check_parameter,
    check_rows,
    check_same_columns,
)
from sklearn_aae.metrics._pairs import Points, distance_blocks, in_one_unit
from sklearn_aae.objectives._divergences import IMQ_SCALES
from sklearn_aae.utils._compat import Interval, StrOptions
from sklearn_aae.utils._modes import plain_torch
from sklearn_aae.utils._optional import import_whole
from sklearn_aae.utils._random import MAX_SEED, draw_seeds
from sklearn_aae.utils._typing import RandomState

# Statistics this near to each other are equal, but for rounding.
TIE = 1e-12
TINY = np.finfo(float).tiny


class PriorMatch(NamedTuple):
    """What `prior_match` returns."""

    statistic: float
    pvalue: float


@plain_torch()
def prior_match(
    Z: ArrayLike,
    Z_prior: ArrayLike,
    *,
    method: str = "energy",
    n_permutations: int = 199,
    max_samples: int | None = 2000,
    random_state: RandomState = None,
) -> PriorMatch:
    """Test whether codes have the distribution of draws from the prior.

    Parameters
    ----------
    Z : {array-like, DataFrame} of shape (n_samples, n_components)
        Codes of rows that the model was not trained on.

    Z_prior : {array-like, DataFrame} of shape (n_draws, n_components)
        Draws from the prior.

    method : {"energy", "mmd", "classifier"}, default="energy"
        What is compared. "energy": the mean distances between and within the two
        ([1]_). "mmd": the same of a sum of inverse multiquadratic kernels of seven
        widths ([2]_), which sees finer differences. "classifier": whether boosted trees
        tell codes and draws apart ([3]_), learned from one half and asked about the
        other; it sees what differs in few of many columns.

    n_permutations : int, default=199
        Number of random splits of codes and draws that the statistic is compared with,
        of "energy" and "mmd".

    max_samples : int, default=2000
        Rows of each that are used, at most; drawn at random.

    random_state : int, RandomState or None, default=None
        Of the rows and the splits.

    Returns
    -------
    statistic : float
        "energy": the distance, 0 for equal distributions and 1 for two different
        points; ``history_`` has it of each epoch's last batch. "mmd": the unbiased
        squared discrepancy, on average 0 for equal ones. "classifier": the area under
        the ROC curve, 0.5 for equal ones.

    pvalue : float
        Probability of a statistic as large as this, or larger, for equal distributions.
        Of many rows small differences are significant: look at the statistic, too.

    Raises
    ------
    ValueError
        If the columns differ, cells are missing, or a sample has one row only.

    References
    ----------
    .. [1] Székely, Rizzo, "Energy statistics: A class of statistics based on
       distances", Journal of Statistical Planning and Inference 143(8), 2013.
    .. [2] Gretton, Borgwardt, Rasch, Schölkopf, Smola, "A Kernel Two-Sample Test", JMLR
       13, 2012; the kernels: Tolstikhin, Bousquet, Gelly, Schölkopf, "Wasserstein
       Auto-Encoders", ICLR 2018, https://arxiv.org/abs/1711.01558
    .. [3] Lopez-Paz, Oquab, "Revisiting Classifier Two-Sample Tests", ICLR 2017,
       https://arxiv.org/abs/1610.06545

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aae.metrics import prior_match
    >>> Z, Z_prior = np.random.RandomState(0).normal(size=(2, 500, 2))
    >>> prior_match(Z, Z_prior, random_state=0).pvalue > 0.05
    True
    >>> prior_match(1.5 * Z, Z_prior, random_state=0).pvalue
    0.005
    """
    function = "prior_match"
    whole = Interval(Integral, 1, None, closed="left")
    check_parameter(function, "method", method, StrOptions(set(METHODS)))
    check_parameter(function, "n_permutations", n_permutations, whole)
    check_parameter(
        function, "max_samples", max_samples, Interval(Integral, 2, None, closed="left")
    )
    codes, draws = (
        check_rows(function, "Z", Z),
        check_rows(function, "Z_prior", Z_prior),
    )
    check_same_columns(function, Z=Z, Z_prior=Z_prior)
    check_n_rows(function, 2, Z=codes, Z_prior=draws)
    rng = np.random.RandomState(draw_seeds(random_state, 1)[0])
    codes, draws = (t[rng.permutation(len(t))[:max_samples]] for t in (codes, draws))
    return PriorMatch(*METHODS[method](codes, draws, n_permutations, rng))


def _energy(codes, draws, n_permutations, rng) -> tuple[float, float]:
    """Return the normalised energy distance, and the share of splits with no less."""
    pairs = _distances(codes, draws)
    cross, within = _pair_means(pairs, len(codes), n_permutations, rng)
    share = (2 * cross - within) / (2 * cross).clamp_min(TINY)
    return float(share[0].clamp_min(0).sqrt()), _p_value(share)


def _mmd(codes, draws, n_permutations, rng) -> tuple[float, float]:
    """Return the squared MMD, kernel Σ_s C/(C + ‖a - b‖²), and the share of splits.

    C = s E‖a - b‖² over all pairs of codes and draws together: a scale by one of them
    alone would not be the same for all splits.
    """
    d2 = _distances(codes, draws).square_()
    scale = d2.mean().clamp_min(TINY)
    pairs = torch.zeros_like(d2)
    for s in IMQ_SCALES:
        pairs += (scale * s) / (scale * s + d2)
    pairs.fill_diagonal_(0)
    cross, within = _pair_means(pairs, len(codes), n_permutations, rng)
    discrepancy = within - 2 * cross
    return float(discrepancy[0]), _p_value(discrepancy)


def _classifier(codes, draws, n_permutations, rng) -> tuple[float, float]:
    """Return the ROC AUC on rows held out, and its p-value by the rank-sum test."""
    # Slow to import, and every import of the estimators comes by here.
    ensemble = import_whole("sklearn.ensemble")
    (codes, codes_out), (draws, draws_out) = (
        np.array_split(t, 2) for t in (codes, draws)
    )
    trees = ensemble.HistGradientBoostingClassifier(
        max_iter=50,
        max_leaf_nodes=8,
        min_samples_leaf=5,
        l2_regularization=10.0,
        early_stopping=False,
        random_state=rng.randint(MAX_SEED),
    )
    trees.fit(np.vstack([codes, draws]), np.repeat([1, 0], [len(codes), len(draws)]))
    scores = (trees.decision_function(t) for t in (codes_out, draws_out))
    test = mannwhitneyu(*scores, alternative="greater")
    return float(test.statistic / (len(codes_out) * len(draws_out))), float(test.pvalue)


METHODS = {"energy": _energy, "mmd": _mmd, "classifier": _classifier}


def _distances(codes: np.ndarray, draws: np.ndarray) -> Tensor:
    """Return distances of codes and draws together, each to each; the largest is 1."""
    (rows,), _ = in_one_unit(Points.plain(np.vstack([codes, draws])))
    d = torch.cat([part for _, part in distance_blocks(rows, rows)])
    return d.div_(d.max().clamp_min(TINY))


def _pair_means(
    pairs: Tensor, n: int, n_permutations: int, rng
) -> tuple[Tensor, Tensor]:
    """Return the means of pairs between two groups, and the sum of those within each.

    Of the first n rows and the others, then of random splits into as many.

    Parameters
    ----------
    pairs : Tensor of shape (n + m, n + m)
        Symmetric, with zeros on the diagonal.

    n : int
        Size of the first group.

    n_permutations : int
        Number P of random splits.

    rng : RandomState
        Of the splits.

    Returns
    -------
    cross, within : Tensor of shape (1 + P,)
    """
    m = len(pairs) - n
    group = np.arange(n + m) < n
    groups = [group, *(rng.permutation(group) for _ in range(n_permutations))]
    first = torch.from_numpy(np.array(groups, dtype=float).T)  # (n + m, 1 + P)
    sums = pairs @ first
    inside = (first * sums).sum(0)
    across = sums.sum(0) - inside
    others = pairs.sum() - inside - 2 * across
    return across / (n * m), inside / (n * (n - 1)) + others / (m * (m - 1))


def _p_value(statistics: Tensor) -> float:
    """Return the share of values that are no less than the first, itself included."""
    return float((statistics >= statistics[0] - TIE).double().mean())
