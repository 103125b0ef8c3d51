"""Noise on rows in training: what a denoising autoencoder takes away again.

Letters: C models in a stack, B batch, d cells of a row.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Draw = Callable[[Tensor], Tensor]


def gaussian(x: Tensor, amount: Tensor, normal: Draw, **_) -> Tensor:
    """Add Gaussian noise of standard deviation `amount`."""
    return x + amount * normal(x)


def salt_and_pepper(x: Tensor, amount: Tensor, uniform: Draw, **_) -> Tensor:
    """Set a share `amount` of the cells to 0 or 1, each as often."""
    u = uniform(x)
    # Below the share all numbers are equally likely: halves of it are, too.
    return torch.where(u < amount, (u < amount / 2).to(x), x)


def mask(
    x: Tensor, amount: Tensor, uniform: Draw, shape: tuple[int, int, int], **_
) -> Tensor:
    """Cover a rectangle of each picture, a share `amount` of it, by one grey level.

    It is as high and wide in proportion as the picture, and anywhere; where it reaches
    over an edge, it comes back at the opposite one, so that all pixels are covered
    equally often. The level is uniform in [0, 1].
    """
    height, width, n = shape
    u = uniform(x[..., :3])  # (B, 3) or (C, B, 3)
    side, covered = amount.sqrt(), []
    for at, size in enumerate((height, width)):
        places = torch.arange(size, device=x.device, dtype=x.dtype) / size
        covered.append((places - u[..., at, None]) % 1 < side)  # (B, size)
    rows, columns = covered
    inside = (rows[..., :, None] & columns[..., None, :]).flatten(-2)  # (B, h w)
    inside = inside.repeat_interleave(n, -1) if n > 1 else inside
    return torch.where(inside, u[..., 2, None], x)


# What `noise_type` names.
NOISES: dict[str, Callable[..., Tensor]] = {
    "gaussian": gaussian,
    "mask": mask,
    "salt_and_pepper": salt_and_pepper,
}
