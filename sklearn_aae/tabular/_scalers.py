"""Scalers of columns: scikit-learn's, and one of all columns by one number."""

from collections.abc import Callable

import numpy as np
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    QuantileTransformer,
    StandardScaler,
)

MAX_QUANTILES = 1000


class CommonScaler(StandardScaler):
    """Centres columns and divides all by one number: their root mean variance.

    What columns are to each other stays: a pixel that is nearly always dark does not
    become as loud as the others.

    Parameters
    ----------
    by_range : bool, default=False
        Whether each column is divided by its range before.
    """

    def __init__(self, by_range: bool = False):
        super().__init__()
        self.by_range = by_range

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
        unit = np.where(extent > 0, extent, 1.0) if self.by_range else 1.0
        variances = (self.var_ / unit**2)[extent > 0]
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
    "common": lambda n_samples, seed: CommonScaler(),
    None: lambda n_samples, seed: FunctionTransformer(),
}


def count_scaler() -> Pipeline:
    """Build what standardises log(1 + x), into arrays."""
    # The inverse would be checked by cells of which some are missing.
    logarithm = FunctionTransformer(np.log1p, np.expm1, check_inverse=False)
    scaler = make_pipeline(logarithm, StandardScaler())
    return scaler.set_output(transform="default")
