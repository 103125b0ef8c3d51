"""SemiSupervisedAAEClassifier: few labels, many rows."""

from collections.abc import Hashable

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.class_weight import compute_class_weight

from sklearn_aae.estimators._base import BaseAAE
from sklearn_aae.estimators._family import inherits_parameters
from sklearn_aae.estimators._labelled import LABELLED_CONSTRAINTS, LabelledMixin
from sklearn_aae.estimators._labels import (
    LabelsMixin,
    check_as_many,
    check_signs,
    named_weights,
    signs_of,
)
from sklearn_aae.estimators._parameters import NON_NEGATIVE, POSITIVE_INT
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._transformer import AAETransformer
from sklearn_aae.tabular import TableSchema, column_values, is_labelled
from sklearn_aae.training import (
    Classify,
    LabelledBatches,
    LabelledNeighborBatches,
    Phase,
)
from sklearn_aae.utils._compat import StrOptions, check_sample_weight


@inherits_parameters(AAETransformer)
class SemiSupervisedAAEClassifier(LabelsMixin, LabelledMixin, ClassifierMixin, BaseAAE):
    """Adversarial autoencoder that classifies with few labels and many rows.

    The encoder infers for each row the probabilities q(y|x) of the classes and a style
    z. All rows are reconstructed from both, critics make the probabilities look like
    draws of one class each and the style like a Gaussian, and the labelled rows teach
    which class is which ([1]_, section 5). Two things are added to the paper's recipe:
    near neighbours agree on their class (`agreement_strength`), and probabilities may
    not change within a small distance of a row (`smoothness_strength`: virtual
    adversarial training [2]_).

    Labels are class labels of any kind; -1, None and NaN are unlabelled rows. -1 is a
    class if ``fit(X, y, classes=[...])`` names it, or if y is of -1 and 1 alone, as
    scikit-learn writes two classes: that is warned of.

    Read more in the user guide.

    Parameters
    ----------
    n_components : int, default=10
        Number of columns of the style.

    class_heads : bool, default=False
        Whether the decoder sees W_Cᵀ y + z, n_components columns in all, with a learned
        head for each class ([1]_, section 7), or y and z side by side.

    head_distance : float, default=1.0
        η: class heads nearer to each other than this are pushed apart.

    classification_strength : float, default=10.0
        Weight of the cross-entropy of the labelled rows.

    labeled_batch_size : int or None, default=None
        Labelled rows that a step takes besides the rows of its batch, others in each
        step unless it takes all of them. None for all, or as many as `batch_size`.

    agreement_strength : float, default=1.0
        Weight of the agreement of neighbours on their class; 0 for the paper's recipe.

    agreement_duration : float or None, default=0.4
        Share of the epochs in which neighbours agree, in (0, 1): a first part of the
        training without smoothness, before one without agreement, each with a whole
        learning rate schedule. None for both at once, as in `partial_fit`.

    n_neighbors : int, default=10
        Neighbours of a row in the graph.

    stray_share : float, default=0.1
        Share of the neighbours that are taken to say nothing of a row's class, in
        [0, 1): a row that is sure of another class is not drawn to them.

    smoothness_strength : float, default=3.0
        Weight of the change of q(y|x) at the worst point near a row; 0 for the paper's
        recipe.

    smoothness_radius : float, default=0.5
        How near: as a multiple of the mean distance of a row to its tenth neighbour.

    label_strength : float, default=1.0
        Weight of the loss against the critic of the classes.

    reconstruction_strength : float, default=1.0
        Weight of the reconstruction, -log p(x|z) in nats a column.

    critic_noise : float, default=0.1
        Standard deviation of the noise on what the critic of the classes sees.

    critic_hidden_layer_sizes : sequence of int, default=(128, 128)
        Units of the critics' hidden layers.

    scale : {"standard", "quantile", "minmax", "range", "common"} or None, \
            default="range"
        Scaling of the columns, see `AAETransformer`.

    learning_rate : float, default=0.002
        Adam's step size.

    learning_rate_schedule : {"constant", "cosine", "one_cycle"}, default="one_cycle"
        Course of the step sizes over the training.

    max_iter : int or "auto", default="auto"
        Number of epochs. "auto" is as many as make 1,000 steps, within 20 and 400.

    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the cross-entropy.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.

    See Also
    --------
    sklearn.semi_supervised.LabelSpreading : Labels along a graph of neighbours.
    AAEClusterer : Where no label is known.

    References
    ----------
    .. [1] Makhzani, Shlens, Jaitly, Goodfellow, Frey, "Adversarial Autoencoders", 2016,
       https://arxiv.org/abs/1511.05644
    .. [2] Miyato, Maeda, Koyama, Ishii, "Virtual Adversarial Training", 2018,
       https://arxiv.org/abs/1704.03976

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import SemiSupervisedAAEClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> few = np.where(np.arange(150) % 10 == 0, y, -1)
    >>> classifier = SemiSupervisedAAEClassifier(max_iter=30, random_state=0)
    >>> classifier.fit(X, few).predict(X).shape
    (150,)
    """

    _batch_kinds = (LabelledBatches, LabelledNeighborBatches)
    _learned = (*BaseAAE._learned, "_radius", "_class_weights")
    _parameter_constraints = {
        **LABELLED_CONSTRAINTS,
        "classification_strength": [NON_NEGATIVE],
        "labeled_batch_size": [POSITIVE_INT, None],
        "critic_hidden_layer_sizes": ["array-like"],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        n_components=10,
        *,
        class_heads=False,
        head_distance=1.0,
        classification_strength=10.0,
        labeled_batch_size=None,
        agreement_strength=1.0,
        agreement_duration=0.4,
        n_neighbors=10,
        stray_share=0.1,
        smoothness_strength=3.0,
        smoothness_radius=0.5,
        label_strength=1.0,
        reconstruction_strength=1.0,
        critic_noise=0.1,
        critic_hidden_layer_sizes=(128, 128),
        scale="range",
        learning_rate=2e-3,
        learning_rate_schedule="one_cycle",
        max_iter="auto",
        class_weight=None,
        **shared,
    ):
        super().__init__(
            n_components,
            critic_hidden_layer_sizes=critic_hidden_layer_sizes,
            scale=scale,
            learning_rate=learning_rate,
            learning_rate_schedule=learning_rate_schedule,
            max_iter=max_iter,
            **shared,
        )
        self.class_heads = class_heads
        self.head_distance = head_distance
        self.classification_strength = classification_strength
        self.labeled_batch_size = labeled_batch_size
        self.agreement_strength = agreement_strength
        self.agreement_duration = agreement_duration
        self.n_neighbors = n_neighbors
        self.stray_share = stray_share
        self.smoothness_strength = smoothness_strength
        self.smoothness_radius = smoothness_radius
        self.label_strength = label_strength
        self.reconstruction_strength = reconstruction_strength
        self.critic_noise = critic_noise
        self.class_weight = class_weight

    # --- fit ------------------------------------------------------------------------

    def partial_fit(self, X, y=None, classes=None, sample_weight=None):
        """Train on a chunk of rows: one pass, at a constant learning rate.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows. The first chunk fixes the columns, their scales and the classes.

        y : array-like of shape (n_samples,)
            Labels, see `fit`.

        classes : array-like of shape (n_classes,), default=None
            All classes, where the first chunk may lack some.

        sample_weight : array-like of shape (n_samples,), default=None
            See `fit`.

        Returns
        -------
        self : object

        Raises
        ------
        ValueError
            As `fit`, and if the first chunk leaves open what the classes are, or
            `classes` are not those of the first call.
        """
        if classes is None and y is not None and not hasattr(self, "net_"):
            labels = column_values(y)  # what they are is checked later, once
            found = labels[is_labelled(labels)].tolist()
            plain = all(isinstance(label, Hashable) for label in found)
            if plain and len(set(found)) == 1:
                raise ValueError(
                    f"The first chunk has one class only: {found[0]!r}. Name all of "
                    "them: partial_fit(X, y, classes=[...])."
                )
        return super().partial_fit(X, y, sample_weight, classes=classes)

    def _classes_of(self, y) -> list | None:
        return None if y is None else signs_of(column_values(y))

    @property
    def _label_shares(self) -> list[float]:
        return self._class_shares

    def _count_classes(self, rows: Rows) -> list[float]:
        """Return p(y): the shares of the classes, as they are weighed."""
        counts = np.array(super()._count_classes(rows))
        self._class_weights = self._weigh_classes(rows)
        if self._class_weights is not None:
            counts *= self._class_weights
        return (counts / counts.sum()).tolist()

    def _weigh_classes(self, rows: Rows) -> tuple[float, ...] | None:
        """Return the weight of each class, if they are not equal."""
        if self.class_weight is None:
            return None
        weights = np.ones(len(self.classes_))
        if self.class_weight == "balanced":
            seen, y = np.unique(rows.y[rows.y >= 0], return_inverse=True)
            weights[seen] = compute_class_weight("balanced", classes=np.unique(y), y=y)
            return tuple(weights.tolist())
        return named_weights(self.class_weight, self.classes_.tolist())

    def _prepare(self, X, y, sample_weight, X_val=None, y_val=None, *, seed, keep):
        prepared = super()._prepare(
            X, y, sample_weight, X_val, y_val, seed=seed, keep=keep
        )
        if keep and self.class_weight != self._fit_params["class_weight"]:
            self._class_weights = self._weigh_classes(prepared[0])
        return prepared

    def _check_labels(self, y, n_samples: int, *, keep: bool) -> np.ndarray:
        codes = super()._check_labels(y, n_samples, keep=keep)
        if not keep and (codes is None or len(self.classes_) < 2):
            found = [] if codes is None else self.classes_.tolist()
            raise ValueError(
                f"{type(self).__name__} needs labelled rows of at least two classes in "
                f"y. It has the class labels {found}; -1, None and NaN are unlabelled. "
                "Name classes that these rows lack, and -1 if it is one: classes=[...]."
            )
        return codes

    def _batch_options(self, part: str | None, rows: Rows) -> dict:
        told = {"labelled_size": self.labeled_batch_size}
        return super()._batch_options(part, rows) | told

    def _make_phases(self, schema: TableSchema) -> list[Phase]:
        classify = Classify(
            weight=float(self.classification_strength),
            class_weight=self._class_weights,
        )
        return [*super()._make_phases(schema), classify, *self._make_consistency()]

    # --- answers --------------------------------------------------------------------

    def predict_proba(self, X):
        """Return the probabilities of the classes: q(y|x).

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        shares : ndarray of shape (n_samples, n_classes), float64
            In the order of `classes_`; rows sum to 1.
        """
        return self._shares(X)

    def predict(self, X):
        """Return the most likely class of each row.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Labels as they were in y.
        """
        numbers = self._shares(X).argmax(1)
        return self.classes_[numbers]

    def score(self, X, y, sample_weight=None):
        """Return the accuracy.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        y : array-like of shape (n_samples,)
            Their labels; rows without one do not count.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        accuracy : float
            Share of the labelled rows that are classified rightly.

        Raises
        ------
        ValueError
            If no row has a label.
        """
        found = self.predict(X)
        labels = self._use_labels(y)
        check_as_many(labels, len(found))
        told = is_labelled(labels, self.classes_)
        if not told.any():
            raise ValueError(
                "score needs labelled rows, and y holds no label: -1, None and NaN are "
                "unlabelled."
            )
        check_signs(labels[told], self.classes_)
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, found[:, None])[told]
        truth = np.asarray(labels[told].tolist())
        return accuracy_score(truth, found[told], sample_weight=sample_weight)

    def transfer(self, X, y):
        """Give rows another class and keep their style: style transfer.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        y : label or array-like of shape (n_samples,)
            The classes that they are to get.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_samples, n_features)
            Rows of those classes.

        Raises
        ------
        ValueError
            If `y` holds a label that the model does not know.
        """
        n_samples = len(self._check_new_rows(X))
        return self._with_label(X, self._class_numbers(y, n_samples))
