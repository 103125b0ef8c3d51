"""What each column of a table is, and the way from its cells to numbers and back."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from numbers import Number
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from scipy.sparse import issparse

from sklearn_aae.tabular._cells import categories_of, is_present
from sklearn_aae.tabular._choices import CategoricalFeatures, check_declared, choose
from sklearn_aae.tabular._column import Column, learn_column
from sklearn_aae.tabular._dtypes import native_value, plain_value
from sklearn_aae.tabular._frames import as_frame
from sklearn_aae.tabular._layouts import layout_of, rebuild
from sklearn_aae.tabular._numbers import all_whole, check_counts, decimal_places
from sklearn_aae.tabular._statistics import extent
from sklearn_aae.tabular._tables import as_table


class TableColumns:
    """The columns of a table, and the way from the table to numbers and back.

    Parameters
    ----------
    columns : sequence of Column
        In order.

    layout : dict or None, default=None
        Kind, names and dtypes of the training frame, as plain values; None if there was
        an array.

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn_aae.tabular import TableColumns
    >>> table = pd.DataFrame({"size": [1.5, 2.5], "colour": ["red", "blue"]})
    >>> columns = TableColumns.learn(table, "from_dtype")
    >>> columns.n_categories  # 0 for numbers
    (0, 2)
    >>> numbers = columns.encode(table)
    >>> numbers.tolist()
    [[1.5, 1.0], [2.5, 0.0]]
    >>> columns.with_ranges_of(numbers).decode(numbers, clip=True).equals(table)
    True
    """

    def __init__(self, columns: Sequence[Column], layout: dict | None = None):
        self.columns, self.layout = list(columns), layout

    def __getstate__(self) -> dict:
        """Return plain values, that any format can store and any version read."""
        columns = [
            {key: plain_value(value) for key, value in vars(column).items()}
            for column in self.columns
        ]
        return {"columns": columns, "layout": self.layout}

    def __setstate__(self, state: dict) -> None:
        """Take over what `__getstate__` returned."""
        self.columns = [
            Column(**{key: native_value(value) for key, value in column.items()})
            for column in state["columns"]
        ]
        self.layout = state["layout"]

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
        """Whether a column holds categories or counts."""
        return tuple(c.count or bool(c.categories) for c in self.columns)

    @property
    def typed(self) -> bool:
        """Whether a column has categories, counts, or no value at all."""
        return any(self.discrete) or any(column.empty for column in self.columns)

    @property
    def nullable(self) -> tuple[bool, ...]:
        """Whether cells of a column may be missing in a table that comes back."""
        if self.layout is None or self.layout["kind"] != "pandas":
            return (True,) * len(self)
        # NumPy's booleans and integers have no missing value.
        plain = ["|b", "<i", "<u", ">i", ">u", "|i", "|u"]
        return tuple(str(dtype)[:2] not in plain for dtype in self.layout["dtypes"])

    @classmethod
    def all_numeric(cls, n_features: int) -> "TableColumns":
        """Return the columns of an array of numbers."""
        return cls([Column(j) for j in range(n_features)])

    @staticmethod
    def is_numeric_array(
        X: Any,
        categorical_features: CategoricalFeatures,
        count_features: Any = None,
    ) -> bool:
        """Whether X is no frame, and no column of it is declared to be of some kind.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows.

        categorical_features : "from_dtype", mask, indices, names, dict or None
            See `learn`.

        count_features : mask, indices, names or None, default=None
            See `learn`.
        """
        rule = categorical_features
        if count_features is not None or not (rule is None or isinstance(rule, str)):
            return False
        return as_frame(as_table(X)) is None

    @classmethod
    def learn(
        cls,
        X: Any,
        categorical_features: CategoricalFeatures,
        count_features: Any = None,
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
        if cls.is_numeric_array(X, categorical_features, count_features):
            return cls.all_numeric(np.asarray(X).shape[1])
        if issparse(X) and cls.is_numeric_array(X, categorical_features):
            return cls.all_numeric(X.shape[1])._with_counts(count_features)
        frame, cells = as_frame(X), _readable(X)
        declared, rule = {}, categorical_features
        if isinstance(rule, dict):
            declared, rule = check_declared(rule, list(cells)), "from_dtype"
        chosen = choose(rule, list(cells))
        columns = [
            Column(name, tuple(declared[name]))
            if name in declared
            else learn_column(name, part, categorical, own_dtype=frame is not None)
            for (name, part), categorical in zip(cells.items(), chosen, strict=True)
        ]
        layout = None if frame is None else layout_of(frame, declared)
        return cls(columns, layout)._with_counts(count_features)

    def _with_counts(self, count_features) -> "TableColumns":
        """Return columns of which those in `count_features` are counts."""
        if count_features is None:
            return self
        names = [column.name for column in self.columns]
        counted = choose(count_features, names, "count_features")
        pairs = zip(self.columns, counted, strict=True)
        return TableColumns([c.as_counts() if k else c for c, k in pairs], self.layout)

    def encode(self, X: Any) -> np.ndarray:
        """Return cells as numbers and numbers of categories, NaN where missing.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows; of a frame or array with as many columns.

        Returns
        -------
        X : ndarray or sparse matrix of shape (n_samples, n_features)
            float32 if all numbers of X are, else float64; sparse as it came.

        Raises
        ------
        ValueError
            If X has another number of columns, or cells of another kind.
        """
        if issparse(X) and not any(self.n_categories):
            return self._check_sparse(X)
        cells = list(_readable(X).values())
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
        """Return a sparse matrix in CSR format, after a check of its counts."""
        matrix = X.tocsr()
        if not matrix.has_canonical_format:
            matrix = matrix.copy()
            matrix.sum_duplicates()
        if matrix.shape[1] != len(self):
            raise ValueError(
                f"X has {matrix.shape[1]} columns, but there were {len(self)} in fit."
            )
        cells = matrix.data
        wrong = np.array(self.counts)[matrix.indices]
        wrong &= (cells < 0) | (cells != np.floor(cells))
        for place in np.flatnonzero(wrong)[:1]:  # the message is of the first
            name = self.columns[matrix.indices[place]].name
            check_counts(cells[place : place + 1], name)
        return matrix

    def unknown(self, X: Any) -> np.ndarray:
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
                unknown[:, j] = open_ & is_present(cells[j]) if open_.any() else False
        return unknown

    def with_categories_of(self, X: Any) -> "TableColumns":
        """Return columns that have the categories of further rows, too.

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
        pairs = zip(self.columns, _cells(X), strict=True)
        for j, (column, (_, cells)) in enumerate(pairs):
            if column.empty:
                columns[j] = learn_column(
                    column.name,
                    cells,
                    None,
                    own_dtype=as_frame(as_table(X)) is not None,
                )
            elif column.categories is not None:
                column.encode(cells)  # raises if they are of another kind
                found = categories_of(cells, column.name)
                union = dict.fromkeys([*column.categories, *found])
                columns[j] = replace(column, categories=tuple(union))
        return TableColumns(columns, self.layout)

    def with_ranges_of(self, X: np.ndarray) -> "TableColumns":
        """Return columns whose ranges and digits include further encoded rows.

        Parameters
        ----------
        X : ndarray or SparseTable of shape (n_samples, n_features)
            Rows, as `encode` returns them.
        """
        columns = list(self.columns)
        low, high, _ = extent(X)
        for j, column in enumerate(columns):
            least, most = np.fmin(column.low, low[j]), np.fmax(column.high, high[j])
            columns[j] = replace(column, low=float(least), high=float(most))
            if column.python_type == "Decimal":
                places = max(column.places, decimal_places(np.asarray(X)[:, j]))
                columns[j] = replace(columns[j], places=places)
            if column.whole_inferred and not all_whole(np.asarray(X)[:, j]):
                columns[j] = replace(
                    columns[j], whole=False, whole_inferred=False, python_type="float"
                )
        return TableColumns(columns, self.layout)

    def decode(self, X: np.ndarray, clip: bool, like: Any = None) -> Any:
        """Return a table like the training table.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Numbers and numbers of categories.

        clip : bool
            Whether numbers stay within the range of the training rows, as integers
            always do.

        like : DataFrame of shape (n_samples, n_features) or None, default=None
            Whose row labels the result gets.

        Returns
        -------
        X : DataFrame or ndarray of shape (n_samples, n_features)
            Of the training table's kind, names and dtypes.
        """
        if self.layout is None and not self.typed:
            low, high = np.array([[c.low, c.high] for c in self.columns]).T
            return X.clip(low, high) if clip else X
        cells = [c.decode(X[:, j], clip) for j, c in enumerate(self.columns)]
        if self.layout is not None:
            labels = like.index if hasattr(like, "iloc") else None
            return rebuild(self.layout, cells, labels)
        # Categories of an array may be numbers or not.
        values = [v for column in self.columns for v in column.categories or ()]
        numbers = all(isinstance(value, Number | np.bool_) for value in values)
        rows = np.empty(X.shape, dtype=X.dtype if numbers else object)
        for j, part in enumerate(cells):
            rows[:, j] = part.listed()
        return rows


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


def _readable(X) -> dict[Any, Any]:
    """Return cells by the names of the columns, those of plain numbers as arrays."""
    X = as_table(X)
    frame = as_frame(X)
    if frame is None:
        return dict(_cells(X))
    plain = _plain_numbers(frame)
    return {
        name: plain[j] if j in plain else frame[:, j]
        for j, name in enumerate(frame.columns)
    }


def _plain_numbers(frame: nw.DataFrame) -> dict[int, np.ndarray]:
    """Return the columns of numbers that are NumPy's as arrays, by their places.

    Columns of one dtype are read together: to read thousands one by one takes longer
    than to train.
    """
    kinds: dict[str, list] = {}
    for j, dtype in enumerate(frame.schema.values()):
        if dtype.is_float() or dtype.is_integer():
            kinds.setdefault(type(dtype).__name__.lower(), []).append(j)
    found: dict[int, np.ndarray] = {}
    for kind, places in kinds.items():
        if len(places) < 2:
            continue
        rows = frame[:, places].to_numpy()
        if str(rows.dtype) == kind:
            found |= dict(zip(places, rows.T, strict=True))
    return found
