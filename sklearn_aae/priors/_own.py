"""Priors that the user brings."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from sklearn_aae.distributions import Drawn
from sklearn_aae.priors._prior import Prior


class FromDistribution(Prior):
    """A torch distribution of the user.

    Parameters
    ----------
    distribution : torch.distributions.Distribution
        Over vectors of `n_components`, or over numbers: then of each column.

    n_components : int
        Number of columns of a code.

    Raises
    ------
    ValueError
        If the distribution is over vectors of another length, or of discrete values.

    Examples
    --------
    >>> import torch
    >>> from torch.distributions import StudentT
    >>> from sklearn_aae.priors import FromDistribution
    >>> prior = FromDistribution(StudentT(3.0), n_components=2)  # of each column
    >>> prior.draw(5).shape
    torch.Size([5, 2])
    >>> prior().log_prob(torch.zeros(2)) == 2 * StudentT(3.0).log_prob(torch.zeros(()))
    tensor(True)
    """

    def __init__(self, distribution: Distribution, n_components: int):
        super().__init__()
        shape = distribution.batch_shape + distribution.event_shape
        if shape not in (torch.Size(), torch.Size([n_components])):
            raise ValueError(
                f"The prior distribution must be over vectors of n_components="
                f"{n_components} or over single numbers. Got shape {tuple(shape)}."
            )
        if getattr(distribution.support, "is_discrete", False):
            raise ValueError(
                f"The prior distribution {type(distribution).__name__} is of discrete "
                "values, and codes are not. Use prior='categorical' for one-hot codes."
            )
        self.n_components, self.distribution = n_components, distribution

    def forward(self, y: Tensor | None = None) -> Distribution:
        """Return p(z)."""
        p = self.distribution
        if not p.batch_shape + p.event_shape:
            p = p.expand(torch.Size([self.n_components]))
        return p if p.event_shape else Independent(p, 1)


class FromCallable(Prior):
    """A function of the user: ``draw(n_samples, random_state) -> (n_samples, k)``.

    Parameters
    ----------
    draw : callable
        Takes a number of rows and a `numpy.random.RandomState`.

    n_components : int
        Number of columns that it returns.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_aae.priors import FromCallable
    >>> def ring(n_samples, random_state):
    ...     angle = random_state.uniform(0, 2 * np.pi, n_samples)
    ...     return np.stack([np.cos(angle), np.sin(angle)], axis=1)
    >>> FromCallable(ring, n_components=2).draw(3).norm(dim=1).round(decimals=3)
    tensor([1., 1., 1.])
    """

    _kept_as = {"draw": "draw_function"}

    def __init__(self, draw: Callable, n_components: int):
        super().__init__()
        self.n_components, self.draw_function = n_components, draw

    def forward(self, y: Tensor | None = None) -> Distribution:
        """Return p(z)."""
        return Drawn(self.draw_function, self.n_components)
