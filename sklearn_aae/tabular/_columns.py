"""What each column of a table is, and the way from its cells to numbers and back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from numbers import Number
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from scipy.sparse import issparse

from sklearn_aae.tabular._cells import (
    categories_of,
    check_counts,
    codes_of,
    is_held,
    is_number,
    numbers_of,
)
from sklearn_aae.tabular._frames import as_frame, rebuild, template_of
from sklearn_aae.tabular._statistics import extent
from sklearn_aae.tabular._tables import as_table

# Which columns are categorical: a rule, or some of them, or none.
CategoricalFeatures = (
    str | Sequence[bool] | Sequence[int] | Sequence[str] | dict[Any, Sequence] | None
)


# Floats lose count of integers from here on, and the next is out of int64.
HUGE = 2.0**63


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : object
        Name, or number in an array.

    categories : tuple or None
        The values of a categorical column, by their number; None for numbers.

    whole : bool
        Whether the numbers are integers.

    count : bool
        Whether the numbers are counts: whole ones from 0 on, of a likelihood of theirs.

    empty : bool
        Whether no cell was there to learn from.

    low, high : float
        Smallest and largest number seen; NaN if there was none.

    tally : tuple of float
        How many training rows have each category; empty until they are counted.
    """

    name: Any
    categories: tuple | None = None
    whole: bool = False
    count: bool = False
    empty: bool = False
    low: float = np.nan
    high: float = np.nan
    tally: tuple[float, ...] = field(default=(), repr=False)

    def encode(self, cells) -> np.ndarray:
        """Return numbers, or numbers of categories; NaN for missing and unknown."""
        if self.empty:
            return np.full(len(cells), np.nan)
        if self.categories is None:
            numbers = numbers_of(cells, self.name)
            return check_counts(numbers, self.name) if self.count else numbers
        return codes_of(cells, self.categories, self.name)

    def decode(self, values: np.ndarray, clip: bool) -> np.ndarray:
        """Return cells for what `encode` returns."""
        if self.categories is not None:
            categories = np.empty(len(self.categories), dtype=object)
            categories[:] = self.categories
            return categories[values.astype(np.intp)]
        if np.isnan(self.low):  # nothing was ever seen
            return np.full(len(values), None)
        values = np.rint(values) + 0.0 if self.whole else values  # no -0.0
        high = self.high
        if self.whole and high >= HUGE:  # rounded up, it may be out of its dtype
            high = np.nextafter(high, 0)
        # An integer out of its range may be none of its dtype, too.
        return values.clip(self.low, high) if clip or self.whole else values


class TableColumns:
    """The columns of a table: what they are, and what a table like it is built from.

    Parameters
    ----------
    columns : sequence of Column
        In order.

    template : DataFrame or None
        No rows of the training frame, for its kind, names and dtypes; None if there was
        an array.
    """

    def __init__(self, columns: Sequence[Column], template: Any = None):
        self.columns, self.template = list(columns), template

    def __getitem__(self, j: int) -> Column:
        """Return a column."""
        return self.columns[j]

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self.columns)

    @property
    def n_categories(self) -> tuple[int, ...]:
        """For each column, 0 for a numeric one."""
        return tuple(len(column.categories or ()) for column in self.columns)

    @property
    def counts(self) -> tuple[bool, ...]:
        """Whether a column holds counts."""
        return tuple(column.count for column in self.columns)

    @property
    def discrete(self) -> tuple[bool, ...]:
        """Whether a column's values have probabilities: categories and counts."""
        return tuple(c.count or bool(c.categories) for c in self.columns)

    @property
    def typed(self) -> bool:
        """Whether a column has categories, counts, or nothing but holes."""
        return any(self.discrete) or any(column.empty for column in self.columns)

    @classmethod
    def plain(cls, n_features: int) -> "TableColumns":
        """Return the columns of an array of numbers."""
        return cls([Column(j) for j in range(n_features)])

    @staticmethod
    def plainly(X, categorical_features: CategoricalFeatures, counts=None) -> bool:
        """Whether X is to be taken as an array of numbers."""
        by_rule = categorical_features is None or isinstance(categorical_features, str)
        return by_rule and counts is None and as_frame(as_table(X)) is None

    @classmethod
    def learn(
        cls, X, categorical_features: CategoricalFeatures, count_features=None
    ) -> "TableColumns":
        """Find out what the columns of a table are.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Training rows.

        categorical_features : "from_dtype", mask, indices, names, dict or None
            The categorical ones. "from_dtype": text, categories and booleans of a
            frame. A dict has the categories of some, by name; it leaves the others to
            their dtypes.

        count_features : mask, indices, names or None, default=None
            The columns of counts.

        Raises
        ------
        ValueError
            If a column holds neither numbers nor one kind of categories, or is asked
            for but not there.
        """
        X = as_table(X)
        if cls.plainly(X, categorical_features, count_features):
            return cls.plain(np.asarray(X).shape[1])
        if issparse(X) and cls.plainly(X, categorical_features):
            return cls.plain(X.shape[1])._counting(count_features)
        frame, cells = as_frame(X), dict(_cells(X))
        declared, rule = {}, categorical_features
        if isinstance(rule, dict):
            declared, rule = _check_declared(rule, list(cells)), "from_dtype"
        chosen = _choose(rule, list(cells))
        columns = [
            Column(name, tuple(declared[name]))
            if name in declared
            else _learn(name, part, categorical)
            for (name, part), categorical in zip(cells.items(), chosen, strict=True)
        ]
        template = None if frame is None else template_of(frame, declared)
        return cls(columns, template)._counting(count_features)

    def _counting(self, count_features) -> "TableColumns":
        """Return the same, with the columns of counts as such."""
        if count_features is None:
            return self
        names = [column.name for column in self.columns]
        counted = _choose(count_features, names, "count_features")
        pairs = zip(self.columns, counted, strict=True)
        return TableColumns([_as_count(c) if k else c for c, k in pairs], self.template)

    def encode(self, X) -> np.ndarray:
        """Return cells as numbers and numbers of categories, NaN where missing.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows; of a frame or array with as many columns.

        Returns
        -------
        X : ndarray or sparse matrix of shape (n_samples, n_features)
            float32 if all numbers of X are, else float64; sparse as it came.
        """
        if issparse(X) and not any(self.n_categories):
            return self._check_sparse(X)
        cells = [part for _, part in _cells(X)]
        if len(cells) != len(self):
            raise ValueError(
                f"X has {len(cells)} columns, but there were {len(self)} in fit."
            )
        pairs = zip(self.columns, cells, strict=True)
        numbers = [part.dtype for c, part in pairs if c.categories is None]
        single = numbers and all(str(kind).lower() == "float32" for kind in numbers)
        dtype = np.float32 if single else np.float64
        rows = np.empty((len(cells[0]), len(self)), dtype=dtype)
        for j, part in enumerate(cells):
            rows[:, j] = self.columns[j].encode(part)
        return rows

    def _check_sparse(self, X):
        """Return a sparse matrix by rows, if its counts are some."""
        matrix = X.tocsr()
        if not matrix.has_canonical_format:
            matrix = matrix.copy()
            matrix.sum_duplicates()
        if matrix.shape[1] != len(self):
            raise ValueError(
                f"X has {matrix.shape[1]} columns, but there were {len(self)} in fit."
            )
        cells = matrix.data
        odd = np.array(self.counts)[matrix.indices]
        odd &= (cells < 0) | (cells != np.floor(cells))
        for place in np.flatnonzero(odd)[:1]:  # the message is of the first
            name = self.columns[matrix.indices[place]].name
            check_counts(cells[place : place + 1], name)
        return matrix

    def unknown(self, X) -> np.ndarray:
        """Return which cells hold a category that was not there in fit.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        unknown : ndarray of shape (n_samples, n_features), bool
        """
        cells = [part for _, part in _cells(X)]
        unknown = np.zeros((len(cells[0]), len(self)), dtype=bool)
        for j, column in enumerate(self.columns):
            if column.categories is not None:
                open_ = np.isnan(column.encode(cells[j]))
                unknown[:, j] = open_ & is_held(cells[j]) if open_.any() else False
        return unknown

    def extended(self, X) -> "TableColumns":
        """Return the same, with the categories of further rows.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows.

        Raises
        ------
        ValueError
            If cells are not of the kind that a column has.
        """
        columns = list(self.columns)
        for j, (column, (_, cells)) in enumerate(
            zip(self.columns, _cells(X), strict=True)
        ):
            if column.empty:
                columns[j] = _learn(column.name, cells, None)
            elif column.categories is not None:
                column.encode(cells)  # raises if they are of another kind
                found = categories_of(cells, column.name)
                union = dict.fromkeys([*column.categories, *found])
                columns[j] = replace(column, categories=tuple(union))
        return TableColumns(columns, self.template)

    def widened(self, X: np.ndarray) -> "TableColumns":
        """Return the same, with the range of further encoded rows.

        Parameters
        ----------
        X : ndarray or SparseTable of shape (n_samples, n_features)
            What `encode` returns.
        """
        columns = list(self.columns)
        low, high, _ = extent(X)
        for j, column in enumerate(columns):
            least, most = np.fmin(column.low, low[j]), np.fmax(column.high, high[j])
            columns[j] = replace(column, low=float(least), high=float(most))
        return TableColumns(columns, self.template)

    def decode(self, X: np.ndarray, clip: bool, like=None):
        """Return a table like the training table.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Numbers and numbers of categories.

        clip : bool
            Whether numbers stay within what was seen. Integers always do.

        like : DataFrame or None, default=None
            Whose row labels the result gets.

        Returns
        -------
        X : DataFrame or ndarray of shape (n_samples, n_features)
            Of the training table's kind, names and dtypes.
        """
        if self.template is None and not self.typed:
            low, high = np.array([[c.low, c.high] for c in self.columns]).T
            return X.clip(low, high) if clip else X
        cells = [c.decode(X[:, j], clip) for j, c in enumerate(self.columns)]
        if self.template is not None:
            labels = like.index if hasattr(like, "iloc") else None
            return rebuild(self.template, cells, labels)
        if not any(self.n_categories):
            return np.column_stack(cells).astype(X.dtype)
        # Categories of an array may be numbers or not.
        rows = np.array([part.astype(object) for part in cells], dtype=object).T
        values = [v for column in self.columns for v in column.categories or ()]
        numbers = all(isinstance(v, Number | np.bool_) for v in values)
        return rows.astype(X.dtype) if numbers else rows


def _cells(X) -> Iterator[tuple[Any, Any]]:
    """Yield names and cells of the columns of a frame or array."""
    X = as_table(X)
    frame = as_frame(X)
    if frame is not None:
        yield from zip(frame.columns, frame.iter_columns(), strict=True)
        return
    if issparse(X):
        raise ValueError(
            "X is sparse, and some of its columns are to hold categories: sparse rows "
            "are numbers and counts. Pass a frame or an array, or leave "
            "categorical_features at its default."
        )
    X = np.asarray(X) if hasattr(X, "dtype") else np.array(X, dtype=object)
    if X.ndim != 2:
        raise ValueError(f"Expected 2D array, got {X.ndim}D array instead.")
    yield from enumerate(X.T)


def _check_declared(declared: dict, names: list) -> dict:
    """Return the categories of some columns, or raise ValueError if they cannot be."""
    for name, categories in declared.items():
        if name not in names:
            raise ValueError(
                f"categorical_features names {name!r}, which is not a column of X. X "
                f"has {names}."
            )
        if len(set(categories)) != len(categories) or not len(categories):
            raise ValueError(
                f"categorical_features[{name!r}] must hold each category once, and at "
                f"least one. Got {list(categories)}."
            )
    return {name: list(categories) for name, categories in declared.items()}


def _choose(
    chosen, names: list, parameter: str = "categorical_features"
) -> list[bool | None]:
    """Return for each column whether it is among the chosen; None leaves it open."""
    if chosen is None:
        return [False] * len(names)
    if isinstance(chosen, str):
        return [None] * len(names)
    asked = np.asarray(chosen)
    if asked.dtype == bool:
        if asked.shape != (len(names),):
            raise ValueError(
                f"The mask {parameter} has shape {asked.shape}, but X has "
                f"{len(names)} columns."
            )
        return asked.tolist()
    texts = all(isinstance(name, str) for name in names)
    by_name = asked.dtype.kind in "OU" or not texts
    known = names if by_name else range(len(names))
    unknown = [item for item in asked.tolist() if item not in known]
    if unknown:
        raise ValueError(
            f"{parameter} names {unknown[0]!r}, which is not a column of X. "
            f"X has {names}."
        )
    places = {names.index(item) if by_name else item for item in asked.tolist()}
    return [j in places for j in range(len(names))]


def _as_count(column: Column) -> Column:
    """Return a column of numbers as one of counts."""
    if column.categories is not None:
        raise ValueError(
            f"Column {column.name!r} is among count_features, and holds categories "
            f"such as {column.categories[0]!r}: counts are numbers."
        )
    return replace(column, whole=True, count=True)


def _learn(name, cells, categorical: bool | None) -> Column:
    """Find out what a column is, from its cells."""
    if categorical is not True and is_number(cells, name):
        series = isinstance(cells, nw.Series)
        empty = series and bool(np.isnan(numbers_of(cells, name)).all())
        return Column(name, whole=series and cells.dtype.is_integer(), empty=empty)
    if categorical is False:
        raise ValueError(
            f"Column {name!r} has dtype {cells.dtype} and is not among the categorical "
            "ones. Use categorical_features='from_dtype', or name it there, or encode "
            "it first, for example with OrdinalEncoder."
        )
    categories = categories_of(cells, name)
    return Column(name, categories=categories or None, empty=not categories)
