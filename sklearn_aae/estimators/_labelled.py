"""What clusterers and classifiers share: a code of a label and a style."""

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from sklearn_aae.critics import MIN_PROBABILITY, LabelCritic
from sklearn_aae.estimators._inference import CodeMixin
from sklearn_aae.estimators._neighbours import neighbour_distance
from sklearn_aae.estimators._parameters import (
    AUTO_EPOCHS,
    NON_NEGATIVE,
    POSITIVE_INT,
    PROPER_SHARE,
    SHARE,
    check_sizes,
)
from sklearn_aae.estimators._recipes import (
    make_adversaries,
    make_decoder,
    make_encoder,
    make_opponents,
    make_regularizer,
)
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._stream import stream
from sklearn_aae.nn import Block
from sklearn_aae.priors import LabelAndStyle, as_prior
from sklearn_aae.tabular import TableSchema
from sklearn_aae.training import (
    Batch,
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

# The neighbour whose distance is the unit of `smoothness_radius`.
RADIUS_NEIGHBORS = 10

LABELLED_CONSTRAINTS: dict = {
    "class_heads": ["boolean"],
    "head_distance": [NON_NEGATIVE],
    "agreement_strength": [NON_NEGATIVE],
    "agreement_duration": [PROPER_SHARE, None],
    "n_neighbors": [POSITIVE_INT],
    "stray_share": [SHARE],
    "smoothness_strength": [NON_NEGATIVE],
    "smoothness_radius": [NON_NEGATIVE],
    "reconstruction_strength": [NON_NEGATIVE],
    "label_strength": [NON_NEGATIVE],
    "critic_noise": [NON_NEGATIVE],
    "max_iter": AUTO_EPOCHS,
}


class LabelledMixin(CodeMixin):
    """A model whose code is a label, of shares q(y|x), and a style z.

    The host has the parameters of `LABELLED_CONSTRAINTS`, and says ``_label_shares``.
    """

    # Unit of `smoothness_radius`, None if it was not asked for.
    _radius: float | None = None

    # Batches without neighbours, and with them.
    _batch_kinds: tuple[type[Batches], type[Batches]] = (Batches, NeighborBatches)

    # How far a batch moves p(y) to the mean of q(y|x).
    _rate_of_shares = 0.0

    @property
    def _label_shares(self) -> list[float]:
        """Return p(y) where the training begins."""
        raise NotImplementedError

    @property
    def _n_features_out(self) -> int:
        """Number of columns of `transform`."""
        return self.decoder_.n_inputs

    def _make_prior(self, class_shares):
        style = as_prior(self.prior, self.n_components)
        return LabelAndStyle(style, class_shares or self._label_shares)

    def _make_networks(self, schema: TableSchema) -> dict[str, nn.Module]:
        style, m = self.prior_.style, self.prior_.n_classes
        critic = LabelCritic(
            self._label_shares,
            rate=self._rate_of_shares,
            hidden_layer_sizes=check_sizes(self, "critic_hidden_layer_sizes"),
            activation=self.activation,
            noise=self.critic_noise,
        )
        heads, encoder = self.class_heads, make_encoder(self, schema, style, m)
        if encoder.module is None:
            _start_at_shares(encoder.label_head, critic.class_prior)
        return {
            "encoder": encoder,
            "decoder": make_decoder(self, schema, n_classes=m, class_heads=heads),
            **make_opponents(self, style),
            "label_critic": critic,
        }

    def _batches_of(self, part: str | None, rows: Rows, seed: int) -> Batches:
        options = self._batch_options(part, rows)
        return rows.batches(self.prior_.style, self.batch_size, seed, **options)

    def _batch_options(self, part: str | None, rows: Rows) -> dict:
        """Return the kind of the batches of a part, and its options."""
        alone, paired = self._batch_kinds
        if not self.agreement_strength or part == "smoothness":
            return {"kind": alone}
        near = torch.from_numpy(rows.neighbours(self.n_neighbors))
        return {"kind": paired, "neighbours": near.to(rows.X.device)}

    def _training_parts(self, epochs: int) -> list[tuple[str | None, int]]:
        """Return first the part in which neighbours agree, if that is to end."""
        share = self.agreement_duration
        if share is None or not self.agreement_strength or epochs == 1:
            return [(None, epochs)]
        n = min(max(round(share * epochs), 1), epochs - 1)
        return [("agreement", n), ("smoothness", epochs - n)]

    def _phases_of(self, part: str | None) -> list[Phase]:
        left_out = {
            None: (),
            "agreement": VirtualAdversarial,
            "smoothness": NeighborAgreement,
        }[part]
        phases = super()._phases_of(part)
        return [phase for phase in phases if not isinstance(phase, left_out)]

    def _make_judges(self, rows: Rows, seed: int) -> Batch:
        return rows.judges(self.prior_.style, seed)

    def _make_phases(self, schema: TableSchema) -> list[Phase]:
        weight = float(self.reconstruction_strength)
        phases: list[Phase] = [Reconstruct(weight=weight, n_columns=schema.n_varying)]
        if self.class_heads:
            phases.append(SeparateHeads(distance=float(self.head_distance)))
        labels = make_adversaries(
            self, TrainLabelCritic, FoolLabelCritic, float(self.label_strength)
        )
        return [*phases, *make_regularizer(self), *labels]

    def _make_consistency(self) -> list[Phase]:
        """Return what makes labels change slowly, among neighbours and around rows."""
        agree, smooth = float(self.agreement_strength), float(self.smoothness_strength)
        phases: list[Phase] = []
        if agree:
            phases.append(
                NeighborAgreement(
                    weight=agree, neighbor_noise_rate=float(self.stray_share)
                )
            )
        if smooth:
            radius = float(self.smoothness_radius * self._radius)
            phases.append(VirtualAdversarial(weight=smooth, radius=radius))
        return phases

    def _prepare(self, X, y, sample_weight, X_val=None, y_val=None, *, seed, keep):
        rows, judges = super()._prepare(
            X, y, sample_weight, X_val, y_val, seed=seed, keep=keep
        )
        if not keep:
            self._radius = None
        if self.smoothness_strength and self._radius is None:
            self._radius = neighbour_distance(rows.points(), RADIUS_NEIGHBORS)
        return rows, judges

    def _check_rows(self, X, y, sample_weight, *, keep: bool, of: str = "") -> Rows:
        """Validate rows; few rows in an order of their own, repeated by whole weights.

        The noise of a step falls on rows by their places, so equal tables must have
        their rows in equal places for fits of one batch to be equal.
        """
        rows = super()._check_rows(X, y, sample_weight, keep=keep, of=of)
        return rows.in_order(self.batch_size)

    # --- answers ------------------------------------------------------------------

    def _represent(self, latents: np.ndarray) -> np.ndarray:
        """Return what the decoder sees of label shares and style."""
        return stream(self.decoder_, self.decoder_.represent, latents)

    def _prior_codes(self, n_samples: int) -> np.ndarray:
        return self._represent(super()._prior_codes(n_samples))

    def transform(self, X):
        """Encode rows as what the decoder sees.

        Parameters
        ----------
        X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components)
            W_Cᵀ y + z, the heads of the labels by their shares and the style (paper,
            section 7). With ``class_heads=False`` the shares and the style side by
            side. Of the dtype of X (float64 unless X is float32).
        """
        X = self._check_new_rows(X)
        return self._represent(self._encode(X)).astype(X.dtype, copy=False)

    def inverse_transform(self, X):
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
        Z = self._check_codes(X)
        decode = self.decoder_.decode
        rows = self._from_decoder(lambda h: decode(h).mean, Z)
        return self._as_table(rows, Z.dtype, X)

    def _shares(self, X) -> np.ndarray:
        """Return q(y|x) of rows, float64."""
        check_is_fitted(self)
        m = self.prior_.n_classes
        return self._encode(self._check_new_rows(X))[:, :m].astype(np.float64)

    def _with_label(self, X, labels: np.ndarray) -> np.ndarray:
        """Decode the styles of rows with other labels, given as class numbers."""
        rows = self._check_new_rows(X)
        latents = self._encode(rows)
        m = self.prior_.n_classes
        latents[:, :m] = np.eye(m)[labels]
        return self._as_table(self._decode(latents), rows.dtype, X)

    def _head_rows(self) -> np.ndarray:
        """Return the decoded head of each label: z = 0."""
        m = self.prior_.n_classes
        latents = np.zeros((m, m + self.prior_.style.n_components))
        latents[:, :m] = np.eye(m)
        return self._decode(latents)


@torch.no_grad()
def _start_at_shares(head: Block, shares: Tensor) -> None:
    """Let the logits of a head start at log p(y), in the mean over rows.

    Normalised logits move no faster than their learning rate: with rare classes it
    would take long to get there.
    """
    logits = shares.clamp_min(MIN_PROBABILITY).log()
    bias = head.linear.bias if head.norm is None else head.norm.bias
    bias.copy_(logits - logits.mean())
