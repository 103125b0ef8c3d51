"""Priors of equal, independent columns."""

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal
from torch.distributions import Gamma as _Gamma
from torch.distributions import Laplace as _Laplace
from torch.distributions import Uniform as _Uniform

from sklearn_aae.priors._prior import Prior


class _Factorized(Prior):
    """Equal, independent columns; a subclass names the distribution of one."""

    zeros: Tensor

    def __init__(self, n_components: int):
        super().__init__()
        self.n_components = n_components
        self._hold_tensors(persistent=False)

    def _tensors(self) -> dict[str, Tensor]:
        # Say where the prior lives: they move with the module.
        return {"zeros": torch.zeros(self.n_components, dtype=torch.float32)}

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

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae import AAETransformer
    >>> from sklearn_aae.priors import Gaussian
    >>> Gaussian(2)().log_prob(torch.zeros(2)).exp()  # 1 / 2π
    tensor(0.1592)
    >>> aae = AAETransformer(n_components=2, prior=Gaussian(2, scale=0.5))
    >>> aae.get_params()["prior__scale"]  # so a search can set it
    0.5
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

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.priors import Uniform
    >>> p = Uniform(n_components=2)()
    >>> p.log_prob(torch.tensor([[0.0, 0.0], [0.0, 2.0]])).exp()  # 1 / (2 √3)², outside
    tensor([0.0833, 0.0000])
    >>> p.variance.round(decimals=3)
    tensor([1., 1.])
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

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.priors import Laplace
    >>> p = Laplace(n_components=2)()
    >>> p.log_prob(torch.zeros(2)).exp()  # 1 / (2 scale)²
    tensor(0.5000)
    >>> p.variance.round(decimals=3)
    tensor([1., 1.])
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

    Examples
    --------
    >>> from sklearn_aae.priors import Gamma
    >>> prior = Gamma(n_components=2)
    >>> prior().mean  # concentration / rate
    tensor([1.4142, 1.4142])
    >>> bool((prior.draw(100) > 0).all())
    True
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
