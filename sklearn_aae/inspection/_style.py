"""What displays look like where nobody says: colours, marks, and sizes of points."""

from itertools import product

import numpy as np

# Okabe and Ito's colours, which the colour-blind tell apart; more come by other marks.
COLORS = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#56b4e9",
    "#f0e442",
    "#000000",
)
# Lines go by the marks, too.
LINES = {"o": "-", "^": "--", "s": ":"}
MARKERS = tuple(LINES)
LOOKS = [
    {"color": color, "marker": marker} for marker, color in product(MARKERS, COLORS)
]

# Longer names are cut in their middle.
MAX_NAME = 24

# A legend shows points of this size, whatever theirs.
LEGEND_SIZE = 30.0


def point_style(n_points: int) -> dict:
    """Return arguments of ``scatter``: the more points, the smaller and fainter."""
    n = max(1, n_points)
    return {
        "s": float(np.clip(280 / np.sqrt(n), 1.0, LEGEND_SIZE)),
        "alpha": float(np.clip(0.8 * (2000 / n) ** 0.2, 0.3, 0.8)),
        "linewidths": 0,
        "rasterized": n > 5000,
    }


def legend_scale(points) -> float:
    """Return the ``markerscale`` that brings a legend's points to one size."""
    sizes = points.get_sizes() if hasattr(points, "get_sizes") else ()  # bars: none
    return float(np.sqrt(LEGEND_SIZE / sizes[0])) if len(sizes) else 1.0


def shortened(name: str) -> str:
    """Return a name of no more letters than there is room for: both its ends."""
    if len(name) <= MAX_NAME:
        return name
    end = (MAX_NAME - 1) // 2
    return f"{name[: MAX_NAME - 1 - end]}…{name[-end:]}"


def write_name(ax, place, name) -> None:
    """Write the name of a class or cluster at its place, on white."""
    box = {"boxstyle": "round", "facecolor": "white", "alpha": 0.8}
    ax.text(*place, shortened(str(name)), ha="center", va="center", bbox=box, zorder=4)


def plane_of(codes: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    """Return codes as points of a plane, and what its axes are.

    Two columns are the plane; of more it is the principal one. One column has zeros
    beside it.
    """
    k = codes.shape[1]
    if k == 2:
        return codes, ("$z_1$", "$z_2$")
    if k == 1:
        return np.column_stack([codes[:, 0], np.zeros(len(codes))]), ("$z_1$", "")
    centred = codes - codes.mean(axis=0)
    # By the k x k scatter: rows may be many.
    _, axes = np.linalg.eigh(centred.T @ centred)
    return centred @ axes[:, :-3:-1], ("first principal code", "second principal code")
