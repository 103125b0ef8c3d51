"""GANSampler: a plain generative adversarial network."""

import copy

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_aae.encoders import Generator
from sklearn_aae.estimators._base import BaseGame
from sklearn_aae.estimators._family import inherits_parameters
from sklearn_aae.estimators._parameters import check_sizes
from sklearn_aae.estimators._recipes import check_module, make_adversaries, make_critic
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._sampling import SampleMixin
from sklearn_aae.estimators._stream import stream
from sklearn_aae.estimators._transformer import AAETransformer
from sklearn_aae.objectives import energy_distance
from sklearn_aae.tabular import TableSchema
from sklearn_aae.training import (
    Batch,
    Batches,
    GANBatches,
    Phase,
    TrainGenerator,
    TrainRowCritic,
)
from sklearn_aae.utils._modes import plain_torch
from sklearn_aae.utils._random import draw_seeds

# Autoencoders only.
WITHOUT = (
    "posterior",
    "regularizer",
    "regularization_strength",
    "reconstruction",
    "input_noise",
    "input_dropout",
    "update",
    "encoder",
    "decoder",
    "encoder_",
    "decoder_",
    "classes_",
    "count_features",
    "residuals_",
)

# Rows that `score` compares, all pairs of them.
MAX_SCORED = 5000


@inherits_parameters(AAETransformer, without=WITHOUT)
class GANSampler(SampleMixin, BaseGame):
    """Generative adversarial network: draws rows like those of a table.

    A generator G(z), z ~ p(z), learns to make rows that a critic D(x) cannot tell from
    those of the table [1]_. It has no encoder: there is no code of a row. A neighbour
    of the adversarial autoencoders, on the same engine, to compare them with.

    Read more in the user guide.

    Parameters
    ----------
    n_components : int, default=8
        Number of columns of the noise z.

    hidden_layer_sizes : sequence of int, default=(256, 256)
        Units of the generator's hidden layers, from the noise to the rows.

    normalization : {"batch", "layer"} or None, default="batch"
        Normalisation in the generator. Never in the critic.

    dropout : float, default=0.0
        Share of the generator's hidden units that are dropped in training.

    prior : {"gaussian", "uniform", "laplace", "gamma", "gaussian_mixture", \
            "swiss_roll", "categorical"}, Prior, torch Distribution or callable, \
            default="gaussian"
        Of the noise. A callable is
        ``draw(n_samples, random_state) -> array of shape (n_samples, n_components)``.

    gradient_penalty : float, default=1.0
        Weight of the critic's gradient penalty. 0 for none: the game then seldom
        settles.

    gradient_penalty_type : {"auto", "r1", "r2", "r1_r2", "wgan_gp"}, default="auto"
        Where the penalty is taken: at rows of the table, at samples, at both, or
        between them towards norm 1. "auto" is "wgan_gp" for "wasserstein" and "r1_r2"
        otherwise.

    generator : nn.Module, default=None
        Your own network from `n_components` columns to (scaled) rows. It is copied,
        never changed.

    Attributes
    ----------
    loss_ : float
        The criterion, on held-out rows where there are any: the normalised energy
        distance of samples and rows. 0 is best.

    history_ : list of dict
        For each epoch: mean "critic" and "generator" loss; of its last batch
        "critic_accuracy" (share of pairs of row and sample told apart rightly, 0.5 is a
        draw) and "prior_match" (the normalised energy distance of samples and rows, 0
        is best); with held-out rows "valid_loss" and "valid_loss_best"; "dur"
        in seconds.

    generator_, critic_ : nn.Module
        The networks that answer.

    See Also
    --------
    AAETransformer : Draws rows and encodes them, too.

    References
    ----------
    .. [1] Goodfellow et al., "Generative Adversarial Networks", 2014,
       https://arxiv.org/abs/1406.2661

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import GANSampler
    >>> X, _ = load_iris(return_X_y=True)
    >>> gan = GANSampler(n_components=2, max_iter=20, random_state=0).fit(X)
    >>> gan.sample(3, random_state=0).shape
    (3, 4)
    """

    _takes_holes = False
    _usual_loss = 0.5  # the criterion is a distance, of at most 1
    _answers = {"generator": "generator_", "critic": "critic_"}
    _parameter_constraints = {"generator": [nn.Module, None]}

    def __init__(
        self,
        n_components=8,
        *,
        hidden_layer_sizes=(256, 256),
        normalization="batch",
        dropout=0.0,
        prior="gaussian",
        gradient_penalty=1.0,
        gradient_penalty_type="auto",
        generator=None,
        **shared,
    ):
        super().__init__(
            n_components,
            hidden_layer_sizes=hidden_layer_sizes,
            normalization=normalization,
            dropout=dropout,
            prior=prior,
            gradient_penalty=gradient_penalty,
            gradient_penalty_type=gradient_penalty_type,
            **shared,
        )
        self.generator = generator

    def _use_labels(self, y, name: str = "y") -> None:
        """Ignore y."""

    def _check_rows(self, X, y, sample_weight, *, keep: bool, of: str = "") -> Rows:
        """Validate rows; few rows repeated by whole weights.

        The rows are what is drawn from: a step takes as many as there are.
        """
        rows = super()._check_rows(X, y, sample_weight, keep=keep, of=of)
        return rows.repeated(self.batch_size)

    def _make_networks(self, schema: TableSchema) -> dict[str, nn.Module]:
        generator = Generator(
            self.n_components,
            schema.n_features,
            hidden_layer_sizes=check_sizes(self, "hidden_layer_sizes"),
            normalization=self.normalization,
            activation=self.activation,
            dropout=self.dropout,
            module=copy.deepcopy(self.generator),
        )
        if self.generator is not None:
            check_module("generator", generator)
        critic = make_critic(self, schema.n_features)
        return {"generator": generator, "critic": critic}

    def _make_phases(self, schema: TableSchema) -> list[Phase]:
        return make_adversaries(self, TrainRowCritic, TrainGenerator, 1.0)

    def _make_batches(self, rows: Rows, seed: int) -> Batches:
        return rows.batches(self.prior_, self.batch_size, seed, kind=GANBatches)

    def _make_judges(self, rows: Rows, seed: int) -> Batch:
        judges = rows.judges(self.prior_, seed)
        return Batch(judges.prior, judges.x, generator=GANBatches.generator)

    def _class_numbers(self, y, n_samples: int) -> np.ndarray:
        raise ValueError(
            "GANSampler draws without labels: leave y out, or use AAETransformer with "
            "prior='gaussian_mixture' or ConditionalAAETransformer."
        )

    def _decode(self, Z: np.ndarray) -> np.ndarray:
        """Return the generator's rows, in the units of the table."""

        def unscale(rows: np.ndarray) -> np.ndarray:
            return self.preprocessor_.inverse_transform(rows.astype(np.float64))

        generator = self.generator_
        return stream(generator, lambda z: generator(z).mean, Z, finish=unscale)

    def score_samples(self, X):
        """Logit of the critic for each row: how much like the training rows it looks.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        logit : ndarray of shape (n_samples,), float64
            D(x). It compares with what the generator makes now; it is no likelihood.
        """
        X = self._check_new_rows(X)
        scale = self.preprocessor_.transform
        return stream(self.critic_, self.critic_, X, scale).astype(np.float64)

    def score(self, X, y=None):
        """Likeness of samples and rows: 1 minus their normalised energy distance.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows; of more than 5,000, evenly spaced ones count.

        y : None
            Ignored.

        Returns
        -------
        score : float
            At most 1; higher is better.
        """
        X = self._check_new_rows(X)
        X = X[:: -(-len(X) // MAX_SCORED)]
        samples = self._decode(self._draw_codes(len(X), None, draw_seeds(0, 1)[0]))
        scaled = [self.preprocessor_.transform(rows) for rows in (samples, X)]
        fake, real = (torch.from_numpy(np.array(rows)).double() for rows in scaled)
        with plain_torch():
            distance: Tensor = energy_distance(fake, real)
        return 1 - float(distance)
