"""AAETransformer: an adversarial autoencoder as a dimensionality reducer."""

from sklearn_aae.estimators._autoencoder import BaseAutoencoder
from sklearn_aae.estimators._codes import CodeMixin
from sklearn_aae.estimators._data import TrainingData
from sklearn_aae.estimators._labels import NO_LABELS, OPTIONAL_LABELS, LabelRole
from sklearn_aae.estimators._networks import has_skip
from sklearn_aae.estimators._rules import EpochRule
from sklearn_aae.priors import as_prior, is_conditional


class AAETransformer(CodeMixin, BaseAutoencoder):
    """Adversarial autoencoder: a code of few columns that follows a chosen prior.

    An encoder q(z|x) and a decoder p(x|z) learn to reconstruct the rows, while a critic
    D(z) learns to tell codes from samples of the prior p(z) and the encoder learns to
    fool it [1]_. The codes can then be decoded, sampled and compared like draws from
    the prior. The loss of encoder and decoder is

        min(2 k³, 1000) · E[-log p(x|z)] / d + regularization_strength · L,

    a mean over the d columns (constant ones not counted), so that a strength means the
    same for tables of any width, with a weight that grows with the k columns of the
    code; L is the generator's loss or the divergence that `regularizer` names.

    Read more in the :ref:`User Guide <reduce>`.

    Parameters
    ----------
    n_components : int, default=2
        Number of columns of the code.

    max_iter : int or "auto", default="auto"
        Number of epochs. "auto" is as many as make 1,500 steps, within 10 and 100; in
        tables with categories, whose codes begin at principal components
        (`linear_skip`), as many as make 1,600 / k, within 3 and 100, unless you ask for
        noise or hidden cells. `n_iter_` says what it was.

    learning_rate : float, default=2e-3
        Of Adam, at the start.

    {parameters}

    Attributes
    ----------
    {autoencoder attributes}

    {attributes}

    classes_ : ndarray of shape (n_classes,)
        The labels, if the prior was conditioned on them.

    See Also
    --------
    sklearn.decomposition.PCA : Linear dimensionality reduction.

    References
    ----------
    .. [1] Makhzani, Shlens, Jaitly, Goodfellow, Frey, "Adversarial Autoencoders", 2016,
       https://arxiv.org/abs/1511.05644

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AAETransformer
    >>> X, _ = load_iris(return_X_y=True)
    >>> aae = AAETransformer(n_components=2, max_iter=20, random_state=0)
    >>> aae.fit_transform(X).shape
    (150, 2)
    >>> aae.sample(3, random_state=0).shape
    (3, 4)
    """

    linear_skip: bool = True
    learning_rate: float = 2e-3

    def _epoch_rule(self, data: TrainingData) -> EpochRule:
        """Train short where categories begin at principal components.

        Few steps bend the plane to the numbers, the more the fewer columns it has. Many
        more take the code from what all columns share to what the cross-entropy of
        single ones wants, and classes are read from it less well. Denoising, which a
        plane begins without, is learned at length.
        """
        skips = has_skip(self, as_prior(self.prior, self.n_components))
        denoises = self.input_noise or self.input_dropout not in ("auto", 0)
        own = self.encoder is not None or denoises
        if skips and not own and any(data.schema.n_categories):
            return EpochRule(1600 // self.n_components, 3, 100)
        return EpochRule(1500, 10, 100)

    @property
    def _label_role(self) -> LabelRole:  # type: ignore[override]
        """Labels count where the prior has components to give to classes."""
        return OPTIONAL_LABELS if is_conditional(self.prior) else NO_LABELS
