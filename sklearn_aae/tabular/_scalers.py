"""Scalers of columns: scikit-learn's, and one of all columns by one number."""

import math
from collections.abc import Callable

import numpy as np
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    QuantileTransformer,
    StandardScaler,
)

# Those that take sample weights.
WEIGHTED = ("standard", "range", "limited_range", "common")
MAX_QUANTILES = 1000
# Range of "limited_range", at most: that of some 400 draws of a Gaussian.
MAX_DEVIATIONS = 6.0


class CommonScaler(StandardScaler):
    """Centres columns and divides all by one number: their root mean variance.

    What columns are to each other stays: a pixel that is nearly always dark does not
    become as loud as the others.

    Parameters
    ----------
    by_range : bool, default=False
        Whether each column is divided by its range before.

    max_deviations : float, default=inf
        Standard deviations of a column that its range counts as, at most: a few far
        cells would make a column small.
    """

    def __init__(self, by_range: bool = False, max_deviations: float = math.inf):
        super().__init__()
        self.by_range, self.max_deviations = by_range, max_deviations

    def partial_fit(self, X, y=None, sample_weight=None):
        """Learn from further rows.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows.

        y : None
            Ignored.

        sample_weight : ndarray of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        self : object
        """
        if not hasattr(self, "scale_"):
            self.extent_ = MinMaxScaler()
        super().partial_fit(X, y, sample_weight)
        extent = self.extent_.partial_fit(X).data_range_
        unit = 1.0
        if self.by_range:
            unit = np.where(extent > 0, extent, 1.0)
            most = np.where(self.var_ > 0, np.sqrt(self.var_), np.inf)
            unit = np.minimum(unit, self.max_deviations * most)
        # Not of squares: those of a tiny unit are 0.
        variances = ((np.sqrt(self.var_) / unit) ** 2)[extent > 0]
        common = np.sqrt(variances.mean()) if variances.any() else 1.0
        self.scale_ = np.broadcast_to(unit * common, extent.shape)
        return self


def _quantile(n_samples: int, seed: int):
    return QuantileTransformer(
        n_quantiles=min(MAX_QUANTILES, n_samples),
        output_distribution="normal",
        random_state=seed,
    )


# What the `scale` parameter of an estimator builds, from rows and a seed.
SCALERS: dict[str | None, Callable] = {
    "standard": lambda n_samples, seed: StandardScaler(),
    "quantile": _quantile,
    "minmax": lambda n_samples, seed: MinMaxScaler(clip=True),
    "range": lambda n_samples, seed: CommonScaler(by_range=True),
    "limited_range": lambda n_samples, seed: CommonScaler(True, MAX_DEVIATIONS),
    "common": lambda n_samples, seed: CommonScaler(),
    None: lambda n_samples, seed: FunctionTransformer(),
}


def count_scaler() -> Pipeline:
    """Build what standardises log(1 + x), into arrays."""
    # The inverse would be checked by cells of which some are missing.
    logarithm = FunctionTransformer(np.log1p, np.expm1, check_inverse=False)
    scaler = make_pipeline(logarithm, StandardScaler())
    return scaler.set_output(transform="default")
