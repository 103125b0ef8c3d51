"""Labels of which some are missing."""

import warnings
from numbers import Number

import numpy as np
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import column_or_1d

UNLABELLED = -1


def _is_told(label) -> bool:
    """Whether a label is not None, NaN or a frame library's NA."""
    try:
        return label is not None and bool(label == label)
    except TypeError:  # pandas.NA has no truth value
        return False


def _told(y: np.ndarray) -> np.ndarray:
    return np.array([_is_told(label) for label in y], dtype=bool)


def _without_minus_one(y: np.ndarray) -> np.ndarray:
    """Return labels with None for the number -1, if they are text.

    Raises
    ------
    ValueError
        If some are text and some are other numbers.
    """
    text = np.array([isinstance(label, str) for label in y], dtype=bool)
    if not text.any():
        return y
    minus_one = np.array([is_minus_one(label) for label in y], dtype=bool)
    mixed = y[_told(y) & ~text & ~minus_one]
    if len(mixed):
        raise ValueError(
            f"Unknown label type: y holds text such as {y[text][0]!r} and other values "
            f"such as {mixed[0]!r}. Pass labels of one kind."
        )
    if str(UNLABELLED) in y[text].tolist():
        warnings.warn(
            "y holds the text '-1', which is taken as a class. To mark rows as "
            "unlabelled use None or NaN.",
            UserWarning,
            stacklevel=2,
        )
    y = y.copy()
    y[minus_one] = None
    return y


def is_minus_one(label) -> bool:
    """Whether a label is the number -1."""
    return isinstance(label, Number) and label == UNLABELLED


def as_labels(y) -> np.ndarray | None:
    """Return y as an array of objects, or None if it holds no class labels.

    Whole numbers are labels, other numbers are not, nor are several columns.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, 1)
        Targets of any kind.
    """
    y = np.asarray(y, dtype=object)  # keeps None and NaN apart from strings
    if y.ndim != 1 and y.shape[1:] != (1,):
        return None
    y = _without_minus_one(column_or_1d(y, warn=True))
    values = np.asarray(y[_told(y)].tolist())
    if len(values) and type_of_target(values) not in ("binary", "multiclass"):
        return None
    return y


def told_of(y: np.ndarray, classes) -> np.ndarray:
    """Return which rows have a label: not None, NaN, or -1 if that is no class."""
    told = _told(y)
    if UNLABELLED not in list(classes):
        told &= np.array([not is_minus_one(label) for label in y], dtype=bool)
    return told


def encode_labels(y: np.ndarray, classes=None) -> tuple[np.ndarray, np.ndarray]:
    """Return the class number of each label; -1, None and NaN are unlabelled.

    Parameters
    ----------
    y : ndarray of shape (n_samples,), object
        Labels. -1 is unlabelled in numeric y, unless the only labels are -1 and one
        other: then both are classes, with a warning.

    classes : ndarray of shape (n_classes,), default=None
        The classes, if they are known; -1 is then a class if it is among them.

    Returns
    -------
    codes : ndarray of shape (n_samples,), int64
        Class numbers, -1 for unlabelled.

    classes : ndarray of shape (n_classes,)
        The label of each class.

    Raises
    ------
    ValueError
        If a label is not among the known classes.
    """
    told = _told(y)
    values = np.asarray(y[told].tolist())
    if values.dtype.kind in "iuf" and not _minus_one_is_a_class(values, classes):
        told[np.flatnonzero(told)[values == UNLABELLED]] = False
        values = values[values != UNLABELLED]
    encoder = LabelEncoder().fit(values if classes is None else classes)
    unknown = set(values.tolist()) - set(encoder.classes_.tolist())
    if unknown:
        raise ValueError(
            f"y has labels that the first fit did not see: {sorted(unknown)}. It knows "
            f"{encoder.classes_.tolist()}. The first call of partial_fit can be told "
            "all of them: classes=[...]."
        )
    codes = np.full(len(y), UNLABELLED, dtype=np.int64)
    if len(values):
        codes[told] = encoder.transform(values)
    return codes, encoder.classes_


def named_weights(class_weight: dict, classes: list) -> tuple[float, ...]:
    """Return the weight of each class, 1 where it is not named.

    Parameters
    ----------
    class_weight : dict
        Weights by class.

    classes : list
        All classes.

    Raises
    ------
    ValueError
        If a weight is none, or classes are named that are not there in place of others.
    """
    weights = np.array([class_weight.get(c, 1.0) for c in classes], dtype=float)
    named, there = set(class_weight), set(classes)
    fit = np.isfinite(weights).all() and (weights >= 0).all() and weights.any()
    if not fit or (named - there and there - named):
        raise ValueError(
            "The 'class_weight' parameter must be 'balanced', None or a dict of finite "
            f"weights, not below 0 nor all of them 0, of the classes {classes}. Got "
            f"{class_weight!r} instead."
        )
    return tuple(weights.tolist())


class LabelsMixin:
    """For estimators whose fit needs labels, of some rows at least."""

    def __sklearn_tags__(self):
        """Say that y is needed."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    def _prepare(self, X, y, sample_weight, X_val=None, y_val=None, **options):
        if X_val is not None and y_val is None:
            raise ValueError(
                f"{type(self).__name__} requires y_val beside X_val: class labels, -1 "
                "(None or NaN for text) for unlabelled rows."
            )
        return super()._prepare(X, y, sample_weight, X_val, y_val, **options)

    def _use_labels(self, y, n_samples: int) -> np.ndarray:
        """Return y as an array of objects; raise ValueError if it holds no labels."""
        name = type(self).__name__
        if y is None:
            raise ValueError(
                f"{name} requires y to be passed, but the target y is None. Pass class "
                "labels, -1 (None or NaN for text) for unlabelled rows."
            )
        labels = as_labels(y)
        if labels is None:
            raise ValueError(
                f"Unknown label type: {type_of_target(y)!r}. {name} needs class labels "
                "in one column: whole numbers, text or booleans."
            )
        if len(labels) != n_samples:
            raise ValueError(
                f"X and y must have as many rows: X has {n_samples}, y has "
                f"{len(labels)}."
            )
        return labels

    def _told_labels(self, y, n_samples: int) -> np.ndarray:
        """Return the class number of each row, -1 for unlabelled ones."""
        numbers = np.full(n_samples, UNLABELLED)
        if y is None:
            return numbers
        if np.shape(y) != (n_samples,):  # one label for all rows, or a mistake
            return self._class_numbers(y, n_samples)
        labels = np.array(y, dtype=object)
        told = told_of(labels, self.classes_)
        values = np.asarray(labels[told].tolist())
        numbers[told] = self._class_numbers(values, len(values))
        return numbers


def _minus_one_is_a_class(values: np.ndarray, classes) -> bool:
    """Whether -1 is a label like others: known as one, or beside a single other."""
    if classes is not None:
        return UNLABELLED in classes
    if UNLABELLED not in values or len(np.unique(values)) != 2:
        return False
    warnings.warn(
        "The only labels in y are -1 and one other: -1 is taken as a class. To mark "
        "rows as unlabelled use None or NaN.",
        UserWarning,
        stacklevel=5,
    )
    return True
