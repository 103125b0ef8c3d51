"""Decoders p(x|z): codes in, a distribution over rows out.

Letters: C models in a stack, B batch, k code size, d columns. A decoder is a module
whose ``forward(z)`` returns a `torch.distributions.Distribution`
with ``mean`` and ``log_prob`` of one value a row.

To add a decoder: a class here with its row in `DECODERS`, an entry in the conformance
list of ``tests/test_contracts.py``.
"""

from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent
from torch.distributions import Laplace as _Laplace

from sklearn_aae.distributions import UnitGaussian
from sklearn_aae.nn import MLP, Block
from sklearn_aae.utils._random import standard_uniform

__all__ = [
    "DECODERS",
    "BernoulliDecoder",
    "Decoder",
    "GaussianDecoder",
    "LaplaceDecoder",
]


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

    module : nn.Module or None
        The user's network from k to d columns; replaces body and head.
    """

    def __init__(
        self,
        n_components: int,
        n_features: int,
        *,
        hidden_layer_sizes=(),
        activation: str = "relu",
        dropout: float = 0.0,
        module: nn.Module | None = None,
    ):
        super().__init__()
        self.n_components, self.n_features = n_components, n_features
        self.module = module
        if module is None:
            self.body = MLP(
                n_components,
                hidden_layer_sizes,
                activation=activation,
                dropout=dropout,
                uniform=standard_uniform,
            )
            self.head = Block(self.body.n_out, n_features)

    def location(self, z: Tensor) -> Tensor:
        """Map codes to the head's outputs, (B, d) or (C, B, d)."""
        return self.module(z) if self.module is not None else self.head(self.body(z))

    def likelihood(self, h: Tensor) -> Distribution:
        """Return the distribution with the head's outputs h as parameter."""
        raise NotImplementedError

    def forward(self, z: Tensor) -> Distribution:
        """Return p(x|z) for z of shape (B, k) or (C, B, k)."""
        return self.likelihood(self.location(z))


class GaussianDecoder(Decoder):
    """p(x|z) = N(g(z), I): -log p is half the squared error, summed over columns."""

    def likelihood(self, h: Tensor) -> Distribution:
        """Return N(h, I)."""
        return UnitGaussian(h)


class LaplaceDecoder(Decoder):
    """p(x|z) = Laplace(g(z), 1): the absolute error, less moved by outliers."""

    def likelihood(self, h: Tensor) -> Distribution:
        """Return Laplace(h, 1)."""
        return Independent(
            _Laplace(h, 1.0, validate_args=False), 1, validate_args=False
        )


class BernoulliDecoder(Decoder):
    """p(x|z) = Bernoulli(σ(g(z))) for x in [0, 1]: the cross-entropy."""

    def likelihood(self, h: Tensor) -> Distribution:
        """Return Bernoulli(σ(h))."""
        # Cells between 0 and 1 are legal: the cross-entropy is linear in x.
        column = Bernoulli(logits=h, validate_args=False)
        return Independent(column, 1, validate_args=False)


DECODERS: dict[str, type[Decoder]] = {
    "gaussian": GaussianDecoder,
    "laplace": LaplaceDecoder,
    "bernoulli": BernoulliDecoder,
}
