"""LatentSpaceDisplay: where the rows lie in the code, and where the prior is."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils import check_consistent_length

from sklearn_aae.inspection._density import (
    LineDensity,
    PlaneDensity,
    line_density,
    prior_density,
)
from sklearn_aae.inspection._estimator import check_count, check_estimator, check_plane
from sklearn_aae.inspection._histogram import plot_bars, plot_numbers
from sklearn_aae.inspection._labels import (
    UNLABELLED_COLOR,
    colored,
    draw_legend,
    drawn_labels,
    looks_of,
    named_classes,
)
from sklearn_aae.inspection._latent_axes import finish_axes, latent_axes
from sklearn_aae.inspection._style import LINES, point_style, write_name
from sklearn_aae.inspection._thumbnails import Thumbnails, make_thumbnails
from sklearn_aae.utils._optional import import_optional
from sklearn_aae.utils._typing import LabelsLike, TableLike

# Fractions within the contours of a prior, and within the one of each head.
COVERAGE, HEAD_COVERAGE = (0.5, 0.8, 0.95), (0.5,)

# What shows codes of any size.
OF_MORE = "make_pipeline(model, PCA(2).fit(model.transform(X))) for a plane of them"


class LatentSpaceDisplay:
    """Codes of one to three columns, and the prior: points, or a histogram.

    Of two columns, where the points fill the contours of the prior evenly, the code has
    the prior's shape. Where codes are a head of a class or cluster and a style
    (``class_heads=True``), contours are those of each head, in its colour. Some rows
    can be shown as small pictures.

    Codes of three columns are points in space, without contours. Those of one are bars
    upon each other, each class's of the area of its share in the rows, and the density
    of the prior is a line. Numbers that are no labels are points over such a code.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
        Codes of the rows, of one to three columns.

    y : array-like of shape (n_samples,), default=None
        Labels or numbers that colour the points; points without one are grey. Of
        labels -1, None and NaN are none, of numbers that are not whole None and NaN.
        Whole numbers are labels; more than 20 different ones have a colour bar instead
        of a legend.

    density : PlaneDensity or LineDensity, default=None
        Density of the prior over a grid: ``x`` and ``y`` of shape (n_points,),
        ``values`` of shape (n_points, n_points), and ``heads``, a dict of such
        densities by the class or cluster. Of codes of one column ``x`` and ``values``
        of shape (n_points,). None draws no prior.

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

    points_ : list of matplotlib PathCollection or StepPatch
        Points, or bars, of each class, or all of them.

    contours_ : matplotlib QuadContourSet or None
        Contours of the prior; None where there are those of heads.

    head_contours_ : dict of matplotlib QuadContourSet
        Contours of each head, by its class or cluster.

    line_ : matplotlib Line2D or None
        Density of the prior beside codes of one column.

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
        density: PlaneDensity | LineDensity | None = None,
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
            Fitted, with ``transform`` to one, two or three columns. Contours need
            ``prior_``. Of codes of more columns a fitted pipeline shows a plane:
            ``make_pipeline(model, PCA(2).fit(model.transform(X)))``.

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
            If a code has more than three columns, y not one value a row,
            `grid_resolution` is no whole number of at least 2, `thumbnails` none of at
            least 1, or `image_shape` does not fit.
        """
        check_estimator(cls.__name__, estimator, "transform")
        check_count("grid_resolution", grid_resolution, 2)
        codes = np.asarray(estimator.transform(X))
        check_plane(cls.__name__, estimator, codes.shape[1], (1, 2, 3), OF_MORE)
        y, name, head_name = drawn_labels(estimator, X, y)
        if y is not None:
            check_consistent_length(codes, y)
        return cls(
            codes=codes,
            y=y,
            density=_density(estimator, codes.shape[1], grid_resolution, head_name),
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
            Passed on to ``ax.scatter``, bars' to ``ax.stairs``. Without, points are the
            smaller and fainter the more there are.

        contour_kwargs : dict, default=None
            Passed on to ``ax.contour``, the line's of one column to ``ax.plot``.

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
        style, contour_style = scatter_kwargs or {}, contour_kwargs or {}
        looks = self._looks(plt, cmap, coloring)
        self.contours_, self.head_contours_ = None, {}
        self.line_, self.thumbnails_ = None, []
        if self.codes.shape[1] == 1:
            self._plot_line(cmap, style, contour_style, coloring, looks)
            return self
        style = point_style(len(self.codes)) | style
        self._plot_points(cmap, style, coloring, looks)
        if self.density is not None:
            self._plot_contours(looks, coverage, contour_style)
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
        heads = list(getattr(self.density, "heads", ()))  # a line has none
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
        self._name_points(classes)

    def _plot_line(self, cmap, style, line_style, coloring, looks: dict) -> None:
        """Draw codes of one column: bars and the prior, or points of numbers."""
        ax, codes = self.ax_, self.codes[:, 0]
        if coloring is not None and coloring[2] is None:
            self.points_ = plot_numbers(ax, codes, coloring, cmap, style)
            ax.set(xlabel="$z_1$", ylabel=self.y_name)
            return
        self.points_ = plot_bars(ax, codes, coloring, looks, style)
        if self.density is not None:
            own = {"color": "black", "linewidth": 1.2} | line_style
            (self.line_,) = ax.plot(self.density.x, self.density.values, **own)
        if coloring is not None:
            self._name_points(coloring[2])
        ax.set(xlabel="$z_1$", ylabel="density")

    def _name_points(self, classes) -> None:
        """Draw the legend, unless there are too many classes."""
        names = named_classes(classes)
        if names:
            names = [*names, "unlabelled"][: len(self.points_)]
            draw_legend(self.ax_, self.points_, names, self.y_name)

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


def _density(estimator, n_columns: int, n_points: int, head_name: Callable):
    """Return the density of the prior; None in a space, or where there is no prior."""
    if n_columns == 3 or not hasattr(estimator, "prior_"):
        return None
    if n_columns == 1:
        return line_density(estimator, n_points)
    density = prior_density(estimator, n_points)
    heads = density.heads.items()
    density.heads = {head_name(label): part for label, part in heads}
    return density
