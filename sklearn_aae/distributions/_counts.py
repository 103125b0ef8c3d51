"""The distribution of counts that enter a network by their logarithm.

Letters: B batch, n columns of counts, x a count, π the probability that it is 0 by
itself ("zero inflation"), μ and r mean and size of the negative binomial otherwise.
"""

import torch
from torch import Tensor
from torch.distributions import Distribution, NegativeBinomial, constraints
from torch.nn import functional as F

from sklearn_aae.distributions._codes import NO_SHAPE, Shape

# log μ and log r stay within these: beyond, single precision has no digits left.
MAX_LOG_MEAN, MAX_LOG_SIZE = 25.0, 7.0


class Counts(Distribution):
    """Zero-inflated negative binomial counts, each cell its own.

    A count is 0 by itself with probability π, else negative binomial of mean μ and
    variance μ + μ²/r (Greene 1994). Values are standardised logarithms of 1 + x, from
    which counts are had back by rounding; probabilities are those of the counts.

    Parameters
    ----------
    log_mean : Tensor of shape (..., n)
        log μ.

    log_size : Tensor of a shape that broadcasts to (..., n)
        log r: large for Poisson counts, small for such that scatter more.

    zero_logits : Tensor of shape (..., n)
        Logits of π.

    shift, scale : Tensor of a shape that broadcasts to (..., n)
        Mean and standard deviation of log(1 + x).

    Examples
    --------
    With μ = r = 1 and π ≈ 0 the counts are geometric: ½, ¼, ⅛, ...

    >>> import torch
    >>> from sklearn_aae.distributions import Counts
    >>> zero, one = torch.zeros(1), torch.ones(1)
    >>> p = Counts(zero, zero, zero_logits=zero - 30, shift=zero, scale=one)
    >>> p.log_prob(torch.log1p(torch.arange(3.0))).exp()
    tensor([0.5000, 0.2500, 0.1250])
    """

    arg_constraints = {}
    support = constraints.real

    def __init__(
        self,
        log_mean: Tensor,
        log_size: Tensor,
        zero_logits: Tensor,
        shift: Tensor,
        scale: Tensor,
    ):
        self.log_mean = log_mean.clamp_max(MAX_LOG_MEAN)
        self.log_size = log_size.clamp(-MAX_LOG_SIZE, MAX_LOG_SIZE)
        self.zero_logits = zero_logits
        self.shift, self.scale = shift, scale
        super().__init__(log_mean.shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The standardised logarithm of 1 + (1 - π) μ."""
        log_mean = self.log_mean + F.logsigmoid(-self.zero_logits)
        return self._scaled(log_mean.exp())

    @property
    def _negative_binomial(self) -> NegativeBinomial:
        """The negative binomial of counts that are not 0 by themselves.

        In double precision: log p of a large count is what large terms differ by.
        """
        log_mean, log_size = _double(self.log_mean), _double(self.log_size)
        r = log_size.exp()
        return NegativeBinomial(r, logits=log_mean - log_size, validate_args=False)

    def sample(self, sample_shape: Shape = NO_SHAPE) -> Tensor:
        """Draw counts."""
        x = self._negative_binomial.sample(torch.Size(sample_shape)).to(self.log_mean)
        u = torch.rand(x.shape, dtype=torch.float32).to(x)
        zero = u < self.zero_logits.sigmoid()
        return self._scaled(torch.where(zero, x.new_zeros(()), x))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return log p of each cell's count."""
        x = torch.expm1(value * self.scale + self.shift).round().clamp_min(0)
        zero = F.logsigmoid(self.zero_logits)
        other = self._negative_binomial.log_prob(_double(x)).to(x)
        other = F.logsigmoid(-self.zero_logits) + other
        return torch.where(x > 0, other, torch.logaddexp(zero, other))

    def _scaled(self, counts: Tensor) -> Tensor:
        return (counts.log1p() - self.shift) / self.scale


def _double(x: Tensor) -> Tensor:
    """Return a tensor in double precision, where its device knows that."""
    return x if x.device.type == "mps" else x.double()
