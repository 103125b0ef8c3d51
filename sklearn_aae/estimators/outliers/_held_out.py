"""Which training rows are held out, to calibrate scores by."""

from collections.abc import Mapping, Set

import numpy as np
from sklearn.utils.validation import _num_samples

from sklearn_aae.utils._compat import check_sample_weight

# Of training pictures a tenth, of fewer a larger share, as long as that is no more than
# so many pictures: what fewer tell of a distribution is luck.
SHARES = ((0.1, 1000), (0.2, 50), (1 / 3, 20))
# Fewer say nothing of a distribution; by default it takes as many pictures.
LEAST, LEAST_PICTURES = 2, 10


def hold_out(X, sample_weight, fraction: float | str, *, pictures: bool):
    """Return which rows no model is trained on, (n_samples,) bool; None for none.

    One of each of so many parts of the rows, in their order: like all of them where
    they are sorted, and at no even distance, as rows may repeat some order. A training
    that goes on with the same rows holds out the same ones.

    Parameters
    ----------
    X, sample_weight : array-like
        What `fit` got. Rows without weight do not count.

    fraction : float or "auto"
        Share of the rows.

    pictures : bool
        Whether rows are pictures, of which "auto" holds some out.

    Raises
    ------
    ValueError
        If a share leaves fewer than two rows on either side.
    """
    if fraction == 0 or (fraction == "auto" and not pictures):
        return None
    if not _may_be_table(X):
        return None  # whoever reads it says so
    n = _num_samples(X)
    rows = np.arange(n)
    if sample_weight is not None:
        weight = check_sample_weight(sample_weight, np.empty((n, 1)))
        rows = rows[weight > 0]
    if len(rows) < LEAST:
        return None
    if isinstance(fraction, str):
        if len(rows) < LEAST_PICTURES:
            return None
        n_held = _automatic(len(rows))
    else:
        n_held = round(fraction * len(rows))
    if min(n_held, len(rows) - n_held) < LEAST:
        raise ValueError(
            f"calibration_fraction={fraction} of {len(rows)} rows holds out {n_held}: "
            "at least two are needed, and two to train on. Pass more rows, or "
            "calibration_fraction=0."
        )
    held = np.zeros(n, dtype=bool)
    begins = np.arange(n_held + 1) * len(rows) // n_held
    within = np.random.RandomState(0).uniform(size=n_held) * np.diff(begins)
    held[rows[begins[:-1] + within.astype(int)]] = True
    return held


def _may_be_table(X) -> bool:
    """Whether X has rows of several cells, as far as can be told without reading it."""
    if isinstance(X, str | bytes | Mapping | Set):
        return False
    if isinstance(X, list | tuple):
        return len(X) > 0 and np.ndim(X[0]) > 0
    shape = getattr(X, "shape", None)
    return hasattr(X, "__len__") if shape is None else len(shape) > 1


def _automatic(n: int) -> int:
    """Return how many of n pictures are held out."""
    return max(min(round(share * n), most) for share, most in SHARES)
