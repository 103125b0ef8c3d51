"""What every prior is."""

import torch
from torch import Tensor
from torch.distributions import Distribution

from sklearn_aae.priors._parameters import ParametersModule


class Prior(ParametersModule):
    """A distribution over codes.

    Its arguments are parameters as those of an estimator: `get_params`, `set_params`
    and so ``prior__scale`` in a search, and a ``repr`` that shows them.

    Attributes
    ----------
    n_components : int
        Number of columns of a code.

    n_classes : int or None
        Number of labels y that ``forward(y)`` knows; None for no labels.

    support : {"real", "simplex"}
        Where codes may lie; "simplex" lets the encoder end in a softmax.

    conditional : bool
        Whether the prior takes `n_classes` and `weights`: one component for each class.

    Examples
    --------
    A prior of your own is a class that says p(z); an estimator takes it as ``prior=``,
    and a search its parameters, as ``prior__df``.

    >>> import torch
    >>> from torch.distributions import Independent, StudentT
    >>> from sklearn_aae.priors import Prior
    >>> class HeavyTails(Prior):
    ...     def __init__(self, n_components=2, df=3.0):
    ...         super().__init__()
    ...         self.n_components, self.df = n_components, df
    ...
    ...     def forward(self, y=None):
    ...         columns = StudentT(torch.full((self.n_components,), self.df))
    ...         return Independent(columns, 1)
    >>> prior = HeavyTails(df=5.0)
    >>> prior
    HeavyTails(df=5.0)
    >>> prior.draw(3).shape
    torch.Size([3, 2])
    """

    n_components: int
    n_classes: int | None = None
    support = "real"
    conditional = False

    def forward(self, y: Tensor | None = None) -> Distribution:
        """Return p(z), or p(z|y) of batch shape (B,)."""
        raise NotImplementedError

    def draw(self, n_samples: int, y: Tensor | None = None) -> Tensor:
        """Draw codes of shape (n_samples, n_components) by torch's global generator."""
        p = self(y)
        return p.sample(torch.Size([] if p.batch_shape else [n_samples]))
