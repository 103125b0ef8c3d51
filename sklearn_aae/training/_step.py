"""One step of the game: every optimizer group moves once, by its own gradients."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sklearn_aae.training._optim import moved_by
from sklearn_aae.training.data._batch import Batch, Networks
from sklearn_aae.training.losses._phases import OptimizerGroup


class CannotReplayError(RuntimeError):
    """A replay failed; what it had changed is as it was before."""


def train_step(
    networks: Networks,
    groups: Sequence[OptimizerGroup],
    optimizers: Sequence[torch.optim.Optimizer],
    batch: Batch,
    *,
    share_pass: bool = True,
    on_gradient: Callable[[], None] | None = None,
) -> dict[str, Tensor]:
    """Let every optimizer group take one step on a batch.

    Parameters
    ----------
    networks : mapping of str to nn.Module
        The recipe's networks, in training mode.

    groups : sequence of OptimizerGroup
        In the order of their steps.

    optimizers : sequence of Optimizer
        One for each optimizer group, over the parameters that it moves.

    batch : Batch
        Rows and prior samples.

    share_pass : bool, default=True
        Whether all groups see one encoder pass, or each makes its own.

    on_gradient : callable or None, default=None
        Called when a group's gradients stand, before its step.

    Returns
    -------
    losses : dict of str to Tensor of shape () or (C,)
        Loss of each phase, detached.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.decoders import GaussianDecoder
    >>> from sklearn_aae.encoders import DeterministicEncoder
    >>> from sklearn_aae.training import Batch, Recipe, Reconstruct, train_step
    >>> encoder, decoder = DeterministicEncoder(3, 2), GaussianDecoder(2, 3)
    >>> networks = {"encoder": encoder, "decoder": decoder}
    >>> recipe = Recipe(networks, [Reconstruct(n_columns=3)])
    >>> groups = recipe.optimizer_groups
    >>> optimizers = [torch.optim.SGD(recipe.moved(group), lr=0.1) for group in groups]
    >>> batch = Batch(x=torch.eye(3), prior=torch.zeros(3, 2))
    >>> before = train_step(recipe.networks, groups, optimizers, batch)
    >>> batch.forget()
    >>> after = train_step(recipe.networks, groups, optimizers, batch)
    >>> bool(after["reconstruction"] < before["reconstruction"])
    True
    """
    if share_pass and batch.generator in networks:
        batch.code(networks)  # before any phase freezes the encoder
    losses = {}
    for group, optimizer in zip(groups, optimizers, strict=True):
        if not share_pass:
            batch.forget()
        parts = {}
        for phase in group.phases:
            with frozen([networks[name] for name in group.still(phase)]):
                parts[phase.name] = phase.loss(networks, batch.rows(phase.sees))
        weighted = [phase.weight * parts[phase.name] for phase in group.phases]
        total = weighted[0] if len(weighted) == 1 else torch.stack(weighted)
        descend(total.sum(), optimizer, on_gradient)
        losses.update({name: loss.detach() for name, loss in parts.items()})
    return losses


@contextmanager
def frozen(networks: Sequence[nn.Module]) -> Iterator[None]:
    """Keep the gradients of one phase from what only other phases may move.

    Networks that a group does not move at all need no care: `descend` asks for no
    gradient of theirs.
    """
    paused = [p for net in networks for p in net.parameters() if p.requires_grad]
    for parameter in paused:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in paused:
            parameter.requires_grad_(True)


def laid_out(gradient: Tensor, parameter: Tensor) -> Tensor:
    """Return a gradient with the memory layout of its parameter.

    torch's fused Adam reads another layout wrongly on a CPU (2.13), without an error.
    """
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


def descend(
    loss: Tensor,
    optimizer: torch.optim.Optimizer,
    on_gradient: Callable[[], None] | None,
) -> None:
    """Take one optimiser's step down a loss; no gradient stays behind."""
    # The user may freeze some.
    parameters = [p for p in moved_by(optimizer) if p.requires_grad]
    if not parameters:
        return
    gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient if gradient is None else laid_out(gradient, parameter)
    if on_gradient is not None:
        on_gradient()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
