"""Successive halving of restarts: which of them train on, and how a training is cut.

After each of the shares `RUNGS` of all epochs, over the stages of a training, the worse
half of the restarts leave. The others train on as if nothing had happened: epochs,
learning rates and random streams are those of a training in one piece, and so is what
it ends with.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from sklearn_aae.estimators._spec import Stage
from sklearn_aae.training import AAENet

# Shares of the epochs after which half of the restarts leave.
RUNGS = (1 / 4, 1 / 2)


class Part(NamedTuple):
    """A part of a training: a stage, or what lies between two rungs of it.

    Attributes
    ----------
    stage : Stage
        What it is a part of.

    n_epochs : int
        Of the stage.

    begin, end : int
        Epochs of the stage before the part, and with it.

    n_kept : int or None
        How many restarts train on after it, at most; None for all.
    """

    stage: Stage
    n_epochs: int
    begin: int
    end: int
    n_kept: int | None


def plan_rungs(n_epochs: int, n_restarts: int) -> dict[int, int]:
    """Return how many restarts are left after which numbers of epochs."""
    rungs, n_left = {}, n_restarts
    for share in RUNGS:
        epoch, n_kept = math.ceil(share * n_epochs), math.ceil(n_left / 2)
        if epoch < n_epochs and n_kept < n_left:
            rungs[epoch] = n_left = n_kept
    return rungs


def cut(
    stages: Sequence[tuple[Stage, int]], rungs: Mapping[int, int]
) -> Iterator[Part]:
    """Yield the parts of a training: its stages, cut at the rungs."""
    start = 0
    for stage, n_epochs in stages:
        inside = {rung - start for rung in rungs if start < rung < start + n_epochs}
        for begin, end in pairwise(sorted({0, *inside, n_epochs})):
            yield Part(stage, n_epochs, begin, end, rungs.get(start + end))
        start += n_epochs


def best_of(
    nets: Sequence[AAENet], n_kept: int | None, criterion: Callable[[AAENet], float]
) -> list[AAENet]:
    """Return the nets of the lowest criterion, in the order given."""
    if n_kept is None or len(nets) <= n_kept:
        return list(nets)
    found = [criterion(net) for net in nets]
    kept = sorted(sorted(range(len(nets)), key=found.__getitem__)[:n_kept])
    return [nets[i] for i in kept]
