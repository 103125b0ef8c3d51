"""Priors p(z) and p(z|y): what the codes are made to look like.

Letters: B batch, k code size, m classes. A prior is a module whose ``forward(y=None)``
returns a `torch.distributions.Distribution` over codes: of batch shape () without
labels, of batch shape (B,) for labels y of shape (B,). They draw as torch
does, without a generator: a seeded scope around them has one of the model's own.

To add a prior: a class here with its row in `PRIORS`, its moments in
``tests/priors/test_priors.py``.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any

from torch.distributions import Distribution

from sklearn_aae.priors._classes import (
    Categorical,
    GaussianMixture,
    IndependentStyle,
    LabelAndStyle,
    SwissRoll,
)
from sklearn_aae.priors._columns import Gamma, Gaussian, Laplace, Uniform
from sklearn_aae.priors._own import FromCallable, FromDistribution
from sklearn_aae.priors._prior import Prior

__all__ = [
    "PRIORS",
    "Categorical",
    "FromCallable",
    "FromDistribution",
    "Gamma",
    "Gaussian",
    "GaussianMixture",
    "IndependentStyle",
    "LabelAndStyle",
    "Laplace",
    "Prior",
    "SwissRoll",
    "Uniform",
    "as_prior",
    "is_conditional",
]

PRIORS: dict[str, type[Prior]] = {
    "gaussian": Gaussian,
    "uniform": Uniform,
    "laplace": Laplace,
    "gamma": Gamma,
    "gaussian_mixture": GaussianMixture,
    "swiss_roll": SwissRoll,
    "categorical": Categorical,
}


def is_conditional(prior) -> bool:
    """Whether the `prior` parameter names one whose components are given to classes."""
    if isinstance(prior, str):
        return prior in PRIORS and PRIORS[prior].conditional
    return isinstance(prior, Prior) and prior.n_classes is not None


def as_prior(
    prior: str | Prior | Distribution | Callable[..., Any],
    n_components: int,
    class_prior: Sequence[float] | None = None,
) -> Prior:
    """Turn the `prior` parameter of an estimator into a module.

    Parameters
    ----------
    prior : str, Prior, torch Distribution or callable
        Key of `PRIORS`, or an object.

    n_components : int
        Number of columns of a code.

    class_prior : sequence of float, default=None
        Shares of the classes of y; a named prior with components then has one for
        each class.

    Returns
    -------
    prior : Prior

    Raises
    ------
    ValueError
        If its dimension is not `n_components`, or it has too few components.

    Examples
    --------
    >>> from torch.distributions import StudentT
    >>> from sklearn_aae.priors import Gaussian, as_prior
    >>> as_prior("gaussian_mixture", 2, class_prior=[0.9, 0.1])
    GaussianMixture(n_classes=2, weights=[0.9, 0.1])
    >>> as_prior(StudentT(3.0), n_components=2).draw(5).shape
    torch.Size([5, 2])
    >>> as_prior(Gaussian(3), n_components=2)
    Traceback (most recent call last):
        ...
    ValueError: The prior has 3 dimensions but n_components=2. Make them equal.
    """
    if isinstance(prior, str):
        kind = PRIORS[prior]
        if kind is Categorical and n_components < 2:
            raise ValueError(
                "prior='categorical' needs n_components of at least 2: one for each "
                f"category. Got {n_components}."
            )
        options = {}
        if class_prior is not None and kind.conditional:
            p = list(class_prior)
            options = {"n_classes": len(p), "weights": p}
        return kind(n_components, **options)
    if isinstance(prior, type):
        raise ValueError(
            f"The prior must be an object, not a class. Pass {prior.__name__}(...)."
        )
    if isinstance(prior, Distribution):
        return FromDistribution(prior, n_components)
    if not isinstance(prior, Prior):
        return FromCallable(prior, n_components)
    if prior.n_components != n_components:
        raise ValueError(
            f"The prior has {prior.n_components} dimensions but n_components="
            f"{n_components}. Make them equal."
        )
    if class_prior is not None and (prior.n_classes or 0) not in (
        0,
        len(class_prior),
    ):
        raise ValueError(
            f"The prior has {prior.n_classes} components but y has "
            f"{len(class_prior)} classes. Give it one component for each class."
        )
    # The parameters of the user's own can change after a fit.
    return copy.deepcopy(prior) if prior.get_params() else prior
