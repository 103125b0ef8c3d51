"""Which columns a parameter names: by a mask, by their numbers or by their names."""

from collections.abc import Sequence
from typing import Any

import numpy as np

# Which columns are categorical: a rule, or some of them, or none.
CategoricalFeatures = (
    str | Sequence[bool] | Sequence[int] | Sequence[str] | dict[Any, Sequence] | None
)


def check_declared(declared: dict, names: list) -> dict:
    """Return the categories of some columns, or raise ValueError if they cannot be.

    Parameters
    ----------
    declared : dict
        Categories by name of the column.

    names : list
        Of all columns.
    """
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


def choose(
    chosen, names: list, parameter: str = "categorical_features"
) -> list[bool | None]:
    """Return for each column whether it is among the chosen; None leaves it open.

    Parameters
    ----------
    chosen : str, mask, indices, names or None
        Text leaves all open.

    names : list
        Of all columns.

    parameter : str, default="categorical_features"
        Who names them, for the message.

    Raises
    ------
    ValueError
        If a column is not there.
    """
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
