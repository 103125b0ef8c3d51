"""PriorMatchDisplay: the distribution of each column of the code, and the prior's."""

import numpy as np

from sklearn_aae.inspection._estimator import check_estimator
from sklearn_aae.utils._optional import import_optional
from sklearn_aae.utils._prior import prior_codes

# Draws whose quantiles are those of the prior.
N_DRAWS = 100_000

# More columns than this get no legend.
MAX_LEGEND = 10


class PriorMatchDisplay:
    """Quantiles of the codes over those of the prior, one line a column.

    A column that has the prior's distribution follows the diagonal; a flatter line is
    a column too narrow, a steeper one too wide. It shows columns one by one: codes
    can follow the diagonal and still depend on each other as the prior's do not.

    Parameters
    ----------
    code_quantiles : ndarray of shape (n_quantiles, n_components)
        Quantiles of each column of the codes.

    prior_quantiles : ndarray of shape (n_quantiles, n_components)
        The same quantiles of draws from the prior.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.

    figure_ : matplotlib Figure
        Figure with the axes.

    lines_ : list of matplotlib Line2D
        The line of each column.

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

    def __init__(self, *, code_quantiles, prior_quantiles):
        self.code_quantiles = code_quantiles
        self.prior_quantiles = prior_quantiles

    @classmethod
    def from_estimator(cls, estimator, X, *, n_quantiles=99, ax=None, **kwargs):
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
            Axes to draw in; None makes a figure.

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
            If codes and prior have different numbers of columns.
        """
        check_estimator(cls.__name__, estimator, "transform", "prior_")
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
        ).plot(ax=ax, **kwargs)

    def plot(self, ax=None, *, cmap="viridis", **kwargs):
        """Draw one line a column, and the diagonal.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; None makes a figure.

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
        if ax is None:
            _, ax = plt.subplots(figsize=(5.0, 5.0), layout="constrained")
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
        return self
