"""Codes of one column: bars of each class, or numbers over the code."""

import numpy as np

from sklearn_aae.inspection._labels import UNLABELLED_COLOR
from sklearn_aae.inspection._style import COLORS, point_style

# Bars: about two times the root of the rows, within bounds.
MIN_BINS, MAX_BINS = 10, 60

# Bars tell apart by these what points do by their marks.
HATCHES = {"o": "", "^": "///", "s": "..."}


def plot_bars(ax, codes: np.ndarray, coloring, looks: dict, style: dict) -> list:
    """Draw the density of the codes as bars, those of the classes upon each other.

    Their areas are the shares of the classes in the rows: together they are the density
    of all codes.

    Parameters
    ----------
    ax : matplotlib Axes
        To draw in.

    codes : ndarray of shape (n_samples,)
        Codes of the rows.

    coloring : tuple or None
        Of `colored`, with classes.

    looks : dict
        Colour, and perhaps mark, of each class.

    style : dict
        Passed on to ``ax.stairs``.

    Returns
    -------
    bars : list of matplotlib StepPatch
        Of each class, and of the rows without one.
    """
    groups = [(codes, {"color": COLORS[0]})]
    if coloring is not None:
        values, has_class, classes = coloring
        known = codes[has_class]
        groups = [(known[values == name], looks[name]) for name in classes.tolist()]
        if not has_class.all():
            groups.append((codes[~has_class], {"color": UNLABELLED_COLOR}))
    n_bins = int(np.clip(2 * np.sqrt(len(codes)), MIN_BINS, MAX_BINS))
    edges = np.histogram_bin_edges(codes.astype(float), n_bins)
    unit = len(codes) * (edges[1] - edges[0])
    top, bars = np.zeros(n_bins), []
    for group, look in groups:
        below, top = top, top + np.histogram(group, edges)[0] / unit
        own = {"facecolor": look["color"], "edgecolor": "white", "alpha": 0.8}
        own |= {"hatch": HATCHES[look.get("marker", "o")], "baseline": below}
        bars.append(ax.stairs(top, edges, fill=True, **own | style))
    return bars


def plot_numbers(ax, codes: np.ndarray, coloring, cmap, style: dict) -> list:
    """Draw numbers over the codes, as points; rows without a number are left out."""
    values, has_number, _ = coloring
    style = point_style(len(codes)) | style
    return [
        ax.scatter(codes[has_number], values, c=values, cmap=cmap or "viridis", **style)
    ]
