"""Writes a step's operations down: all that needs torch's internals.

Imported by `_recording.compile_step` alone, where a failure leaves steps eager: torch
may rename or drop what is used here.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from sklearn_aae.training._optim import (
    StackedAdam,
    give_state,
    known_to,
    make_optimizer,
    moved_by,
    state_of,
)
from sklearn_aae.training._recipe import Recipe
from sklearn_aae.training._script import scripted
from sklearn_aae.training._simplify import shorten, simplify
from sklearn_aae.training._step import train_step
from sklearn_aae.training.data._batch import PARTS, Batch, parts_of
from sklearn_aae.utils._random import Draw, Playback, drawing_from


def record(
    recipe: Recipe,
    optimizers: Sequence[torch.optim.Optimizer],
    batch: Batch,
    draws: Sequence[Draw],
    state: Sequence[Tensor],
) -> Callable[..., tuple[Tensor, ...]]:
    """Run a step on copies and write its operations down.

    Parameters are those of `_recording.compile_step`.

    Returns
    -------
    run : callable
        Takes the tensors of a batch, the noise and the state, which it changes in
        place; returns the losses, and the code of the batch's own rows if it made it.
    """
    names = [name for name in PARTS if getattr(batch, name) is not None]

    def step(*tensors: Tensor):
        rest = iter(tensors)
        parts: dict = {name: next(rest) for name in names}
        seen = Batch(**parts, row_counts=batch.row_counts, generator=batch.generator)
        noise = [next(rest) for _ in draws]
        with drawing_from(Playback(noise)):
            return _play(recipe, optimizers, seen, list(rest))

    noise = [_some_noise(draw) for draw in draws]
    copies = _copies((*parts_of(batch), *noise, *state))
    n_before = len(names) + len(draws)
    for copy, tensor in zip(copies[n_before:], state, strict=True):
        copy.requires_grad_(tensor.requires_grad)
    recorded = make_fx(step)(*copies)
    simplify(recorded)
    return _fastest(recorded, copies)


def _some_noise(draw: Draw) -> Tensor:
    """Return noise of a draw's kind, of no model's stream and not the caller's."""
    generator = torch.Generator(draw.device).manual_seed(0)
    out = torch.empty(draw.shape, dtype=draw.dtype, device=draw.device)
    return draw.fill(out, generator=generator)


def _copies(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [t.detach().clone() for t in tensors]


def _fastest(
    recorded: GraphModule, tensors: Sequence[Tensor]
) -> Callable[..., tuple[Tensor, ...]]:
    """Return a recording as TorchScript, if that does the same, or as Python."""
    script = None
    with contextlib.suppress(Exception):  # whatever torch makes of TorchScript
        script = scripted(recorded)
    plain = shorten(recorded)
    expected = _outcome(plain, tensors)
    with contextlib.suppress(Exception):
        if script and all(map(torch.equal, _outcome(script, tensors), expected)):
            return script
    return plain


def _outcome(step: Callable, tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return what a step makes of copies of tensors, and what it returns."""
    copies = _copies(tensors)
    with torch.inference_mode():
        return [*copies, *step(*copies)]


class _Game(nn.Module):
    """Holds networks while their tensors are exchanged."""

    def __init__(self, networks: nn.ModuleDict):
        super().__init__()
        self.networks = networks

    def forward(self, play: Callable):
        return play(self.networks)


def _play(recipe, optimizers, batch: Batch, state: list[Tensor]) -> tuple[Tensor, ...]:
    """Take a step of a recipe whose state is exchanged for `state`.

    Returns the losses, and the code of the batch's own rows if the last pass made it.
    """
    rest = iter(state)
    game = _Game(recipe.networks)
    exchanged = {name: next(rest) for name, _ in game.named_parameters()}
    exchanged |= {name: next(rest) for name, _ in game.named_buffers()}
    phases = [
        replace(phase, **{name: next(rest) for name in phase.numbers})
        for phase in recipe.phases
    ]

    def play(networks: nn.ModuleDict) -> tuple[Tensor, ...]:
        here = Recipe(networks, phases, recipe.update)
        copies = [_like(o, here, i) for i, o in enumerate(optimizers)]
        for optimizer in copies:
            for group in optimizer.param_groups:
                group["lr"] = next(rest)
        for optimizer, old in zip(copies, optimizers, strict=True):
            known, remembered = known_to(old), state_of(old)
            give_state(optimizer, [next(rest) for _ in remembered], known)
        share = recipe.update == "joint"
        losses = train_step(
            networks, here.optimizer_groups, copies, batch, share_pass=share
        )
        code = batch.rows("own")._code
        return (*losses.values(), *([] if code is None else [code.detach()]))

    return functional_call(game, exchanged, (play,))


def _like(
    optimizer: torch.optim.Optimizer, recipe: Recipe, i: int
) -> torch.optim.Optimizer:
    """Return a new optimiser like the i-th group's, over a recipe's parameters."""
    parameters = recipe.moved(recipe.optimizer_groups[i])
    if isinstance(optimizer, StackedAdam):
        return StackedAdam(parameters, optimizer.spans)
    assert len(parameters) == len(moved_by(optimizer))
    return make_optimizer(parameters, 0.0)
