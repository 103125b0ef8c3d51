"""Critics D(z) and D(z, y): how real a code looks. Never normalised.

Letters: C models in a stack, B batch, k code size, m classes.
"""

import torch
from torch import Tensor, nn

from sklearn_aae.nn import MLP, Linear
from sklearn_aae.utils._random import standard_normal

__all__ = ["Critic"]


class Critic(nn.Module):
    """A perceptron from codes, and labels where there are any, to one logit.

    Parameters
    ----------
    n_components : int
        Number of columns k that it looks at.

    hidden_layer_sizes : sequence of int
        Units of the hidden layers.

    activation : str, default="relu"
        Activation of the hidden layers.

    n_classes : int, default=0
        Number of labels m. The critic then sees a one-hot label of m + 1 columns, the
        last for "unlabelled" (paper, section 2.3).

    first : int, default=0
        The first column of the code that it looks at.

    noise : float, default=0.0
        Standard deviation of the Gaussian noise on what it sees in training. Without
        any, one-hot samples can be told from shares between 0 and 1 at a glance.

    Notes
    -----
    Batch normalisation in the critic would let it judge whole batches, and keeps the
    prior from being matched.
    """

    noise: Tensor

    def __init__(
        self,
        n_components: int,
        hidden_layer_sizes,
        *,
        activation: str = "relu",
        n_classes: int = 0,
        first: int = 0,
        noise: float = 0.0,
    ):
        super().__init__()
        self.n_classes, self.noisy = n_classes, noise > 0
        self.first, self.last = first, first + n_components
        # A buffer, so that each member of a stack can have its own.
        self.register_buffer("noise", torch.tensor(noise, dtype=torch.float64), False)
        width = n_components + (n_classes + 1 if n_classes else 0)
        self.body = MLP(width, hidden_layer_sizes, activation=activation)
        self.head = Linear(self.body.n_out, 1)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return logits (B,) or (C, B) for codes z and labels y, -1 = unlabelled.

        Without y all rows are unlabelled.
        """
        z = z[..., self.first : self.last]
        if self.noisy and self.training:
            z = z + self.noise[..., None, None].to(z.dtype) * standard_normal(z)
        if self.n_classes:
            if y is None:
                y = torch.full(z.shape[:-1], -1, device=z.device)
            # -1 counts from the end: the extra column.
            switch = torch.eye(self.n_classes + 1, dtype=z.dtype, device=z.device)[y]
            z = torch.cat([z, switch], -1)
        return self.head(self.body(z)).squeeze(-1)
