"""Labels of which some are missing, as numbers of classes."""

import warnings
from dataclasses import dataclass

import numpy as np

from sklearn_aae.tabular import (
    UNLABELLED,
    NotClassLabelsError,
    column_values,
    is_labelled,
    read_labels,
    warn_about_minus_one,
)

# Fewer rows a class than this are few for labels: of up to 20 classes, and of more.
FEW_ROWS, FEW_ROWS_OF_MANY = 2, 5
MANY_CLASSES = 20
LEAST_MANY = 10

# How scikit-learn writes the classes of a binary y, in its estimator checks, too.
SIGNS = [UNLABELLED, 1]


@dataclass(frozen=True)
class LabelRole:
    """What y is to an estimator, and the one way in which y is read.

    Attributes
    ----------
    used : bool
        Whether y counts at all.

    n_required : int
        Classes of which there must be labelled rows; 0 where y may be left out, and
        where a y that holds no labels is none.

    signs : bool
        Whether a y of -1 and 1 alone holds two classes, as scikit-learn writes them.
    """

    used: bool = True
    n_required: int = 0
    signs: bool = False

    @property
    def remedy(self) -> str:
        """What to do with a regression target."""
        if self.n_required:
            return (
                "make classes of it, for example with pandas.qcut, or use "
                "AAETransformer, which needs no y"
            )
        return (
            "leave it out; a prior without components, such as prior='gaussian', does "
            "not look at it"
        )

    def classes_named_by(self, y) -> list | None:
        """Return the classes that y itself names; None if they are what it holds.

        Called by `fit`: that is where a warning points to.
        """
        return signs_of(column_values(y)) if self.signs and y is not None else None

    def read(self, y, owner: str, name: str = "y") -> np.ndarray | None:
        """Return y as an array of objects, None where it does not count.

        Raises
        ------
        ValueError
            If y is required and not there, or holds no labels. `owner` is whose it is.
        """
        if not self.used:
            return None
        if self.n_required and y is None:
            raise ValueError(
                f"{owner} requires {name} to be passed, but the target {name} is None. "
                "Pass class labels, -1 (None or NaN for text) for unlabelled rows."
            )
        if y is None:
            return None
        try:
            return read_labels(y, name)
        except NotClassLabelsError:
            if self.n_required:
                raise
            return None  # a target that a later step may want

    def check_classes(self, classes: np.ndarray | None, owner: str) -> None:
        """Raise ValueError if there are too few classes for `owner` to learn from."""
        found = [] if classes is None else classes.tolist()
        if len(found) >= self.n_required:
            return
        if self.n_required == 1:
            raise ValueError(
                f"{owner} needs labelled rows in y, and it holds no label: -1, None "
                "and NaN are unlabelled."
            )
        raise ValueError(
            f"{owner} needs labelled rows of at least two classes in y. It has the "
            f"class labels {found}; -1, None and NaN are unlabelled. Name classes that "
            "these rows lack, and -1 if it is one: classes=[...]."
        )


NO_LABELS = LabelRole(used=False)
OPTIONAL_LABELS = LabelRole()


def encode_labels(labels: np.ndarray, classes=None) -> tuple[np.ndarray, np.ndarray]:
    """Return the class number of each label; -1, None and NaN are unlabelled.

    Parameters
    ----------
    labels : ndarray of shape (n_samples,), object
        As `read_labels` returns them.

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
    labelled = is_labelled(labels, classes)
    values = np.asarray(labels[labelled].tolist())
    if classes is None:
        warn_about_minus_one(labels, None)
        classes = np.unique(values)
    number = {label: i for i, label in enumerate(classes.tolist())}
    unknown = set(values.tolist()).difference(number)
    if unknown:
        raise ValueError(
            f"There are labels that the first fit did not see: {sorted(unknown)}. It "
            f"knows {classes.tolist()}. fit, and the first call of partial_fit, take "
            "all of them: classes=[...]."
        )
    codes = np.full(len(labels), UNLABELLED, dtype=np.int64)
    codes[labelled] = [number[label] for label in values.tolist()]
    return codes, classes


def warn_of_many_classes(codes: np.ndarray, classes: np.ndarray, remedy: str) -> None:
    """Warn if classes are so many for the rows that y may be a regression target.

    Parameters
    ----------
    codes : ndarray of shape (n_samples,)
        Class number of each row, -1 for unlabelled.

    classes : ndarray of shape (n_classes,)
        The label of each class.

    remedy : str
        What to do then.
    """
    n, k, n_labelled = len(codes), len(classes), int((codes != UNLABELLED).sum())
    few = FEW_ROWS if k <= MANY_CLASSES else FEW_ROWS_OF_MANY
    many = k > LEAST_MANY and n < few * k
    if k > MANY_CLASSES and classes.dtype.kind in "iuf":
        # Of classes that are counted through, one label each may be all there is.
        gaps = float(classes[-1]) - float(classes[0]) > 2 * k
        many = many or (gaps and n_labelled < 2 * FEW_ROWS_OF_MANY * k)
    if many:
        warnings.warn(
            f"y holds {k} classes in {n} rows, {n_labelled} of them labelled: each "
            "distinct value is taken as a class. If y is a regression target, "
            f"{remedy}.",
            UserWarning,
            stacklevel=2,
        )


def signs_of(labels: np.ndarray) -> list | None:
    """Return the classes -1 and 1, with a warning, if y holds nothing else.

    For a classifier: without -1 there would be one class, of which nothing is learned.
    """
    held = [label for label in labels if label is not None]
    if any(isinstance(label, bool) or label not in SIGNS for label in held):
        return None
    if len(set(held)) < len(SIGNS):
        return None
    warnings.warn(
        "The only labels in y are -1 and 1: both are taken as classes. Say so with "
        "classes=[-1, 1], or mark unlabelled rows by None or NaN.",
        UserWarning,
        stacklevel=5,
    )
    return sorted(set(held))


def check_signs(labels: np.ndarray, classes: np.ndarray) -> None:
    """Raise ValueError if labels show that -1 was no class, as `signs_of` took it."""
    others = set(labels.tolist()).difference(SIGNS)
    if classes.tolist() == SIGNS and others:
        raise ValueError(
            "The model was fitted with the classes -1 and 1, and y holds "
            f"{sorted(others)} as well. If -1 marks unlabelled rows, those of fit had "
            "labels of one class only: name all of them, fit(X, y, classes=[...]), or "
            "mark unlabelled rows by None."
        )


def labels_of_rows(y, n_samples: int) -> np.ndarray:
    """Return the labels that rows are said to have.

    Parameters
    ----------
    y : label or array-like of shape (n_samples,)
        Labels, or one for all.

    n_samples : int
        Number of rows.

    Raises
    ------
    ValueError
        If labels are of another number.
    """
    if np.ndim(y) == 0:
        return read_labels([y]).repeat(n_samples)
    labels = read_labels(y)
    if len(labels) != n_samples:
        raise ValueError(
            f"y must be one label or one for each of n_samples={n_samples} rows. Got "
            f"{len(labels)} labels."
        )
    return labels


def label_numbers(y, n_samples: int, classes: np.ndarray) -> np.ndarray:
    """Return the class number of each row, -1 for unlabelled ones.

    Parameters are those of `class_numbers`; y may be None, for no label at all.
    """
    numbers = np.full(n_samples, UNLABELLED)
    if y is None:
        return numbers
    labels = labels_of_rows(y, n_samples)
    labelled = is_labelled(labels, classes)
    n_labelled = int(labelled.sum())
    numbers[labelled] = class_numbers(labels[labelled], n_labelled, classes)
    return numbers


def class_numbers(y, n_samples: int, classes: np.ndarray) -> np.ndarray:
    """Return the class number that each of `n_samples` rows is to have.

    Parameters
    ----------
    y : label or array-like of shape (n_samples,)
        Labels, or one for all.

    n_samples : int
        Number of rows.

    classes : ndarray of shape (n_classes,)
        The label of each class, in order.

    Raises
    ------
    ValueError
        If labels are of another number, or not among the classes.
    """
    labels = labels_of_rows(y, n_samples)
    number = {label: i for i, label in enumerate(classes.tolist())}
    unknown = [label for label in labels if label not in number]
    if unknown:
        raise ValueError(
            f"y has the unknown label {unknown[0]!r}. The model knows "
            f"{classes.tolist()}; fit(classes=[...]) names classes that the rows of "
            "fit may lack."
        )
    return np.array([number[label] for label in labels], dtype=np.int64)


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


def check_as_many(labels: np.ndarray | None, n_samples: int, of: str = "") -> None:
    """Raise ValueError unless there is one label for each row; `of`: "_val"."""
    if labels is not None and len(labels) != n_samples:
        raise ValueError(
            f"X{of} and y{of} must have as many rows: X{of} has {n_samples}, y{of} has "
            f"{len(labels)}."
        )
