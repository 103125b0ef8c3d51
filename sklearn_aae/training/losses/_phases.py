"""Phases: which networks are trained, by which loss.

Letters: C models in a stack, B batch, d columns, k code size. A phase is data: `moves`
names the networks that its loss trains, `needs` those that it reads, ``loss(networks,
batch)`` returns one value for each model, of shape () or (C,). What a phase does not
move is frozen while its loss is computed. `sees` says which rows of a batch it gets
(`Batch.rows`): without companions where these have nothing to say to the loss, or its
own passes through a network are costly. `replays_exactly` is False where a replayed
step equals the eager one only up to rounding.

To add a phase: a class here, a row in `CASES` of ``tests/training/test_phases.py``.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from sklearn_aae.objectives import (
    OBJECTIVES,
    PENALTIES,
    kl,
    mmd,
    row_mean,
    sliced_wasserstein,
)
from sklearn_aae.training.data._batch import ROW_KINDS, Batch, Networks
from sklearn_aae.utils._random import standard_normal


@dataclass(frozen=True)
class Phase:
    """One loss of a training, and the networks that it trains.

    Parameters
    ----------
    weight : float or Tensor of shape (C,), default=1.0
        Factor of the loss where phases are added.

    Examples
    --------
    A phase of your own says what it moves, what it reads, and its loss.

    >>> from dataclasses import dataclass
    >>> import torch
    >>> from sklearn_aae.encoders import DeterministicEncoder
    >>> from sklearn_aae.training import Batch, Phase
    >>> @dataclass(frozen=True)
    ... class ShortCodes(Phase):
    ...     name, moves, needs = "length", ("encoder",), ("encoder",)
    ...
    ...     def loss(self, networks, batch):
    ...         return batch.code(networks).square().sum(-1).mean()
    >>> networks = {"encoder": DeterministicEncoder(2, 2, module=torch.nn.Identity())}
    >>> ShortCodes().loss(networks, Batch(x=torch.tensor([[3.0, 4.0]]), prior=None))
    tensor(25.)
    """

    name: ClassVar[str]
    moves: ClassVar[tuple[str, ...]]
    needs: ClassVar[tuple[str, ...]]
    sees: ClassVar[str] = "all"
    replays_exactly: ClassVar[bool] = True

    weight: float | Tensor = 1.0

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if cls.sees not in ROW_KINDS:
            raise TypeError(
                f"The 'sees' attribute of {cls.__name__} must be one of "
                f"{sorted(ROW_KINDS)}. Got {cls.sees!r} instead."
            )

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the fields that may differ between models trained as one."""
        return ("weight",)

    def loss(self, networks: Networks, batch: Batch) -> Tensor:
        """Return the loss of each model, () or (C,)."""
        raise NotImplementedError


@dataclass(frozen=True)
class OptimizerGroup:
    """Phases that are minimised together, by one optimiser.

    Attributes
    ----------
    name : str
        Name of its last phase.

    phases : tuple of Phase
        Their weighted losses are added.

    moves : tuple of str
        The networks that it trains.

    Examples
    --------
    >>> from sklearn_aae.training import FoolCritic, OptimizerGroup, Reconstruct
    >>> phases = (Reconstruct(), FoolCritic())
    >>> group = OptimizerGroup("generator", phases, moves=("encoder", "decoder"))
    >>> [group.still(phase) for phase in phases]  # the critic's loss moves no decoder
    [(), ()]
    """

    name: str
    phases: tuple[Phase, ...]
    moves: tuple[str, ...]

    def still(self, phase: Phase) -> tuple[str, ...]:
        """Return what a phase reads and only other phases of this group move."""
        moved = set(self.moves) - set(phase.moves)
        return tuple(name for name in phase.needs if name in moved)


@dataclass(frozen=True)
class Reconstruct(Phase):
    """-log p(x|z), z ~ q(z|x), in nats a column.

    Parameters
    ----------
    n_columns : int
        Number of columns that the loss is a mean over; constant ones do not count.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.decoders import GaussianDecoder
    >>> from sklearn_aae.encoders import DeterministicEncoder
    >>> from sklearn_aae.training import Batch, Reconstruct
    >>> encoder, decoder = DeterministicEncoder(5, 2), GaussianDecoder(2, 5)
    >>> networks = {"encoder": encoder, "decoder": decoder}
    >>> x = torch.arange(15.0).reshape(3, 5)
    >>> loss = Reconstruct(n_columns=5).loss(networks, Batch(x, prior=None))
    >>> p = decoder(encoder(x).mean)
    >>> torch.isclose(loss, -p.log_prob(x).mean() / 5)
    tensor(True)
    """

    name = "reconstruction"
    moves: ClassVar[tuple[str, ...]] = ("encoder", "decoder")
    needs = ("encoder", "decoder")
    sees = "drawn"

    n_columns: int = 1

    def loss(self, networks: Networks, batch: Batch) -> Tensor:
        """Return the mean over rows and columns."""
        p = batch.decoded(networks, batch.code(networks))
        # Columns of a table have weights, so that no type drowns the others.
        log_prob = p.balanced_log_prob(batch.x)  # (B,)
        return -row_mean(log_prob, batch.weight) / self.n_columns


@dataclass(frozen=True)
class FitDecoder(Reconstruct):
    """-log p(x|z) of codes that stay where they are: the decoder learns alone."""

    moves = ("decoder",)


@dataclass(frozen=True)
class TrainCritic(Phase):
    """The critic learns to tell prior samples from codes (paper, section 2).

    Parameters
    ----------
    objective : str
        Key of `OBJECTIVES`.

    penalty : str
        Key of `PENALTIES`.

    penalty_weight : float
        Factor of the gradient penalty; 0 for none.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.critics import Critic
    >>> from sklearn_aae.encoders import DeterministicEncoder
    >>> from sklearn_aae.training import Batch, TrainCritic
    >>> networks = {"encoder": DeterministicEncoder(5, 2), "critic": Critic(2, (8,))}
    >>> batch = Batch(x=torch.ones(4, 5), prior=torch.randn(4, 2))
    >>> TrainCritic(objective="least_squares").loss(networks, batch).backward()
    >>> [next(net.parameters()).grad is None for net in networks.values()]
    [True, False]
    """

    name = "critic"
    moves = ("critic",)
    needs = ("encoder", "critic")

    objective: str = "bce"
    penalty: str = "r1"
    penalty_weight: float | Tensor = 0.0

    @property
    def penalized(self) -> bool:
        """Whether there is a gradient penalty."""
        return isinstance(self.penalty_weight, Tensor) or self.penalty_weight != 0

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the fields that may differ between models trained as one."""
        return ("weight", "penalty_weight") if self.penalized else ("weight",)

    def points(self, networks: Networks, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return what counts as real, (B', k), and what does not, (B, k)."""
        return style_points(networks, batch)

    def loss(self, networks: Networks, batch: Batch) -> Tensor:
        """Return the critic's objective and its gradient penalty."""
        critic = networks[self.moves[0]]
        real, fake = (part.detach() for part in self.points(networks, batch))
        on_real, on_fake = critic_logits(critic, batch, real, fake)
        loss = OBJECTIVES[self.objective]().critic(on_real, on_fake, batch.weight)
        if not self.penalized:
            return loss
        labels = batch.critic_labels(critic)
        penalty = PENALTIES[self.penalty](critic, real, fake, batch.weight, *labels)
        return loss + self.penalty_weight * penalty


@dataclass(frozen=True)
class FoolCritic(Phase):
    """The encoder, as generator, learns to pass its codes off as prior samples.

    Parameters
    ----------
    objective : str
        Key of `OBJECTIVES`.

    Examples
    --------
    >>> import torch
    >>> from torch.nn.functional import softplus
    >>> from sklearn_aae.critics import Critic
    >>> from sklearn_aae.encoders import DeterministicEncoder
    >>> from sklearn_aae.training import Batch, FoolCritic
    >>> networks = {"encoder": DeterministicEncoder(5, 2), "critic": Critic(2, (8,))}
    >>> batch = Batch(x=torch.ones(4, 5), prior=torch.randn(4, 2))
    >>> loss = FoolCritic(objective="bce").loss(networks, batch)
    >>> logits = networks["critic"](batch.code(networks))
    >>> torch.equal(loss, softplus(-logits).mean())  # -log σ(D(z))
    True
    """

    name = "generator"
    moves = ("encoder",)
    needs = ("encoder", "critic")

    objective: str = "bce"

    def points(self, networks: Networks, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return what counts as real, (B', k), and what does not, (B, k)."""
        return style_points(networks, batch)

    def loss(self, networks: Networks, batch: Batch) -> Tensor:
        """Return the generator's objective."""
        objective, critic = OBJECTIVES[self.objective](), networks[self.needs[-1]]
        real, fake = self.points(networks, batch)
        if objective.pairs:
            on_real, on_fake = critic_logits(critic, batch, real, fake)
            return objective.generator(on_real, on_fake, batch.weight)
        _, y = batch.critic_labels(critic)
        logit = critic(fake, y)
        return objective.generator(logit, logit, batch.weight)


def style_points(networks: Networks, batch: Batch) -> tuple[Tensor, Tensor]:
    """Return prior samples and codes without labels."""
    code, prior = batch.styles(networks)
    return prior, code


def critic_logits(
    critic: nn.Module, batch: Batch, real: Tensor, fake: Tensor
) -> tuple[Tensor, Tensor]:
    """Return D of real and of fake points, in one pass."""
    # One pass is exact: a critic has no batch statistics.
    z = torch.cat([real, fake], -2)  # (C, B' + B, k)
    n_real = real.shape[-2]
    real_y, fake_y = batch.critic_labels(critic)
    if real_y is None or fake_y is None:
        logits = critic(z)
    else:
        logits = critic(z, torch.cat([real_y, fake_y], -1))
    return logits[..., :n_real], logits[..., n_real:]


@dataclass(frozen=True)
class TrainRowCritic(TrainCritic):
    """The critic of a plain GAN learns to tell rows from generated ones."""

    needs = ("generator", "critic")


@dataclass(frozen=True)
class TrainGenerator(FoolCritic):
    """The generator of a plain GAN learns to pass its rows off as the table's."""

    moves = ("generator",)
    needs = ("generator", "critic")


@dataclass(frozen=True)
class MatchKL(Phase):
    """KL(q(z|x) ‖ p(z)), in nats: the variational autoencoder (Kingma 2014).

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.encoders import GaussianEncoder
    >>> from sklearn_aae.priors import Gaussian
    >>> from sklearn_aae.training import Batch, MatchKL
    >>> networks = {"encoder": GaussianEncoder(5, 2), "prior": Gaussian(2)}
    >>> batch = Batch(x=torch.ones(4, 5), prior=None)
    >>> q = batch.posterior(networks)
    >>> kl = (q.variance + q.mean.square() - 1 - q.variance.log()).sum(1) / 2
    >>> torch.isclose(MatchKL().loss(networks, batch), kl.mean())
    tensor(True)
    """

    name = "kl"
    moves = ("encoder",)
    needs = ("encoder", "prior")

    def loss(self, networks: Networks, batch: Batch) -> Tensor:
        """Return the mean over rows."""
        q, (z, _) = batch.style_posterior(networks), batch.styles(networks)
        return row_mean(kl(q, networks["prior"](None), z), batch.weight)


@dataclass(frozen=True)
class MatchMMD(Phase):
    """Maximum mean discrepancy: the Wasserstein autoencoder (Tolstikhin 2018).

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.encoders import DeterministicEncoder
    >>> from sklearn_aae.training import Batch, MatchMMD
    >>> networks = {"encoder": DeterministicEncoder(2, 2, module=torch.nn.Identity())}
    >>> x = torch.tensor([[0.0, 0.0], [1.0, 2.0], [4.0, 3.0]])
    >>> near, far = (MatchMMD().loss(networks, Batch(x, prior=x + s)) for s in (0, 9))
    >>> bool(near < far)
    True
    """

    name = "mmd"
    moves = ("encoder",)
    needs = ("encoder",)

    def loss(self, networks: Networks, batch: Batch) -> Tensor:
        """Return the squared MMD of the codes and the prior samples."""
        z, prior = batch.styles(networks)
        return mmd(z, prior, batch.weight)


@dataclass(frozen=True)
class MatchSlices(Phase):
    """Sliced Wasserstein distance (Kolouri et al. 2019).

    Parameters
    ----------
    n_slices : int
        Random directions a step.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.encoders import DeterministicEncoder
    >>> from sklearn_aae.training import Batch, MatchSlices
    >>> networks = {"encoder": DeterministicEncoder(2, 2, module=torch.nn.Identity())}
    >>> x = torch.tensor([[0.0, 0.0], [1.0, 2.0], [4.0, 3.0]])
    >>> MatchSlices().loss(networks, Batch(x, prior=x[[2, 0, 1]]))  # the same points
    tensor(0.)
    """

    name = "sliced_wasserstein"
    moves = ("encoder",)
    needs = ("encoder",)

    n_slices: int = 50

    def loss(self, networks: Networks, batch: Batch) -> Tensor:
        """Return the distance of the codes and the prior samples."""
        z, prior = batch.styles(networks)
        like = z.new_empty((*z.shape[:-2], z.shape[-1], self.n_slices))
        directions = standard_normal(like)  # (C, k, n_slices)
        return sliced_wasserstein(z, prior, directions, batch.weight)


# What `regularizer` adds to the reconstruction, besides the adversarial pair.
DIVERGENCES: dict[str, type[Phase]] = {
    "kl": MatchKL,
    "mmd": MatchMMD,
    "sliced_wasserstein": MatchSlices,
}
