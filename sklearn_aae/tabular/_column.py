"""One column of a table, and the way from its cells to numbers and back."""

from dataclasses import dataclass, field, replace
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from sklearn_aae.tabular._cells import (
    categories_of,
    codes_of,
    is_number,
    numbers_of,
    python_numbers,
)
from sklearn_aae.tabular._layouts import Cells, decimals, integers
from sklearn_aae.tabular._numbers import all_whole, check_counts

# The first float that is out of int64.
HUGE = 2.0**63
# Digits of a Decimal in an untyped column: as many as the widest type of Arrow has.
MOST_DIGITS = 76


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

    whole_inferred : bool
        Whether `whole` was inferred from the cells, not from the dtype, so that later
        rows may differ.

    python_type : {"float", "int", "Decimal"}
        Type of the numbers of a column that holds objects of Python.

    places : int
        Of those that are Decimal, the most digits after the point.

    count : bool
        Whether the numbers are counts, which have a likelihood of their own.

    empty : bool
        Whether all cells of the training rows are missing.

    low, high : float
        Smallest and largest number of the training rows; NaN if there is none.

    category_counts : tuple of float
        How many training rows have each category; empty until they are counted.
    """

    name: Any
    categories: tuple | None = None
    whole: bool = False
    whole_inferred: bool = False
    python_type: str = "float"
    places: int = 0
    count: bool = False
    empty: bool = False
    low: float = np.nan
    high: float = np.nan
    category_counts: tuple[float, ...] = field(default=(), repr=False)

    @property
    def seen_categories(self) -> tuple:
        """The categories that training rows have."""
        some = zip(self.categories or (), self.category_counts, strict=False)
        return tuple(category for category, n in some if n)

    @property
    def never_seen(self) -> bool:
        """Whether the training rows have been looked at, and none has a cell."""
        if self.categories is None:
            return bool(np.isnan(self.low))
        return len(self.category_counts) > 0 and not any(self.category_counts)

    def encode(self, cells) -> np.ndarray:
        """Return numbers, or numbers of categories; NaN for missing and unknown."""
        if self.empty:
            return np.full(len(cells), np.nan)
        if self.categories is None:
            numbers = numbers_of(cells, self.name)
            return check_counts(numbers, self.name) if self.count else numbers
        return codes_of(cells, self.categories, self.name)

    def decode(self, values: np.ndarray, clip: bool) -> Cells:
        """Return cells for what `encode` returns."""
        if self.never_seen:
            return Cells(np.full(len(values), None))
        missing = np.isnan(values)
        if missing.any():
            any_ = 0.0 if self.categories is not None else self.low
            cells = self.decode(np.where(missing, any_, values), clip)
            return replace(cells, missing=missing)
        if self.categories is not None:
            return Cells(values, self.categories)
        values = np.rint(values) + 0.0 if self.whole else values  # no -0.0
        high = self.high
        if self.whole and high >= HUGE:  # rounded up, it may be out of its dtype
            high = np.nextafter(high, 0)
        # An integer out of its range may not fit its dtype.
        if clip or (self.whole and not self.whole_inferred):
            values = values.clip(self.low, high)
        if self.python_type == "int":
            return Cells(integers(values).astype(object))
        if self.python_type == "Decimal":
            exact = decimals(values, MOST_DIGITS, self.places)
            return Cells(np.array(exact, dtype=object))
        return Cells(values)

    def as_counts(self) -> "Column":
        """Return a column of numbers as one of counts."""
        if self.categories is not None:
            raise ValueError(
                f"Column {self.name!r} is among count_features, and holds categories "
                f"such as {self.categories[0]!r}: counts are numbers."
            )
        return replace(self, whole=True, whole_inferred=False, count=True)


def learn_column(name, cells, categorical: bool | None, *, own_dtype: bool) -> Column:
    """Return the type of a column, found from its cells.

    Parameters
    ----------
    name : object
        Of the column.

    cells : Series or ndarray of shape (n_samples,)
        Cells.

    categorical : bool or None
        Whether it is to hold categories; None leaves it to its dtype.

    own_dtype : bool
        Whether the dtype is that of the column alone, as in a frame; False in arrays.

    Raises
    ------
    ValueError
        If it holds neither numbers nor one kind of categories, or not what is asked.
    """
    if categorical is not True and is_number(cells, name):
        return _learn_number(name, cells, own_dtype=own_dtype)
    if categorical is False:
        raise ValueError(
            f"Column {name!r} has dtype {cells.dtype} and is not among the categorical "
            "ones: a list has all of them. Add it to the list, or use "
            "categorical_features='from_dtype', or a dict {name: [categories]}, which "
            "adds to those, or encode it first, for example with OrdinalEncoder."
        )
    categories = categories_of(cells, name)
    return Column(name, categories=categories or None, empty=not categories)


def _learn_number(name, cells, *, own_dtype: bool) -> Column:
    """Return a column of numbers: whether they are whole, and their Python type."""
    series = isinstance(cells, nw.Series)
    untyped = isinstance(cells.dtype, nw.Object) if series else cells.dtype == object
    if not own_dtype and not untyped:  # the dtype is of the whole array
        return Column(name)
    numbers = numbers_of(cells, name)
    missing = np.isnan(numbers)
    empty = own_dtype and bool(missing.all())
    native = getattr(cells.to_native() if series else cells, "dtype", None)
    # Also of a dtype that narwhals does not know: a sparse column.
    integer = series and cells.dtype.is_integer()
    if integer or getattr(native, "kind", "f") in "iu":
        return Column(name, whole=True, empty=empty)
    kind, places = python_numbers(cells) if untyped else ("float", 0)
    # Whole numbers become floats where cells are missing: most tables have no others.
    exact = isinstance(cells.dtype, nw.Decimal) or kind == "Decimal"
    some = bool(missing.any() and not missing.all())
    whole = kind == "int" or (some and not exact and all_whole(numbers))
    return Column(
        name,
        whole=whole,
        whole_inferred=whole,
        python_type=kind,
        places=places,
        empty=empty,
    )
