"""Clusters as labels of a code, of which several may make one cluster."""

import numpy as np

from sklearn_aae.estimators._labels import class_numbers
from sklearn_aae.estimators._neighbours import (
    add_labels,
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

    # Cluster of each label, -1 for none, that further chunks keep to.
    _known_clusters: np.ndarray | None = None

    def _merge(self, net: AAENet, labels: np.ndarray, neighbours: np.ndarray) -> float:
        """Set which labels of a net make a cluster; return its rank, low for good."""
        m, n_clusters = self.prior_.n_classes, self.n_clusters
        known = self._known_clusters
        if known is None:
            parts = merge_labels(labels, neighbours, m, n_clusters, self.merge_by)
        else:
            parts = add_labels(known, labels, neighbours, n_clusters)
        net.clusters_ = parts
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
        if self._known_clusters is not None:
            used = np.union1d(used, self._known_clusters[self._known_clusters >= 0])
        numbers = np.full(len(parts) + 1, -1)  # the last is of parts that are not used
        numbers[used] = np.arange(len(used))
        self.subcluster_labels_ = numbers[parts]
        self.labels_ = _merged(shares, self.subcluster_labels_).argmax(1)
        p = self.prior_.class_prior.double().numpy()
        largest = [
            np.where(self.subcluster_labels_ == c, p, -1).argmax()
            for c in range(len(used))
        ]
        self._centers = self._head_rows()[largest]
        p = _merged(p[None], self.subcluster_labels_)[0]
        self.cluster_shares_ = p / p.sum()

    @property
    def cluster_centers_(self):
        """The decoded heads, a table like the training table."""
        return self._as_table(self._centers)  # state is plain: a frame is built anew

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
        total = shares.sum(1, keepdims=True)
        # A row far from all others may have a label that no training row has.
        known = np.divide(shares, total, where=total > 0, out=np.zeros_like(shares))
        return np.where(total > 0, known, self.cluster_shares_)

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
        return class_numbers(y, n_samples, np.arange(len(self.cluster_shares_)))

    def _open_labels(self, n_samples: int, seed: int) -> np.ndarray:
        """Draw clusters by their shares: the prior has labels that no row has."""
        shares = self.cluster_shares_
        return np.random.RandomState(seed).choice(len(shares), n_samples, p=shares)

    def _draw_codes(self, n_samples: int, labels, seed: int) -> np.ndarray:
        """Draw codes of clusters: of their labels by the shares of these."""
        parts, rng = self.subcluster_labels_, np.random.RandomState(seed)
        of_cluster = parts == np.arange(len(self.cluster_shares_))[:, None]
        p = of_cluster * self.prior_.class_prior.double().numpy()
        below = p.cumsum(1) / p.sum(1, keepdims=True)
        labels = (below[labels] <= rng.uniform(size=(n_samples, 1))).sum(1)
        return super()._draw_codes(n_samples, labels, seed)


def _merged(shares: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Add up the shares (n, m) of labels (m,) that are of one cluster, -1 for none."""
    member = clusters[:, None] == np.arange(clusters.max() + 1)
    return shares @ member
