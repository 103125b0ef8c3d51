"""Codes as the output of a scikit-learn transformer, and ways through them."""

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sklearn_aae.estimators._generate import check_n_samples
from sklearn_aae.estimators._paths import (
    ENDS,
    N_DRAWS,
    PATHS,
    arc,
    check_steps,
    line,
    on_sphere,
    repeated_labels,
)
from sklearn_aae.estimators._tables import as_output, read_codes, read_new_rows, said_of
from sklearn_aae.utils._compat import Interval, InvalidParameterError
from sklearn_aae.utils._random import draw_seeds
from sklearn_aae.utils._typing import Answer, RandomState, TableLike


class CodeMixin(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """Codes as the output of a scikit-learn transformer, and ways through them."""

    @property
    def _n_features_out(self):
        """Number of columns of a code, for the names of the output."""
        return self.encoder_.n_components

    def __sklearn_tags__(self):
        """Say what scikit-learn may expect."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def transform(self, X: TableLike) -> Answer:
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
        X = read_new_rows(self, X)
        return self._model.encode(X).astype(X.dtype, copy=False)

    def inverse_transform(self, X: TableLike) -> Answer:
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
        Z = read_codes(self, X)
        rows = self._model.decode(Z)
        return as_output(self, rows, Z.dtype, X, of_codes=True)

    def sample_codes(
        self, n_samples: int = 1, *, random_state: RandomState = None
    ) -> np.ndarray:
        """Draw codes, as `transform` returns them, from the prior.

        Parameters
        ----------
        n_samples : int, default=1
            Number of codes.

        random_state : int, RandomState or None, default=None
            None draws anew with each call.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            Codes that `inverse_transform` decodes.
        """
        check_is_fitted(self)
        check_n_samples("sample_codes", n_samples)
        return self._prior_codes(n_samples, *draw_seeds(random_state, 2))

    def _prior_codes(
        self, n_samples: int, for_codes: int, for_labels: int
    ) -> np.ndarray:
        """Draw codes, as `transform` returns them, from the prior, by two seeds."""
        labels = self._draw_labels(n_samples, for_labels)
        codes = self._draw_codes(n_samples, labels, for_codes)
        return codes.astype(np.float64, copy=False)

    def interpolate(
        self,
        X_start: TableLike,
        X_end: TableLike,
        n_steps: int = 10,
        *,
        path: str = "auto",
        **labels: Any,
    ) -> Answer:
        """Decode the way from rows to other rows.

        Parameters
        ----------
        X_start : {array-like, DataFrame} of shape (n_pairs, n_features)
            Rows to start from.

        X_end : {array-like, DataFrame} of shape (n_pairs, n_features)
            Rows to arrive at.

        n_steps : int, default=10
            Rows of each way, its (reconstructed) ends included.

        path : {"auto", "linear", "spherical"}, default="auto"
            A straight line or an arc through the codes. Codes of a Gaussian prior lie
            near a sphere, which a straight line leaves: there "auto" is "spherical".

        **labels : dict
            ``y=``, of a model whose ``inverse_transform`` takes it: one label, or one
            for each way.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_pairs * n_steps, n_features)
            Way after way, a table like the training table.

        Raises
        ------
        ValueError
            If there is another number of rows to start from than to arrive at, or no
            such `path`.
        """
        check_is_fitted(self)
        check_steps("interpolate", n_steps)
        if path not in PATHS:
            raise InvalidParameterError(
                f"The 'path' parameter of interpolate must be one of {PATHS}. Got "
                f"{path!r} instead."
            )
        ends = []
        for name, X in (("X_start", X_start), ("X_end", X_end)):
            with said_of(name):
                ends.append(np.asarray(self.transform(X)))
        start, end = ends
        if len(start) != len(end):
            raise ValueError(
                f"X_start and X_end must have as many rows: they have {len(start)} and "
                f"{len(end)}."
            )
        t = np.linspace(0, 1, n_steps)[:, None]
        round_ = path == "spherical" or (path == "auto" and on_sphere(self.prior_))
        way = arc if round_ else line
        codes = [way(a, b, t) for a, b in zip(start, end, strict=True)]
        labels = repeated_labels(self, labels, len(codes), n_steps)
        return self.inverse_transform(np.concatenate(codes), **labels)

    def traverse(
        self, X: TableLike, component: int = 0, n_steps: int = 10, **labels: Any
    ) -> Answer:
        """Decode rows with one column of their code moved along the prior.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows; the other columns of their codes stay.

        component : int, default=0
            Column of the code, as `transform` returns it.

        n_steps : int, default=10
            Rows of each way: from the 2.5th to the 97.5th percentile of the prior.

        **labels : dict
            ``y=``, of a model whose ``inverse_transform`` takes it: one label, or one
            for each row of X.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_samples * n_steps, n_features)
            Way after way, a table like the training table.

        Raises
        ------
        ValueError
            If the code has no such column.
        """
        check_is_fitted(self)
        check_steps("traverse", n_steps)
        codes = np.asarray(self.transform(X))
        inside = Interval(Integral, 0, codes.shape[1], closed="left")
        if not inside.is_satisfied_by(component):
            raise InvalidParameterError(
                f"The 'component' parameter of traverse must be {inside}. Got "
                f"{component!r} instead."
            )
        ends = np.quantile(self._prior_codes(N_DRAWS, 0, 0)[:, component], ENDS)
        moved = codes.repeat(n_steps, axis=0)
        moved[:, component] = np.tile(np.linspace(*ends, n_steps), len(codes))
        labels = repeated_labels(self, labels, len(codes), n_steps)
        return self.inverse_transform(moved, **labels)
