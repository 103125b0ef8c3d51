"""Priors p(z) and p(z|y): what the codes are made to look like.

Letters: B batch, k code size, m classes. A prior is a module whose ``forward(y=None)``
returns a `torch.distributions.Distribution` over codes: of batch shape () without
labels, of batch shape (B,) for labels y of shape (B,). They draw from torch's global
generator; `draw_codes` does so inside a seeded scope.

To add a prior: a class here with its row in `PRIORS`, an entry in the conformance
list of ``tests/test_contracts.py``.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.distributions import (
    Categorical as _Categorical,
)
from torch.distributions import (
    Distribution,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    OneHotCategorical,
)
from torch.distributions import (
    Gamma as _Gamma,
)
from torch.distributions import (
    Laplace as _Laplace,
)
from torch.distributions import (
    Uniform as _Uniform,
)

from sklearn_aae.distributions import Drawn
from sklearn_aae.distributions import SwissRoll as _SwissRoll

__all__ = [
    "PRIORS",
    "Categorical",
    "FromCallable",
    "FromDistribution",
    "Gamma",
    "Gaussian",
    "GaussianMixture",
    "Laplace",
    "Prior",
    "SwissRoll",
    "Uniform",
    "as_prior",
]


class Prior(nn.Module):
    """A distribution over codes.

    Attributes
    ----------
    n_components : int
        Number of columns of a code.

    n_classes : int or None
        Number of labels y that ``forward(y)`` knows; None for no labels.

    support : {"real", "simplex"}
        Where codes may lie; "simplex" lets the encoder end in a softmax.

    conditional : bool
        Whether the prior takes `n_classes` and `weights`: one component for each class.
    """

    n_components: int
    n_classes: int | None = None
    support = "real"
    conditional = False

    def forward(self, y: Tensor | None = None) -> Distribution:
        """Return p(z), or p(z|y) of batch shape (B,)."""
        raise NotImplementedError

    def draw(self, n_samples: int, y: Tensor | None = None) -> Tensor:
        """Draw codes of shape (n_samples, n_components) by torch's global generator."""
        p = self(y)
        return p.sample(torch.Size([] if p.batch_shape else [n_samples]))


class _Factorized(Prior):
    """Equal, independent columns; a subclass names the distribution of one."""

    zeros: Tensor

    def __init__(self, n_components: int):
        super().__init__()
        self.n_components = n_components
        # Says where the prior lives: it moves with the module.
        self.register_buffer("zeros", torch.zeros(n_components), persistent=False)

    def column(self, zeros: Tensor) -> Distribution:
        """Return the distribution of each column, of the shape of `zeros`."""
        raise NotImplementedError

    def forward(self, y: Tensor | None = None) -> Distribution:
        """Return p(z)."""
        return Independent(self.column(self.zeros), 1, validate_args=False)


class Gaussian(_Factorized):
    """N(0, scale² I).

    Parameters
    ----------
    n_components : int, default=2
        Number of columns of a code.

    scale : float, default=1.0
        Standard deviation of each column.
    """

    def __init__(self, n_components: int = 2, scale: float = 1.0):
        super().__init__(n_components)
        self.scale = scale

    def column(self, zeros: Tensor) -> Distribution:
        """Return N(0, scale²)."""
        return Normal(zeros, self.scale, validate_args=False)


class Uniform(_Factorized):
    """U(-half_width, half_width) in each column.

    Parameters
    ----------
    n_components : int, default=2
        Number of columns of a code.

    half_width : float, default=√3
        Half the width; the default has variance 1.
    """

    def __init__(self, n_components: int = 2, half_width: float = math.sqrt(3)):
        super().__init__(n_components)
        self.half_width = half_width

    def column(self, zeros: Tensor) -> Distribution:
        """Return U(-half_width, half_width)."""
        # A code can lie outside; its log density is then -inf, not an error.
        return _Uniform(
            zeros - self.half_width, zeros + self.half_width, validate_args=False
        )


class Laplace(_Factorized):
    """Laplace(0, scale) in each column.

    Parameters
    ----------
    n_components : int, default=2
        Number of columns of a code.

    scale : float, default=√½
        Scale of each column; the default has variance 1.
    """

    def __init__(self, n_components: int = 2, scale: float = math.sqrt(0.5)):
        super().__init__(n_components)
        self.scale = scale

    def column(self, zeros: Tensor) -> Distribution:
        """Return Laplace(0, scale)."""
        return _Laplace(zeros, self.scale, validate_args=False)


class _WholeGamma(_Gamma):
    """A gamma distribution whose density is 0, not undefined, below 0."""

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density of any number."""
        inside = value > 0
        log_prob = super().log_prob(value.where(inside, torch.ones_like(value)))
        return log_prob.masked_fill(~inside, -math.inf)


class Gamma(_Factorized):
    """Gamma(concentration, rate) in each column: codes that are positive.

    Parameters
    ----------
    n_components : int, default=2
        Number of columns of a code.

    concentration : float, default=2.0
        Shape of each column.

    rate : float, default=√2
        Inverse scale; the defaults have variance 1.
    """

    def __init__(
        self,
        n_components: int = 2,
        concentration: float = 2.0,
        rate: float = math.sqrt(2),
    ):
        super().__init__(n_components)
        self.concentration, self.rate = concentration, rate

    def column(self, zeros: Tensor) -> Distribution:
        """Return Gamma(concentration, rate)."""
        return _WholeGamma(zeros + self.concentration, self.rate, validate_args=False)


class GaussianMixture(Prior):
    """A mixture of Gaussians, each long along the direction of its mean.

    In two dimensions the components stand like the petals of a flower (Makhzani et
    al. 2016, figures 3 and 4); in more, their means are spread over a sphere.

    Parameters
    ----------
    n_components : int, default=2
        Number of columns of a code (not of Gaussians).

    n_classes : int, default=10
        Number of Gaussians; with labels, one for each class.

    radius : float, default=1.4
        Distance of the means from 0.

    radial_scale, tangential_scale : float, default=0.35 and 0.14
        Standard deviations along the mean's direction and across it.

    weights : sequence of float, default=None
        Shares of the Gaussians; None for equal ones.
    """

    conditional = True
    means: Tensor
    scale_tril: Tensor
    weights: Tensor

    def __init__(
        self,
        n_components: int = 2,
        n_classes: int = 10,
        radius: float = 1.4,
        radial_scale: float = 0.35,
        tangential_scale: float = 0.14,
        weights=None,
    ):
        super().__init__()
        self.n_components, self.n_classes = n_components, n_classes
        u = _directions(n_classes, n_components)  # (m, k)
        eye = torch.eye(n_components)
        along = u.unsqueeze(-1) * u.unsqueeze(-2)  # (m, k, k)
        cov = tangential_scale**2 * (eye - along) + radial_scale**2 * along
        shares = torch.ones(n_classes) if weights is None else torch.as_tensor(weights)
        self.register_buffer("means", radius * u)
        self.register_buffer("scale_tril", torch.linalg.cholesky(cov))
        self.register_buffer("weights", (shares / shares.sum()).float())

    def forward(self, y: Tensor | None = None) -> Distribution:
        """Return the mixture, or the components y of shape (B,)."""
        if y is not None:
            means, scale_tril = self.means[y], self.scale_tril[y]
            return MultivariateNormal(means, scale_tril=scale_tril, validate_args=False)
        components = MultivariateNormal(
            self.means, scale_tril=self.scale_tril, validate_args=False
        )
        shares = _Categorical(self.weights, validate_args=False)
        return MixtureSameFamily(shares, components, validate_args=False)


def _directions(m: int, k: int) -> Tensor:
    """Spread m unit vectors over the sphere in k dimensions, (m, k)."""
    if k == 1:
        u = torch.ones(m, 1)
        u[1::2] = -1
        return u * (torch.arange(m) // 2 + 1).unsqueeze(-1) / ((m + 1) // 2)
    if k == 2:
        angle = 2 * math.pi * torch.arange(m) / m
        return torch.stack([angle.cos(), angle.sin()], -1)
    u = torch.randn(m, k, generator=torch.Generator().manual_seed(0))
    for _ in range(100):  # like charges repel: the Thomson problem
        u = u / u.norm(dim=-1, keepdim=True)
        gap = u.unsqueeze(1) - u.unsqueeze(0)  # (m, m, k)
        distance = gap.norm(dim=-1, keepdim=True).clamp_min(0.1)
        u = u + 0.1 * (gap / distance**3).sum(1) / m
    return u / u.norm(dim=-1, keepdim=True)


class SwissRoll(Prior):
    """A swiss roll in two dimensions; with labels, each class has its segment.

    Parameters
    ----------
    n_components : int, default=2
        Number of columns of a code: 2.

    n_classes : int, default=10
        Number of segments.

    weights : sequence of float, default=None
        Shares of the segments' lengths; None for equal ones.

    turns, radius, noise : float
        See `sklearn_aae.distributions.SwissRoll`.
    """

    conditional = True
    edges: Tensor

    def __init__(
        self,
        n_components: int = 2,
        n_classes: int = 10,
        weights=None,
        turns: float = 2.0,
        radius: float = 2.0,
        noise: float = 0.1,
    ):
        super().__init__()
        if n_components != 2:
            raise ValueError(
                f"The prior 'swiss_roll' has two dimensions. Got n_components="
                f"{n_components}. Use n_components=2 or another prior."
            )
        self.n_components, self.n_classes = n_components, n_classes
        self.options = {"turns": turns, "radius": radius, "noise": noise}
        shares = torch.ones(n_classes) if weights is None else torch.as_tensor(weights)
        edges = torch.cat([torch.zeros(1), (shares / shares.sum()).float().cumsum(0)])
        self.register_buffer("edges", edges)

    def forward(self, y: Tensor | None = None) -> Distribution:
        """Return the whole roll, or the segments y of shape (B,)."""
        if y is None:
            return _SwissRoll(**self.options)
        return _SwissRoll(self.edges[y], self.edges[y + 1], **self.options)


class Categorical(Prior):
    """One-hot codes of equal probability: the encoder ends in a softmax.

    Parameters
    ----------
    n_components : int, default=2
        Number of categories.
    """

    support = "simplex"

    def __init__(self, n_components: int = 2):
        super().__init__()
        self.n_components = n_components

    def forward(self, y: Tensor | None = None) -> Distribution:
        """Return p(z)."""
        # A softmax lies inside the simplex, not at its corners.
        return OneHotCategorical(
            logits=torch.zeros(self.n_components), validate_args=False
        )


class FromDistribution(Prior):
    """A torch distribution of the user.

    Parameters
    ----------
    distribution : torch.distributions.Distribution
        Over vectors of `n_components`, or over numbers: then of each column.

    n_components : int
        Number of columns of a code.
    """

    def __init__(self, distribution: Distribution, n_components: int):
        super().__init__()
        shape = distribution.batch_shape + distribution.event_shape
        if shape not in (torch.Size(), torch.Size([n_components])):
            raise ValueError(
                f"The prior distribution must be over vectors of n_components="
                f"{n_components} or over single numbers. Got shape {tuple(shape)}."
            )
        if not shape:
            distribution = distribution.expand(torch.Size([n_components]))
        if not distribution.event_shape:
            distribution = Independent(distribution, 1)
        self.n_components, self.distribution = n_components, distribution

    def forward(self, y: Tensor | None = None) -> Distribution:
        """Return p(z)."""
        return self.distribution


class FromCallable(Prior):
    """A function of the user: ``draw(n_samples, random_state) -> (n_samples, k)``.

    Parameters
    ----------
    draw : callable
        Takes a number of rows and a `numpy.random.RandomState`.

    n_components : int
        Number of columns that it returns.
    """

    def __init__(self, draw: Callable, n_components: int):
        super().__init__()
        self.n_components, self.draw_function = n_components, draw

    def forward(self, y: Tensor | None = None) -> Distribution:
        """Return p(z)."""
        return Drawn(self.draw_function, self.n_components)


PRIORS: dict[str, type[Prior]] = {
    "gaussian": Gaussian,
    "uniform": Uniform,
    "laplace": Laplace,
    "gamma": Gamma,
    "gaussian_mixture": GaussianMixture,
    "swiss_roll": SwissRoll,
    "categorical": Categorical,
}


def as_prior(prior, n_components: int, class_shares=None) -> Prior:
    """Turn the `prior` parameter of an estimator into a module.

    Parameters
    ----------
    prior : str, Prior, torch Distribution or callable
        Key of `PRIORS`, or an object.

    n_components : int
        Number of columns of a code.

    class_shares : sequence of float, default=None
        Shares of the classes of y; a named prior with components then has one for
        each class.

    Returns
    -------
    prior : Prior

    Raises
    ------
    ValueError
        If its dimension is not `n_components`, or it has too few components.
    """
    if isinstance(prior, str):
        kind = PRIORS[prior]
        options = {}
        if class_shares is not None and kind.conditional:
            shares = list(class_shares)
            options = {"n_classes": len(shares), "weights": shares}
        return kind(n_components, **options)
    if isinstance(prior, Distribution):
        return FromDistribution(prior, n_components)
    if not isinstance(prior, Prior):
        return FromCallable(prior, n_components)
    if prior.n_components != n_components:
        raise ValueError(
            f"The prior has {prior.n_components} dimensions but n_components="
            f"{n_components}. Make them equal."
        )
    if class_shares is not None and (prior.n_classes or 0) not in (
        0,
        len(class_shares),
    ):
        raise ValueError(
            f"The prior has {prior.n_classes} components but y has "
            f"{len(class_shares)} classes. Give it one component for each class."
        )
    return prior
