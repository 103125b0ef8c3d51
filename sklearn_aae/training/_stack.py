"""A stack: C models of one shape, trained as one.

Letters: C models in a stack. The stacked recipe has the members' parameters along one
leading axis; its layers read the axis off their shapes (`nn`), its losses are of shape
(C,), and their sum gives each member its own gradients. `torch.func.vmap` over ordinary
modules runs equally fast, but knows no row of a stack: an own random stream, an own
rate of dropout or a batch statistic for each member would have to be built around it.
"""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import fields, replace

import torch
from torch import Tensor, nn

from sklearn_aae.training._engine import Engine, is_measured
from sklearn_aae.training._net import AAENet
from sklearn_aae.training._optim import StackedAdam, pile, spans_of
from sklearn_aae.training._recipe import Recipe
from sklearn_aae.training.data._batch import Batch
from sklearn_aae.training.data._batches import StackedBatches
from sklearn_aae.training.losses._phases import Phase
from sklearn_aae.training.replay._recording import Replay
from sklearn_aae.utils._random import Streams


def stack_recipes(recipes: Sequence[Recipe]) -> Recipe:
    """Return the recipe of a stack; networks without parameters are shared."""
    networks = copy.deepcopy(recipes[0].networks)
    for name, network in networks.items():
        if next(network.parameters(), None) is None:
            continue
        members = [dict(recipe.networks[name].named_modules()) for recipe in recipes]
        for path, module in network.named_modules():
            _stack_tensors(module, [member[path] for member in members])
    like = next(networks.parameters())
    same = zip(*(recipe.phases for recipe in recipes), strict=True)
    phases = [_stack_phases(p, like) for p in same]
    stacked = Recipe(networks, phases, recipes[0].update)
    return stacked.train(recipes[0].training)


def _stack_tensors(module: nn.Module, members: Sequence[nn.Module]) -> None:
    """Give a module the piled parameters and buffers of its members."""
    for key, parameter in module._parameters.items():
        if parameter is not None:
            rows = [m._parameters[key].detach() for m in members]  # type: ignore[union-attr]
            module._parameters[key] = nn.Parameter(pile(rows))
    for key, buffer in module._buffers.items():
        if buffer is not None:
            rows = [m._buffers[key] for m in members]  # type: ignore[misc]
            module._buffers[key] = torch.stack(rows)


def _stack_phases(members: Sequence[Phase], like: Tensor) -> Phase:
    """Return a phase whose fields that differ between members are tensors (C,)."""
    changes = {}
    for field in fields(members[0]):
        values = [getattr(phase, field.name) for phase in members]
        if any(value != values[0] for value in values):
            changes[field.name] = torch.tensor(values, dtype=torch.float64).to(like)
    return replace(members[0], **changes)


class Stack:
    """Nets that train together.

    Parameters
    ----------
    nets : sequence of AAENet
        Of one shape, equally long trained before; those of equal `schedule_key` side by
        side.

    batches : StackedBatches
        Their rows.

    validation : Batch or None
        Rows of shape (C, B, d) to evaluate each epoch on, if any.

    n_epochs : int
        How many are to come, at most.
    """

    def __init__(
        self,
        nets: Sequence[AAENet],
        batches: StackedBatches,
        validation: Batch | None,
        n_epochs: int,
    ):
        self.nets, self.batches, self.validation = list(nets), batches, validation
        self.n_epochs = n_epochs
        recipe = stack_recipes([net.module_ for net in nets])
        streams = Streams([net.seed for net in nets], next(recipe.parameters()).device)
        self.engine = Engine(recipe, [], streams)
        # Members of equal schedule share a group of the optimisers; its first leads it.
        self.spans = spans_of([net.schedule_key for net in nets])
        self.leaders = [self.nets[span.start] for span in self.spans]

    def _make_optimizers(self) -> list[torch.optim.Optimizer]:
        """Return an optimiser for each group, with what the members' own remember."""
        recipe = self.engine.recipe
        optimizers: list[torch.optim.Optimizer] = []
        for i, group in enumerate(recipe.optimizer_groups):
            optimizer = StackedAdam(recipe.moved(group), self.spans)
            states = [_adam_state(net.engine_.optimizers[i]) for net in self.nets]
            optimizer.load_members(states)
            optimizers.append(optimizer)
        return optimizers

    def train_epoch(
        self, number: int, cancel: Callable[[], None]
    ) -> tuple[list[dict[str, float]], float]:
        """Train one epoch; return each member's line of the history, and the time.

        Parameters
        ----------
        number : int
            Of the epoch.

        cancel : callable
            Called before each step; may raise.
        """
        start = time.perf_counter()
        if not self.engine.optimizers:
            self.engine.optimizers = self._make_optimizers()
            recordable = all(net.record_steps for net in self.nets)
            n_steps = self.n_epochs * self.batches.n_steps
            self.engine.plan(n_steps, Replay if recordable else None)

        def step(i: int, batch: Batch) -> dict[str, Tensor]:
            cancel()
            self._set_learning_rates(self._done(number) + i / self.batches.n_steps)
            return self.engine.step(batch)

        values, latest = self.engine.train_epoch(self.batches, number, step)
        done, n_steps = self._done(number), self.batches.n_steps
        measured = [is_measured(done, net.max_epochs, n_steps) for net in self.nets]
        losses = list(values)
        if any(measured):
            values |= self.engine.measure(latest)
        columns = torch.stack(list(values.values())).T.tolist()  # one wait
        # As alone: of a member that is not to be measured now, the losses only.
        lines = [
            dict(zip(values if own else losses, column, strict=False))
            for own, column in zip(measured, columns, strict=True)
        ]
        return lines, (time.perf_counter() - start) / len(self.nets)

    def _done(self, number: int) -> int:
        """Return how many epochs of this training come before epoch `number`."""
        return number - self.nets[0].first_epoch_

    def calibrate(self, number: int) -> None:
        """Set batch normalisation to the average statistics of the present weights."""
        self.engine.calibrate(self.batches, number)

    def evaluate(self, number: int) -> list[float]:
        """Return the criterion of each member on its validation rows."""
        assert self.validation is not None
        total = [net.total_variance for net in self.nets]
        variance = torch.tensor(total, dtype=torch.float64).to(self.validation.x)
        return self.engine.evaluate(self.validation, number, variance).tolist()

    def _set_learning_rates(self, epochs_done: float) -> None:
        """Follow each group's schedule."""
        factors = [net.factor(epochs_done) for net in self.leaders]
        groups = self.engine.recipe.optimizer_groups
        for group, optimizer in zip(groups, self.engine.optimizers, strict=True):
            for net, factor, parameters in zip(
                self.leaders, factors, optimizer.param_groups, strict=True
            ):
                parameters["lr"] = factor * net.learning_rate(group)

    @torch.no_grad()
    def write_weights(self, c: int) -> None:
        """Copy the parameters and buffers of member c into its net."""
        stacked, own = self.engine.recipe.networks, self.nets[c].module_.networks
        for name, network in stacked.items():
            if next(network.parameters(), None) is None:
                continue
            for pairs in (
                zip(own[name].parameters(), network.parameters(), strict=True),
                zip(own[name].buffers(), network.buffers(), strict=True),
            ):
                for mine, whole in pairs:
                    mine.copy_(whole[c])

    def write_back(self, c: int) -> None:
        """Copy all that member c has learnt into its net, its optimisers included."""
        self.write_weights(c)
        if not self.engine.optimizers:
            return  # interrupted before the first step
        self.nets[c].engine_.recorded = self.engine.recorded
        optimizers = self.nets[c].engine_.optimizers
        for whole, own in zip(self.engine.optimizers, optimizers, strict=True):
            assert isinstance(whole, StackedAdam)
            parameters = own.param_groups[0]["params"]
            states = zip(parameters, whole.member_state(c), strict=True)
            own.state.update({p: state for p, state in states if state})


def _adam_state(optimizer: torch.optim.Optimizer) -> list[dict[str, Tensor]]:
    """Return the state of an optimiser's parameters, empty where there is none."""
    parameters = optimizer.param_groups[0]["params"]
    return [optimizer.state.get(p, {}) for p in parameters]
