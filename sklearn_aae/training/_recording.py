"""A step as a list of tensor operations: recorded once, replayed without autograd.

Small networks spend most of a step in Python and in the bookkeeping of autograd.
Recording runs `train_step` once and writes down what reaches torch's kernels, gradients
and optimisers included (`torch.fx`); replaying calls the kernels. The mathematics is
that of the eager step, line by line, because it is that step.

All that a step reads or changes enters as an argument: weights, statistics, moments,
rates, strengths, rows and noise. So one recording serves every model of its shape.

A recording costs as much time as it saves in some number of steps. Who will take that
many records at once. Of shorter trainings the steps of one shape add up: the one that
reaches the number records for those that follow, so that at worst twice the least time
is spent.
"""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from sklearn_aae.training._batch import PARTS, Batch
from sklearn_aae.training._optim import (
    StackedAdam,
    give_state,
    known_to,
    make_optimizer,
    moved_by,
    state_of,
)
from sklearn_aae.training._phases import Phase
from sklearn_aae.training._recipe import Recipe
from sklearn_aae.training._script import scripted
from sklearn_aae.training._shapes import describe
from sklearn_aae.training._simplify import shorten, simplify
from sklearn_aae.training._step import train_step
from sklearn_aae.utils._random import Draw, Playback, Streams, drawing_from

# Recordings kept for further models of the same shape, and shapes whose steps count.
MAX_RECORDINGS = 32
MAX_COUNTED = 128

_RECORDINGS: OrderedDict[tuple, Callable] = OrderedDict()
_STEPS: OrderedDict[tuple, int] = OrderedDict()
_LOCK = threading.RLock()  # torch.fx patches nn.Module while it records


class Replay:
    """The steps of one model or stack, replayed.

    Parameters
    ----------
    recipe : Recipe
        Networks and phases.

    optimizers : sequence of Optimizer
        Of its players; each has taken a step, so that its state is there, but for
        parameters without a gradient.

    streams : Streams
        Of the noise.

    batch : Batch
        One like all others.

    draws : sequence of Draw
        What a step draws from the streams, in order.

    n_steps : int
        Number of steps to come.

    enough : int
        Number of steps that a recording pays for.

    Attributes
    ----------
    run : callable or None
        The recorded step; None if a recording would not pay yet.
    """

    def __init__(
        self,
        recipe: Recipe,
        optimizers: Sequence[torch.optim.Optimizer],
        streams: Streams,
        batch: Batch,
        draws: Sequence[Draw],
        *,
        n_steps: int,
        enough: int,
    ):
        self.streams, self.draws = streams, list(draws)
        self.groups = [g for o in optimizers for g in o.param_groups]
        players = recipe.players_
        self.names = [phase.name for player in players for phase in player.phases]
        like = batch.x
        # torch reads a rate as a double on a CPU, as a float elsewhere.
        kind = torch.float64 if like.device.type == "cpu" else torch.float32
        self.rates = [like.new_zeros((), dtype=kind) for _ in self.groups]
        all_strengths = strengths(recipe.phases)
        self.state = [
            *recipe.parameters(),
            *recipe.buffers(),
            *(torch.as_tensor(s, dtype=torch.float64).to(like) for s in all_strengths),
            *self.rates,
            *(tensor for optimizer in optimizers for tensor in state_of(optimizer)),
        ]
        key = _key(recipe, optimizers, batch, self.draws, self.state)
        with _LOCK:
            if key in _RECORDINGS:
                _RECORDINGS.move_to_end(key)
            elif _count(key, n_steps) >= enough:
                del _STEPS[key]  # if torch cannot record, the next try is far off
                step = _record(recipe, optimizers, batch, self.draws, self.state)
                _keep(_RECORDINGS, key, step, MAX_RECORDINGS)
            self.run = _RECORDINGS.get(key)

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Take one step; return the losses."""
        assert self.run is not None
        for rate, group in zip(self.rates, self.groups, strict=True):
            rate.fill_(group["lr"])
        noise = [self.streams.repeat(draw) for draw in self.draws]
        with torch.inference_mode():
            found = self.run(*parts_of(batch), *noise, *self.state)
            losses, code = found[: len(self.names)], found[len(self.names) :]
            if code:
                batch.rows("own")._code = code[0]
        return dict(zip(self.names, losses, strict=True))


def parts_of(batch: Batch) -> list[Tensor]:
    """Return the tensors of a batch."""
    parts = [getattr(batch, name) for name in PARTS]
    return [part for part in parts if part is not None]


def strengths(phases: Sequence[Phase]) -> list:
    """Return the numbers of phases that models of one recording may differ in."""
    return [getattr(phase, name) for phase in phases for name in phase.numbers]


def _key(
    recipe: Recipe,
    optimizers: Sequence[torch.optim.Optimizer],
    batch: Batch,
    draws: Sequence[Draw],
    state: Sequence[Tensor],
) -> tuple:
    """Return what a recorded step depends on."""
    told = [getattr(batch, name) is not None for name in PARTS]
    spans = [repr(getattr(optimizer, "spans", None)) for optimizer in optimizers]
    shapes = [(t.shape, t.dtype, t.device) for t in (*parts_of(batch), *state)]
    known = [tuple(known_to(optimizer)) for optimizer in optimizers]
    rows = tuple(batch.row_counts.items())
    return (describe(recipe), rows, *told, *spans, *known, *shapes, *draws)


def _count(key: tuple, n_steps: int) -> int:
    """Return the number of steps of a key so far, those to come included."""
    _keep(_STEPS, key, _STEPS.pop(key, 0) + n_steps, MAX_COUNTED)
    return _STEPS[key]


def _keep(kept: OrderedDict, key: tuple, value, most: int) -> None:
    """Enter a value as the latest; the earliest makes room."""
    kept[key] = value
    while len(kept) > most:
        kept.popitem(last=False)


def _record(recipe, optimizers, batch, draws, state) -> Callable:
    """Run a step on copies and write its operations down."""
    names = [name for name in PARTS if getattr(batch, name) is not None]

    def step(*tensors: Tensor):
        rest = iter(tensors)
        parts: dict = {name: next(rest) for name in names}
        seen = Batch(**parts, row_counts=batch.row_counts)
        noise = [next(rest) for _ in draws]
        with drawing_from(Playback(noise)):
            return _play(recipe, optimizers, seen, list(rest))

    noise = [
        d.fill(torch.empty(d.shape, dtype=d.dtype, device=d.device)) for d in draws
    ]
    copies = _copies((*parts_of(batch), *noise, *state))
    n_before = len(names) + len(draws)
    for copy, tensor in zip(copies[n_before:], state, strict=True):
        copy.requires_grad_(tensor.requires_grad)
    recorded = make_fx(step)(*copies)
    simplify(recorded)
    return _fastest(recorded, copies)


def _copies(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [t.detach().clone(memory_format=torch.preserve_format) for t in tensors]


def _fastest(
    recorded: GraphModule, tensors: Sequence[Tensor]
) -> Callable[..., tuple[Tensor, ...]]:
    """Return a recording as TorchScript, if that does the same, or as Python."""
    script = None
    with contextlib.suppress(RuntimeError):
        script = scripted(recorded)
    plain = shorten(recorded)
    if script is None:
        return plain
    mine, others = _copies(tensors), _copies(tensors)
    with torch.inference_mode():
        mine, others = [*mine, *script(*mine)], [*others, *plain(*others)]
    same = all(map(torch.equal, mine, others))
    return script if same else plain


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
    held = {name: next(rest) for name, _ in game.named_parameters()}
    held |= {name: next(rest) for name, _ in game.named_buffers()}
    phases = [
        replace(phase, **{name: next(rest) for name in phase.numbers})
        for phase in recipe.phases
    ]

    def play(networks: nn.ModuleDict) -> tuple[Tensor, ...]:
        here = Recipe(networks, phases, recipe.update)
        players = [_like(o, here, i) for i, o in enumerate(optimizers)]
        for optimizer in players:
            for group in optimizer.param_groups:
                group["lr"] = next(rest)
        for optimizer, old in zip(players, optimizers, strict=True):
            known, remembered = known_to(old), state_of(old)
            give_state(optimizer, [next(rest) for _ in remembered], known)
        share = recipe.update == "joint"
        losses = train_step(networks, here.players_, players, batch, share_pass=share)
        code = batch.rows("own")._code
        return (*losses.values(), *([] if code is None else [code.detach()]))

    return functional_call(game, held, (play,))


def _like(
    optimizer: torch.optim.Optimizer, recipe: Recipe, i: int
) -> torch.optim.Optimizer:
    """Return a new optimiser like the i-th player's, over a recipe's parameters."""
    parameters = recipe.moved(recipe.players_[i])
    if isinstance(optimizer, StackedAdam):
        return StackedAdam(parameters, optimizer.spans)
    assert len(parameters) == len(moved_by(optimizer))
    return make_optimizer(parameters, 0.0)
