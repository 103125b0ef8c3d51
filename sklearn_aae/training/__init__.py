"""The engine: recipes of networks and phases, trained by one loop."""

from sklearn_aae.training._batch import Batch
from sklearn_aae.training._batches import Batches, Generated
from sklearn_aae.training._callbacks import check_callbacks
from sklearn_aae.training._companions import (
    WithLabelled,
    WithLabelledAndNeighbours,
    WithNeighbours,
)
from sklearn_aae.training._criterion import criterion
from sklearn_aae.training._engine import NonFiniteLossError
from sklearn_aae.training._jobs import Job, error_of_one
from sklearn_aae.training._label_phases import (
    Agree,
    Classify,
    FoolLabelCritic,
    PartHeads,
    Smooth,
    Spread,
    TrainLabelCritic,
)
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
    SpotCells,
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
    "Agree",
    "Batch",
    "Batches",
    "Cancelled",
    "Classify",
    "FoolCritic",
    "FoolLabelCritic",
    "Generated",
    "Job",
    "MatchKL",
    "MatchMMD",
    "MatchSlices",
    "NonFiniteLossError",
    "PartHeads",
    "Phase",
    "Player",
    "Recipe",
    "Reconstruct",
    "Smooth",
    "SpotCells",
    "Spread",
    "TrainCritic",
    "TrainLabelCritic",
    "WithLabelled",
    "WithLabelledAndNeighbours",
    "WithNeighbours",
    "check_callbacks",
    "criterion",
    "error_of_one",
    "train",
    "train_jobs",
    "train_step",
]
