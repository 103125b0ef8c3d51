"""A net that trains by itself, as the `Models` of the loop."""

import time
from collections.abc import Callable
from typing import Any

from torch import Tensor

from sklearn_aae.training._engine import is_measured
from sklearn_aae.training.data._batch import Batch
from sklearn_aae.training.data._batches import Batches


class Alone:
    """One net; its weights are at home, and its callbacks may look into the steps.

    Parameters
    ----------
    net : AAENet
        The net.

    batches : Batches
        Its rows.

    validation : Batch or None
        Rows to evaluate each epoch on.
    """

    def __init__(self, net: Any, batches: Batches, validation: Batch | None):
        self.net, self.batches, self.validation = net, batches, validation

    def train_epoch(
        self, number: int, cancel: Callable[[], None]
    ) -> tuple[list[dict[str, float]], float]:
        """Take the steps of one epoch; wait for the device once, at its end."""
        start, net, n_steps = time.perf_counter(), self.net, self.batches.n_steps
        take = self._watched_step if net.looks_into_batches() else net.train_step

        def step(i: int, batch: Batch) -> dict[str, Tensor]:
            cancel()
            net.set_learning_rates(number - net.first_epoch_ + i / n_steps)
            return take(batch)

        values, latest = net.engine_.train_epoch(self.batches, number, step)
        if is_measured(number - net.first_epoch_, net.max_epochs, n_steps):
            values |= net.engine_.measure(latest)
        line = {name: float(value) for name, value in values.items()}
        return [line], time.perf_counter() - start

    def _watched_step(self, batch: Batch) -> dict[str, Tensor]:
        """Take a step between the callbacks of a batch."""
        net = self.net
        net.notify("on_batch_begin", batch=batch, training=True)
        losses = net.train_step(batch)
        for name, loss in losses.items():
            net.history.record_batch(name, float(loss))
        net.history.record_batch("train_batch_size", self.batches.batch_size)
        net.notify("on_batch_end", batch=batch, training=True, y_pred=None)
        return losses

    def calibrate(self, number: int) -> None:
        """Set batch normalisation to the average statistics of the present weights."""
        self.net.engine_.calibrate(self.batches, number)

    def evaluate(self, number: int) -> list[float]:
        """Return the criterion on the validation rows."""
        variance, engine = self.net.total_variance, self.net.engine_
        return [float(engine.evaluate(self.validation, number, variance))]

    def write_weights(self, c: int) -> None:
        """Do nothing: they are there."""

    def write_back(self, c: int) -> None:
        """Do nothing: all is there."""
