"""The engine: recipes of networks and phases, trained by one loop."""

from sklearn_aae.training._callbacks import check_callbacks
from sklearn_aae.training._checkpoint import Place
from sklearn_aae.training._jobs import Job, error_of_one
from sklearn_aae.training._loop import NonFiniteLossError, Watcher
from sklearn_aae.training._net import AAENet
from sklearn_aae.training._optim import SCHEDULES, known_to, load_state, state_of
from sklearn_aae.training._recipe import UPDATES, Recipe
from sklearn_aae.training._step import train_step
from sklearn_aae.training._trainer import COLLECTOR, Cancelled, train, train_jobs
from sklearn_aae.training.data._batch import Batch
from sklearn_aae.training.data._batches import Batches, GANBatches
from sklearn_aae.training.data._companions import (
    LabelledBatches,
    LabelledNeighborBatches,
    NeighborBatches,
)
from sklearn_aae.training.losses._criterion import criterion, unexplained
from sklearn_aae.training.losses._label_phases import (
    BalanceClusters,
    Classify,
    Distill,
    FoolLabelCritic,
    NeighborAgreement,
    SeparateHeads,
    TrainLabelCritic,
    VirtualAdversarial,
)
from sklearn_aae.training.losses._phases import (
    DIVERGENCES,
    FitDecoder,
    FoolCritic,
    MatchKL,
    MatchMMD,
    MatchSlices,
    OptimizerGroup,
    Phase,
    Reconstruct,
    TrainCritic,
    TrainGenerator,
    TrainRowCritic,
)
from sklearn_aae.training.losses._replacement import (
    DetectReplacedCells,
    DetectReplacedPatches,
)

__all__ = [
    "COLLECTOR",
    "DIVERGENCES",
    "SCHEDULES",
    "UPDATES",
    "AAENet",
    "BalanceClusters",
    "Batch",
    "Batches",
    "Cancelled",
    "Classify",
    "DetectReplacedCells",
    "DetectReplacedPatches",
    "Distill",
    "FitDecoder",
    "FoolCritic",
    "FoolLabelCritic",
    "GANBatches",
    "Job",
    "LabelledBatches",
    "LabelledNeighborBatches",
    "MatchKL",
    "MatchMMD",
    "MatchSlices",
    "NeighborAgreement",
    "NeighborBatches",
    "NonFiniteLossError",
    "OptimizerGroup",
    "Phase",
    "Place",
    "Recipe",
    "Reconstruct",
    "SeparateHeads",
    "TrainCritic",
    "TrainGenerator",
    "TrainLabelCritic",
    "TrainRowCritic",
    "VirtualAdversarial",
    "Watcher",
    "check_callbacks",
    "criterion",
    "error_of_one",
    "known_to",
    "load_state",
    "state_of",
    "train",
    "train_jobs",
    "train_step",
    "unexplained",
]
