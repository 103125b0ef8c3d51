"""Labels as colours: which rows have one, how each class looks, and the legend."""

from collections.abc import Callable

import numpy as np

from sklearn_aae.inspection._density import has_heads
from sklearn_aae.inspection._style import LOOKS, legend_scale, shortened
from sklearn_aae.tabular import UNLABELLED, column_values, is_labelled

# With more classes than this, colours are of a continuous map, without a legend;
# whole numbers have a colour bar, as others have.
MAX_LEGEND = 20

# The colour of points without a label.
UNLABELLED_COLOR = "lightgray"


def drawn_labels(estimator, X, y) -> tuple[np.ndarray | None, str, Callable]:
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


def colored(y) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
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


def looks_of(plt, cmap, names) -> dict:
    """Return the colour, and perhaps the mark, of each class, for ``scatter``."""
    if cmap is None and len(names) <= MAX_LEGEND:
        return dict(zip(names, LOOKS, strict=False))
    cmap = plt.get_cmap(cmap or "viridis")
    listed = cmap.N <= MAX_LEGEND
    places = range(len(names)) if listed else np.linspace(0, 1, len(names))
    colors = [{"color": cmap(place)} for place in places]
    return dict(zip(names, colors, strict=True))


def named_classes(classes) -> tuple:
    """Return the classes that have a place in a legend: all, or of too many none."""
    few = classes is not None and len(classes) <= MAX_LEGEND
    return tuple(classes.tolist()) if few else ()


def legend_names(classes) -> list[str]:
    """Return the names of classes, shortened where that leaves them different."""
    names = [str(name) for name in classes]
    short = [shortened(name) for name in names]
    return short if len(set(short)) == len(names) else names


def draw_legend(ax, points: list, classes, title: str) -> None:
    """Name the classes beside the picture, in full colour however faint points are."""
    legend = ax.legend(
        points,
        legend_names(classes),
        title=shortened(title),
        loc="center left",
        # Names of the axes of a space stand out of it.
        bbox_to_anchor=(1.15 if ax.name == "3d" else 1.0, 0.5),
        frameon=False,
        markerscale=legend_scale(points[0]),
    )
    for handle in legend.legend_handles:
        handle.set_alpha(1.0)
