"""What a fit tells while it trains: scikit-learn's callbacks, and the line of verbose.

A fit's tasks, as scikit-learn's callbacks see them: the fit; in it, where it trains
several models, each "model"; in these each "epoch". Models that train as one stack move
together, be they restarts or the fits of a search.
"""

import math
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any

from sklearn_aae.estimators._board import BOARD, mean_of
from sklearn_aae.estimators._data import FitInput
from sklearn_aae.estimators._fitting import Trainer
from sklearn_aae.estimators._nets import load_net
from sklearn_aae.estimators._state import to_arrays
from sklearn_aae.training import AAENet, Job
from sklearn_aae.utils._compat import CALLBACKS
from sklearn_aae.utils._random import lent_generator

# Of the history, what says most to who waits, and what says nothing.
FIRST = ("reconstruction", "prior_match", "valid_loss")
UNTOLD = ("epoch", "dur", "batches", "valid_loss_best", "prior_match_noise")


class Progress:
    """Tells callbacks, and who has set `verbose`, how far a fit is.

    Parameters
    ----------
    estimator : BaseModel
        What is fitted.

    given : FitInput
        What `fit` was called with.

    calls_back : bool
        Whether to call scikit-learn's callbacks; a chunk of a stream is no fit.

    Attributes
    ----------
    n_trainings : int
        How many times the models are trained. An estimator may say so before it begins.
    """

    def __init__(self, estimator: Any, given: FitInput, *, calls_back: bool):
        self.estimator, self.given, self.n_trainings = estimator, given, 1
        self._calls_back = calls_back and hasattr(estimator, "_init_callback_context")
        self._root: Any = None
        self._watches: list[Watch] = []
        self._started: float | None = None
        weight = given.sample_weight
        self._told = {
            "estimator": estimator,
            "X": given.X,
            "y": given.y,
            "metadata": None if weight is None else {"sample_weight": weight},
        }

    def begin(self, n_models: int, n_epochs: int) -> None:
        """Tell of the fit, as soon as its size is known; of a second training, nothing.

        Parameters
        ----------
        n_models : int
            How many are trained each time.

        n_epochs : int
            Of each model.
        """
        if self._started is not None:
            return
        self._started = time.monotonic()
        self.n_models, self.n_epochs = n_models * self.n_trainings, n_epochs
        if self._calls_back:
            several = self.n_models > 1
            self._root = self.estimator._init_callback_context(
                max_subtasks=self.n_models if several else n_epochs,
                sequential_subtasks=not several,
            )
            self._root.call_on_fit_task_begin(**self._told)
        if self.estimator.verbose:
            BOARD.join(self)

    def watch(self, nets: Iterable[AAENet], trainer: Trainer) -> dict:
        """Return a watcher for each net that a trainer is about to train."""
        watches = {}
        for net in nets:
            watches[net] = Watch(self, trainer, self._task())
            self._watches.append(watches[net])
        return watches

    def _task(self) -> Any:
        """Return the context of the next model's task."""
        if self._root is None or self.n_models == 1:
            return self._root
        task = self._root.subcontext(
            task_name="model", task_id=len(self._watches), max_subtasks=self.n_epochs
        )
        return task.call_on_fit_task_begin(**self._told)

    def begin_epoch(self, task: Any) -> Any:
        """Return the context of the next epoch of a model, or of a fit of one."""
        if task is None:
            return None
        epoch = task.subcontext(task_name="epoch")
        return epoch.call_on_fit_task_begin(**self._told)

    def end_epoch(self, epoch: Any, attributes: Callable[[], dict]) -> bool:
        """Return whether a callback ends the training with this epoch."""
        if epoch is None:
            return False
        return epoch.call_on_fit_task_end(**self._told_of(attributes))

    def end_model(self, task: Any, epoch: Any) -> None:
        """Tell that a model has left, perhaps amid an epoch."""
        for context in (epoch, task if self.n_models > 1 else None):
            if context is not None:
                context.call_on_fit_task_end(**self._told)

    def end(self) -> None:
        """Tell that the fit is complete."""
        if self._root is not None:
            self._root.call_on_fit_task_end(**self._told_of({}))

    def _told_of(self, attributes: dict | Callable[[], dict]) -> dict:
        """Return what callbacks get to know where they may ask for a fitted model."""
        # An autoencoder's target is its rows; scikit-learn scores nothing without y.
        y = self.given.X if self.given.y is None else self.given.y
        return self._told | {"y": y, "reconstruction_attributes": attributes}

    def leave(self) -> None:
        """Take the fit, complete or not, off the status line."""
        if self._started is not None and self.estimator.verbose:
            BOARD.leave(self)
        self._watches.clear()  # they know this: see `Watch.close`

    # --- for those who wait -----------------------------------------------------------

    @property
    def calls_back(self) -> bool:
        """Whether callbacks of scikit-learn hear of the epochs."""
        return self._root is not None and bool(getattr(self.estimator, CALLBACKS, ()))

    @property
    def done(self) -> float:
        """Share of the epochs that are done; those that will not be count, too."""
        return sum(watch.done for watch in self._watches) / self.n_models

    @property
    def seconds(self) -> float:
        """Time since the training began."""
        return 0.0 if self._started is None else time.monotonic() - self._started

    def where(self) -> str:
        """Return how far the training is, in words."""
        if self.n_models > 1:
            return f"{self.n_models} models, {self.done:.0%}"
        n_done = sum(watch.n_done for watch in self._watches)
        return f"epoch {n_done}/{self.n_epochs}"

    def losses(self) -> dict[str, float]:
        """Return the latest line of the history, averaged over the models."""
        lines = [watch.line for watch in self._watches if watch.line]
        return mean_of(lines)


class Watch:
    """Follows a net of a fit: the `training.Watcher` of its jobs.

    Parameters
    ----------
    progress : Progress
        Of the fit.

    trainer : Trainer
        Who trains the net.

    task : CallbackContext or None
        Whose subtasks the epochs are.
    """

    def __init__(self, progress: Progress, trainer: Trainer, task: Any):
        self._progress, self._task = progress, task
        self._trainer: Trainer | None = trainer
        self._epoch: Any = None
        self.n_done = self._n_told = 0
        self._closed = self.stopped = False
        self.line: dict[str, float] = {}
        self.job: Job | None = None

    @property
    def done(self) -> float:
        """Share of the epochs that are done."""
        return 1.0 if self._closed else self.n_done / self._progress.n_epochs

    def begin_epoch(self) -> None:
        """Tell the callbacks; of an epoch that is trained again, nothing."""
        if self.n_done == self._n_told:
            self._epoch = self._progress.begin_epoch(self._task)
            self._n_told += 1

    def end_epoch(self, write_weights: Callable[[], None]) -> None:
        """Tell the callbacks and who waits."""
        assert self.job is not None
        assert self._trainer is not None
        job, trainer, epoch = self.job, self._trainer, None
        self.n_done += 1
        if self.n_done == self._n_told:
            epoch, self._epoch = self._epoch, None

        def attributes() -> dict:
            write_weights()
            return fitted_so_far(self._progress, trainer, job)

        self.stopped = self._progress.end_epoch(epoch, attributes)
        verbose = self._progress.estimator.verbose
        if verbose:
            last = job.net.history[-1]
            names = dict.fromkeys((*FIRST, *last))
            self.line = {k: last[k] for k in names if k in last and k not in UNTOLD}
            BOARD.tell(self._progress, each=verbose > 1)

    def move(self, n_epochs: int) -> None:
        """Count epochs that a checkpoint has brought, or that are to be trained again.

        Callbacks hear of neither.
        """
        self.n_done += n_epochs
        self._n_told = max(self._n_told, self.n_done)

    def close(self) -> None:
        """Tell that the net trains no more in this fit."""
        if not self._closed:
            self._closed = True
            # Who is watched holds the rows, and knows who watches: in a circle they
            # would outlive the fit.
            self._trainer = self.job = None
            self._progress.end_model(self._task, self._epoch)


def fitted_so_far(progress: Progress, trainer: Trainer, job: Job) -> dict:
    """Return the attributes that a fit would set if it ended now, with this net alone.

    Parameters
    ----------
    progress : Progress
        Of the fit.

    trainer : Trainer
        Who trains the net.

    job : Job
        Of the net, which has its present weights; it stays as it is.
    """
    part, model = _shallow(trainer.estimator), _shallow(progress.estimator)
    part.callbacks = None  # the user's are at work
    there = {
        "weights": to_arrays(job.net.module_),
        "history": job.net.finished_history(),
        "seed": job.net.seed,
        "loss": math.nan,
    }
    net = load_net(part, trainer.spec, trainer.data, there)
    own = net.module_.own_layers
    with nullcontext() if own else lent_generator(net.seed, job.batches.x.device):
        if job.calibrate:
            net.calibrate(job.batches)
        net.loss_ = net.evaluate(job.validation)
        model._take_over({net: trainer}, trainer.data, trainer.spec)
        before = vars(progress.estimator)
        model._finish(progress.given, streams=False, before=before)
    return {k: v for k, v in vars(model).items() if before.get(k, net) is not v}


def _shallow(estimator: Any) -> Any:
    """Return a copy that shares all attributes; `copy.copy` rebuilds networks."""
    copied = object.__new__(type(estimator))
    vars(copied).update(vars(estimator))
    return copied
