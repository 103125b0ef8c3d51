"""Convolutions by DCGAN's rules, of one model or of a stack.

Letters: C models in a stack, B batch, d cells of a picture, h features. A picture is a
row of its cells, channels last, so that a batch of rows is one in torch's memory format
`channels_last`, in which convolutions are about twice as fast on a CPU.

Strides take the place of pooling, and there are no dense layers in the middle: each
layer halves height and width, or doubles them (Radford, Metz, Chintala 2016).
"""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sklearn_aae.nn._layers import NORMALIZATIONS, BatchNorm, Dropout
from sklearn_aae.nn._mlp import ACTIVATIONS, Block

# Four by four cells, every second one: each cell is seen equally often.
KERNEL, STRIDE, PADDING = 4, 2, 1
# Smallest height and width.
MIN_SIZE = 8


class ImageLayers(NamedTuple):
    """What shapes the convolutional networks.

    Attributes
    ----------
    shape : tuple of int
        Height, width and channels of a picture.

    channels : tuple of int
        Of each layer, from the picture to the code.
    """

    shape: tuple[int, int, int]
    channels: tuple[int, ...]

    @property
    def n_cells(self) -> int:
        """Number of cells of a picture."""
        return math.prod(self.shape)

    def sizes(self) -> list[tuple[int, int]]:
        """Return height and width before the first layer, and after each."""
        height, width, _ = self.shape
        n = len(self.channels)
        return [(height >> i, width >> i) for i in range(n + 1)]


class Conv(nn.Module):
    """A convolution that halves height and width; odd ones are rounded down.

    Parameters
    ----------
    n_in, n_out : int
        Channels.

    size : pair of int
        Height and width of what enters.
    """

    def __init__(self, n_in: int, n_out: int, size: tuple[int, int]):
        super().__init__()
        self.n_out, self.size = n_out, size
        self.in_features = n_in * math.prod(size)
        self.out_features = n_out * (size[0] // STRIDE) * (size[1] // STRIDE)
        shape, n_seen = (n_out, n_in, KERNEL, KERNEL), n_in * KERNEL**2
        self.weight, self.bias = _uniform(shape, n_seen), _uniform((n_out,), n_seen)

    @property
    def n_products(self) -> int:
        """Number of multiplications for a picture."""
        return self.weight.numel() * self.out_features // self.n_out

    def scale_(self, scale: Tensor, bias: Tensor) -> None:
        """Multiply what comes out of each channel, and give it another bias."""
        self.weight.mul_(scale[:, None, None, None])
        self.bias = nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map x of shape (B, n_in, height, width) to n_out channels, half as large."""
        return F.conv2d(x, self.weight, self.bias, STRIDE, PADDING)


class ConvTranspose(nn.Module):
    """The transpose of `Conv`: doubles height and width.

    Parameters
    ----------
    n_in, n_out : int
        Channels.

    size : pair of int
        Height and width of what comes out; half of it, rounded down, enters.
    """

    def __init__(self, n_in: int, n_out: int, size: tuple[int, int]):
        super().__init__()
        self.n_out, self.size = n_out, size
        self.in_features = n_in * (size[0] // STRIDE) * (size[1] // STRIDE)
        self.out_features = n_out * math.prod(size)
        # A quarter of the kernel falls on a cell.
        shape, n_seen = (n_in, n_out, KERNEL, KERNEL), n_in * (KERNEL // STRIDE) ** 2
        self.weight, self.bias = _uniform(shape, n_seen), _uniform((n_out,), n_seen)

    @property
    def n_products(self) -> int:
        """Number of multiplications for a picture."""
        return self.weight.numel() * self.in_features // self.weight.shape[-4]

    def scale_(self, scale: Tensor, bias: Tensor) -> None:
        """Multiply what comes out of each channel, and give it another bias."""
        self.weight.mul_(scale[:, None, None])
        self.bias = nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map x of shape (B, n_in, ...) to (B, n_out, height, width)."""
        odd = (self.size[0] % STRIDE, self.size[1] % STRIDE)
        return F.conv_transpose2d(x, self.weight, self.bias, STRIDE, PADDING, odd)


def _uniform(shape: tuple[int, ...], n_seen: int) -> nn.Parameter:
    """Return U(-1/√n, 1/√n), as linear layers begin."""
    bound = 1 / math.sqrt(n_seen)
    return nn.Parameter(torch.empty(shape, dtype=torch.float32).uniform_(-bound, bound))


class ConvBlock(nn.Module):
    """Convolution, then normalisation of each channel and activation as asked for."""

    def __init__(
        self,
        conv: Conv | ConvTranspose,
        *,
        normalization: str | None = None,
        activation: str = "identity",
    ):
        super().__init__()
        self.conv = conv
        if normalization == "batch":
            # Normalisation would take it off again.
            conv.register_parameter("bias", None)
        norm = NORMALIZATIONS[normalization](conv.n_out) if normalization else None
        self.norm = norm
        self.activation = ACTIVATIONS[activation]()

    @torch.no_grad()
    def fold(self) -> None:
        """Let the convolution do what batch normalisation does after training."""
        norm = self.norm
        if isinstance(norm, BatchNorm):
            scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
            self.conv.scale_(scale, norm.bias - scale * norm.running_mean)
            self.norm = None

    def forward(self, x: Tensor, row_weight: Tensor | None = None) -> Tensor:
        """Map maps (B, n_in, ...) to (B, n_out, ...)."""
        h = self.conv(x)
        if self.norm is not None:
            cells = h.permute(0, 2, 3, 1)  # a view: channels are last in memory
            rows = cells.reshape(-1, cells.shape[-1])
            if row_weight is not None:
                n = len(rows) // len(h)
                row_weight = (row_weight / n).repeat_interleave(n)
            h = self.norm(rows, row_weight).view(cells.shape).permute(0, 3, 1, 2)
        return self.activation(h)


class ConvEncoder(nn.Module):
    """Convolutions from pictures to features.

    Parameters
    ----------
    images : ImageLayers
        Shape and channels.

    n_extra : int, default=0
        Columns that come after the cells of a picture; each enters as a channel of its
        own, the same everywhere.

    normalization : {"batch", "layer"} or None, default=None
        Of each channel, before the activation; in the first layer, too, where DCGAN's
        critic has none.

    activation : str, default="relu"
        Key of `ACTIVATIONS`.

    dropout : float, default=0.0
        Probability that a feature is dropped in training.

    uniform : callable
        Source of the dropout's randomness.

    Attributes
    ----------
    n_out : int
        Number of features.
    """

    def __init__(
        self,
        images: ImageLayers,
        *,
        n_extra: int = 0,
        normalization: str | None = None,
        activation: str = "relu",
        dropout: float = 0.0,
        uniform: Callable[[Tensor], Tensor] = torch.rand_like,
    ):
        super().__init__()
        self.shape, self.n_extra = images.shape, n_extra
        widths, sizes = [images.shape[2] + n_extra, *images.channels], images.sizes()
        self.blocks = nn.ModuleList(
            ConvBlock(
                Conv(widths[i], widths[i + 1], sizes[i]),
                normalization=normalization,
                activation=activation,
            )
            for i in range(len(images.channels))
        )
        self.n_out = widths[-1] * math.prod(sizes[-1])
        self.dropout = Dropout(dropout, uniform) if dropout else None

    def forward(self, x: Tensor, row_weight: Tensor | None = None) -> Tensor:
        """Map x of shape (B, d) or (C, B, d) to (B, h) or (C, B, h)."""
        h = one_by_one(self, x, row_weight)
        return h if self.dropout is None else self.dropout(h)

    def of_one(self, x: Tensor, row_weight: Tensor | None) -> Tensor:
        """Return the features of pictures of one model, (B, h)."""
        height, width, n = self.shape
        h = x[:, : height * width * n].view(-1, height, width, n)
        if self.n_extra:
            extra = x[:, None, None, -self.n_extra :]
            h = torch.cat([h, extra.expand(-1, height, width, -1)], -1)
        h = h.permute(0, 3, 1, 2)
        for block in self.blocks:
            h = block(h, row_weight)
        return h.permute(0, 2, 3, 1).flatten(1)


class ConvDecoder(nn.Module):
    """Transposed convolutions from codes to pictures.

    Parameters
    ----------
    n_in : int or None
        Number of columns of a code; None for the features of a `ConvEncoder`, which are
        the maps to begin with.

    images : ImageLayers
        Shape and channels, from the picture to the code.

    normalization : {"batch", "layer"} or None, default=None
        Before each activation.

    activation : str, default="relu"
        Key of `ACTIVATIONS`.

    dropout : float, default=0.0
        Probability that a unit of the first layer is dropped in training.

    uniform : callable
        Source of the dropout's randomness.

    squashed : bool, default=False
        Whether cells end in a sigmoid, so that they lie in (0, 1).

    Attributes
    ----------
    n_out : int
        Number of cells.
    """

    def __init__(
        self,
        n_in: int | None,
        images: ImageLayers,
        *,
        normalization: str | None = None,
        activation: str = "relu",
        dropout: float = 0.0,
        uniform: Callable[[Tensor], Tensor] = torch.rand_like,
        squashed: bool = False,
    ):
        super().__init__()
        of_maps: dict[str, Any] = {
            "normalization": normalization,
            "activation": activation,
        }
        widths, sizes = [images.shape[2], *images.channels], images.sizes()
        self.start, self.squashed = (*sizes[-1], widths[-1]), squashed
        self.n_out = images.n_cells
        self.project = None
        if n_in is not None:
            options = {**of_maps, "dropout": dropout, "uniform": uniform}
            self.project = Block(n_in, math.prod(self.start), **options)
        self.blocks = nn.ModuleList(
            ConvBlock(
                ConvTranspose(widths[i + 1], widths[i], sizes[i]),
                **(of_maps if i else {}),
            )
            for i in reversed(range(len(images.channels)))
        )

    @torch.no_grad()
    def silence(self) -> None:
        """Let pictures begin at 0."""
        for parameter in self.blocks[-1].parameters():
            parameter.zero_()

    def forward(self, h: Tensor, row_weight: Tensor | None = None) -> Tensor:
        """Map codes of shape (B, k) or (C, B, k) to (B, d) or (C, B, d)."""
        start = h if self.project is None else self.project(h, row_weight)
        return one_by_one(self, start, row_weight)

    def of_one(self, h: Tensor, row_weight: Tensor | None) -> Tensor:
        """Return the pictures of one model, (B, d)."""
        h = h.view(-1, *self.start).permute(0, 3, 1, 2)
        for block in self.blocks:
            h = block(h, row_weight)
        x = h.permute(0, 2, 3, 1).flatten(1)
        return x.sigmoid() if self.squashed else x


def one_by_one(
    body: ConvEncoder | ConvDecoder, x: Tensor, row_weight: Tensor | None
) -> Tensor:
    """Return ``body.of_one`` of x, (B, ...), or of each model's part, (C, B, ...).

    The convolutions of C models at once are grouped ones, which take 1.5 times as long
    on a CPU as one model's after the other's: their maps leave the cache.
    """
    if x.dim() == 2:
        return body.of_one(x, row_weight)
    members = _members(body, len(x))
    weights = [None] * len(x) if row_weight is None else row_weight.unbind(0)
    parts = [
        member.of_one(part, weight)
        for member, part, weight in zip(members, x.unbind(0), weights, strict=True)
    ]
    # Batches that are averaged count alike for all members.
    for layer, seen in zip(body.modules(), members[-1].modules(), strict=True):
        if isinstance(layer, BatchNorm):
            layer.n_calibrated = seen.n_calibrated
    return torch.stack(parts)


def _members(module: nn.Module, n: int) -> list[Any]:
    """Return the n models of a stacked module, whose tensors are views of its own."""
    twins = [copy.copy(module) for _ in range(n)]
    tables = ("_parameters", "_buffers", "_modules")
    for twin in twins:
        for table in tables:
            setattr(twin, table, dict(getattr(module, table)))
    for name, parameter in module._parameters.items():
        if parameter is not None:
            # At once: the gradients of the parts come back as one.
            for twin, part in zip(twins, parameter.unbind(0), strict=True):
                twin._parameters[name] = part  # type: ignore[assignment]
    for name, buffer in module._buffers.items():
        if buffer is not None:
            for c, twin in enumerate(twins):
                twin._buffers[name] = buffer[c]
    for name, child in module._modules.items():
        if child is not None:
            for twin, part in zip(twins, _members(child, n), strict=True):
                twin._modules[name] = part
    return twins


def n_products(module: nn.Module) -> int:
    """Return about how many multiplications a row costs.

    One for each weight, and more for those of convolutions.
    """
    layers = [m for m in module.modules() if isinstance(m, Conv | ConvTranspose)]
    more = sum(m.n_products - m.weight.numel() for m in layers)
    return sum(p.numel() for p in module.parameters()) + more


def widest_layer(module: nn.Module) -> int:
    """Return the largest number of units that a row has in a layer."""
    kinds = nn.Linear | Conv | ConvTranspose
    layers: Sequence[Any] = [m for m in module.modules() if isinstance(m, kinds)]
    return max((max(m.in_features, m.out_features) for m in layers), default=1)
