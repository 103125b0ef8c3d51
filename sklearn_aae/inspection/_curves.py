"""TrainingCurvesDisplay: how a training went."""

from typing import Any, Self

import numpy as np

from sklearn_aae.inspection._estimator import check_estimator
from sklearn_aae.utils._optional import import_optional

# The names of the history in each panel, and the best value, where there is one. All
# other losses have a panel each.
PANELS: dict[str, tuple[tuple[str, ...], float | None]] = {
    "reconstruction loss": (("reconstruction",), None),
    "adversarial losses": (("critic", "generator"), None),
    "critic accuracy": (("critic_accuracy",), 0.5),
    "prior match": (("prior_match",), 0.0),
    "adversarial losses of labels": (("label_critic", "label_generator"), None),
    "critic accuracy of labels": (("label_critic_accuracy",), 0.5),
    "validation loss": (("valid_loss",), None),
}

# Numbers of the history that have no panel; the noise is the band of the prior match.
NOISE = "prior_match_noise"
NOT_CURVES = ("epoch", "dur", "batches", NOISE)

# Two standard deviations of the squared match, for one of `NOISE`.
TWO_DEVIATIONS = 2**0.5
BAND_COLOR = "#009e73"

# Panels in a row, at most; inches of one; and the share of one that a legend takes.
MAX_COLUMNS = 4
PANEL_SIZE = (2.9, 2.7)
LEGEND_SHARE = 0.2


class TrainingCurvesDisplay:
    """Losses and measures by epoch, in panels side by side, up to four in a row.

    The adversarial losses need not fall: the critic's rises when the generator
    improves, and the other way round. The critic's accuracy falls to ½ (dotted) where
    it cannot tell codes from the prior; the prior match, a normalised energy distance,
    falls to 0. The green band is what codes that do follow the prior would read by
    chance: a curve within it is healthy.

    Parameters
    ----------
    history : list of dict
        What was measured in each epoch, by name.

    Attributes
    ----------
    axes_ : ndarray of shape (n_panels,)
        Axes of the panels.

    figure_ : matplotlib Figure
        Figure with the axes.

    lines_ : dict of str to matplotlib Line2D
        Curve of each name.

    band_ : matplotlib PolyCollection or None
        The healthy band of the prior match, where the history has its noise.

    See Also
    --------
    PriorMatchDisplay : The match of codes and prior, column by column.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AAETransformer
    >>> from sklearn_aae.inspection import TrainingCurvesDisplay
    >>> X, _ = load_iris(return_X_y=True)
    >>> aae = AAETransformer(max_iter=2, random_state=0).fit(X)
    >>> display = TrainingCurvesDisplay.from_estimator(aae)
    >>> len(display.history)
    2
    """

    def __init__(self, *, history: list[dict[str, Any]]):
        self.history = history

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the history of a fitted estimator.

        Parameters
        ----------
        estimator : object
            Fitted, with ``history_``.

        ax : matplotlib Axes or array-like of Axes of shape (n_panels,), default=None
            Axes to draw in, see `plot`.

        **kwargs : dict
            Passed on to `plot`.

        Returns
        -------
        display : TrainingCurvesDisplay

        Raises
        ------
        TypeError
            If the estimator has no ``history_``.

        ValueError
            If no epoch ran to its end.
        """
        check_estimator(cls.__name__, estimator, "history_")
        if not estimator.history_:
            raise ValueError(
                f"The history of {type(estimator).__name__} is empty: no epoch of its "
                "training ran to its end. Fit it again."
            )
        history = [dict(line) for line in estimator.history_]
        return cls(history=history).plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of Axes of shape (n_panels,), default=None
            One for each panel. A single one gives its place to all panels; None makes
            a figure.

        **kwargs : dict
            Passed on to ``ax.plot``.

        Returns
        -------
        display : TrainingCurvesDisplay

        Raises
        ------
        ImportError
            If matplotlib is absent.

        ValueError
            If there are more or fewer axes than panels.
        """
        plt = import_optional(
            "matplotlib.pyplot", feature="TrainingCurvesDisplay.plot", extra="plot"
        )
        panels = _panels(self.history)
        self.axes_ = _make_axes(plt, ax, len(panels))
        self.figure_ = self.axes_[0].figure
        self.lines_, self.band_ = {}, None
        for panel, (title, (names, goal)) in zip(
            self.axes_, panels.items(), strict=True
        ):
            self._plot_panel(panel, names, goal, kwargs)
            panel.set(title=title, xlabel="epoch")
        return self

    def _plot_panel(self, ax, names, goal, style: dict) -> None:
        """Draw the curves of one panel."""
        for name in names:
            points = [
                (line.get("epoch", i), line[name])
                for i, line in enumerate(self.history, start=1)
                if name in line
            ]
            label = _readable(name.removeprefix("label_"))  # the title says it
            curve = {"label": label, "marker": "." if len(points) == 1 else None}
            (self.lines_[name],) = ax.plot(*np.transpose(points), **curve | style)
        if "prior_match" in names:
            self._plot_band(ax)
        if goal is not None:
            ax.axhline(goal, color="black", linestyle=":", linewidth=1)
        if len(names) > 1:
            _draw_legend(ax, [self.lines_[name] for name in names])

    def _plot_band(self, ax) -> None:
        """Draw what codes that follow the prior would read by chance."""
        points = [
            (line.get("epoch", i), TWO_DEVIATIONS * line[NOISE])
            for i, line in enumerate(self.history, start=1)
            if NOISE in line
        ]
        if points:
            epochs, tops = np.transpose(points)
            look = {"color": BAND_COLOR, "alpha": 0.2, "linewidth": 0}
            if len(points) == 1:  # a band needs some width
                epochs, tops = epochs + np.array([-0.5, 0.5]), np.repeat(tops, 2)
            self.band_ = ax.fill_between(epochs, 0.0, tops, label="by chance", **look)
            _draw_legend(ax, [self.band_])


def _panels(history: list[dict]) -> dict[str, tuple[tuple[str, ...], float | None]]:
    """Return the panels of a history: by title, the names and the best value."""
    numbers = {
        name: None
        for line in history
        for name, value in line.items()
        if name not in NOT_CURVES
        and isinstance(value, (int, float))
        # skorch marks the best epochs: valid_loss_best
        and not isinstance(value, bool)
    }
    panels = {}
    for title, (names, goal) in PANELS.items():
        found = tuple(name for name in names if name in numbers)
        if found:
            panels[title] = (found, goal)
    placed = {name for names, _ in panels.values() for name in names}
    others = {
        _readable(name): ((name,), None) for name in numbers if name not in placed
    }
    return panels | others


def _readable(name: str) -> str:
    """Return what a panel or a curve of the history is called."""
    return name.replace("_", " ")


def _draw_legend(ax, handles: list) -> None:
    """Name curves at the top of a panel, which gets the room: no curve runs there."""
    low, high = ax.get_ylim()
    # auto=None: the curves of another model, drawn into the same axes, widen them.
    ax.set_ylim(low, high + LEGEND_SHARE * (high - low), auto=None)
    look = {"frameon": False, "fontsize": "small", "handlelength": 1.5}
    ax.legend(handles=handles, loc="upper right", ncols=len(handles), **look)


def _make_axes(plt, ax, n_panels: int) -> np.ndarray:
    """Return one axes for each panel."""
    if ax is None:
        n_rows, n_columns = _grid_shape(n_panels)
        size = (PANEL_SIZE[0] * n_columns, PANEL_SIZE[1] * n_rows)
        figure = plt.figure(figsize=size, layout="constrained")
        return _fill(figure.add_gridspec(n_rows, n_columns), figure, n_panels)
    if hasattr(ax, "get_subplotspec"):
        if n_panels == 1:
            return np.array([ax])
        ax.set_axis_off()
        grid = ax.get_subplotspec().subgridspec(*_grid_shape(n_panels))
        return _fill(grid, ax.figure, n_panels)
    axes = np.asarray(ax, dtype=object).ravel()
    if len(axes) != n_panels:
        raise ValueError(
            f"The history fills {n_panels} panels. Got {len(axes)} axes instead."
        )
    return axes


def _grid_shape(n_panels: int) -> tuple[int, int]:
    """Return rows and columns that hold the panels, with few places left over."""
    n_rows = -(-n_panels // MAX_COLUMNS)
    return n_rows, -(-n_panels // n_rows)


def _fill(grid, figure, n_panels: int) -> np.ndarray:
    """Return axes in the first places of a grid, row by row."""
    return np.array([figure.add_subplot(grid[i]) for i in range(n_panels)])
