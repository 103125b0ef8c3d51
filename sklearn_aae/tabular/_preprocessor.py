"""From rows of numbers and category numbers to what the networks see, and back."""

from typing import Any, Self

import numpy as np
import torch
from scipy.stats import entropy
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline

from sklearn_aae.tabular._late_scales import LateScales, masses_of_column
from sklearn_aae.tabular._scalers import SCALERS, WEIGHTED, count_scaler
from sklearn_aae.tabular._schema import TableSchema
from sklearn_aae.tabular._sparse import LazyRows, SparseTable
from sklearn_aae.tabular._statistics import (
    category_masses,
    category_weight,
    chunks,
    count_weight,
    extent,
    shares_of,
)

# A scaled column has this variance at least, unless its scaler took it for constant.
CONSTANT = 1e-12
# Weight of a column without a known cell, as a divisor.
TINY = np.finfo(float).tiny

# Cells of a sparse table that may be dense in memory at a time, where rows must be.
MAX_CELLS = 2**26


class TablePreprocessor(LateScales, TransformerMixin, BaseEstimator):
    """Scales the numeric columns by one of scikit-learn's scalers, or by one number.

    Of counts, it standardises the logarithm. Categorical columns hold the numbers of
    their categories, and stay as they are. Missing cells are NaN and stay so, too,
    where the training rows have some; else they become their column's mean.

    Parameters
    ----------
    scale : {"standard", "quantile", "minmax", "range", "common"} or None, \
            default="standard"
        Key of `SCALERS`.

    n_categories : tuple of int, default=None
        For each column, 0 for a numeric one. None: all are numeric.

    allow_missing : bool, default=False
        Whether any cell may be hidden in training, so that all columns need a mark for
        missing values, not only those that have some.

    seed : int, default=0
        Of the quantile transformer's subsample.

    counts : tuple of bool, default=None
        Whether a column holds counts. None: none does.

    span : tuple of float, default=None
        What "minmax" maps to [0, 1], the same for all columns; cells beyond it are not
        cut. None: the range of each column.

    Attributes
    ----------
    scaler_ : transformer
        The fitted scaler, if there are plain numeric columns.

    count_scaler_ : Pipeline
        The fitted scaler of counts, if there are some.

    schema_ : TableSchema
        What is known of the columns.

    low_, high_ : ndarray of shape (n_features,)
        Smallest and largest cell of each column; NaN where there was none.

    late_scalers_ : list of (ndarray of shape (n_late_features,), transformer)
        Places and scaler of columns that began to vary in later rows.

    masses_ : list of (int, ndarray of shape (n_categories,))
        Place of each categorical column, and the sum of the weights of all rows so far
        of each category.

    late_counts_ : list of (int, (ndarray, ndarray) of shape (n_values,))
        Place of each column of counts that did not vary in the first rows, its
        different cells in all rows so far, and the sum of the weights of each.

    mass_ : float
        Sum of the weights of all rows so far.

    variance_ : ndarray of shape (n_features,)
        What each column adds to the total variance.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aae.tabular import TablePreprocessor
    >>> X = np.array([[0.0, 2.0], [4.0, 1.0], [8.0, 0.0]])  # one of numbers
    >>> preprocessor = TablePreprocessor(scale="minmax", n_categories=(0, 3)).fit(X)
    >>> preprocessor.transform(X)
    array([[0. , 2. ],
           [0.5, 1. ],
           [1. , 0. ]])
    >>> bool((preprocessor.inverse_transform(preprocessor.transform(X)) == X).all())
    True
    """

    # Of preprocessors that were stored before there was one.
    span: tuple[float, float] | None = None

    def __init__(
        self,
        scale: str | None = "standard",
        n_categories: tuple[int, ...] | None = None,
        allow_missing: bool = False,
        seed: int = 0,
        counts: tuple[bool, ...] | None = None,
        span: tuple[float, float] | None = None,
    ):
        self.span = span
        self.scale, self.n_categories = scale, n_categories
        self.allow_missing, self.seed, self.counts = allow_missing, seed, counts

    def fit(
        self, X: np.ndarray, y: Any = None, sample_weight: np.ndarray | None = None
    ) -> Self:
        """Learn the scales.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows.

        y : None
            Ignored.

        sample_weight : ndarray of shape (n_samples,), default=None
            Weights; those scalers use them that take means.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If all columns are constant.
        """
        categories = np.array(self.n_categories or [0] * X.shape[1])
        counted = np.array(self.counts or [False] * X.shape[1])
        numeric = np.flatnonzero((categories == 0) & ~counted)
        # All columns as a slice: nothing is copied.
        self.numeric_ = slice(None) if len(numeric) == X.shape[1] else numeric
        self.low_, self.high_, missing = low, high, _ = extent(X)
        self.late_scalers_: list[tuple[np.ndarray, Any]] = []
        self.counts_ = np.flatnonzero(counted)
        self.empty_ = np.isnan(high)
        if len(numeric):
            in_parts = not missing.any()
            self.scaler_ = self._fit_scaler(X, sample_weight, in_parts=in_parts)
        if len(self.counts_):
            self.count_scaler_ = self._fit_count_scaler(X, sample_weight)
        n_varying = int((high > low).sum())
        if self.empty_.all():
            raise ValueError(
                f"None of the {X.shape[1]} columns of X has a known cell: all are "
                "missing. Check that X holds the rows you meant."
            )
        if not n_varying:
            raise ValueError(
                f"All {X.shape[1]} columns of X are constant: there is nothing to "
                "learn. Check that X holds the rows you meant."
            )
        self.masses_ = [
            (j, category_masses(X[:, j], sample_weight, categories[j]))
            for j in np.flatnonzero(categories).tolist()
        ]
        self.mass_ = float(len(X) if sample_weight is None else sample_weight.sum())
        self.late_counts_ = [
            (j, masses_of_column(X, j, sample_weight))
            for j in np.flatnonzero(counted & ~(high > low)).tolist()
        ]
        self.means_ = np.zeros(X.shape[1])  # until they are known
        self.schema_ = self._describe(X, sample_weight, categories, n_varying, missing)
        self.means_ = np.array(self.schema_.means)
        return self

    def _fit_scaler(self, X: np.ndarray, weight, *, in_parts: bool):
        if self.span is not None:
            return self._span_scaler(np.shape(self._numbers(X[:1], self.numeric_))[1])
        # The networks need arrays, whatever the user set globally.
        scaler = SCALERS[self.scale](len(X), self.seed).set_output(transform="default")
        if not hasattr(scaler, "partial_fit"):
            # Of a sparse table, as many rows as may be dense.
            some = X[:: -(-X.shape[1] * len(X) // MAX_CELLS)]
            return scaler.fit(self._numbers(some, self.numeric_))
        # A part without a cell of a column would make its moments NaN for good.
        for part in chunks(X) if in_parts else [slice(None)]:
            options = {}
            if self.scale in WEIGHTED and weight is not None:
                options["sample_weight"] = weight[part]
            scaler.partial_fit(self._numbers(X[part], self.numeric_), **options)
        return scaler

    def _fit_count_scaler(self, X, weight) -> Pipeline:
        scaler = count_scaler()
        if not isinstance(X, SparseTable):
            options = {"standardscaler__sample_weight": weight}
            return scaler.fit(self._numbers(X, self.counts_), **options)
        for part in chunks(X):
            w = None if weight is None else weight[part]
            rows = np.asarray(X[part])
            logarithms = np.log1p(self._numbers(rows, self.counts_))
            scaler[-1].partial_fit(logarithms, None, w)
        return scaler

    def _numbers(self, X: np.ndarray, places) -> np.ndarray:
        """Return columns of rows; zeros in place of columns without any value."""
        rows = np.asarray(X, dtype=np.float64)[:, places]
        empty = self.empty_[places]
        return np.where(empty, 0.0, rows) if empty.any() else rows

    def _describe(
        self, X: np.ndarray, weight, categories: np.ndarray, n_varying: int, missing
    ) -> TableSchema:
        """Return what the networks need to know of the columns."""
        present, means, squares = self._moments(X, weight)
        typed = categories > 0
        shares = [shares_of(masses) for _, masses in self.masses_]
        nats = np.array([entropy(p) for p in shares])
        weights = np.ones(len(typed))
        weights[typed] = [category_weight(p) for p in shares]
        counts: list = [None] * len(typed)
        for i, j in enumerate(self.counts_.tolist()):
            scaler = self.count_scaler_[-1]
            counts[j] = float(scaler.mean_[i]), float(scaler.scale_[i])
            weights[j] = count_weight(*masses_of_column(X, j, weight))
        still = self.low_ == self.high_
        if self.scale in ("standard", "range"):
            still |= ~typed & (squares <= CONSTANT * present) & ~self.empty_
        squares[typed] = 2 * weights[typed] * nats * present[typed]
        self.variance_ = squares / self.mass_
        return TableSchema(
            n_categories=tuple(categories.tolist()),
            n_varying=n_varying,
            means=tuple(np.where(typed, 0.0, means).tolist()),
            incomplete=tuple((self.allow_missing | missing).tolist()),
            weights=tuple(weights.tolist()),
            total_variance=float(self.variance_.sum()),
            counts=tuple(counts),
            constants=self._constants(still),
        )

    def _constants(self, still: np.ndarray) -> tuple[float | None, ...]:
        """Return the scaled cell of columns without variance; None for the others."""
        cells = self._through("transform", self.low_[None])[0].tolist()
        return tuple(c if s else None for c, s in zip(cells, still, strict=True))

    def _moments(self, X: np.ndarray, weight) -> tuple[np.ndarray, ...]:
        """Return Σ w, mean and Σ w (x - mean)² of the known cells of scaled columns.

        Chunk by chunk, each scaled once: Chan, Golub and LeVeque 1983. (Those of
        `StandardScaler` stay NaN after a chunk without a known cell of a column.)
        """
        present, mean, squares = np.zeros((3, X.shape[1]))
        for part in chunks(X):
            w = np.ones(len(X[part])) if weight is None else weight[part]
            rows = self.scale_rows(X[part])
            n = w @ ~np.isnan(rows)
            center = w @ np.nan_to_num(rows) / np.maximum(n, TINY)
            ratio, gap = n / np.maximum(present + n, TINY), center - mean
            within, between = (rows - center) ** 2, gap**2 * present * ratio
            squares += w @ np.nan_to_num(within) + between
            mean += gap * ratio
            present += n
        return present, mean, squares

    def to_tensor(
        self, X: np.ndarray | SparseTable, device: torch.device, dtype: torch.dtype
    ) -> torch.Tensor | LazyRows:
        """Scale rows into a tensor, chunk by chunk: no whole copy besides.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows.

        device : torch.device
            Where the tensor lies.

        dtype : torch.dtype
            Of the tensor.

        Returns
        -------
        x : Tensor or LazyRows of shape (n_samples, n_features)
            Of a sparse table, rows that are scaled when they are gathered.
        """
        if isinstance(X, SparseTable):
            return LazyRows(X, self, device, dtype)
        x = torch.empty(X.shape, dtype=dtype, device=device)
        for part in chunks(X):
            # Unscaled rows may be the caller's, which torch would rather write to.
            rows = np.require(self.transform(X[part]), requirements="W")
            x[part] = torch.from_numpy(rows).to(dtype)
        return x

    def transform(self, X: np.ndarray | SparseTable) -> np.ndarray:
        """Scale rows.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features), float64
        """
        rows = self.scale_rows(X)
        if self.schema_.plain and np.isnan(rows.sum()):
            rows = np.where(np.isnan(rows), self.means_, rows)
        return rows

    def scale_rows(self, X: np.ndarray | SparseTable) -> np.ndarray:
        """Scale rows, and leave all missing cells NaN.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features), float64
        """
        rows = self._through("transform", X)
        # A column without any value has no scale. No writing to the caller's rows.
        return np.where(self.empty_, np.nan, rows) if self.empty_.any() else rows

    def _through(self, method: str, X) -> np.ndarray:
        """Return rows whose numeric columns went through the scaler."""
        X = np.asarray(X, dtype=np.float64)
        if isinstance(self.numeric_, slice):
            whole = np.asarray(getattr(self.scaler_, method)(X))
            if not self.late_scalers_:
                return whole
            rows, scalers = np.array(whole), []
        else:
            scalers = [(self.numeric_, "scaler_"), (self.counts_, "count_scaler_")]
            rows = np.array(X)
            scalers = [(at, getattr(self, name)) for at, name in scalers if len(at)]
        for places, scaler in (*scalers, *self.late_scalers_):
            rows[:, places] = getattr(scaler, method)(X[:, places])
        return rows

    def slopes(self) -> np.ndarray:
        """Return by what each numeric column is multiplied.

        Returns
        -------
        slopes : ndarray of shape (n_features,)
            Of counts, by what their logarithm is.

        Raises
        ------
        ValueError
            If ``scale="quantile"``: that is no straight line.
        """
        slopes = np.ones(len(self.schema_.n_categories))
        if len(self.counts_):
            slopes[self.counts_] = 1 / self.count_scaler_[-1].scale_
        if not hasattr(self, "scaler_"):
            return slopes
        if self.scale == "quantile":
            raise ValueError(
                "scale='quantile' bends the columns, and neighbours among sparse rows "
                "are searched for in the columns as they are. Use another scale, or "
                "dense rows."
            )
        for places, scaler in ((self.numeric_, self.scaler_), *self.late_scalers_):
            scale = getattr(scaler, "scale_", 1.0)
            slopes[places] = scale if self.scale == "minmax" else 1 / np.asarray(scale)
        return slopes

    def inverse_transform(self, X: np.ndarray) -> np.ndarray:
        """Undo the scaling; columns without variance are the constant again.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Scaled rows.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features), float64
        """
        rows = self._through("inverse_transform", X)
        still = np.array([c is not None for c in self.schema_.constants])
        return np.where(still, self.low_, rows) if still.any() else rows
