"""What all autoencoders answer: reconstructions, likelihoods, drawn rows."""

from functools import partial
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_aae.decoders import DECODERS
from sklearn_aae.encoders import ENCODERS
from sklearn_aae.estimators._base import BaseModel
from sklearn_aae.estimators._data import TrainingData
from sklearn_aae.estimators._generate import (
    check_n_samples,
    draw_rows,
)
from sklearn_aae.estimators._given import draw_given, given_row
from sklearn_aae.estimators._labels import class_numbers
from sklearn_aae.estimators._networks import (
    hidden_share,
    make_decoder,
    make_encoder,
    make_opponents,
    make_phases,
)
from sklearn_aae.estimators._parameters import NON_NEGATIVE, SHARE
from sklearn_aae.estimators._signature import parameter
from sklearn_aae.estimators._spec import ModelSpec
from sklearn_aae.estimators._tables import as_output, read_new_rows
from sklearn_aae.priors import Prior, as_prior
from sklearn_aae.tabular import (
    TableColumns,
    as_table,
    unknown_category_cost,
    unknown_cells,
)
from sklearn_aae.training import DIVERGENCES, UPDATES
from sklearn_aae.utils._compat import StrOptions, check_sample_weight
from sklearn_aae.utils._random import draw_seeds


class BaseAutoencoder(BaseModel):
    """Base of the models that encode and decode, and of what shapes their code."""

    posterior: str = parameter(
        default="deterministic", allowed=[StrOptions(set(ENCODERS))], shapes=True
    )
    regularizer: str | None = parameter(
        default="adversarial",
        allowed=[StrOptions({"adversarial", *DIVERGENCES}), None],
        shapes=True,
    )
    regularization_strength: float = parameter(default=1.0, allowed=[NON_NEGATIVE])
    reconstruction: str = parameter(
        default="auto", allowed=[StrOptions({"auto", *DECODERS})], shapes=True
    )
    input_noise: float = parameter(default=0.0, allowed=[NON_NEGATIVE], shapes=True)
    input_dropout: float | str = parameter(
        default="auto", allowed=[SHARE, StrOptions({"auto"})], shapes=True
    )
    count_features: Any = parameter(
        default=None, allowed=["array-like", None], shapes=True
    )
    update: str = parameter(
        default="joint", allowed=[StrOptions(set(UPDATES))], shapes=True
    )
    encoder: nn.Module | None = parameter(
        default=None, allowed=[nn.Module, None], shapes=True
    )
    decoder: nn.Module | None = parameter(
        default=None, allowed=[nn.Module, None], shapes=True
    )

    def _make_spec(self, data: TrainingData) -> ModelSpec:
        prior = as_prior(self.prior, self.n_components, data.class_prior)
        return autoencoder_spec(self, data, prior)

    @property
    def input_dropout_(self) -> np.ndarray:
        """How often cells of each column were hidden in training, (n_features_in_,)."""
        check_is_fitted(self)
        schema, asked = self._data.schema, self._data.params["input_dropout"]
        return np.broadcast_to(hidden_share(asked, schema), (schema.n_features,)).copy()

    # --- answers --------------------------------------------------------------------

    def reconstruct(self, X):
        """Encode and decode rows.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_samples, n_features)
            What the code keeps of them: a table like the training table, without
            missing cells.
        """
        rows = read_new_rows(self, X)
        decoded = self._model.decode(self._model.encode(rows))
        return as_output(self, decoded, rows.dtype, X)

    def score_samples(self, X):
        """Log-likelihood of each row given its code: log p(x|z), z the mean of q(z|x).

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,), float64
            In nats, of rows in the units of the table: a density of numbers, times the
            probability of categories and counts. Models of the same columns compare,
            whatever their `scale` ("bernoulli" only with itself). The noise of a number
            is one number in scaled columns, the most likely one on the training rows.
            Higher is better. A missing cell counts 0, and so does the one value of a
            column that did not vary in training; a category that none of n training
            rows has -log(n + 1), about as much as the rarest.
        """
        rows = read_new_rows(self, X)
        return self._model.log_prob(rows) - cost_of_unknown(self.columns_, X)

    def score(self, X, y=None, sample_weight=None):
        """Mean of `score_samples`; higher is better.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        score : float
            Mean log-likelihood, in nats a row.
        """
        return weighted_mean(self.score_samples(X), sample_weight)

    def sample(self, n_samples=1, *, y=None, given=None, random_state=None):
        """Draw new rows: z ~ p(z), then x of p(x|z).

        Numbers are the mean of p(x|z) where all columns are numbers. In a table with
        categories or counts, these are drawn by their probabilities, and numbers with
        the noise that reconstructions have.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.

        y : label or array-like of shape (n_samples,), default=None
            Classes of the rows, of a model that knows labels.

        given : dict, default=None
            Cells that all rows have, by name (or number) of their column. Codes are
            then drawn by how likely they make them, of as many draws from the prior as
            it takes: a million, or 20 a row, at most. A warning says if few of these
            have such cells.

        random_state : int, RandomState or None, default=None
            None draws anew with each call.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_samples, n_features)
            Rows: a frame of the training frame's kind and dtypes, if it was one.

        Raises
        ------
        ValueError
            If `y` names a class, or `given` a column or category, that the model does
            not know.
        """
        check_is_fitted(self)
        check_n_samples("sample", n_samples)
        for_codes, for_cells, for_labels = draw_seeds(random_state, 3)
        known = None if given is None else given_row(given, self.columns_)
        labels = None if y is None else self._class_numbers(y, n_samples)
        if known is not None:
            codes, labels = self._draw_given(known, labels, n_samples, for_codes)
        else:
            if labels is None:
                labels = self._draw_labels(n_samples, for_labels)
            codes = self._draw_codes(n_samples, labels, for_codes)
        rows = draw_rows(self._model, codes, labels, for_cells)
        if known is not None:
            stated = ~np.isnan(known)
            rows[:, stated] = known[stated]
        return as_output(self, rows)

    def _draw_given(
        self, known: np.ndarray, labels: np.ndarray | None, n_samples: int, seed: int
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Draw codes, and class numbers, of rows that have cells; of labels if any."""

        def draw(n: int, seed: int, of=None) -> tuple[np.ndarray, np.ndarray | None]:
            for_labels, for_codes = draw_seeds(seed, 2)
            y = self._draw_labels(n, for_labels) if of is None else np.full(n, of)
            return self._draw_codes(n, y, for_codes), y

        if labels is None:
            return draw_given(self._model, known, draw, n_samples, seed)
        drawn = [
            draw_given(self._model, known, partial(draw, of=c), n, seed)[0]
            for c, n in zip(*np.unique(labels, return_counts=True), strict=True)
        ]
        codes = np.empty_like(np.concatenate(drawn))
        codes[np.argsort(labels, kind="stable")] = np.concatenate(drawn)
        return codes, labels

    def _class_numbers(self, y, n_samples: int) -> np.ndarray:
        """Return the class number of each label that rows are to have."""
        if not hasattr(self, "classes_"):
            raise ValueError(
                "sample(y=...) needs a model with one prior component for each class: "
                "fit with labels and prior='gaussian_mixture' or 'swiss_roll'."
            )
        return class_numbers(y, n_samples, self.classes_)

    def _draw_labels(self, n_samples: int, seed: int) -> np.ndarray | None:
        """Return class numbers where none are asked for; None leaves them open."""
        return None

    def _draw_codes(self, n_samples: int, labels, seed: int) -> np.ndarray:
        """Draw codes from the prior, of class numbers where they are given."""
        return self._model.draw_codes(n_samples, labels, seed)


def autoencoder_spec(
    estimator: BaseAutoencoder, data: TrainingData, prior: Prior, **labels
) -> ModelSpec:
    """Return what an autoencoder is made of whose codes are to look like a prior.

    Parameters
    ----------
    estimator : BaseAutoencoder
        Whose parameters count.

    data : TrainingData
        What the rows hold.

    prior : Prior
        What codes are made to look like.

    **labels : dict
        Options of a decoder that is conditional on labels.
    """
    schema, m, size = data.schema, data.n_classes, estimator.batch_size
    key = None
    if isinstance(estimator.prior, str):  # priors of equal draws
        key = (estimator.prior, estimator.n_components, *(data.class_prior or ()))
    return ModelSpec(
        prior,
        lambda: {
            "encoder": make_encoder(estimator, schema, prior),
            "decoder": make_decoder(estimator, schema, **labels),
            **make_opponents(estimator, prior, m),
        },
        make_phases(estimator, schema),
        lambda rows, seed: rows.batches(prior, size, seed, prior_key=key),
        lambda rows, seed: rows.as_batch(prior, seed),
    )


def weighted_mean(scores: np.ndarray, sample_weight) -> float:
    """Return the mean of scores of rows by their weights, if there are any."""
    if sample_weight is not None:
        sample_weight = check_sample_weight(sample_weight, scores[:, None])
    return float(np.average(scores, weights=sample_weight))


def cost_of_unknown(columns: TableColumns, X) -> np.ndarray | float:
    """Return what categories that no training row has cost each row, in nats."""
    if not any(columns.n_categories):
        return 0.0
    return unknown_cells(columns, as_table(X)) @ unknown_category_cost(columns)
