"""Codes drawn from the prior of a fitted model, for displays and scorers."""

import numpy as np

from sklearn_aae.utils._random import seeded_scope

# One seed, so that all models are compared with the same draws.
SEED = 0


def prior_codes(estimator, n_draws: int) -> np.ndarray:
    """Draw codes, as ``transform`` returns them, from the prior; always the same ones.

    Parameters
    ----------
    estimator : object
        Fitted, with ``prior_``.

    n_draws : int
        Number of codes.

    Returns
    -------
    codes : ndarray of shape (n_draws, n_components)
    """
    if hasattr(estimator, "sample_codes"):  # what a head makes of label and style
        return estimator.sample_codes(n_draws, random_state=SEED)
    with seeded_scope(SEED):
        return estimator.prior_.draw(n_draws).cpu().numpy()
