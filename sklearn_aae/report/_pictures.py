"""The pictures of the page, as PNG in base64."""

import base64
import io
from typing import Any

import numpy as np

from sklearn_aae.inspection import LatentSpaceDisplay, TrainingCurvesDisplay
from sklearn_aae.report._look import Look
from sklearn_aae.utils._optional import import_optional

DPI = 140
# Bars of columns that are drawn; the table beside them has all.
MAX_BARS = 15
# The map ends at so many times the width of the prior's density.
FAR = 1.25
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
    plt = _pyplot()
    if look.codes.shape[1] == 1:
        figure, ax = plt.subplots(figsize=(6.4, 3.4), layout="constrained")
        ax.hist(look.codes[:, 0], bins="auto", color=BLUE)
        ax.set(xlabel="$z_1$", ylabel="rows")
        return _png(figure), 0
    name = "y" if colour is None else str(colour.name)
    if look.codes.shape[1] == 2:
        # Any rows do for the density, which is the prior's.
        density = LatentSpaceDisplay.from_estimator(look.model, look.drawn).density
        plt.close("all")
        edge = np.array([[axis[0], axis[-1]] for axis in (density.x, density.y)]).T
        edge = edge.mean(0) + FAR * (edge - edge.mean(0))
        codes = np.clip(look.codes, *edge)
        display = LatentSpaceDisplay(
            codes=codes, y=colour, density=density, y_name=name
        )
        far = int((codes != look.codes).any(1).sum())
        return _png(display.plot().figure_), far
    centred = look.codes - look.codes.mean(0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    display = LatentSpaceDisplay(codes=centred @ axes.T, y=colour, y_name=name).plot()
    display.ax_.set(xlabel="first principal code", ylabel="second principal code")
    return _png(display.figure_), 0


def draw_columns(look: Look) -> str:
    """Draw how far codes move with each column."""
    plt = _pyplot()
    moved = dict(list(look.moved.items())[:MAX_BARS])
    height = 0.6 + 0.28 * len(moved)
    figure, ax = plt.subplots(figsize=(6.4, height), layout="constrained")
    ax.barh(range(len(moved)), list(moved.values()), color=BLUE)
    names = [name if len(name) < 30 else name[:28] + "…" for name in moved]
    ax.set_yticks(range(len(moved)), names)
    ax.invert_yaxis()
    ax.set(xlabel="how far codes move without it, in their own spread")
    ax.spines[["top", "right"]].set_visible(False)
    return _png(figure)


def draw_scores(look: Look) -> str:
    """Draw how the rows' scores are spread, with the most unusual marked."""
    plt = _pyplot()
    figure, ax = plt.subplots(figsize=(6.4, 2.6), layout="constrained")
    ax.hist(look.scores, bins=min(60, max(10, len(look.scores) // 10)), color=BLUE)
    for outlier in look.outliers:
        ax.axvline(outlier.score, color="#d55e00", linewidth=0.8)
    ax.set(xlabel="how unusual a row is", ylabel="rows", yscale="symlog")
    ax.spines[["top", "right"]].set_visible(False)
    return _png(figure)


def draw_training(look: Look) -> str:
    """Draw the history of the training."""
    return _png(TrainingCurvesDisplay.from_estimator(look.model).figure_)


def _pyplot() -> Any:
    matplotlib = import_optional("matplotlib", feature="The report", extra="report")
    matplotlib.use("Agg")
    return import_optional("matplotlib.pyplot", feature="The report", extra="report")


def _png(figure: Any) -> str:
    """Return a figure as the address of an image, and close it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    _pyplot().close(figure)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
