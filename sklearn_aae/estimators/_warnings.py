"""What a fit can know to be wrong, and says."""

import warnings
from collections.abc import Callable

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sklearn_aae.tabular import TableColumns

# How much worse than before the training a criterion must be: small fits waver.
WORSE = 1.5

# Fewer rows than this have no range to speak of; of each doubling of the columns one
# row more, as most of X_val lies beyond some column of many by chance.
MIN_ROWS = 10
# Rows that are looked at.
MAX_LOOKED_AT = 1000
# So many widths of the training rows' range beyond it is far.
FAR = 3.0

# A critic that tells more pairs apart has won.
WON = 0.995

RECIPE = (
    "The steps of a pipeline before this one do not transform X_val by themselves: let "
    "the estimator scale (scale='standard'), or use make_pipeline(..., transform_input="
    "['X_val']) with set_config(enable_metadata_routing=True) and "
    "set_fit_request(X_val=True)."
)


def warn_if_diverged(loss: float, start: Callable[[], float], usual: float) -> bool:
    """Warn if a training ended worse than it began; return whether it did.

    Parameters
    ----------
    loss : float
        The criterion.

    start : callable
        Returns the criterion of the untrained model; not called for an ordinary loss.

    usual : float
        The highest ordinary loss.
    """
    if loss <= usual:
        return False
    before = start()
    if loss <= WORSE * before:
        return False
    warnings.warn(
        f"The training diverged: loss_ is {loss:.3g}, and was {before:.3g} before "
        "the training. Lower learning_rate (or critic_learning_rate), raise "
        "gradient_penalty, or scale the columns (scale='standard' or 'quantile').",
        ConvergenceWarning,
        stacklevel=2,
    )
    return True


def warn_of_step_back(estimator, epoch: int, factor: float) -> None:
    """Warn of a training that diverged, and went on from an earlier epoch.

    Parameters
    ----------
    estimator : BaseModel
        Whose training it is.

    epoch : int
        Number of epochs that were kept.

    factor : float
        What the learning rates were multiplied by.
    """
    rates = {"learning_rate": estimator.learning_rate}
    if estimator.critic_learning_rate is not None:
        rates["critic_learning_rate"] = estimator.critic_learning_rate
    lower = " and ".join(f"{name}={v * factor:.2g}" for name, v in rates.items())
    warnings.warn(
        f"The training diverged, returned to what it was after {epoch} epochs, and "
        f"went on at {factor:.2g} of the learning rates. Set {lower}, or scale the "
        "columns (scale='standard' or 'quantile').",
        ConvergenceWarning,
        stacklevel=2,
    )


def warn_of_time_limit(estimator, n_epochs: int) -> None:
    """Warn of a training that ended before its last epoch, after so many."""
    warnings.warn(
        f"time_limit={estimator.time_limit} seconds are over: the training was cut "
        f"short after {n_epochs} whole epochs, and the model is kept as it is. Raise "
        f"time_limit, or set max_iter={max(n_epochs, 1)}, so that the learning rates "
        "come to their end.",
        ConvergenceWarning,
        stacklevel=2,
    )


def warn_if_far(
    X, X_val, columns: TableColumns, low: np.ndarray, high: np.ndarray
) -> None:
    """Warn if most validation rows lie far outside of the training rows.

    Parameters
    ----------
    X, X_val : ndarray or SparseTable of shape (n_samples, n_features)
        Encoded rows.

    columns : TableColumns
        What they hold.

    low, high : ndarray of shape (n_features,)
        Range of the training rows.
    """
    if len(X) < MIN_ROWS + np.log2(len(columns)):
        return
    some = np.asarray(X_val[:: -(-len(X_val) // MAX_LOOKED_AT)], dtype=np.float64)
    width = np.where(high > low, high - low, np.inf)
    with np.errstate(all="ignore"):
        beyond = np.fmax(low - some, some - high) / width
    number = np.array(columns.n_categories) == 0
    share = (beyond > FAR).mean(0) * number
    worst = int(share.argmax())
    if share[worst] <= 0.5:
        return
    warnings.warn(
        f"X_val lies far outside of the training rows: most of its cells of column "
        f"{columns[worst].name!r} do, which spans [{low[worst]:.3g}, "
        f"{high[worst]:.3g}] in X. {RECIPE}",
        UserWarning,
        stacklevel=2,
    )


def warn_of_collapse(clusterer) -> None:
    """Warn of empty clusters, and of a critic that has won; called by `fit`."""
    n_used = len(clusterer.cluster_prior_)
    if n_used < clusterer.n_clusters:
        warnings.warn(
            f"Only {n_used} of n_clusters={clusterer.n_clusters} clusters are in use. "
            "Raise balance_strength or n_init, or lower n_clusters.",
            ConvergenceWarning,
            stacklevel=3,
        )
    if not clusterer.history_:  # stopped in the first epoch
        return
    accuracy = clusterer.history_[-1]["label_critic_accuracy"]
    if accuracy > WON:
        warnings.warn(
            f"The critic of the clusters tells {accuracy:.1%} of inferred labels "
            "from drawn ones: rows are not assigned surely. Raise label_strength "
            "or critic_noise, or train longer (max_iter).",
            ConvergenceWarning,
            stacklevel=3,
        )
