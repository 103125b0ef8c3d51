"""Distributions of codes: priors and posteriors.

Letters: B batch, k code size. Those that draw in training take their noise from a
function that the caller passes, so that a model owns its randomness.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, constraints

Shape = torch.Size | list[int] | tuple[int, ...]
NO_SHAPE = torch.Size()


class Deterministic(Distribution):
    """All mass at one value: q(z|x) = δ(z - value).

    Parameters
    ----------
    value : Tensor of shape (..., k)
        The only value; `rsample`, `sample` and `mean` return it.
    """

    arg_constraints = {}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, value: Tensor):
        self.value = value
        super().__init__(value.shape[:-1], value.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The value."""
        return self.value

    def rsample(self, sample_shape: Shape = NO_SHAPE) -> Tensor:
        """Return the value, repeated over `sample_shape`."""
        return self.value.expand(*sample_shape, *self.value.shape)

    def first(self, n: int) -> "Deterministic":
        """Return the distribution of the first n rows."""
        return Deterministic(self.value[..., :n, :])

    def log_prob(self, value: Tensor) -> Tensor:
        """Refuse: a point mass has no density."""
        raise NotImplementedError(
            "A deterministic posterior has no density. Use posterior='gaussian'."
        )


class ReparametrizedNormal(Normal):
    """N(loc, scale²) whose noise comes from `normal(like)`: z = loc + scale ε."""

    def __init__(self, loc: Tensor, scale: Tensor, normal: Callable[[Tensor], Tensor]):
        self.normal = normal
        super().__init__(loc, scale, validate_args=False)

    def rsample(self, sample_shape: Shape = NO_SHAPE) -> Tensor:
        """Draw z = loc + scale ε, ε from `normal`."""
        loc = self.loc.expand(*sample_shape, *self.loc.shape)
        return loc + self.scale * self.normal(loc)

    def first(self, n: int) -> "ReparametrizedNormal":
        """Return the distribution of the first n rows."""
        loc, scale = self.loc[..., :n, :], self.scale[..., :n, :]
        return ReparametrizedNormal(loc, scale, self.normal)


class Implicit(Distribution):
    """Known by its draws: z = f(η).

    Parameters
    ----------
    draw : callable
        ``draw()`` returns one draw of the whole batch, differentiable.

    mean : callable
        ``mean()`` returns the mean of the whole batch.

    shape : torch.Size
        Shape (..., k) of both.
    """

    arg_constraints = {}
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        draw: Callable[[], Tensor],
        mean: Callable[[], Tensor],
        shape: torch.Size,
    ):
        self._draw, self._mean = draw, mean
        super().__init__(shape[:-1], shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self._mean()

    def rsample(self, sample_shape: Shape = NO_SHAPE) -> Tensor:
        """Draw z of shape (*sample_shape, ..., k)."""
        n = torch.Size(sample_shape).numel()
        if n == 1 and not len(sample_shape):
            return self._draw()
        draws = torch.stack([self._draw() for _ in range(n)])
        return draws.reshape(*sample_shape, *draws.shape[1:])

    def first(self, n: int) -> "Implicit":
        """Return the distribution of the first n rows."""
        shape = torch.Size((*self.batch_shape[:-1], n, *self.event_shape))
        draw, mean = self._draw, self._mean
        return Implicit(lambda: draw()[..., :n, :], lambda: mean()[..., :n, :], shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Refuse: only draws are known."""
        raise NotImplementedError(
            "A universal posterior has no density. Use posterior='gaussian'."
        )


class LabelStylePosterior(Distribution):
    """q(y, z|x) as one vector: the shares q(y|x) of m labels, then the style z.

    Parameters
    ----------
    logits : Tensor of shape (..., m)
        Of q(y|x). Not the label but its probabilities enter the code (paper, section
        5), so that they can be learned.

    style : Distribution over (..., k)
        q(z|x).

    seen : Tensor of shape (..., d)
        x with the noise of the training, as the encoder saw it.
    """

    arg_constraints = {}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, logits: Tensor, style: Distribution, seen: Tensor):
        self.logits, self.style, self.seen = logits, style, seen
        width = logits.shape[-1] + style.event_shape[0]
        shape = torch.Size([width])
        super().__init__(logits.shape[:-1], shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Shares and mean style."""
        return torch.cat([self.logits.softmax(-1), self.style.mean], -1)

    def rsample(self, sample_shape: Shape = NO_SHAPE) -> Tensor:
        """Return the shares and a style."""
        shares = self.logits.softmax(-1)
        shares = shares.expand(*sample_shape, *shares.shape)
        return torch.cat([shares, self.style.rsample(sample_shape)], -1)

    def first(self, n: int) -> "LabelStylePosterior":
        """Return the distribution of the first n rows."""
        logits, seen = self.logits[..., :n, :], self.seen[..., :n, :]
        return LabelStylePosterior(logits, first_rows(self.style, n), seen)


def first_rows(q: Any, n: int) -> Distribution:
    """Return the part of a posterior q(z|x) that is of the first n rows."""
    if isinstance(q, Independent):
        inner, depth = q.base_dist.first(n), q.reinterpreted_batch_ndims
        return Independent(inner, depth, validate_args=False)
    return q.first(n)


class LabelAndStyle(Distribution):
    """p(y, z) as one vector: a label of m, one-hot, then an independent style z.

    Parameters
    ----------
    style : Distribution over (k,)
        p(z).

    shares : Tensor of shape (m,)
        p(y).

    y : Tensor of shape (B,) or None, default=None
        Labels that are given, of a batch.
    """

    arg_constraints = {}
    support = constraints.real_vector

    def __init__(self, style: Distribution, shares: Tensor, y: Tensor | None = None):
        self.style, self.shares, self.y = style, shares, y
        width = torch.Size([len(shares) + style.event_shape[0]])
        batch = torch.Size() if y is None else y.shape
        super().__init__(batch, width, validate_args=False)

    def sample(self, sample_shape: Shape = NO_SHAPE) -> Tensor:
        """Draw labels and styles of shape (*sample_shape, ..., m + k)."""
        shape = torch.Size(sample_shape) + self.batch_shape
        y = self.y
        if y is None:
            y = torch.multinomial(self.shares, shape.numel(), True).reshape(shape)
        p = self.shares
        label = torch.eye(len(p), dtype=p.dtype, device=p.device)[y]
        label = label.expand(*shape, -1)
        return torch.cat([label, self.style.sample(shape).to(label)], -1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Refuse: shares of a label lie inside the simplex, not at its corners."""
        raise NotImplementedError(
            "A label and a style have no common density. Use "
            "regularizer='adversarial', 'mmd' or 'sliced_wasserstein'."
        )


class SwissRoll(Distribution):
    """Points of the spiral r = θ, even along its length, with Gaussian noise.

    Parameters
    ----------
    low, high : Tensor of shape (...), default=0 and 1
        The segment of the roll, as shares of its length.

    turns : float, default=2.0
        Number of turns of the whole roll.

    radius : float, default=2.0
        Radius of its outer end.

    noise : float, default=0.1
        Standard deviation around the roll.
    """

    arg_constraints = {}
    support = constraints.real_vector

    def __init__(
        self,
        low: Tensor | float = 0.0,
        high: Tensor | float = 1.0,
        turns: float = 2.0,
        radius: float = 2.0,
        noise: float = 0.1,
    ):
        ends = (
            torch.as_tensor(end, dtype=getattr(end, "dtype", torch.float32))
            for end in (low, high)
        )
        self.low, self.high = torch.broadcast_tensors(*ends)
        self.turns, self.radius, self.noise = turns, radius, noise
        super().__init__(self.low.shape, torch.Size([2]), validate_args=False)

    def sample(self, sample_shape: Shape = NO_SHAPE) -> Tensor:
        """Draw points of shape (*sample_shape, ..., 2)."""
        shape = self._extended_shape(torch.Size(sample_shape))
        along = torch.rand(shape[:-1], dtype=torch.float32)
        u = self.low + (self.high - self.low) * along
        r = u.sqrt()  # the length of r = θ grows as θ²
        angle = 2 * math.pi * self.turns * r
        roll = torch.stack([angle.cos(), angle.sin()], -1)
        around = self.noise * torch.randn(shape, dtype=torch.float32)
        return self.radius * r.unsqueeze(-1) * roll + around

    def log_prob(self, value: Tensor) -> Tensor:
        """Refuse: the density has no closed form."""
        raise NotImplementedError(
            "The swiss roll has no density in closed form. Use "
            "regularizer='adversarial', 'mmd' or 'sliced_wasserstein'."
        )


class Drawn(Distribution):
    """What a function draws: ``draw(n_samples, random_state) -> (n_samples, k)``.

    Parameters
    ----------
    draw : callable
        Takes a number of rows and a `numpy.random.RandomState`.

    n_components : int
        Number of columns that it returns.
    """

    arg_constraints = {}
    support = constraints.real_vector

    def __init__(self, draw: Callable, n_components: int):
        self.draw = draw
        super().__init__(torch.Size(), torch.Size([n_components]), validate_args=False)

    def sample(self, sample_shape: Shape = NO_SHAPE) -> Tensor:
        """Draw points of shape (*sample_shape, k)."""
        n = torch.Size(sample_shape).numel()
        # Seeded from torch, so that one seed rules all priors.
        seed = int(torch.randint(2**31 - 1, ()))
        z = np.asarray(self.draw(n, np.random.RandomState(seed)), dtype=float)
        if z.shape != (n, *self.event_shape):
            raise ValueError(
                f"The callable prior must return an array of shape "
                f"({n}, {self.event_shape[0]}). Got shape {z.shape} instead."
            )
        if not np.isfinite(z).all():
            raise ValueError("The callable prior returned NaN or infinite codes.")
        return torch.tensor(z, dtype=torch.float32).reshape(
            *sample_shape, *self.event_shape
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """Refuse: only draws are known."""
        raise NotImplementedError(
            "A callable prior has no density. Use regularizer='adversarial', 'mmd' "
            "or 'sliced_wasserstein'."
        )
