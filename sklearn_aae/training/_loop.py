"""One loop of epochs for one model or many: evaluation, history, callbacks, Ctrl-C.

Members train together. Where their weights are meanwhile, in each net or piled up in a
`Stack`, is the `Models`' business. Members begin together and end on their own: one
that has stopped is written back to its net and no longer looked at, until enough have
stopped for the others to move together.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from sklearn_aae.training.data._batch import Batch
from sklearn_aae.training.data._batches import Batches

# Members that have stopped are carried along until no more than this share is left.
KEPT_SHARE = 0.75


class NonFiniteLossError(ValueError):
    """A loss became NaN or infinite; the message says which, when and what to do."""


def check_finite(values: Mapping[str, float], epoch: int) -> None:
    """Raise NonFiniteLossError if a loss of an epoch, counted from 1, is no number."""
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    if bad:
        raise NonFiniteLossError(
            f"The {bad[0]} loss became {values[bad[0]]} in epoch {epoch}. "
            "Lower learning_rate or critic_learning_rate, raise gradient_penalty, "
            "or scale the columns (scale='standard' or 'quantile')."
        )


class Watcher(Protocol):
    """Hears of a net's epochs; it looks into no step, so that the net stacks.

    Attributes
    ----------
    stopped : bool
        Whether it has ended the training early.
    """

    stopped: bool

    def begin_epoch(self) -> None:
        """Hear that an epoch begins."""
        ...

    def end_epoch(self, write_weights: Callable[[], None]) -> None:
        """Hear that one has ended, and the history has its line.

        Parameters
        ----------
        write_weights : callable
            Brings the present weights into the net.
        """
        ...

    def move(self, n_epochs: int) -> None:
        """Hear that the net is so many epochs further, or back, without training."""
        ...


class TimeIsUpError(Exception):
    """The time that trainings were given is over; within this module only."""


class Timer:
    """Charges members with the time that they train, and ends it when it is over.

    A stack's time is that of its running members together: each pays its part. The
    first step is always taken.

    Parameters
    ----------
    cancel : callable
        Called before each step, too; may raise.

    by_epochs : bool
        Whether the training ends between epochs only, where checkpoints are written.
    """

    def __init__(self, cancel: Callable[[], None], *, by_epochs: bool):
        self.cancel, self.by_epochs = cancel, by_epochs
        self._begin, self._end, self._n_steps = time.perf_counter(), math.inf, 0

    def start(self, running: Sequence["Member"]) -> None:
        """Begin an epoch of members that are still running."""
        self._end = self._begin + sum(member.net.time_left for member in running)

    def step(self) -> None:
        """Raise TimeIsUpError before a step if the time is over."""
        self.cancel()
        if self._n_steps and not self.by_epochs and self.is_over:
            raise TimeIsUpError
        self._n_steps += 1

    @property
    def is_over(self) -> bool:
        """Whether the time is over."""
        return time.perf_counter() > self._end

    def charge(self, running: Sequence["Member"]) -> None:
        """Take the time since the last epoch off that of its members."""
        now = time.perf_counter()
        for member in running:
            member.net.time_left -= (now - self._begin) / len(running)
        self._begin = now


@dataclass(eq=False)
class Member:
    """A net in training.

    Attributes
    ----------
    net : AAENet
        What to train.

    batches : Batches
        Its rows.

    validation : Batch or None
        Rows to evaluate it on.

    validate : bool
        Whether to evaluate each epoch.

    epochs : int or None
        How many epochs of the training there are; None for the net's `max_epochs`,
        which the learning rate schedule spans in any case.

    resumes : bool
        Whether the net's latest training goes on, which ended after fewer epochs.

    watcher : Watcher or None
        Who hears of its epochs.

    error : Exception or None
        Why it failed.
    """

    net: Any
    batches: Batches
    validation: Batch | None
    validate: bool = False
    epochs: int | None = field(default=None, kw_only=True)
    resumes: bool = field(default=False, kw_only=True)
    watcher: Watcher | None = field(default=None, kw_only=True)
    error: Exception | None = field(default=None, init=False)

    @property
    def stopped(self) -> bool:
        """Whether the watcher has ended the training early."""
        return self.watcher is not None and self.watcher.stopped

    @property
    def epochs_done(self) -> int:
        """Number of epochs of a training that goes on which are done."""
        return len(self.net.history) - self.net.first_epoch_ if self.resumes else 0

    @property
    def epochs_left(self) -> int:
        """Number of epochs still to come, once the training has begun."""
        epochs = self.net.max_epochs if self.epochs is None else self.epochs
        return self.net.first_epoch_ + epochs - len(self.net.history)

    @property
    def at_end(self) -> bool:
        """Whether all epochs are done."""
        return self.epochs_left <= 0

    def begin(self) -> None:
        """Count the epochs of a training from here, or go on counting."""
        if not self.resumes:
            self.net.first_epoch_ = len(self.net.history)

    def notify(self, hook: str, **arguments: Any) -> None:
        """Call the callbacks; their error is this member's alone."""
        try:
            self.net.notify(hook, **arguments)
        except Exception as error:
            self.error = self.error or error

    def begin_epoch(self) -> None:
        """Let callbacks and watcher hear of it; their error is this member's alone."""
        self.notify("on_epoch_begin", **self.datasets())
        if self.watcher is not None and self.error is None:
            try:
                self.watcher.begin_epoch()
            except Exception as error:
                self.error = error

    def datasets(self) -> dict:
        """Return what callbacks get to know of the rows."""
        validation = self.validation if self.validate else None
        return {"dataset_train": self.batches, "dataset_valid": validation}


Kind = TypeVar("Kind", bound=Member)


class Models(Protocol):
    """Members' models, wherever their weights are while they train."""

    def train_epoch(
        self, number: int, cancel: Callable[[], None]
    ) -> tuple[list[dict[str, float]], float]:
        """Train one epoch; return each member's line of the history, and the time."""
        ...

    def calibrate(self, number: int) -> None:
        """Set batch normalisation to the average statistics of the present weights."""
        ...

    def evaluate(self, number: int) -> list[float]:
        """Return the criterion of each member on its validation rows."""
        ...

    def write_weights(self, c: int) -> None:
        """Bring the weights of member c into its net."""
        ...

    def write_back(self, c: int) -> None:
        """Bring all that member c has learnt into its net, its optimisers included."""
        ...


def run_epochs(
    members: Sequence[Kind],
    make_models: Callable[[Sequence[Kind]], Models],
    cancel: Callable[[], None],
) -> None:
    """Train until the last member has ended; failures are in their `error`.

    Ctrl-C and the end of the nets' `time_left` end it where it is.

    Parameters
    ----------
    members : sequence of Member
        Equally long trained before.

    make_models : callable
        ``make_models(members)`` returns the models of some of them.

    cancel : callable
        Called before each step; may raise.
    """
    for member in members:
        member.begin()
    running = [member for member in members if not member.at_end]
    present, keeper = list(running), members[0].net.keeper if members else None
    if keeper is not None:
        present, running = keeper.resume(members)
    if not running:
        return
    number = len(running[0].net.history)
    models = make_models(present)
    timer = Timer(cancel, by_epochs=keeper is not None)
    try:
        while running:
            if len(running) <= KEPT_SHARE * len(present):
                for member in running:
                    models.write_back(present.index(member))
                models, present = make_models(running), list(running)
            _begin_epoch(running)
            if not running:
                return
            timer.start(running)
            lines, duration = models.train_epoch(number, timer.step)
            number += 1
            if present[0].validate:
                # What is evaluated, and kept if the best, has exact batch statistics.
                models.calibrate(number)
                for line, loss in zip(lines, models.evaluate(number), strict=True):
                    line["valid_loss"] = loss
            timer.charge(running)
            for c, member in enumerate(present):
                if member in running and _end_epoch(
                    member, models, c, lines[c], duration
                ):
                    running.remove(member)
                    models.write_back(c)
            is_over = timer.is_over
            if keeper is not None:
                keeper.keep(models, present, running, at_once=is_over)
            if is_over and running:
                raise TimeIsUpError
    except (KeyboardInterrupt, TimeIsUpError) as error:
        timer.charge(running)
        for member in running:
            models.write_back(present.index(member))
            # A later part, or fit, goes on after whole epochs, as a stored net does.
            member.net.restore_history(member.net.finished_history())
            if isinstance(error, TimeIsUpError):
                member.net.out_of_time = True
            else:
                member.net.interrupted_ = True


def _begin_epoch(running: list[Kind]) -> None:
    """Call the callbacks; members whose callbacks fail run no more."""
    for member in list(running):
        member.begin_epoch()
        if member.error is not None:
            running.remove(member)


def _end_epoch(
    member: Member, models: Models, c: int, line: dict[str, float], duration: float
) -> bool:
    """Record a member's epoch and call its callbacks; return whether it ends."""
    net, has_stopped = member.net, False
    try:
        check_finite(line, len(net.history))
        loss = line.pop("valid_loss", None)
        net.record(line, duration)
        if loss is not None:
            net.record_validation(loss)
        if net.callbacks_:
            models.write_weights(c)
        try:
            net.notify("on_epoch_end", **member.datasets())
        except KeyboardInterrupt:  # how skorch stops early
            has_stopped = net.has_stopped()
            if not has_stopped:
                raise
        if member.watcher is not None:
            member.watcher.end_epoch(lambda: models.write_weights(c))
    except Exception as error:
        member.error = error
        return True
    return has_stopped or member.stopped or member.at_end
