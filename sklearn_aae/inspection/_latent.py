"""LatentSpaceDisplay: where the rows lie in the code, and where the prior is."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils import check_consistent_length

from sklearn_aae.inspection._density import PlaneDensity, has_heads, prior_density
from sklearn_aae.inspection._estimator import check_count, check_estimator, check_plane
from sklearn_aae.inspection._labels import (
    UNLABELLED_COLOR,
    colored,
    draw_legend,
    looks_of,
    named_classes,
)
from sklearn_aae.inspection._latent_axes import finish_axes, latent_axes
from sklearn_aae.inspection._style import LINES, point_style, write_name
from sklearn_aae.inspection._thumbnails import Thumbnails, make_thumbnails
from sklearn_aae.tabular import UNLABELLED, column_values
from sklearn_aae.utils._optional import import_optional
from sklearn_aae.utils._typing import LabelsLike, TableLike

# Fractions within the contours of a prior, and within the one of each head.
COVERAGE, HEAD_COVERAGE = (0.5, 0.8, 0.95), (0.5,)


class LatentSpaceDisplay:
    """Codes of two columns as points, with contours of the prior.

    Where the points fill the contours evenly, the code has the prior's shape. Where
    codes are a head of a class or cluster and a style (``class_heads=True``), contours
    are those of each head, in its colour. Some rows can be shown as small pictures.
    Codes of three columns are points in space, without contours.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, 2) or (n_samples, 3)
        Codes of the rows.

    y : array-like of shape (n_samples,), default=None
        Labels or numbers that colour the points; points without one are grey. Of
        labels -1, None and NaN are none, of numbers that are not whole None and NaN.
        Whole numbers are labels; more than 20 different ones have a colour bar instead
        of a legend.

    density : PlaneDensity, default=None
        Density of the prior over a grid: ``x`` and ``y`` of shape (n_points,),
        ``values`` of shape (n_points, n_points), and ``heads``, a dict of such
        densities by the class or cluster. None draws no contours.

    y_name : str, default="y"
        What the legend calls y. It shortens names of more than 24 letters.

    thumbnails : Thumbnails, default=None
        Pictures of some rows: ``rows`` of shape (n_thumbnails,), ``pictures`` of shape
        (n_thumbnails, height, width) or with channels last, and ``size``, their longer
        side in units of the code.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.

    figure_ : matplotlib Figure
        Figure with the axes.

    points_ : list of matplotlib PathCollection
        Points of each class, or all of them.

    contours_ : matplotlib QuadContourSet or None
        Contours of the prior; None where there are those of heads.

    head_contours_ : dict of matplotlib QuadContourSet
        Contours of each head, by its class or cluster.

    thumbnails_ : list of matplotlib AxesImage
        The small pictures.

    See Also
    --------
    ManifoldDisplay : What the decoder makes of each place of the code.
    PriorMatchDisplay : The match of codes and prior, for codes of any size.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AAETransformer
    >>> from sklearn_aae.inspection import LatentSpaceDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> aae = AAETransformer(n_components=2, max_iter=2, random_state=0).fit(X)
    >>> display = LatentSpaceDisplay.from_estimator(aae, X, y)
    >>> display.codes.shape
    (150, 2)
    """

    def __init__(
        self,
        *,
        codes: np.ndarray,
        y: LabelsLike | None = None,
        density: PlaneDensity | None = None,
        y_name: str = "y",
        thumbnails: Thumbnails | None = None,
    ):
        self.codes = codes
        self.y = y
        self.density = density
        self.y_name = y_name
        self.thumbnails = thumbnails

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: TableLike,
        y: LabelsLike | None = None,
        *,
        grid_resolution: int = 200,
        thumbnails: bool | int = False,
        image_shape: Sequence[int] | None = None,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Encode rows and draw them.

        Parameters
        ----------
        estimator : object
            Fitted, with ``transform`` to two or three columns. Contours need
            ``prior_``. Of codes of more columns a fitted pipeline of the autoencoder
            and ``PCA(2)`` shows a plane.

        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows, or pictures of an estimator with ``image_shape``.

        y : array-like of shape (n_samples,), default=None
            Labels or numbers that colour the points; points without one are grey. Of
            labels -1, None and NaN are none, of numbers that are not whole None and
            NaN. To colour a class of -1, pass text. Whole numbers are labels; more than
            20 different ones have a colour bar instead of a legend. None with an
            estimator of heads is what it predicts. A cluster's head has the colour of
            the cluster if y are the predicted ones; it is black beside other labels.

        grid_resolution : int, default=200
            Number of points, along each side, at which the prior is evaluated.

        thumbnails : bool or int, default=False
            Whether to show some rows as small pictures, framed in the colours of y, or
            how many at most; True is 60. They are spread over the codes, and none hides
            another.

        image_shape : tuple of int, default=None
            Of thumbnails: height and width, or height, width and channels; their
            product is the number of features. None for that of the estimator.

        ax : matplotlib Axes, default=None
            Axes to draw in; None makes a figure.

        **kwargs : dict
            Passed on to `plot`.

        Returns
        -------
        display : LatentSpaceDisplay

        Raises
        ------
        TypeError
            If the estimator has no ``transform``.

        ValueError
            If a code does not have two or three columns, y not one value a row,
            `grid_resolution` is no whole number of at least 2, `thumbnails` none of at
            least 1, or `image_shape` does not fit.
        """
        check_estimator(cls.__name__, estimator, "transform")
        check_count("grid_resolution", grid_resolution, 2)
        codes = np.asarray(estimator.transform(X))
        check_plane(cls.__name__, estimator, codes.shape[1], (2, 3))
        y, name, head_name = _labels(estimator, X, y)
        if y is not None:
            check_consistent_length(codes, y)
        density = None
        if codes.shape[1] == 2 and hasattr(estimator, "prior_"):
            density = prior_density(estimator, grid_resolution)
            heads = density.heads.items()
            density.heads = {head_name(label): part for label, part in heads}
        return cls(
            codes=codes,
            y=y,
            density=density,
            y_name=name,
            thumbnails=make_thumbnails(estimator, X, codes, thumbnails, image_shape),
        ).plot(ax=ax, **kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        cmap: Any = None,
        coverage: Sequence[float] | None = None,
        scatter_kwargs: dict[str, Any] | None = None,
        contour_kwargs: dict[str, Any] | None = None,
        thumbnail_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the codes and the prior.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in, of ``projection="3d"`` for codes of three columns; None
            makes a figure.

        cmap : str or matplotlib Colormap, default=None
            Colours of y. None is, for up to 20 classes, eight colours that the
            colour-blind tell apart, and marks; "viridis" otherwise.

        coverage : sequence of float, default=None
            Fractions of the prior: each contour bounds the smallest region that holds
            one of them. None is (0.5, 0.8, 0.95), and 0.5 of each head.

        scatter_kwargs : dict, default=None
            Passed on to ``ax.scatter``. Without, points are the smaller and fainter the
            more there are.

        contour_kwargs : dict, default=None
            Passed on to ``ax.contour``.

        thumbnail_kwargs : dict, default=None
            Passed on to ``ax.imshow`` for each small picture, such as
            ``{"cmap": "gray_r"}``.

        Returns
        -------
        display : LatentSpaceDisplay

        Raises
        ------
        ImportError
            If matplotlib is absent.

        ValueError
            If `ax` has not as many dimensions as the codes.
        """
        plt = import_optional(
            "matplotlib.pyplot", feature="LatentSpaceDisplay.plot", extra="plot"
        )
        coloring = None if self.y is None else colored(self.y)
        names = () if coloring is None else named_classes(coloring[2])
        self.ax_ = ax = latent_axes(plt, ax, self.codes.shape[1], names)
        self.figure_ = ax.figure
        style = point_style(len(self.codes)) | (scatter_kwargs or {})
        looks = self._looks(plt, cmap, coloring)
        self._plot_points(cmap, style, coloring, looks)
        self.contours_, self.head_contours_ = None, {}
        if self.density is not None:
            self._plot_contours(looks, coverage, contour_kwargs or {})
        self.thumbnails_ = []
        if self.thumbnails is not None:
            frames = self._frames(coloring, looks)
            style = thumbnail_kwargs or {}
            drawn = self.thumbnails.draw(plt, ax, self.codes, frames, style)
            self.thumbnails_ = drawn
        finish_axes(ax)
        return self

    def _looks(self, plt, cmap, coloring) -> dict:
        """Return the look of each class, those without rows, too."""
        if coloring is None or coloring[2] is None:
            return {}
        names = coloring[2].tolist()
        heads = [] if self.density is None else list(self.density.heads)
        if not names or set(heads) & set(names):
            names = heads + [name for name in names if name not in heads]
        return looks_of(plt, cmap, names)

    def _plot_points(self, cmap, style: dict, coloring, looks: dict) -> None:
        """Draw the points: one colour, one for each class, or one for each value."""
        ax = self.ax_
        if coloring is None:
            self.points_ = [ax.scatter(*self.codes.T, **style)]
            return
        values, has_color, classes = coloring
        self.points_ = []
        if not has_color.all():
            style_of_none = {"color": UNLABELLED_COLOR, "zorder": 0.5}
            rest = self.codes[~has_color].T
            self.points_.append(ax.scatter(*rest, **style | style_of_none))
        codes = self.codes[has_color]
        if classes is None:
            points = ax.scatter(*codes.T, c=values, cmap=cmap or "viridis", **style)
            self.points_.insert(0, points)
            self.figure_.colorbar(points, ax=ax, label=self.y_name)
            return
        if "marker" in style:
            looks = {name: {"color": look["color"]} for name, look in looks.items()}
        self.points_[:0] = [
            ax.scatter(*codes[values == name].T, **style | looks[name])
            for name in classes.tolist()
        ]
        names = named_classes(classes)
        if len(names):
            names = [*names, "unlabelled"][: len(self.points_)]
            draw_legend(ax, self.points_, names, self.y_name)

    def _plot_contours(self, looks: dict, coverage, style: dict) -> None:
        """Draw the contours over the points: of the prior, or of each head."""
        if not self.density.heads:
            own = {"colors": "black", "linewidths": 0.9, "alpha": 0.7}
            levels = self.density.levels(coverage or COVERAGE)
            self.contours_ = self._plot_contour(self.density, levels, own | style)
        for name, density in self.density.heads.items():
            look = looks.get(name, {"color": "black"})
            own = {"colors": [look["color"]], "linewidths": 1.5}
            own["linestyles"] = LINES[look.get("marker", "o")]
            levels = density.levels(coverage or HEAD_COVERAGE)
            drawn = self._plot_contour(density, levels, own | style)
            self.head_contours_[name] = drawn
            write_name(self.ax_, density.middle(), name)

    def _plot_contour(self, density, levels, style: dict):
        """Draw contours of one density."""
        grid = density.x, density.y, density.values
        return self.ax_.contour(*grid, levels=levels, **style)

    def _frames(self, coloring, looks: dict) -> list[dict]:
        """Return the looks of the frames of the thumbnails."""
        rows = self.thumbnails.rows
        if coloring is None:
            return [{"color": "0.4"}] * len(rows)
        values, has_color, classes = coloring
        if classes is None:
            colors = self.points_[0].to_rgba(values)
        place, frames = np.cumsum(has_color) - 1, []
        for row in rows:
            if not has_color[row]:
                frames.append({"color": UNLABELLED_COLOR})
            elif classes is None:
                frames.append({"color": colors[place[row]]})
            else:
                frames.append(looks[values[place[row]]])
        return frames


def _labels(estimator, X, y) -> tuple[np.ndarray | None, str, Callable]:
    """Return what colours the points, its name, and how heads are called beside it."""
    name = getattr(y, "name", None)  # of a Series
    name = "y" if name is None else str(name)
    y = None if y is None else column_values(y)
    if not has_heads(estimator):
        return y, name, str
    told = hasattr(estimator, "classes_")
    predicted = np.asarray(estimator.predict(X))
    if y is None:
        y, name = predicted, "class" if told else "cluster"
        if UNLABELLED in y.tolist():  # here a class
            return y.astype(str), name, str
    if told or np.array_equal(y, predicted):
        return y, name, lambda label: label
    return y, name, "cluster {}".format
