"""Some rows as small pictures at their codes."""

from dataclasses import dataclass

import numpy as np

from sklearn_aae.inspection._estimator import (
    as_pictures,
    check_count,
    picture_shape,
    take_rows,
)
from sklearn_aae.inspection._style import LINES

# How many pictures there are at most, where nobody says.
N_THUMBNAILS = 60

OF_TABLES = "Of tables leave thumbnails=False."

# Sides of pictures, in parts of the codes' range without its tails.
SMALLEST, LARGEST = 1 / 40, 1 / 8
TAIL = 0.01


@dataclass
class Thumbnails:
    """Pictures of some rows, spread over the codes, none of which hides another.

    Attributes
    ----------
    rows : ndarray of shape (n_thumbnails,)
        Which rows they are.

    pictures : ndarray of shape (n_thumbnails, height, width) or with channels last
        Their pictures.

    size : float
        The longer side of a picture, in units of the code.
    """

    rows: np.ndarray
    pictures: np.ndarray
    size: float

    def draw(self, plt, ax, codes: np.ndarray, frames: list[dict], style: dict) -> list:
        """Draw the pictures at the codes of their rows, in frames of some looks."""
        span = {"vmin": self.pictures.min(), "vmax": self.pictures.max()}
        style = {"cmap": "gray", "zorder": 3.0} | span | style
        width, height = _sides(self.pictures, self.size)
        images = []
        for (x, y), picture, frame in zip(
            codes[self.rows], self.pictures, frames, strict=True
        ):
            left, low = x - width / 2, y - height / 2
            extent = (left, left + width, low, low + height)
            image = ax.imshow(picture, extent=extent, **style)
            image.sticky_edges.x.clear()  # the outermost keep a margin
            image.sticky_edges.y.clear()
            images.append(image)
            line = {"linestyle": LINES[frame.get("marker", "o")], "linewidth": 1.5}
            line |= {"edgecolor": frame["color"], "fill": False, "zorder": 3.1}
            ax.add_patch(plt.Rectangle((left, low), width, height, **line))
        ax.autoscale_view()
        return images


def make_thumbnails(estimator, X, codes, thumbnails, image_shape) -> Thumbnails | None:
    """Return pictures of some rows, or None where `thumbnails` is False.

    Raises
    ------
    ValueError
        If `thumbnails` is no number of pictures, codes are not of a plane, or the shape
        of pictures is not known or does not fit.
    """
    if thumbnails is False or thumbnails is None:
        return None
    number = N_THUMBNAILS if thumbnails is True else thumbnails
    check_count("thumbnails", number)
    if codes.shape[1] != 2:
        raise ValueError(
            f"Thumbnails lie in a plane, but codes have {codes.shape[1]} columns. "
            "Leave thumbnails=False, or fit with n_components=2."
        )
    image_shape = picture_shape(image_shape, estimator, OF_TABLES)
    one = as_pictures(take_rows(X, np.arange(1)), image_shape)
    rows, size = _spread(codes / _sides(one, 1.0), number)
    pictures = as_pictures(take_rows(X, rows), image_shape)
    return Thumbnails(rows, pictures, size)


def _sides(pictures: np.ndarray, size: float) -> np.ndarray:
    """Return width and height of pictures whose longer side is `size`."""
    height, width = pictures.shape[1:3]
    return size * np.array([width, height]) / max(width, height)


def _spread(points: np.ndarray, number: int) -> tuple[np.ndarray, float]:
    """Return some points that are far from each other, and squares that fit them.

    Each is the one farthest from those before, from the middle on: so they cover what
    the points cover, however dense. Squares of the side that is returned, around them,
    do not overlap.
    """
    low, high = np.quantile(points, [TAIL, 1 - TAIL], axis=0)
    span = (high - low).max() or 1.0
    chosen = [int(np.abs(points - (low + high) / 2).max(1).argmin())]
    distance, side = np.full(len(points), np.inf), LARGEST * span
    while len(chosen) < number:
        gap = np.abs(points - points[chosen[-1]]).max(1)
        np.minimum(distance, gap, out=distance)
        farthest = int(distance.argmax())
        if distance[farthest] < SMALLEST * span:
            break
        chosen.append(farthest)
        side = min(side, distance[farthest])
    return np.array(chosen), float(side)
