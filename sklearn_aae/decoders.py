"""Decoders p(x|z): codes in, a distribution over rows out.

Letters: C models in a stack, B batch, k code size, d columns. A decoder is a module
whose ``forward(z)`` returns a `RowDistribution`, a `torch.distributions.Distribution`
with ``mean``, ``log_prob`` of one value a row and ``cells`` of one a cell.

To add a decoder: a class here with its row in `DECODERS`, its likelihood in
``tests/test_decoders.py``.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Normal
from torch.distributions import Laplace as _Laplace

from sklearn_aae.distributions import (
    Columns,
    Counts,
    IndependentCells,
    PixelGaussian,
    PixelLogistic,
    RowDistribution,
    UnitGaussian,
)
from sklearn_aae.nn import (
    MLP,
    Block,
    ColumnHeads,
    ConvDecoder,
    ImageLayers,
    Linear,
    LogScale,
    Skip,
    one_hot,
    only,
    shallow_copy,
)
from sklearn_aae.utils._random import standard_uniform

__all__ = [
    "DECODERS",
    "PIXEL_DECODERS",
    "BernoulliDecoder",
    "ColumnsDecoder",
    "Decoder",
    "GaussianDecoder",
    "LaplaceDecoder",
    "PixelDecoder",
    "PixelGaussianDecoder",
    "PixelLogisticDecoder",
]

# Logit of the probability that a count is 0 by itself, where the training begins.
ZERO_LOGIT = -3.0

# A step of Adam moves a parameter by its rate; sizes of counts have orders of magnitude
# to go.
SIZE_GAIN = 10.0


class Decoder(nn.Module):
    """A body of hidden layers and a linear head; a subclass names the likelihood.

    Parameters
    ----------
    n_components : int
        Code size k.

    n_features : int
        Number of columns d.

    hidden_layer_sizes : sequence of int
        Units of the body, from the code to the rows.

    activation : str
        Activation of the body.

    dropout : float
        Of the body's units.

    n_classes : int
        Number of label columns m that come before the style in a code.

    conditional : bool
        Whether the label is given with each row, and p(x|y, z) depends on it (paper,
        section 4). If not, an encoder infers it, as the first m columns of a code.

    class_heads : bool
        Whether label and style enter as the sum W_Cᵀ y + z, of k columns (paper,
        section 7), not side by side. Row i of W_C is the head of class i.

    linear_skip : bool
        Whether a linear map of what enters is added to the outputs.

    images : ImageLayers or None
        Makes the network convolutional: rows are pictures.

    n_outputs : int or None
        Number of outputs of the network; None for d.

    module : nn.Module or None
        The user's network to `n_outputs` columns, from k, or from m + k without heads;
        replaces body and head.

    Attributes
    ----------
    noise : float or None
        Standard deviation of a number about its mean; None where it depends on the
        mean.

    Examples
    --------
    A decoder of your own is a class that says how a cell is distributed.

    >>> import torch
    >>> from torch.distributions import StudentT
    >>> from sklearn_aae.decoders import Decoder
    >>> class StudentTDecoder(Decoder):
    ...     @staticmethod
    ...     def cells(h):
    ...         return StudentT(4.0, h)
    >>> decoder = StudentTDecoder(n_components=2, n_features=5, hidden_layer_sizes=(8,))
    >>> p = decoder(torch.zeros(3, 2))
    >>> p.log_prob(torch.zeros(3, 5)).shape  # a number for each row
    torch.Size([3])
    """

    noise: float | None = None

    def __init__(
        self,
        n_components: int,
        n_features: int,
        *,
        hidden_layer_sizes: Sequence[int] = (),
        activation: str = "relu",
        dropout: float = 0.0,
        n_classes: int = 0,
        conditional: bool = False,
        class_heads: bool = False,
        linear_skip: bool = False,
        images: ImageLayers | None = None,
        n_outputs: int | None = None,
        module: nn.Module | None = None,
    ):
        super().__init__()
        self.n_components, self.n_features = n_components, n_features
        self.n_outputs = n_features if n_outputs is None else n_outputs
        self.n_classes, self.conditional = n_classes, conditional
        self.class_heads = None
        if class_heads:
            self.class_heads = Linear(n_classes, n_components, bias=False)
            nn.init.normal_(self.class_heads.weight)
        self.module = module
        self.places: list[int] | None = None  # of the outputs of a module; None: all
        if module is not None:
            return
        n_skip = self.n_inputs if linear_skip else 0
        options: dict[str, Any] = {
            "activation": activation,
            "dropout": dropout,
            "uniform": standard_uniform,
        }
        self.body: MLP | ConvDecoder
        self.head: Block | Skip
        if images is None:
            self.body = MLP(self.n_inputs, hidden_layer_sizes, **options)
            self.head = Block(self.body.n_out, self.n_outputs, n_skip=n_skip)
        else:
            self.body = ConvDecoder(self.n_inputs, images, **options)
            self.head = Skip(n_skip, self.n_outputs)

    @property
    def n_inputs(self) -> int:
        """Number of columns that enter the network."""
        label = 0 if self.class_heads is not None else self.n_classes
        return label + self.n_components

    def latent(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return the code beside its label y, (B,), -1 = unlabelled, if y is given."""
        if not self.conditional:
            return z
        return torch.cat([one_hot(y, self.n_classes, z), z], -1)

    def represent(self, latent: Tensor) -> Tensor:
        """Return what enters the network: W_Cᵀ y + z, or label beside style."""
        if self.class_heads is None:
            return latent
        m = self.n_classes
        return self.class_heads(latent[..., :m]) + latent[..., m:]

    def location(self, h: Tensor) -> Tensor:
        """Map what `represent` returns to the head's outputs, (B, d) or (C, B, d)."""
        if self.module is None:
            return self.head(self.body(h), None, h)
        outputs = self.module(h)
        return outputs if self.places is None else outputs[..., self.places]

    def only_columns(self, columns: Sequence[int]) -> "Decoder":
        """Return a decoder of some columns, which shares this one's tensors.

        It is for answers. Given the code columns are independent, so p(x|z) of some
        needs no look at the others, which may have very many categories.
        """
        return self._only(list(columns), list(columns))

    def _only(self, columns: list[int], places: list[int]) -> "Decoder":
        """Return the decoder of some columns, from the outputs at some places."""
        twin = shallow_copy(self)
        twin.n_features, twin.n_outputs = len(columns), len(places)
        if self.module is None:
            twin.head = self.head.only_outputs(places)
        else:
            twin.places = places
        return twin

    @staticmethod
    def cells(h: Tensor) -> Distribution:
        """Return the distribution of each cell, the head's output h its parameter."""
        raise NotImplementedError

    def likelihood(self, h: Tensor) -> RowDistribution:
        """Return the distribution of rows, of independent cells."""
        return IndependentCells(self.cells(h))

    def forward(self, z: Tensor, y: Tensor | None = None) -> RowDistribution:
        """Return p(x|z) for codes of shape (B, k) or (C, B, k), label and all."""
        return self.decode(self.represent(self.latent(z, y)))

    def decode(self, h: Tensor) -> RowDistribution:
        """Return p(x|z) for what `represent` returns."""
        return self.likelihood(self.location(h))


class GaussianDecoder(Decoder):
    """p(x|z) = N(g(z), I): -log p is half the squared error, summed over columns.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.decoders import GaussianDecoder
    >>> p = GaussianDecoder(n_components=2, n_features=5)(torch.zeros(1, 2))
    >>> loss = p.log_prob(p.mean) - p.log_prob(p.mean + 1)
    >>> round(loss.item(), 3)  # ½ · 5 columns · 1²
    2.5
    """

    noise = 1.0

    def likelihood(self, h: Tensor) -> RowDistribution:
        """Return N(h, I)."""
        return UnitGaussian(h)

    @staticmethod
    def cells(h: Tensor) -> Distribution:
        """Return N(h, 1) of each cell."""
        return Normal(h, 1.0, validate_args=False)


class LaplaceDecoder(Decoder):
    """p(x|z) = Laplace(g(z), 1): the absolute error, less moved by outliers.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.decoders import LaplaceDecoder
    >>> p = LaplaceDecoder(n_components=2, n_features=5)(torch.zeros(1, 2))
    >>> loss = p.log_prob(p.mean) - p.log_prob(p.mean + 3)
    >>> round(loss.item(), 3)  # 5 columns · |3|
    15.0
    """

    noise = math.sqrt(2)

    @staticmethod
    def cells(h: Tensor) -> Distribution:
        """Return Laplace(h, 1) of each cell."""
        return _Laplace(h, 1.0, validate_args=False)


class BernoulliDecoder(Decoder):
    """p(x|z) = Bernoulli(σ(g(z))) for x in [0, 1]: the cross-entropy.

    Examples
    --------
    >>> import torch
    >>> from torch.nn.functional import binary_cross_entropy
    >>> from sklearn_aae.decoders import BernoulliDecoder
    >>> p = BernoulliDecoder(n_components=2, n_features=5)(torch.zeros(1, 2))
    >>> x = torch.tensor([[0.0, 0.25, 0.5, 0.75, 1.0]])
    >>> loss = binary_cross_entropy(p.mean, x, reduction="sum")
    >>> torch.allclose(-p.log_prob(x), loss)
    True
    """

    @staticmethod
    def cells(h: Tensor) -> Distribution:
        """Return Bernoulli(σ(h)) of each cell."""
        # Cells between 0 and 1 are legal: the cross-entropy is linear in x.
        return Bernoulli(logits=h, validate_args=False)


class PixelDecoder(Decoder):
    """p(x|z) of pictures whose pixels have one learned scale.

    Parameters
    ----------
    n_components : int
        Code size k.

    n_features : int
        Number of pixels d.

    scale : float, default=1.0
        Where the scale begins.

    **options : dict
        Of `Decoder`.
    """

    def __init__(
        self, n_components: int, n_features: int, scale: float = 1.0, **options
    ):
        super().__init__(n_components, n_features, **options)
        self.log_scale = LogScale(scale)


class PixelGaussianDecoder(PixelDecoder):
    """p(x|z) = N(g(z), σ² I) with one learned σ for all pixels (Rybkin et al. 2021)."""

    @property
    def noise(self) -> float:  # type: ignore[override]
        """Standard deviation of a pixel about its mean."""
        return float(self.log_scale().detach().exp())

    def likelihood(self, h: Tensor) -> RowDistribution:
        """Return N(h, σ² I)."""
        return PixelGaussian(h, self.log_scale())


class PixelLogisticDecoder(PixelDecoder):
    """p(x|z) is logistic, of one learned scale, rounded to the levels of 8 bits."""

    def likelihood(self, h: Tensor) -> RowDistribution:
        """Return the rounded logistic distribution about h."""
        return PixelLogistic(h, self.log_scale())


class ColumnsDecoder(Decoder):
    """p(x|z) of typed columns: a likelihood each, of the observed cells only.

    Parameters
    ----------
    n_components : int
        Code size k.

    n_categories : sequence of int
        For each column, 0 for a numeric one.

    weights : sequence of float
        For each column, its factor in the training.

    counts : sequence of (float, float) or None, default=()
        For each column of counts, mean and standard deviation of log(1 + x); None for
        the others. Empty: there are none.

    numeric : {"gaussian", "laplace", "bernoulli"}
        Likelihood of the numeric columns.

    **options : dict
        Of `Decoder`.
    """

    weight: Tensor
    shift: Tensor
    scale: Tensor

    def __init__(
        self,
        n_components: int,
        n_categories: Sequence[int],
        weights: Sequence[float],
        counts: Sequence[tuple[float, float] | None] = (),
        numeric: str = "gaussian",
        **options,
    ):
        moments = {j: pair for j, pair in enumerate(counts) if pair is not None}
        heads = ColumnHeads(n_categories, list(moments))
        d = len(heads.n_categories)
        super().__init__(n_components, d, n_outputs=heads.n_inputs, **options)
        self.heads, self.numeric = heads, numeric
        self.noise = DECODERS[numeric].noise
        self.register_buffer("weight", self._in_order(weights), persistent=False)
        if moments:
            pairs = torch.tensor(list(moments.values()), dtype=torch.float64)
            self.register_buffer("shift", pairs[:, 0].clone(), persistent=False)
            self.register_buffer("scale", pairs[:, 1].clone(), persistent=False)
            self.log_size = nn.Parameter(torch.zeros(len(moments), dtype=torch.float32))

    def _in_order(self, weights: Sequence[float]) -> Tensor:
        return torch.tensor(weights, dtype=torch.float64)[self.heads.order.cpu()]

    def reweigh(self, weights: Sequence[float]) -> None:
        """Take other weights, one for each column."""
        self.weight.copy_(self._in_order(weights))

    def likelihood(self, h: Tensor) -> RowDistribution:
        """Return the columns' distributions as one."""
        number, count, logits = self.heads(h)
        cells, order = DECODERS[self.numeric].cells(number), only(self.heads.order)
        return Columns(cells, self._counts(count), logits, order, self.weight)

    def only_columns(self, columns: Sequence[int]) -> "Decoder":
        """Return a decoder of some columns, which shares this one's tensors."""
        heads, places = self.heads.only_columns(columns)
        twin = self._only(list(columns), places)
        twin.heads = heads
        order = self.heads.order.tolist()
        weights = [order.index(columns[i]) for i in heads.order.tolist()]
        twin.weight = self.weight[weights]
        at_counts = order[self.heads.n_numeric :][: self.heads.n_counts]
        counts = [at_counts.index(j) for j in columns if j in at_counts]
        if counts:
            twin.shift, twin.scale = self.shift[counts], self.scale[counts]
            twin.log_size = nn.Parameter(self.log_size.detach()[counts])
        return twin

    def _counts(self, h: Tensor) -> Counts | None:
        """Return the distribution of counts, of standardised log μ and logits of π."""
        if not h.shape[-1]:
            return None
        location, zero_logits = h.chunk(2, -1)
        shift, scale, log_size = (
            part.unsqueeze(-2).to(h) for part in (self.shift, self.scale, self.log_size)
        )
        return Counts(
            shift + scale * location,
            SIZE_GAIN * log_size,
            ZERO_LOGIT + zero_logits,
            shift,
            scale,
        )


# What `reconstruction` names; of typed columns, the kind of the numeric ones.
DECODERS: dict[str, type[Decoder]] = {
    "gaussian": GaussianDecoder,
    "laplace": LaplaceDecoder,
    "bernoulli": BernoulliDecoder,
}

# What it names where rows are pictures.
PIXEL_DECODERS: dict[str, type[Decoder]] = {
    "gaussian": PixelGaussianDecoder,
    "laplace": LaplaceDecoder,
    "bernoulli": BernoulliDecoder,
    "logistic": PixelLogisticDecoder,
}
