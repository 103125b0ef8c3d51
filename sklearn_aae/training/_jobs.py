"""Jobs: what a fit asks to be trained; which may train together, and how many."""

import copy
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

import torch
from torch import nn

from sklearn_aae.nn import Conv, ConvTranspose, n_products
from sklearn_aae.training._checkpoint import Place
from sklearn_aae.training._loop import Member
from sklearn_aae.training._net import AAENet
from sklearn_aae.training.data._batch import Batch

Raised = TypeVar("Raised", bound=BaseException)


# What a stack keeps busy on a CPU should stay in its cache: weights, gradients, moments
# and activations of all members.
CPU_STACK_BYTES = 2**26

# Memory of a stack whose networks are convolutional, on a CPU.
CPU_MAP_BYTES = 2**30

# Fewer models than this for each worker train better as one stack; those whose networks
# are convolutional are made one after the other there, and lose nothing apart.
WORTH_A_WORKER = 4


@dataclass(eq=False)
class Job(Member):
    """One training that is asked for: of a net, new or trained before.

    Its validation rows are held-out ones if each epoch is evaluated on them; else rows
    of the training, to evaluate the outcome on.

    Attributes
    ----------
    calibrate : bool
        Whether the batch statistics are set at the end. Held-out rows have them set
        before each evaluation.

    place : Place or None
        Where checkpoints are kept, if they are.

    steps_back : bool
        Whether it goes back, and on at lower rates, if it diverges.

    usual_loss : float
        The highest ordinary value of the criterion.

    key : str
        Hash of all that decides the training, of a job that is kept.

    done : bool
        Whether the net has been trained and evaluated.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.decoders import GaussianDecoder
    >>> from sklearn_aae.encoders import DeterministicEncoder
    >>> from sklearn_aae.priors import Gaussian
    >>> from sklearn_aae.training import AAENet, Batch, Batches, Job
    >>> from sklearn_aae.training import Recipe, Reconstruct
    >>> encoder, decoder = DeterministicEncoder(3, 2), GaussianDecoder(2, 3)
    >>> networks = {"encoder": encoder, "decoder": decoder}
    >>> recipe = Recipe(networks, [Reconstruct(n_columns=3)])
    >>> net = AAENet(recipe, lr=1e-2, max_epochs=2, verbose=0).initialize()
    >>> x, prior = torch.randn(40, 3), Gaussian(2)
    >>> batches = Batches(x, prior, batch_size=10, seed=0)
    >>> job = Job(net, batches, validation=Batch(x, prior.draw(40)))
    >>> job.n_weights  # 3 · 2 + 2 and 2 · 3 + 3
    17
    >>> job.done
    False
    """

    net: AAENet
    validation: Batch
    calibrate: bool = True
    place: Place | None = None
    steps_back: bool = False
    usual_loss: float = math.inf
    key: str = field(default="", init=False)
    done: bool = field(default=False, init=False)

    def go_back(self, start: tuple) -> None:
        """Bring the net back to a snapshot, to be trained again."""
        n_before = len(self.net.finished_history())
        self.net.restore(start)
        self.error, self.done, self.key = None, False, ""
        if self.watcher is not None:
            self.watcher.move(len(self.net.finished_history()) - n_before)

    @property
    def n_weights(self) -> int:
        """Number of parameters."""
        return sum(p.numel() for p in self.net.module_.parameters())

    @property
    def n_bytes(self) -> int:
        """Memory that the job holds until it is trained: rows, weights and moments."""
        return self.batches.x.nbytes + 3 * 4 * self.n_weights


def step_flops(job: Job) -> float:
    """Return about how many operations one step of a job takes."""
    return 6.0 * n_products(job.net.module_) * job.batches.batch_size


def group(jobs: Sequence[Job], n_workers: int = 1) -> list[list[Job]]:
    """Sort jobs into stacks of one shape, each within the bounds of memory.

    Parameters
    ----------
    jobs : sequence of Job
        What is to be trained.

    n_workers : int, default=1
        How many stacks train side by side.
    """
    shapes: dict = {}
    # A callback remembers: jobs that share one train after each other.
    owners = Counter(id(c) for job in jobs for _, c in job.net.callbacks_)
    for job in jobs:
        shared = any(owners[id(c)] > 1 for _, c in job.net.callbacks_)
        shape = None if shared else shape_of(job)
        shapes.setdefault(id(job) if shape is None else shape, []).append(job)
    stacks = []
    for alike in shapes.values():
        # In an order of their own: a later process is to form the same stacks of them,
        # and one without checkpoints, too.
        alike.sort(key=lambda job: (job.net.schedule_key, job.net.seed, job.key))
        n_stacks = -(-len(alike) // stack_limit(alike[0]))
        worth = 1 if _n_map_units(alike[0]) else WORTH_A_WORKER
        if len(alike) >= n_workers * worth:  # the same number for each
            n_stacks = min(-(-n_stacks // n_workers) * n_workers, len(alike))
        bounds = [i * len(alike) // n_stacks for i in range(n_stacks + 1)]
        stacks += [alike[a:b] for a, b in pairwise(bounds)]
    return stacks


def stack_limit(job: Job) -> int:
    """Return how many models like this one train best together."""
    modules = list(job.net.module_.modules())
    units = sum(m.out_features for m in modules if isinstance(m, nn.Linear))
    maps = _n_map_units(job)
    rows = job.batches.batch_size + job.batches.n_companions + job.batches.n_prior
    cells = 4 * job.n_weights + 2 * rows * units
    device, budget = job.batches.x.device, CPU_STACK_BYTES
    if maps:  # they are made one model after the other, and only need to be there
        cells, budget = cells + 2 * rows * maps, CPU_MAP_BYTES
    if device.type == "cuda":
        budget = torch.cuda.mem_get_info(device)[0] // 2
    return max(1, budget // (cells * job.batches.x.itemsize))


def _n_map_units(job: Job) -> int:
    """Return how many units the convolutions of a model have; 0 if it has none."""
    modules = job.net.module_.modules()
    return sum(m.out_features for m in modules if isinstance(m, Conv | ConvTranspose))


def _age(net: AAENet) -> tuple:
    """Return how long a net has been trained: epochs, and the steps Adam remembers."""
    states = [s for o in net.engine_.optimizers for s in o.state.values() if s]
    return (len(net.history), len(states), *{float(s["step"]) for s in states})


def shape_of(job: Job) -> tuple | None:
    """Return what the jobs of a stack must share; None for a job that trains alone."""
    net, data = job.net, job.batches
    if net.is_watched() or net.verbose or not net.module_.own_layers:
        return None
    rows = job.validation
    evaluated = (*rows.x.shape, *rows.prior.shape) if job.validate else None
    return (
        (data.n_steps, data.batch_size, data.n_prior, data.width),
        (type(data), data.n_companions),
        (data.weight is None, data.y is None, len(data) == data.batch_size),
        (job.calibrate, evaluated, job.place),
        (*_age(net), job.epochs_done, math.isinf(net.time_left)),
        net.module_.describe(),
    )


def error_of_one(error: Raised) -> Raised:
    """Return a copy of an error that several callers will raise, for one of them.

    Raising adds to the traceback of an error: of 60 callers, the last would print the
    way through all of them.
    """
    try:
        own = copy.copy(error)
    except Exception:  # its constructor asks for more than it keeps
        return error
    # With dask imported, a copy of an error has the very dict of the error.
    own.__dict__ = dict(vars(error))
    own.__cause__, own.__context__ = error.__cause__, error.__context__
    if hasattr(error, "__notes__"):
        own.__notes__ = list(error.__notes__)
    return own.with_traceback(error.__traceback__)
