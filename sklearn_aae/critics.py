"""Critics (discriminators) D(z) and D(z, y): how real a code looks.

Letters: C models in a stack, B batch, d columns, k code size, m classes.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from sklearn_aae.nn import (
    MLP,
    ConvDecoder,
    ConvEncoder,
    ImageLayers,
    Linear,
    one_hot,
)
from sklearn_aae.utils._random import standard_normal, standard_uniform

__all__ = ["CellCritic", "Critic", "LabelCritic"]

# A learned class prior gives no label less than this.
MIN_PROBABILITY = 1e-4


class Critic(nn.Module):
    """A perceptron from codes, and labels where there are any, to one logit.

    Parameters
    ----------
    n_components : int
        Code size k.

    hidden_layer_sizes : sequence of int
        Units of the hidden layers.

    activation : str, default="relu"
        Activation of the hidden layers.

    n_classes : int, default=0
        Number of labels m. The critic then sees a one-hot label of m + 1 columns, the
        last for "unlabelled" (paper, section 2.3).

    images : ImageLayers or None, default=None
        Makes the body convolutional: what it judges are pictures, without labels.

    noise : float, default=0.0
        Standard deviation of the Gaussian noise on what it sees in training. Without
        any, one-hot samples differ from probabilities below 1 at a glance.

    Notes
    -----
    Batch normalisation in the critic would let it judge whole batches, and keeps the
    prior from being matched.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.critics import Critic
    >>> critic = Critic(n_components=2, hidden_layer_sizes=(8,), n_classes=3)
    >>> z = torch.zeros(4, 2)
    >>> critic(z, y=torch.tensor([0, 1, 2, -1])).shape  # -1 = unlabelled
    torch.Size([4])
    >>> torch.equal(critic(z), critic(z, y=torch.full((4,), -1)))
    True
    """

    noise: Tensor

    def __init__(
        self,
        n_components: int,
        hidden_layer_sizes: Sequence[int],
        *,
        activation: str = "relu",
        n_classes: int = 0,
        images: ImageLayers | None = None,
        noise: float = 0.0,
    ):
        super().__init__()
        self.n_classes, self.noisy = n_classes, noise > 0
        # A buffer, so that each member of a stack can have its own.
        self.register_buffer("noise", torch.tensor(noise, dtype=torch.float64), False)
        width = n_components + (n_classes + 1 if n_classes else 0)
        self.body: MLP | ConvEncoder
        if images is None:
            self.body = MLP(width, hidden_layer_sizes, activation=activation)
        else:
            self.body = ConvEncoder(images, activation=activation)
        self.head = Linear(self.body.n_out, 1)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return logits (B,) or (C, B) for codes z and labels y, -1 = unlabelled.

        Without y all rows are unlabelled.
        """
        if self.noisy and self.training:
            z = z + self.noise[..., None, None].to(z.dtype) * standard_normal(z)
        if self.n_classes:
            if y is None:
                y = torch.full(z.shape[:-1], -1, device=z.device)
            # -1 counts from the end: the extra column.
            switch = torch.eye(self.n_classes + 1, dtype=z.dtype, device=z.device)[y]
            z = torch.cat([z, switch], -1)
        return self.head(self.body(z)).squeeze(-1)


class LabelCritic(Critic):
    """A critic of labels: tells one-hot draws of p(y) from probabilities q(y|x).

    Parameters
    ----------
    class_prior : sequence of float
        p(y), of m labels.

    rate : float, default=0.0
        Where p(y) is learned: how far a batch moves it to the mean of q(y|x). This is
        the update of mixing proportions by expectation maximisation, step by step.

    **options : dict
        Of `Critic`: `hidden_layer_sizes`, `activation`, `noise`.
    """

    class_prior: Tensor

    def __init__(self, class_prior, *, rate: float = 0.0, **options):
        super().__init__(len(class_prior), **options)
        self.rate = rate
        p = torch.as_tensor(class_prior, dtype=torch.float32)
        self.register_buffer("class_prior", p / p.sum())

    def draw(self, like: Tensor) -> Tensor:
        """Draw one-hot labels, of the shape of `like`: (B, m) or (C, B, m)."""
        u = standard_uniform(like[..., :1])  # (C, B, 1)
        below = self.class_prior.cumsum(-1)[..., None, :-1] < u  # (C, B, m - 1)
        return one_hot(below.sum(-1), like.shape[-1], like)

    @torch.no_grad()
    def update_class_prior(self, q: Tensor, weight: Tensor | None) -> None:
        """Move p(y) towards the mean of q(y|x), (B, m) or (C, B, m), by `rate`."""
        if not self.rate:
            return
        w = 1 / q.shape[-2] if weight is None else weight.unsqueeze(-1)
        mean = (w * q).sum(-2)
        moved = self.class_prior.lerp(mean, self.rate).clamp_min(MIN_PROBABILITY)
        self.class_prior.copy_(moved / moved.sum(-1, keepdim=True))


class CellCritic(nn.Module):
    """A network from rows to a logit for each cell: that it is another row's.

    Clark et al. 2020 (ELECTRA) do so for the words of a text.

    Parameters
    ----------
    n_features : int
        Columns d of the rows.

    hidden_layer_sizes : sequence of int
        Units of the hidden layers, of tables; with layer normalisation.

    activation : str, default="relu"
        Activation of the hidden layers.

    columns : nn.Module or None, default=None
        Maps the cells of typed columns to what enters the network, of ``n_outputs``
        columns. None if rows enter as they are.

    images : ImageLayers or None, default=None
        Makes the body convolutional, of pictures: layers that halve height and width,
        with batch normalisation, and as many that double them again.
    """

    def __init__(
        self,
        n_features: int,
        hidden_layer_sizes: Sequence[int],
        *,
        activation: str = "relu",
        columns: Any = None,
        images: ImageLayers | None = None,
    ):
        super().__init__()
        self.columns = columns
        options: dict[str, Any] = {"normalization": "layer", "activation": activation}
        self.body: MLP | ConvEncoder
        self.head: Linear | ConvDecoder
        if images is None:
            width = n_features if columns is None else columns.n_outputs
            self.body = MLP(width, hidden_layer_sizes, **options)
            self.head = Linear(self.body.n_out, n_features)
        else:
            options["normalization"] = "batch"  # it judges cells, not batches
            self.body = ConvEncoder(images, **options)
            self.head = ConvDecoder(None, images, activation=activation)

    def forward(self, x: Tensor, row_weight: Tensor | None = None) -> Tensor:
        """Return logits of shape (B, d) or (C, B, d) for rows of that shape.

        `row_weight` sums to 1 over B, for the normalisation.
        """
        cells = x if self.columns is None else self.columns(x)
        return self.head(self.body(cells, row_weight))
