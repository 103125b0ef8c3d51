"""How an ensemble of autoencoders scores rows and cells, and where outliers begin."""

import numpy as np
from torch import Tensor

from sklearn_aae.estimators._members import Member
from sklearn_aae.estimators._recipes import has_density
from sklearn_aae.estimators._stream import stream
from sklearn_aae.estimators._tails import Range, Tail, weighted_quantile
from sklearn_aae.tabular import (
    as_frame_like,
    as_table,
    good_turing_weights,
    mask_rare_categories,
    unknown_cells,
)
from sklearn_aae.utils._compat import check_sample_weight

METHODS = ("combined", "reconstruction", "prior", "critic")
# What counts together: the critic's say is noise where the game is even.
COMBINED = ("reconstruction", "prior")
# Tukey's fence: so many interquartile ranges above the upper quartile.
FENCE = 1.5
# Cells that are looked at, to learn how well columns are reconstructed.
MAX_CELLS = 2**24
# Rows that a category is known from.
KNOWN = 2
# A score that overflows.
MAX_SCORE = 1e30


class OutlierScoresMixin:
    """Calibrates and answers; the host has ``members_`` and says ``score_method``."""

    def _calibrate(self, X, sample_weight, X_val=None) -> None:
        """Learn what scores mean by the training rows; the threshold by `X_val`."""
        rows, unknown = self._read(X)
        weight = np.ones(len(rows))
        if sample_weight is not None:
            weight = check_sample_weight(sample_weight, rows)
            counted = weight > 0
            rows, weight = rows[counted], weight[counted]
            unknown = None if unknown is None else unknown[counted]
        self._range = Range.learn(rows, self.columns_.n_categories)
        self._scored_by = self.score_method, self._available()
        # The more rows have a category of their own, the more new rows will have one.
        n, alone = weight.sum(), 0.0 if unknown is None else weight @ unknown
        self._unknown_surprise = np.log((n + 1) / (alone + 1))
        total = np.zeros(len(rows))
        for member in self.members_:
            member.usual = self._measure(member, rows, weight)
            parts = self._parts(member, rows, unknown)
            member.tails = {q: Tail.learn(part, weight) for q, part in parts.items()}
            total += self._join(member, parts)
        surprise = total / len(self.members_)
        if X_val is not None:
            surprise = -self.score_samples(X_val)
            weight = np.ones(len(surprise))
        elif unknown is not None:
            weight = weight * good_turing_weights(self.columns_, unknown, KNOWN)
        self.offset_ = self._find_offset(surprise, weight)

    def _measure(self, member: Member, rows: np.ndarray, weight) -> np.ndarray:
        """Return the mean of what the reconstruction misses of each column."""
        evenly = slice(None, None, -(-rows.shape[0] * rows.shape[1] // MAX_CELLS))
        missed = self._stream(member, member.missed, rows[evenly])
        seen = weight[evenly, None] * ~np.isnan(missed)
        return (np.nan_to_num(missed) * seen).sum(0) / seen.sum(0).clip(1e-300)

    def _find_offset(self, surprise: np.ndarray, weight: np.ndarray) -> float:
        """Return the score below which rows are outliers."""
        if self.contamination != "auto":
            return -weighted_quantile(surprise, weight, 1 - self.contamination)
        low, high = (weighted_quantile(surprise, weight, q) for q in (0.25, 0.75))
        return -(high + FENCE * (high - low))

    # --- scores ---------------------------------------------------------------------

    def _available(self) -> tuple[str, ...]:
        """Return the scores that are asked for; raise ValueError if there are none."""
        lacks = {}
        if self.regularizer != "adversarial":
            lacks["critic"] = "a critic: use regularizer='adversarial'"
        if not has_density(self.prior_):
            lacks["prior"] = "a prior with a density, such as 'gaussian'"
        if self.score_method in lacks:
            raise ValueError(
                f"score_method={self.score_method!r} needs {lacks[self.score_method]}."
            )
        if self.score_method == "combined":
            return tuple(name for name in COMBINED if name not in lacks)
        return (self.score_method,)

    def _read(self, X) -> tuple[np.ndarray, np.ndarray | None]:
        """Return valid rows, and which cells hold unknown categories.

        One that a single training row has is as unknown as one that none has, so that
        training rows and others are scored alike (Good 1953).
        """
        X = as_table(X)
        rows = self._check_new_rows(X)
        if not any(self.columns_.n_categories):
            return rows, None
        unknown = unknown_cells(self.columns_, X, KNOWN)
        rows = mask_rare_categories(self.columns_, rows, KNOWN)
        return rows, unknown if unknown.any() else None

    def _stream(self, member: Member, answer, rows: np.ndarray) -> np.ndarray:
        """Return a member's answers about valid rows, float64."""
        scale = self.preprocessor_.transform
        return stream(member.encoder, answer, rows, scale).astype(np.float64)

    def _parts(self, member: Member, rows: np.ndarray, unknown) -> dict:
        """Return scores by name, each (n_samples,) and high for outliers."""
        names = self._scored_by[1]

        def answer(x: Tensor) -> Tensor:
            return member.scores(x, self.prior_, names)

        scores = self._stream(member, answer, rows)
        parts = dict(zip(names, scores.T, strict=True))
        if unknown is not None and "reconstruction" in parts:
            parts["reconstruction"] += (self._unknown_surprise * unknown).sum(1)
        return {
            q: np.nan_to_num(p, nan=MAX_SCORE).clip(max=MAX_SCORE)
            for q, p in parts.items()
        }

    def _join(self, member: Member, parts: dict) -> np.ndarray:
        """Return one score of a member, of those by name."""
        if self._scored_by[0] != "combined":
            (part,) = parts.values()
            return part
        return np.sum([member.tails[name](part) for name, part in parts.items()], 0)

    def _surprise(self, rows: np.ndarray, unknown) -> np.ndarray:
        """Return the mean score of the members, high for outliers."""
        members = self.members_
        scores = (self._join(m, self._parts(m, rows, unknown)) for m in members)
        return sum(scores, np.zeros(len(rows))) / len(members)

    def score_samples(self, X):
        """Return how normal rows are: the lower, the more of an outlier.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,), float64
            See `score_method`. Combined ones are logarithms of probabilities: at most
            0.
        """
        return -self._surprise(*self._read(X))

    def _score_rows(self, X, y) -> np.ndarray:
        """Return what `score` averages: the likelihood, which compares models."""
        return super().score_samples(X)

    def decision_function(self, X):
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

    def predict(self, X):
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

    def localize(self, X):
        """Return each cell's share of what makes its row an outlier.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        shares : {ndarray, DataFrame} of shape (n_samples, n_features), float64
            A frame, if X is one: of its kind, column names and row labels. Rows sum to
            ``-score_samples(X)``. With ``score_method="reconstruction"`` and
            ``localize_by="reconstruction"`` these are the summands themselves; other
            scores are of whole rows, and are dealt out in proportion to them, or to
            what `localize_by` says. A number far beyond those of the training rows
            moves the whole row's code: cells are then judged by the code without it,
            and what the score is lower without it is all its own.
        """
        X = as_table(X)
        rows, unknown = self._read(X)
        surprise = self._surprise(rows, unknown)
        shares = _deal(surprise, self._blame(rows, unknown))
        far = self._range.beyond(rows)
        some = far.any(1)
        if some.any():
            unknown = None if unknown is None else unknown[some]
            shares[some] = self._deal_far(
                np.asarray(rows[some]), unknown, far[some], surprise[some]
            )
        return as_frame_like(shares, like=X)

    def _blame(self, rows: np.ndarray, unknown) -> np.ndarray:
        """Return how far each cell is to blame, in nats: (n_samples, n_features)."""
        cells = np.zeros(rows.shape)
        for member in self.members_:
            cells += self._stream(member, member.blame, rows) / len(self.members_)
        return cells if unknown is None else cells + self._unknown_surprise * unknown

    def _deal_far(
        self, rows: np.ndarray, unknown, far: np.ndarray, surprise: np.ndarray
    ) -> np.ndarray:
        """Return the shares of rows with cells that are far out.

        Such a cell moves the code, and all cells are reconstructed badly. So all are
        judged by the code that the row has without it, and what the score is higher
        with it is its own.
        """
        rest = np.where(far, np.nan, rows)
        cells = self._blame(rest, unknown)
        alone = np.zeros(rows.shape)
        scale = self.preprocessor_.transform
        for member in self.members_:
            codes = self._stream(member, lambda x, m=member: m.encoder(x).mean, rest)
            alone += stream(
                member.encoder, member.cells, rows, scale, labels=codes
            ) / len(self.members_)
        cells = np.where(far, alone, cells)
        without = np.minimum(self._surprise(rest, unknown), surprise)
        return _deal(without, cells) + _deal(surprise - without, cells * far)


def _deal(surprise: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return scores of rows dealt out to their cells, in proportion."""
    # A row without any surprise is dealt out evenly.
    cells = cells + np.finfo(float).tiny
    return cells / cells.sum(1, keepdims=True) * surprise[:, None]
