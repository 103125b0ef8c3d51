"""Optimisers and learning-rate schedules."""

import inspect
import math
import warnings
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from sklearn_aae.nn import lies_transposed

# A low first moment keeps a game from circling (paper: momentum 0.1 on both sides).
BETAS = (0.5, 0.999)

# What Adam remembers of a parameter.
STATE = ("step", "exp_avg", "exp_avg_sq")


def _fused(parameters: Sequence[Tensor]) -> bool:
    """Whether torch updates these parameters by one kernel, and rightly."""
    return bool(parameters) and all(
        p.device.type in ("cpu", "cuda") and p.is_contiguous() for p in parameters
    )


class Adam(torch.optim.Adam):
    """Adam of torch, without the second that torch spends importing its compiler.

    torch marks the methods of its optimisers as nothing to compile, and imports the
    compiler at the first call of each to say so. Below these marks they are the same.
    """

    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.Optimizer.zero_grad)
    state_dict = inspect.unwrap(torch.optim.Optimizer.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.Optimizer.load_state_dict)
    _update = inspect.unwrap(torch.optim.Adam.step)

    @torch.no_grad()
    def step(self, closure=None) -> None:  # type: ignore[override]
        """Update the parameters by their gradients."""
        self._update(closure)


def make_optimizer(
    parameters: Iterable[nn.Parameter], learning_rate: float
) -> torch.optim.Optimizer:
    """Return Adam over the parameters of one model, fused where torch can."""
    parameters = list(parameters)
    fused = _fused(parameters)
    return Adam(parameters, lr=learning_rate, betas=BETAS, fused=fused)


class OptimizerBundle(torch.optim.Optimizer):
    """The optimisers of all optimizer groups, as the one that skorch's callbacks know.

    Its parameter groups are theirs: a scheduler moves the rates of all, a checkpoint
    keeps the state of all. It takes no step; theirs are taken when their gradients
    stand.

    Parameters
    ----------
    optimizers : sequence of Optimizer
        One for each optimizer group; they may share parameters.
    """

    def __init__(self, optimizers: Sequence[torch.optim.Optimizer]):
        # Not the base's constructor: it refuses groups that share parameters.
        self.optimizers, self.defaults = list(optimizers), optimizers[0].defaults

    def __reduce__(self):
        return type(self), (self.optimizers,)

    @property
    def param_groups(self) -> list[dict]:  # type: ignore[override]
        """The parameter groups of all optimisers."""
        return [group for o in self.optimizers for group in o.param_groups]

    @property
    def state(self) -> dict:  # type: ignore[override]
        """What each group's optimiser remembers, by its place."""
        return {i: optimizer.state for i, optimizer in enumerate(self.optimizers)}

    def step(self, closure=None) -> None:  # type: ignore[override]
        """Do nothing."""

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop all gradients."""
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none)

    def state_dict(self) -> dict:
        """Return the state of each group's optimiser, by its place."""
        states = [optimizer.state_dict() for optimizer in self.optimizers]
        return {
            key: {i: state[key] for i, state in enumerate(states)} for key in states[0]
        }

    def load_state_dict(self, state_dict: dict) -> None:
        """Put states back.

        Raises
        ------
        ValueError
            If they are of another number of optimisers.
        """
        n_groups = len(state_dict["state"])
        if n_groups != len(self.optimizers):
            raise ValueError(
                f"The state is of {n_groups} optimisers, and this training has "
                f"{len(self.optimizers)}. Load one of the same parameters."
            )
        for i, optimizer in enumerate(self.optimizers):
            optimizer.load_state_dict({key: state_dict[key][i] for key in state_dict})


class StackedAdam(Adam):
    """Adam over stacked parameters (C, ...), whose members have rates of their own.

    Neighbours of equal rates share one group, whose parameters are slices of the stack:
    one fused update for each different rate, not for each member.

    Parameters
    ----------
    parameters : iterable of nn.Parameter of shape (C, ...)
        Stacked parameters, made by `pile`.

    spans : sequence of slice
        The members of each group, in order.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], spans: Sequence[slice]):
        self.whole, self.spans = list(parameters), list(spans)
        dense = [_dense(p.detach(), p) for p in self.whole]
        groups = [{"params": self._cut(dense, span)} for span in self.spans]
        super().__init__(groups, betas=BETAS, fused=_fused(dense))

    def _cut(self, stacked: Sequence[Tensor | None], span: slice) -> list:
        """Return the slices of stacked tensors; themselves where there is one span."""
        if len(self.spans) == 1:
            return list(stacked)
        return [None if values is None else values[span] for values in stacked]

    def step(self, closure=None) -> None:  # type: ignore[override]
        """Hand each group its slices of the gradients, and update."""
        gradients = [None if p.grad is None else _dense(p.grad, p) for p in self.whole]
        for span, group in zip(self.spans, self.param_groups, strict=True):
            parts = zip(group["params"], self._cut(gradients, span), strict=True)
            for part, gradient in parts:
                part.grad = gradient
        super().step(closure)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drop the gradients."""
        super().zero_grad(set_to_none)
        for parameter in self.whole:
            parameter.grad = None

    def load_members(self, states: Sequence[Sequence[dict[str, Tensor]]]) -> None:
        """Take over the state of each member's parameters: states[c][parameter].

        It is empty for parameters that the group's loss does not depend on.
        """
        for j, whole in enumerate(self.whole):
            rows = [member[j] for member in states]
            if not all(rows):
                continue
            means = {
                name: _dense(pile([row[name] for row in rows]), whole)
                for name in ("exp_avg", "exp_avg_sq")
            }
            for mean in means.values():
                _check_shape(mean, _dense(whole, whole).shape)
            for span, group in zip(self.spans, self.param_groups, strict=True):
                self.state[group["params"][j]] = {
                    "step": rows[span.start]["step"].clone(),
                    **{name: mean[span].clone() for name, mean in means.items()},
                }

    def member_state(self, c: int) -> list[dict[str, Tensor]]:
        """Return the state of member c's parameters, empty where there is none."""
        at = next(i for i, span in enumerate(self.spans) if c < span.stop)
        row = c - self.spans[at].start
        states: list[dict[str, Tensor]] = []
        for part, whole in zip(
            self.param_groups[at]["params"], self.whole, strict=True
        ):
            state = self.state.get(part)
            if not state:
                states.append({})
                continue
            means = {
                name: _dense(state[name], whole)[row].contiguous().clone()
                for name in ("exp_avg", "exp_avg_sq")
            }
            states.append({"step": state["step"].clone(), **means})
        return states


def spans_of(keys: Sequence) -> list[slice]:
    """Return the runs of equal neighbours."""
    edges = [c for c in range(1, len(keys)) if keys[c] != keys[c - 1]]
    return [slice(*ends) for ends in pairwise([0, *edges, len(keys)])]


def _dense(values: Tensor, parameter: Tensor) -> Tensor:
    """Return a view of `values` in which the parameter (see `pile`) is contiguous."""
    return values if parameter.is_contiguous() else values.mT


def pile(rows: Sequence[Tensor]) -> Tensor:
    """Stack tensors as (C, ...); matrices lie in memory as their gradients will.

    Then Adam needs no copies.
    """
    if rows[0].dim() != 2 or not lies_transposed(rows[0].shape):
        return torch.stack(list(rows))
    return torch.stack([row.mT for row in rows]).mT


def known_to(optimizer: torch.optim.Optimizer) -> list[bool]:
    """Return for each parameter whether the optimiser remembers something of it.

    After a step that is so, unless the group's loss does not depend on it.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    return [bool(optimizer.state.get(p)) for p in parameters]


def state_of(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Return all that an optimiser remembers, in order."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    states = [optimizer.state[p] for p in parameters if optimizer.state.get(p)]
    return [state[name] for state in states for name in STATE]


def give_state(
    optimizer: torch.optim.Optimizer, tensors: Iterable[Tensor], known: Sequence[bool]
) -> None:
    """Let an optimiser remember, of `known` parameters, tensors as of `state_of`."""
    rest = iter(tensors)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for parameter, is_known in zip(parameters, known, strict=True):
        if is_known:
            optimizer.state[parameter] = {name: next(rest) for name in STATE}


def load_state(
    optimizer: torch.optim.Optimizer,
    arrays: Iterable[np.ndarray],
    known: Sequence[bool],
) -> None:
    """Let an optimiser remember stored arrays, in the order of `state_of`."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    owners = [p for p, is_known in zip(parameters, known, strict=True) if is_known]
    places = [(p, name) for p in owners for name in STATE]
    fused = optimizer.param_groups[0].get("fused")
    tensors = []
    for (owner, name), array in zip(places, arrays, strict=True):
        tensor = torch.tensor(array)
        _check_shape(tensor, torch.Size() if name == "step" else owner.shape)
        # Unfused, torch counts steps on the CPU.
        there = name != "step" or fused
        tensors.append(tensor.to(owner.device) if there else tensor)
    give_state(optimizer, tensors, known)


def _check_shape(memory: Tensor, shape: torch.Size) -> None:
    """Raise ValueError if an optimiser would remember something of another shape.

    Its fused kernel does not look, and would write beyond the smaller one.
    """
    if memory.shape != shape:
        raise ValueError(
            f"An optimiser remembers an array of shape {tuple(memory.shape)} of a "
            f"parameter of shape {tuple(shape)}."
        )


def moved_by(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Return the parameters that an optimiser moves."""
    if isinstance(optimizer, StackedAdam):
        return list(optimizer.whole)
    return [p for group in optimizer.param_groups for p in group["params"]]


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


def warn_of_other_rates(schedule: str) -> None:
    """Warn of a callback whose learning rates a schedule replaces."""
    warnings.warn(
        "callbacks: one sets the learning rates, but learning_rate_schedule="
        f"{schedule!r} sets them again before each step. Use "
        "learning_rate_schedule='constant' with it.",
        UserWarning,
        stacklevel=2,
    )
