"""Random numbers that leave the caller's generators untouched.

A model owns one stream: a `torch.Generator` seeded from its `random_state`. A stack
of C models owns C streams, and a draw of shape ``(C, ...)`` takes row c from stream c:
a member of a stack sees the numbers that it would see alone.
"""

import functools
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from sklearn_aae.utils._modes import plain_torch

# torch's global generator has no owner: one scope at a time may borrow it.
_GLOBAL_GENERATOR = threading.RLock()


def _free_generator() -> None:
    """Free the global generator: the thread that had it is not in a forked process."""
    global _GLOBAL_GENERATOR
    _GLOBAL_GENERATOR = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_generator)

MAX_SEED = np.iinfo(np.int32).max


def draw_seeds(random_state, n_seeds: int) -> list[int]:
    """Draw seeds from a scikit-learn style `random_state`.

    None takes fresh entropy from the operating system: NumPy's global state, which
    scikit-learn would draw from, stays as it is.
    """
    if random_state is None:
        random_state = np.random.RandomState(np.random.MT19937())
    draws = check_random_state(random_state).randint(MAX_SEED, size=n_seeds)
    return [int(seed) for seed in draws]


def systematic(weight: np.ndarray, n: int, start: float) -> np.ndarray:
    """Return n places by weight, at evenly spaced levels of the cumulative weight.

    Systematic resampling (Kitagawa 1996): each place comes as often as it should, up to
    one, with less chance than in n separate draws.

    Parameters
    ----------
    weight : ndarray of shape (N,)
        Not negative.

    n : int
        Number of places.

    start : float
        Within [0, 1): where between the levels the first one is.
    """
    cumulative = weight.cumsum()
    levels = (np.arange(n) + start) / n * cumulative[-1]
    return np.searchsorted(cumulative, levels, side="right").clip(max=len(weight) - 1)


def epoch_seeds(seed: int, number: int, n_seeds: int = 1) -> list[int]:
    """Derive the seeds of epoch `number`, so that a fit can be continued exactly."""
    sequence = np.random.SeedSequence((seed, number))
    return [int(word) for word in sequence.generate_state(n_seeds)]


class Streams:
    """The random streams of one model, or of a stack of C models.

    Parameters
    ----------
    seeds : int or sequence of int
        One seed for one model; a sequence for a stack.

    device : torch.device or str
        Where the numbers are drawn.
    """

    def __init__(self, seeds: int | Sequence[int], device: torch.device | str = "cpu"):
        self.stacked = not isinstance(seeds, int)
        self.seeds = list(seeds) if isinstance(seeds, Sequence) else [int(seeds)]
        self.device = torch.device(device)
        self.generators = [
            torch.Generator(self.device).manual_seed(seed) for seed in self.seeds
        ]

    def reseed(self, number: int) -> None:
        """Start the streams of epoch `number`: they depend on nothing drawn before."""
        for seed, generator in zip(self.seeds, self.generators, strict=True):
            generator.manual_seed(epoch_seeds(seed, number)[0])

    def fill(self, out: Tensor, draw: Callable[..., Tensor]) -> Tensor:
        """Fill `out` in place by `draw` (``Tensor.normal_``, ``Tensor.uniform_``)."""
        rows = out if self.stacked else (out,)
        for row, generator in zip(rows, self.generators, strict=True):
            draw(row, generator=generator)
        return out

    def repeat(self, draw: "Draw") -> Tensor:
        """Draw again what a `Tape` has recorded."""
        out = torch.empty(draw.shape, dtype=draw.dtype, device=draw.device)
        return self.fill(out, draw.fill)

    def active(self) -> AbstractContextManager:
        """Make these streams the source of `standard_normal` and `standard_uniform`."""
        return drawing_from(self)


@dataclass(frozen=True)
class Draw:
    """One draw: its shape, dtype and device, and how it is filled."""

    shape: torch.Size
    dtype: torch.dtype
    device: torch.device
    fill: Callable[..., Tensor]


class Tape:
    """A source that records what is drawn from streams, to draw it again."""

    def __init__(self, streams: Streams):
        self.streams, self.draws = streams, list[Draw]()

    def fill(self, out: Tensor, draw: Callable[..., Tensor]) -> Tensor:
        """Fill `out` from the streams."""
        self.draws.append(Draw(out.shape, out.dtype, out.device, draw))
        return self.streams.fill(out, draw)


class Playback:
    """A source that hands out tensors in their order."""

    def __init__(self, tensors: Iterable[Tensor]):
        self.tensors = iter(tensors)

    def fill(self, out: Tensor, draw: Callable[..., Tensor]) -> Tensor:
        """Return the next tensor instead of `out`."""
        return next(self.tensors)


class Source(Protocol):
    """What fills tensors with random numbers."""

    def fill(self, out: Tensor, draw: Callable[..., Tensor]) -> Tensor:
        """Return random numbers of the shape of `out`, most often `out` itself."""
        ...


_ACTIVE: ContextVar[Source | None] = ContextVar("active_streams", default=None)


@contextmanager
def drawing_from(source: Source) -> Iterator[None]:
    """Make `source` what `standard_normal` and `standard_uniform` draw from."""
    token = _ACTIVE.set(source)
    try:
        yield
    finally:
        _ACTIVE.reset(token)


def _draw(draw: Callable[..., Tensor], like: Tensor) -> Tensor:
    out = torch.empty_like(like, memory_format=torch.contiguous_format)
    streams = _ACTIVE.get()
    return draw(out) if streams is None else streams.fill(out, draw)


def standard_normal(like: Tensor) -> Tensor:
    """Draw from N(0, 1), of the shape, dtype and device of `like`."""
    return _draw(Tensor.normal_, like)


def standard_uniform(like: Tensor) -> Tensor:
    """Draw from U[0, 1), of the shape, dtype and device of `like`."""
    return _draw(Tensor.uniform_, like)


class _OwnGenerators(TorchDispatchMode):
    """Hands a generator to each random operation of this thread that has none.

    Layers as they are made, `torch.distributions` and functions of the user draw from
    torch's global generator, and have no argument for another one. Seeded alike, a
    generator of this thread's own gives the same numbers, and no other thread can draw
    from it.
    """

    def __init__(self, seed: int):
        super().__init__()
        self.seed, self.generators = seed, dict[torch.device, torch.Generator]()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Spare torch the second that the import of its compiler takes.

        It would tell the compiler to keep off what runs here.
        """
        return False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if not _draws(func):
            return func(*args, **kwargs)
        # Of few operations (`torch.poisson`) it is an argument by place.
        if any(isinstance(a, torch.Generator) for a in (*args, *kwargs.values())):
            return func(*args, **kwargs)
        device = _device_of(args, kwargs)
        generator = self.generators.get(device)
        if generator is None:
            generator = torch.Generator(device).manual_seed(self.seed)
            self.generators[device] = generator
        seeded = _with_generator(func)
        if seeded is not None:
            return seeded(*args, **kwargs, **{GENERATOR: generator})
        seed = torch.randint(MAX_SEED, (), generator=generator, device=device)
        with lent_generator(int(seed), device):
            return func(*args, **kwargs)


GENERATOR = "generator"


@functools.cache
def _draws(func: torch._ops.OpOverload) -> bool:
    """Whether an operation is random."""
    return torch.Tag.nondeterministic_seeded in func.tags


@functools.cache
def _with_generator(func: torch._ops.OpOverload) -> torch._ops.OpOverload | None:
    """Return the overload of an operation that takes a generator besides, if any."""
    packet = func.overloadpacket
    plain, seeded = _arguments(func)
    if seeded:
        return func
    others = [getattr(packet, name) for name in packet.overloads()]
    return next((other for other in others if _arguments(other) == (plain, True)), None)


def _arguments(func: torch._ops.OpOverload) -> tuple[list[tuple[str, str]], bool]:
    """Return names and types of an operation's arguments, and if it has a generator."""
    named = [(argument.name, str(argument.type)) for argument in func._schema.arguments]
    plain = [(name, kind) for name, kind in named if name != GENERATOR]
    return plain, len(plain) < len(named)


def _device_of(args: tuple, kwargs: dict) -> torch.device:
    """Return where an operation draws: by its argument, or where its tensors are."""
    if kwargs.get("device") is not None:
        return torch.device(kwargs["device"])
    tensors = (a for a in (*args, *kwargs.values()) if isinstance(a, Tensor))
    return next((tensor.device for tensor in tensors), torch.device("cpu"))


@contextmanager
def seeded_scope(seed: int) -> Iterator[None]:
    """Seed what this thread draws inside; other threads and global generators stay.

    For code that cannot be handed a generator: layers as they are made,
    `torch.distributions`, functions of the user. The numbers are those of torch's
    global generator, seeded alike.
    """
    with plain_torch(), _OwnGenerators(seed):
        yield


@contextmanager
def lent_generator(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Seed torch's global generator inside, put the caller's state back after.

    That of the CPU, and of a CUDA `device` if given. For the training of modules of the
    user: recomputed parts (`torch.utils.checkpoint`) put the global generator back to
    draw the same again. Another thread that draws meanwhile draws from it, too.
    """
    with _GLOBAL_GENERATOR:
        state = torch.random.get_rng_state()
        torch.random.default_generator.manual_seed(seed)
        cuda = device if device is not None and device.type == "cuda" else None
        cuda_state = None if cuda is None else torch.cuda.get_rng_state(cuda)
        if cuda is not None:
            torch.cuda.manual_seed(seed)
        try:
            yield
        finally:
            torch.random.set_rng_state(state)
            if cuda is not None and cuda_state is not None:
                torch.cuda.set_rng_state(cuda_state, cuda)
