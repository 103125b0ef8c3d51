"""What clusterers and classifiers share: a code of a label and a style."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_aae.critics import MIN_PROBABILITY, LabelCritic
from sklearn_aae.estimators._base import BaseModel
from sklearn_aae.estimators._codes import CodeMixin
from sklearn_aae.estimators._data import FitInput, TrainingData
from sklearn_aae.estimators._games import (
    make_adversaries,
    make_opponents,
    make_regularizer,
)
from sklearn_aae.estimators._graph import mean_neighbor_distance, nearest
from sklearn_aae.estimators._networks import make_decoder, make_encoder, start_linearly
from sklearn_aae.estimators._parameters import (
    LAYER_SIZES,
    NON_NEGATIVE,
    POSITIVE_INT,
    PROPER_SHARE,
    SHARE,
    check_sizes,
)
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._signature import parameter
from sklearn_aae.estimators._spec import ModelSpec, Stage
from sklearn_aae.estimators._stream import stream
from sklearn_aae.estimators._tables import as_output, read_codes, read_new_rows
from sklearn_aae.nn import Block
from sklearn_aae.priors import LabelAndStyle, Prior, as_prior
from sklearn_aae.tabular import UNLABELLED
from sklearn_aae.training import (
    Batches,
    FoolLabelCritic,
    NeighborAgreement,
    NeighborBatches,
    Phase,
    Reconstruct,
    SeparateHeads,
    TrainLabelCritic,
    VirtualAdversarial,
)
from sklearn_aae.utils._typing import Answer, TableLike

# The neighbour whose distance is the unit of `smoothness_radius`.
RADIUS_NEIGHBORS = 10


@dataclass(eq=False, repr=False, kw_only=True)
class LabelLatent(CodeMixin):
    """A model whose code is a label, of probabilities q(y|x), and a style z.

    It stands before `BaseAutoencoder` among the bases of an estimator.
    """

    class_heads: bool = parameter(default=False, allowed=["boolean"], shapes=True)
    head_distance: float = parameter(default=1.0, allowed=[NON_NEGATIVE])
    agreement_strength: float = parameter(default=1.0, allowed=[NON_NEGATIVE])
    agreement_duration: float | None = parameter(
        default=None, allowed=[PROPER_SHARE, None]
    )
    n_neighbors: int = parameter(default=10, allowed=[POSITIVE_INT])
    neighbor_noise_rate: float = parameter(default=0.0, allowed=[SHARE])
    smoothness_strength: float = parameter(default=0.0, allowed=[NON_NEGATIVE])
    smoothness_radius: float = parameter(default=0.5, allowed=[NON_NEGATIVE])
    augmentation: str | Sequence[str] | None = parameter(
        default=None, allowed=[str, list, tuple, None], shapes=True
    )
    label_strength: float = parameter(default=1.0, allowed=[NON_NEGATIVE])
    reconstruction_strength: float = parameter(default=1.0, allowed=[NON_NEGATIVE])
    critic_noise: float = parameter(default=0.1, allowed=[NON_NEGATIVE], shapes=True)
    critic_hidden_layer_sizes: int | Sequence[int] | None = parameter(
        default=(64, 64), allowed=LAYER_SIZES, shapes=True
    )
    scale: str | None = "range"

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        line = cls.__mro__
        if BaseModel in line and line.index(BaseModel) < line.index(LabelLatent):
            raise TypeError(
                f"LabelLatent must stand before BaseAutoencoder among the bases of "
                f"{cls.__name__}: its hooks come first."
            )

    def _prepare(
        self, given: FitInput, seed: int, earlier: TrainingData | None, **options
    ) -> TrainingData:
        """Prepare rows, and measure how far neighbours are, if it matters.

        The noise of a step falls on rows by their places, so equal tables must have
        their rows in equal places for fits of one batch to be equal: few rows are
        sorted, and repeated by whole weights.
        """
        data = super()._prepare(
            given,
            seed,
            earlier,
            arrange=lambda rows: rows.in_order(self.batch_size),
            **options,
        )
        if not self.smoothness_strength or data.neighbor_distance is not None:
            return data
        distance = mean_neighbor_distance(data.rows.points(), RADIUS_NEIGHBORS)
        return replace(data, neighbor_distance=distance)

    # --- answers ------------------------------------------------------------------

    @property
    def _n_features_out(self) -> int:
        """Number of columns of `transform`."""
        return self.decoder_.n_inputs

    def _represent(self, latents: np.ndarray) -> np.ndarray:
        """Return what the decoder sees of label probabilities and style."""
        return stream(self.decoder_, self.decoder_.represent, latents)

    def _prior_codes(
        self, n_samples: int, for_codes: int, for_labels: int
    ) -> np.ndarray:
        codes = super()._prior_codes(n_samples, for_codes, for_labels)
        return self._represent(codes)

    def transform(self, X: TableLike) -> Answer:
        """Encode rows as what the decoder sees.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            W_Cᵀ y + z, the heads of the labels by their probabilities and the style
            (paper, section 7). With ``class_heads=False`` the probabilities and the
            style side by side. Of the dtype of X (float64 unless X is float32).
        """
        X = read_new_rows(self, X)
        return self._represent(self._model.encode(X)).astype(X.dtype, copy=False)

    def inverse_transform(self, X: TableLike) -> Answer:
        """Decode what `transform` returns: the mean of p(x|y, z).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_samples, n_features)
            Rows, a table like the training table.
        """
        Z = read_codes(self, X)
        decode = self.decoder_.decode
        rows = self._model.generate(lambda h: decode(h).mean, Z)
        return as_output(self, rows, Z.dtype, X, of_codes=True)

    @property
    def _n_label_columns(self) -> int:
        return self.prior_.n_classes

    def _pools(self, codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the label of training rows, or their most likely one."""
        likely = codes[:, : self.prior_.n_classes].argmax(1)
        return np.where(labels == UNLABELLED, likely, labels)

    def _label_probabilities(self, X) -> np.ndarray:
        """Return q(y|x) of rows, float64."""
        rows = read_new_rows(self, X)
        codes = self._model.encode(rows)
        return codes[:, : self.prior_.n_classes].astype(np.float64)


def label_latent_spec(
    estimator: LabelLatent,
    data: TrainingData,
    class_prior: Sequence[float],
    *,
    rate: float = 0.0,
    further: Sequence[Phase] = (),
    kinds: tuple[type[Batches], type[Batches]] = (Batches, NeighborBatches),
    **options,
) -> ModelSpec:
    """Return what a model of labels and styles is made of.

    Parameters
    ----------
    estimator : LabelLatent
        Whose parameters count.

    data : TrainingData
        What the rows hold.

    class_prior : sequence of float
        p(y), where the training begins.

    rate : float, default=0.0
        How far a batch moves p(y) to the mean of q(y|x).

    further : sequence of Phase, default=()
        Phases after those that all such models have.

    kinds : pair of types, default=(Batches, NeighborBatches)
        Batches without neighbours, and with them.

    **options : dict
        Further options of the batches.
    """
    style = as_prior(estimator.prior, estimator.n_components)
    prior, size = LabelAndStyle(style, class_prior), estimator.batch_size
    alone, paired = kinds

    @functools.cache  # one graph for all restarts
    def neighbors() -> np.ndarray:
        if data.neighbors is not None:
            return data.neighbors
        return nearest(data.rows.points(), estimator.n_neighbors)

    def batches(rows: Rows, seed: int) -> Batches:
        return rows.batches(style, size, seed, kind=alone, **options)

    def batches_of_pairs(rows: Rows, seed: int) -> Batches:
        near = torch.from_numpy(neighbors()).to(rows.X.device)
        return rows.batches(style, size, seed, kind=paired, neighbors=near, **options)

    begin = start_linearly(estimator, data, style)

    def networks() -> dict[str, nn.Module]:
        nets = _make_networks(estimator, data, style, class_prior, rate)
        begin(nets["encoder"], nets["decoder"])
        return nets

    agrees = bool(estimator.agreement_strength * data.cluster_weight)
    phases = [*_label_phases(estimator, data), *further]
    stages = _stages(estimator.agreement_duration, phases, batches_of_pairs, batches)
    return ModelSpec(
        prior,
        networks,
        phases,
        batches_of_pairs if agrees else batches,
        lambda rows, seed: rows.as_batch(style, seed),
        stages=stages if agrees else (),
        unit=estimator.reconstruction_strength,
        neighbors=neighbors,
    )


def _stages(duration: float | None, phases, of_pairs, batches) -> tuple[Stage, ...]:
    """Return first the stage in which neighbours agree, if that is to end."""
    if duration is None:
        return ()
    agreement = [phase for phase in phases if not isinstance(phase, VirtualAdversarial)]
    smoothness = [phase for phase in phases if not isinstance(phase, NeighborAgreement)]
    return (
        Stage(agreement, of_pairs, duration),
        Stage(smoothness, batches, 1 - duration),
    )


def _make_networks(
    estimator, data: TrainingData, style: Prior, class_prior, rate: float
) -> dict[str, nn.Module]:
    m, schema = len(class_prior), data.schema
    critic = LabelCritic(
        class_prior,
        rate=rate,
        hidden_layer_sizes=check_sizes(estimator, "critic_hidden_layer_sizes"),
        activation=estimator.activation,
        noise=estimator.critic_noise,
    )
    heads, dropout = estimator.class_heads, data.dropout
    encoder = make_encoder(estimator, schema, style, m, dropout)
    if encoder.module is None:
        _start_at_prior(encoder.label_head, critic.class_prior)
    return {
        "encoder": encoder,
        "decoder": make_decoder(
            estimator, schema, style, n_classes=m, class_heads=heads, dropout=dropout
        ),
        **make_opponents(estimator, schema, style),
        "label_critic": critic,
    }


def _label_phases(estimator, data: TrainingData) -> list[Phase]:
    """Return the phases of the paper's sections 5 to 7, in its order."""
    weight = float(estimator.reconstruction_strength)
    phases: list[Phase] = [Reconstruct(weight=weight, n_columns=data.schema.n_varying)]
    if estimator.class_heads:
        phases.append(SeparateHeads(distance=float(estimator.head_distance)))
    strength = float(estimator.label_strength * data.cluster_weight)
    labels = make_adversaries(estimator, TrainLabelCritic, FoolLabelCritic, strength)
    return [*phases, *make_regularizer(estimator), *labels]


def consistency_phases(estimator: LabelLatent, data: TrainingData) -> list[Phase]:
    """Return what makes labels change slowly, among neighbours and around rows."""
    agree = float(estimator.agreement_strength * data.cluster_weight)
    smooth = float(estimator.smoothness_strength * data.cluster_weight)
    phases: list[Phase] = []
    if agree:
        noise_rate = float(estimator.neighbor_noise_rate)
        phases.append(NeighborAgreement(weight=agree, neighbor_noise_rate=noise_rate))
    if smooth:
        radius = float(estimator.smoothness_radius * data.neighbor_distance)
        phases.append(VirtualAdversarial(weight=smooth, radius=radius))
    return phases


@torch.no_grad()
def _start_at_prior(head: Block, class_prior: Tensor) -> None:
    """Let the logits of a head start at log p(y), in the mean over rows.

    Normalised logits move no faster than their learning rate: with rare classes it
    would take long to get there.
    """
    logits = class_prior.clamp_min(MIN_PROBABILITY).log()
    bias = head.linear.bias if head.norm is None else head.norm.bias
    bias.copy_(logits - logits.mean())
