"""GANSampler: a plain generative adversarial network."""

import copy
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from sklearn_aae.encoders import Generator
from sklearn_aae.estimators._base import BaseModel
from sklearn_aae.estimators._data import FitInput, TrainingData
from sklearn_aae.estimators._games import make_adversaries, make_critic
from sklearn_aae.estimators._generate import check_n_samples
from sklearn_aae.estimators._images import image_layers
from sklearn_aae.estimators._networks import check_module, hidden_sizes
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._rules import EpochRule, count_steps
from sklearn_aae.estimators._signature import parameter
from sklearn_aae.estimators._spec import ModelSpec
from sklearn_aae.estimators._stream import stream
from sklearn_aae.estimators._tables import as_output, read_new_rows
from sklearn_aae.objectives import energy_distance
from sklearn_aae.priors import as_prior
from sklearn_aae.tabular import TableSchema
from sklearn_aae.training import Batch, GANBatches, TrainGenerator, TrainRowCritic
from sklearn_aae.utils._modes import plain_torch
from sklearn_aae.utils._random import draw_seeds
from sklearn_aae.utils._typing import Answer, RandomState, TableLike

# Rows that `score` compares, all pairs of them.
MAX_SCORED = 5000


class GANSampler(BaseModel):
    """Generative adversarial network: draws rows like those of a table.

    A generator G(z), z ~ p(z), learns to make rows that a critic D(x) cannot tell from
    those of the table [1]_. It has no encoder: there is no code of a row. A neighbour
    of the adversarial autoencoders, on the same engine, to compare them with.

    Read more in the :ref:`User Guide <gan-vae>`.

    Parameters
    ----------
    n_components : int, default=8
        Number of columns of the noise z.

    hidden_layer_sizes : int, sequence of int or "auto", default="auto"
        Units of the generator's hidden layers, from the noise to the rows; "auto" as of
        `AAETransformer`.

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

    learning_rate : float, default=0.003
        Step size of both networks.

    max_iter : int or "auto", default="auto"
        Number of epochs. "auto" is as many as make 1,300 steps, within 10 and 80; where
        80 epochs are fewer than 480 steps, as many as make these, up to 120.

    generator : nn.Module, default=None
        Your own network from `n_components` columns to (scaled) rows. It is copied,
        never changed.

    halving : bool, default=False
        Whether the worse half of the restarts leave after a quarter of the epochs, and
        again after half of them, see `AAETransformer`. A game without a reconstruction
        goes up and down: who is ahead then says little of who is ahead at the end.

    {parameters}

    Attributes
    ----------
    loss_ : float
        The criterion, on held-out rows where there are any: the normalised energy
        distance of samples and rows. 0 is best.

    history_ : list of dict
        For each epoch: mean "critic" and "generator" loss; of its last batch
        "critic_accuracy" (share of pairs of row and sample told apart rightly, 0.5 is a
        draw) and, of several in long epochs, "prior_match" (the normalised energy
        distance of samples and rows, 0 is best) and "prior_match_noise" (what equal
        distributions would read), in epochs of fewer than ten steps from up to ten
        steps before; with validation rows "valid_loss" and "valid_loss_best"; "dur" in
        seconds.

    generator_ : nn.Module
        The network that makes rows of draws from the prior.

    critic_ : nn.Module
        The network that tells rows of the table from made ones.

    hidden_layer_sizes_ : tuple of int
        Units of the generator's hidden layers.

    {attributes}

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

    n_components: int = parameter(default=8, kw_only=False)
    gradient_penalty: float = 1.0
    learning_rate: float = 3e-3
    halving: bool = False
    generator: nn.Module | None = parameter(
        default=None, allowed=[nn.Module, None], shapes=True
    )

    def __sklearn_tags__(self):
        """Say what scikit-learn may expect."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = False  # the rows are what is drawn
        return tags

    def _prepare(
        self, given: FitInput, seed: int, earlier: TrainingData | None, **options
    ) -> TrainingData:
        """Prepare rows; few rows are repeated by whole weights.

        The rows are what is drawn from: a step takes as many as there are.
        """

        def arrange(rows: Rows) -> Rows:
            return rows.repeated(self.batch_size)

        return super()._prepare(given, seed, earlier, arrange=arrange, **options)

    def _epoch_rule(self, data: TrainingData) -> EpochRule:
        few = 80 * count_steps(self, data) < 480
        return EpochRule(480, 80, 120) if few else EpochRule(1300, 10, 80)

    def _make_spec(self, data: TrainingData) -> ModelSpec:
        prior, size = as_prior(self.prior, self.n_components), self.batch_size
        return ModelSpec(
            prior,
            lambda: self._make_networks(data.schema),
            make_adversaries(self, TrainRowCritic, TrainGenerator, 1.0),
            lambda rows, seed: rows.batches(prior, size, seed, kind=GANBatches),
            lambda rows, seed: _codes_and_rows(rows.as_batch(prior, seed)),
            answers={"generator": "generator_", "critic": "critic_"},
            usual_loss=0.5,  # the criterion is a distance, of at most 1
        )

    def _make_networks(self, schema: TableSchema) -> dict[str, nn.Module]:
        generator = Generator(
            self.n_components,
            schema.n_features,
            hidden_layer_sizes=hidden_sizes(self, schema),
            normalization=self.normalization,
            activation=self.activation,
            dropout=self.dropout,
            images=image_layers(self),
            module=copy.deepcopy(self.generator),
        )
        if self.generator is not None:
            check_module("generator", generator)
        width, images = schema.n_features, image_layers(self)
        critic = make_critic(self, schema, width, images=images)
        return {"generator": generator, "critic": critic}

    def sample(
        self, n_samples: int = 1, *, y: None = None, random_state: RandomState = None
    ) -> Answer:
        """Draw new rows: G(z), z ~ p(z).

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.

        y : None
            Of no use here: this model knows no labels.

        random_state : int, RandomState or None, default=None
            None draws anew with each call.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_samples, n_features)
            Rows.

        Raises
        ------
        ValueError
            If `y` is given.
        """
        check_is_fitted(self)
        check_n_samples("sample", n_samples)
        if y is not None:
            raise ValueError(
                "GANSampler draws without labels: leave y out, or use AAETransformer "
                "with prior='gaussian_mixture' or ConditionalAAETransformer."
            )
        seed = draw_seeds(random_state, 1)[0]
        return as_output(self, self._draw_rows(n_samples, seed))

    def _draw_rows(self, n_samples: int, seed: int) -> np.ndarray:
        """Return the generator's rows, in the units of the table."""
        model, generator = self._model, self.generator_
        Z = model.draw_codes(n_samples, None, seed)
        return stream(generator, lambda z: generator(z).mean, Z, finish=model.unscale)

    def score_samples(self, X: TableLike) -> Answer:
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
        X = read_new_rows(self, X)
        scale = self.preprocessor_.transform
        return stream(self.critic_, self.critic_, X, scale).astype(np.float64)

    def score(self, X: TableLike, y: Any = None) -> float:
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
        X = read_new_rows(self, X)
        X = X[:: -(-len(X) // MAX_SCORED)]
        samples = self._draw_rows(len(X), draw_seeds(0, 1)[0])
        scaled = [self.preprocessor_.transform(rows) for rows in (samples, X)]
        fake, real = (torch.from_numpy(np.array(rows)).double() for rows in scaled)
        with plain_torch():
            distance: Tensor = energy_distance(fake, real)
        return 1 - float(distance)


def _codes_and_rows(batch: Batch) -> Batch:
    """Return prior samples as what goes in, and rows as what comes out at best."""
    return Batch(batch.prior, batch.x, generator=GANBatches.generator)
