"""Which jobs may train together, and how many at once."""

from collections.abc import Sequence
from dataclasses import fields
from itertools import pairwise

import torch
from skorch.callbacks import EarlyStopping
from torch import nn

from sklearn_aae.training._jobs import Job
from sklearn_aae.training._phases import Phase
from sklearn_aae.training._stack import pace

# What a stack keeps busy on a CPU should stay in its cache: weights, gradients, moments
# and activations of all members.
CPU_STACK_BYTES = 2**26


def group(jobs: Sequence[Job]) -> list[list[Job]]:
    """Sort jobs into stacks of one shape, each within the bounds of memory."""
    shapes: dict = {}
    for job in jobs:
        shape = shape_of(job)
        shapes.setdefault(id(job) if shape is None else shape, []).append(job)
    stacks = []
    for alike in shapes.values():
        alike.sort(key=lambda job: pace(job.net))
        n_stacks = -(-len(alike) // stack_limit(alike[0]))
        bounds = [i * len(alike) // n_stacks for i in range(n_stacks + 1)]
        stacks += [alike[a:b] for a, b in pairwise(bounds)]
    return stacks


def stack_limit(job: Job) -> int:
    """Return how many models like this one train best together."""
    modules = list(job.net.module_.modules())
    units = sum(m.out_features for m in modules if isinstance(m, nn.Linear))
    rows = job.batches.batch_size + job.batches.n_prior
    cells = 4 * job.n_weights + 2 * rows * units
    device, budget = job.batches.x.device, CPU_STACK_BYTES
    if device.type == "cuda":
        budget = torch.cuda.mem_get_info(device)[0] // 2
    return max(1, budget // (cells * job.batches.x.itemsize))


def shape_of(job: Job) -> tuple | None:
    """Return what the jobs of a stack must share; None for a job that trains alone."""
    net, data = job.net, job.batches
    others = [c for _, c in net.callbacks_ if not isinstance(c, EarlyStopping)]
    if others or net.verbose or len(net.history) or not job.own_layers:
        return None
    held = (*job.held.x.shape, *job.held.prior.shape) if job.validate else None
    return (
        (data.n_steps, data.batch_size, data.n_prior, data.width),
        (data.weight is None, data.y is None, len(data) == data.batch_size),
        (job.calibrate, held),
        net.module_.update,
        tuple(_describe_phase(phase) for phase in net.module_.phases),
        tuple(_describe(network) for network in net.module_.networks.values()),
    )


def _describe(network: nn.Module) -> tuple:
    """Return kinds, settings and shapes of a network's modules."""
    lines: list = []
    for path, module in network.named_modules():
        settings = [
            (name, repr(value) if _is_plain(value) else id(value))
            for name, value in sorted(vars(module).items())
            if not name.startswith("_") and name != "training"
        ]
        lines.append((path, type(module), *settings))
    # A network without parameters is shared by the stack: its buffers must be equal.
    shared = next(network.parameters(), None) is None
    for name, value in (*network.named_parameters(), *network.named_buffers()):
        content = tuple(value.flatten().tolist()) if shared else None
        lines.append((name, tuple(value.shape), value.dtype, value.device, content))
    return tuple(lines)


def _describe_phase(phase: Phase) -> tuple:
    """Return kind and settings of a phase; the weights only as used or not."""
    settings = {item.name: getattr(phase, item.name) for item in fields(phase)}
    del settings["weight"]
    if "penalty_weight" in settings:
        settings["penalty_weight"] = bool(settings["penalty_weight"])
    return (type(phase), *settings.values())


def _is_plain(value) -> bool:
    if isinstance(value, tuple | list):
        return all(_is_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str)
