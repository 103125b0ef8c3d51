"""What a model is made of: prior, networks, and the phases of its training."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import nn

from sklearn_aae.estimators._rows import Rows
from sklearn_aae.priors import Prior
from sklearn_aae.training import AAENet, Batch, Batches, Phase

MakeBatches = Callable[[Rows, int], Batches]


@dataclass(frozen=True)
class Stage:
    """A part of a training with phases, batches and a learning rate schedule.

    Attributes
    ----------
    phases : sequence of Phase
        The losses, in the paper's order.

    make_batches : callable
        Returns the steps of an epoch for scaled rows and a seed.

    fraction : float
        Of the epochs.
    """

    phases: Sequence[Phase]
    make_batches: MakeBatches
    fraction: float = 1.0


@dataclass(frozen=True)
class ModelSpec:
    """What a model is made of; an estimator's ``_make_spec(data)`` returns one.

    Attributes
    ----------
    prior : Prior
        What codes, or the styles in them, are made to look like.

    make_networks : callable
        Returns new networks by name; called once for each restart, within its seed.

    phases : sequence of Phase
        All losses, in the paper's order.

    make_batches : callable
        Returns the steps of an epoch for scaled rows and a seed.

    make_validation : callable
        Returns the rows that a net is evaluated by, as one batch.

    answers : mapping of str to str or None
        The networks that answer after the training, each with the public attribute that
        holds it.

    stages : sequence of Stage
        Parts of the training, where it has several.

    unit : float
        Weight that those of other phases are measured by, where each phase has an
        optimiser of its own.

    usual_loss : float
        The highest ordinary value of the criterion. A model that knows nothing misses
        all variance, and its codes lie apart.

    fitted_prior : callable or None
        Returns the prior of a trained net, if that is another one.

    neighbors : callable or None
        Returns the numbers of each training row's neighbours, where there is a graph.
    """

    prior: Prior
    make_networks: Callable[[], dict[str, nn.Module]]
    phases: Sequence[Phase]
    make_batches: MakeBatches
    make_validation: Callable[[Rows, int], Batch]
    answers: Mapping[str, str | None] = field(
        default_factory=lambda: {"encoder": "encoder_", "decoder": "decoder_"}
    )
    stages: Sequence[Stage] = ()
    unit: float = 1.0
    usual_loss: float = 2.0
    fitted_prior: Callable[[AAENet], Prior] | None = None
    neighbors: Callable[[], np.ndarray] | None = None

    def split(self, n_epochs: int) -> list[tuple[Stage, int]]:
        """Return the stages of a training of `n_epochs`, each with its epochs.

        Too few epochs to give each stage one are a single stage of all phases.
        """
        stages = self.stages
        if not stages or n_epochs < len(stages):
            return [(Stage(self.phases, self.make_batches), n_epochs)]
        parts, left = [], n_epochs
        for i, stage in enumerate(stages, 1):
            most = left - (len(stages) - i)  # each one that follows gets an epoch
            n = most if i == len(stages) else round(stage.fraction * n_epochs)
            n = min(max(n, 1), most)
            parts.append((stage, n))
            left -= n
        return parts
