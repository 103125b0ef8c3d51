"""Which jobs may train together, and how many at once."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from sklearn_aae.training._jobs import Job
from sklearn_aae.training._net import AAENet
from sklearn_aae.training._shapes import describe
from sklearn_aae.training._stack import schedule_key

# What a stack keeps busy on a CPU should stay in its cache: weights, gradients, moments
# and activations of all members.
CPU_STACK_BYTES = 2**26

# Fewer models than this for each worker train better as one stack.
WORTH_A_WORKER = 4


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
        alike.sort(key=lambda job: schedule_key(job.net))
        n_stacks = -(-len(alike) // stack_limit(alike[0]))
        if len(alike) >= n_workers * WORTH_A_WORKER:  # the same number for each
            n_stacks = -(-n_stacks // n_workers) * n_workers
        bounds = [i * len(alike) // n_stacks for i in range(n_stacks + 1)]
        stacks += [alike[a:b] for a, b in pairwise(bounds)]
    return stacks


def stack_limit(job: Job) -> int:
    """Return how many models like this one train best together."""
    modules = list(job.net.module_.modules())
    units = sum(m.out_features for m in modules if isinstance(m, nn.Linear))
    rows = job.batches.batch_size + job.batches.n_companions + job.batches.n_prior
    cells = 4 * job.n_weights + 2 * rows * units
    device, budget = job.batches.x.device, CPU_STACK_BYTES
    if device.type == "cuda":
        budget = torch.cuda.mem_get_info(device)[0] // 2
    return max(1, budget // (cells * job.batches.x.itemsize))


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
        (job.calibrate, evaluated),
        _age(net),
        describe(net.module_),
    )
