"""The engine: recipes of networks and phases, trained by one loop."""

from sklearn_aae.training._batches import Batch, Batches
from sklearn_aae.training._criterion import criterion
from sklearn_aae.training._net import AAENet, NonFiniteLossError
from sklearn_aae.training._optim import SCHEDULES
from sklearn_aae.training._phases import (
    DIVERGENCES,
    FoolCritic,
    MatchKL,
    MatchMMD,
    MatchSlices,
    Phase,
    Reconstruct,
    TrainCritic,
)
from sklearn_aae.training._recipe import UPDATES, Player, Recipe
from sklearn_aae.training._step import train_step

__all__ = [
    "DIVERGENCES",
    "SCHEDULES",
    "UPDATES",
    "AAENet",
    "Batch",
    "Batches",
    "FoolCritic",
    "MatchKL",
    "MatchMMD",
    "MatchSlices",
    "NonFiniteLossError",
    "Phase",
    "Player",
    "Recipe",
    "Reconstruct",
    "TrainCritic",
    "criterion",
    "train_step",
]
