"""Many small images as one picture."""

import numpy as np

# Channels that matplotlib draws: red, green and blue, and opacity.
COLOURS = (3, 4)


def mosaic(images: np.ndarray) -> np.ndarray:
    """Put a grid of images side by side.

    Parameters
    ----------
    images : ndarray of shape (n_rows, n_columns, height, width, ...)
        The images. Channels that are no colours give way to their mean.

    Returns
    -------
    image : ndarray of shape (n_rows * height, n_columns * width, ...)
    """
    if images.ndim == 5 and images.shape[4] not in COLOURS:
        images = images.mean(4)
    n_rows, n_columns, height, width, *channels = images.shape
    rows = np.swapaxes(images, 1, 2)
    return rows.reshape(n_rows * height, n_columns * width, *channels)


def draw_mosaic(ax, images: np.ndarray, x: np.ndarray, y: np.ndarray, style: dict):
    """Draw a grid of images with their middles at given places.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes to draw in.

    images : ndarray of shape (n_rows, n_columns, height, width, ...)
        The images; the first row is the top.

    x : ndarray of shape (n_columns,)
        Middles of the columns, evenly rising.

    y : ndarray of shape (n_rows,)
        Middles of the rows, evenly falling.

    style : dict
        Arguments of ``ax.imshow``.

    Returns
    -------
    image : matplotlib AxesImage
    """
    columns, rows = _edges(x), _edges(y)
    extent = (columns[0], columns[-1], rows[-1], rows[0])
    own = {"extent": extent, "aspect": "auto"}
    image = ax.imshow(mosaic(images), **own | style)
    line = {"color": "0.4", "linewidth": 2}
    ax.vlines(columns[1:-1], rows[-1], rows[0], **line)
    ax.hlines(rows[1:-1], columns[0], columns[-1], **line)
    n_rows, n_columns, height, width = images.shape[:4]
    ax.set_box_aspect(n_rows * height / (n_columns * width))
    return image


def _edges(middles: np.ndarray) -> np.ndarray:
    """Return the edges of equal cells with these middles; one cell has width 1."""
    step = middles[1] - middles[0] if len(middles) > 1 else 1.0
    return np.append(middles - step / 2, middles[-1] + step / 2)
