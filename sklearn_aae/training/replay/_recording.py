"""A step as a list of tensor operations: recorded once, replayed without autograd.

Small networks spend most of a step in Python and in the bookkeeping of autograd.
Recording runs `train_step` once and writes down what reaches torch's kernels, gradients
and optimisers included (`_tracing`); replaying calls the kernels. The mathematics is
that of the eager step, line by line, because it is that step.

All that a step reads or changes enters as an argument: weights, statistics, moments,
rates, strengths, rows and noise. So one recording serves every model of its shape.

A recording costs as much time as it saves in some number of steps. Who will take that
many records at once. Of shorter trainings the steps of one shape add up: the one that
reaches the number records for those that follow, so that at worst twice the least time
is spent.

Recordings rest on internals of torch, and are no more than a convenience: whatever
torch raises, steps stay eager, with the same results. A recording that gives other
numbers than its step (`_compare`) is not used either.
"""

import functools
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from sklearn_aae.training._optim import (
    StackedAdam,
    give_state,
    known_to,
    make_optimizer,
    moved_by,
    state_of,
)
from sklearn_aae.training._recipe import Recipe
from sklearn_aae.training._step import CannotReplayError, train_step
from sklearn_aae.training.data._batch import PARTS, Batch, parts_of
from sklearn_aae.training.losses._phases import Phase
from sklearn_aae.training.replay._compare import check_same
from sklearn_aae.utils._random import Draw, Playback, Streams, drawing_from

# Recordings kept for further models of the same shape, and shapes whose steps count.
MAX_RECORDINGS = 32
MAX_COUNTED = 128

# The first replays of a training, after which an error finds everything as before.
GUARDED_REPLAYS = 3

# By key; None where torch cannot record.
_RECORDINGS: OrderedDict[tuple, Callable | None] = OrderedDict()
_STEPS: OrderedDict[tuple, int] = OrderedDict()
_LOCK = threading.RLock()
_LOG = logging.getLogger("sklearn_aae")


def compile_step(
    recipe: Recipe,
    optimizers: Sequence[torch.optim.Optimizer],
    batch: Batch,
    draws: Sequence[Draw],
    state: Sequence[Tensor],
) -> Callable[..., tuple[Tensor, ...]] | None:
    """Return a recorded step, or None if torch cannot record it.

    Parameters
    ----------
    recipe : Recipe
        Networks and phases.

    optimizers : sequence of Optimizer
        Of its optimizer groups.

    batch : Batch
        One like all others.

    draws : sequence of Draw
        What a step draws.

    state : sequence of Tensor
        What a step reads and changes.

    Returns
    -------
    run : callable or None
        Takes the tensors of a batch, the noise and the state, which it changes in
        place; returns the losses, and the code of the batch's own rows if it made it.
    """
    try:
        # Imports what may be gone from torch.
        from sklearn_aae.training.replay._tracing import record

        noise = [_some_noise(draw) for draw in draws]
        step = _as_function(recipe, optimizers, batch, draws)
        tensors = [*parts_of(batch), *noise, *state]
        exact = all(phase.replays_exactly for phase in recipe.phases)
        check = functools.partial(check_same, step, tensors=tensors, exact=exact)
        return record(step, tensors, check)
    except Exception:  # of any kind: they are torch's
        _log_failure("recorded")
        return None


def _as_function(
    recipe: Recipe,
    optimizers: Sequence[torch.optim.Optimizer],
    batch: Batch,
    draws: Sequence[Draw],
) -> Callable[..., tuple[Tensor, ...]]:
    """Return a step as a function of all that it reads or changes."""
    names = [name for name in PARTS if getattr(batch, name) is not None]

    def step(*tensors: Tensor) -> tuple[Tensor, ...]:
        rest = iter(tensors)
        parts: dict = {name: next(rest) for name in names}
        seen = Batch(**parts, row_counts=batch.row_counts, generator=batch.generator)
        noise = [next(rest) for _ in draws]
        with drawing_from(Playback(noise)):
            return _play(recipe, optimizers, seen, list(rest))

    return step


def _some_noise(draw: Draw) -> Tensor:
    """Return noise of a draw's kind, of no model's stream and not the caller's."""
    generator = torch.Generator(draw.device).manual_seed(0)
    out = torch.empty(draw.shape, dtype=draw.dtype, device=draw.device)
    return draw.fill(out, generator=generator)


class _Exchange(nn.Module):
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
    from torch.func import functional_call  # no earlier: torch may move it

    rest = iter(state)
    holder = _Exchange(recipe.networks)
    exchanged = {name: next(rest) for name, _ in holder.named_parameters()}
    exchanged |= {name: next(rest) for name, _ in holder.named_buffers()}
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

    return functional_call(holder, exchanged, (play,))


def _like(
    optimizer: torch.optim.Optimizer, recipe: Recipe, i: int
) -> torch.optim.Optimizer:
    """Return a new optimiser like the i-th group's, over a recipe's parameters."""
    parameters = recipe.moved(recipe.optimizer_groups[i])
    if isinstance(optimizer, StackedAdam):
        return StackedAdam(parameters, optimizer.spans)
    assert len(parameters) == len(moved_by(optimizer))
    return make_optimizer(parameters, 0.0)


def _log_failure(what: str) -> None:
    _LOG.info("A step could not be %s; steps stay eager.", what, exc_info=True)


class Replay:
    """The steps of one model or stack, replayed.

    Parameters
    ----------
    recipe : Recipe
        Networks and phases.

    optimizers : sequence of Optimizer
        Of its optimizer groups; each has taken a step, so that its state is there,
        but for parameters without a gradient.

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
        The recorded step; None if a recording would not pay yet, or there is none.
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
        groups = recipe.optimizer_groups
        self.names = [phase.name for group in groups for phase in group.phases]
        like = batch.x
        # torch reads a rate as a double on a CPU, as a float elsewhere.
        kind = torch.float64 if like.device.type == "cpu" else torch.float32
        self.rates = [like.new_full((), g["lr"], dtype=kind) for g in self.groups]
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
                del _STEPS[key]
                step = compile_step(recipe, optimizers, batch, self.draws, self.state)
                _keep(_RECORDINGS, key, step, MAX_RECORDINGS)
            self.run = _RECORDINGS.get(key)
        self._key, self._n_guarded = key, GUARDED_REPLAYS

    def draw(self) -> list[Tensor]:
        """Return the noise of the next step."""
        return [self.streams.repeat(draw) for draw in self.draws]

    def __call__(self, batch: Batch, noise: Sequence[Tensor]) -> dict[str, Tensor]:
        """Take one step; return the losses.

        Raises
        ------
        CannotReplayError
            If one of the first replays fails.
        """
        if not self._n_guarded:
            return self._replay(batch, noise)
        self._n_guarded -= 1
        before = [tensor.detach().clone() for tensor in self.state]
        try:
            return self._replay(batch, noise)
        except Exception as error:
            with torch.no_grad():
                for tensor, old in zip(self.state, before, strict=True):
                    tensor.copy_(old)
            with _LOCK:
                _keep(_RECORDINGS, self._key, None, MAX_RECORDINGS)
            _log_failure("replayed")
            raise CannotReplayError from error

    def _replay(self, batch: Batch, noise: Sequence[Tensor]) -> dict[str, Tensor]:
        assert self.run is not None
        for rate, group in zip(self.rates, self.groups, strict=True):
            rate.fill_(group["lr"])
        with torch.inference_mode():
            found = self.run(*parts_of(batch), *noise, *self.state)
            losses, code = found[: len(self.names)], found[len(self.names) :]
            if code:
                batch.rows("own")._code = code[0]
        return dict(zip(self.names, losses, strict=True))


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
    present = [getattr(batch, name) is not None for name in PARTS]
    spans = [repr(getattr(optimizer, "spans", None)) for optimizer in optimizers]
    shapes = [(t.shape, t.dtype, t.device) for t in (*parts_of(batch), *state)]
    known = [tuple(known_to(optimizer)) for optimizer in optimizers]
    rows = tuple(batch.row_counts.items())
    return (recipe.describe(), rows, *present, *spans, *known, *shapes, *draws)


def _count(key: tuple, n_steps: int) -> int:
    """Return the number of steps of a key so far, those to come included."""
    _keep(_STEPS, key, _STEPS.pop(key, 0) + n_steps, MAX_COUNTED)
    return _STEPS[key]


def _keep(kept: OrderedDict, key: tuple, value, most: int) -> None:
    """Enter a value as the latest; the earliest makes room."""
    kept[key] = value
    while len(kept) > most:
        kept.popitem(last=False)
