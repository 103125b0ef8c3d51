"""ReconstructionDisplay: what the code keeps of some images."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from sklearn_aae.inspection._estimator import (
    as_pictures,
    check_count,
    check_estimator,
    picture_shape,
    take_rows,
)
from sklearn_aae.inspection._mosaic import draw_mosaic
from sklearn_aae.utils._optional import import_optional
from sklearn_aae.utils._typing import TableLike

OF_TABLES = (
    "Of tables OutlierContributionDisplay, of an AAEOutlierDetector, shows which cells "
    "a model cannot explain."
)


class ReconstructionDisplay:
    """Images above their reconstructions, of models of pictures.

    Parameters
    ----------
    originals : ndarray of shape (n_images, height, width) or with channels last
        Images.

    reconstructions : ndarray of the same shape
        What the decoder makes of their codes.

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
    ManifoldDisplay : Images decoded from a grid of codes.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_aae import AAETransformer
    >>> from sklearn_aae.inspection import ReconstructionDisplay
    >>> X, _ = load_digits(return_X_y=True)
    >>> aae = AAETransformer(n_components=8, max_iter=2, random_state=0).fit(X)
    >>> display = ReconstructionDisplay.from_estimator(aae, X, image_shape=(8, 8))
    >>> display.reconstructions.shape
    (10, 8, 8)
    """

    def __init__(self, *, originals: np.ndarray, reconstructions: np.ndarray):
        self.originals = originals
        self.reconstructions = reconstructions

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: TableLike,
        *,
        image_shape: Sequence[int] | None = None,
        n_images: int = 10,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Reconstruct the first rows and draw them.

        Parameters
        ----------
        estimator : object
            Fitted, with ``reconstruct``, or with ``transform`` and
            ``inverse_transform``.

        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows, or pictures of an estimator with ``image_shape``.

        image_shape : tuple of int, default=None
            Height and width, or height, width and channels; their product is the
            number of features. None for that of the estimator.

        n_images : int, default=10
            How many of the first rows to draw.

        ax : matplotlib Axes, default=None
            Axes to draw in; None makes a figure.

        **kwargs : dict
            Passed on to `plot`.

        Returns
        -------
        display : ReconstructionDisplay

        Raises
        ------
        TypeError
            If the estimator cannot reconstruct.

        ValueError
            If `image_shape` does not fit the number of features, `n_images` is no whole
            number of at least 1, or X has no rows.
        """
        check_count("n_images", n_images)
        rows = take_rows(X, slice(n_images))
        rebuilt = _reconstruct(cls.__name__, estimator, rows)
        shape = picture_shape(image_shape, estimator, OF_TABLES)
        return cls(
            originals=as_pictures(rows, shape),
            reconstructions=as_pictures(rebuilt, shape),
        ).plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, *, cmap: Any = "gray", **kwargs: Any) -> Self:
        """Draw the images in a row, their reconstructions below.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; None makes a figure.

        cmap : str or matplotlib Colormap, default="gray"
            Colours of images of one channel.

        **kwargs : dict
            Passed on to ``ax.imshow``. Without `vmin` and `vmax` the originals span
            the colours.

        Returns
        -------
        display : ReconstructionDisplay

        Raises
        ------
        ImportError
            If matplotlib is absent.
        """
        plt = import_optional(
            "matplotlib.pyplot", feature="ReconstructionDisplay.plot", extra="plot"
        )
        n_images, height, width = self.originals.shape[:3]
        if ax is None:
            size = (0.8 * n_images + 1.2, 1.6 * height / width + 0.2)
            _, ax = plt.subplots(figsize=size, layout="constrained")
        span = {"vmin": self.originals.min(), "vmax": self.originals.max()}
        pair = np.stack([self.originals, self.reconstructions])
        places = np.arange(n_images), np.array([1, 0])
        self.image_ = draw_mosaic(ax, pair, *places, {"cmap": cmap} | span | kwargs)
        ax.set_yticks(places[1], ["original", "reconstructed"])
        ax.tick_params(left=False)
        ax.set_xticks([])
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _reconstruct(display: str, estimator, rows):
    """Encode and decode rows."""
    if hasattr(estimator, "reconstruct"):
        check_estimator(display, estimator)
        return estimator.reconstruct(rows)
    check_estimator(display, estimator, "transform", "inverse_transform")
    return estimator.inverse_transform(estimator.transform(rows))
