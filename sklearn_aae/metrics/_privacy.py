"""Whether generated rows are copies of the rows that a model was trained on."""

import numpy as np
from sklearn.metrics import pairwise_distances_argmin_min

from sklearn_aae.metrics._points import TablePoints
from sklearn_aae.tabular import TableColumns


def closest_row_share(
    X, X_train, X_held_out, *, categorical_features="from_dtype"
) -> float:
    """Share of generated rows that are nearer to a training row than to another.

    A model that has learned the distribution makes rows that are as near to rows that
    it has not seen: 0.5. More says that it repeats its training rows.

    Parameters
    ----------
    X : {array-like, DataFrame} of shape (n_samples, n_features)
        Generated rows.

    X_train : {array-like, DataFrame} of shape (n_train, n_features)
        The rows that the model was trained on.

    X_held_out : {array-like, DataFrame} of shape (n_held_out, n_features)
        Rows from where those come from, which the model has not seen. Of the larger one
        of the two sets evenly spaced rows count, as many as there are in the other.

    categorical_features : "from_dtype", array-like or None, default="from_dtype"
        Columns that hold categories.

    Returns
    -------
    share : float
        Between 0 and 1; a row at equal distances counts half. Numbers are compared in
        standard deviations, two categories are √2 apart.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aae.metrics import closest_row_share
    >>> rng = np.random.RandomState(0)
    >>> train, held_out = rng.normal(size=(2, 500, 3))
    >>> closest_row_share(train[:100], train, held_out)
    1.0
    >>> round(closest_row_share(rng.normal(size=(2000, 3)), train, held_out), 1)
    0.5
    """
    points = TablePoints(X_train, TableColumns.learn(X_train, categorical_features))
    n = min(len(X_train), len(X_held_out))
    generated = points(X)

    def distances(others) -> np.ndarray:
        evenly = np.linspace(0, len(others) - 1, n).round().astype(int)
        return pairwise_distances_argmin_min(generated, points(others, evenly))[1]

    to_train, to_others = distances(X_train), distances(X_held_out)
    nearer = (to_train < to_others) + 0.5 * (to_train == to_others)
    return float(nearer.mean())
