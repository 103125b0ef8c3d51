"""Priors with a component for each class."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import Categorical as _Categorical
from torch.distributions import (
    Distribution,
    MixtureSameFamily,
    MultivariateNormal,
    OneHotCategorical,
)

from sklearn_aae.distributions import LabelAndStyle as _LabelAndStyle
from sklearn_aae.distributions import SwissRoll as _SwissRoll
from sklearn_aae.priors._prior import Prior


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
        Distance of the means from 0; of the outermost ones in one column.

    radial_scale, tangential_scale : float, default=0.35 and 0.14
        Standard deviations along the mean's direction and across it.

    weights : sequence of float, default=None
        Probabilities of the Gaussians, up to a factor; None for equal ones.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.priors import GaussianMixture
    >>> prior = GaussianMixture(n_components=2, n_classes=5)
    >>> y = torch.tensor([0, 0, 4])
    >>> prior(y).mean.norm(dim=1)  # the Gaussians of classes 0 and 4
    tensor([1.4000, 1.4000, 1.4000])
    >>> prior.draw(3, y).shape, prior.draw(8).shape
    (torch.Size([3, 2]), torch.Size([8, 2]))
    """

    conditional = True
    n_classes: int
    means: Tensor
    scale_tril: Tensor
    probabilities: Tensor

    def __init__(
        self,
        n_components: int = 2,
        n_classes: int = 10,
        radius: float = 1.4,
        radial_scale: float = 0.35,
        tangential_scale: float = 0.14,
        weights: Sequence[float] | None = None,
    ):
        super().__init__()
        self.n_components, self.n_classes = n_components, n_classes
        self.radius, self.weights = radius, weights
        self.radial_scale, self.tangential_scale = radial_scale, tangential_scale
        self._hold_tensors()

    def _tensors(self) -> dict[str, Tensor]:
        u = _directions(self.n_classes, self.n_components)  # (m, k)
        eye = torch.eye(self.n_components, dtype=torch.float32)
        along = u.unsqueeze(-1) * u.unsqueeze(-2)  # (m, k, k)
        across = self.tangential_scale**2 * (eye - along)
        return {
            "means": self.radius * u,
            "scale_tril": torch.linalg.cholesky(across + self.radial_scale**2 * along),
            "probabilities": _probabilities(self.weights, self.n_classes),
        }

    def forward(self, y: Tensor | None = None) -> Distribution:
        """Return the mixture, or the components y of shape (B,)."""
        if y is not None:
            means, scale_tril = self.means[y], self.scale_tril[y]
            return MultivariateNormal(means, scale_tril=scale_tril, validate_args=False)
        components = MultivariateNormal(
            self.means, scale_tril=self.scale_tril, validate_args=False
        )
        p = _Categorical(self.probabilities, validate_args=False)
        return MixtureSameFamily(p, components, validate_args=False)


def _probabilities(weights, m: int) -> Tensor:
    """Return the weights of m classes as probabilities, equal ones for None."""
    weights = [1.0] * m if weights is None else weights
    dtype = None if hasattr(weights, "dtype") else torch.float32
    p = torch.as_tensor(weights, dtype=dtype)
    return (p / p.sum()).float()


def _directions(m: int, k: int) -> Tensor:
    """Spread m unit vectors over the sphere in k dimensions, (m, k)."""
    if k == 1:
        u = torch.ones(m, 1, dtype=torch.float32)
        u[1::2] = -1
        return u * (torch.arange(m) // 2 + 1).unsqueeze(-1) / ((m + 1) // 2)
    if k == 2:
        angle = 2 * math.pi * torch.arange(m, dtype=torch.float32) / m
        return torch.stack([angle.cos(), angle.sin()], -1)
    generator = torch.Generator().manual_seed(0)
    u = torch.randn(m, k, generator=generator, dtype=torch.float32)
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

    Raises
    ------
    ValueError
        If `n_components` is not 2.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.priors import SwissRoll
    >>> y = torch.arange(3).repeat(100)
    >>> z = SwissRoll(n_classes=3).draw(300, y)
    >>> radius = z.norm(dim=1).reshape(100, 3).mean(0)
    >>> bool(radius[0] < radius[1] < radius[2])  # each class further along the roll
    True
    """

    conditional = True
    n_classes: int
    edges: Tensor

    def __init__(
        self,
        n_components: int = 2,
        n_classes: int = 10,
        weights: Sequence[float] | None = None,
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
        self.weights = weights
        self.turns, self.radius, self.noise = turns, radius, noise
        self._hold_tensors()

    def _tensors(self) -> dict[str, Tensor]:
        p = _probabilities(self.weights, self.n_classes)
        return {"edges": torch.cat([p.new_zeros(1), p.cumsum(0)])}

    def forward(self, y: Tensor | None = None) -> Distribution:
        """Return the whole roll, or the segments y of shape (B,)."""
        options = {"turns": self.turns, "radius": self.radius, "noise": self.noise}
        if y is None:
            return _SwissRoll(**options)
        return _SwissRoll(self.edges[y], self.edges[y + 1], **options)


class Categorical(Prior):
    """One-hot codes of equal probability: the encoder ends in a softmax.

    Parameters
    ----------
    n_components : int, default=2
        Number of categories.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.priors import Categorical
    >>> prior = Categorical(n_components=4)
    >>> prior.draw(3).sum(1)
    tensor([1., 1., 1.])
    >>> prior().log_prob(torch.tensor([0.0, 1.0, 0.0, 0.0])).exp()
    tensor(0.2500)
    """

    support = "simplex"

    def __init__(self, n_components: int = 2):
        super().__init__()
        self.n_components = n_components

    def forward(self, y: Tensor | None = None) -> Distribution:
        """Return p(z)."""
        # A softmax lies inside the simplex, not at its corners.
        return OneHotCategorical(
            logits=torch.zeros(self.n_components, dtype=torch.float32),
            validate_args=False,
        )


class LabelAndStyle(Prior):
    """p(y) p(z): a one-hot label before a style (paper, sections 5 and 6).

    Parameters
    ----------
    style : Prior
        Of the style, of k columns.

    class_prior : sequence of float
        Probabilities p(y) of the m labels.

    Attributes
    ----------
    n_components : int
        m + k.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.priors import Gaussian, LabelAndStyle
    >>> prior = LabelAndStyle(Gaussian(2), class_prior=[0.5, 0.25, 0.25])
    >>> prior.draw(2, y=torch.tensor([2, 0]))[:, :3]
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    >>> prior.n_components  # of the label, and of the style
    5
    """

    class_prior: Tensor
    _kept_as = {"class_prior": "given_class_prior"}

    def __init__(self, style: Prior, class_prior: Sequence[float]):
        super().__init__()
        self.style, self.n_classes = style, len(class_prior)
        self.n_components = self.n_classes + style.n_components
        self.given_class_prior = class_prior
        self._hold_tensors()

    def _tensors(self) -> dict[str, Tensor]:
        p = torch.as_tensor(self.given_class_prior, dtype=torch.float32)
        return {"class_prior": p / p.sum()}

    def forward(self, y: Tensor | None = None) -> Distribution:
        """Return p(y, z), or p(y, z|y) for labels y of shape (B,)."""
        return _LabelAndStyle(self.style(None), self.class_prior, y)


class IndependentStyle(Prior):
    """p(z|y) = p(z): codes that say nothing about the label (paper, section 4).

    Parameters
    ----------
    style : Prior
        Of the codes, for every label.

    class_prior : sequence of float
        Probabilities p(y) of the m labels.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.priors import Gaussian, IndependentStyle
    >>> prior = IndependentStyle(Gaussian(2), class_prior=[0.5, 0.5])
    >>> z = torch.zeros(2)
    >>> prior(torch.tensor([1])).log_prob(z) == prior().log_prob(z)
    tensor(True)
    """

    def __init__(self, style: Prior, class_prior: Sequence[float]):
        super().__init__()
        self.style, self.n_classes = style, len(class_prior)
        self.n_components, self.support = style.n_components, style.support
        self.class_prior = class_prior

    def forward(self, y: Tensor | None = None) -> Distribution:
        """Return p(z), whatever the label."""
        return self.style(None)

    def draw(self, n_samples: int, y: Tensor | None = None) -> Tensor:
        """Draw codes of shape (n_samples, n_components), whatever the label."""
        return self.style.draw(n_samples)
