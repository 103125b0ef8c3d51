"""What there is to say of a table: codes, columns that matter, outliers, drawn rows."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from sklearn_aae.estimators._transformer import AAETransformer
from sklearn_aae.estimators.outliers._detector import AAEOutlierDetector

# Rows whose codes are asked for again with a column shuffled.
SHUFFLED_ROWS = 2000
N_OUTLIERS, N_BLAMED, N_DRAWN = 10, 3, 8
# A cell with less of the score is not blamed for it.
LEAST_SHARE = 0.01


@dataclass(frozen=True)
class Outlier:
    """A row unlike the rest.

    Attributes
    ----------
    row : int
        Its number, from 0.

    score : float
        How unusual it is; higher is more.

    blamed : list of (str, object, float)
        Columns that make it so: name, value, share of the score, of 1 % or more.
    """

    row: int
    score: float
    blamed: list[tuple[str, Any, float]]


@dataclass(frozen=True)
class Look:
    """What there is to say of a table.

    Attributes
    ----------
    model : AAETransformer
        Fitted.

    codes : ndarray of shape (n_samples, n_components)
        Codes of the rows.

    scores : ndarray of shape (n_samples,)
        How unusual each row is.

    moved : dict of str to float
        How far codes move if a column is shuffled, over their own spread; by column,
        the largest first.

    outliers : list of Outlier
        The most unusual rows, the first most.

    drawn : DataFrame
        Rows that the model has drawn.

    warned : list of str
        What the fits warned of.
    """

    model: Any
    codes: np.ndarray
    scores: np.ndarray
    moved: dict[str, float]
    outliers: list[Outlier]
    drawn: Any
    warned: list[str]


def look_at(X: Any, *, n_components: int, seed: int, verbose: int = 1) -> Look:
    """Fit a transformer and a detector to a table.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_features)
        The table.

    n_components : int
        Columns of the codes.

    seed : int
        Of all that is random.

    verbose : int, default=1
        Whether the fits tell how far they are.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        told = {"random_state": seed, "verbose": verbose}
        model = AAETransformer(n_components, **told).fit(X)
        detector = AAEOutlierDetector(**told).fit(X)
    codes = np.asarray(model.transform(X))
    scores = -detector.score_samples(X)
    messages = [str(w.message) for w in caught if issubclass(w.category, UserWarning)]
    return Look(
        model,
        codes,
        scores,
        _moved(model, X, seed),
        _outliers(detector, X, scores),
        model.sample(N_DRAWN, random_state=seed),
        list(dict.fromkeys(messages)),
    )


def _moved(model: Any, X: Any, seed: int) -> dict[str, float]:
    """Return how far codes move if each column is shuffled, over their spread."""
    random = np.random.default_rng(seed)
    at = random.permutation(len(X))[:SHUFFLED_ROWS]
    rows = X.iloc[np.sort(at)].reset_index(drop=True)
    codes, order = np.asarray(model.transform(rows)), random.permutation(len(rows))
    spread = np.linalg.norm(codes - codes.mean(0), axis=1).mean()
    found = {}
    for name in rows.columns:
        shuffled = rows.assign(**{name: rows[name].iloc[order].to_numpy()})
        shuffled[name] = shuffled[name].astype(rows[name].dtype)
        moved = np.asarray(model.transform(shuffled)) - codes
        found[name] = float(np.linalg.norm(moved, axis=1).mean() / spread)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _outliers(detector: Any, X: Any, scores: np.ndarray) -> list[Outlier]:
    """Return the most unusual rows, with what makes them so."""
    most = np.argsort(-scores, kind="stable")[:N_OUTLIERS]
    rows = X.iloc[most]
    parts = np.asarray(detector.localize(rows), dtype=float)
    found = []
    for i, (row, part) in enumerate(zip(most, parts, strict=True)):
        total = max(part[part > 0].sum(), np.finfo(float).tiny)
        most_of_it = np.argsort(-part)[:N_BLAMED]
        top = [j for j in most_of_it if part[j] / total >= LEAST_SHARE]
        blamed = [
            (str(X.columns[j]), rows.iloc[i, j], float(part[j] / total)) for j in top
        ]
        found.append(Outlier(int(row), float(scores[row]), blamed))
    return found
