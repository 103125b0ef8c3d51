"""Scorers: the metrics as a search asks a fitted model for them."""

import inspect
from collections.abc import Callable
from functools import partial
from operator import attrgetter, neg
from typing import Any, NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sklearn_aae.metrics._checks import check_parameter, check_rows
from sklearn_aae.metrics._clusters import clustering_accuracy, majority_vote_error
from sklearn_aae.metrics._coverage import density_coverage, precision_recall
from sklearn_aae.metrics._fidelity import frechet_distance, inception_score
from sklearn_aae.metrics._likelihood import parzen_log_likelihood
from sklearn_aae.metrics._prior_match import prior_match
from sklearn_aae.metrics._reconstruction import reconstruction_error
from sklearn_aae.tabular import as_table
from sklearn_aae.utils._compat import StrOptions
from sklearn_aae.utils._prior import SEED, prior_codes
from sklearn_aae.utils._typing import TableLike


def aae_scorer(name: str, **kwargs: Any) -> "AAEScorer":
    """Make a scorer of a metric, for ``scoring`` of a search or a cross-validation.

    Of a Pipeline the last step is asked, about the rows as the steps before leave them.
    Samples and draws from the prior are as many as the rows, and the same for each
    model. Sparse rows are compared dense, as what a model makes of them is.

    Parameters
    ----------
    name : str
        Which metric, and what the fitted model must have for it:

        - "reconstruction_error", negated: ``reconstruct``. Of rows with categories and
          missing cells, too. Samples are complete: their metrics need complete rows,
          "inception_score" and "parzen_log_likelihood" of numbers alone.
        - "frechet_distance", negated: ``sample``.
        - "precision", "recall", "precision_recall": ``sample``. The last one is the
          harmonic mean of both.
        - "density", "coverage": ``sample``.
        - "inception_score", with ``classifier=``: ``sample``.
        - "parzen_log_likelihood": ``sample``. Without ``bandwidth=`` every other row is
          used to choose it.
        - "prior_match", the statistic negated: ``transform`` and ``prior_``.
        - "clustering_accuracy": ``predict``, and y; rows without a label do not count.
        - "majority_vote_error", negated: ``predict``, and y, likewise.

    **kwargs : dict
        Keyword arguments of the metric.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y=None)``, greater is better.

    Raises
    ------
    ValueError
        If there is no such metric.

    TypeError
        If the metric has no such keyword.

    See Also
    --------
    labelled_scorer : scikit-learn's scorers, of labelled rows only.
    sklearn.metrics.make_scorer : Scorers of predictions.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn_aae import AAETransformer
    >>> from sklearn_aae.metrics import aae_scorer
    >>> X, _ = load_iris(return_X_y=True)
    >>> aae = AAETransformer(max_iter=2, random_state=0)
    >>> cross_val_score(aae, X, scoring=aae_scorer("reconstruction_error"), cv=3).shape
    (3,)
    """
    return AAEScorer(name, **kwargs)


class AAEScorer:
    """What `aae_scorer` returns: a callable that pickles, by its name and keywords.

    Parameters
    ----------
    name : str
        Key of `SCORERS`.

    **kwargs : dict
        Of the metric.
    """

    def __init__(self, name: str, **kwargs: Any):
        check_parameter("aae_scorer", "name", name, StrOptions(set(SCORERS)))
        parameters = inspect.signature(SCORERS[name].metric).parameters.values()
        known = {p.name for p in parameters if p.kind is p.KEYWORD_ONLY}
        asked = {p.name for p in parameters if p.default is p.empty} & known
        unknown = sorted(set(kwargs) - known)
        if unknown:
            raise TypeError(
                f"aae_scorer({name!r}) takes the keywords {sorted(known)}. Got "
                f"{unknown[0]!r}."
            )
        if not asked <= set(kwargs):
            raise TypeError(f"aae_scorer({name!r}) needs {min(asked)}=.")
        self.name, self.kwargs = name, kwargs

    def __call__(self, estimator: Any, X: TableLike, y: Any = None) -> float:
        """Return the score of a fitted estimator on rows; greater is better."""
        while isinstance(estimator, Pipeline):
            if len(estimator) > 1:
                X = estimator[:-1].transform(X)
            estimator = estimator[-1]
        X = as_table(X)
        response, metric, score = SCORERS[self.name]
        return float(score(metric(*response(estimator, X, y), **self.kwargs)))

    def __repr__(self):
        options = [f"{name}={value!r}" for name, value in self.kwargs.items()]
        return f"aae_scorer({', '.join([repr(self.name), *options])})"


def _check_has(estimator, *needs: str) -> None:
    """Raise unless an estimator is fitted and has what a metric needs."""
    check_is_fitted(estimator)
    lacks = [name for name in needs if not hasattr(estimator, name)]
    if lacks:
        raise TypeError(
            f"The metric needs an estimator with {' and '.join(needs)}. "
            f"{type(estimator).__name__} has no {' and no '.join(lacks)}."
        )


# --- what a model is asked for: the first arguments of the metric ---------------------


def _reconstructed(estimator, X, y) -> tuple:
    _check_has(estimator, "reconstruct")
    return X, estimator.reconstruct(X)


def _sampled(estimator, X, y) -> tuple:
    _check_has(estimator, "sample")
    return X, estimator.sample(np.shape(X)[0], random_state=SEED)


def _encoded(estimator, X, y) -> tuple:
    _check_has(estimator, "transform", "prior_")
    return estimator.transform(X), prior_codes(estimator, np.shape(X)[0])


def _predicted(estimator, X, y) -> tuple:
    _check_has(estimator, "predict")
    if y is None:
        raise ValueError(
            "The metric compares clusters with labels: pass y, to fit of a search, too."
        )
    return y, estimator.predict(X)


# --- metrics whose arguments, for a scorer, are others --------------------------------


def _inception_score(X, X_samples, *, classifier, n_splits=1) -> float:
    return inception_score(X_samples, classifier, n_splits=n_splits)


def _parzen(X, X_samples, *, bandwidth=None, bandwidths=None) -> float:
    if bandwidth is not None:
        return parzen_log_likelihood(X, X_samples, bandwidth=bandwidth)
    X = check_rows("parzen_log_likelihood", "X", X)
    return parzen_log_likelihood(
        X[::2], X_samples, X_validation=X[1::2], bandwidths=bandwidths
    )


def _prior_statistic(Z, Z_prior, *, method="energy", max_samples=2000) -> float:
    only = {"n_permutations": 1, "random_state": SEED}  # no p-value is needed
    return prior_match(
        Z, Z_prior, method=method, max_samples=max_samples, **only
    ).statistic


def _harmonic_mean(pair) -> float:
    return 2 * pair[0] * pair[1] / sum(pair) if any(pair) else 0.0


class ScorerKind(NamedTuple):
    """One scorer: what a model is asked for, the metric of that, and its score."""

    response: Callable[..., tuple]
    metric: Callable[..., Any]
    score: Callable[[Any], float]


_cover = partial(ScorerKind, _sampled, precision_recall)
_dense = partial(ScorerKind, _sampled, density_coverage)

SCORERS = {
    "reconstruction_error": ScorerKind(_reconstructed, reconstruction_error, neg),
    "frechet_distance": ScorerKind(_sampled, frechet_distance, neg),
    "precision": _cover(attrgetter("precision")),
    "recall": _cover(attrgetter("recall")),
    "precision_recall": _cover(_harmonic_mean),
    "density": _dense(attrgetter("density")),
    "coverage": _dense(attrgetter("coverage")),
    "inception_score": ScorerKind(_sampled, _inception_score, float),
    "parzen_log_likelihood": ScorerKind(_sampled, _parzen, float),
    "prior_match": ScorerKind(_encoded, _prior_statistic, neg),
    "clustering_accuracy": ScorerKind(_predicted, clustering_accuracy, float),
    "majority_vote_error": ScorerKind(_predicted, majority_vote_error, neg),
}
