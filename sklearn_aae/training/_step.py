"""One step of the game: every player moves once, by its own gradients."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from sklearn_aae.training._batches import Batch
from sklearn_aae.training._recipe import Player


def train_step(
    networks: Mapping[str, nn.Module],
    players: Sequence[Player],
    optimizers: Sequence[torch.optim.Optimizer],
    batch: Batch,
    *,
    share_pass: bool = True,
    on_gradient: Callable[[], None] | None = None,
) -> dict[str, Tensor]:
    """Let every player take one step on a batch.

    Parameters
    ----------
    networks : mapping of str to nn.Module
        The recipe's networks, in training mode.

    players : sequence of Player
        In the order of their steps.

    optimizers : sequence of Optimizer
        One for each player, over the parameters that it moves.

    batch : Batch
        Rows and prior samples.

    share_pass : bool, default=True
        Whether all players see one encoder pass, or each makes its own.

    on_gradient : callable or None, default=None
        Called when a player's gradients stand, before its step.

    Returns
    -------
    losses : dict of str to Tensor
        Loss of each phase, detached, of shape () or (C,).
    """
    losses = {}
    for player, optimizer in zip(players, optimizers, strict=True):
        if not share_pass:
            batch.forget()
        parts = {phase.name: phase.loss(networks, batch) for phase in player.phases}
        weighted = [phase.weight * parts[phase.name] for phase in player.phases]
        parameters = optimizer.param_groups[0]["params"]
        gradients = torch.autograd.grad(
            torch.stack(weighted).sum(), parameters, allow_unused=True
        )
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        if on_gradient is not None:
            on_gradient()
        optimizer.step()
        losses.update({name: loss.detach() for name, loss in parts.items()})
    return losses
