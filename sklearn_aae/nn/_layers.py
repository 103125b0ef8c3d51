"""Layers that train one model or a stack of C models.

Letters: C models in a stack, B batch, d columns in, h columns out. The parameters of a
stacked layer have one leading axis more; the layer reads it off their shape.
"""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sklearn_aae.nn._stacked import StackedBatchNorm, StackedLinear

ModuleType = TypeVar("ModuleType", bound=nn.Module)


class Linear(nn.Linear):
    """y = x Wᵀ + b, for weights of shape (h, d) or (C, h, d).

    Initialised like scikit-learn's MLP and torch's default: U(-1/√d, 1/√d). All layers
    begin in float32, whatever torch's default dtype: it is the whole process's.
    """

    def __init__(self, n_in: int, n_out: int, bias: bool = True):
        super().__init__(n_in, n_out, bias, dtype=torch.float32)

    def forward(self, x: Tensor) -> Tensor:
        """Map x of shape (B, d) or (C, B, d) to (B, h) or (C, B, h)."""
        if self.weight.dim() == 2:
            return F.linear(x, self.weight, self.bias)
        return StackedLinear.apply(x, self.weight, self.bias)


class BatchNorm(nn.Module):
    """Batch normalisation over the rows of each model, by row weights if there are.

    Training keeps running statistics as usual; `calibrate` replaces them by the exact
    average over batches, so that a short training answers as well as a long one.

    Parameters
    ----------
    width : int
        Number of columns.

    momentum : float, default=0.1
        Share of a new batch in the running statistics.

    eps : float, default=1e-5
        Added to the variance.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int, momentum: float = 0.1, eps: float = 1e-5):
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.n_calibrated: int | None = None  # batches averaged; None: not calibrating
        ones = torch.ones(width, dtype=torch.float32)
        self.weight = nn.Parameter(ones.clone())
        self.bias = nn.Parameter(torch.zeros_like(ones))
        self.register_buffer("running_mean", torch.zeros_like(ones))
        self.register_buffer("running_var", ones)

    def forward(self, x: Tensor, row_weight: Tensor | None = None) -> Tensor:
        """Normalise x of shape (B, h) or (C, B, h); `row_weight` sums to 1 over B.

        A single row has no variance: it is normalised as in answers.
        """
        if not self.training or x.shape[-2] == 1:
            return self._affine(x, self.running_mean, self.running_var)
        if row_weight is None and x.dim() == 3:
            y, mean, var = StackedBatchNorm.apply(x, self.weight, self.bias, self.eps)
            self._track(mean, var)
            return y
        if row_weight is None and self.n_calibrated is None:
            return self._fused(x)
        mean, var = _moments(x, row_weight)
        self._track(mean.detach(), var.detach())
        return self._affine(x, mean, var)

    def _fused(self, x: Tensor) -> Tensor:
        """Normalise by torch's kernel, which tracks the variance over n - 1 rows."""
        n = len(x)
        var = self.running_var * (n / (n - 1))
        moving, affine = (self.running_mean, var), (self.weight, self.bias)
        y = F.batch_norm(x, *moving, *affine, True, self.momentum, self.eps)
        self.running_var.copy_(var * ((n - 1) / n))
        return y

    def _affine(self, x: Tensor, mean: Tensor, var: Tensor) -> Tensor:
        scale = self.weight * (var + self.eps).rsqrt()
        return x * scale.unsqueeze(-2) + (self.bias - mean * scale).unsqueeze(-2)

    def _track(self, mean: Tensor, var: Tensor) -> None:
        share = self.momentum
        if self.n_calibrated is not None:
            self.n_calibrated += 1
            share = 1 / self.n_calibrated
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(var, share)


def _moments(x: Tensor, row_weight: Tensor | None) -> tuple[Tensor, Tensor]:
    """Mean and (biased) variance over the rows, each (h,) or (C, h)."""
    if row_weight is None:
        mean = x.mean(-2)
        # x.var(-2) is 20 times slower on a CPU.
        return mean, (x - mean.unsqueeze(-2)).square().mean(-2)
    w = row_weight.unsqueeze(-1)  # (B, 1) or (C, B, 1)
    mean = (w * x).sum(-2)
    return mean, (w * (x - mean.unsqueeze(-2)).square()).sum(-2)


@contextmanager
def calibrating(module: nn.Module) -> Iterator[None]:
    """Replace the running statistics by the average over the batches seen inside.

    A forward pass in training mode counts as one batch.
    """
    layers = [m for m in module.modules() if isinstance(m, BatchNorm)]
    for layer in layers:
        layer.n_calibrated = 0
    try:
        yield
    finally:
        for layer in layers:
            layer.n_calibrated = None


def frozen_copy(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """Return a copy that does not learn, of modules of this library.

    `copy.deepcopy` takes ten times as long: it visits each dict of each module.
    """

    def take(tensor: Tensor) -> Tensor:
        kind = dtype if tensor.is_floating_point() else tensor.dtype
        return tensor.detach().to(kind, copy=True)

    twin = copy.copy(module)
    twin._parameters = {
        name: None if p is None else nn.Parameter(take(p), requires_grad=False)
        for name, p in module._parameters.items()
    }
    twin._buffers = {
        name: None if b is None else take(b) for name, b in module._buffers.items()
    }
    twin._modules = {
        name: None if m is None else frozen_copy(m, dtype)
        for name, m in module._modules.items()
    }
    return twin


def shallow_copy(module: ModuleType) -> ModuleType:
    """Return a copy whose tensors and modules are the same, and may be replaced."""
    twin = copy.copy(module)
    for name in ("_parameters", "_buffers", "_modules"):
        setattr(twin, name, dict(getattr(module, name)))
    return twin


class LayerNorm(nn.Module):
    """Layer normalisation over the columns of each row."""

    def __init__(self, width: int, eps: float = 1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width, dtype=torch.float32))
        self.bias = nn.Parameter(torch.zeros(width, dtype=torch.float32))

    def forward(self, x: Tensor, row_weight: Tensor | None = None) -> Tensor:
        """Normalise x of shape (B, h) or (C, B, h)."""
        y = F.layer_norm(x, x.shape[-1:], eps=self.eps)
        return y * self.weight.unsqueeze(-2) + self.bias.unsqueeze(-2)


class LogScale(nn.Module):
    """The logarithm of one scale of all cells.

    A step of Adam moves a parameter by its rate, and a scale has orders of magnitude to
    go: the parameter is the logarithm over `gain`.

    Parameters
    ----------
    start : float
        The scale at first.
    """

    gain = 10.0

    def __init__(self, start: float):
        super().__init__()
        log = torch.tensor(math.log(start) / self.gain, dtype=torch.float32)
        self.weight = nn.Parameter(log)

    def forward(self) -> Tensor:
        """Return the logarithm, of shape () or (C,)."""
        return self.gain * self.weight


class Dropout(nn.Module):
    """Set cells to 0 with probability p and scale the rest by 1 / (1 - p).

    Parameters
    ----------
    p : float or sequence of float
        Probability of a zero; of each column, if they differ.

    uniform : callable
        ``uniform(like) -> Tensor`` draws U[0, 1); the caller owns the randomness.
    """

    p: Tensor

    def __init__(
        self,
        p: float | Sequence[float],
        uniform: Callable[[Tensor], Tensor] = torch.rand_like,
    ):
        super().__init__()
        share = torch.tensor(p, dtype=torch.float64)
        self.used, self.uniform = bool((share > 0).any()), uniform
        self.by_column = share.dim() > 0
        # A buffer, so that each member of a stack can have its own.
        self.register_buffer("p", share, False)

    def forward(self, x: Tensor) -> Tensor:
        """Drop cells of x in training mode."""
        if not self.training or not self.used:
            return x
        p = self._share(x)
        return x * (self.uniform(x) >= p) / (1 - p)

    def hide(self, x: Tensor) -> Tensor:
        """Let cells of x be missing, NaN, in training mode."""
        if not self.training or not self.used:
            return x
        hidden = self.uniform(x) < self._share(x)
        return torch.where(hidden, x.new_full((), torch.nan), x)

    def _share(self, x: Tensor) -> Tensor:
        """Return p for rows x: (1, 1) or (1, d), with C before it in a stack."""
        p = self.p if self.by_column else self.p.unsqueeze(-1)
        return p.unsqueeze(-2).to(x.dtype)


def one_hot(y: Tensor | None, width: int, like: Tensor) -> Tensor:
    """Return labels y as rows of `width` columns, of the rows and dtype of `like`.

    -1, or no y at all, is unlabelled: a row of zeros.
    """
    if y is None:
        return like.new_zeros(*like.shape[:-1], width)
    # -1 counts from the end: an extra column, which is cut off.
    return torch.eye(width + 1, dtype=like.dtype, device=like.device)[y][..., :-1]


NORMALIZATIONS: dict[str, type[nn.Module]] = {"batch": BatchNorm, "layer": LayerNorm}
