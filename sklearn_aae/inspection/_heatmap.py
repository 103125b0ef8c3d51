"""HeatmapDisplay: where pictures are unlike normal ones."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from sklearn_aae.inspection._estimator import (
    as_pictures,
    check_count,
    check_estimator,
    take_rows,
)
from sklearn_aae.inspection._mosaic import mosaic
from sklearn_aae.utils._optional import import_optional
from sklearn_aae.utils._typing import TableLike


class HeatmapDisplay:
    """Pictures, their reconstructions, heat maps, and masks where there are any.

    Parameters
    ----------
    pictures : ndarray of shape (n_images, height, width) or with channels last
        Pictures.

    reconstructions : ndarray of the same shape
        What a detector makes of their codes.

    heat : ndarray of shape (n_images, height, width)
        How surprising each place is.

    masks : ndarray of shape (n_images, height, width), default=None
        Where the defects are, if that is known.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the pictures.

    figure_ : matplotlib Figure
        Figure with the axes.

    images_ : list of matplotlib AxesImage
        Rows of pictures, from the top.

    colorbar_ : matplotlib Colorbar
        Of the heat maps.

    See Also
    --------
    ReconstructionDisplay : Pictures and their reconstructions alone.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_aae import AAEOutlierDetector
    >>> from sklearn_aae.inspection import HeatmapDisplay
    >>> X = load_digits().images / 16
    >>> options = {"n_init": 1, "max_iter": 2, "random_state": 0}
    >>> detector = AAEOutlierDetector(image_shape=(8, 8), **options).fit(X)
    >>> HeatmapDisplay.from_estimator(detector, X[:5]).heat.shape
    (5, 8, 8)
    """

    def __init__(
        self,
        *,
        pictures: np.ndarray,
        reconstructions: np.ndarray,
        heat: np.ndarray,
        masks: np.ndarray | None = None,
    ):
        self.pictures, self.reconstructions = pictures, reconstructions
        self.heat, self.masks = heat, masks

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: TableLike,
        *,
        masks: ArrayLike | None = None,
        n_images: int = 10,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Ask a detector where the first pictures are unlike normal ones, and draw it.

        Parameters
        ----------
        estimator : object
            Fitted on pictures, with ``image_shape``, ``reconstruct`` and ``localize``.

        X : {array-like, sparse matrix, DataFrame} of shape \
                (n_samples, height, width[, channels]) or (n_samples, n_features)
            Pictures.

        masks : array-like of shape (n_samples, height, width) or \
                (n_samples, height * width), default=None
            Where the defects are.

        n_images : int, default=10
            How many of the first pictures to draw.

        ax : matplotlib Axes, default=None
            Axes to draw in; None makes a figure.

        **kwargs : dict
            Passed on to `plot`.

        Returns
        -------
        display : HeatmapDisplay

        Raises
        ------
        TypeError
            If the estimator does not localize.

        ValueError
            If it was not fitted on pictures, the masks are of another shape, `n_images`
            is no whole number of at least 1, or X has no rows.
        """
        check_estimator(cls.__name__, estimator, "localize", "reconstruct")
        shape = getattr(estimator, "image_shape", None)
        if shape is None:
            raise ValueError(
                f"{cls.__name__} draws pictures, but {type(estimator).__name__} was "
                "not fitted on pictures. Fit it with image_shape=(height, width). Of "
                "tables use OutlierContributionDisplay.from_estimator(estimator, X)."
            )
        check_count("n_images", n_images)
        rows = take_rows(X, slice(n_images))
        pictures = as_pictures(rows, shape)
        heat = as_pictures(estimator.localize(rows), shape)
        if heat.ndim == 4:  # of each place, not of its channels
            heat = heat.mean(-1)
        if masks is not None:
            masks = np.asarray(masks)[:n_images]
            if masks.size != heat.size:
                raise ValueError(
                    f"masks has shape {masks.shape} for {len(heat)} pictures, and must "
                    f"have {heat.shape}: one value for each place."
                )
            masks = masks.reshape(heat.shape)
        rebuilt = as_pictures(estimator.reconstruct(rows), shape)
        return cls(
            pictures=pictures, reconstructions=rebuilt, heat=heat, masks=masks
        ).plot(ax=ax, **kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        cmap: Any = "gray",
        heat_cmap: Any = "inferno",
        heat_max: float | None = None,
        **kwargs: Any,
    ) -> Self:
        """Draw pictures, reconstructions, heat maps and masks below each other.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; None makes a figure.

        cmap : str or matplotlib Colormap, default="gray"
            Colours of pictures of one channel, and of masks.

        heat_cmap : str or matplotlib Colormap, default="inferno"
            Colours of the heat maps, from 0 to `heat_max`.

        heat_max : float, default=None
            What has the last colour, to draw several calls alike, or to leave normal
            pictures dark; None is the hottest place of these.

        **kwargs : dict
            Passed on to ``ax.imshow``, for all rows.

        Returns
        -------
        display : HeatmapDisplay

        Raises
        ------
        ImportError
            If matplotlib is absent.
        """
        plt = import_optional(
            "matplotlib.pyplot", feature="HeatmapDisplay.plot", extra="plot"
        )
        span = {"vmin": self.pictures.min(), "vmax": self.pictures.max()}
        rows = [
            ("picture", self.pictures, {"cmap": cmap} | span),
            ("reconstructed", self.reconstructions, {"cmap": cmap} | span),
            ("heat map", self.heat, {"cmap": heat_cmap, "vmin": 0.0, "vmax": heat_max}),
        ]
        if self.masks is not None:
            rows.append(("mask", self.masks, {"cmap": cmap}))
        n_images, height, width = self.heat.shape
        if ax is None:
            size = (0.8 * n_images + 2.0, 0.8 * len(rows) * height / width + 0.2)
            _, ax = plt.subplots(figsize=size, layout="compressed")
        self.images_ = []
        for i, (_, images, style) in enumerate(rows):
            bottom = (len(rows) - i - 1) * height
            place = (0, n_images * width, bottom, bottom + height)
            own = {"extent": place, "aspect": "equal"} | style | kwargs
            self.images_.append(ax.imshow(mosaic(images[None]), **own))
        ax.set(xlim=(0, n_images * width), ylim=(0, len(rows) * height), xticks=[])
        middles = (np.arange(len(rows))[::-1] + 0.5) * height
        ax.set_yticks(middles, [name for name, _, _ in rows])
        ax.tick_params(left=False)
        look = {"label": "surprise", "extend": "neither" if heat_max is None else "max"}
        self.colorbar_ = ax.figure.colorbar(self.images_[2], ax=ax, **look)
        self.ax_, self.figure_ = ax, ax.figure
        return self
