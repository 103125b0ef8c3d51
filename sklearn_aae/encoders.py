"""Encoders q(z|x): rows in, a distribution over codes out.

Letters: C models in a stack, B batch, d columns, h hidden units, k code size. An
encoder is a module whose ``forward(x, row_weight=None)`` returns a `Posterior`, a
`torch.distributions.Distribution` with ``rsample`` and ``mean``. Noise is drawn from
the active random streams.

To add an encoder: a class here with its row in `ENCODERS`, from which
``tests/test_encoders.py`` tests it.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sklearn_aae.distributions import (
    Deterministic,
    GaussianPosterior,
    Implicit,
    LabelStylePosterior,
    Posterior,
)
from sklearn_aae.nn import (
    MLP,
    NOISES,
    Block,
    ConvDecoder,
    ConvEncoder,
    Dropout,
    ImageLayers,
    Skip,
    augment,
)
from sklearn_aae.utils._random import standard_normal, standard_uniform

__all__ = [
    "ENCODERS",
    "DeterministicEncoder",
    "Encoder",
    "GaussianEncoder",
    "Generator",
    "UniversalEncoder",
]

# Standard deviations of a Gaussian posterior stay within these.
MIN_SCALE, MAX_SCALE = 1e-3, 10.0


class Encoder(nn.Module):
    """A body of hidden layers, shared by the heads that a subclass adds.

    Parameters
    ----------
    n_features : int
        Number of columns d.

    n_components : int
        Code size k.

    hidden_layer_sizes : sequence of int
        Units of the body.

    normalization : {"batch", "layer"} or None
        For the body.

    normalize_head : bool
        Whether the head is normalised, too: codes then start at the scale of the prior,
        and a softmax does not saturate.

    activation : str
        Activation of the body.

    dropout : float
        Of the body's units.

    support : {"real", "simplex"}
        Where codes lie; "simplex" ends in a softmax.

    n_classes : int
        Number of labels m that a second head infers: the code then begins with their
        probabilities q(y|x), a softmax, before the k columns of the style (paper,
        section 5).

    input_noise : float
        How much noise there is on x in training, see `sklearn_aae.nn.NOISES`.

    noise_type : str
        Key of `sklearn_aae.nn.NOISES`; "mask" is for pictures.

    augmentation : tuple of str
        Of `sklearn_aae.nn.AUGMENTATIONS`: how pictures are changed in training, before
        the noise.

    input_dropout : float or sequence of float
        Probability that a cell of x, or of each of its columns, is set to 0 in
        training; of typed columns, that it is missing.

    linear_skip : bool
        Whether a linear map of what enters is added to the code's centre.

    images : ImageLayers or None
        Makes the body convolutional: rows are pictures.

    columns : nn.Module or None
        Maps the cells of typed columns to what enters the network, of ``n_outputs``
        columns. None if x enters as it is.

    constants : nn.Module or None
        Sets the columns that did not vary in training to their value of then, in the
        rows that are asked about later. None if there are no such columns.

    module : nn.Module or None
        The user's network from x to the outputs of `n_outputs` columns; replaces body
        and head.

    Examples
    --------
    An encoder of your own is a class that says what the head's output means.

    >>> import torch
    >>> from sklearn_aae.distributions import Deterministic
    >>> from sklearn_aae.encoders import Encoder
    >>> class SphereEncoder(Encoder):
    ...     def forward(self, x, row_weight=None):
    ...         x = self.corrupt(x)
    ...         z = self.location(x, self.features(x, row_weight), row_weight)
    ...         return Deterministic(z / z.norm(dim=-1, keepdim=True))
    >>> encoder = SphereEncoder(5, 2, hidden_layer_sizes=(8,))
    >>> z = encoder(torch.ones(3, 5)).mean
    >>> torch.allclose(z.norm(dim=1), torch.ones(3))
    True
    """

    input_noise: Tensor

    def __init__(
        self,
        n_features: int,
        n_components: int,
        *,
        hidden_layer_sizes: Sequence[int] = (),
        normalization: str | None = None,
        normalize_head: bool = False,
        activation: str = "relu",
        dropout: float = 0.0,
        support: str = "real",
        n_classes: int = 0,
        input_noise: float = 0.0,
        noise_type: str = "gaussian",
        augmentation: tuple[str, ...] = (),
        input_dropout: float | Sequence[float] = 0.0,
        linear_skip: bool = False,
        images: ImageLayers | None = None,
        columns: nn.Module | None = None,
        constants: nn.Module | None = None,
        module: nn.Module | None = None,
    ):
        super().__init__()
        self.n_features, self.n_components = n_features, n_components
        self.columns: Any = columns
        self.constants: Any = constants
        self.n_classes = n_classes
        self.support, self.noisy = support, input_noise > 0
        self.noise_type, self.augmentation = noise_type, augmentation
        self.image_shape = None if images is None else images.shape
        # A buffer, so that each member of a stack can have its own.
        noise = torch.tensor(input_noise, dtype=torch.float64)
        self.register_buffer("input_noise", noise, False)
        self.blank = Dropout(input_dropout, standard_uniform)
        self.module = module
        if module is None:
            options: dict[str, Any] = {
                "normalization": normalization,
                "activation": activation,
                "dropout": dropout,
                "uniform": standard_uniform,
            }
            head = normalization if normalize_head else None
            self.body, self.head = self._layers(
                hidden_layer_sizes, images, head, linear_skip, options
            )
            if n_classes:
                width = self.body.n_out
                self.label_head = Block(width, n_classes, normalization=head)

    def _layers(
        self, sizes, images: ImageLayers | None, head, linear_skip: bool, options
    ) -> tuple[Any, Any]:
        """Return body and head, of the normalisation of each."""
        body: MLP | ConvEncoder
        if images is None:
            body = MLP(self.n_inputs, sizes, **options)
        else:
            n_extra = self.n_inputs - images.n_cells
            body = ConvEncoder(images, n_extra=n_extra, **options)
        n_skip = self.n_inputs if linear_skip else 0
        k = self.n_components
        return body, Block(body.n_out, k, normalization=head, n_skip=n_skip)

    @property
    def n_inputs(self) -> int:
        """Number of columns that enter the network."""
        return self.n_features if self.columns is None else self.columns.n_outputs

    @property
    def n_outputs(self) -> int:
        """Number of columns that a network of the user must return."""
        return self.n_classes + self.n_components

    @property
    def normalizes_head(self) -> bool:
        """Whether the code is normalised over the rows of a batch."""
        return self.module is None and self.head.norm is not None

    def enter(self, x: Tensor) -> Tensor:
        """Return what rows x are to the network, without the training noise."""
        if self.constants is not None and not self.training:
            x = self.constants(x)
        return x if self.columns is None else self.columns(x)

    def corrupt(self, x: Tensor) -> Tensor:
        """Return what rows x are to the network, with the training noise."""
        if not self.training:
            return self.enter(x)
        x = self.enter(self.blank.hide(x)) if self.columns is not None else x
        if self.augmentation and self.image_shape is not None:
            x = augment(x, self.augmentation, self.image_shape, standard_uniform)
        if self.noisy:
            amount = self.input_noise[..., None, None].to(x.dtype)  # or (C, 1, 1)
            x = NOISES[self.noise_type](
                x,
                amount,
                normal=standard_normal,
                uniform=standard_uniform,
                shape=self.image_shape,
            )
        return self.blank(x) if self.columns is None else x

    def features(self, x: Tensor, row_weight: Tensor | None) -> Tensor:
        """Return the body's units, or the outputs of the user's network."""
        return self.module(x) if self.module is not None else self.body(x, row_weight)

    def location(self, x: Tensor, h: Tensor, row_weight: Tensor | None) -> Tensor:
        """Map features h of inputs x to the code's centre, (B, k) or (C, B, k)."""
        z = h if self.module is not None else self.head(h, row_weight, x)
        return z.softmax(-1) if self.support == "simplex" else z

    def split(self, h: Tensor, row_weight: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return the m logits of q(y|x) (none without labels), and the features.

        A network of the user returns the logits before the rest.
        """
        if self.module is not None or not self.n_classes:
            return h[..., : self.n_classes], h[..., self.n_classes :]
        return self.label_head(h, row_weight), h

    def label_logits(self, x: Tensor, row_weight: Tensor | None = None) -> Tensor:
        """Return the logits of q(y|x), (B, m) or (C, B, m), of what `enter` returns."""
        return self.split(self.features(x, row_weight), row_weight)[0]

    def forward(self, x: Tensor, row_weight: Tensor | None = None) -> Posterior:
        """Return q(z|x) for x of shape (B, d) or (C, B, d)."""
        raise NotImplementedError


class DeterministicEncoder(Encoder):
    """q(z|x) = δ(z - f(x)): the only randomness is the data's (paper, section 2).

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.encoders import DeterministicEncoder
    >>> encoder = DeterministicEncoder(5, 2, hidden_layer_sizes=(8,))
    >>> q = encoder(torch.ones(3, 5))
    >>> q.mean.shape
    torch.Size([3, 2])
    >>> torch.equal(q.rsample(), q.mean)
    True
    """

    def forward(self, x: Tensor, row_weight: Tensor | None = None) -> Posterior:
        """Return q(z|x) for x of shape (B, d) or (C, B, d)."""
        x = self.corrupt(x)
        logits, h = self.split(self.features(x, row_weight), row_weight)
        style = Deterministic(self.location(x, h, row_weight))
        return LabelStylePosterior(logits, style, x) if self.n_classes else style


class GaussianEncoder(Encoder):
    """q(z|x) = N(μ(x), diag σ(x)²), reparametrised: randomness of data and encoder.

    A network of the user returns 2 k columns: μ, then s with σ = softplus(s).

    Raises
    ------
    ValueError
        If codes lie on a simplex (``support="simplex"``), which draws would leave.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.encoders import GaussianEncoder
    >>> encoder = GaussianEncoder(5, 2)  # linear: no hidden layers
    >>> q = encoder(torch.zeros(1, 5))
    >>> q.stddev  # before training, softplus(-3)
    tensor([[0.0486, 0.0486]], grad_fn=<SqrtBackward0>)
    >>> torch.equal(q.rsample(), q.rsample())  # a draw each time
    False
    """

    def __init__(self, n_features: int, n_components: int, **options: Any):
        super().__init__(n_features, n_components, **options)
        if self.support == "simplex":
            raise ValueError(
                "prior='categorical' has codes on the simplex, and posterior="
                "'gaussian' would leave it. Use posterior='deterministic' or "
                "'universal'."
            )
        if self.module is None:
            self.scale_head = Block(self.body.n_out, n_components)
            # Start nearly deterministic: σ = softplus(-3) ≈ 0.05.
            nn.init.constant_(self.scale_head.linear.bias, -3.0)

    @property
    def n_outputs(self) -> int:
        """Number of columns that a network of the user must return."""
        return self.n_classes + 2 * self.n_components

    def forward(self, x: Tensor, row_weight: Tensor | None = None) -> Posterior:
        """Return q(z|x) for x of shape (B, d) or (C, B, d)."""
        x = self.corrupt(x)
        logits, h = self.split(self.features(x, row_weight), row_weight)
        if self.module is None:
            s = self.scale_head(h, row_weight)
        else:
            h, s = h.chunk(2, -1)
        scale = F.softplus(s).clamp(MIN_SCALE, MAX_SCALE)
        style = GaussianPosterior(
            self.location(x, h, row_weight), scale, standard_normal
        )
        return LabelStylePosterior(logits, style, x) if self.n_classes else style


class UniversalEncoder(Encoder):
    """z = f(x, η), η ~ N(0, I): a posterior of any shape (paper, section 2).

    The noise η has as many columns as the code and enters beside x. ``rsample`` draws
    one for each row; ``mean``, the answer after training, is the average of f(x, η)
    over a few fixed draws, equal for all rows. A network of the user takes d + k
    columns.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.encoders import UniversalEncoder
    >>> encoder = UniversalEncoder(5, 2, hidden_layer_sizes=(8,))
    >>> q = encoder(torch.ones(3, 5))
    >>> torch.equal(q.rsample(), q.rsample()), torch.equal(q.mean, q.mean)
    (False, True)
    """

    n_anchors = 16
    anchors: Tensor

    def __init__(self, n_features: int, n_components: int, **options: Any):
        super().__init__(n_features, n_components, **options)
        anchors = torch.randn(self.n_anchors, n_components, dtype=torch.float32)
        self.register_buffer("anchors", anchors)

    @property
    def n_inputs(self) -> int:
        """Number of columns that enter the network."""
        return super().n_inputs + self.n_components

    def label_logits(self, x: Tensor, row_weight: Tensor | None = None) -> Tensor:
        """Return the logits of q(y|x, η) for one draw of η."""
        eta = standard_normal(x.new_empty((*x.shape[:-1], self.n_components)))
        return super().label_logits(torch.cat([x, eta], -1), row_weight)

    def _code(self, x: Tensor, eta: Tensor, row_weight: Tensor | None) -> Tensor:
        x = torch.cat([x, eta], -1)
        logits, h = self.split(self.features(x, row_weight), row_weight)
        style = self.location(x, h, row_weight)
        return torch.cat([logits.softmax(-1), style], -1) if self.n_classes else style

    def forward(self, x: Tensor, row_weight: Tensor | None = None) -> Posterior:
        """Return q(z|x) for x of shape (B, d) or (C, B, d)."""
        rows, x = x, self.corrupt(x)
        noise = torch.Size((*x.shape[:-1], self.n_components))
        shape = torch.Size((*x.shape[:-1], self.n_classes + self.n_components))

        def draw() -> Tensor:
            return self._code(x, standard_normal(x.new_empty(noise)), row_weight)

        def mean() -> Tensor:
            anchors = self.anchors.unsqueeze(-2).unbind(-3)  # of (1, k) or (C, 1, k)
            codes = [self._code(x, eta.expand(noise), row_weight) for eta in anchors]
            return torch.stack(codes).mean(0)

        return Implicit(draw, mean, shape, lambda: self.enter(rows), self.n_classes)


class Generator(DeterministicEncoder):
    """x = G(z) of a plain GAN: a network as the encoder, from noise to rows.

    That of pictures is a decoder's, and ends in a sigmoid: cells in (0, 1).
    """

    def _layers(
        self, sizes, images: ImageLayers | None, head, linear_skip: bool, options
    ) -> tuple[Any, Any]:
        if images is None:
            return super()._layers(sizes, images, head, linear_skip, options)
        body = ConvDecoder(self.n_inputs, images, squashed=True, **options)
        return body, Skip(0, images.n_cells)


ENCODERS: dict[str, type[Encoder]] = {
    "deterministic": DeterministicEncoder,
    "gaussian": GaussianEncoder,
    "universal": UniversalEncoder,
}
