"""Ground: the distributions that torch lacks.

All are ordinary `torch.distributions.Distribution` objects.
"""

from sklearn_aae.distributions._codes import (
    Deterministic,
    Drawn,
    Implicit,
    LabelAndStyle,
    LabelStylePosterior,
    ReparametrizedNormal,
    SwissRoll,
    first_rows,
)
from sklearn_aae.distributions._counts import Counts
from sklearn_aae.distributions._rows import (
    Columns,
    IndependentCells,
    RowDistribution,
    UnitGaussian,
)

__all__ = [
    "Columns",
    "Counts",
    "Deterministic",
    "Drawn",
    "Implicit",
    "IndependentCells",
    "LabelAndStyle",
    "LabelStylePosterior",
    "ReparametrizedNormal",
    "RowDistribution",
    "SwissRoll",
    "UnitGaussian",
    "first_rows",
]
