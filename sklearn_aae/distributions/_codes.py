"""Distributions of codes: priors and posteriors.

Letters: B batch, k code size. Those that draw in training take their noise from a
function that the caller passes, so that a model owns its randomness.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, constraints

Shape = torch.Size | list[int] | tuple[int, ...]
NO_SHAPE = torch.Size()


class Posterior(Distribution):
    """q(z|x), or q(y, z|x) with a label y: what encoders return.

    A code of the latter begins with the m probabilities q(y|x), and ends in the style
    z. A subclass gives `rsample`, `mean` and `first`; one with labels also
    `label_logits` and `seen`.
    """

    arg_constraints = {}
    support = constraints.real_vector
    has_rsample = True

    @property
    def style(self) -> "Posterior":
        """q(z|x), without the label."""
        return self

    def label_logits(self, code: Callable[[], Tensor]) -> Tensor:
        """Return the logits of q(y|x), (..., m).

        Parameters
        ----------
        code : callable
            Returns the one draw that all losses of a step share. It is only called
            where q(y|x) is known by its draws.
        """
        raise NotImplementedError("This posterior infers no label.")

    @property
    def seen(self) -> Tensor:
        """The rows as they entered the network, from which labels were inferred."""
        raise NotImplementedError("This posterior infers no label.")

    def first(self, n: int) -> "Posterior":
        """Return the posterior of the first n rows."""
        raise NotImplementedError


class Deterministic(Posterior):
    """All mass at one value: q(z|x) = δ(z - value).

    Parameters
    ----------
    value : Tensor of shape (..., k)
        The only value; `rsample`, `sample` and `mean` return it.
    """

    def __init__(self, value: Tensor):
        self.value = value
        super().__init__(value.shape[:-1], value.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The value."""
        return self.value

    @property
    def variance(self) -> Tensor:
        """0."""
        return torch.zeros_like(self.value)

    def rsample(self, sample_shape: Shape = NO_SHAPE) -> Tensor:
        """Return the value, repeated over `sample_shape`."""
        return self.value.expand(*sample_shape, *self.value.shape)

    def first(self, n: int) -> "Deterministic":
        """Return the posterior of the first n rows."""
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


class GaussianPosterior(Posterior, Independent):
    """q(z|x) = N(loc, diag scale²), drawn as z = loc + scale ε.

    Parameters
    ----------
    loc, scale : Tensor of shape (..., k)
        Mean and standard deviation of each column.

    normal : callable
        ``normal(like)`` returns the noise ε, of the shape of a tensor.
    """

    def __init__(self, loc: Tensor, scale: Tensor, normal: Callable[[Tensor], Tensor]):
        columns = ReparametrizedNormal(loc, scale, normal)
        super().__init__(columns, 1, validate_args=False)

    def first(self, n: int) -> "GaussianPosterior":
        """Return the posterior of the first n rows."""
        p = self.base_dist
        return GaussianPosterior(p.loc[..., :n, :], p.scale[..., :n, :], p.normal)


class Implicit(Posterior):
    """Known by its draws: z = f(x, η) with a noise η.

    Parameters
    ----------
    draw : callable
        ``draw()`` returns one draw of the whole batch, differentiable.

    mean : callable
        ``mean()`` returns the mean of the whole batch.

    shape : torch.Size
        Shape (..., m + k) of both.

    seen : callable
        ``seen()`` returns the rows as they enter the network.

    n_classes : int, default=0
        Number m of the columns that are label probabilities.
    """

    def __init__(
        self,
        draw: Callable[[], Tensor],
        mean: Callable[[], Tensor],
        shape: torch.Size,
        seen: Callable[[], Tensor],
        n_classes: int = 0,
    ):
        self._draw, self._mean, self._seen = draw, mean, seen
        self.n_classes = n_classes
        super().__init__(shape[:-1], shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The mean."""
        return self._mean()

    def rsample(self, sample_shape: Shape = NO_SHAPE) -> Tensor:
        """Draw z of shape (*sample_shape, ..., m + k)."""
        n = torch.Size(sample_shape).numel()
        if n == 1 and not len(sample_shape):
            return self._draw()
        draws = torch.stack([self._draw() for _ in range(n)])
        return draws.reshape(*sample_shape, *draws.shape[1:])

    def label_logits(self, code: Callable[[], Tensor]) -> Tensor:
        """Return the logits of q(y|x, η), (..., m), of the draw that `code` returns."""
        if not self.n_classes:
            return super().label_logits(code)
        p = code()[..., : self.n_classes]
        return p.clamp_min(torch.finfo(p.dtype).tiny).log()

    @property
    def seen(self) -> Tensor:
        """The rows as they enter the network, without the noise of the training."""
        return self._seen() if self.n_classes else super().seen

    def first(self, n: int) -> "Implicit":
        """Return the posterior of the first n rows."""
        shape = torch.Size((*self.batch_shape[:-1], n, *self.event_shape))
        draw, mean, seen = (
            _first_of(function, n) for function in (self._draw, self._mean, self._seen)
        )
        return Implicit(draw, mean, shape, seen, self.n_classes)

    def log_prob(self, value: Tensor) -> Tensor:
        """Refuse: only draws are known."""
        raise NotImplementedError(
            "A universal posterior has no density. Use posterior='gaussian'."
        )


def _first_of(function: Callable[[], Tensor], n: int) -> Callable[[], Tensor]:
    """Return a function of the first n rows that another returns."""
    return lambda: function()[..., :n, :]


class LabelStylePosterior(Posterior):
    """q(y, z|x) as one vector: the probabilities q(y|x) of m labels, then the style z.

    Parameters
    ----------
    logits : Tensor of shape (..., m)
        Of q(y|x). Not the label but its probabilities enter the code (paper, section
        5), so that they can be learned.

    style : Posterior over (..., k)
        q(z|x).

    seen : Tensor of shape (..., d)
        The rows x as they entered the network, with the noise of the training.
    """

    def __init__(self, logits: Tensor, style: Posterior, seen: Tensor):
        self.logits, self._style, self._seen = logits, style, seen
        width = logits.shape[-1] + style.event_shape[0]
        shape = torch.Size([width])
        super().__init__(logits.shape[:-1], shape, validate_args=False)

    @property
    def style(self) -> Posterior:
        """q(z|x), without the label."""
        return self._style

    @property
    def seen(self) -> Tensor:
        """The rows as they entered the network, with the noise of the training."""
        return self._seen.detach()

    def label_logits(self, code: Callable[[], Tensor]) -> Tensor:
        """Return the logits of q(y|x), (..., m)."""
        return self.logits

    @property
    def mean(self) -> Tensor:
        """Label probabilities and mean style."""
        return torch.cat([self.logits.softmax(-1), self.style.mean], -1)

    def rsample(self, sample_shape: Shape = NO_SHAPE) -> Tensor:
        """Return the label probabilities and a style."""
        p = self.logits.softmax(-1)
        p = p.expand(*sample_shape, *p.shape)
        return torch.cat([p, self.style.rsample(sample_shape)], -1)

    def first(self, n: int) -> "LabelStylePosterior":
        """Return the posterior of the first n rows."""
        logits, seen = self.logits[..., :n, :], self._seen[..., :n, :]
        return LabelStylePosterior(logits, self.style.first(n), seen)


class LabelAndStyle(Distribution):
    """p(y, z) as one vector: a label of m, one-hot, then an independent style z.

    Parameters
    ----------
    style : Distribution over (k,)
        p(z).

    class_prior : Tensor of shape (m,)
        p(y).

    y : Tensor of shape (B,) or None, default=None
        Labels that are given, of a batch.
    """

    arg_constraints = {}
    support = constraints.real_vector

    def __init__(
        self, style: Distribution, class_prior: Tensor, y: Tensor | None = None
    ):
        self.style, self.class_prior, self.y = style, class_prior, y
        width = torch.Size([len(class_prior) + style.event_shape[0]])
        batch = torch.Size() if y is None else y.shape
        super().__init__(batch, width, validate_args=False)

    def sample(self, sample_shape: Shape = NO_SHAPE) -> Tensor:
        """Draw labels and styles of shape (*sample_shape, ..., m + k)."""
        shape = torch.Size(sample_shape) + self.batch_shape
        y = self.y
        if y is None:
            y = torch.multinomial(self.class_prior, shape.numel(), True).reshape(shape)
        p = self.class_prior
        label = torch.eye(len(p), dtype=p.dtype, device=p.device)[y]
        label = label.expand(*shape, -1)
        return torch.cat([label, self.style.sample(shape).to(label)], -1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Refuse: label probabilities lie inside the simplex, labels at its corners."""
        raise NotImplementedError(
            "A label and a style have no common density. Use "
            "regularizer='adversarial', 'mmd' or 'sliced_wasserstein'."
        )


class SwissRoll(Distribution):
    """Points of the spiral r = θ, even along its length, with Gaussian noise.

    Parameters
    ----------
    low, high : Tensor of shape (...), default=0 and 1
        The segment of the roll, from 0 (its inner end) to 1 (its outer end).

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
