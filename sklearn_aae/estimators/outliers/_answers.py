"""How rows and cells score, and where outliers begin: the answers of a detector."""

import numpy as np

from sklearn_aae.estimators._data import FitInput
from sklearn_aae.estimators._tables import read_new_rows
from sklearn_aae.estimators.outliers._calibration import Range
from sklearn_aae.estimators.outliers._scores import (
    WAYS,
    Earlier,
    Ensemble,
    available_scores,
    threshold,
)
from sklearn_aae.tabular import (
    as_frame_like,
    as_table,
    good_turing_weights,
    mask_rare_categories,
    unknown_cells,
)
from sklearn_aae.utils._compat import InvalidParameterError, check_sample_weight
from sklearn_aae.utils._typing import Answer, TableLike

# Rows that a category is known from.
KNOWN = 2


class OutlierScores:
    """Scores of an ensemble whose trained models are ``members_``."""

    def _calibrate(self, given: FitInput, earlier: Earlier | None) -> None:
        """Learn what scores mean, and where outliers begin.

        By rows that no model was trained on, as far as there are some: `X_val` for the
        threshold, those held out for both. `earlier` is what was known before a chunk.
        """
        rows, unknown, weight = self._read_weighted(given)
        self._range = Range.learn(_chosen(rows, weight > 0), self.columns_.n_categories)
        method = self.score_method
        names = available_scores(
            method,
            self.regularizer,
            self.prior_,
            spots=self.members_[0].cell_critic is not None,
            pictures=self._data.images is not None,
        )
        self._scored_by = method, names
        held = given.held_out
        trained = weight if held is None else weight * ~held
        # The more rows have a category of their own, the more new rows will have one.
        n, alone = trained.sum(), 0.0 if unknown is None else trained @ unknown
        self._unknown_surprise = np.log((n + 1) / (alone + 1))
        others = None
        if held is not None:
            others = _chosen(rows, trained > 0), trained[trained > 0]
            weight = weight * held
        rows, unknown = _chosen(rows, weight > 0), _chosen(unknown, weight > 0)
        weight = weight[weight > 0]
        surprise = self._ensemble.calibrate(rows, unknown, weight, others, earlier)
        if given.X_val is not None:
            surprise = -self.score_samples(given.X_val)
            weight = np.ones(len(surprise))
        elif unknown is not None and held is None:
            alike = good_turing_weights(self.columns_, rows, unknown, KNOWN, weight)
            weight = weight * alike
        new = held is not None or given.X_val is not None
        self.offset_ = -threshold(surprise, weight, self.contamination, held_out=new)

    def _keep_calibration(self, given: FitInput, earlier: Earlier) -> None:
        """Let scores mean what they did before a chunk of few rows."""
        rows, _, weight = self._read_weighted(given)
        rows, weight = _chosen(rows, weight > 0), weight[weight > 0]
        self._ensemble.keep_calibration(earlier, rows, weight)

    def _read_weighted(self, given: FitInput) -> tuple:
        """Return valid rows, which of their cells are unknown, and their weights."""
        rows, unknown = self._read(given.X)
        weight = np.ones(len(rows))
        if given.sample_weight is not None:
            weight = check_sample_weight(given.sample_weight, rows)
        return rows, unknown, weight

    @property
    def _ensemble(self) -> Ensemble:
        """The members, as they score."""
        method, names = self._scored_by
        return Ensemble(
            self.members_, method, names, self._unknown_surprise, self._range
        )

    @property
    def _localized_by(self) -> str:
        """What scores are dealt out by, of what the models have learned.

        Raises
        ------
        InvalidParameterError
            If it was set to something else after the fit.
        """
        learned = self.members_[0].cell_critic is not None
        if self.localize_by == "auto":
            return self._default_way() if learned else "reconstruction"
        there = WAYS if learned else WAYS[:1]
        if self.localize_by not in there:
            raise InvalidParameterError(
                f"localize_by={self.localize_by!r} is not what this "
                f"{type(self).__name__} was fitted for, which is {' or '.join(there)}. "
                "Fit it again, or set it back."
            )
        return self.localize_by

    def _read(self, X) -> tuple[np.ndarray, np.ndarray | None]:
        """Return valid rows, and which cells hold unknown categories.

        One that a single training row has is as unknown as one that none has, so that
        training rows and others are scored alike (Good 1953).
        """
        X = as_table(X)
        rows = read_new_rows(self, X)
        if not any(self.columns_.n_categories):
            return rows, None
        unknown = unknown_cells(self.columns_, X, KNOWN)
        rows = mask_rare_categories(self.columns_, rows, KNOWN)
        return rows, unknown if unknown.any() else None

    def score_samples(self, X: TableLike) -> Answer:
        """Return how normal rows are: the lower, the more of an outlier.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,), float64
            See `score_method`. Combined ones come of logarithms of probabilities and
            are at most 0.
        """
        rows, unknown = self._read(X)
        return -self._ensemble.surprise(rows, unknown)

    def decision_function(self, X: TableLike) -> Answer:
        """Return how far scores are above the threshold.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        decision : ndarray of shape (n_samples,), float64
            ``score_samples(X) - offset_``: negative for outliers.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: TableLike) -> Answer:
        """Tell outliers from inliers.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,), int
            -1 for outliers, 1 for inliers.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def localize(self, X: TableLike) -> Answer:
        """Return each cell's share of what makes its row an outlier.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        attribution : {ndarray, DataFrame} of shape (n_samples, n_features), float64
            A frame, if X is one: of its kind, column names and row labels. Of tables
            rows sum to ``-score_samples(X)``. With ``score_method="reconstruction"``
            and without another `localize_by` these are the summands themselves; other
            scores are of whole rows, and are dealt out in proportion to them, or to
            what `localize_by` says. A number far beyond those of the training rows
            moves the whole row's code: the others then count by the code without it,
            and what the score is lower without it is all its own.
            Of pictures it is a heat map, in the shape of X, the same for all channels
            of a place, and no part of a score: √(s t), mean over the models. s is the
            mean of log(1 + r/(u + 0.02)), of the squared error r at each place, of
            pixels in [0, 1], and over Gaussian windows of 1 and 2 pixels around it,
            against its mean u on the training pictures. t is -log P(the pixel is the
            picture's own), mean over channels. `localize_by` may ask for s or t alone.
            What is hot, held-out normal pictures tell.

        Raises
        ------
        InvalidParameterError
            If `localize_by` was set to what the fit has not trained.
        """
        X = as_table(X)
        rows, unknown = self._read(X)
        cells = self._ensemble.localize(rows, unknown, self._localized_by)
        attribution = as_frame_like(cells, like=X)
        images = self._data.images
        return attribution if images is None else images.restore(attribution, X)


def _chosen(rows: np.ndarray | None, kept: np.ndarray) -> np.ndarray | None:
    """Return the kept rows, if there are any; all without a copy."""
    return rows if rows is None or kept.all() else rows[kept]
