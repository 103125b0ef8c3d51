"""Clusters as labels of a code, of which several may make one cluster."""

import numpy as np

from sklearn_aae.estimators._neighbours import (
    edge_shares,
    merge_labels,
    normalized_cut,
    shared_information,
)
from sklearn_aae.training import AAENet
from sklearn_aae.utils._compat import check_sample_weight


class SubclustersMixin:
    """Answers by cluster of a model whose code has a label (`LabelledMixin`).

    The net says which labels make a cluster: ``net_.clusters_``.
    """

    def _merge(self, net: AAENet, labels: np.ndarray, neighbours: np.ndarray) -> float:
        """Set which labels of a net make a cluster; return its rank, low for good."""
        m, n_clusters = self.prior_.n_classes, self.n_clusters
        net.clusters_ = merge_labels(labels, neighbours, m, n_clusters, self.merge_by)
        clusters = net.clusters_[labels]
        net.information_ = shared_information(clusters, neighbours, n_clusters)
        net.cut_ = normalized_cut(edge_shares(clusters, neighbours, n_clusters))
        by_cut = m > n_clusters and self.merge_by == "cut"
        return net.cut_ if by_cut else -net.information_

    def _find_used(self, X, sample_weight) -> None:
        """Set the labels of the training rows, and which clusters are in use."""
        shares = self._shares(X)
        counted = slice(None)
        if sample_weight is not None:
            counted = check_sample_weight(sample_weight, shares) > 0
        parts = self.net_.clusters_
        used = np.unique(_merged(shares, parts)[counted].argmax(1))
        numbers = np.full(len(parts) + 1, -1)  # the last is of parts that are not used
        numbers[used] = np.arange(len(used))
        self.subcluster_labels_ = numbers[parts]
        self.labels_ = _merged(shares, self.subcluster_labels_).argmax(1)
        p = self.prior_.shares.double().numpy()
        largest = [
            np.where(self.subcluster_labels_ == c, p, -1).argmax()
            for c in range(len(used))
        ]
        centers = self._head_rows()[largest]
        typed = self.columns_.typed
        self.cluster_centers_ = self._as_table(centers) if typed else centers
        p = _merged(p[None], self.subcluster_labels_)[0]
        self.cluster_shares_ = p / p.sum()

    def predict_proba(self, X):
        """Return the probabilities of the clusters: q(y|x).

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        shares : ndarray of shape (n_samples, n_clusters_in_use), float64
            Rows sum to 1.
        """
        shares = _merged(self._shares(X), self.subcluster_labels_)
        return shares / shares.sum(1, keepdims=True)

    def predict(self, X):
        """Return the most likely cluster of each row.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Numbers from 0.
        """
        return self.predict_proba(X).argmax(1)

    def _class_numbers(self, y, n_samples: int) -> np.ndarray:
        """Return the clusters that rows are to be of."""
        labels = np.asarray(y)
        if labels.ndim and labels.shape != (n_samples,):
            raise ValueError(
                f"y must be one cluster or one for each of n_samples={n_samples} rows. "
                f"Got shape {labels.shape}."
            )
        n_used = len(self.cluster_shares_)
        if not np.isin(labels, np.arange(n_used)).all():
            raise ValueError(f"y must hold clusters from 0 to {n_used - 1}. Got {y!r}.")
        return np.broadcast_to(labels, (n_samples,))

    def _draw_codes(self, n_samples: int, labels, seed: int) -> np.ndarray:
        """Draw codes from the prior, of clusters where they are given."""
        if labels is not None:
            of_cluster = (
                self.subcluster_labels_ == np.arange(len(self.cluster_shares_))[:, None]
            )
            p = of_cluster * self.prior_.shares.double().numpy()
            below = p.cumsum(1) / p.sum(1, keepdims=True)
            u = np.random.RandomState(seed).uniform(size=(n_samples, 1))
            labels = (below[labels] <= u).sum(1)
        return super()._draw_codes(n_samples, labels, seed)


def _merged(shares: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Add up the shares (n, m) of labels (m,) that are of one cluster, -1 for none."""
    member = clusters[:, None] == np.arange(clusters.max() + 1)
    return shares @ member
