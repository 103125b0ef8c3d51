"""What codes are played against: critics, divergences, and the phases of a training."""

import copy
from collections.abc import Sequence

import torch
from torch import nn

from sklearn_aae.critics import CellCritic, Critic
from sklearn_aae.estimators._images import image_layers
from sklearn_aae.estimators._networks import (
    hidden_sizes,
    make_columns,
    reconstruction_weight,
)
from sklearn_aae.estimators._parameters import check_sizes
from sklearn_aae.nn import ImageLayers
from sklearn_aae.priors import Prior
from sklearn_aae.tabular import TableSchema
from sklearn_aae.training import (
    DIVERGENCES,
    FoolCritic,
    Phase,
    Reconstruct,
    TrainCritic,
    TrainLabelCritic,
)

# Phases of the adversaries' other side, which have a rate of their own.
CRITICS = (TrainCritic.name, TrainLabelCritic.name)


def make_critic(
    estimator,
    schema: TableSchema,
    width: int,
    n_classes: int = 0,
    images: ImageLayers | None = None,
) -> Critic:
    """Build D(z), or D(z, y) for labels of `n_classes`, on codes of `width` columns.

    Or D(x), of pictures if `images` says their shape.
    """
    own = check_sizes(estimator, "critic_hidden_layer_sizes")
    return Critic(
        width,
        hidden_sizes(estimator, schema) if own is None else own,
        activation=estimator.activation,
        n_classes=n_classes,
        images=images,
    )


def make_cell_critic(estimator, schema: TableSchema) -> CellCritic:
    """Build what spots cells of other rows."""
    return CellCritic(
        schema.n_features,
        hidden_sizes(estimator, schema),
        activation=estimator.activation,
        columns=make_columns(schema),
        images=image_layers(estimator),
    )


def make_phases(estimator, schema: TableSchema) -> list[Phase]:
    """Return reconstruction and what the regularizer adds, in the paper's order."""
    phases: list[Phase] = [
        Reconstruct(
            weight=reconstruction_weight(estimator.n_components),
            n_columns=schema.n_varying,
        )
    ]
    return [*phases, *make_regularizer(estimator)]


def make_regularizer(estimator) -> list[Phase]:
    """Return what pulls codes, or styles, to their prior."""
    strength = float(estimator.regularization_strength)
    if estimator.regularizer == "adversarial":
        return make_adversaries(estimator, TrainCritic, FoolCritic, strength)
    if estimator.regularizer is not None:
        return [DIVERGENCES[estimator.regularizer](weight=strength)]
    return []


def make_adversaries(
    estimator,
    critic: type[TrainCritic],
    generator: type[FoolCritic],
    strength: float,
) -> list[Phase]:
    """Return the two sides of a game, as the estimator's parameters say."""
    loss, penalty = estimator.adversarial_loss, estimator.gradient_penalty_type
    if penalty == "auto":
        penalty = "wgan_gp" if loss == "wasserstein" else "r1_r2"
    weight = float(estimator.gradient_penalty)
    return [
        critic(objective=loss, penalty=penalty, penalty_weight=weight),
        generator(weight=strength, objective=loss),
    ]


def make_opponents(
    estimator, schema: TableSchema, prior: Prior, n_classes: int = 0
) -> dict[str, nn.Module]:
    """Return what the codes are played against: a critic, or the density of a prior.

    Parameters
    ----------
    estimator : BaseAutoencoder
        Whose parameters count.

    schema : TableSchema
        What the columns hold.

    prior : Prior
        What codes are made to look like.

    n_classes : int, default=0
        Number of labels that the critic sees.
    """
    if estimator.regularizer == "adversarial":
        return {"critic": make_critic(estimator, schema, prior.n_components, n_classes)}
    if estimator.regularizer == "kl":
        _check_density(prior)
        return {"prior": copy.deepcopy(prior)}
    return {}


def has_density(prior: Prior) -> bool:
    """Whether the prior has a density that is positive everywhere."""
    far = torch.full((1, prior.n_components), 1e3)
    try:
        log_prob = torch.stack([prior(None).log_prob(sign * far) for sign in (1, -1)])
    except (NotImplementedError, ValueError):  # torch refuses points outside a support
        return False
    return prior.support == "real" and bool(log_prob.isfinite().all())


def _check_density(prior: Prior) -> None:
    """Raise ValueError if the prior lacks a density that is positive everywhere."""
    if not has_density(prior):
        raise ValueError(
            "regularizer='kl' needs a prior whose density is positive everywhere, such "
            "as 'gaussian', 'laplace' or 'gaussian_mixture'. Use one of them, or "
            "regularizer='adversarial', 'mmd' or 'sliced_wasserstein'."
        )


def learning_rates(
    estimator, phases: Sequence[Phase], unit: float = 1.0
) -> dict[str, float]:
    """Return the rate of each phase by its name.

    Adam forgets the scale of a loss. Where a phase has an optimiser of its own
    (update="alternating"), its strength acts through the rate instead.

    Parameters
    ----------
    estimator : BaseModel
        Whose parameters count.

    phases : sequence of Phase
        The phases of the whole training.

    unit : float, default=1.0
        What strengths are measured by; 0 counts as 1.
    """
    rate = estimator.learning_rate
    rates = dict.fromkeys(CRITICS, estimator.critic_learning_rate or rate)
    if estimator.update == "alternating":
        others = [p for p in phases if p.name not in (*CRITICS, Reconstruct.name)]
        rates |= {phase.name: rate * phase.weight / (unit or 1.0) for phase in others}
    return rates
