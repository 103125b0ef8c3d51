"""What one step of the game sees.

Letters: C models in a stack, B batch, B' prior samples of a step, d columns, k code
size, m labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from sklearn_aae.distributions import LabelStylePosterior, RowDistribution, first_rows

# The tensors of a batch, in order.
PARTS = ("x", "prior", "weight", "y", "prior_y")
# The kinds of rows that a phase may be shown, see `Batch.rows`.
ROW_KINDS = frozenset({"all", "own", "drawn"})

Networks = Mapping[str, nn.Module] | nn.ModuleDict


@dataclass
class Batch:
    """What one step sees, and its one encoder pass.

    Attributes
    ----------
    x : Tensor of shape (B, d)
        Rows.

    prior : Tensor of shape (B', k)
        Prior samples; B' depends on the number of rows only where it is large.

    weight : Tensor of shape (B,) or None
        Row weights that sum to 1.

    y, prior_y : Tensor of shape (B,) and (B',), or None
        Labels of rows and prior samples, -1 = unlabelled.

    row_counts : dict of str to int
        How many of the first rows a phase sees that does not see all: those "drawn"
        for the step, or its "own", the neighbours of rows left out. Without an entry,
        all rows are of that kind.
    """

    x: Tensor
    prior: Tensor
    weight: Tensor | None = None
    y: Tensor | None = None
    prior_y: Tensor | None = None
    row_counts: Mapping[str, int] = field(default_factory=dict)
    _posterior: Distribution | None = field(default=None, repr=False)
    _code: Tensor | None = field(default=None, repr=False)
    _seen: dict[int, "Batch"] = field(default_factory=dict, repr=False)

    def rows(self, kind: str) -> "Batch":
        """Return "all", the "own" or the "drawn" rows; a pass that was made serves."""
        n = self.row_counts.get(kind)
        if n is None:
            return self
        if n not in self._seen:
            w, y, code, q = self.weight, self.y, self._code, self._posterior
            w = None if w is None else w[..., :n]
            self._seen[n] = Batch(
                self.x[..., :n, :],
                self.prior,
                None if w is None else w / w.sum(-1, keepdim=True),
                None if y is None else y[..., :n],
                self.prior_y,
                _posterior=None if q is None else first_rows(q, n),
                _code=None if code is None else code[..., :n, :],
            )
        return self._seen[n]

    def posterior(self, networks: Networks) -> Distribution:
        """Return q(z|x), computed once until `forget`."""
        if self._posterior is None:
            self._posterior = networks["encoder"](self.x, self.weight)
        return self._posterior

    def code(self, networks: Networks, grad: bool = True) -> Tensor:
        """Return z ~ q(z|x), drawn once until `forget`."""
        if self._code is None:
            self._code = self.posterior(networks).rsample()
        return self._code if grad else self._code.detach()

    def styles(self, networks: Networks) -> tuple[Tensor, Tensor]:
        """Return codes without their labels, and prior samples."""
        return self.code(networks)[..., networks["encoder"].n_classes :], self.prior

    def style_posterior(self, networks: Networks) -> Distribution:
        """Return q(z|x) without the labels."""
        q = self.posterior(networks)
        return q.style if isinstance(q, LabelStylePosterior) else q

    def label_logits(self, networks: Networks) -> Tensor:
        """Return the logits of q(y|x), (B, m)."""
        q = self.posterior(networks)
        if isinstance(q, LabelStylePosterior):
            return q.logits
        # A universal posterior is known by its draws only.
        shares = self.code(networks)[..., : networks["encoder"].n_classes]
        return shares.clamp_min(torch.finfo(shares.dtype).tiny).log()

    def seen(self, networks: Networks) -> Tensor:
        """Return the rows as the encoder saw them, with its noise if that is known."""
        q = self.posterior(networks)
        if isinstance(q, LabelStylePosterior):
            return q.seen.detach()
        encoder: Any = networks["encoder"]
        return encoder.enter(self.x)

    def label_probabilities(self, networks: Networks) -> Tensor:
        """Return q(y|x), (B, m)."""
        return self.code(networks)[..., : networks["encoder"].n_classes]

    def critic_labels(self, critic: nn.Module) -> tuple[Tensor | None, Tensor | None]:
        """Return the labels of prior samples and of rows that a critic is told."""
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
        return cls(**parts)  # type: ignore[arg-type]

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.x.shape[-2]

    def forget(self) -> None:
        """Drop the encoder pass: the next phase makes its own."""
        self._posterior = self._code = None
        self._seen.clear()


def parts_of(batch: Batch) -> list[Tensor]:
    """Return the tensors of a batch."""
    parts = [getattr(batch, name) for name in PARTS]
    return [part for part in parts if part is not None]
