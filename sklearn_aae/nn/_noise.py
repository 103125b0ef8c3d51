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

    It is as high and wide in proportion as the picture, and anywhere, see `rectangles`.
    The level is uniform in [0, 1].
    """
    u = uniform(x[..., :3])  # (B, 3) or (C, B, 3)
    side = amount.sqrt()
    return torch.where(rectangles(u[..., :2], (side, side), shape), u[..., 2, None], x)


def rectangles(
    corner: Tensor, sides: tuple[Tensor, Tensor], shape: tuple[int, int, int]
) -> Tensor:
    """Return which cells of pictures lie in a rectangle, (B, d) or (C, B, d).

    Where it reaches over an edge, it comes back at the opposite one, so that all pixels
    are inside equally often.

    Parameters
    ----------
    corner : Tensor of shape (B, 2) or (C, B, 2)
        Where it begins, from the top and from the left, in heights and widths.

    sides : pair of Tensor, each like (B, 1) or (C, B, 1)
        Its height and width, in those of the picture.

    shape : tuple of int
        Height, width and channels of a picture.
    """
    inside = []
    for at, (size, side) in enumerate(zip(shape[:2], sides, strict=True)):
        places = torch.arange(size, device=corner.device, dtype=corner.dtype) / size
        inside.append((places - corner[..., at, None]) % 1 < side)  # (B, size)
    rows, columns = inside
    cells = (rows[..., :, None] & columns[..., None, :]).flatten(-2)  # (B, h w)
    return cells.repeat_interleave(shape[2], -1) if shape[2] > 1 else cells


# What `noise_type` names.
NOISES: dict[str, Callable[..., Tensor]] = {
    "gaussian": gaussian,
    "mask": mask,
    "salt_and_pepper": salt_and_pepper,
}
