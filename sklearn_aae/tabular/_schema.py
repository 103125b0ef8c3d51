"""What the networks need to know of a table's columns."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class TableSchema:
    """The columns that enter and leave the networks.

    Attributes
    ----------
    n_categories : tuple of int
        For each of the d columns, 0 for a numeric one.

    n_varying : int
        Number of columns that are not constant; at least 1.

    means : tuple of float
        Of the scaled cells of numeric columns; 0 for the others.

    incomplete : tuple of bool
        Whether a column has missing cells.

    weights : tuple of float
        Factor of a column in the reconstruction: 1 for numbers; for a categorical
        column ½ over its entropy, times its Gini impurity; ½ over what there is to
        learn of a column of counts. Counts then weigh as much as a number of variance
        1, and categories as their one-hot columns, whose variance is that impurity:
        a rare category adds little.

    total_variance : float
        Variance of the scaled cells, summed over columns; a categorical column counts
        by its Gini impurity, and each times its fraction of observed cells.

    counts : tuple of (float, float) or None
        For a column of counts, mean and standard deviation of log(1 + x); else None.

    constants : tuple of float or None
        For a column without variance, its scaled cell; else None. The networks learn
        nothing of such a column, so the encoders see this constant whatever it holds.
    """

    n_categories: tuple[int, ...]
    n_varying: int
    means: tuple[float, ...]
    incomplete: tuple[bool, ...]
    weights: tuple[float, ...]
    total_variance: float
    counts: tuple[tuple[float, float] | None, ...] = ()
    constants: tuple[float | None, ...] = ()

    @property
    def n_features(self) -> int:
        """Number of columns d."""
        return len(self.n_categories)

    @property
    def n_digits(self) -> float:
        """How much goes in: numbers count 1, m categories log2(m), their digits."""
        return sum(math.log2(max(m, 2)) for m in self.n_categories)

    @property
    def plain(self) -> bool:
        """Whether all columns are plain and complete numbers."""
        return not (any(self.n_categories) or any(self.incomplete) or any(self.counts))
