"""AAEClusterer: clusters as the label half of a code."""

import warnings

import torch
from sklearn.base import ClusterMixin
from sklearn.exceptions import ConvergenceWarning

from sklearn_aae.estimators._base import BaseAAE
from sklearn_aae.estimators._family import inherits_parameters
from sklearn_aae.estimators._interrupts import fitting
from sklearn_aae.estimators._labelled import LABELLED_CONSTRAINTS, LabelledMixin
from sklearn_aae.estimators._neighbours import MERGES
from sklearn_aae.estimators._parameters import NON_NEGATIVE, POSITIVE_INT
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._stream import CHUNK_ROWS
from sklearn_aae.estimators._subclusters import SubclustersMixin
from sklearn_aae.estimators._transformer import AAETransformer
from sklearn_aae.priors import LabelAndStyle
from sklearn_aae.tabular import TableSchema
from sklearn_aae.training import (
    AAENet,
    BalanceClusters,
    Phase,
)
from sklearn_aae.utils._compat import StrOptions

# A critic that tells more pairs apart has won.
WON = 0.995

# How far a batch moves p(y) to the mean of q(y|x).
SHARES_RATE = 0.02


@inherits_parameters(AAETransformer, without=("classes_",))
class AAEClusterer(SubclustersMixin, LabelledMixin, ClusterMixin, BaseAAE):
    """Adversarial autoencoder that clusters: a code of a cluster and a style.

    The encoder infers for each row the probabilities q(y|x) of the clusters and a style
    z; one critic makes the probabilities look like draws of one cluster each, another
    the style like a Gaussian ([1]_, section 6). Two things are added to the paper's
    recipe, each with a parameter that switches it off: rows agree with a random near
    neighbour in a cluster that is not everyone's (`agreement_strength`), and the shares
    of the clusters are learned, not equal (`learn_shares`).

    Of `n_init` trainings, which run as one stack, that one is kept whose clusters share
    most information along the edges of the neighbour graph. No label is used.

    Like KMeans it measures distances: by default each column is divided by its range
    (``scale="range"``), so that units do not matter. ``scale="common"`` lets columns of
    one unit keep their sizes to each other.

    Read more in the user guide.

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
        between them beyond chance, which favours clusters of like size [3]_. "cut":
        all at once, so that few of each cluster's edges leave it, the normalised cut of
        spectral clustering [4]_, which finds small clusters that stand apart, too; of
        the restarts the one of the least cut is kept.

    n_components : int, default=5
        Number of columns of the style.

    class_heads : bool, default=True
        Whether the decoder sees W_Cᵀ y + z, n_components columns in all, with a learned
        head for each cluster ([1]_, section 7), or y and z side by side.

    head_distance : float, default=1.0
        η: cluster heads nearer to each other than this are pushed apart.

    agreement_strength : float, default=3.0
        Weight of the agreement of neighbours; 0 for the paper's recipe.

    agreement_duration : float or None, default=None
        Share of the epochs in which neighbours agree, in (0, 1): a first part of the
        training without smoothness, before one without agreement, each with a whole
        learning rate schedule. None for both at once, as in `partial_fit`.

    balance_strength : float, default=0.0
        Weight of the entropy of the clusters' shares in a batch: for clusters that
        stay empty, and for clusters of like size.

    n_neighbors : int, default=10
        Neighbours of a row in the graph.

    stray_share : float, default=0.0
        Share of the neighbours that are taken to say nothing of a row's cluster, in
        [0, 1): a row that is sure of another cluster is not drawn to them.

    smoothness_strength : float, default=0.0
        Weight of the change of q(y|x) at the worst point near a row: virtual
        adversarial training [2]_.

    smoothness_radius : float, default=0.5
        How near: as a multiple of the mean distance of a row to its tenth neighbour.

    learn_shares : bool, default=True
        Whether the prior of the clusters follows what is inferred, or stays even.

    label_strength : float, default=1.0
        Weight of the loss against the critic of the clusters.

    reconstruction_strength : float, default=10.0
        Weight of the reconstruction, -log p(x|z) in nats a column.

    critic_noise : float, default=0.3
        Standard deviation of the noise on what the critic of the clusters sees.

    critic_hidden_layer_sizes : sequence of int, default=(128, 128)
        Units of the critics' hidden layers.

    input_noise : float, default=0.3
        Standard deviation of the noise on the scaled input in training.

    scale : {"standard", "quantile", "minmax", "range", "common"} or None, \
            default="range"
        Scaling of the columns, see `AAETransformer`.

    max_iter : int or "auto", default="auto"
        Number of epochs. "auto" is as many as make 1,000 steps, within 20 and 400.

    n_init : int, default=8
        Number of trainings from different random weights, as one stack.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each training row, counted from 0.

    subcluster_labels_ : ndarray of shape (n_subclusters,)
        Cluster of each label of the code; -1 for labels that are not in use.

    cluster_centers_ : ndarray of shape (n_clusters_in_use, n_features)
        The decoded heads: what each cluster, or its largest part, looks like in the
        mean style, z = 0. Of a table with categories, rows like those of `sample`.

    cluster_shares_ : ndarray of shape (n_clusters_in_use,)
        Share of each cluster, as the prior has learned it.

    information_ : float
        Mutual information of the clusters of two neighbours, in nats: the criterion of
        `n_init`, unless subclusters are merged by the cut. Rows count once in it,
        whatever their weight.

    cut_ : float
        The normalised cut: the share of a cluster's edges that leave it, summed over
        the clusters; an empty one counts as 1.

    See Also
    --------
    sklearn.cluster.KMeans : Clusters around means.
    SemiSupervisedAAEClassifier : Where some labels are known.

    References
    ----------
    .. [1] Makhzani, Shlens, Jaitly, Goodfellow, Frey, "Adversarial Autoencoders", 2016,
       https://arxiv.org/abs/1511.05644
    .. [2] Miyato, Maeda, Koyama, Ishii, "Virtual Adversarial Training", 2018,
       https://arxiv.org/abs/1704.03976
    .. [3] Newman, "Fast algorithm for detecting community structure in networks", 2004,
       https://arxiv.org/abs/cond-mat/0309508
    .. [4] Ng, Jordan, Weiss, "On Spectral Clustering: Analysis and an algorithm", 2001

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AAEClusterer
    >>> X, _ = load_iris(return_X_y=True)
    >>> clusterer = AAEClusterer(n_clusters=3, max_iter=20, n_init=2, random_state=0)
    >>> clusterer.fit_predict(X).shape
    (150,)
    """

    # scikit-learn's check of sparse rows takes all that have predict_proba for
    # classifiers of two or four classes.
    _takes_sparse = False
    _learned = (*BaseAAE._learned, "_radius")
    _parameter_constraints = {
        **LABELLED_CONSTRAINTS,
        "n_clusters": [POSITIVE_INT],
        "n_subclusters": [POSITIVE_INT, None],
        "merge_by": [StrOptions(set(MERGES))],
        "balance_strength": [NON_NEGATIVE],
        "learn_shares": ["boolean"],
        "critic_hidden_layer_sizes": ["array-like"],
    }

    def __init__(
        self,
        n_clusters=8,
        *,
        n_subclusters=None,
        merge_by="modularity",
        n_components=5,
        class_heads=True,
        head_distance=1.0,
        agreement_strength=3.0,
        agreement_duration=None,
        balance_strength=0.0,
        n_neighbors=10,
        stray_share=0.0,
        smoothness_strength=0.0,
        smoothness_radius=0.5,
        learn_shares=True,
        label_strength=1.0,
        reconstruction_strength=10.0,
        critic_noise=0.3,
        critic_hidden_layer_sizes=(128, 128),
        input_noise=0.3,
        scale="range",
        max_iter="auto",
        n_init=8,
        **shared,
    ):
        super().__init__(
            n_components,
            critic_hidden_layer_sizes=critic_hidden_layer_sizes,
            input_noise=input_noise,
            scale=scale,
            max_iter=max_iter,
            n_init=n_init,
            **shared,
        )
        self.n_clusters = n_clusters
        self.n_subclusters = n_subclusters
        self.merge_by = merge_by
        self.class_heads = class_heads
        self.head_distance = head_distance
        self.agreement_strength = agreement_strength
        self.agreement_duration = agreement_duration
        self.balance_strength = balance_strength
        self.n_neighbors = n_neighbors
        self.stray_share = stray_share
        self.smoothness_strength = smoothness_strength
        self.smoothness_radius = smoothness_radius
        self.learn_shares = learn_shares
        self.label_strength = label_strength
        self.reconstruction_strength = reconstruction_strength
        self.critic_noise = critic_noise

    # --- fit ------------------------------------------------------------------------

    def _use_labels(self, y, name: str = "y") -> None:
        """Ignore y."""

    @property
    def _label_shares(self) -> list[float]:
        m = self.n_subclusters or self.n_clusters
        return [1 / m] * m

    @property
    def _rate_of_shares(self) -> float:
        return SHARES_RATE if self.learn_shares else 0.0

    def _check_rows(self, X, y, sample_weight, *, keep: bool, of: str = "") -> Rows:
        rows = super()._check_rows(X, y, sample_weight, keep=keep, of=of)
        n_clusters, m = self.n_clusters, self.n_subclusters
        if m is not None and m < n_clusters:
            raise ValueError(
                "The 'n_subclusters' parameter of AAEClusterer must be None or an int "
                f"not below n_clusters={n_clusters}. Got {m} instead."
            )
        name = "n_clusters" if m is None else "n_subclusters"
        if len(rows) < (m or n_clusters) and not keep:
            raise ValueError(
                f"n_samples={len(rows)} should be >= {name}={m or n_clusters}."
            )
        return rows

    def _make_phases(self, schema: TableSchema) -> list[Phase]:
        balance = float(self.balance_strength)
        return [
            *super()._make_phases(schema),
            *self._make_consistency(),
            *([BalanceClusters(weight=balance)] if balance else []),
        ]

    def _rank(self, net: AAENet, rows: Rows) -> float:
        encoder, m = net.module_.networks["encoder"], self.prior_.n_classes
        with torch.no_grad():
            parts = rows.X.split(CHUNK_ROWS)
            # The mean draws no noise, whatever the posterior.
            labels = [encoder(part).mean[:, :m].argmax(-1) for part in parts]
        found = torch.cat(labels).cpu().numpy()
        return self._merge(net, found, rows.neighbours(self.n_neighbors))

    def _set_fitted(self, net: AAENet) -> None:
        super()._set_fitted(net)
        self.information_ = getattr(net, "information_", None)
        self.cut_ = getattr(net, "cut_", None)
        shares = net.module_.networks["label_critic"].class_prior
        self.prior_ = LabelAndStyle(self.prior_.style, shares.cpu())

    def fit(self, X, y=None, sample_weight=None):
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
        with fitting(self):
            super().fit(X, None, sample_weight)
            self._find_used(X, sample_weight)
        self._warn_of_collapse()
        return self

    def partial_fit(self, X, y=None, sample_weight=None):
        """Train on a chunk of rows: one pass, at a constant learning rate.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows. The first chunk fixes the columns and their scales, and clusters keep
            the numbers that they have; `labels_` are those of the last chunk.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            See `fit`.

        Returns
        -------
        self : object
        """
        with fitting(self):
            self._known_clusters = getattr(self, "subcluster_labels_", None)
            super().partial_fit(X, None, sample_weight)
            self._find_used(X, sample_weight)
            del self._known_clusters
        return self

    def _warn_of_collapse(self) -> None:
        """Warn of empty clusters, and of a critic that has won."""
        n_used = len(self.cluster_shares_)
        if n_used < self.n_clusters:
            warnings.warn(
                f"Only {n_used} of n_clusters={self.n_clusters} clusters are in use. "
                "Raise balance_strength or n_init, or lower n_clusters.",
                ConvergenceWarning,
                stacklevel=3,
            )
        if not self.history_:  # stopped in the first epoch
            return
        told = self.history_[-1]["label_critic_accuracy"]
        if told > WON:
            warnings.warn(
                f"The critic of the clusters tells {told:.1%} of inferred labels from "
                "drawn ones: rows are not assigned surely. Raise label_strength or "
                "critic_noise, or train longer (max_iter).",
                ConvergenceWarning,
                stacklevel=3,
            )
