"""The engine: recipes of networks and phases, trained by one loop."""

from sklearn_aae.training._batches import Batch, Batches
from sklearn_aae.training._criterion import criterion
from sklearn_aae.training._engine import NonFiniteLossError
from sklearn_aae.training._jobs import Job
from sklearn_aae.training._net import AAENet
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
from sklearn_aae.training._trainer import COLLECTOR, Cancelled, train, train_jobs

__all__ = [
    "COLLECTOR",
    "DIVERGENCES",
    "SCHEDULES",
    "UPDATES",
    "AAENet",
    "Batch",
    "Batches",
    "Cancelled",
    "FoolCritic",
    "Job",
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
    "train",
    "train_jobs",
    "train_step",
]
