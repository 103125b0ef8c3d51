"""From a numeric table to the rows that the networks see, and back."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    QuantileTransformer,
    StandardScaler,
)

from sklearn_aae.tabular._schema import TableSchema

MAX_QUANTILES = 1000


def _quantile(n_samples: int, seed: int):
    return QuantileTransformer(
        n_quantiles=min(MAX_QUANTILES, n_samples),
        output_distribution="normal",
        random_state=seed,
    )


# What the `scale` parameter of an estimator builds, from rows and a seed.
SCALERS = {
    "standard": lambda n_samples, seed: StandardScaler(),
    "quantile": _quantile,
    "minmax": lambda n_samples, seed: MinMaxScaler(clip=True),
    None: lambda n_samples, seed: FunctionTransformer(),
}


class TablePreprocessor(TransformerMixin, BaseEstimator):
    """Scales the columns by one of scikit-learn's scalers.

    Parameters
    ----------
    scale : {"standard", "quantile", "minmax"} or None, default="standard"
        Key of `SCALERS`.

    seed : int, default=0
        Of the quantile transformer's subsample.

    Attributes
    ----------
    scaler_ : transformer
        The fitted scaler.

    schema_ : TableSchema
        What is known of the columns.
    """

    def __init__(self, scale: str | None = "standard", seed: int = 0):
        self.scale, self.seed = scale, seed

    def fit(self, X, y=None, sample_weight=None):
        """Learn the scales.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows.

        y : None
            Ignored.

        sample_weight : ndarray of shape (n_samples,), default=None
            Weights; only ``scale="standard"`` uses them.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If all columns are constant.
        """
        X = np.asarray(X, dtype=np.float64)
        # The networks need arrays, whatever the user set globally.
        scaler = SCALERS[self.scale](len(X), self.seed).set_output(transform="default")
        if self.scale == "standard":
            scaler.fit(X, sample_weight=sample_weight)
        else:
            scaler.fit(X)
        variance = np.atleast_1d(_variance(scaler.transform(X), sample_weight))
        n_varying = int((np.ptp(X, axis=0) > 0).sum())
        if not n_varying:
            raise ValueError(
                f"All {X.shape[1]} columns of X are constant: there is nothing to "
                "learn. Check that X holds the rows you meant."
            )
        self.scaler_ = scaler
        self.schema_ = TableSchema(X.shape[1], n_varying, float(variance.sum()))
        return self

    def transform(self, X) -> np.ndarray:
        """Scale rows.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features), float64
        """
        return np.asarray(self.scaler_.transform(np.asarray(X, dtype=np.float64)))

    def inverse_transform(self, X) -> np.ndarray:
        """Undo the scaling.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Scaled rows.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features), float64
        """
        return np.asarray(self.scaler_.inverse_transform(X))


def _variance(X: np.ndarray, sample_weight) -> np.ndarray:
    """Weighted variance of each column."""
    mean = np.average(X, axis=0, weights=sample_weight)
    return np.average((X - mean) ** 2, axis=0, weights=sample_weight)
