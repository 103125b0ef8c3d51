"""Adversarial objectives: two sets of logits in, one loss for each model out.

Letters: C models in a stack, B batch. ``real`` are the critic's logits D(z), z ~ p(z),
of shape (B,) or (C, B); ``fake`` those of the codes, of shape (B',) or (C, B'). The
mean over ``fake`` takes row weights that sum to 1. References: Goodfellow et al. 2014
(bce), Mao et al. 2017 (least_squares), Lim and Ye 2017 (hinge), Arjovsky et al. 2017
(wasserstein), Jolicoeur-Martineau 2019 (relativistic, over all pairs).
"""

from typing import Protocol

from torch import Tensor
from torch.nn.functional import relu, softplus


def row_mean(values: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean over the last axis, by `weight` (sums to 1) if given: () or (C,)."""
    return values.mean(-1) if weight is None else (weight * values).sum(-1)


class Objective(Protocol):
    """What the critic and the generator (the encoder) minimise.

    Both return one loss for each model, of shape () or (C,), and are finite with
    finite gradients for logits of any size.

    Attributes
    ----------
    pairs : bool
        Whether the generator reads the real logits.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.objectives import OBJECTIVES
    >>> objective = OBJECTIVES["bce"]()
    >>> undecided = torch.zeros(8)  # logits of a critic that cannot tell them apart
    >>> objective.critic(real=undecided, fake=undecided)  # 2 log 2
    tensor(1.3863)
    >>> objective.generator(real=undecided, fake=undecided)  # log 2
    tensor(0.6931)
    """

    pairs: bool

    def critic(
        self, real: Tensor, fake: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of the critic: small where real logits exceed fake ones."""
        ...

    def generator(
        self, real: Tensor, fake: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of the generator: small where fake logits exceed real ones."""
        ...


class BCE:
    """L_D = -log σ(D(z)) - log(1 - σ(D(ẑ))), L_G = -log σ(D(ẑ)) (non-saturating)."""

    pairs = False

    def critic(
        self, real: Tensor, fake: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of the critic."""
        return row_mean(softplus(-real)) + row_mean(softplus(fake), weight)

    def generator(
        self, real: Tensor, fake: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of the generator."""
        return row_mean(softplus(-fake), weight)


class LeastSquares:
    """L_D = ½(D(z) - 1)² + ½D(ẑ)², L_G = ½(D(ẑ) - 1)²."""

    pairs = False

    def critic(
        self, real: Tensor, fake: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of the critic."""
        return 0.5 * (row_mean((real - 1).square()) + row_mean(fake.square(), weight))

    def generator(
        self, real: Tensor, fake: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of the generator."""
        return 0.5 * row_mean((fake - 1).square(), weight)


class Wasserstein:
    """L_D = D(ẑ) - D(z), L_G = -D(ẑ). Needs a gradient penalty."""

    pairs = False

    def critic(
        self, real: Tensor, fake: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of the critic."""
        return row_mean(fake, weight) - row_mean(real)

    def generator(
        self, real: Tensor, fake: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of the generator."""
        return -row_mean(fake, weight)


class Hinge(Wasserstein):
    """L_D = max(0, 1 - D(z)) + max(0, 1 + D(ẑ)), L_G = -D(ẑ)."""

    def critic(
        self, real: Tensor, fake: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of the critic."""
        return row_mean(relu(1 - real)) + row_mean(relu(1 + fake), weight)


class Relativistic:
    """L_D = E softplus(D(ẑ) - D(z)), L_G = E softplus(D(z) - D(ẑ)), over all pairs."""

    pairs = True

    def critic(
        self, real: Tensor, fake: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of the critic."""
        gap = fake.unsqueeze(-2) - real.unsqueeze(-1)  # (C, B, B')
        return row_mean(softplus(gap).mean(-2), weight)

    def generator(
        self, real: Tensor, fake: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        """Loss of the generator."""
        gap = real.unsqueeze(-1) - fake.unsqueeze(-2)  # (C, B, B')
        return row_mean(softplus(gap).mean(-2), weight)


OBJECTIVES: dict[str, type[Objective]] = {
    "bce": BCE,
    "least_squares": LeastSquares,
    "hinge": Hinge,
    "wasserstein": Wasserstein,
    "relativistic": Relativistic,
}
