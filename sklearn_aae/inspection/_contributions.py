"""OutlierContributionDisplay: the most unusual rows, and what makes them so."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from sklearn_aae.inspection._estimator import check_count, check_estimator, take_rows
from sklearn_aae.tabular import column_names
from sklearn_aae.utils._optional import import_optional
from sklearn_aae.utils._typing import TableLike

OTHERS = "other columns"


class OutlierContributionDisplay:
    """How much each cell adds to the score of the most unusual rows.

    Rows are sorted, the most unusual first, with their scores beside their names;
    columns by what they add in all of them. Columns beyond those that are drawn are
    added up in the last one, "other columns". It is written in figures, without a
    colour: a sum of many columns is far above each of them. All cells of a row, this
    one included, add up to its score.

    Parameters
    ----------
    contributions : ndarray of shape (n_rows, n_columns)
        Of each cell, as ``localize`` returns them; the last column may be the sum of
        all others.

    scores : ndarray of shape (n_rows,)
        Higher is more unusual.

    row_names, column_names : sequence of str
        What rows and columns are called.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the picture.

    figure_ : matplotlib Figure
        Figure with the axes.

    image_ : matplotlib AxesImage
        The cells; those of other columns are masked.

    sums_ : list of matplotlib Text
        What other columns add, row by row; empty where there are none.

    See Also
    --------
    ReconstructionDisplay : Images and what is left of them.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_aae import AAEOutlierDetector
    >>> from sklearn_aae.inspection import OutlierContributionDisplay
    >>> X, _ = load_wine(return_X_y=True, as_frame=True)
    >>> detector = AAEOutlierDetector(n_init=1, max_iter=2, random_state=0).fit(X)
    >>> display = OutlierContributionDisplay.from_estimator(detector, X)
    >>> display.contributions.shape
    (15, 13)
    """

    def __init__(
        self,
        *,
        contributions: np.ndarray,
        scores: np.ndarray,
        row_names: Sequence[str],
        column_names: Sequence[str],
    ):
        self.contributions = contributions
        self.scores = scores
        self.row_names = row_names
        self.column_names = column_names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: TableLike,
        *,
        n_rows: int = 15,
        n_columns: int = 15,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Score rows, localize the most unusual ones and draw them.

        Parameters
        ----------
        estimator : object
            Fitted, with ``score_samples`` and ``localize``.

        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows; a frame's names and row labels are used.

        n_rows : int, default=15
            How many rows to draw, at most.

        n_columns : int, default=15
            How many columns to draw, at most, besides the sum of the others.

        ax : matplotlib Axes, default=None
            Axes to draw in; None makes a figure.

        **kwargs : dict
            Passed on to `plot`.

        Returns
        -------
        display : OutlierContributionDisplay

        Raises
        ------
        TypeError
            If the estimator has no ``score_samples`` or no ``localize``.

        ValueError
            If `n_rows` or `n_columns` is no whole number of at least 1, or the
            estimator was fitted on pictures, whose heat maps are no parts of scores.
        """
        check_estimator(cls.__name__, estimator, "score_samples", "localize")
        if getattr(estimator, "image_shape", None) is not None:
            raise ValueError(
                f"{cls.__name__} draws parts of scores, and heat maps of pictures are "
                "none. Use HeatmapDisplay.from_estimator(estimator, X)."
            )
        for name, value in (("n_rows", n_rows), ("n_columns", n_columns)):
            check_count(name, value)
        scores = -np.asarray(estimator.score_samples(X), dtype=float)
        most = np.argsort(-scores, kind="stable")[:n_rows]
        rows = take_rows(X, most)
        cells = np.asarray(estimator.localize(rows), dtype=float)
        columns = _column_names(rows, cells)
        cells, columns = _largest(cells, columns, n_columns)
        labels = rows.index if hasattr(rows, "iloc") else most
        return cls(
            contributions=cells,
            scores=scores[most],
            row_names=[str(label) for label in labels],
            column_names=columns,
        ).plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, *, cmap: Any = "Blues", **kwargs: Any) -> Self:
        """Draw the cells.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; None makes a figure.

        cmap : str or matplotlib Colormap, default="Blues"
            Colours of the contributions, from 0 to the largest of a single column.

        **kwargs : dict
            Passed on to ``ax.imshow``.

        Returns
        -------
        display : OutlierContributionDisplay

        Raises
        ------
        ImportError
            If matplotlib is absent.
        """
        plt = import_optional(
            "matplotlib.pyplot", feature="OutlierContributionDisplay.plot", extra="plot"
        )
        n_rows, n_columns = self.contributions.shape
        if ax is None:
            size = (2.6 + 0.42 * n_columns, 1.8 + 0.28 * n_rows)
            _, ax = plt.subplots(figsize=size, layout="constrained")
        summed = self.column_names[-1] == OTHERS and n_columns > 1
        cells = np.ma.masked_array(self.contributions, mask=False)
        cells[:, n_columns - summed :] = np.ma.masked
        style = {"cmap": cmap, "aspect": "auto", "vmin": 0.0, "vmax": cells.max()}
        self.image_ = ax.imshow(cells, **style | kwargs)
        ax.figure.colorbar(self.image_, ax=ax, label="part of the score")
        self.sums_ = _write_sums(ax, self.contributions) if summed else []
        rows = zip(self.row_names, self.scores, strict=True)
        ax.set_yticks(range(n_rows), [f"{name} ({score:.3g})" for name, score in rows])
        names = [str(name) for name in self.column_names]
        ax.set_xticks(range(n_columns), names, rotation=45, ha="right")
        ax.set(ylabel="row (score)")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _write_sums(ax, contributions: np.ndarray) -> list:
    """Write the last column in figures, behind a line."""
    last = contributions.shape[1] - 1
    ax.axvline(last - 0.5, color="lightgray", linewidth=1)
    look = {"ha": "center", "va": "center", "fontsize": "x-small"}
    sums = enumerate(contributions[:, last])
    return [ax.text(last, i, f"{total:.3g}", **look) for i, total in sums]


def _column_names(rows, cells: np.ndarray) -> list[str]:
    """Return the names of a frame's columns, or their numbers."""
    names = column_names(rows) or [f"x{j}" for j in range(cells.shape[1])]
    return [str(name) for name in names]


def _largest(
    cells: np.ndarray, names: list[str], n_columns: int
) -> tuple[np.ndarray, list[str]]:
    """Return the columns that add most, and the sum of the others as the last."""
    order = np.argsort(-cells.sum(axis=0), kind="stable")
    first, others = order[:n_columns], order[n_columns:]
    kept, called = cells[:, first], [names[j] for j in first]
    if len(others):
        kept = np.column_stack([kept, cells[:, others].sum(axis=1)])
        called.append(OTHERS)
    return kept, called
