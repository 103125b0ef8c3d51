"""Pictures moved, cut, turned or mirrored, as an encoder in training sees them.

Letters: C models in a stack, B batch, d cells of a picture, H height, W width.
"""

import math
from collections.abc import Callable, Collection

import torch
from torch import Tensor
from torch.nn import functional as F

AUGMENTATIONS = ("shift", "crop", "flip", "rotate", "shear", "zoom")
# Share of height and width that a picture is moved by, at most; least share of them
# that a crop keeps.
SHIFT, KEPT = 0.1, 0.8
# Radians of a turn and slope of a slant, at most; the logarithm of the largest zoom.
TURN, SLOPE, ZOOM = math.radians(15), 0.3, math.log(1.15)


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
        whole; "flip" mirrors every second one, left for right; "rotate" turns it by up
        to 15 degrees, "shear" slants it by up to 0.3 of a column for each row, and
        "zoom" makes it up to 15 % larger or smaller, all three around its middle.

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
    (xx, xy), (yx, yy) = _turned(x, names, shape, uniform) or ((one, zero), (zero, one))
    rows = [size * mirror * xx, size * mirror * xy, move[1]]
    rows += [size * yx, size * yy, move[0]]
    matrices = torch.stack(rows, -1).reshape(-1, 2, 3)
    maps = x.reshape(-1, *shape).permute(0, 3, 1, 2)
    grid = F.affine_grid(matrices, list(maps.shape), align_corners=False)
    moved = F.grid_sample(maps, grid, align_corners=False)
    return moved.permute(0, 2, 3, 1).reshape(x.shape)


def _turned(x, names, shape, uniform) -> tuple | None:
    """Return the matrix of turns, slants and zooms, or None if there are none of them.

    In pixels, a place p of the changed picture shows the place A p of x, both from the
    middle: A = R(t) S(s) / e^z, where R turns by t and S adds s rows to the columns. In
    halves of a picture, as torch's grids are, column and row have the units W/2 and
    H/2. It has draws of its own: the others have those that they had without it.
    """
    if not {"rotate", "shear", "zoom"} & set(names):
        return None
    aspect = shape[0] / shape[1]
    bounds = {"rotate": TURN, "shear": SLOPE, "zoom": ZOOM}
    draws = 2 * uniform(x[..., : len(bounds)]) - 1
    t, s, z = (
        bound * draws[..., i] if name in names else torch.zeros_like(draws[..., i])
        for i, (name, bound) in enumerate(bounds.items())
    )
    cos, sin, shrink = t.cos(), t.sin(), (-z).exp()
    columns = shrink * cos, shrink * (s * cos - sin) * aspect
    rows = shrink * sin / aspect, shrink * (s * sin + cos)
    return columns, rows
