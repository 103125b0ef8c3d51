"""Critics D(z) and D(z, y): how real a code looks. Never normalised.

Letters: C models in a stack, B batch, k code size, m classes.
"""

import torch
from torch import Tensor, nn

from sklearn_aae.nn import MLP, Linear

__all__ = ["Critic"]


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

    Notes
    -----
    Batch normalisation in the critic would let it judge whole batches, and keeps the
    prior from being matched.
    """

    def __init__(
        self,
        n_components: int,
        hidden_layer_sizes,
        *,
        activation: str = "relu",
        n_classes: int = 0,
    ):
        super().__init__()
        self.n_classes = n_classes
        width = n_components + (n_classes + 1 if n_classes else 0)
        self.body = MLP(width, hidden_layer_sizes, activation=activation)
        self.head = Linear(self.body.n_out, 1)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Return logits (B,) or (C, B) for codes z and labels y, -1 = unlabelled.

        Without y all rows are unlabelled.
        """
        if self.n_classes:
            if y is None:
                y = torch.full(z.shape[:-1], -1, device=z.device)
            # -1 counts from the end: the extra column.
            switch = torch.eye(self.n_classes + 1, dtype=z.dtype, device=z.device)[y]
            z = torch.cat([z, switch], -1)
        return self.head(self.body(z)).squeeze(-1)
