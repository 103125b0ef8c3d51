"""ClusterDisplay: where clusters lie in the code, and how large they are."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils import check_consistent_length

from sklearn_aae.inspection._estimator import check_estimator
from sklearn_aae.inspection._labels import MAX_LEGEND, colored, legend_names
from sklearn_aae.inspection._style import LOOKS, plane_of, point_style, write_name
from sklearn_aae.utils._optional import import_optional
from sklearn_aae.utils._typing import LabelsLike, TableLike

# Inches of the parts of a new figure.
CODES_WIDTH, SHARES_WIDTH, CELL_WIDTH = 5.6, 2.8, 0.45


class ClusterDisplay:
    """Codes coloured by cluster, and the share of the rows that each cluster has.

    Of codes with more than two columns it shows the principal plane: clusters that
    overlap there may lie apart elsewhere. With true labels, a table takes the place of
    the shares: how many rows of each cluster have each label, the darker the larger the
    part of the cluster. A cluster of one label has one dark cell.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
        Codes of the rows.

    labels : ndarray of shape (n_samples,)
        Cluster of each row.

    names : sequence, default=None
        All clusters, those without rows, too; None for those in `labels`.

    y : array-like of shape (n_samples,), default=None
        True labels, of up to 20 classes; -1, None and NaN are none. None draws shares.

    y_name : str, default="y"
        What the table calls y.

    Attributes
    ----------
    axes_ : ndarray of shape (2,)
        Axes of codes and of shares or the table.

    figure_ : matplotlib Figure
        Figure with the axes.

    points_ : list of matplotlib PathCollection
        Points of each cluster.

    bars_ : matplotlib BarContainer or None
        Shares of the clusters.

    table_ : matplotlib AxesImage or None
        Part of each label in each cluster: clusters are its rows.

    See Also
    --------
    LatentSpaceDisplay : Codes of two columns, coloured by anything.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AAEClusterer
    >>> from sklearn_aae.inspection import ClusterDisplay
    >>> X, _ = load_iris(return_X_y=True)
    >>> model = AAEClusterer(3, n_init=1, max_iter=2, random_state=0).fit(X)
    >>> display = ClusterDisplay.from_estimator(model, X)
    >>> len(display.bars_)
    3
    """

    def __init__(
        self,
        *,
        codes: np.ndarray,
        labels: np.ndarray,
        names: Sequence[Any] | None = None,
        y: LabelsLike | None = None,
        y_name: str = "y",
    ):
        self.codes = codes
        self.labels = labels
        self.names = names
        self.y = y
        self.y_name = y_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: TableLike,
        y: LabelsLike | None = None,
        *,
        ax: Any = None,
        **kwargs: Any,
    ) -> Self:
        """Encode rows, predict their clusters and draw both.

        Parameters
        ----------
        estimator : object
            Fitted, with ``predict`` and ``transform``. A classifier's classes count as
            clusters.

        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows.

        y : array-like of shape (n_samples,), default=None
            True labels, of up to 20 classes, for a table of clusters and labels; -1,
            None and NaN are none. None draws the shares of the clusters.

        ax : matplotlib Axes or array-like of Axes of shape (2,), default=None
            Axes to draw in, see `plot`.

        **kwargs : dict
            Passed on to `plot`.

        Returns
        -------
        display : ClusterDisplay

        Raises
        ------
        TypeError
            If the estimator has no ``predict`` or no ``transform``.

        ValueError
            If y has not one value a row, numbers that are no labels, or more than 20
            classes.
        """
        check_estimator(cls.__name__, estimator, "predict", "transform")
        labels = np.asarray(estimator.predict(X))
        names = getattr(estimator, "classes_", None)
        if names is None and hasattr(estimator, "cluster_centers_"):
            names = range(len(estimator.cluster_centers_))
        codes = np.asarray(estimator.transform(X), dtype=float)
        y_name = getattr(y, "name", None)  # of a Series
        return cls(
            codes=codes,
            labels=labels,
            names=names,
            y=y,
            y_name="y" if y_name is None else str(y_name),
        ).plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> Self:
        """Draw codes and shares, or the table of clusters and labels.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of Axes of shape (2,), default=None
            Two axes, or one that draws the codes only; None makes a figure.

        **kwargs : dict
            Passed on to ``ax.scatter``.

        Returns
        -------
        display : ClusterDisplay

        Raises
        ------
        ImportError
            If matplotlib is absent.

        ValueError
            If there are more than two axes, or y cannot be drawn.
        """
        plt = import_optional(
            "matplotlib.pyplot", feature="ClusterDisplay.plot", extra="plot"
        )
        names = np.unique(self.labels) if self.names is None else list(self.names)
        truth = None if self.y is None else _known(self.y, self.labels)
        self.axes_ = _make_axes(plt, ax, len(names), truth)
        self.figure_ = self.axes_[0].figure
        looks = [LOOKS[i % len(LOOKS)] for i in range(len(names))]
        self._plot_codes(names, looks, kwargs)
        self.bars_ = self.table_ = None
        if len(self.axes_) == 2 and truth is None:
            self._plot_shares(names, looks)
        elif len(self.axes_) == 2:
            self._plot_table(names, *truth)
        return self

    def _plot_codes(self, names, looks, style: dict) -> None:
        """Draw the points of each cluster, with its name at their middle."""
        ax, (points, labels) = self.axes_[0], plane_of(self.codes)
        if self.codes.shape[1] == 1:  # a strip for each cluster
            places = {name: i for i, name in enumerate(names)}
            points[:, 1] = [places.get(label, -1) for label in self.labels]
        size, self.points_ = point_style(len(points)), []
        for name, look in zip(names, looks, strict=True):
            of_it = points[self.labels == name]
            self.points_.append(ax.scatter(*of_it.T, **size | look | style))
            if len(of_it):
                write_name(ax, np.median(of_it, axis=0), name)
        ax.set(xlabel=labels[0], ylabel=labels[1])

    def _plot_shares(self, names, looks) -> None:
        """Draw how many of the rows each cluster has."""
        ax, n = self.axes_[1], max(1, len(self.labels))
        shares = [np.count_nonzero(self.labels == name) / n for name in names]
        places = range(len(names))
        self.bars_ = ax.barh(places, shares, color=[look["color"] for look in looks])
        ax.bar_label(self.bars_, [f"{share:.0%}" for share in shares], padding=3)
        ax.set_yticks(places, legend_names(names))
        ax.invert_yaxis()
        ax.set(xlabel="share of the rows", ylabel="cluster")
        ax.margins(x=0.2)
        ax.spines[["top", "right"]].set_visible(False)

    def _plot_table(self, names, classes: list[str], truth: np.ndarray) -> None:
        """Draw how many rows of each cluster have each label."""
        ax, n = self.axes_[1], max(1, len(self.labels))
        found = [truth[self.labels == name] for name in names]
        counts = np.array([np.bincount(part, minlength=len(classes)) for part in found])
        sizes = counts.sum(axis=1)
        parts = counts / np.maximum(sizes, 1)[:, None]
        self.table_ = ax.imshow(parts, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (i, j), count in np.ndenumerate(counts):
            color = "white" if parts[i, j] > 0.5 else "black"
            ax.text(j, i, count, ha="center", va="center", color=color)
        rows = zip(legend_names(names), sizes / n, strict=True)
        ax.set_yticks(
            range(len(names)), [f"{name} ({part:.0%})" for name, part in rows]
        )
        turned = {"rotation": 45, "ha": "right"} if max(map(len, classes)) > 3 else {}
        ax.set_xticks(range(len(classes)), classes, **turned)
        ax.set(xlabel=self.y_name, ylabel="cluster (share of the rows)")


def _known(y, labels: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the names of the classes, and which one each row has.

    Raises
    ------
    ValueError
        If there is not one label a row, or they are not those of few classes.
    """
    check_consistent_length(labels, y)
    values, known, classes = colored(y)
    if classes is None or len(classes) > MAX_LEGEND:
        what = "numbers" if classes is None else f"{len(classes)} classes"
        raise ValueError(
            f"A table of clusters needs labels of at most {MAX_LEGEND} classes, and y "
            f"has {what}. Leave it out; LatentSpaceDisplay colours codes by any y."
        )
    truth = np.full(len(labels), len(classes))
    truth[known] = np.searchsorted(classes, values)
    names = legend_names(classes)
    return (names if known.all() else [*names, "unlabelled"]), truth


def _make_axes(plt, ax, n_clusters: int, truth) -> np.ndarray:
    """Return the axes that were given, or two new ones: a table has room for its cells.

    Raises
    ------
    ValueError
        If more than two were given.
    """
    if ax is None:
        width = SHARES_WIDTH if truth is None else 1.3 + CELL_WIDTH * len(truth[0])
        width = max(SHARES_WIDTH, width)
        size = (CODES_WIDTH + width, max(4.2, 0.22 * n_clusters))
        ratios = {"width_ratios": (CODES_WIDTH, width), "layout": "constrained"}
        _, ax = plt.subplots(1, 2, figsize=size, **ratios)
    axes = np.asarray(ax, dtype=object).ravel()
    if len(axes) > 2:
        raise ValueError(f"ax must be one or two axes. Got {len(axes)}.")
    return axes
