"""Numbers that cells held: whether they are whole, counts, or of few digits."""

from decimal import Decimal

import numpy as np


def all_whole(numbers: np.ndarray) -> bool:
    """Whether numbers, those that are there, have no fraction."""
    known = numbers[~np.isnan(numbers)]
    return bool((known == np.rint(known)).all())


def decimal_places(numbers: np.ndarray) -> int:
    """Return the most digits after the point that any of some numbers has.

    Parameters
    ----------
    numbers : ndarray of shape (n_samples,)
        Numbers that were decimals, in float64; NaN where missing.
    """
    known = np.unique(numbers[~np.isnan(numbers)]).tolist()
    return most_places([Decimal(repr(number)).normalize() for number in known])


def most_places(values: list[Decimal]) -> int:
    """Return the most digits after the point that any of some decimals has."""
    finite = [value.as_tuple() for value in values if value.is_finite()]
    return max((0, *(-int(value.exponent) for value in finite)))


def check_counts(numbers: np.ndarray, name) -> np.ndarray:
    """Return numbers, if they are counts or missing.

    Parameters
    ----------
    numbers : ndarray of shape (n_samples,)
        Cells.

    name : object
        Of the column, for the message.

    Raises
    ------
    ValueError
        If a cell is below 0 or no whole number.
    """
    present = numbers[~np.isnan(numbers)]
    wrong = present[(present < 0) | (present != np.floor(present))]
    if len(wrong):
        raise ValueError(
            f"Column {name!r} is among count_features, and holds {wrong[0]:g}: counts "
            "are whole numbers from 0 on."
        )
    return numbers
