"""Which training rows are held out, to calibrate scores by."""

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

    They lie evenly between the others, so that a training that goes on with the same
    rows holds out the same ones.

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
    shape = getattr(X, "shape", None)
    if shape == () or (shape is None and not hasattr(X, "__len__")):
        return None  # no table: whoever reads it says so
    n = _num_samples(X)
    if n < LEAST:
        return None
    rows = np.arange(n)
    if sample_weight is not None:
        weight = check_sample_weight(sample_weight, np.empty((n, 1)))
        rows = rows[weight > 0]
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
    held[rows[((np.arange(n_held) + 0.5) * len(rows) / n_held).astype(int)]] = True
    return held


def _automatic(n: int) -> int:
    """Return how many of n pictures are held out."""
    return max(min(round(share * n), most) for share, most in SHARES)
