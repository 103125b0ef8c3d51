"""ManifoldDisplay: what the decoder makes of each place of the code."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from sklearn_aae.inspection._estimator import (
    as_pictures,
    check_count,
    check_estimator,
    check_plane,
    picture_shape,
)
from sklearn_aae.inspection._mosaic import draw_mosaic
from sklearn_aae.utils._optional import import_optional
from sklearn_aae.utils._prior import prior_codes

OF_TABLES = "Of tables LatentSpaceDisplay shows what lies where in the code."

# Draws whose quantiles bound the grid.
N_DRAWS = 100_000


class ManifoldDisplay:
    """Decoded images over a grid of codes, of models of pictures.

    The grid covers the square of a prior of two columns. Where the prior is smooth and
    the code has its shape, neighbours change little by little.

    Parameters
    ----------
    images : ndarray of shape (n_rows, n_columns, height, width) or with channels last
        The image at ``(x[j], y[i])`` in row i and column j.

    x : ndarray of shape (n_columns,)
        First column of the codes.

    y : ndarray of shape (n_rows,)
        Second column of the codes, falling: the picture's first row is its top.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.

    figure_ : matplotlib Figure
        Figure with the axes.

    image_ : matplotlib AxesImage
        All images as one.

    See Also
    --------
    LatentSpaceDisplay : Where the rows lie in the same plane.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_aae import AAETransformer
    >>> from sklearn_aae.inspection import ManifoldDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> aae = AAETransformer(n_components=2, max_iter=2, random_state=0).fit(X)
    >>> display = ManifoldDisplay.from_estimator(aae, image_shape=(8, 8))
    >>> display.images.shape
    (15, 15, 8, 8)
    """

    def __init__(self, *, images: np.ndarray, x: np.ndarray, y: np.ndarray):
        self.images = images
        self.x = x
        self.y = y

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        image_shape: Sequence[int] | None = None,
        grid_resolution: int = 15,
        coverage: float = 0.95,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Decode a grid of codes and draw it.

        Parameters
        ----------
        estimator : object
            Fitted, with ``inverse_transform`` and a ``prior_`` of two columns.

        image_shape : tuple of int, default=None
            Height and width, or height, width and channels; their product is the
            number of features. None for that of the estimator.

        grid_resolution : int, default=15
            Number of images along each side.

        coverage : float, default=0.95
            Share of the prior, in each column, that lies between the outermost images.

        ax : matplotlib Axes, default=None
            Axes to draw in; None makes a figure.

        **kwargs : dict
            Passed on to `plot`.

        Returns
        -------
        display : ManifoldDisplay

        Raises
        ------
        TypeError
            If the estimator has no ``inverse_transform`` or no ``prior_``.

        ValueError
            If a code does not have two columns, `image_shape` does not fit, or
            `grid_resolution` is no whole number of at least 1.
        """
        check_estimator(cls.__name__, estimator, "inverse_transform", "prior_")
        check_count("grid_resolution", grid_resolution)
        draws = prior_codes(estimator, N_DRAWS)
        check_plane(cls.__name__, estimator, draws.shape[1])
        tails = (1 - coverage) / 2, (1 + coverage) / 2
        x, y = np.quantile(draws.astype(float), tails, axis=0).T
        x, y = np.linspace(*x, grid_resolution), np.linspace(*y[::-1], grid_resolution)
        codes = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        rows = estimator.inverse_transform(codes)
        shape = picture_shape(image_shape, estimator, OF_TABLES)
        images = as_pictures(rows, shape)
        images = images.reshape(len(y), len(x), *images.shape[1:])
        return cls(images=images, x=x, y=y).plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, *, cmap: Any = "gray", **kwargs: Any) -> Self:
        """Draw the images side by side, along the axes of the code.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; None makes a figure.

        cmap : str or matplotlib Colormap, default="gray"
            Colours of images of one channel.

        **kwargs : dict
            Passed on to ``ax.imshow``.

        Returns
        -------
        display : ManifoldDisplay

        Raises
        ------
        ImportError
            If matplotlib is absent.
        """
        plt = import_optional(
            "matplotlib.pyplot", feature="ManifoldDisplay.plot", extra="plot"
        )
        if ax is None:
            _, ax = plt.subplots(figsize=(6.0, 6.0), layout="constrained")
        style = {"cmap": cmap} | kwargs
        self.image_ = draw_mosaic(ax, self.images, self.x, self.y, style)
        ax.set(xlabel="$z_1$", ylabel="$z_2$")
        self.ax_, self.figure_ = ax, ax.figure
        return self
