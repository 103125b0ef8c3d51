"""Answers of a fitted autoencoder: codes, reconstructions, samples, scores.

The networks answer in float64 on a CPU, so that a row's answer does not depend on the
rows beside it; the output has the dtype of the input. Rows stream through in chunks.
"""

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted
from torch import Tensor

from sklearn_aae.estimators._paths import PathMixin
from sklearn_aae.estimators._sampling import TableSampleMixin
from sklearn_aae.estimators._stream import stream
from sklearn_aae.tabular import (
    as_table,
    float_dtypes,
    unknown_category_cost,
    unknown_cells,
)
from sklearn_aae.utils._compat import check_sample_weight


class InferenceMixin(TableSampleMixin):
    """Encode, decode and score with a fitted ``encoder_`` and ``decoder_``."""

    def _check_codes(self, Z) -> np.ndarray:
        """Validate codes."""
        check_is_fitted(self)
        Z = as_table(Z, "Z")
        Z = check_array(Z, dtype=float_dtypes(Z), input_name="Z")
        k = self._n_features_out
        if Z.shape[1] != k:
            raise ValueError(
                f"Z has {Z.shape[1]} columns, but the codes of {type(self).__name__} "
                f"have {k}: n_components={self._fit_params['n_components']}. Pass what "
                "transform returns."
            )
        return Z

    def _encode(self, X: np.ndarray) -> np.ndarray:
        """Return the mean of q(z|x) for valid rows."""
        scale = self.preprocessor_.transform
        return stream(self.encoder_, lambda x: self.encoder_(x).mean, X, scale)

    def _decode(self, Z: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Return the mean of p(x|z) for valid codes, in the units of the table."""
        decoder = self.decoder_

        def mean(z: Tensor, y: Tensor | None = None) -> Tensor:
            return decoder(z, y).mean

        return self._from_decoder(mean, Z, labels)

    def _from_decoder(self, answer, Z: np.ndarray, labels=None) -> np.ndarray:
        """Return rows of the decoder in the units of the table."""

        def unscale(rows: np.ndarray) -> np.ndarray:
            return self.preprocessor_.inverse_transform(rows.astype(np.float64))

        return stream(self.decoder_, answer, Z, finish=unscale, labels=labels)

    def reconstruct(self, X):
        """Encode and decode rows.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_samples, n_features)
            What the code keeps of them: a table like the training table, without
            holes.
        """
        rows = self._check_new_rows(X)
        return self._as_table(self._decode(self._encode(rows)), rows.dtype, X)

    def score_samples(self, X):
        """Log-likelihood of each row given its code: log p(x|z), z the mean of q(z|x).

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,), float64
            In nats, of the scaled columns: to compare models with equal `scale` and
            `reconstruction`. Higher is better. A missing cell counts 0, a category
            that none of n training rows has -log(n + 1), about as much as the rarest.
        """
        rows = self._check_new_rows(X)

        def log_prob(x: Tensor) -> Tensor:
            return self.decoder_(self.encoder_(x).mean).log_prob(x)

        scale = self.preprocessor_.transform
        known = stream(self.encoder_, log_prob, rows, scale).astype(np.float64)
        return known - self._cost_of_unknown(X)

    def _cost_of_unknown(self, X) -> np.ndarray | float:
        """Return what categories that no training row has cost each row, in nats."""
        if not any(self.columns_.n_categories):
            return 0.0
        cost = unknown_category_cost(self.columns_)
        return unknown_cells(self.columns_, as_table(X)) @ cost

    def _score_rows(self, X, y) -> np.ndarray:
        """Return what `score` averages."""
        return self.score_samples(X)

    def score(self, X, y=None, sample_weight=None):
        """Mean of `score_samples`; higher is better.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            Mean log-likelihood, in nats a row.
        """
        scores = self._score_rows(X, y)
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, scores[:, None])
        return float(np.average(scores, weights=sample_weight))


class CodeMixin(PathMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Codes as the output of a scikit-learn transformer."""

    @property
    def _n_features_out(self):
        """Number of columns of a code, for the names of the output."""
        return self._fit_params["n_components"]

    def __sklearn_tags__(self):
        """Say what scikit-learn may expect."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def transform(self, X):
        """Encode rows: the mean of q(z|x).

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Codes, of the dtype of X (float64 unless X is float32).
        """
        X = self._check_new_rows(X)
        return self._encode(X).astype(X.dtype, copy=False)

    def inverse_transform(self, X):
        """Decode codes: the mean of p(x|z).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_samples, n_features)
            Rows, a table like the training table.
        """
        Z = self._check_codes(X)
        return self._as_table(self._decode(Z), Z.dtype, X)
