"""Ground: the distributions that torch lacks.

All are ordinary `torch.distributions.Distribution` objects.
"""

from sklearn_aae.distributions._codes import (
    Deterministic,
    Drawn,
    GaussianPosterior,
    Implicit,
    LabelAndStyle,
    LabelStylePosterior,
    Posterior,
    SwissRoll,
)
from sklearn_aae.distributions._counts import Counts
from sklearn_aae.distributions._pixels import PixelGaussian, PixelLogistic
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
    "GaussianPosterior",
    "Implicit",
    "IndependentCells",
    "LabelAndStyle",
    "LabelStylePosterior",
    "PixelGaussian",
    "PixelLogistic",
    "Posterior",
    "RowDistribution",
    "SwissRoll",
    "UnitGaussian",
]
