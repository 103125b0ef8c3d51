"""From what the user passes to rows that a net can train on."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import _num_samples

from sklearn_aae.estimators._examples import (
    Examples,
    keep_examples,
    look_like_pixels,
    merge_examples,
)
from sklearn_aae.estimators._images import Images
from sklearn_aae.estimators._labels import (
    LabelRole,
    check_as_many,
    encode_labels,
    warn_of_many_classes,
)
from sklearn_aae.estimators._parameters import params_of
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._tables import read_table, said_of
from sklearn_aae.estimators._warnings import warn_if_far
from sklearn_aae.tabular import (
    TableColumns,
    TablePreprocessor,
    TableSchema,
    count_categories,
    learn_late_columns,
    mask_rare_categories,
    warn_of_new_categories,
)
from sklearn_aae.utils._compat import check_sample_weight

# What scikit-learn remembers of the columns.
NAMES = ("n_features_in_", "feature_names_in_")


@dataclass(frozen=True, eq=False)
class FitInput:
    """What a user passes to `fit`; see there.

    `held_out` says of which rows no model is to know, (n_samples,) bool; None for none.
    `is_chunk` says whether the rows are other ones than those of earlier fits.
    """

    X: Any
    y: Any = None
    sample_weight: Any = None
    X_val: Any = None
    y_val: Any = None
    classes: Any = None
    held_out: np.ndarray | None = None
    is_chunk: bool = False

    def n_rows(self) -> int:
        """Return how many rows there are: one of weight 0 is not there."""
        if self.sample_weight is None:
            return _num_samples(self.X)
        return int(np.count_nonzero(check_sample_weight(self.sample_weight, self.X)))


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What a fit has prepared of its input; without its rows, plain fitted state.

    Attributes
    ----------
    columns : TableColumns
        What each column holds.

    preprocessor : TablePreprocessor
        Fitted on the training rows.

    params : dict
        The parameters of the fit that built the networks.

    names : dict
        ``n_features_in_`` and, of a frame, ``feature_names_in_``.

    rows : Rows or None
        Scaled training rows, on the device.

    validation : Rows or None
        Scaled rows that no model is trained on, if there are any.

    classes : ndarray of shape (n_classes,) or None
        The label of each class, if labels count.

    class_prior : list of float or None
        p(y): the probability of each class.

    class_weight : tuple of float or None
        Weight of each class in the classification, if they are not equal.

    neighbor_distance : float or None
        Mean distance of a row to its tenth neighbour, if it was asked for.

    neighbors : ndarray of shape (n_samples, n_neighbors) or None
        Numbers of the nearest other rows of each row, if they were asked for.

    cluster_weight : float
        How far neighbours are trusted to have one label, from 0 to 1.

    label_weight : float
        How far labels count by themselves, from 0 to 1.

    dropout : float or None
        Share of hidden units to drop, if the fit that built the networks chose one.

    examples : dict of ndarray or None
        Training rows that are kept, if new ones are drawn around them.

    pixels : bool or None
        Whether the columns look like pixels, if rows are going to be decoded.

    images : Images or None
        How pictures come in and go out, if rows are some.
    """

    columns: TableColumns
    preprocessor: TablePreprocessor
    params: dict
    names: dict
    rows: Rows | None = None
    validation: Rows | None = None
    classes: np.ndarray | None = None
    class_prior: list[float] | None = None
    class_weight: tuple[float, ...] | None = None
    neighbor_distance: float | None = None
    neighbors: np.ndarray | None = None
    cluster_weight: float = 1.0
    label_weight: float = 1.0
    dropout: float | None = None
    examples: Examples | None = None
    pixels: bool | None = None
    images: Images | None = None

    @property
    def schema(self) -> TableSchema:
        """What the scaled columns hold."""
        return self.preprocessor.schema_

    @property
    def varies(self) -> np.ndarray:
        """Which columns have varied so far: (n_features,), bool."""
        still = [constant is not None for constant in self.schema.constants]
        return ~np.array(still) & ~self.preprocessor.empty_

    @property
    def n_classes(self) -> int:
        """Number of classes that the fit knows; 0 for none."""
        return 0 if self.class_prior is None else len(self.class_prior)

    @property
    def attributes(self) -> dict:
        """What an estimator shows of the data, by the names of its attributes."""
        shown = {"columns_": self.columns, "preprocessor_": self.preprocessor}
        if self.classes is not None:
            shown["classes_"] = self.classes
        if self.pixels is not None:
            shown["pixels_"] = self.pixels
        return shown | self.names

    def without_rows(self) -> "TrainingData":
        """Return what is kept after the fit."""
        return replace(self, rows=None, validation=None, neighbors=None)

    def after(self, earlier: "TrainingData", n: int, seed: int) -> "TrainingData":
        """Return the data of a chunk, with n examples of all chunks so far."""
        if self.examples is None or earlier.examples is None:
            return self
        examples = merge_examples(earlier.examples, self.examples, n, seed)
        return replace(self, examples=examples)


def prepare(
    estimator,
    given: FitInput,
    *,
    role: LabelRole,
    seed: int,
    place: Callable[[int, int | None], tuple[torch.device, torch.dtype]],
    earlier: TrainingData | None = None,
    arrange: Callable[[Rows], Rows] | None = None,
    weigh: Callable[[Rows, np.ndarray], tuple[float, ...] | None] | None = None,
) -> TrainingData:
    """Validate, encode and scale what `fit` got; changes nothing.

    Parameters
    ----------
    estimator : BaseModel
        Whose parameters count, and whose name errors tell.

    given : FitInput
        Rows, labels and weights.

    role : LabelRole
        What y is to the estimator.

    seed : int
        Of the rows that are held out, and of the preprocessor.

    place : callable
        Returns device and dtype for a number of training rows, and of their classes.

    earlier : TrainingData, default=None
        Of the fit that is continued: its columns, scales and classes stay.

    arrange : callable, default=None
        Maps validated rows to those that are trained on.

    weigh : callable, default=None
        Returns the weights of the classes, by which their probabilities count.
    """
    reader = _Reader(estimator, role, given, earlier, arrange)
    reader.check_pairs(given.X_val, given.y_val)
    rows = reader.training_rows(given.X, given.y, given.sample_weight, given.held_out)
    validation = None
    prior = weight = None
    if earlier is None:
        prior, weight = _class_prior(rows, reader.classes, weigh)
    if given.X_val is not None:
        validation = reader.validation_rows(given.X_val, given.y_val)
    elif estimator.early_stopping:
        rows, validation = rows.split(estimator.validation_fraction, seed)
    columns = count_categories(
        reader.columns, rows.X, rows.weight, new_rows=reader.new_rows
    )
    if validation is not None:
        validation = replace(validation, X=mask_rare_categories(columns, validation.X))
    preprocessor = _preprocessor(estimator, reader, columns, rows, seed)
    if given.X_val is not None:
        span = preprocessor.low_, preprocessor.high_
        warn_if_far(rows.X, validation.X, columns, *span)
    where = place(len(rows), None if reader.classes is None else len(reader.classes))
    n_examples, pixels = estimator.n_examples, None
    examples = earlier.examples if earlier else None
    examples = keep_examples(rows, n_examples, seed, examples) if n_examples else None
    if n_examples is not None:
        pixels = reader.images is not None or look_like_pixels(columns, rows)
    rows = rows.scaled(preprocessor, *where)
    _check_range(estimator, rows, columns)
    validation = validation and validation.scaled(preprocessor, *where)
    if earlier is not None:
        return replace(
            earlier,
            columns=columns,
            preprocessor=preprocessor,
            rows=rows,
            validation=validation,
            examples=examples,
        )
    return TrainingData(
        columns,
        preprocessor,
        params_of(estimator),
        reader.names,
        rows,
        validation,
        reader.classes,
        prior,
        weight,
        examples=examples,
        pixels=pixels,
        images=reader.images,
    )


def _select(kept: np.ndarray, *parts):
    """Return the kept rows of each part that is there."""
    return (None if part is None else part[kept] for part in parts)


def _class_prior(
    rows: Rows, classes: np.ndarray | None, weigh
) -> tuple[list[float] | None, tuple[float, ...] | None]:
    """Return the probabilities of the classes, and their weights."""
    prior = rows.class_prior(0 if classes is None else len(classes))
    if weigh is None or prior is None:
        return prior, None
    weight, p = weigh(rows, classes), np.array(prior)
    if weight is not None:
        p *= weight
    return (p / p.sum()).tolist(), weight


def _preprocessor(
    estimator, reader: "_Reader", columns: TableColumns, rows: Rows, seed: int
) -> TablePreprocessor:
    """Return the preprocessor of rows, or an earlier one that knows them as well."""
    if reader.earlier is not None:
        return reader.earlier.preprocessor.with_late_scales(
            rows.X, rows.weight, new_rows=reader.new_rows
        )
    if reader.images is not None:
        preprocessor = TablePreprocessor("minmax", seed=seed, span=reader.images.span)
        return preprocessor.fit(rows.X, sample_weight=rows.weight)
    hides = estimator.input_dropout not in ("auto", 0) and estimator.encoder is None
    preprocessor = TablePreprocessor(
        estimator.scale, columns.n_categories, hides, seed, columns.counts
    )
    return preprocessor.fit(rows.X, sample_weight=rows.weight)


class _Reader:
    """Reads the rows and labels of one fit, and remembers what they hold.

    Attributes
    ----------
    columns : TableColumns
        What the columns hold, once training rows have been read.

    classes : ndarray or None
        The label of each class, if there are labels.

    images : Images or None
        What pictures are like, if rows are some.
    """

    def __init__(self, estimator, role, given: FitInput, earlier, arrange):
        self.estimator, self.role, self.arrange = estimator, role, arrange
        self.owner, self.earlier = type(estimator).__name__, earlier
        self.continues = earlier is not None
        self.images = earlier.images if self.continues else Images.of(estimator)
        # A stand-in learns the names of the columns: the estimator may fail to be fit.
        self.stand_in = object.__new__(type(estimator))
        vars(self.stand_in).update(vars(estimator))
        if not self.continues:
            for name in NAMES:
                vars(self.stand_in).pop(name, None)
        self.columns = earlier.columns if self.continues else None
        self.classes = earlier.classes if self.continues else None
        self.named_classes = self._named(given.classes)
        # A fit that goes on is of the same rows, as far as anybody knows.
        self.new_rows = given.is_chunk or not self.continues

    @property
    def names(self) -> dict:
        """Number and names of the columns, as fitted attributes."""
        found = vars(self.stand_in)
        return {name: found[name] for name in NAMES if name in found}

    def check_pairs(self, X_val, y_val) -> None:
        """Raise ValueError if validation rows or their labels lack the other."""
        if self.role.n_required and X_val is not None and y_val is None:
            raise ValueError(
                f"{self.owner} requires y_val beside X_val: class labels, -1 (None or "
                "NaN for text) for unlabelled rows."
            )
        if y_val is not None and X_val is None:
            raise ValueError("y_val was passed without X_val, the rows that it is of.")
        if isinstance(X_val, tuple) and len(X_val) == 2 and np.ndim(X_val[0]) > 1:
            raise ValueError("X_val must be rows, not a pair. Pass labels as y_val.")

    def training_rows(self, X, y, sample_weight, held_out) -> Rows:
        """Return valid training rows; learn the columns, or continue with them."""
        if self.continues:
            rule = self.estimator.categorical_features
            self.columns = learn_late_columns(self.columns, X, rule)
        least = 1 if self.continues else 2  # scales and variances need two, once
        rows = self._rows(X, y, sample_weight, held_out, least=least)
        if self.continues:
            self._look_for_new_categories(X, rows, sample_weight)
        self.columns = self.columns.with_ranges_of(rows.X)
        return rows

    def _look_for_new_categories(self, X, rows: Rows, sample_weight) -> None:
        """Warn of categories that are not known: without a hole there are none."""
        places = np.flatnonzero(self.columns.n_categories)
        if not len(places) or not np.isnan(rows.X[:, places]).any():
            return
        weight = None
        if sample_weight is not None:
            weight = check_sample_weight(sample_weight, X)
        warn_of_new_categories(self.columns, X, weight)

    def validation_rows(self, X_val, y_val) -> Rows:
        """Return valid rows that no model is trained on."""
        rows = self._rows(X_val, y_val, least=1, of="_val")
        if len(rows) < 2:
            raise ValueError("X_val has 1 sample. Pass 2 or more to validate by.")
        return rows

    def _rows(
        self, X, y, sample_weight=None, held_out=None, *, least: int, of: str = ""
    ) -> Rows:
        with said_of(f"X{of}"):
            X, self.columns = self._read(X, least)
        labels = self.role.read(y, self.owner, f"y{of}")
        check_as_many(labels, len(X), of)
        weight = None
        if sample_weight is not None:
            weight = check_sample_weight(sample_weight, X)
            kept = weight > 0  # a weight of zero is a row that is not there
            if kept.sum() < least:
                raise ValueError(
                    "Only 1 sample has a positive weight in sample_weight: at least 2 "
                    "are needed."
                )
            X, labels, weight = _select(kept, X, labels, weight)
            held_out = None if held_out is None else held_out[kept]
        if held_out is not None:
            X, labels, weight = _select(~held_out, X, labels, weight)
        continues = self.continues or bool(of)
        rows = Rows(X, self._codes(labels, len(X), continues), weight)
        return rows if self.arrange is None else self.arrange(rows)

    def _read(self, X, least: int) -> tuple[Any, TableColumns]:
        """Return rows as floats and their columns; learn what pictures are like."""
        if self.images is not None and self.images.given is None:
            self.images, X = self.images.learn(X)
        elif self.images is not None:
            X = self.images.read(X, training=True)
        return read_table(self.stand_in, X, self.columns, ensure_min_samples=least)

    def _named(self, classes) -> np.ndarray | None:
        """Return the classes that a user names; None for those of y."""
        if classes is None:
            return None
        labels = self.role.read(classes, self.owner, "classes")
        if labels is None:
            raise ValueError(
                f"{self.owner} with prior={self.estimator.prior!r} has no use for "
                "classes. Leave them out; the prior of an AAETransformer has, if it is "
                "'gaussian_mixture' or 'swiss_roll'."
            )
        if None in labels.tolist():
            raise ValueError(
                "classes holds a missing label: None and NaN are unlabelled rows, and "
                "no class."
            )
        named, known = np.unique(labels.tolist()), self.classes
        if not self.continues:
            return named
        if known is None or not np.array_equal(named, known):
            raise ValueError(
                f"classes={named.tolist()} is not the same as on the first call of fit "
                f"or partial_fit: {[] if known is None else known.tolist()}."
            )
        return None

    def _codes(self, labels, n_samples: int, continues: bool) -> np.ndarray | None:
        """Return the class number of each row, -1 for unlabelled ones."""
        classes = self.classes if continues else self.named_classes
        if classes is not None and labels is None:
            # A critic that knows labels sees rows without them as unlabelled.
            labels = np.full(n_samples, None)
        codes = None
        if labels is not None and not (continues and classes is None):
            codes, found = encode_labels(labels, classes)
            if classes is None and len(found):
                warn_of_many_classes(codes, found, self.role.remedy)
            codes, self.classes = (codes, found) if len(found) else (None, None)
        if not continues:
            self.role.check_classes(self.classes, self.owner)
        return codes


def _check_range(estimator, rows: Rows, columns: TableColumns) -> None:
    """Raise ValueError if a likelihood over [0, 1] meets other cells."""
    if estimator.reconstruction != "bernoulli":
        return
    X = rows.X if isinstance(rows.X, torch.Tensor) else rows.some().X
    numbers = X[:, ~np.array(columns.discrete)].nan_to_num(0.0)
    if numbers.numel() and (numbers.min() < 0 or numbers.max() > 1):
        raise ValueError(
            f"reconstruction='bernoulli' needs columns within [0, 1]; after scale="
            f"{estimator.scale!r} they span [{numbers.min():.3g}, {numbers.max():.3g}]."
            " Use scale='minmax'."
        )
