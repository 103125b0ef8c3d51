"""Pictures a little moved, cut or mirrored, as an encoder sees them in training.

Letters: C models in a stack, B batch, d cells of a picture.
"""

from collections.abc import Callable, Collection

import torch
from torch import Tensor
from torch.nn import functional as F

AUGMENTATIONS = ("shift", "crop", "flip")
# Share of height and width that a picture is moved by, at most; least share of them
# that a crop keeps.
SHIFT, KEPT = 0.1, 0.8


def augment(
    x: Tensor,
    names: Collection[str],
    shape: tuple[int, int, int],
    uniform: Callable[[Tensor], Tensor],
) -> Tensor:
    """Return pictures of shape (B, d) or (C, B, d), each changed in a way of its own.

    Parameters
    ----------
    x : Tensor of shape (B, d) or (C, B, d)
        Pictures.

    names : collection of str
        "shift" moves a picture by up to a tenth of its height and width, and what comes
        in is 0; "crop" takes 80 to 100 % of both, anywhere, and stretches them to the
        whole; "flip" mirrors every second one, left for right.

    shape : tuple of int
        Height, width and channels.

    uniform : callable
        ``uniform(like) -> Tensor`` draws U[0, 1); the caller owns the randomness.
    """
    u = uniform(x[..., :6])
    zero, one = torch.zeros_like(u[..., 0]), torch.ones_like(u[..., 0])
    size, move = one, [zero, zero]
    if "crop" in names:
        size = KEPT + (1 - KEPT) * u[..., 0]
        # In units of half a picture, as torch's grids are.
        move = [(2 * u[..., i] - 1) * (1 - size) for i in (1, 2)]
    if "shift" in names:
        pairs = zip(move, (3, 4), strict=True)
        move = [m + 2 * SHIFT * (2 * u[..., i] - 1) for m, i in pairs]
    mirror = torch.where(u[..., 5] < 0.5, -one, one) if "flip" in names else one
    rows = [size * mirror, zero, move[1], zero, size, move[0]]
    matrices = torch.stack(rows, -1).reshape(-1, 2, 3)
    maps = x.reshape(-1, *shape).permute(0, 3, 1, 2)
    grid = F.affine_grid(matrices, list(maps.shape), align_corners=False)
    moved = F.grid_sample(maps, grid, align_corners=False)
    return moved.permute(0, 2, 3, 1).reshape(x.shape)
