"""LatentSpaceDisplay: where the rows lie in the code, and where the prior is."""

import numpy as np
from sklearn.utils import check_consistent_length

from sklearn_aae.inspection._density import prior_density
from sklearn_aae.inspection._estimator import check_count, check_estimator, check_plane
from sklearn_aae.inspection._style import LOOKS, legend_scale, point_style
from sklearn_aae.tabular import column_values, is_labelled
from sklearn_aae.utils._optional import import_optional

# With more classes than this, colours are of a continuous map, without a legend;
# whole numbers have a colour bar, as others have.
MAX_LEGEND = 20

# The colour of points without a label.
UNLABELLED_COLOR = "lightgray"


class LatentSpaceDisplay:
    """Codes of two columns as points, with contours of the prior.

    Where the points fill the contours evenly, the code has the prior's shape.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, 2)
        Codes of the rows.

    y : array-like of shape (n_samples,), default=None
        Labels or numbers that colour the points; points without one are grey. Of
        labels -1, None and NaN are none, of numbers that are not whole None and NaN.
        Whole numbers are labels; more than 20 different ones have a colour bar instead
        of a legend.

    density : PlaneDensity, default=None
        Density of the prior over a grid: ``x`` and ``y`` of shape (n_points,),
        ``values`` of shape (n_points, n_points). None draws no contours.

    y_name : str, default="y"
        What the legend calls y.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.

    figure_ : matplotlib Figure
        Figure with the axes.

    points_ : list of matplotlib PathCollection
        Points of each class, or all of them.

    contours_ : matplotlib QuadContourSet or None
        Contours of the prior.

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

    def __init__(self, *, codes, y=None, density=None, y_name="y"):
        self.codes = codes
        self.y = y
        self.density = density
        self.y_name = y_name

    @classmethod
    def from_estimator(
        cls, estimator, X, y=None, *, grid_resolution=200, ax=None, **kwargs
    ):
        """Encode rows and draw them.

        Parameters
        ----------
        estimator : object
            Fitted, with ``transform`` to two columns. Contours need ``prior_``.

        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows.

        y : array-like of shape (n_samples,), default=None
            Labels or numbers that colour the points; points without one are grey. Of
            labels -1, None and NaN are none, of numbers that are not whole None and
            NaN. To colour a class of -1, pass text. Whole numbers are labels; more than
            20 different ones have a colour bar instead of a legend.

        grid_resolution : int, default=200
            Number of points, along each side, at which the prior is evaluated.

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
            If a code does not have two columns, y not one value a row, or
            `grid_resolution` is no whole number of at least 2.
        """
        check_estimator(cls.__name__, estimator, "transform")
        check_count("grid_resolution", grid_resolution, 2)
        codes = np.asarray(estimator.transform(X))
        check_plane(cls.__name__, estimator, codes.shape[1])
        name = getattr(y, "name", None)  # of a Series
        if y is not None:
            y = column_values(y)
            check_consistent_length(codes, y)
        has_prior = hasattr(estimator, "prior_")
        density = prior_density(estimator, grid_resolution) if has_prior else None
        named = {} if name is None else {"y_name": str(name)}
        display = cls(codes=codes, y=y, density=density, **named)
        return display.plot(ax=ax, **kwargs)

    def plot(
        self,
        ax=None,
        *,
        cmap=None,
        coverage=(0.5, 0.8, 0.95),
        scatter_kwargs=None,
        contour_kwargs=None,
    ):
        """Draw the codes and the prior.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; None makes a figure.

        cmap : str or matplotlib Colormap, default=None
            Colours of y. None is, for up to 20 classes, eight colours that the
            colour-blind tell apart, and marks; "viridis" otherwise.

        coverage : sequence of float, default=(0.5, 0.8, 0.95)
            Fractions of the prior: each contour bounds the smallest region that holds
            one of them.

        scatter_kwargs : dict, default=None
            Passed on to ``ax.scatter``. Without, points are the smaller and fainter the
            more there are.

        contour_kwargs : dict, default=None
            Passed on to ``ax.contour``.

        Returns
        -------
        display : LatentSpaceDisplay

        Raises
        ------
        ImportError
            If matplotlib is absent.
        """
        plt = import_optional(
            "matplotlib.pyplot", feature="LatentSpaceDisplay.plot", extra="plot"
        )
        if ax is None:
            _, ax = plt.subplots(figsize=(6.4, 5.4), layout="constrained")
        self.ax_, self.figure_ = ax, ax.figure
        style = point_style(len(self.codes)) | (scatter_kwargs or {})
        self._plot_points(plt, cmap, style)
        self.contours_ = None
        if self.density is not None:
            self._plot_contours(coverage, contour_kwargs or {})
        ax.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
        return self

    def _plot_points(self, plt, cmap, style: dict) -> None:
        """Draw the points: one colour, one for each class, or one for each value."""
        x, y = self.codes.T
        if self.y is None:
            self.points_ = [self.ax_.scatter(x, y, **style)]
            return
        values, colored, classes = _colored(self.y)
        self.points_ = []
        if not colored.all():
            style_of_none = {"color": UNLABELLED_COLOR, "zorder": 0.5}
            rest = self.codes[~colored].T
            self.points_.append(self.ax_.scatter(*rest, **style | style_of_none))
        x, y = self.codes[colored].T
        if classes is None:
            points = self.ax_.scatter(x, y, c=values, cmap=cmap or "viridis", **style)
            self.points_.insert(0, points)
            self.figure_.colorbar(points, ax=self.ax_, label=self.y_name)
            return
        colors = _colors(plt, cmap, len(classes))
        if "marker" in style:
            colors = [{"color": look["color"]} for look in colors]
        self.points_[:0] = [
            self.ax_.scatter(x[values == name], y[values == name], **style | color)
            for name, color in zip(classes, colors, strict=True)
        ]
        if len(classes) <= MAX_LEGEND:
            names = [*classes, "unlabelled"][: len(self.points_)]
            _draw_legend(self.ax_, self.points_, names, self.y_name)

    def _plot_contours(self, coverage, style: dict) -> None:
        """Draw the contours over the points."""
        style = {"colors": "black", "linewidths": 0.9, "alpha": 0.7} | style
        self.contours_ = self.ax_.contour(
            self.density.x,
            self.density.y,
            self.density.values,
            levels=self.density.levels(coverage),
            **style,
        )


def _colored(y) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the values that choose colours, which rows have one, and the classes.

    The classes are None for numbers that are not whole, and for many whole ones.
    """
    y = column_values(y)
    present = np.array([value is not None for value in y], dtype=bool)
    numbers = [value for value in y[present] if isinstance(value, float)]
    if any(value != np.floor(value) for value in numbers):
        return y[present].astype(float), present, None
    labelled = is_labelled(y)
    if all(isinstance(value, int | float) for value in y[labelled]):
        numbers = y[labelled].astype(float)
        if len(np.unique(numbers)) > MAX_LEGEND:
            return numbers, labelled, None
    values = np.asarray(y[labelled].tolist())
    values = values.astype(str) if values.dtype == object else values
    return values, labelled, np.unique(values)


def _colors(plt, cmap, n_classes: int) -> list[dict]:
    """Return the colour of each class, as arguments of ``scatter``."""
    if cmap is None and n_classes <= MAX_LEGEND:
        return LOOKS[:n_classes]
    cmap = plt.get_cmap(cmap or "viridis")
    listed = cmap.N <= MAX_LEGEND
    places = range(n_classes) if listed else np.linspace(0, 1, n_classes)
    return [{"color": cmap(place)} for place in places]


def _draw_legend(ax, points: list, classes, title: str) -> None:
    """Name the classes beside the picture."""
    ax.legend(
        points,
        [str(name) for name in classes],
        title=title,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        markerscale=legend_scale(points[0]),
    )
