"""PriorMatchDisplay: the distribution of each column of the code, and the prior's."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from sklearn_aae.inspection._estimator import check_count, check_estimator
from sklearn_aae.utils._optional import import_optional
from sklearn_aae.utils._prior import prior_codes
from sklearn_aae.utils._typing import TableLike

# Draws whose quantiles are those of the prior.
N_DRAWS = 100_000

# More columns than this get no legend.
MAX_LEGEND = 10

# Columns whose marginals are drawn, and bars of each.
MAX_MARGINALS = 6
N_BINS = 40


class PriorMatchDisplay:
    """Quantiles of the codes over those of the prior, and both distributions.

    A column that has the prior's distribution follows the diagonal; a flatter line is
    a column too narrow, a steeper one too wide. Beside it are the marginals: bars of
    the codes, a line of the prior. All show columns one by one: codes can follow the
    diagonal and still depend on each other as the prior's do not.

    Parameters
    ----------
    code_quantiles : ndarray of shape (n_quantiles, n_components)
        Quantiles of each column of the codes.

    prior_quantiles : ndarray of shape (n_quantiles, n_components)
        The same quantiles of draws from the prior.

    marginals : sequence of Marginal, default=()
        Of each column its ``edges`` of shape (n_bins + 1,), and the densities
        ``codes`` and ``prior`` of shape (n_bins,).

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.

    figure_ : matplotlib Figure
        Figure with the axes.

    lines_ : list of matplotlib Line2D
        The line of each column.

    marginal_axes_ : list of matplotlib Axes
        Axes of the marginals; none in axes of the caller.

    See Also
    --------
    LatentSpaceDisplay : Codes and prior in the plane.
    TrainingCurvesDisplay : The match of codes and prior by epoch.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AAETransformer
    >>> from sklearn_aae.inspection import PriorMatchDisplay
    >>> X, _ = load_iris(return_X_y=True)
    >>> aae = AAETransformer(n_components=3, max_iter=2, random_state=0).fit(X)
    >>> display = PriorMatchDisplay.from_estimator(aae, X)
    >>> display.code_quantiles.shape
    (99, 3)
    """

    def __init__(
        self,
        *,
        code_quantiles: np.ndarray,
        prior_quantiles: np.ndarray,
        marginals: "Sequence[Marginal]" = (),
    ):
        self.code_quantiles = code_quantiles
        self.prior_quantiles = prior_quantiles
        self.marginals = marginals

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: TableLike,
        *,
        n_quantiles: int = 99,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Encode rows and draw their quantiles.

        Parameters
        ----------
        estimator : object
            Fitted, with ``transform`` and ``prior_``.

        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows.

        n_quantiles : int, default=99
            Number of quantiles, evenly between 0 and 1 without these: 99 are the
            percents.

        ax : matplotlib Axes, default=None
            Axes to draw the quantiles in; None makes a figure, with the marginals.

        **kwargs : dict
            Passed on to `plot`.

        Returns
        -------
        display : PriorMatchDisplay

        Raises
        ------
        TypeError
            If the estimator has no ``transform`` or no ``prior_``.

        ValueError
            If codes and prior have different numbers of columns, or `n_quantiles` is no
            whole number of at least 1.
        """
        check_estimator(cls.__name__, estimator, "transform", "prior_")
        check_count("n_quantiles", n_quantiles)
        codes = np.asarray(estimator.transform(X), dtype=float)
        draws = prior_codes(estimator, N_DRAWS).astype(float)
        if codes.shape[1] != draws.shape[1]:
            raise ValueError(
                f"The codes of {type(estimator).__name__} have {codes.shape[1]} "
                f"columns, but its prior has {draws.shape[1]}: they cannot be compared."
            )
        levels = np.arange(1, n_quantiles + 1) / (n_quantiles + 1)
        return cls(
            code_quantiles=np.quantile(codes, levels, axis=0),
            prior_quantiles=np.quantile(draws, levels, axis=0),
            marginals=[_marginal(*pair) for pair in zip(codes.T, draws.T, strict=True)],
        ).plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, *, cmap: Any = "viridis", **kwargs: Any) -> Self:
        """Draw one line a column, and the diagonal.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw the quantiles in; None makes a figure, with the marginals of
            the first six columns.

        cmap : str or matplotlib Colormap, default="viridis"
            Colours of the columns.

        **kwargs : dict
            Passed on to ``ax.plot``.

        Returns
        -------
        display : PriorMatchDisplay

        Raises
        ------
        ImportError
            If matplotlib is absent.
        """
        plt = import_optional(
            "matplotlib.pyplot", feature="PriorMatchDisplay.plot", extra="plot"
        )
        marginals = self.marginals[:MAX_MARGINALS] if ax is None else []
        self.marginal_axes_ = []
        if ax is None:
            ax, self.marginal_axes_ = _make_axes(plt, len(marginals))
        n_components = self.code_quantiles.shape[1]
        colors = plt.get_cmap(cmap)(np.linspace(0, 0.9, n_components))
        pairs = zip(self.prior_quantiles.T, self.code_quantiles.T, strict=True)
        self.lines_ = [
            ax.plot(*pair, **{"color": color, "label": f"$z_{{{i}}}$"} | kwargs)[0]
            for i, (pair, color) in enumerate(zip(pairs, colors, strict=True), start=1)
        ]
        ax.axline((0, 0), slope=1, color="black", linestyle="--", linewidth=1)
        if n_components <= MAX_LEGEND:
            ax.legend(frameon=False)
        ax.set(xlabel="quantiles of the prior", ylabel="quantiles of the codes")
        self.ax_, self.figure_ = ax, ax.figure
        for i, (panel, marginal) in enumerate(
            zip(self.marginal_axes_, marginals, strict=True)
        ):
            _plot_marginal(panel, marginal, colors[i], f"$z_{{{i + 1}}}$")
        return self


class Marginal(NamedTuple):
    """Densities of a column of codes and of the prior over the same bins."""

    edges: np.ndarray
    codes: np.ndarray
    prior: np.ndarray


def _marginal(codes: np.ndarray, draws: np.ndarray) -> Marginal:
    """Return the densities of a column; what lies far outside is left out."""
    ends = np.quantile(draws, (0.001, 0.999)), np.quantile(codes, (0.001, 0.999))
    low, high = np.min(ends), np.max(ends)
    margin = 1e-3 * max(1.0, abs(low)) if low == high else 0.0
    edges = np.linspace(low - margin, high + margin, N_BINS + 1)
    width = edges[1] - edges[0]
    found = [
        np.histogram(part, edges)[0] / (len(part) * width) for part in (codes, draws)
    ]
    return Marginal(edges, *found)


def _make_axes(plt, n_marginals: int) -> tuple:
    """Return the axes of the quantiles, and those of the marginals beside them."""
    if not n_marginals:
        return plt.subplots(figsize=(5.0, 5.0), layout="constrained")[1], []
    n_columns = 1 if n_marginals == 1 else 2
    n_rows = -(-n_marginals // n_columns)
    figure = plt.figure(figsize=(5.0 + 2.2 * n_columns, 5.0), layout="constrained")
    grid = figure.add_gridspec(n_rows, 2 + n_columns)
    places = [(i // n_columns, 2 + i % n_columns) for i in range(n_marginals)]
    panels = [figure.add_subplot(grid[place]) for place in places]
    return figure.add_subplot(grid[:, :2]), panels


def _plot_marginal(ax, marginal: Marginal, color, name: str) -> None:
    """Draw bars of the codes and a line of the prior."""
    ax.stairs(marginal.codes, marginal.edges, fill=True, color=color, alpha=0.6)
    ax.stairs(marginal.prior, marginal.edges, color="black", linewidth=1.2)
    ax.set(title=name, yticks=[])
    ax.spines[["left", "top", "right"]].set_visible(False)
