"""Optimisers and learning-rate schedules."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import nn

# A low first moment keeps a game from circling (paper: momentum 0.1 for both players).
BETAS = (0.5, 0.999)


def make_optimizer(
    parameters: Iterable[nn.Parameter], learning_rate: float
) -> torch.optim.Optimizer:
    """Return Adam over the parameters, fused where torch can."""
    parameters = list(parameters)
    fused = bool(parameters) and parameters[0].device.type in ("cpu", "cuda")
    return torch.optim.Adam(parameters, lr=learning_rate, betas=BETAS, fused=fused)


def _cosine(t: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * t))


def _one_cycle(t: float, rise: float = 0.3) -> float:
    return _cosine(1 - t / rise) if t < rise else _cosine((t - rise) / (1 - rise))


# Factor of the learning rate at the share t in [0, 1) of the training.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda t: 1.0,
    "cosine": _cosine,
    "one_cycle": _one_cycle,
}


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Give all parameters of an optimiser one learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
