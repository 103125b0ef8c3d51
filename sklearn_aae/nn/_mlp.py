"""Multi-layer perceptrons of the layers in this room."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from sklearn_aae.nn._layers import (
    NORMALIZATIONS,
    BatchNorm,
    Dropout,
    Linear,
    shallow_copy,
)

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": lambda: nn.LeakyReLU(0.2),
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "identity": nn.Identity,
}


class Block(nn.Module):
    """Linear, then normalisation, activation and dropout as asked for.

    With `n_skip` a second linear map, of that many columns that come around the hidden
    layers, is added to the first: a skip connection.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        normalization: str | None = None,
        activation: str = "identity",
        dropout: float = 0.0,
        uniform: Callable[[Tensor], Tensor] = torch.rand_like,
        n_skip: int = 0,
    ):
        super().__init__()
        self.linear = Linear(n_in, n_out)
        self.skip = Linear(n_skip, n_out, bias=False) if n_skip else None
        if normalization == "batch":
            # Normalisation would take it off again.
            self.linear.register_parameter("bias", None)
        self.norm = NORMALIZATIONS[normalization](n_out) if normalization else None
        self.activation = ACTIVATIONS[activation]()
        self.dropout = Dropout(dropout, uniform) if dropout else None

    @torch.no_grad()
    def fold(self) -> None:
        """Let the linear layer do what batch normalisation does after training.

        γ (W x - μ) / √(σ² + ε) + β = (s W) x + (β - s μ), with s = γ / √(σ² + ε).
        """
        norm, linear = self.norm, self.linear
        if not isinstance(norm, BatchNorm):
            return
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        linear.weight.mul_(scale.unsqueeze(-1))
        if self.skip is not None:
            self.skip.weight.mul_(scale.unsqueeze(-1))
        linear.bias = nn.Parameter(norm.bias - scale * norm.running_mean)
        self.norm = None

    def only_outputs(self, places: Sequence[int]) -> "Block":
        """Return a block of some of the outputs; of one without normalisation."""
        twin = shallow_copy(self)
        index = torch.tensor(places, device=self.linear.weight.device)
        for layer in ("linear", "skip"):
            if getattr(self, layer) is None:
                continue
            chosen = shallow_copy(getattr(self, layer))
            for name, values in getattr(self, layer).named_parameters():
                rows = nn.Parameter(values.detach()[index], requires_grad=False)
                setattr(chosen, name, rows)
            setattr(twin, layer, chosen)
        return twin

    def forward(
        self,
        x: Tensor,
        row_weight: Tensor | None = None,
        skipped: Tensor | None = None,
    ) -> Tensor:
        """Map x of shape (B, d) or (C, B, d) to (B, h) or (C, B, h)."""
        h = self.linear(x)
        if self.skip is not None:
            h = h + self.skip(skipped)
        if self.norm is not None:
            h = self.norm(h, row_weight)
        h = self.activation(h)
        return h if self.dropout is None else self.dropout(h)


class Skip(nn.Module):
    """Adds a linear map of what comes around the hidden layers, if there is one.

    Parameters
    ----------
    n_skip : int
        Number of columns that come around; 0 for none.

    n_out : int
        Number of columns that it is added to.
    """

    norm = None

    def __init__(self, n_skip: int, n_out: int):
        super().__init__()
        self.skip = Linear(n_skip, n_out) if n_skip else None
        self.places: list[int] | None = None  # of the columns that are wanted

    def only_outputs(self, places: Sequence[int]) -> "Skip":
        """Return what adds to some of the columns, and leaves out the others."""
        twin = shallow_copy(self)
        twin.places = list(places)
        return twin

    def forward(
        self, x: Tensor, row_weight: Tensor | None = None, skipped: Tensor | None = None
    ) -> Tensor:
        """Return x of shape (B, h) or (C, B, h) with what is added."""
        x = x if self.skip is None else x + self.skip(skipped)
        return x if self.places is None else x[..., self.places]


class MLP(nn.Module):
    """Hidden blocks, one after the other.

    Parameters
    ----------
    n_in : int
        Number of columns in.

    hidden_layer_sizes : sequence of int
        Units of each block; empty for the identity.

    normalization : {"batch", "layer"} or None, default=None
        Normalisation before each activation.

    activation : str, default="relu"
        Key of `ACTIVATIONS`.

    dropout : float, default=0.0
        Probability that a hidden unit is dropped in training.

    uniform : callable
        Source of the dropout's randomness.

    Attributes
    ----------
    n_out : int
        Number of columns out.
    """

    def __init__(
        self,
        n_in: int,
        hidden_layer_sizes: Sequence[int],
        *,
        normalization: str | None = None,
        activation: str = "relu",
        dropout: float = 0.0,
        uniform: Callable[[Tensor], Tensor] = torch.rand_like,
    ):
        super().__init__()
        sizes = [n_in, *hidden_layer_sizes]
        self.n_out = sizes[-1]
        self.blocks = nn.ModuleList(
            Block(
                a,
                b,
                normalization=normalization,
                activation=activation,
                dropout=dropout,
                uniform=uniform,
            )
            for a, b in pairwise(sizes)
        )

    def forward(self, x: Tensor, row_weight: Tensor | None = None) -> Tensor:
        """Map x of shape (B, d) or (C, B, d) to (B, h) or (C, B, h)."""
        for block in self.blocks:
            x = block(x, row_weight)
        return x
