"""A batch: the rows of one step, and the pass through the encoder that losses share.

Letters: C models in a stack, B rows of a batch, B' prior samples of a step, d columns,
k code size, m labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from sklearn_aae.distributions import Posterior, RowDistribution

# The tensors of a batch, in order.
PARTS = ("x", "prior", "weight", "y", "prior_y", "soft_y")
# The kinds of rows that a phase may be shown, see `Batch.rows`.
ROW_KINDS = frozenset({"all", "own", "drawn"})

Networks = Mapping[str, nn.Module] | nn.ModuleDict


@dataclass
class Batch:
    """What the losses of one step see, and the pass of the encoder that they share.

    The rows stand in this order: those drawn for the step; labelled rows that come with
    them, where a model has few; a neighbour of each row before, where a model compares
    neighbours (`NeighborBatches`, `LabelledBatches`).

    Attributes
    ----------
    x : Tensor of shape (B, d)
        Rows.

    prior : Tensor of shape (B', k)
        Prior samples. There may be more of them than rows, see `Batches`.

    weight : Tensor of shape (B,) or None
        Row weights that sum to 1.

    y, prior_y : Tensor of shape (B,) and (B',), or None
        Labels of rows and prior samples, -1 = unlabelled.

    soft_y : Tensor of shape (B, m) or None
        Label probabilities that a teacher gives the rows.

    row_counts : dict of str to int
        How many of the first rows are of a kind: "drawn" for the step, or its "own",
        which are all but the neighbours. Without an entry, all rows are of that kind.

    generator : str, default="encoder"
        Name of the network that makes of `x` what the critic compares with `prior`: the
        encoder of an autoencoder; the generator of a plain GAN, whose `x` is noise and
        whose `prior` are rows.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.encoders import UniversalEncoder
    >>> from sklearn_aae.training import Batch
    >>> networks = {"encoder": UniversalEncoder(5, 2)}
    >>> batch = Batch(x=torch.ones(4, 5), prior=torch.randn(4, 2))
    >>> code = batch.code(networks)
    >>> batch.code(networks) is code  # one draw serves all losses of a step
    True
    >>> batch.forget()
    >>> torch.equal(batch.code(networks), code)
    False
    """

    x: Tensor
    prior: Tensor
    weight: Tensor | None = None
    y: Tensor | None = None
    prior_y: Tensor | None = None
    soft_y: Tensor | None = None
    row_counts: Mapping[str, int] = field(default_factory=dict)
    generator: str = "encoder"
    _posterior: Posterior | None = field(default=None, repr=False)
    _code: Tensor | None = field(default=None, repr=False)
    _subsets: dict[int, "Batch"] = field(default_factory=dict, repr=False)

    def rows(self, kind: str) -> "Batch":
        """Return the batch of "all", the "own" or the "drawn" rows.

        If the encoder's pass over all rows was made, their part of it is taken over.
        """
        n = self.row_counts.get(kind)
        if n is None:
            return self
        if n not in self._subsets:
            w, y, code, q = self.weight, self.y, self._code, self._posterior
            soft = self.soft_y
            w = None if w is None else w[..., :n]
            self._subsets[n] = Batch(
                self.x[..., :n, :],
                self.prior,
                None if w is None else w / w.sum(-1, keepdim=True),
                None if y is None else y[..., :n],
                self.prior_y,
                None if soft is None else soft[..., :n, :],
                generator=self.generator,
                _posterior=None if q is None else q.first(n),
                _code=None if code is None else code[..., :n, :],
            )
        return self._subsets[n]

    def posterior(self, networks: Networks) -> Posterior:
        """Return q(z|x), computed once until `forget`."""
        if self._posterior is None:
            self._posterior = networks[self.generator](self.x, self.weight)
        return self._posterior

    def code(self, networks: Networks, grad: bool = True) -> Tensor:
        """Return z ~ q(z|x), drawn once until `forget`: (B, k) or, with labels, m + k.

        Of a plain GAN these are generated rows, (B, d).
        """
        if self._code is None:
            self._code = self.posterior(networks).rsample()
        return self._code if grad else self._code.detach()

    def styles(self, networks: Networks) -> tuple[Tensor, Tensor]:
        """Return codes without label probabilities, (B, k), and prior samples."""
        n_classes = networks[self.generator].n_classes
        return self.code(networks)[..., n_classes:], self.prior

    def style_posterior(self, networks: Networks) -> Posterior:
        """Return q(z|x) without the label."""
        return self.posterior(networks).style

    def label_logits(self, networks: Networks) -> Tensor:
        """Return the logits of q(y|x), (B, m)."""
        return self.posterior(networks).label_logits(lambda: self.code(networks))

    def label_probabilities(self, networks: Networks) -> Tensor:
        """Return q(y|x), (B, m): the first columns of the code."""
        return self.code(networks)[..., : networks[self.generator].n_classes]

    def seen(self, networks: Networks) -> Tensor:
        """Return the rows as they entered the encoder; needs a model with labels."""
        return self.posterior(networks).seen

    def critic_labels(self, critic: nn.Module) -> tuple[Tensor | None, Tensor | None]:
        """Return the labels of prior samples and rows; None if a critic takes none."""
        if not critic.n_classes:
            return None, None
        return self.prior_y, self.y

    def decoded(self, networks: Networks, code: Tensor) -> RowDistribution:
        """Return p(x|z) of codes of these rows."""
        return networks["decoder"](code, self.y)

    @classmethod
    def stack(cls, members: Sequence["Batch"]) -> "Batch":
        """Return the batches of C models as one, (C, B, ...)."""
        parts: dict[str, Tensor] = {}
        for name in PARTS:
            values = [getattr(member, name) for member in members]
            if values[0] is not None:
                parts[name] = torch.stack(values)
        return cls(**parts, generator=members[0].generator)  # type: ignore[arg-type]

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.x.shape[-2]

    def forget(self) -> None:
        """Drop the encoder's pass: the next loss that needs one makes it."""
        self._posterior = self._code = None
        self._subsets.clear()


def parts_of(batch: Batch) -> list[Tensor]:
    """Return the tensors of a batch."""
    parts = [getattr(batch, name) for name in PARTS]
    return [part for part in parts if part is not None]
