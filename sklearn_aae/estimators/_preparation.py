"""From what the user passes to rows that a net can train on."""

import copy

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.utils.validation import check_array, validate_data

from sklearn_aae.estimators._labels import (
    check_as_many,
    encode_labels,
    warn_of_many_classes,
)
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._warnings import warn_if_far
from sklearn_aae.priors import PRIORS, Prior
from sklearn_aae.tabular import (
    NotClassLabelsError,
    SparseTable,
    TableColumns,
    TablePreprocessor,
    as_table,
    check_finite,
    check_plain,
    count_categories,
    float_dtypes,
    learn_late_columns,
    mask_rare_categories,
    needs_column_reader,
    read_labels,
    warn_about_text_columns,
)
from sklearn_aae.utils._compat import check_sample_weight

# Parameters that shape the networks: training on cannot change them.
SHAPING = (
    "class_heads",
    "n_clusters",
    "n_subclusters",
    "learn_shares",
    "critic_noise",
    "generator",
    "n_components",
    "hidden_layer_sizes",
    "activation",
    "normalization",
    "dropout",
    "posterior",
    "prior",
    "regularizer",
    "critic_hidden_layer_sizes",
    "reconstruction",
    "input_noise",
    "input_dropout",
    "scale",
    "categorical_features",
    "count_features",
    "localize_by",
    "update",
    "encoder",
    "decoder",
    "device",
)


def params_of(estimator) -> dict:
    """Return the parameters of a fit, which later changes of the estimator leave alone.

    With those of a prior object beside it, to tell whether they have changed.
    """
    params = dict(estimator.get_params())
    if isinstance(params.get("prior"), Prior) and params["prior"].get_params():
        params["prior"] = copy.deepcopy(params["prior"])
    return params


def _alike(before, now) -> bool:
    """Whether two values of a parameter shape the networks alike."""
    if isinstance(before, Prior) and before.get_params():
        return type(before) is type(now)  # whose own parameters are compared, too
    return np.array_equal(before, now)


def validate_table(estimator, X, *, reset: bool, **options) -> np.ndarray:
    """Return the rows of a table as floats, or raise an error that names the column.

    Parameters
    ----------
    estimator : BaseAAE
        Remembers the columns, with ``reset=True``, or compares them.

    X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
        Rows.

    reset : bool
        Whether the columns are new.

    **options : dict
        Of `sklearn.utils.check_array`.
    """
    X, columns = as_table(X), None
    if not reset:
        columns = estimator.columns_
    else:
        rules = estimator.categorical_features, estimator.count_features
        columns = (
            None
            if TableColumns.is_numeric_array(X, *rules)
            else TableColumns.learn(X, *rules)
        )
    table: dict = {"dtype": float_dtypes(X), "ensure_all_finite": False}
    table["accept_sparse"] = "csr" if estimator._takes_sparse else False
    read_here = needs_column_reader(X, takes_sparse=estimator._takes_sparse)
    if columns is not None and (columns.typed or read_here):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        rows = check_array(columns.encode(X), estimator=estimator, **table, **options)
    else:
        try:
            rows = validate_data(estimator, X, reset=reset, **table, **options)
        except ValueError as error:
            if "could not convert string" not in str(error):
                raise
            raise ValueError(
                f"X is no frame, and holds text: {error}. Pass a frame, whose text is "
                "taken as categories, or name the columns of text in "
                "categorical_features."
            ) from error
    rows = SparseTable(rows) if issparse(rows) else rows
    columns = columns or TableColumns.all_numeric(rows.shape[1])
    names = [column.name for column in columns.columns]
    check_finite(rows, names)
    if not estimator._takes_holes:
        check_plain(rows, columns.discrete, names, type(estimator).__name__)
    if reset:
        estimator.columns_ = columns
        warn_about_text_columns(columns, X, rows, estimator.categorical_features)
    return rows


class PreparationMixin:
    """Validates and scales rows, labels and weights; remembers the columns."""

    # Classes that a fit or a first chunk is told of.
    _all_classes: np.ndarray | None = None

    _many_classes_remedy = (
        "leave it out; a prior without components, such as prior='gaussian', does not "
        "look at it"
    )

    def _prepare(
        self, X, y, sample_weight, X_val=None, y_val=None, *, seed: int, keep: bool
    ) -> tuple[Rows, Rows | None]:
        """Validate and scale the rows; return those to train on and those to judge by.

        `keep` holds on to the columns, scales and classes of the earlier fit.
        """
        if y_val is not None and X_val is None:
            raise ValueError("y_val was passed without X_val, the rows that it is of.")
        if isinstance(X_val, tuple) and len(X_val) == 2 and np.ndim(X_val[0]) > 1:
            raise ValueError("X_val must be rows, not a pair. Pass labels as y_val.")
        if keep:
            self.columns_ = learn_late_columns(
                self.columns_, X, self.categorical_features
            )
        rows = self._check_rows(X, y, sample_weight, keep=keep)
        self.columns_ = self.columns_.with_ranges_of(rows.X)
        shares = None if keep else self._count_classes(rows)
        judges = None
        if X_val is not None:
            judges = self._check_rows(X_val, y_val, None, keep=True, of="_val")
            if len(judges) < 2:
                raise ValueError("X_val has 1 sample. Pass 2 or more to judge by.")
        elif self.early_stopping:
            rows, judges = rows.split(self.validation_fraction, seed)
        self.columns_ = count_categories(self.columns_, rows.X, rows.weight)
        if judges is not None:
            judges = Rows(
                mask_rare_categories(self.columns_, judges.X), judges.y, judges.weight
            )
        if not keep:
            categories = self.columns_.n_categories
            holes = self.input_dropout > 0 and self.encoder is None
            preprocessor = TablePreprocessor(
                self.scale, categories, holes, seed, self.columns_.counts
            )
            self.preprocessor_ = preprocessor.fit(rows.X, sample_weight=rows.weight)
            self.prior_ = self._make_prior(shares)
            self._fit_params = params_of(self)
            self._class_shares = shares
        else:
            self._check_shape_kept()
            self.preprocessor_ = self.preprocessor_.with_late_scales(rows.X)
        if X_val is not None:
            span = self.preprocessor_.low_, self.preprocessor_.high_
            warn_if_far(rows.X, judges.X, self.columns_, *span)
        place = self._place(len(rows), keep=keep)
        rows = rows.scaled(self.preprocessor_, *place)
        self._check_range(rows)
        return rows, judges and judges.scaled(self.preprocessor_, *place)

    def _count_classes(self, rows: Rows) -> list[float] | None:
        """Return the share of each class among the labelled rows, if there are any."""
        return rows.class_shares(len(getattr(self, "classes_", ())))

    def _check_rows(self, X, y, sample_weight, *, keep: bool, of: str = "") -> Rows:
        """Validate rows, labels and weights; of X_val and y_val if `of` is "_val"."""
        least = 1 if keep else 2  # scales and variances need two, once
        X = validate_table(self, X, reset=not keep, ensure_min_samples=least)
        told = self._use_labels(y, f"y{of}")
        check_as_many(told, len(X), of)
        if sample_weight is None:
            return Rows(X, self._check_labels(told, len(X), keep=keep))
        weight = check_sample_weight(sample_weight, X)
        kept = weight > 0  # a weight of zero is a row that is not there
        if kept.sum() < least:
            raise ValueError(
                "Only 1 sample has a positive weight in sample_weight: at least 2 are "
                "needed."
            )
        told = None if told is None else told[kept]
        codes = self._check_labels(told, int(kept.sum()), keep=keep)
        return Rows(X[kept], codes, weight[kept])

    def _conditional(self) -> bool:
        """Whether the prior has components to give to classes."""
        if isinstance(self.prior, str):
            return PRIORS[self.prior].conditional
        return isinstance(self.prior, Prior) and self.prior.n_classes is not None

    def _use_labels(self, y, name: str = "y") -> np.ndarray | None:
        """Return y as an array of objects, if the prior has a use for it."""
        if y is None or not self._conditional():
            return None
        try:
            return read_labels(y, name)
        except NotClassLabelsError:  # a target that a later step may want
            return None

    def _classes_of(self, y) -> list | None:
        """Return the classes that y itself names; None if they are what it holds."""
        return None

    def _use_classes(self, classes, *, keep: bool) -> np.ndarray | None:
        """Return the classes that a fit is to have; None for those of y."""
        if classes is None:
            return None
        labels = self._use_labels(classes, "classes")
        if labels is None:
            raise ValueError(
                f"{type(self).__name__} with prior={self.prior!r} has no use for "
                "classes. Leave them out; the prior of an AAETransformer has, if it is "
                "'gaussian_mixture' or 'swiss_roll'."
            )
        if None in labels.tolist():
            raise ValueError(
                "classes holds a missing label: None and NaN are unlabelled rows, and "
                "no class."
            )
        named, known = np.unique(labels.tolist()), getattr(self, "classes_", None)
        if not keep:
            return named
        if known is None or not np.array_equal(named, known):
            raise ValueError(
                f"classes={named.tolist()} is not the same as on the first call of fit "
                f"or partial_fit: {[] if known is None else known.tolist()}."
            )
        return None

    def _check_labels(self, y, n_samples: int, *, keep: bool) -> np.ndarray | None:
        """Return the class number of each row, -1 for unlabelled ones."""
        if keep:
            classes = getattr(self, "classes_", None)
        else:
            self.__dict__.pop("classes_", None)
            classes = self._all_classes
        if classes is not None and y is None:
            # A critic that knows labels sees rows without them as unlabelled.
            y = np.full(n_samples, None)
        if y is None or (keep and classes is None):
            return None
        codes, found = encode_labels(y, classes)
        if not len(found):
            return None
        if classes is None:
            warn_of_many_classes(codes, found, self._many_classes_remedy)
        self.classes_ = found
        return codes

    def _check_shape_kept(self) -> None:
        """Raise ValueError if a parameter that shapes the networks has changed."""
        params = self.get_params()
        for name, before in self._fit_params.items():
            if name.partition("__")[0] not in SHAPING:
                continue
            now = params.get(name)
            if name.endswith("sizes") and before is not None and now is not None:
                before, now = tuple(before), tuple(now)
            if before is not now and not _alike(before, now):
                raise ValueError(
                    f"The fitted networks have {name}={before!r}, so training on with "
                    f"{name}={now!r} is impossible. Set warm_start=False, or clone the "
                    "estimator, to start anew."
                )

    def _check_range(self, rows: Rows) -> None:
        """Raise ValueError if a likelihood over [0, 1] meets other cells."""
        if self.reconstruction != "bernoulli":
            return
        X = rows.X if isinstance(rows.X, torch.Tensor) else rows.some().X
        numbers = X[:, ~np.array(self.columns_.discrete)].nan_to_num(0.0)
        if numbers.numel() and (numbers.min() < 0 or numbers.max() > 1):
            raise ValueError(
                f"reconstruction='bernoulli' needs columns within [0, 1]; after scale="
                f"{self.scale!r} they span [{numbers.min():.3g}, {numbers.max():.3g}]. "
                "Use scale='minmax'."
            )
