"""ConditionalAAETransformer: the supervised adversarial autoencoder."""

import numpy as np
from torch import Tensor

from sklearn_aae.estimators._base import BaseAAE
from sklearn_aae.estimators._family import inherits_parameters
from sklearn_aae.estimators._inference import CodeMixin
from sklearn_aae.estimators._labels import LabelsMixin
from sklearn_aae.estimators._parameters import AUTO_EPOCHS
from sklearn_aae.estimators._recipes import (
    make_decoder,
    make_encoder,
    make_opponents,
)
from sklearn_aae.estimators._stream import stream
from sklearn_aae.estimators._transformer import AAETransformer
from sklearn_aae.priors import IndependentStyle, as_prior
from sklearn_aae.tabular import TableSchema


@inherits_parameters(AAETransformer)
class ConditionalAAETransformer(LabelsMixin, CodeMixin, BaseAAE):
    """Supervised adversarial autoencoder: a style code without the label.

    The decoder p(x|y, z) is told the label y, so the code z need not hold it ([1]_,
    section 4). The critic D(z, y) is told it, too, and the prior p(z) is the same for
    every label: what it cannot tell from the prior says nothing about the label. Then
    a row can be decoded with another label (`transfer`), and samples can be asked for
    by label.

    Labels are class labels of any kind; -1, None and NaN are unlabelled rows, which the
    decoder sees without a label.

    Read more in the user guide.

    Parameters
    ----------
    n_components : int, default=8
        Number of columns of the style code.

    regularization_strength : float, default=50.0
        Weight of the critic's loss against the reconstruction. The stronger, the less
        the code says about the label.

    critic_learning_rate : float, default=0.002
        Step size of the critic: it must be quick, or labels hide in the code.

    batch_size : int, default=512
        Rows of a step: the critic compares the rows of each class, so many are needed.

    max_iter : int or "auto", default="auto"
        Number of epochs. "auto" is as many as make 1,000 steps, within 20 and 400.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.

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

    _parameter_constraints = {"max_iter": AUTO_EPOCHS}

    def __init__(
        self,
        n_components=8,
        *,
        regularization_strength=50.0,
        critic_learning_rate=2e-3,
        batch_size=512,
        max_iter="auto",
        **shared,
    ):
        super().__init__(
            n_components,
            regularization_strength=regularization_strength,
            critic_learning_rate=critic_learning_rate,
            batch_size=batch_size,
            max_iter=max_iter,
            **shared,
        )

    def _check_labels(self, y, n_samples: int, *, keep: bool) -> np.ndarray:
        codes = super()._check_labels(y, n_samples, keep=keep)
        if codes is None:
            raise ValueError(
                f"{type(self).__name__} needs labelled rows in y, and it holds no "
                "label: -1, None and NaN are unlabelled."
            )
        return codes

    def _make_prior(self, class_shares):
        return IndependentStyle(as_prior(self.prior, self.n_components), class_shares)

    def _make_networks(self, schema: TableSchema) -> dict:
        m = self._n_classes
        return {
            "encoder": make_encoder(self, schema, self.prior_),
            "decoder": make_decoder(self, schema, n_classes=m, conditional=True),
            **make_opponents(self, self.prior_, m),
        }

    def inverse_transform(self, X, y=None):
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
        Z = self._check_codes(X)
        labels = self._told_labels(y, len(Z))
        return self._as_table(self._decode(Z, labels), Z.dtype, X)

    def reconstruct(self, X, y=None):
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
        rows = self._check_new_rows(X)
        labels = self._told_labels(y, len(rows))
        return self._as_table(self._decode(self._encode(rows), labels), rows.dtype, X)

    def transfer(self, X, y):
        """Give rows another label and keep their style: style transfer.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        y : label or array-like of shape (n_samples,)
            The labels that they are to get.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_samples, n_features)
            Rows of those labels.

        Raises
        ------
        ValueError
            If `y` holds a label that the model does not know.
        """
        return self.reconstruct(X, y)

    def _open_labels(self, n_samples: int, seed: int) -> np.ndarray:
        """Draw class numbers as often as in training."""
        rng = np.random.RandomState(seed)
        return rng.choice(self._n_classes, n_samples, p=self._class_shares)

    def score_samples(self, X, y=None):
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
            In nats, of the scaled columns. Higher is better.
        """
        rows = self._check_new_rows(X)
        encoder, decoder = self.encoder_, self.decoder_

        def log_prob(x: Tensor, labels: Tensor) -> Tensor:
            return decoder(encoder(x).mean, labels).log_prob(x)

        labels, scale = self._told_labels(y, len(rows)), self.preprocessor_.transform
        scores = stream(encoder, log_prob, rows, scale, labels=labels)
        return scores.astype(np.float64) - self._cost_of_unknown(X)

    def _score_rows(self, X, y):
        return self.score_samples(X, y)
