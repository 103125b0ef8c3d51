"""The pictures of the page, as PNG in base64.

Figures are made without pyplot: those of a caller, and its backend, stay as they are.
"""

import base64
import io
from typing import Any

import numpy as np

from sklearn_aae.inspection import LatentSpaceDisplay, TrainingCurvesDisplay
from sklearn_aae.inspection._curves import PANEL_SIZE
from sklearn_aae.inspection._density import prior_density
from sklearn_aae.inspection._labels import MAX_LEGEND, UNLABELLED_COLOR
from sklearn_aae.inspection._style import plane_of
from sklearn_aae.report._look import Look
from sklearn_aae.report._words import shorten
from sklearn_aae.utils._optional import import_optional

DPI = 140
# Bars of columns that are drawn.
MAX_BARS = 15
# The map ends at so many times the width of the prior's density, at so many points.
FAR, RESOLUTION = 1.25, 200
BLUE = "#0072b2"


def draw_map(look: Look, colour: Any) -> tuple[str, int]:
    """Draw the codes; more than two columns by their principal plane, one by bars.

    Returns
    -------
    picture : str
        Address of the image.

    n_far : int
        How many rows lie so far away that they are drawn at the edge.
    """
    if look.codes.shape[1] == 1:
        ax = _axes(6.4, 3.4)
        ax.hist(look.codes[:, 0], bins="auto", color=BLUE)
        ax.set(xlabel="$z_1$", ylabel="rows")
        return _png(ax.figure), 0
    codes, (x, y) = plane_of(look.codes)
    density, n_far = None, 0
    if look.codes.shape[1] == 2:
        density = prior_density(look.model, RESOLUTION)
        edge = np.array([[axis[0], axis[-1]] for axis in (density.x, density.y)]).T
        edge = edge.mean(0) + FAR * (edge - edge.mean(0))
        codes = np.clip(codes, *edge)
        n_far = int((codes != look.codes).any(1).sum())
    ax = _axes(6.4, 5.4)
    _draw_points(ax, codes, density, colour)
    ax.set(xlabel=x, ylabel=y)
    return _png(ax.figure), n_far


def _draw_points(ax: Any, codes: np.ndarray, density: Any, colour: Any) -> None:
    """Draw codes in the colours of a column of which every value is one, -1 too."""
    whole = colour is not None and colour.dtype.kind in "iuf"
    whole = whole and bool((colour.dropna() % 1 == 0).all())
    if whole and colour.nunique() > MAX_LEGEND:
        matplotlib = _import("matplotlib")
        colours = matplotlib.colormaps["viridis"].with_extremes(bad=UNLABELLED_COLOR)
        style = {"c": colour.astype(float), "cmap": colours, "plotnonfinite": True}
        display = LatentSpaceDisplay(codes=codes, density=density)
        (points,) = display.plot(ax, scatter_kwargs=style).points_
        ax.figure.colorbar(points, ax=ax, label=str(colour.name))
        return
    if whole and (colour == -1).any():  # as a number it would be "unlabelled"
        colour = colour.map(lambda value: str(int(value)), na_action="ignore")
    name = "y" if colour is None else str(colour.name)
    LatentSpaceDisplay(codes=codes, y=colour, density=density, y_name=name).plot(ax)


def draw_columns(look: Look) -> str:
    """Draw how far codes move with each column."""
    moved = dict(list(look.moved.items())[:MAX_BARS])
    height = 0.6 + 0.28 * len(moved)
    ax = _axes(6.4, height)
    ax.barh(range(len(moved)), list(moved.values()), color=BLUE)
    names = [shorten(name, 29) for name in moved]
    ax.set_yticks(range(len(moved)), names)
    ax.invert_yaxis()
    ax.set(xlabel="how far codes move without it, in their own spread")
    ax.spines[["top", "right"]].set_visible(False)
    return _png(ax.figure)


def draw_scores(look: Look) -> str:
    """Draw how the rows' scores are spread, with the most unusual marked."""
    ax = _axes(6.4, 2.6)
    ax.hist(look.scores, bins=min(60, max(10, len(look.scores) // 10)), color=BLUE)
    for outlier in look.outliers:
        ax.axvline(outlier.score, color="#d55e00", linewidth=0.8)
    ax.set(xlabel="how unusual a row is", ylabel="rows", yscale="symlog")
    ax.spines[["top", "right"]].set_visible(False)
    return _png(ax.figure)


def draw_training(look: Look) -> str:
    """Draw the history of the training."""
    ax = _axes(*PANEL_SIZE)
    display = TrainingCurvesDisplay.from_estimator(look.model, ax=ax)
    grid = display.axes_[0].get_gridspec()
    width, height = PANEL_SIZE
    ax.figure.set_size_inches(width * grid.ncols, height * grid.nrows)
    return _png(ax.figure)


def check_drawable() -> None:
    """Raise ImportError, which says what to install, if there are no pictures."""
    _import("matplotlib.figure")


def _import(module: str) -> Any:
    return import_optional(module, feature="The report", extra="report")


def _axes(width: float, height: float) -> Any:
    """Return the axes of a figure of some inches."""
    figure = _import("matplotlib.figure").Figure((width, height), layout="compressed")
    return figure.subplots()


def _png(figure: Any) -> str:
    """Return a figure as the address of an image."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
