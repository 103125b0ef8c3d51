"""ClusterDisplay: where clusters lie in the code, and how large they are."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from sklearn_aae.inspection._estimator import check_estimator
from sklearn_aae.inspection._style import LOOKS, plane_of, point_style, write_name
from sklearn_aae.utils._optional import import_optional
from sklearn_aae.utils._typing import TableLike


class ClusterDisplay:
    """Codes coloured by cluster, and the share of the rows that each cluster has.

    Of codes with more than two columns it shows the principal plane: clusters that
    overlap there may lie apart elsewhere.

    Parameters
    ----------
    codes : ndarray of shape (n_samples, n_components)
        Codes of the rows.

    labels : ndarray of shape (n_samples,)
        Cluster of each row.

    names : sequence, default=None
        All clusters, those without rows, too; None for those in `labels`.

    Attributes
    ----------
    axes_ : ndarray of shape (2,)
        Axes of codes and shares.

    figure_ : matplotlib Figure
        Figure with the axes.

    points_ : list of matplotlib PathCollection
        Points of each cluster.

    bars_ : matplotlib BarContainer
        Shares of the clusters.

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
    ):
        self.codes = codes
        self.labels = labels
        self.names = names

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: TableLike, *, ax: Any = None, **kwargs: Any
    ) -> Self:
        """Encode rows, predict their clusters and draw both.

        Parameters
        ----------
        estimator : object
            Fitted, with ``predict`` and ``transform``. A classifier's classes count as
            clusters.

        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows.

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
        """
        check_estimator(cls.__name__, estimator, "predict", "transform")
        labels = np.asarray(estimator.predict(X))
        names = getattr(estimator, "classes_", None)
        if names is None and hasattr(estimator, "cluster_centers_"):
            names = range(len(estimator.cluster_centers_))
        codes = np.asarray(estimator.transform(X), dtype=float)
        return cls(codes=codes, labels=labels, names=names).plot(ax=ax, **kwargs)

    def plot(self, ax: Any = None, **kwargs: Any) -> Self:
        """Draw codes and shares.

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
            If there are more than two axes.
        """
        plt = import_optional(
            "matplotlib.pyplot", feature="ClusterDisplay.plot", extra="plot"
        )
        names = np.unique(self.labels) if self.names is None else list(self.names)
        if ax is None:
            height = max(4.2, 0.22 * len(names))
            _, ax = plt.subplots(
                1, 2, figsize=(8.4, height), width_ratios=(2, 1), layout="constrained"
            )
        self.axes_ = np.asarray(ax, dtype=object).ravel()
        if len(self.axes_) > 2:
            raise ValueError(f"ax must be one or two axes. Got {len(self.axes_)}.")
        self.figure_ = self.axes_[0].figure
        looks = [LOOKS[i % len(LOOKS)] for i in range(len(names))]
        self._plot_codes(names, looks, kwargs)
        self.bars_ = None
        if len(self.axes_) == 2:
            self._plot_shares(names, looks)
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
        ax.set_yticks(places, [str(name) for name in names])
        ax.invert_yaxis()
        ax.set(xlabel="share of the rows", ylabel="cluster")
        ax.margins(x=0.2)
        ax.spines[["top", "right"]].set_visible(False)
