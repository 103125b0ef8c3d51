"""What all autoencoders answer: reconstructions, likelihoods, drawn rows."""

from collections.abc import Mapping
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sklearn_aae.decoders import DECODERS, PIXEL_DECODERS
from sklearn_aae.encoders import ENCODERS
from sklearn_aae.estimators._base import BaseModel
from sklearn_aae.estimators._data import TrainingData
from sklearn_aae.estimators._draws import RowSampler
from sklearn_aae.estimators._games import make_opponents, make_phases
from sklearn_aae.estimators._generate import (
    CELLS,
    CODES,
    check_choice,
    check_n_samples,
)
from sklearn_aae.estimators._given import draw_given, given_row
from sklearn_aae.estimators._labels import class_numbers
from sklearn_aae.estimators._networks import (
    hidden_share,
    make_decoder,
    make_encoder,
    start_linearly,
)
from sklearn_aae.estimators._parameters import NON_NEGATIVE, SHARE
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._signature import parameter
from sklearn_aae.estimators._spec import ModelSpec, Stage
from sklearn_aae.estimators._tables import as_output, read_new_rows
from sklearn_aae.nn import NOISES
from sklearn_aae.priors import Prior, as_prior
from sklearn_aae.tabular import (
    TableColumns,
    TableSchema,
    as_table,
    unknown_category_cost,
    unknown_cells,
)
from sklearn_aae.training import DIVERGENCES, UPDATES, Batches, FitDecoder
from sklearn_aae.utils._compat import Interval, StrOptions, check_sample_weight
from sklearn_aae.utils._random import draw_seeds
from sklearn_aae.utils._typing import Answer, LabelOrLabels, RandomState, TableLike

# Share of the epochs in which the decoder of a table with holes learns alone.
DECODER_SHARE = 1 / 3


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
        default="auto",
        allowed=[StrOptions({"auto", *DECODERS, *PIXEL_DECODERS})],
        shapes=True,
    )
    linear_skip: bool = parameter(default=False, allowed=["boolean"], shapes=True)
    input_noise: float = parameter(default=0.0, allowed=[NON_NEGATIVE], shapes=True)
    noise_type: str = parameter(
        default="gaussian", allowed=[StrOptions(set(NOISES))], shapes=True
    )
    input_dropout: float | str = parameter(
        default="auto", allowed=[SHARE, StrOptions({"auto"})], shapes=True
    )
    count_features: Any = parameter(
        default=None, allowed=["array-like", None], shapes=True
    )
    n_examples: int = parameter(
        default=4096, allowed=[Interval(Integral, 0, None, closed="left")]
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
        """How often cells of each column were hidden in training, of shape (d,)."""
        check_is_fitted(self)
        schema, asked = self._data.schema, self._data.params["input_dropout"]
        return np.broadcast_to(hidden_share(asked, schema), (schema.n_features,)).copy()

    # --- answers --------------------------------------------------------------------

    def reconstruct(self, X: TableLike) -> Answer:
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

    def score_samples(self, X: TableLike) -> Answer:
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

    def score(
        self, X: TableLike, y: Any = None, sample_weight: ArrayLike | None = None
    ) -> float:
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

    def sample(
        self,
        n_samples: int = 1,
        *,
        y: LabelOrLabels = None,
        given: Mapping[Any, Any] | None = None,
        codes: str = "auto",
        cells: str = "auto",
        random_state: RandomState = None,
    ) -> Answer:
        """Draw new rows: a code z, then x of p(x|z).

        By default rows are drawn as a table needs them: codes as training rows have
        them, and cells with all that the code leaves open, which a training row with a
        code nearby lends to all columns together, moved to where the new code is
        decoded. So numbers scatter as in the table, lumps such as many zeros stay,
        columns that fix each other agree, cells are missing as often, and no category
        is drawn that no row has, nor a number outside of its column's range. Of columns
        that look like pixels (`pixels_`) rows are the mean of p(x|z): what scatters
        around an image is blur.

        Training rows are kept in the model for it, see `n_examples`. With
        ``n_examples=0`` rows are the mean of p(x|z), and codes come from the prior.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.

        y : label or array-like of shape (n_samples,), default=None
            Classes of the rows, of a model that knows labels.

        given : dict, default=None
            Cells that all rows have, by name (or number) of their column. Codes are
            then drawn by how likely they make them, of as many draws as it takes: half
            a million, or 20 a row, at most. A warning says if few of these have such
            cells.

        codes : {"auto", "prior", "training"}, default="auto"
            Where z comes from: the prior p(z), or the density of the training rows'
            codes, of the class that is asked for: a Gaussian around each of them, with
            the covariance of its 20 nearest ones (manifold Parzen windows [1]_).
            "auto" is "training" if training rows were kept, and "prior" else.

        cells : {"auto", "mean", "draw"}, default="auto"
            The mean of p(x|z), or a draw. "auto" is "mean" of pixels, or if no training
            rows were kept, and "draw" else.

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
            not know; if ``codes="training"`` or ``cells="draw"`` and no training rows
            were kept.

        References
        ----------
        .. [1] Vincent, Bengio, "Manifold Parzen Windows", NeurIPS 2002.
        """
        check_is_fitted(self)
        check_n_samples("sample", n_samples)
        check_choice("codes", codes, CODES)
        check_choice("cells", cells, CELLS)
        for_codes, for_cells, for_labels = draw_seeds(random_state, 3)
        known = None if given is None else given_row(given, self.columns_)
        labels = None if y is None else self._class_numbers(y, n_samples)
        none_kept = self._data.examples is None
        as_mean = cells == "mean" or (cells == "auto" and (self.pixels_ or none_kept))
        of_prior = codes == "prior" or (codes == "auto" and none_kept)
        draw = partial(self._draw_places, of_prior=of_prior, as_mean=as_mean)
        if known is None:
            if labels is None:
                labels = self._draw_labels(n_samples, for_labels)
            places = draw(n_samples, labels, for_codes)
        else:
            places, labels = self._draw_given(known, labels, n_samples, for_codes, draw)
        if not as_mean:
            rows = self._sampler().draw_cells(places, labels, for_cells, known)
            return as_output(self, rows)
        rows = self._model.decode(places, labels)
        if known is not None:
            stated = ~np.isnan(known)
            rows[:, stated] = known[stated]
        return as_output(self, rows)

    def _draw_places(
        self, n: int, labels, seed: int, *, of_prior: bool, as_mean: bool
    ) -> np.ndarray:
        """Draw codes; of cells to be drawn, the training row of each beside it."""
        if not of_prior:
            places = self._sampler().codes_around(n, labels, seed)
            return places[:, :-1] if as_mean else places
        codes = self._draw_codes(n, labels, seed)
        return codes if as_mean else self._sampler().beside_nearest(codes, labels, seed)

    def _draw_given(
        self, known: np.ndarray, labels: np.ndarray | None, n_samples: int, seed, draw
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Draw places, and class numbers, of rows that have cells; of labels if any."""
        as_mean = draw.keywords["as_mean"]
        weigh = None if as_mean else self._sampler().weigher(known)

        def candidates(n: int, seed: int, of=None):
            for_labels, for_codes = draw_seeds(seed, 2)
            y = self._draw_labels(n, for_labels) if of is None else np.full(n, of)
            return draw(n, y, for_codes), y

        find = partial(draw_given, self._model, known, weigh=weigh)
        if labels is None:
            return find(candidates, n_samples, seed)
        drawn = []
        for c, n in zip(*np.unique(labels, return_counts=True), strict=True):
            drawn.append(find(partial(candidates, of=c), n, seed)[0])
        by_label = np.concatenate(drawn)
        places = np.empty_like(by_label)
        places[np.argsort(labels, kind="stable")] = by_label
        return places, labels

    def _sampler(self) -> RowSampler:
        """Return what draws rows around training rows."""
        if self._data.examples is None:
            raise ValueError(
                "codes='training' and cells='draw' need training rows that the model "
                "has kept, and it has kept none: fit with n_examples above 0."
            )
        if self._model.sampler is None:
            self._model.sampler = RowSampler(
                self._model,
                self._data.examples,
                self._pools,
                self._n_label_columns,
                self._data.n_classes,
            )
        return self._model.sampler

    @property
    def _n_label_columns(self) -> int:
        """Number of columns of a code that are labels, before those of the style."""
        return 0

    def _pools(self, codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the class number of training rows, by their codes and labels."""
        return labels

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
    schema, m = data.schema, data.n_classes
    size = estimator._rows_a_step(m)
    key = None
    if isinstance(estimator.prior, str):  # priors of equal draws
        key = (estimator.prior, estimator.n_components, *(data.class_prior or ()))
    begin = start_linearly(estimator, data, prior)
    phases = make_phases(estimator, schema)

    def networks() -> dict[str, nn.Module]:
        encoder = make_encoder(estimator, schema, prior)
        decoder = make_decoder(estimator, schema, prior, **labels)
        begin(encoder, decoder)
        opponents = make_opponents(estimator, data.schema, prior, m)
        return {"encoder": encoder, "decoder": decoder, **opponents}

    def batches(rows: Rows, seed: int) -> Batches:
        return rows.batches(prior, size, seed, prior_key=key)

    return ModelSpec(
        prior,
        networks,
        phases,
        batches,
        lambda rows, seed: rows.as_batch(prior, seed),
        stages=_filling_stages(estimator, schema, phases, batches),
    )


def _filling_stages(
    estimator: BaseAutoencoder, schema: TableSchema, phases, batches
) -> tuple[Stage, ...]:
    """Return a last stage for the decoder alone, where holes are to be filled.

    Codes that are pulled to a prior keep moving, and the decoder after them: what it
    makes of a hole wavers by more than the rows of a group differ.
    """
    if estimator.input_dropout != "auto" or not any(schema.incomplete):
        return ()
    weight, n_columns = phases[0].weight, phases[0].n_columns
    decoder = FitDecoder(weight=weight, n_columns=n_columns)
    return (
        Stage(phases, batches, 1 - DECODER_SHARE),
        Stage([decoder], batches, DECODER_SHARE),
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
