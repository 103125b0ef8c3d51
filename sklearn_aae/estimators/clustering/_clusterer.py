"""AAEClusterer: clusters as the label half of a code."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import ClusterMixin

from sklearn_aae.estimators._autoencoder import BaseAutoencoder
from sklearn_aae.estimators._data import FitInput, TrainingData
from sklearn_aae.estimators._graph import in_few_dimensions, nearest
from sklearn_aae.estimators._label_latent import (
    LabelLatent,
    consistency_phases,
    label_latent_spec,
)
from sklearn_aae.estimators._labels import class_numbers
from sklearn_aae.estimators._parameters import NON_NEGATIVE, POSITIVE_INT
from sklearn_aae.estimators._rules import EpochRule, Evaluation
from sklearn_aae.estimators._signature import parameter
from sklearn_aae.estimators._spec import ModelSpec
from sklearn_aae.estimators._tables import as_output
from sklearn_aae.estimators._warnings import warn_of_collapse
from sklearn_aae.estimators.clustering._merge import MERGES, Clustering, merged
from sklearn_aae.estimators.clustering._partition import find_partition
from sklearn_aae.estimators.clustering._start import labels_of, shares_of, with_labels
from sklearn_aae.priors import LabelAndStyle, Prior
from sklearn_aae.training import (
    AAENet,
    BalanceClusters,
    Classify,
    LabelledBatches,
    LabelledNeighborBatches,
)
from sklearn_aae.utils._compat import StrOptions, check_sample_weight
from sklearn_aae.utils._typing import Answer, TableLike

# How far a batch moves p(y) to the mean of q(y|x).
PRIOR_RATE = 0.02


class AAEClusterer(LabelLatent, ClusterMixin, BaseAutoencoder):
    """Adversarial autoencoder that clusters: a code of a cluster and a style.

    The encoder infers for each row the probabilities q(y|x) of the clusters and a style
    z; one critic makes the probabilities look like draws of one cluster each, another
    the style like a Gaussian ([1]_, section 6). Which rows belong together is read off
    the graph of nearest neighbours before the training: spectral clustering in several
    ways [4]_, of which the partition is kept whose labels say most about those of
    neighbours. The network learns it (`partition_strength`), and the prior
    probabilities of the clusters are its shares, not equal (`fit_cluster_prior`).
    ``partition_strength=0, fit_cluster_prior=False`` is the paper's recipe, which finds
    clusters of equal size by the training alone.

    Of `n_init` trainings, which run as one stack, that one is kept whose clusters share
    most information along the edges of the neighbour graph. No label is used.

    Like KMeans it measures distances: by default each column is divided by its range,
    or by six standard deviations if that is less (``scale="limited_range"``), so that
    units do not matter. ``scale="common"`` lets columns of one unit keep their sizes to
    each other.

    Read more in the :ref:`User Guide <cluster>`.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters. Some may end empty: then there is a warning, and labels
        count those in use.

    n_subclusters : int or None, default=None
        Number of labels of the code, None for as many as clusters. More of them are
        merged into clusters after the training, as the edges of the neighbour graph
        say. It helps where one training tends to put two groups into one cluster and to
        divide another: many rows, groups of odd shape or of very different size.

    merge_by : {"modularity", "cut"}, default="modularity"
        How subclusters are merged. "modularity": two at a time, those with most edges
        between them beyond chance, which favours clusters of like size [2]_. "cut":
        all at once, so that few of each cluster's edges leave it, the normalised cut of
        spectral clustering [3]_, which finds small clusters that stand apart, too; of
        the restarts the one of the least cut is kept.

    n_components : int, default=5
        Number of columns of the style.

    partition_strength : float, default=10.0
        Weight of the cross-entropy of q(y|x) and the partition of the neighbour graph
        that the training begins with. With 0 the training finds clusters by itself:
        ``agreement_strength=3`` and ``n_init=8`` are good values then.

    balance_strength : float, default=0.0
        Weight of the entropy of the clusters' mean probabilities in a batch: against
        clusters that stay empty, and for clusters of like size.

    fit_cluster_prior : bool, default=True
        Whether the prior of the clusters is that of the partition (without one, follows
        what is inferred), or even.

    critic_hidden_layer_sizes : sequence of int, default=(64, 64)
        Units of the critics' hidden layers.

    max_iter : int or "auto", default="auto"
        Number of epochs. "auto" is as many as make 500 steps, within 10 and 50: a
        partition shows where to begin. Without one (``partition_strength=0``), 1,000,
        within 20 and 400.

    n_init : int, default=1
        Number of trainings from different random weights, as one stack.

    {parameters}

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each training row, counted from 0.

    subcluster_labels_ : ndarray of shape (n_subclusters,)
        Cluster of each label of the code; -1 for labels that are not in use.

    cluster_centers_ : ndarray of shape (n_clusters_in_use, n_features)
        The decoded heads: what each cluster, or its largest part, looks like in the
        mean style, z = 0. Of a table with categories, rows like those of `sample`.

    cluster_prior_ : ndarray of shape (n_clusters_in_use,)
        p(y): the probability of each cluster, as it was learned.

    information_ : float
        Mutual information of the clusters of two neighbours, in nats: the criterion of
        `n_init`, unless subclusters are merged by the cut. Rows count once in it,
        whatever their weight.

    cut_ : float
        The normalised cut: the share of a cluster's edges that leave it, summed over
        the clusters; an empty one counts as 1.

    {autoencoder attributes}

    {attributes}

    See Also
    --------
    sklearn.cluster.KMeans : Clusters around means.
    SemiSupervisedAAEClassifier : Where some labels are known.

    References
    ----------
    .. [1] Makhzani, Shlens, Jaitly, Goodfellow, Frey, "Adversarial Autoencoders", 2016,
       https://arxiv.org/abs/1511.05644
    .. [2] Newman, "Fast algorithm for detecting community structure in networks", 2004,
       https://arxiv.org/abs/cond-mat/0309508
    .. [3] Ng, Jordan, Weiss, "On Spectral Clustering: Analysis and an algorithm", 2001
    .. [4] von Luxburg, "A tutorial on spectral clustering", 2007,
       https://arxiv.org/abs/0711.0189

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AAEClusterer
    >>> X, _ = load_iris(return_X_y=True)
    >>> clusterer = AAEClusterer(n_clusters=3, max_iter=20, random_state=0)
    >>> clusterer.fit_predict(X).shape
    (150,)
    """

    n_clusters: int = parameter(
        default=8, allowed=[POSITIVE_INT], shapes=True, kw_only=False
    )
    n_subclusters: int | None = parameter(
        default=None, allowed=[POSITIVE_INT, None], shapes=True
    )
    merge_by: str = parameter(default="modularity", allowed=[StrOptions(set(MERGES))])
    partition_strength: float = parameter(default=10.0, allowed=[NON_NEGATIVE])
    balance_strength: float = parameter(default=0.0, allowed=[NON_NEGATIVE])
    fit_cluster_prior: bool = parameter(default=True, allowed=["boolean"], shapes=True)
    scale: str | None = "limited_range"
    n_components: int = 5
    class_heads: bool = True
    agreement_strength: float = 0.0
    reconstruction_strength: float = 10.0
    critic_noise: float = 0.3
    input_noise: float = 0.3

    def __sklearn_tags__(self):
        """Say what scikit-learn may expect."""
        tags = super().__sklearn_tags__()
        # scikit-learn's check of sparse rows takes all that have predict_proba for
        # classifiers of two or four classes.
        tags.input_tags.sparse = False
        return tags

    # --- fit ------------------------------------------------------------------------

    @property
    def _n_labels(self) -> int:
        """Number of labels of the code."""
        return self.n_subclusters or self.n_clusters

    def _prepare(
        self, given: FitInput, seed: int, earlier: TrainingData | None, **options
    ) -> TrainingData:
        data = super()._prepare(given, seed, earlier, **options)
        n_clusters, m = self.n_clusters, self._n_labels
        n = len(data.rows) + len(data.validation or ())  # with those held out
        if m < n_clusters:
            raise ValueError(
                "The 'n_subclusters' parameter of AAEClusterer must be None or an int "
                f"not below n_clusters={n_clusters}. Got {m} instead."
            )
        if n < m and earlier is None:
            name = "n_clusters" if self.n_subclusters is None else "n_subclusters"
            raise ValueError(f"n_samples={n} should be >= {name}={m}.")
        points = in_few_dimensions(data.rows.points())
        data = replace(data, neighbors=nearest(points, self.n_neighbors))
        if not self.partition_strength:
            return data
        if earlier is not None:  # clusters keep their numbers
            labels = labels_of(self._model.networks["encoder"], data, m)
            return with_labels(data, labels, earlier.class_prior)
        labels = find_partition(points, self.n_neighbors, m)
        prior = shares_of(labels, data, m) if self.fit_cluster_prior else None
        return with_labels(data, labels, prior)

    def _epoch_rule(self, data: TrainingData) -> EpochRule:
        """Train short from a partition, long where neighbours have to find one."""
        if self.partition_strength:
            return EpochRule(500, 10, 50)
        return EpochRule(1000, 20, 400)

    def _make_spec(self, data: TrainingData) -> ModelSpec:
        m, balance = self._n_labels, float(self.balance_strength)
        follow, options = float(self.partition_strength), {}
        if follow:
            options["kinds"] = (LabelledBatches, LabelledNeighborBatches)
        spec = label_latent_spec(
            self,
            data,
            data.class_prior or [1 / m] * m,
            rate=PRIOR_RATE if self.fit_cluster_prior and not follow else 0.0,
            further=[
                *([Classify(weight=follow)] if follow else []),
                *consistency_phases(self, data),
                *([BalanceClusters(weight=balance)] if balance else []),
            ],
            **options,
        )

        def fitted_prior(net: AAENet) -> Prior:
            return LabelAndStyle(spec.prior.style, _cluster_prior(net))

        return replace(spec, fitted_prior=fitted_prior)

    def _evaluate(
        self, net: AAENet, data: TrainingData, spec: ModelSpec, streams: bool
    ) -> Evaluation:
        """Return how well a net's clusters lie on the graph of neighbours."""
        known = getattr(self, "subcluster_labels_", None) if streams else None
        m, rule = self._n_labels, (self.n_clusters, self.merge_by, known)
        labels = labels_of(net.module_.networks["encoder"], data, m)
        found = Clustering.find(labels, spec.neighbors(), m, *rule)
        by_cut = m > self.n_clusters and self.merge_by == "cut"
        attributes = {
            "information_": found.information,
            "cut_": found.cut,
            "subcluster_labels_": found.clusters,
        }
        return Evaluation(found.cut if by_cut else -found.information, attributes)

    def _finish(self, given: FitInput, *, streams: bool, before: dict) -> None:
        """Set the clusters of the training rows; number the clusters in use."""
        p = self._label_probabilities(given.X)
        counted = slice(None)
        if given.sample_weight is not None:
            counted = check_sample_weight(given.sample_weight, p) > 0
        clusters = self.subcluster_labels_
        used = np.unique(merged(p, clusters)[counted].argmax(1))
        known = before.get("subcluster_labels_") if streams else None
        if known is not None:
            used = np.union1d(used, known[known >= 0])
        numbers = np.full(len(clusters) + 1, -1)  # the last is of labels not in use
        numbers[used] = np.arange(len(used))
        self.subcluster_labels_ = numbers[clusters]
        self.labels_ = merged(p, self.subcluster_labels_).argmax(1)
        p_y = self.prior_.class_prior.double().numpy()
        largest = [
            np.where(self.subcluster_labels_ == c, p_y, -1).argmax()
            for c in range(len(used))
        ]
        self._centers = self._decoded_heads()[largest]
        p_cluster = merged(p_y[None], self.subcluster_labels_)[0]
        self.cluster_prior_ = p_cluster / p_cluster.sum()

    def _decoded_heads(self) -> np.ndarray:
        """Return the decoded head of each label: z = 0."""
        m = self.prior_.n_classes
        latents = np.zeros((m, m + self.prior_.style.n_components))
        latents[:, :m] = np.eye(m)
        return self._model.decode(latents)

    def fit(
        self, X: TableLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Find clusters.

        Ctrl-C ends the training and keeps the model as it is then, with a warning;
        inside a search or pipeline it ends that. If `fit` fails, an earlier fit stays
        as it was.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Training rows, see `AAETransformer.fit`; not sparse.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows. If all rows fit into one batch, a whole weight counts
            like repeated rows; else rows are drawn in proportion to it.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            If a parameter or the data are unfit, or a loss becomes infinite.

        Warns
        -----
        ConvergenceWarning
            If clusters stayed empty, or the critic of the clusters won.
        """
        super().fit(X, None, sample_weight)
        warn_of_collapse(self)
        return self

    def partial_fit(
        self, X: TableLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Train on a chunk of rows: one pass, at a constant learning rate.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows. The first chunk fixes the columns and their scales, and its partition
            the clusters and their prior. Later ones are trained towards the clusters
            that the model gives them, so that these keep their numbers; `labels_` are
            those of the last chunk.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            See `fit`.

        Returns
        -------
        self : object
        """
        return super().partial_fit(X, None, sample_weight)

    # --- answers --------------------------------------------------------------------

    @property
    def cluster_centers_(self) -> Answer:
        """The decoded heads, a table like the training table."""
        return as_output(self, self._centers)  # state is plain: a frame is built anew

    def predict_proba(self, X: TableLike) -> Answer:
        """Return the probabilities of the clusters: q(y|x).

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_clusters_in_use), float64
            Rows sum to 1.
        """
        p = merged(self._label_probabilities(X), self.subcluster_labels_)
        total = p.sum(1, keepdims=True)
        # A row far from all others may have a label that no training row has.
        known = np.divide(p, total, where=total > 0, out=np.zeros_like(p))
        return np.where(total > 0, known, self.cluster_prior_)

    def predict(self, X: TableLike) -> Answer:
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
        return class_numbers(y, n_samples, np.arange(len(self.cluster_prior_)))

    def _draw_labels(self, n_samples: int, seed: int) -> np.ndarray:
        """Draw clusters in use: the prior has labels that no row has."""
        p = self.cluster_prior_
        return np.random.RandomState(seed).choice(len(p), n_samples, p=p)

    def _pools(self, codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the most likely cluster of training rows."""
        p = codes[:, : self.prior_.n_classes]
        return merged(p, self.subcluster_labels_).argmax(1)

    def _draw_codes(self, n_samples: int, labels, seed: int) -> np.ndarray:
        """Draw codes of clusters: of their labels by the probabilities of these."""
        parts, rng = self.subcluster_labels_, np.random.RandomState(seed)
        of_cluster = parts == np.arange(len(self.cluster_prior_))[:, None]
        p = of_cluster * self.prior_.class_prior.double().numpy()
        below = p.cumsum(1) / p.sum(1, keepdims=True)
        labels = (below[labels] <= rng.uniform(size=(n_samples, 1))).sum(1)
        return super()._draw_codes(n_samples, labels, seed)


def _cluster_prior(net: AAENet) -> torch.Tensor:
    """Return p(y) as a net has learned it."""
    return net.module_.networks["label_critic"].class_prior.cpu()
