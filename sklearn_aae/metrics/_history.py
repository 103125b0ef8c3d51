"""The latest line of a history, as scikit-learn's callbacks ask for scores."""

from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def history_scores(
    estimator: Any, X: Any = None, y: Any = None, sample_weight: Any = None
) -> dict[str, float]:
    """Return the losses of the last epoch: the latest line of ``history_``.

    For ``sklearn.callback.ScoringMonitor`` (scikit-learn >= 1.9), which then records
    the losses of each epoch of each fit, those of a search, too. It looks at no rows.

    Parameters
    ----------
    estimator : object
        Fitted, with `history_` and `loss_`; of a Pipeline the last step counts.

    X : array-like of shape (n_samples, n_features), default=None
        Ignored, as are `y` and `sample_weight`.

    y : array-like of shape (n_samples,), default=None
        Ignored.

    sample_weight : array-like of shape (n_samples,), default=None
        Ignored.

    Returns
    -------
    scores : dict of str to float
        The numbers of ``history_[-1]`` without durations, and "loss", which is
        ``loss_``: the criterion of the model as it is then. Lower is better, except of
        accuracies.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.

    See Also
    --------
    aae_scorer : Scores of rows, for a search.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AAETransformer
    >>> from sklearn_aae.metrics import history_scores
    >>> X, _ = load_iris(return_X_y=True)
    >>> aae = AAETransformer(max_iter=2, random_state=0).fit(X)
    >>> sorted(history_scores(aae))[:4]
    ['critic', 'critic_accuracy', 'generator', 'loss']
    """
    if isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    check_is_fitted(estimator, ["history_", "loss_"])
    line = estimator.history_[-1] if estimator.history_ else {}
    untold = ("epoch", "dur", "valid_loss_best")
    losses = {name: float(v) for name, v in line.items() if name not in untold}
    return losses | {"loss": float(estimator.loss_)}
