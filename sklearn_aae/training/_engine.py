"""The engine: the steps of an epoch, eager or replayed, and what follows them.

It serves one model and a stack of C models alike: losses and measures come out with
shape () or (C,). Epochs, history and callbacks are the loop's business (`_loop`).
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from sklearn_aae.nn import calibrating
from sklearn_aae.training._recipe import Recipe
from sklearn_aae.training._step import CannotReplayError, train_step
from sklearn_aae.training.data._batch import Batch
from sklearn_aae.training.data._batches import Batches, StackedBatches
from sklearn_aae.training.losses._criterion import (
    MAX_ROWS,
    criterion,
    critic_accuracy,
    prior_match_and_noise,
)
from sklearn_aae.training.losses._phases import TrainCritic
from sklearn_aae.utils._random import Playback, Streams, Tape, drawing_from

# A recording costs about as much time as it saves in so many steps. To look for one
# takes a step's time.
RECORDED_STEPS = 60
RECORDED_STACK_STEPS = 50
MIN_STEPS = 10

# The prior match is measured on the rows of as many steps as cost little beside all.
STEPS_A_MEASURED_ONE = 16

# Steps between two measurements of the game, at least: they take a step's time.
MEASURED_STEPS = 10

# Batches that set the statistics of batch normalisation after training.
CALIBRATION_BATCHES = 50


def is_measured(i: int, n_epochs: int, n_steps: int) -> bool:
    """Whether the game is measured after the i-th of some epochs.

    After the first and the last one, and after so many that `MEASURED_STEPS` lie
    between.
    """
    return i % -(-MEASURED_STEPS // n_steps) == 0 or i == n_epochs - 1


class Engine:
    """Takes the steps of a recipe by its optimisers, with noise of its own streams.

    Parameters
    ----------
    recipe : Recipe
        Networks and phases, of one model or a stack.

    optimizers : sequence of Optimizer
        One for each optimizer group of the recipe.

    streams : Streams
        Of the models' noise.

    Attributes
    ----------
    recorded : bool
        Whether the latest training recorded its steps and replays them.
    """

    def __init__(
        self,
        recipe: Recipe,
        optimizers: Sequence[torch.optim.Optimizer],
        streams: Streams,
    ):
        self.recipe, self.optimizers, self.streams = recipe, list(optimizers), streams
        self._replay: Any = None
        self._n_steps = 0
        self._make_replay: Callable | None = None
        self.recorded = False

    def step(
        self, batch: Batch, on_gradient: Callable[[], None] | None = None
    ) -> dict[str, Tensor]:
        """Let every optimizer group take one step."""
        if self._replay is not None:
            return self._replayed_step(self._replay, batch)
        if self._make_replay is None:
            return self._eager_step(batch, on_gradient)
        # The first step is eager: it shows the draws and begins the moments.
        tape, make, self._make_replay = Tape(self.streams), self._make_replay, None
        with drawing_from(tape):
            losses = self._eager_step(batch, on_gradient)
        self._replay = self._find_replay(make, batch, tape)
        self.recorded = self._replay is not None
        return losses

    def _find_replay(self, make: Callable, batch: Batch, tape: Tape):
        """Return the recorded step, if it pays."""
        replay = make(
            self.recipe,
            self.optimizers,
            self.streams,
            batch,
            tape.draws,
            n_steps=self._n_steps,
            enough=self._enough,
        )
        return replay if replay.run else None

    def _replayed_step(self, replay, batch: Batch) -> dict[str, Tensor]:
        """Replay a step; if that fails, take it eagerly, and all that follow."""
        noise = replay.draw()
        try:
            return replay(batch, noise)
        except CannotReplayError:
            self._replay, self.recorded = None, False
        with drawing_from(Playback(noise)):
            return self._eager_step(batch, None)

    def _eager_step(self, batch: Batch, on_gradient) -> dict[str, Tensor]:
        return train_step(
            self.recipe.networks,
            self.recipe.optimizer_groups,
            self.optimizers,
            batch,
            share_pass=self.recipe.update == "joint",
            on_gradient=on_gradient,
        )

    def plan(self, n_steps: int, make_replay: Callable | None) -> None:
        """Say what is to come, so that steps are replayed if it pays.

        Parameters
        ----------
        n_steps : int
            Number of steps.

        make_replay : callable or None
            Makes replays: `replay.Replay`. None where somebody looks into the steps.
        """
        self._replay, self._n_steps, self.recorded = None, n_steps, False
        # What came before may decide for a replay only where that changes no bit.
        exact = all(phase.replays_exactly for phase in self.recipe.phases)
        enough = MIN_STEPS if exact else self._enough
        self._make_replay = make_replay if n_steps >= enough else None

    @property
    def _enough(self) -> int:
        """Number of steps that a recording pays for."""
        return RECORDED_STACK_STEPS if self.streams.stacked else RECORDED_STEPS

    def train_epoch(
        self,
        batches: Batches | StackedBatches,
        number: int,
        step: Callable[[int, Batch], dict[str, Tensor]],
    ) -> tuple[dict[str, Tensor], list[Batch]]:
        """Take the steps of one epoch, without waiting for the device.

        Parameters
        ----------
        batches : Batches or StackedBatches
            Rows and prior samples.

        number : int
            Of the epoch.

        step : callable
            ``step(i, batch)`` takes the i-th step and returns its losses.

        Returns
        -------
        losses : dict of str to Tensor
            Mean of each phase's loss over the steps.

        latest : list of Batch
            The last ones: one of `STEPS_A_MEASURED_ONE`, of up to `MAX_ROWS` rows.
        """
        self.set_training(True)
        self.streams.reseed(number)
        sums: dict[str, Tensor] = {}
        most = MAX_ROWS // batches.batch_size
        n_kept = max(1, min(batches.n_steps // STEPS_A_MEASURED_ONE, most))
        latest: deque[Batch] = deque(maxlen=n_kept)
        with self.streams.active():
            for i, batch in enumerate(batches.epoch(number)):
                losses = step(i, batch)
                for name, loss in losses.items():
                    sums[name] = sums[name] + loss if name in sums else loss
                latest.append(batch)
        means = {name: total / batches.n_steps for name, total in sums.items()}
        return means, list(latest)

    def set_training(self, training: bool) -> None:
        # A walk through all modules; the user's own may be in another mode.
        if self.recipe.training != training or not self.recipe.own_layers:
            self.recipe.train(training)

    def measure(self, latest: Sequence[Batch]) -> dict[str, Tensor]:
        """Return the accuracy of each critic, and how far codes are off the prior.

        Parameters
        ----------
        latest : sequence of Batch
            The critics are asked of the last, the prior match is that of all together.
        """
        networks, measures = self.recipe.networks, {}
        for earlier in latest[:-1]:
            earlier.forget()  # codes of older weights
        own = [batch.rows("own") for batch in latest]
        batch = own[-1]
        with self.streams.active(), self._unchanged_statistics():
            for phase in self.recipe.phases:
                if isinstance(phase, TrainCritic):
                    accuracy = critic_accuracy(phase, networks, batch)
                    measures[f"{phase.name}_accuracy"] = accuracy
            if batch.x.shape[-2] > 1:
                match, noise = prior_match_and_noise(networks, own)
                measures |= {"prior_match": match, "prior_match_noise": noise}
        return measures

    @contextmanager
    def _unchanged_statistics(self) -> Iterator[None]:
        """Put back the running statistics: codes may be there already, or not."""
        before = [buffer.clone() for buffer in self.recipe.buffers()]
        try:
            yield
        finally:
            for buffer, value in zip(self.recipe.buffers(), before, strict=True):
                buffer.detach().copy_(value)

    @torch.no_grad()
    def calibrate(self, batches: Batches | StackedBatches, number: int) -> None:
        """Set batch normalisation to the average statistics of the present weights."""
        self.set_training(True)
        self.streams.reseed(number)
        with calibrating(self.recipe), self.streams.active():
            for i, batch in enumerate(batches.epoch(number)):
                if i == CALIBRATION_BATCHES:
                    break
                # Of the other networks that are normalised, critics of cells, the
                # averages of the training will do.
                batch.code(self.recipe.networks)
        self.set_training(False)

    def evaluate(self, batch: Batch, number: int, total_variance) -> Tensor:
        """Return the criterion on a batch: lower is better."""
        return self.ask(criterion, batch, number, total_variance)

    @torch.no_grad()
    def ask(self, answer: Callable[..., Any], batch: Batch, number: int, *given) -> Any:
        """Return ``answer(networks, batch, *given)`` of networks in evaluation mode."""
        self.set_training(False)
        batch.forget()
        self.streams.reseed(number)
        with self.streams.active():
            return answer(self.recipe.networks, batch, *given)
