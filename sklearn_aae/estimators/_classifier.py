"""SemiSupervisedAAEClassifier: few labels, many rows."""

import warnings
from collections.abc import Hashable
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.class_weight import compute_class_weight

from sklearn_aae.estimators._autoencoder import BaseAutoencoder
from sklearn_aae.estimators._data import FitInput, TrainingData
from sklearn_aae.estimators._graph import nearest
from sklearn_aae.estimators._interrupts import depth_of_caller
from sklearn_aae.estimators._label_latent import (
    LabelLatent,
    consistency_phases,
    label_latent_spec,
)
from sklearn_aae.estimators._labels import (
    LabelRole,
    check_as_many,
    check_signs,
    named_weights,
)
from sklearn_aae.estimators._model import FittedModel
from sklearn_aae.estimators._parameters import NON_NEGATIVE, POSITIVE_INT, SHARE
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._rules import EpochRule
from sklearn_aae.estimators._signature import parameter
from sklearn_aae.estimators._spec import ModelSpec
from sklearn_aae.estimators._teacher import (
    cluster_weight,
    label_weight,
    soft_labels,
    unit_columns,
)
from sklearn_aae.estimators._transfer import StyleTransferMixin
from sklearn_aae.tabular import UNLABELLED, column_values, is_labelled
from sklearn_aae.training import (
    Classify,
    Distill,
    LabelledBatches,
    LabelledNeighborBatches,
)
from sklearn_aae.utils._compat import StrOptions, check_sample_weight
from sklearn_aae.utils._typing import Answer, LabelsLike, TableLike

# Share of the hidden units that are dropped where neighbours are of no help.
DROPOUT = 0.2


class SemiSupervisedAAEClassifier(
    StyleTransferMixin, LabelLatent, ClassifierMixin, BaseAutoencoder
):
    """Adversarial autoencoder that classifies with few labels and many rows.

    The encoder infers for each row the probabilities q(y|x) of the classes and a style
    z. All rows are reconstructed from both, critics make the probabilities look like
    draws of one class each and the style like a Gaussian, and the labelled rows teach
    which class is which ([1]_, section 5). Two things are added to the paper's recipe:
    near neighbours agree on their class (`agreement_strength`), and probabilities may
    not change within a small distance of a row (`smoothness_strength`: virtual
    adversarial training [2]_). Images are like that, many tables are not. So the fit
    measures how well neighbours predict held-out labels (`cluster_weight_`); as far as
    they do not, the network learns from a logistic regression and a random forest
    instead (`teacher_strength`), where all rows have labels, too: they may be noisy,
    and would be learned by heart.

    Labels are class labels of any kind; -1, None and NaN are unlabelled rows. -1 is a
    class if ``fit(X, y, classes=[...])`` names it, or if y is of -1 and 1 alone, as
    scikit-learn writes two classes: that is warned of.

    Read more in the :ref:`User Guide <few-labels>`.

    Parameters
    ----------
    n_components : int, default=10
        Number of columns of the style.

    classification_strength : float, default=10.0
        Weight of the cross-entropy of the labelled rows.

    teacher_strength : float, default=2.0
        Weight of the cross-entropy of all rows to soft labels, the mean probabilities
        of a logistic regression and a random forest that learned from the labelled
        rows (knowledge distillation [3]_), moved until classes are as often the most
        likely one as they are probable. It counts as far as neighbours are not to be
        trusted, see `cluster_weight_`. 0 for no teacher, and full trust in neighbours.

    dropout : float or "auto", default="auto"
        Share of the hidden units that are dropped in training. "auto" is 0.2 (1 -
        `cluster_weight_`), by the first chunk of a stream: what a few labels say is
        soon learned by heart, unless neighbours say it, too.

    labeled_batch_size : int or None, default=None
        Labelled rows that a step takes besides the rows of its batch, others in each
        step unless it takes all of them. None for all, or as many as `batch_size`.

    critic_hidden_layer_sizes : int or sequence of int, default=(64, 64)
        Units of the critics' hidden layers.

    max_iter : int or "auto", default="auto"
        Number of epochs. "auto" is as many as make 300 (1 + `cluster_weight_`) steps,
        within 10 and 100.

    class_weight : dict, "balanced" or None, default=None
        Weights of the classes in the cross-entropy.

    {parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.

    cluster_weight_ : float
        How far rows that lie together are trusted to have one label, from 0 to 1: the
        better labels that spread from neighbour to neighbour predict those that were
        held out, the more. `label_strength`, `agreement_strength` and
        `smoothness_strength` are multiplied by it, `teacher_strength` by 1 less it, and
        `classification_strength` by the larger of it and 0.3 (2 s - 1), of a share s of
        the rows that have a label.

    {autoencoder attributes}

    {attributes}

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
    .. [3] Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015,
       https://arxiv.org/abs/1503.02531

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

    n_components: int = parameter(default=10, kw_only=False)
    classification_strength: float = parameter(default=10.0, allowed=[NON_NEGATIVE])
    teacher_strength: float = parameter(default=2.0, allowed=[NON_NEGATIVE])
    labeled_batch_size: int | None = parameter(
        default=None, allowed=[POSITIVE_INT, None]
    )
    class_weight: dict | str | None = parameter(
        default=None, allowed=[dict, StrOptions({"balanced"}), None]
    )
    dropout: float | str = parameter(
        default="auto", allowed=[SHARE, StrOptions({"auto"})], shapes=True
    )
    agreement_duration: float | None = 0.4
    neighbor_noise_rate: float = 0.1
    smoothness_strength: float = 3.0
    learning_rate: float = 2e-3
    learning_rate_schedule: str = "one_cycle"

    _label_role = LabelRole(n_required=2, signs=True)

    # --- fit ------------------------------------------------------------------------

    def _prepare(
        self, given: FitInput, seed: int, earlier: TrainingData | None, **options
    ) -> TrainingData:
        """Prepare rows; the classes count as they are weighed."""
        data = super()._prepare(
            given, seed, earlier, weigh=self._weigh_classes, **options
        )
        data = self._teach(self._weigh_anew(data, earlier), seed)
        if earlier is not None:  # by which the networks were built
            return replace(data, dropout=earlier.dropout)
        if isinstance(self.dropout, str):
            return replace(data, dropout=DROPOUT * (1 - data.cluster_weight))
        return data

    def _weigh_anew(
        self, data: TrainingData, earlier: TrainingData | None
    ) -> TrainingData:
        """Return data whose classes count as `class_weight` says by now."""
        if earlier is None:
            return data
        if self.class_weight == earlier.params.get("class_weight", self.class_weight):
            return data
        weight = self._weigh_classes(data.rows, data.classes)
        params = data.params | {"class_weight": self.class_weight}
        return replace(data, class_weight=weight, params=params)

    def _teach(self, data: TrainingData, seed: int) -> TrainingData:
        """Return data with soft labels, and with what neighbours are worth.

        Where labels are of one class there is nothing to teach.
        """
        data = replace(data, cluster_weight=1.0, label_weight=1.0)
        y, m = data.rows.y, data.n_classes
        n_found = len(np.unique(y[y != UNLABELLED]))
        if not self.teacher_strength or n_found < 2:
            return data
        rows, points, schema = data.rows, data.rows.points(), data.schema
        neighbors = nearest(points, self.n_neighbors)
        trust = cluster_weight(neighbors, y, m)
        data = replace(
            data,
            neighbors=neighbors,
            cluster_weight=trust,
            label_weight=label_weight(y, trust),
        )
        if trust == 1:
            return data
        n_numbers = sum(not size for size in schema.n_categories) if self.scale else 0
        weight = rows.weight
        if data.class_weight is not None:
            ones = np.ones(len(rows)) if weight is None else weight
            weight = ones * np.append(data.class_weight, 1.0)[y]  # -1 is the last
        soft = soft_labels(unit_columns(points, n_numbers), y, m, weight, seed)
        return replace(data, rows=replace(rows, soft_y=soft))

    def _weigh_classes(self, rows: Rows, classes) -> tuple[float, ...] | None:
        """Return the weight of each class, if they are not equal."""
        if self.class_weight is None:
            return None
        weights = np.ones(len(classes))
        if self.class_weight == "balanced":
            seen, y = np.unique(rows.y[rows.y >= 0], return_inverse=True)
            weights[seen] = compute_class_weight("balanced", classes=np.unique(y), y=y)
            return tuple(weights.tolist())
        return named_weights(self.class_weight, classes.tolist())

    def _epoch_rule(self, data: TrainingData) -> EpochRule:
        """Train the longer, the more there is to learn from neighbours."""
        return EpochRule(round(300 * (1 + data.cluster_weight)), 10, 100)

    def _make_spec(self, data: TrainingData) -> ModelSpec:
        trust = data.cluster_weight
        classify = Classify(
            weight=float(self.classification_strength * data.label_weight),
            class_weight=data.class_weight,
        )
        # As far as neighbours are not trusted, rows have soft labels: see `_teach`.
        teacher = float(self.teacher_strength * (1 - trust))
        distill = [Distill(weight=teacher)] if trust < 1 else []
        return label_latent_spec(
            self,
            data,
            data.class_prior,
            further=[classify, *distill, *consistency_phases(self, data)],
            kinds=(LabelledBatches, LabelledNeighborBatches),
            labelled_size=self.labeled_batch_size,
        )

    def partial_fit(
        self,
        X: TableLike,
        y: LabelsLike | None = None,
        classes: LabelsLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
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

    def _set_fitted(
        self, models: list[FittedModel], at: int, data: TrainingData
    ) -> None:
        super()._set_fitted(models, at, data)
        self.cluster_weight_ = data.cluster_weight

    # --- answers --------------------------------------------------------------------

    def predict_proba(self, X: TableLike) -> Answer:
        """Return the probabilities of the classes: q(y|x).

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes), float64
            In the order of `classes_`; rows sum to 1.
        """
        return self._label_probabilities(X)

    def predict_log_proba(self, X: TableLike) -> Answer:
        """Return the logarithms of the probabilities of the classes: log q(y|x).

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        log_proba : ndarray of shape (n_samples, n_classes), float64
            In the order of `classes_`; -inf where a probability is 0.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def predict(self, X: TableLike) -> Answer:
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
        numbers = self._label_probabilities(X).argmax(1)
        return self.classes_[numbers]

    def score(
        self, X: TableLike, y: LabelsLike, sample_weight: ArrayLike | None = None
    ) -> float:
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
        labels = self._label_role.read(y, type(self).__name__)
        check_as_many(labels, len(found))
        labelled = is_labelled(labels, self.classes_)
        if not labelled.any():
            raise ValueError(
                "score needs labelled rows, and y holds no label: -1, None and NaN are "
                "unlabelled."
            )
        check_signs(labels[labelled], self.classes_)
        self._warn_of_other_classes(labels[labelled])
        if sample_weight is not None:
            sample_weight = check_sample_weight(sample_weight, found[:, None])[labelled]
        truth = np.asarray(labels[labelled].tolist())
        return accuracy_score(truth, found[labelled], sample_weight=sample_weight)

    def _warn_of_other_classes(self, labels: np.ndarray) -> None:
        """Warn of labels that the fit had no row of: all of them are mistakes."""
        known = set(self.classes_.tolist())
        others = [label for label in labels.tolist() if label not in known]
        if others:
            warnings.warn(
                f"{len(others)} of {len(labels)} labels are of classes that the fit "
                f"had no row of, such as {others[0]!r}: they count as mistakes. Split "
                "rows by StratifiedKFold or, with text beside None, by "
                "KFold(shuffle=True).",
                UserWarning,
                stacklevel=depth_of_caller(),
            )

    def _class_probabilities(self, rows, codes: np.ndarray) -> np.ndarray:
        """Return q(y|x) of rows and their codes, (n_samples, n_classes)."""
        return codes[:, : len(self.classes_)]

    def _labels_to_get(self, y, n_samples: int) -> np.ndarray:
        """Return class numbers."""
        return self._class_numbers(y, n_samples)

    def _decode_styles(self, styles: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return rows of styles and class numbers."""
        y = np.eye(len(self.classes_), dtype=styles.dtype)[labels]
        return self._model.decode(np.concatenate([y, styles], axis=1))
