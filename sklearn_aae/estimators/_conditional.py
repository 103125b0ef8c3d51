"""ConditionalAAETransformer: the supervised adversarial autoencoder."""

from collections.abc import Sequence
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax

from sklearn_aae.estimators._autoencoder import (
    BaseAutoencoder,
    autoencoder_spec,
    cost_of_unknown,
    weighted_mean,
)
from sklearn_aae.estimators._codes import CodeMixin
from sklearn_aae.estimators._data import TrainingData
from sklearn_aae.estimators._labels import LabelRole, label_numbers
from sklearn_aae.estimators._model import FittedModel
from sklearn_aae.estimators._rules import EpochRule
from sklearn_aae.estimators._signature import parameter
from sklearn_aae.estimators._spec import ModelSpec
from sklearn_aae.estimators._tables import as_output, read_codes, read_new_rows
from sklearn_aae.estimators._transfer import StyleTransferMixin
from sklearn_aae.priors import IndependentStyle, as_prior
from sklearn_aae.utils._compat import Interval, StrOptions
from sklearn_aae.utils._typing import Answer, LabelOrLabels, TableLike

# Rows of a step for each class, and bounds of all: fewer, and labels stay in the code.
CLASS_ROWS = 48
BATCH_SIZES = (128, 512)


class ConditionalAAETransformer(StyleTransferMixin, CodeMixin, BaseAutoencoder):
    """Supervised adversarial autoencoder: a style code without the label.

    The decoder p(x|y, z) sees the label y, so the code z need not hold it ([1]_,
    section 4). The critic D(z, y) sees it, too, and the prior p(z) is the same for
    every label: what it cannot tell from the prior says nothing about the label. Then
    a row can be decoded with another label (`transfer`), and samples can be asked for
    by label.

    Labels are class labels of any kind; -1, None and NaN are unlabelled rows, which the
    decoder sees without a label.

    Read more in the :ref:`User Guide <style>`.

    Parameters
    ----------
    n_components : int, default=8
        Number of columns of the style code.

    regularization_strength : float, default=50.0
        Weight of the critic's loss against the reconstruction. The stronger, the less
        the code says about the label.

    learning_rate : float, default=0.002
        Step size of all networks but the critic.

    critic_hidden_layer_sizes : int or sequence of int, default=(64, 64)
        Units of the critic's hidden layers; None is `hidden_layer_sizes`.

    critic_learning_rate : float, default=0.008
        Step size of the critic: it must be quick, or labels hide in the code.

    batch_size : int or "auto", default="auto"
        Rows of a step. "auto" is 48 for each class, within 128 and 512: the critic
        compares the rows of each class (`batch_size_`).

    max_iter : int or "auto", default="auto"
        Number of epochs. "auto" is as many as make 600 steps, within 20 and 400.

    {parameters}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.

    batch_size_ : int
        Rows of a step.

    {autoencoder attributes}

    {attributes}

    See Also
    --------
    AAETransformer : A code that holds all there is.
    SemiSupervisedAAEClassifier : Infers the label as well.

    References
    ----------
    .. [1] Makhzani, Shlens, Jaitly, Goodfellow, Frey, "Adversarial Autoencoders", 2016,
       https://arxiv.org/abs/1511.05644

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import ConditionalAAETransformer
    >>> X, y = load_iris(return_X_y=True)
    >>> aae = ConditionalAAETransformer(n_components=2, max_iter=20, random_state=0)
    >>> aae.fit(X, y).transform(X).shape
    (150, 2)
    >>> aae.transfer(X[:3], y=2).shape
    (3, 4)
    """

    n_components: int = parameter(default=8, kw_only=False)
    regularization_strength: float = 50.0
    learning_rate: float = 2e-3
    critic_hidden_layer_sizes: int | Sequence[int] | None = (64, 64)
    critic_learning_rate: float | None = 8e-3
    batch_size: int | str = parameter(
        default="auto",
        allowed=[StrOptions({"auto"}), Interval(Integral, 2, None, closed="left")],
    )

    _label_role = LabelRole(n_required=1)

    def _epoch_rule(self, data: TrainingData) -> EpochRule:
        return EpochRule(600, 20, 400)

    def _rows_a_step(self, n_classes: int | None) -> int:
        if self.batch_size != "auto":
            return self.batch_size
        least, most = BATCH_SIZES
        return min(max(CLASS_ROWS * (n_classes or 0), least), most)

    def _set_fitted(
        self, models: list[FittedModel], at: int, data: TrainingData
    ) -> None:
        super()._set_fitted(models, at, data)
        self.batch_size_ = self._rows_a_step(data.n_classes)

    def _make_spec(self, data: TrainingData) -> ModelSpec:
        style = as_prior(self.prior, self.n_components)
        prior = IndependentStyle(style, data.class_prior)
        labels = {"n_classes": data.n_classes, "conditional": True}
        return autoencoder_spec(self, data, prior, **labels)

    def inverse_transform(self, X: TableLike, y: LabelOrLabels = None) -> Answer:
        """Decode codes: the mean of p(x|y, z).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        y : label or array-like of shape (n_samples,), default=None
            Labels; None for unlabelled.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_samples, n_features)
            Rows, a table like the training table.
        """
        Z = read_codes(self, X)
        labels = label_numbers(y, len(Z), self.classes_)
        rows = self._model.decode(Z, labels)
        return as_output(self, rows, Z.dtype, X, of_codes=True)

    def reconstruct(self, X: TableLike, y: LabelOrLabels = None) -> Answer:
        """Encode rows and decode them with their label.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        y : label or array-like of shape (n_samples,), default=None
            Their labels; None for unlabelled.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_samples, n_features)
            What code and label keep of them.
        """
        rows = read_new_rows(self, X)
        labels = label_numbers(y, len(rows), self.classes_)
        decoded = self._model.decode(self._model.encode(rows), labels)
        return as_output(self, decoded, rows.dtype, X)

    def _class_probabilities(self, rows, codes: np.ndarray) -> np.ndarray:
        """Return p(y|x, z) of rows and their codes, (n_samples, n_classes)."""
        of_rows = self._model.log_prob_of_classes(rows, codes, len(self.classes_))
        if self._data.examples is not None:
            of_styles = self._sampler().transport.log_prob(codes)
        else:
            with np.errstate(divide="ignore"):  # a class that no row has
                of_styles = np.log(self._data.class_prior)
        return softmax(of_styles + of_rows, axis=1)

    def _labels_to_get(self, y, n_samples: int) -> np.ndarray:
        """Return class numbers, -1 for rows that are to have no label."""
        return label_numbers(y, n_samples, self.classes_)

    def _decode_styles(self, styles: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return rows of styles and class numbers."""
        return self._model.decode(styles, labels)

    def _draw_labels(self, n_samples: int, seed: int) -> np.ndarray:
        """Draw class numbers as often as in training."""
        p = self._data.class_prior
        return np.random.RandomState(seed).choice(len(p), n_samples, p=p)

    def score_samples(self, X: TableLike, y: LabelOrLabels = None) -> Answer:
        """Log-likelihood of each row given its code and label: log p(x|y, z).

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        y : label or array-like of shape (n_samples,), default=None
            Their labels; None for unlabelled.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,), float64
            In nats, of rows in the units of the table; see
            `AAETransformer.score_samples`. Higher is better.
        """
        rows = read_new_rows(self, X)
        labels = label_numbers(y, len(rows), self.classes_)
        scores = self._model.log_prob(rows, labels)
        return scores - cost_of_unknown(self.columns_, X)

    def score(
        self,
        X: TableLike,
        y: LabelOrLabels = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Mean of `score_samples`; higher is better.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        y : label or array-like of shape (n_samples,), default=None
            Their labels; None for unlabelled.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            Mean log-likelihood, in nats a row.
        """
        return weighted_mean(self.score_samples(X, y), sample_weight)
