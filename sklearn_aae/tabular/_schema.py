"""What is known of a table's columns."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TableSchema:
    """The columns that enter and leave the networks.

    Attributes
    ----------
    n_features : int
        Number of columns d.

    n_varying : int
        Number of columns that are not constant; at least 1.

    total_variance : float
        Variance of the scaled training rows, summed over columns.
    """

    n_features: int
    n_varying: int
    total_variance: float
