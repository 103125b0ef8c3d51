"""Ground: adversarial objectives, gradient penalties and divergences."""

from sklearn_aae.objectives._adversarial import OBJECTIVES, Objective, row_mean
from sklearn_aae.objectives._divergences import (
    energy_distance,
    energy_distance_and_noise,
    kl,
    mmd,
    sliced_wasserstein,
)
from sklearn_aae.objectives._penalties import PENALTIES

__all__ = [
    "OBJECTIVES",
    "PENALTIES",
    "Objective",
    "energy_distance",
    "energy_distance_and_noise",
    "kl",
    "mmd",
    "row_mean",
    "sliced_wasserstein",
]
