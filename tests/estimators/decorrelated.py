"""An estimator as a user of the library would write it, for the page "How to add"."""

from dataclasses import dataclass, replace

from sklearn_aae.estimators import (
    NON_NEGATIVE,
    BaseAutoencoder,
    CodeMixin,
    parameter,
)
from sklearn_aae.training import Phase


@dataclass(frozen=True)
class Decorrelate(Phase):
    """Mean squared covariance of two columns of the code."""

    name = "decorrelation"
    moves = ("encoder",)
    needs = ("encoder",)

    def loss(self, networks, batch):
        """Return one value for each model, () or (C,)."""
        z = batch.code(networks)  # (B, k) or (C, B, k)
        share = 1 / z.shape[-2] if batch.weight is None else batch.weight.unsqueeze(-1)
        z = z - (share * z).sum(-2, keepdim=True)
        covariance = (share * z).mT @ z  # (k, k) or (C, k, k)
        return covariance.triu(1).square().mean((-2, -1))


class DecorrelatedTransformer(CodeMixin, BaseAutoencoder):
    """Sliced Wasserstein autoencoder whose columns of the code are not correlated.

    Parameters
    ----------
    n_components : int, default=2
        Number of columns of the code.

    decorrelation_strength : float, default=10.0
        Weight of the mean squared covariance of two columns.

    {parameters}

    Attributes
    ----------
    {autoencoder attributes}

    {attributes}
    """

    decorrelation_strength: float = parameter(default=10.0, allowed=[NON_NEGATIVE])
    regularizer: str | None = "sliced_wasserstein"

    def _make_spec(self, data):
        spec = super()._make_spec(data)  # reconstruction and the distance
        decorrelate = Decorrelate(weight=float(self.decorrelation_strength))
        return replace(spec, phases=[*spec.phases, decorrelate])
