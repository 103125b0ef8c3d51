"""How long a training takes, and what is kept of several."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from sklearn_aae.estimators._data import TrainingData
from sklearn_aae.training import AAENet


class EpochRule(NamedTuple):
    """What max_iter="auto" is: as many epochs as make some steps, within bounds.

    Attributes
    ----------
    n_steps : int
        Number of steps.

    least, most : int
        Bounds of the number of epochs.
    """

    n_steps: int = 1000
    least: int = 10
    most: int = 100


class Evaluation(NamedTuple):
    """How good one of several trained nets is.

    Attributes
    ----------
    criterion : float
        Lower is better.

    attributes : mapping
        Fitted attributes of an estimator that keeps this net.
    """

    criterion: float
    attributes: Mapping = MappingProxyType({})


class Choice(NamedTuple):
    """What is kept of several trained nets.

    Attributes
    ----------
    nets : list of AAENet
        Those that stay.

    at : int
        Place of the one that answers.

    attributes : mapping
        Fitted attributes that the choice decides.
    """

    nets: list[AAENet]
    at: int = 0
    attributes: Mapping = MappingProxyType({})

    @property
    def best(self) -> AAENet:
        """The net that answers."""
        return self.nets[self.at]


def count_epochs(estimator, data: TrainingData) -> int:
    """Return the number of epochs of a fit."""
    if estimator.max_iter != "auto":
        return estimator.max_iter
    rule = estimator._epoch_rule(data)
    n_epochs = math.ceil(rule.n_steps / count_steps(estimator, data))
    return min(max(n_epochs, rule.least), rule.most)


def count_steps(estimator, data: TrainingData) -> int:
    """Return the number of steps of an epoch."""
    return math.ceil(len(data.rows) / estimator._rows_a_step(data.n_classes))
