"""The layers of a stack, with their gradients written out.

Letters: C models in a stack, B batch, d columns in, h columns out. Most of a stack's
step is products of small matrices and passes over memory. Written out, the gradients
take the products the way they are fast, and half the passes that autograd would. They
are made of torch's operations: a gradient penalty can differentiate them again.
"""

import torch
from torch import Tensor
from torch.autograd import Function

# Fewer columns than this are slow.
WIDE = 16


def product(a: Tensor, b: Tensor) -> Tensor:
    """Return a b for a of shape (C, B, d), b (C, d, h); few columns lie as rows.

    The kernels run along the last axis: of 128 columns to 8, the transpose of a product
    takes half the time.
    """
    if b.shape[-1] < WIDE:
        return torch.bmm(b.mT, a.mT).mT
    return torch.bmm(a, b)


def lies_transposed(shape: torch.Size) -> bool:
    """Whether weights (C, h, d) have h as their last axis in memory: the wider one.

    A product is slow where its result has a narrow last axis, and Adam wants the
    gradient of a weight to lie as the weight does.
    """
    return shape[-2] >= shape[-1]


class StackedLinear(Function):
    """y = x Wᵀ + b for x of shape (C, B, d), W of shape (C, h, d), b (C, h) or None."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return y of shape (C, B, h)."""
        ctx.save_for_backward(x, weight)
        if bias is None or weight.shape[-2] < WIDE:
            y = product(x, weight.mT)
            return y if bias is None else y + bias.unsqueeze(-2)
        return torch.baddbmm(bias.unsqueeze(-2), x, weight.mT)

    @staticmethod
    def backward(ctx, g: Tensor):
        """Return the gradients of x, W and b."""
        x, weight = ctx.saved_tensors
        of_x, of_weight, of_bias = ctx.needs_input_grad
        gx = gw = None
        if of_x:
            gx = g * weight if weight.shape[-2] == 1 else product(g, weight)
        if of_weight and lies_transposed(weight.shape):
            gw = torch.bmm(x.mT, g).mT
        elif of_weight:
            gw = torch.bmm(g.mT, x)
        return gx, gw, g.sum(-2) if of_bias else None


class StackedBatchNorm(Function):
    """y = (x - mean) / √(var + ε) * weight + bias over the rows of each model."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor, eps: float):
        """Return y of shape (C, B, h), and the mean and variance (C, h)."""
        mean = x.mean(-2)
        centered = x - mean.unsqueeze(-2)
        var = centered.square().mean(-2)  # x.var(-2) is 20 times slower on a CPU
        rstd = (var + eps).rsqrt()
        scale = weight * rstd
        y = torch.addcmul(bias.unsqueeze(-2), centered, scale.unsqueeze(-2))
        ctx.save_for_backward(centered, weight, rstd)
        ctx.mark_non_differentiable(mean, var)
        return y, mean, var

    @staticmethod
    def backward(ctx, g: Tensor, *_):
        """Return the gradients of x, weight and bias."""
        centered, weight, rstd = ctx.saved_tensors
        n = centered.shape[-2]
        total, moment = g.sum(-2), (g * centered).sum(-2)
        scale = weight * rstd
        of_weight, share = moment * rstd, scale / -n
        # What would move the mean of a column, or its variance, is taken off.
        shift, slope = share * total, share * rstd * of_weight
        gx = torch.addcmul(shift.unsqueeze(-2), g, scale.unsqueeze(-2))
        gx = torch.addcmul(gx, centered, slope.unsqueeze(-2))
        return gx, of_weight, total, None
