"""Whether generated rows are copies of the rows that a model was trained on."""

from typing import Any

import numpy as np

from sklearn_aae.metrics._pairs import Points, in_one_unit, nearest_distances
from sklearn_aae.metrics._points import typed_points
from sklearn_aae.utils._modes import plain_torch
from sklearn_aae.utils._typing import TableLike


@plain_torch()
def closest_row_share(
    X: TableLike,
    X_train: TableLike,
    X_held_out: TableLike,
    *,
    categorical_features: Any = "from_dtype",
) -> float:
    """Share of generated rows that are nearer to a training row than to another.

    A model that has learned the distribution makes rows that are as near to rows that
    it has not seen: 0.5. More says that it repeats its training rows.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
        Generated rows.

    X_train : {array-like, sparse matrix, DataFrame} of shape (n_train, n_features)
        The rows that the model was trained on.

    X_held_out : {array-like, sparse matrix, DataFrame} of shape \
            (n_held_out, n_features)
        Rows from where those come from, which the model has not seen. Of the larger one
        of the two sets evenly spaced rows count, as many as there are in the other.

    categorical_features : "from_dtype", array-like of shape \
            (n_categorical_features,) or (n_features,), dict or None, \
            default="from_dtype"
        Columns that hold categories: as of an estimator.

    Returns
    -------
    share : float
        Between 0 and 1; a row at equal distances counts half. See the notes.

    Raises
    ------
    ValueError
        If the columns differ, or a cell is infinite.

    Notes
    -----
    The squared distance of two rows is a sum over their columns. Numbers are compared
    in standard deviations of X_train (those of a column that is constant there, in
    their own unit). Two different categories are √2 apart, whether X_train has them or
    not. A missing cell equals another one in its column. To a category it is as far as
    categories are from each other; to a number v it is (v² + 1)^½, with v in standard
    deviations from the mean.

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
    tables = {"X": X, "X_train": X_train, "X_held_out": X_held_out}
    generated, train, others = in_one_unit(
        *typed_points("closest_row_share", tables, "X_train", categorical_features)
    )[0]
    n = min(len(train), len(others))

    def nearest(rows: Points) -> np.ndarray:
        evenly = np.linspace(0, len(rows) - 1, n).round().astype(int)
        return nearest_distances(generated, rows[evenly])

    to_train, to_others = nearest(train), nearest(others)
    nearer = (to_train < to_others) + 0.5 * (to_train == to_others)
    return float(nearer.mean())
