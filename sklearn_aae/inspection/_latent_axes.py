"""The axes of a latent space: of as many dimensions as codes have columns."""

import numpy as np

from sklearn_aae.inspection._labels import legend_names

# Inches of an entry of the legend, beside a line.
ENTRY = 0.24

# Inches of a new figure, whose legend has room for names of some letters; each further
# letter takes some inches of its own, not of the picture's.
FIGURE_SIZE, LINE_HEIGHT = (6.4, 5.4), 3.4
FREE_LETTERS, LETTER = 8, 0.085

# Names of the axes of a space stand out of it, below, where layouts do not see them.
SPACE_PLACE = (0.0, 0.06, 1.0, 0.94)

# Ticks of the longest axis of a space; of shorter ones by their share of its length.
N_TICKS = 6


def latent_axes(plt, ax, n_columns: int, names):
    """Return axes of as many dimensions as the codes have: those given, or new ones.

    Parameters
    ----------
    plt : module
        matplotlib.pyplot.

    ax : matplotlib Axes or None
        Those given.

    n_columns : int
        Of the codes.

    names : sequence
        Classes that the legend will name.

    Raises
    ------
    ValueError
        If those given have others.
    """
    in_space = n_columns == 3
    kind = {"projection": "3d"} if in_space else {}
    if ax is None:
        longest = max(map(len, legend_names(names)), default=0)
        width, height = FIGURE_SIZE
        if n_columns == 1:
            height = max(LINE_HEIGHT, ENTRY * (2 + len(names)))
        size = (width + LETTER * max(0, longest - FREE_LETTERS), height)
        # "constrained" forgets what stands beside axes narrowed to equal units.
        options = {"figsize": size, "layout": "compressed"}
        ax = plt.subplots(subplot_kw=kind, **options)[1]
        if in_space:
            ax.figure.get_layout_engine().set(rect=SPACE_PLACE)
        return ax
    if (ax.name == "3d") != in_space:
        given = 2 if in_space else 3
        advice = 'subplot_kw={"projection": "3d"}' if in_space else ""
        raise ValueError(
            f"ax has {given} dimensions, but codes have {n_columns} columns. Make it "
            f"by plt.subplots({advice}), or leave ax=None."
        )
    return ax


def finish_axes(ax) -> None:
    """Name the columns of a plane or a space, and give them equal units."""
    ax.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    if ax.name != "3d":
        return
    ax.set_zlabel("$z_3$")
    limits = {"x": ax.get_xlim(), "y": ax.get_ylim(), "z": ax.get_zlim()}
    spans = {name: float(np.ptp(pair)) for name, pair in limits.items()}
    for name, span in spans.items():  # a space does not thin them where they are near
        n_ticks = max(1, int(N_TICKS * span / max(spans.values())))
        ax.locator_params(axis=name, nbins=n_ticks, min_n_ticks=1)
