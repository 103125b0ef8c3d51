"""Where a linear skip begins: at the principal components of the training rows.

Letters: n rows, p columns that enter an encoder, k code size, r <= k components. A code
begins as W (x - μ) / s, standardised principal components, and the decoder as their
linear reconstruction; the hidden layers, whose last weights begin at 0, learn what a
plane cannot hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.utils import gen_batches
from torch import nn

from sklearn_aae.decoders import BernoulliDecoder, ColumnsDecoder, Decoder
from sklearn_aae.encoders import Encoder
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.nn import Block, ConvDecoder, EmbedColumns, Skip
from sklearn_aae.utils._device import torch_threads

# Of more columns the products of few rows are computed, not those of columns.
MAX_COLUMNS = 1024
# Cells that are in float64 at a time.
CHUNK_CELLS = 2**17
# Weights this near to each other are equal, but for rounding.
TIE = 1e-6
# A component of a smaller share of the variance is rounding.
MIN_SHARE = 1e-9
# A change of a probability is divided by no less, to be one of its logit.
MIN_PROBABILITY = 0.05


@dataclass(frozen=True)
class LinearStart:
    """Principal components of what enters an encoder, and a prior's moments.

    Attributes
    ----------
    columns : EmbedColumns or None
        What typed columns go through before they enter.

    mean : ndarray of shape (p,)
        μ.

    axes : ndarray of shape (r, p)
        Orthonormal, W.

    scale : ndarray of shape (r,)
        Standard deviation along each, s.

    rarest : float
        Least frequency that a category begins with: a later chunk may have some.

    prior_mean, prior_std : ndarray of shape (k,)
        Where the codes begin.
    """

    columns: EmbedColumns | None
    mean: np.ndarray
    axes: np.ndarray
    scale: np.ndarray
    rarest: float
    prior_mean: np.ndarray
    prior_std: np.ndarray

    @torch.no_grad()
    def encoder(self, encoder: Encoder) -> None:
        """Let codes begin as principal components with the prior's moments.

        Components that the rows do not have begin as the hidden layers have them.
        """
        head, r, p = encoder.head, len(self.axes), len(self.mean)
        slope = self.axes / self.scale[:, None]
        if encoder.normalizes_head:  # the decoder takes the same moments
            head.norm.weight.copy_(torch.as_tensor(self.prior_std))
            head.norm.bias.copy_(torch.as_tensor(self.prior_mean))
        else:
            slope = slope * self.prior_std[:r, None]
        _start(head, np.arange(r), slope, np.arange(p))
        if head.linear.bias is not None:
            offset = self.prior_mean[:r] - slope @ self.mean
            head.linear.bias[:r] = torch.as_tensor(offset).to(head.linear.bias)

    @torch.no_grad()
    def decoder(self, decoder: Decoder) -> None:
        """Let rows begin as the linear reconstruction from their components.

        Of probabilities it is that to first order: the logits begin at those of the
        frequencies p, and move by the change of p over dp/dlogit.
        """
        head, r, k = decoder.head, len(self.axes), decoder.n_components
        inputs, outputs = self._places(decoder)
        bias, gain = self._link(decoder)
        slope = np.zeros((len(outputs), k))
        spread = self.scale / self.prior_std[:r]
        slope[:, :r] = gain[:, None] * (self.axes * spread[:, None]).T[inputs]
        _start(head, outputs, slope, decoder.n_inputs - k + np.arange(k))
        if isinstance(decoder.body, ConvDecoder):
            decoder.body.silence()
        offset = torch.as_tensor(bias - slope @ self.prior_mean)
        start = head.linear.bias if isinstance(head, Block) else head.skip.bias
        start[torch.as_tensor(outputs)] = offset.to(start)

    def _places(self, decoder: Decoder) -> tuple[np.ndarray, np.ndarray]:
        """Return which inputs of an encoder are which outputs of a decoder."""
        if not isinstance(decoder, ColumnsDecoder):
            return np.arange(len(self.mean)), np.arange(len(self.mean))
        assert self.columns is not None
        entries = decoder.heads.entries()
        hot, category = self.columns.hot.tolist(), self.columns.category.long().tolist()
        outputs = [entries[j][0] for j in self.columns.numeric.tolist()]
        outputs += [entries[j][c] for j, c in zip(hot, category, strict=True)]
        return np.arange(len(outputs)), np.array(outputs, dtype=int)

    def _link(self, decoder: Decoder) -> tuple[np.ndarray, np.ndarray]:
        """Return outputs at the mean row, and their slope by a change of the mean."""
        columns, n = self.columns, len(self.mean)
        if columns is not None:
            n = len(columns.numeric)
        bias, gain = self.mean[:n], np.ones(n)
        kind = getattr(decoder, "numeric", None)
        if kind == "bernoulli" or isinstance(decoder, BernoulliDecoder):
            p = bias.clip(MIN_PROBABILITY, 1 - MIN_PROBABILITY)
            bias, gain = np.log(p / (1 - p)), 1 / (p * (1 - p))
        if columns is None:
            return bias, gain
        p = self.mean[n : n + len(columns.hot)]
        logits, slopes = np.log(p.clip(self.rarest)), 1 / p.clip(MIN_PROBABILITY)
        return np.concatenate([bias, logits]), np.concatenate([gain, slopes])


def _start(head: Block | Skip, outputs, slope: np.ndarray, inputs) -> None:
    """Let some outputs be linear in what is skipped to them, and in nothing else."""
    assert isinstance(head.skip, nn.Linear)
    weight, at = head.skip.weight, torch.as_tensor(outputs)
    weight.zero_()
    weight[at[:, None], torch.as_tensor(inputs)] = torch.as_tensor(slope).to(weight)
    if isinstance(head, Block):
        head.linear.weight[at] = 0.0


def linear_start(
    columns: EmbedColumns | None, rows: Rows, prior_moments: tuple[torch.Tensor, ...]
) -> LinearStart:
    """Return where a linear skip begins: at most k components, by weight.

    Parameters
    ----------
    columns : EmbedColumns or None
        What typed columns go through before they enter.

    rows : Rows
        Scaled training rows.

    prior_moments : pair of Tensor of shape (k,)
        Mean and standard deviation of the prior.
    """
    moments = [m.double().cpu().numpy() for m in prior_moments]
    p = rows.X.shape[1] if columns is None else columns.n_outputs
    used = p if columns is None else p - columns.n_embedded  # embeddings are random
    mean, variance, axes = _principal_axes(columns, rows, used)
    first = np.argsort(variance)[::-1][: len(moments[0])]
    least = max(MIN_SHARE * variance.clip(0).sum(), np.finfo(float).tiny)
    first = first[variance[first] > least]
    chosen = axes[first]
    # A sign of its own: an axis points to where its largest weight is positive, the
    # first of equal ones.
    places = [
        (np.abs(axis) >= (1 - TIE) * np.abs(axis).max()).argmax() for axis in chosen
    ]
    largest = chosen[np.arange(len(chosen)), np.array(places, dtype=np.intp)]
    return LinearStart(
        columns,
        np.pad(mean, (0, p - used)),
        np.pad(chosen * np.sign(largest)[:, None], ((0, 0), (0, p - used))),
        np.sqrt(variance[first]),
        1 / (len(rows) + 1),
        *moments,
    )


@torch.no_grad()
def _principal_axes(
    columns: EmbedColumns | None, rows: Rows, used: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean, variances and axes (one a row) of the first `used` inputs.

    scikit-learn's PCA takes no weights, and whole weights are repeated rows here.
    """
    if used > MAX_COLUMNS:
        rows = rows.some()
    n, even = len(rows), rows.weight is None
    total = n if even else rows.weight.sum()
    # Embeddings come out, too, before they are cut.
    width = max(1, used if columns is None else columns.n_outputs)
    n_together = max(1, CHUNK_CELLS // width)

    def chunks(center: np.ndarray | float = 0.0) -> Iterator[tuple]:
        for some in gen_batches(n, n_together):
            x = rows.X[some].cpu()
            x = x if columns is None else columns(x)
            w = np.ones((len(x), 1)) if even else rows.weight[some, None]
            yield w / total, x[:, :used].double().numpy() - center

    mean = np.sum([(w * x).sum(0) for w, x in chunks()], axis=0)
    if used <= max(n, 2):
        squares = np.zeros((used, used))
        for w, x in chunks(mean):
            squares += (w * x).T @ x
        variance, vectors = _eigen(squares)
        return mean, variance, vectors.T
    # A Aᵀ u = λ u: then Aᵀ u / √λ is an axis.
    A = np.concatenate([np.sqrt(w) * x for w, x in chunks(mean)])
    variance, vectors = _eigen(A @ A.T)
    length = np.sqrt(variance.clip(np.finfo(float).tiny))
    return mean, variance, vectors.T @ A / length[:, None]


def _eigen(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return eigenvalues and vectors; none of numbers whose squares overflow.

    The training says then what is to be done.
    """
    if not np.isfinite(squares).all():
        return np.zeros(0), np.zeros((len(squares), 0))
    # Beside programs that need the processors, threads of NumPy take 100 times as long.
    with torch_threads(0):
        variance, vectors = torch.linalg.eigh(torch.from_numpy(squares))
    return variance.numpy(), vectors.numpy()
