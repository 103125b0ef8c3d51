"""Answers of a fitted autoencoder: codes, reconstructions, samples, scores.

The networks answer in float64 on a CPU, so that a row's answer does not depend on the
rows beside it; the output has the dtype of the input. Rows stream through in chunks.
"""

from collections.abc import Callable
from numbers import Integral

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted
from torch import Tensor, nn

from sklearn_aae.estimators._preparation import validate_table
from sklearn_aae.tabular import as_table
from sklearn_aae.utils._compat import (
    Interval,
    InvalidParameterError,
    check_sample_weight,
)
from sklearn_aae.utils._device import single_thread_pool, torch_threads
from sklearn_aae.utils._random import draw_seeds, seeded_scope

# Rows that pass through the networks at once: their units should stay in the cache.
CHUNK_ROWS = 2048


def stream(
    network: nn.Module,
    answer: Callable[..., Tensor],
    rows: np.ndarray,
    prepare: Callable[[np.ndarray], np.ndarray] = np.asarray,
    finish: Callable[[np.ndarray], np.ndarray] = np.asarray,
    labels: np.ndarray | None = None,
) -> np.ndarray:
    """Apply `answer` to chunks of rows, on the network's device and in its dtype.

    No more than one chunk for each thread is there at once, besides the answers. Small
    networks run faster on one thread for each chunk than on several for one.

    Parameters
    ----------
    network : nn.Module
        Says device, dtype and size.

    answer : callable
        Maps a tensor of rows, and one of their labels if there are any, to a tensor of
        as many rows.

    rows : ndarray of shape (n_samples, n_columns)
        Input.

    prepare, finish : callable, default=np.asarray
        Applied to each chunk of rows, and to each chunk of answers.

    labels : ndarray of shape (n_samples,), default=None
        Class numbers.

    Returns
    -------
    answers : ndarray of shape (n_samples, ...)
    """
    weight = next(network.parameters())
    starts = range(0, len(rows), CHUNK_ROWS)

    def run(start: int) -> np.ndarray:
        with torch.inference_mode():
            at = slice(start, start + CHUNK_ROWS)
            chunk = torch.from_numpy(np.array(prepare(rows[at])))
            given = [chunk.to(weight.device, weight.dtype)]
            if labels is not None:
                given.append(torch.tensor(labels[at], device=weight.device))
            return finish(answer(*given).cpu().numpy())

    n_workers = min(torch.get_num_threads(), len(starts))
    if n_workers == 1 or weight.device.type != "cpu":
        size = sum(p.numel() for p in network.parameters())
        with torch_threads(2.0 * size * min(CHUNK_ROWS, len(rows))):
            parts = [run(start) for start in starts]
    else:
        with single_thread_pool(n_workers) as pool:
            parts = list(pool.map(run, starts))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def check_n_samples(n_samples) -> None:
    """Raise InvalidParameterError unless a number of rows is a positive integer."""
    if not Interval(Integral, 1, None, closed="left").is_satisfied_by(n_samples):
        raise InvalidParameterError(
            f"The 'n_samples' parameter of sample must be an int in the range "
            f"[1, inf). Got {n_samples!r} instead."
        )


class SampleMixin:
    """Draws rows from a fitted model; the host provides ``_decode``."""

    def _check_new_rows(self, X) -> np.ndarray:
        """Validate rows to answer about."""
        check_is_fitted(self)
        return validate_table(self, X, reset=False)

    def sample(self, n_samples=1, *, y=None, random_state=None):
        """Draw new rows: z ~ p(z), then the mean of p(x|z).

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.

        y : label or array-like of shape (n_samples,), default=None
            Classes of the rows, of a model that was fitted with labels.

        random_state : int, RandomState or None, default=None
            None draws anew with each call.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Rows.

        Raises
        ------
        ValueError
            If `y` names a class that the model does not know.
        """
        check_is_fitted(self)
        check_n_samples(n_samples)
        labels = None if y is None else self._class_numbers(y, n_samples)
        return self._decode(self._draw_codes(n_samples, labels, random_state))

    def _draw_codes(self, n_samples: int, labels, random_state) -> np.ndarray:
        """Draw codes from the prior, of class numbers where they are given."""
        y = None if labels is None else torch.tensor(labels)
        with seeded_scope(draw_seeds(random_state, 1)[0]):
            return self.prior_.draw(n_samples, y).cpu().numpy()

    def _class_numbers(self, y, n_samples: int) -> np.ndarray:
        """Return the class number of each label: the component of the prior."""
        if not hasattr(self, "classes_"):
            raise ValueError(
                "sample(y=...) needs a model with one prior component for each class: "
                "fit with labels and prior='gaussian_mixture' or 'swiss_roll'."
            )
        labels = np.asarray(y)
        if labels.ndim and labels.shape != (n_samples,):
            raise ValueError(
                f"y must be one label or one for each of n_samples={n_samples} rows. "
                f"Got shape {labels.shape}."
            )
        labels = np.broadcast_to(labels, (n_samples,))
        known = np.isin(labels, self.classes_)
        if not known.all():
            raise ValueError(
                f"y has the unknown label {labels[~known].tolist()[0]!r}. The model "
                f"knows {self.classes_.tolist()}."
            )
        return np.searchsorted(self.classes_, labels)


class InferenceMixin(SampleMixin):
    """Encode, decode and score with a fitted ``encoder_`` and ``decoder_``."""

    def _check_codes(self, Z) -> np.ndarray:
        """Validate codes."""
        check_is_fitted(self)
        Z = check_array(as_table(Z), dtype=[np.float64, np.float32], input_name="Z")
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
        X : ndarray of shape (n_samples, n_features)
            What the code keeps of them.
        """
        X = self._check_new_rows(X)
        return self._decode(self._encode(X)).astype(X.dtype, copy=False)

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
            `reconstruction`. Higher is better.
        """
        X = self._check_new_rows(X)

        def log_prob(x: Tensor) -> Tensor:
            return self.decoder_(self.encoder_(x).mean).log_prob(x)

        scale = self.preprocessor_.transform
        return stream(self.encoder_, log_prob, X, scale).astype(np.float64)

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


class CodeMixin(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
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
        X : ndarray of shape (n_samples, n_features)
            Rows, in the units of the training table.
        """
        Z = self._check_codes(X)
        return self._decode(Z).astype(Z.dtype, copy=False)
