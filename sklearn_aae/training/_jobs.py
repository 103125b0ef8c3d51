"""Jobs: what a fit asks to be trained."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TypeVar

from sklearn_aae.training._net import AAENet
from sklearn_aae.training.data._batch import Batch
from sklearn_aae.training.data._batches import Batches
from sklearn_aae.utils._device import torch_threads
from sklearn_aae.utils._random import epoch_seeds, lent_generator

Raised = TypeVar("Raised", bound=BaseException)


@dataclass(eq=False)
class Job:
    """One training.

    Attributes
    ----------
    net : AAENet
        What to train; new, or trained before.

    batches : Batches
        Rows.

    validation : Batch
        Rows to evaluate the result on: held-out ones, or training rows.

    validate : bool
        Whether to evaluate each epoch, too: the rows are held out.

    calibrate : bool
        Whether the batch statistics are set at the end. Held-out rows have them set
        before each evaluation.

    error : Exception or None
        Why it failed.

    done : bool
        Whether the net has been trained and evaluated.
    """

    net: AAENet
    batches: Batches
    validation: Batch
    validate: bool = False
    calibrate: bool = True
    error: Exception | None = field(default=None, init=False)
    done: bool = field(default=False, init=False)

    @property
    def n_weights(self) -> int:
        """Number of parameters."""
        return sum(p.numel() for p in self.net.module_.parameters())

    @property
    def n_bytes(self) -> int:
        """Memory that the job holds until it is trained: rows, weights and moments."""
        return self.batches.x.nbytes + 3 * 4 * self.n_weights

    def run(self, cancel: Callable[[], None] = lambda: None) -> None:
        """Train alone; `cancel` is called before each step and may raise."""
        net, validation = self.net, self.validation
        if self.validate:
            net.train_split = lambda data, y=None: (data, validation)
        net.cancel = cancel  # type: ignore[method-assign]
        with self._scope():
            try:
                net.partial_fit(self.batches)
            finally:
                net.train_split = None
                del net.cancel
            self.finish()

    def finish(self) -> None:
        """Set the batch statistics and evaluate the outcome."""
        if self.calibrate:
            self.net.calibrate(self.batches)
        self.net.loss_ = self.net.evaluate(self.validation)
        self.done = True

    @contextmanager
    def _scope(self) -> Iterator[None]:
        """Choose the threads; lend the user's own modules a seeded generator."""
        (seed,) = epoch_seeds(self.net.seed, len(self.net.history))
        device = self.batches.x.device
        lent = (
            nullcontext()
            if self.net.module_.own_layers
            else lent_generator(seed, device)
        )
        with torch_threads(step_flops(self)), lent:
            yield


def step_flops(job: Job) -> float:
    """Return about how many operations one step of a job takes."""
    return 6.0 * job.n_weights * job.batches.batch_size


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
