"""How an ensemble of autoencoders scores rows and cells, and where outliers begin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import Tensor

from sklearn_aae.estimators._games import has_density
from sklearn_aae.estimators.outliers._calibration import (
    EmpiricalSurvival,
    Range,
    quantile_of_new,
    weighted_quantile,
)
from sklearn_aae.estimators.outliers._member import Member
from sklearn_aae.tabular import count_known

METHODS = ("combined", "reconstruction", "prior", "critic", "replacement")
# What scores are dealt out by.
WAYS = ("reconstruction", "replacement", "both")
# What counts together: the critic's say is noise where the game is even.
COMBINED = ("reconstruction", "prior")
COMBINED_OF_PICTURES = ("reconstruction", "replacement")
# Tukey's fence: so many interquartile ranges above the upper quartile.
FENCE = 1.5
# Cells of a column that say what is usual, at least; of fewer rows those of half.
FEW = 10
# Cells that are looked at, to learn how well columns are reconstructed.
MAX_CELLS = 2**24
# Parts of the rows held out, each scored by what the others tell.
N_FOLDS = 20
# A score that overflows.
MAX_SCORE = 1e30

# Scores of rows, by name.
Parts = Mapping[str, np.ndarray]


def available_scores(
    method: str,
    regularizer: str | None,
    prior,
    *,
    spots: bool = False,
    pictures: bool = False,
) -> tuple[str, ...]:
    """Return the scores that a method asks for; raise ValueError if one is not there.

    Parameters
    ----------
    method : str
        One of `METHODS`.

    regularizer : str or None
        What pulled the codes to their prior.

    prior : Prior
        Of the codes.

    spots : bool, default=False
        Whether there is a network that spots replaced cells.

    pictures : bool, default=False
        Whether rows are pictures: a defect of a few pixels hardly moves a code, so that
        the prior's say is noise.
    """
    lacks = {}
    if regularizer != "adversarial":
        lacks["critic"] = "a critic: use regularizer='adversarial'"
    if not has_density(prior):
        lacks["prior"] = "a prior with a density, such as 'gaussian'"
    if not spots:
        lacks["replacement"] = (
            "a network that spots replaced cells: use localize_by='replacement' or "
            "'both'"
        )
    if method in lacks:
        raise ValueError(f"score_method={method!r} needs {lacks[method]}.")
    if method == "combined":
        together = COMBINED_OF_PICTURES if pictures else COMBINED
        return tuple(name for name in together if name not in lacks)
    return (method,)


def threshold(
    surprise: np.ndarray,
    weight: np.ndarray,
    contamination: float | str,
    *,
    held_out: bool,
) -> float:
    """Return the surprise above which rows are outliers.

    A fraction `contamination` of the rows is; of rows that no model was trained on, of
    new ones.
    """
    if contamination != "auto":
        quantile = quantile_of_new if held_out else weighted_quantile
        return quantile(surprise, weight, 1 - contamination)
    low, high = (weighted_quantile(surprise, weight, q) for q in (0.25, 0.75))
    return high + FENCE * (high - low)


@dataclass(frozen=True, eq=False)
class Earlier:
    """What a detector knew before a chunk.

    Attributes
    ----------
    members : sequence of Member
        Calibrated.

    varied : ndarray of shape (n_features,), bool
        Which columns had varied.
    """

    members: Sequence[Member]
    varied: np.ndarray

    def told(self, member: Member) -> np.ndarray:
        """Return of which columns a member had cells that told what is usual.

        Not where none varied, and not where each was of a category of its own.
        """
        return self.varied & (member.usual > 0)


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Members that score together.

    Attributes
    ----------
    members : sequence of Member
        Each counts alike.

    method : str
        One of `METHODS`.

    names : tuple of str
        The scores that it is made of.

    unknown_surprise : float
        What a cell of an unknown category counts, in nats.

    range : Range
        Of the training rows' cells.
    """

    members: Sequence[Member]
    method: str
    names: tuple[str, ...]
    unknown_surprise: float
    range: Range

    def calibrate(
        self,
        rows: np.ndarray,
        unknown,
        weight: np.ndarray,
        others=None,
        earlier: "Earlier | None" = None,
    ) -> np.ndarray:
        """Let the members learn from rows; return the rows' surprise.

        Of columns of which hardly any of these has a cell, `others`, rows and weights,
        say what is usual, or the members before a chunk, as far as they know.
        """
        scores: list = []
        few = np.zeros(rows.shape[1], dtype=bool)
        if others is not None or earlier:
            n_known = count_known(rows)
            few = n_known < min(FEW, len(rows) / 2)
        for i, member in enumerate(self.members):
            member.usual = _mean_residual(member, rows, weight)
            if few.any() and others is not None:
                usual = _mean_residual(member, *others)
                member.usual = np.where(few, usual, member.usual)
            elif few.any():  # of a column that begins, only its cells tell
                known = earlier.members[i]
                kept = few & (earlier.told(known) | (n_known == 0))
                member.usual = np.where(kept, known.usual, member.usual)
            parts = self._parts(member, rows, unknown)
            member.survival = _learn(parts, weight)
            if others is None:
                scores.append(self._join(member.survival, parts))
            else:
                scores.append(self._cross_fitted(member.survival, parts, weight))
        return np.median(scores, 0)

    def _cross_fitted(self, survival, parts: Parts, weight: np.ndarray) -> np.ndarray:
        """Return scores of rows, each by survival functions that others tell.

        As those of new rows: a row counts in its own, which makes it less of a
        surprise. Above the highest of the others they grow as that of all: without a
        far row of few, tails would be thin.
        """
        if self.method != "combined":
            return self._join({}, parts)
        scores = np.empty(len(weight))
        fold = np.arange(len(weight)) % N_FOLDS
        for k in range(min(N_FOLDS, len(weight))):
            others = _learn(_chosen(parts, fold != k), weight[fold != k])
            for name, found in others.items():
                found.slope = survival[name].slope
            scores[fold == k] = self._join(others, _chosen(parts, fold == k))
        return scores

    def keep_calibration(
        self, earlier: "Earlier", rows: np.ndarray, weight: np.ndarray
    ) -> None:
        """Let the members know what earlier ones did.

        Of columns that did not tell what is usual, these cells do: they may have begun.
        """
        absent = count_known(rows) == 0
        for member, known in zip(self.members, earlier.members, strict=True):
            member.usual, member.survival = known.usual, known.survival
            settled = earlier.told(known) | absent
            if not settled.all():
                usual = _mean_residual(member, rows, weight)
                member.usual = np.where(settled, known.usual, usual)

    def surprise(self, rows: np.ndarray, unknown) -> np.ndarray:
        """Return the median of the members' scores, high for outliers: (n_samples,).

        Parameters
        ----------
        rows : ndarray of shape (n_samples, n_features)
            Valid rows.

        unknown : ndarray of shape (n_samples, n_features) or None
            Which cells hold unknown categories; None for no cell.
        """
        scores = [
            self._join(member.survival, self._parts(member, rows, unknown))
            for member in self.members
        ]
        return np.median(scores, 0)

    def _parts(self, member: Member, rows: np.ndarray, unknown) -> Parts:
        """Return scores by name, each (n_samples,) and high for outliers."""

        def answer(x: Tensor) -> Tensor:
            return member.scores(x, self.names)

        parts = dict(zip(self.names, member.ask(answer, rows).T, strict=True))
        if unknown is not None and "reconstruction" in parts:
            parts["reconstruction"] += (self.unknown_surprise * unknown).sum(1)
        return {
            q: np.nan_to_num(p, nan=MAX_SCORE).clip(max=MAX_SCORE)
            for q, p in parts.items()
        }

    def _join(
        self, survival: Mapping[str, EmpiricalSurvival], parts: Parts
    ) -> np.ndarray:
        """Return one score of a member, of those by name."""
        if self.method != "combined":
            (part,) = parts.values()
            return part
        logs = [survival[name](part) for name, part in parts.items()]
        return np.linalg.norm(logs, axis=0)

    def localize(self, rows: np.ndarray, unknown, by: str) -> np.ndarray:
        """Return the surprise of rows dealt out to their cells, see `surprise`.

        Of pictures, how surprising each place is.

        Parameters
        ----------
        rows, unknown : ndarray of shape (n_samples, n_features)
            See `surprise`.

        by : {"reconstruction", "replacement", "both"}
            What scores are dealt out by.
        """
        cells = self._attribution(rows, unknown, by)
        if self.members[0].image_shape is not None:
            return cells
        surprise = self.surprise(rows, unknown)
        dealt = _deal(surprise, cells)
        far = self.range.beyond(rows)
        some = far.any(1)
        if some.any():
            unknown = None if unknown is None else unknown[some]
            dealt[some] = self._deal_far(
                np.asarray(rows[some]), unknown, far[some], surprise[some], by
            )
        return dealt

    def _attribution(self, rows: np.ndarray, unknown, by: str) -> np.ndarray:
        """Return what each cell adds, in nats: (n_samples, n_features)."""
        cells = np.zeros(rows.shape)
        for member in self.members:
            answer = partial(member.attribution, by=by)
            cells += member.ask(answer, rows) / len(self.members)
        return cells if unknown is None else cells + self.unknown_surprise * unknown

    def _deal_far(
        self,
        rows: np.ndarray,
        unknown,
        far: np.ndarray,
        surprise: np.ndarray,
        by: str,
    ) -> np.ndarray:
        """Return the surprise, dealt out, of rows with cells that are far out.

        Such a cell moves the code, and all cells are reconstructed badly. So all are
        attributed by the code that the row has without it, and what the score is
        higher with it is its own.
        """
        rest = np.where(far, np.nan, rows)
        cells = self._attribution(rest, unknown, by)
        alone = np.zeros(rows.shape)
        for member in self.members:
            codes = member.ask(lambda x, m=member: m.encoder(x).mean, rest)
            alone += member.model.ask(member.cells, rows, codes) / len(self.members)
        cells = np.where(far, alone, cells)
        without = np.minimum(self.surprise(rest, unknown), surprise)
        return _deal(without, cells) + _deal(surprise - without, cells * far)


def _learn(parts: Parts, weight: np.ndarray) -> dict[str, EmpiricalSurvival]:
    """Return the survival function of each score."""
    return {q: EmpiricalSurvival.learn(part, weight) for q, part in parts.items()}


def _chosen(parts: Parts, rows: np.ndarray) -> Parts:
    """Return the scores of some rows."""
    return {name: part[rows] for name, part in parts.items()}


def _mean_residual(member: Member, rows: np.ndarray, weight) -> np.ndarray:
    """Return the mean of what the reconstruction misses of each column."""
    evenly = slice(None, None, -(-rows.shape[0] * rows.shape[1] // MAX_CELLS))
    residual = member.ask(member.residual, rows[evenly])
    seen = weight[evenly, None] * ~np.isnan(residual)
    return (np.nan_to_num(residual) * seen).sum(0) / seen.sum(0).clip(1e-300)


def _deal(surprise: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return scores of rows dealt out to their cells, in proportion."""
    # A row without any surprise is dealt out evenly.
    cells = cells + np.finfo(float).tiny
    return cells / cells.sum(1, keepdims=True) * surprise[:, None]
