"""Labels of which some are missing."""

import warnings

import numpy as np
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.multiclass import type_of_target

UNLABELLED = -1


def is_labels(y) -> bool:
    """Whether y holds one class label a row, rather than numbers to predict."""
    if y is None:
        return False
    labelled = _labelled(np.asarray(y, dtype=object).ravel())
    values = np.asarray(y, dtype=object).ravel()[labelled]
    if np.ndim(y) != 1 or not len(values):
        return np.ndim(y) == 1
    return type_of_target(np.asarray(values.tolist())) in ("binary", "multiclass")


def _labelled(y: np.ndarray) -> np.ndarray:
    """Mask of the rows whose label is not None or NaN."""
    return np.array([v is not None and v == v for v in y], dtype=bool)


def encode_labels(y) -> tuple[np.ndarray, np.ndarray]:
    """Return the class number of each label; -1, None and NaN are unlabelled.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Labels. -1 is unlabelled in numeric y, unless the only labels are -1 and one
        other: then both are classes, with a warning.

    Returns
    -------
    codes : ndarray of shape (n_samples,), int64
        Class numbers, -1 for unlabelled.

    classes : ndarray of shape (n_classes,)
        The label of each class.
    """
    y = np.asarray(y)
    flat = y.ravel()
    labelled = _labelled(flat.astype(object))
    values = np.asarray(flat[labelled].tolist())
    if values.dtype.kind in "iuf":
        marked = values == UNLABELLED
        if marked.any() and len(np.unique(values)) == 2:
            warnings.warn(
                "The only labels in y are -1 and one other: -1 is taken as a class. "
                "To mark rows as unlabelled use None or NaN.",
                UserWarning,
                stacklevel=3,
            )
        else:
            labelled[np.flatnonzero(labelled)[marked]] = False
            values = values[~marked]
    encoder = LabelEncoder().fit(values)
    codes = np.full(len(flat), UNLABELLED, dtype=np.int64)
    codes[labelled] = encoder.transform(values)
    return codes, encoder.classes_
