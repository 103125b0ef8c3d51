"""From a numeric table to the rows that the networks see, and back."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    QuantileTransformer,
    StandardScaler,
)

from sklearn_aae.tabular._scalers import CommonScaler
from sklearn_aae.tabular._schema import TableSchema

MAX_QUANTILES = 1000

# Those that take weights.
WEIGHTED = ("standard", "range", "common")

# Rows that are scaled at once.
CHUNK_ROWS = 2**14


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


class TablePreprocessor(TransformerMixin, BaseEstimator):
    """Scales the columns by one of scikit-learn's scalers, or by a common number.

    Parameters
    ----------
    scale : {"standard", "quantile", "minmax", "range", "common"} or None, \
            default="standard"
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
            Weights; those scalers use them that take means.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If all columns are constant.
        """
        # The networks need arrays, whatever the user set globally.
        scaler = SCALERS[self.scale](len(X), self.seed).set_output(transform="default")
        if not hasattr(scaler, "partial_fit"):
            scaler.fit(np.asarray(X, dtype=np.float64))
        else:
            for part in chunks(len(X)):
                options = {}
                if self.scale in WEIGHTED and sample_weight is not None:
                    options["sample_weight"] = sample_weight[part]
                scaler.partial_fit(np.asarray(X[part], dtype=np.float64), **options)
        n_varying = int((X.max(axis=0) > X.min(axis=0)).sum())
        if not n_varying:
            raise ValueError(
                f"All {X.shape[1]} columns of X are constant: there is nothing to "
                "learn. Check that X holds the rows you meant."
            )
        self.scaler_ = scaler
        variance = self._variance(X, sample_weight)
        self.schema_ = TableSchema(X.shape[1], n_varying, float(variance.sum()))
        return self

    def _variance(self, X: np.ndarray, weight) -> np.ndarray:
        """Weighted variance of each scaled column."""
        mean = self._average(lambda rows: rows, X, weight)
        return self._average(lambda rows: (rows - mean) ** 2, X, weight)

    def _average(self, f, X: np.ndarray, weight) -> np.ndarray:
        """Weighted average over the rows of f(scaled rows), chunk by chunk."""
        total, mass = np.zeros(X.shape[1]), 0.0
        for part in chunks(len(X)):
            w = np.ones(len(X[part])) if weight is None else weight[part]
            total, mass = total + w @ f(self.transform(X[part])), mass + w.sum()
        return total / mass

    def to_tensor(self, X, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
        """Scale rows into a tensor, chunk by chunk: no whole copy besides.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows.

        device : torch.device
            Where the tensor lies.

        dtype : torch.dtype
            Of the tensor.

        Returns
        -------
        x : Tensor of shape (n_samples, n_features)
        """
        x = torch.empty(X.shape, dtype=dtype, device=device)
        for part in chunks(len(X)):
            x[part] = torch.from_numpy(self.transform(X[part])).to(dtype)
        return x

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


def chunks(n_samples: int) -> Iterator[slice]:
    """Yield slices of up to `CHUNK_ROWS` rows."""
    for start in range(0, n_samples, CHUNK_ROWS):
        yield slice(start, start + CHUNK_ROWS)
