"""Distributions of the pixels of pictures, with one scale for all of them."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from sklearn_aae.distributions._codes import NO_SHAPE, Shape
from sklearn_aae.distributions._rows import RowDistribution, UnitGaussian

# Least distance of the levels of 8-bit pixels within [0, 1].
LEVEL = 1 / 255


class PixelGaussian(UnitGaussian):
    """N(mean, σ² I) of all pixels alike.

    Parameters
    ----------
    mean : Tensor of shape (..., d)
        Of each pixel.

    log_scale : Tensor of shape () or (C,)
        log σ.
    """

    def __init__(self, mean: Tensor, log_scale: Tensor):
        super().__init__(mean)
        self.log_scale = log_scale

    def cells(self, value: Tensor) -> Tensor:
        """-½(x - mean)²/σ² - log σ - ½ log 2π of each pixel."""
        log_scale = self.log_scale[..., None, None]
        squares = ((value - self.mean) * (-log_scale).exp()).square()
        return -0.5 * (squares + math.log(2 * math.pi)) - log_scale

    def log_prob(self, value: Tensor) -> Tensor:
        """-½‖x - mean‖²/σ² - d log σ - ½ d log 2π of each picture."""
        log_scale, d = self.log_scale[..., None], value.shape[-1]
        squares = (value - self.mean).square().sum(-1) * (-2 * log_scale).exp()
        return -0.5 * squares - d * (log_scale + 0.5 * math.log(2 * math.pi))

    def sample(self, sample_shape: Shape = NO_SHAPE) -> Tensor:
        """Draw mean + σ ε."""
        mean = self.mean.expand(*sample_shape, *self.mean.shape)
        scale = self.log_scale[..., None, None].exp()
        return mean + scale * torch.randn_like(mean)


class PixelLogistic(RowDistribution):
    """The logistic distribution, rounded to the 256 levels of 8-bit pixels.

    With F the distribution function of the logistic distribution about the mean, a
    level x of [0, 1] has the probability F(x + δ/2) - F(x - δ/2), δ = 1/255, and the
    lowest and the highest have all that lies beyond them (Salimans et al. 2017,
    PixelCNN++).

    Parameters
    ----------
    mean : Tensor of shape (..., d)
        Of each pixel, before it is rounded.

    log_scale : Tensor of shape () or (C,)
        Logarithm of the scale of all pixels.
    """

    def __init__(self, mean: Tensor, log_scale: Tensor):
        self._mean, self.log_scale = mean, log_scale
        super().__init__(mean.shape[:-1], mean.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The mean, before it is rounded, within [0, 1]."""
        return self._mean.clamp(0.0, 1.0)

    def cells(self, value: Tensor) -> Tensor:
        """Log-probability of the level of each pixel."""
        # F(a) - F(b) = σ(a) σ(-b) (1 - exp(b - a)), without cancellation.
        log_scale = self.log_scale[..., None, None]
        inverse = (-log_scale).exp()
        centered = value - self._mean
        below = F.logsigmoid((centered + LEVEL / 2) * inverse)
        above = F.logsigmoid((LEVEL / 2 - centered) * inverse)
        inner = below + above + torch.log(-torch.expm1(-LEVEL * inverse))
        upper = torch.where(value > 1 - LEVEL / 2, above, inner)
        return torch.where(value < LEVEL / 2, below, upper)

    def sample(self, sample_shape: Shape = NO_SHAPE) -> Tensor:
        """Draw levels."""
        mean = self._mean.expand(*sample_shape, *self._mean.shape)
        u = torch.rand_like(mean)
        scale = self.log_scale[..., None, None].exp()
        x = mean + scale * torch.logit(u)
        return (x / LEVEL).round().mul(LEVEL).clamp(0.0, 1.0)
