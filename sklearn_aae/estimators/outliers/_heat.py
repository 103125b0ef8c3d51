"""Heat maps of pictures: how surprising each place is, alone and with what is near.

Letters: B pictures, h height, w width, c channels, d = h w c cells.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

# Standard deviations of the Gaussian windows, in pixels, besides single places; and how
# many of them a window reaches.
WINDOWS, REACH = (1.0, 2.0), 3.0
# Squared errors of less hardly count, even where pictures are all alike: a tenth of the
# range, squared, and as much again.
LEAST_ERROR = 0.02
# Share of the places that a picture is scored by.
SCORED = 0.01


def heat(
    residual: Tensor,
    usual: Tensor,
    shape: tuple[int, int, int],
    *,
    places: bool = True,
) -> Tensor:
    """Return how surprising places are, (B, d): mean of log(1 + r / (u + 0.02)).

    Parameters
    ----------
    residual : Tensor of shape (B, d)
        Squared errors r of pixels in [0, 1]; mean over channels and window.

    usual : Tensor of shape (d,)
        Their mean u on normal pictures, over the same window.

    shape : tuple of int
        Height, width and channels.

    places : bool, default=True
        Whether single places count beside the windows. They show where exactly a defect
        is; that there is one, its surroundings tell better.
    """
    pairs = zip(_windows(residual, shape), _windows(usual[None], shape), strict=True)
    maps = [(r / (u + LEAST_ERROR)).log1p() for r, u in pairs]
    mean = torch.stack(maps if places else maps[1:]).mean(0).flatten(1)  # (B, h w)
    return mean.repeat_interleave(shape[2], -1) if shape[2] > 1 else mean


def hottest(cells: Tensor, n_channels: int) -> Tensor:
    """Return the mean of a picture's hottest places, alike in all channels: (B,)."""
    places = cells[..., ::n_channels]
    n = max(1, math.ceil(SCORED * places.shape[-1]))
    return places.topk(n, dim=-1).values.mean(-1)


def _windows(x: Tensor, shape: tuple[int, int, int]) -> list[Tensor]:
    """Return means over channels, of single places and over windows, (B, 1, h, w)."""
    places = x.reshape(-1, *shape).mean(-1).unsqueeze(1)
    return [places, *(_blurred(places, sigma) for sigma in WINDOWS)]


def _blurred(places: Tensor, sigma: float) -> Tensor:
    """Return maps after a Gaussian filter; edges go on as they end."""
    n = round(REACH * sigma)
    at = torch.arange(-n, n + 1, device=places.device, dtype=places.dtype)
    weight = (-0.5 * (at / sigma).square()).exp()
    weight = weight / weight.sum()
    padded = F.pad(places, (n, n, n, n), mode="replicate")
    rows = F.conv2d(padded, weight.view(1, 1, -1, 1))
    return F.conv2d(rows, weight.view(1, 1, 1, -1))
