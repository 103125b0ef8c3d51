"""Calls of `joblib.Parallel` inside a barrier, and their tasks."""

import contextlib
import threading
import traceback
from concurrent.futures import Future

from sklearn_aae import training
from sklearn_aae.utils._memo import MEMO

_here = threading.local()


def current_task():
    """Return the task that this thread runs, or None outside of barriers."""
    return getattr(_here, "task", None)


class Caller:
    """Whoever calls `joblib.Parallel`: a thread outside, or a task of the barrier.

    Attributes
    ----------
    blocked : int
        Number of its calls for whose results it waits and whose tasks have not ended.

    dispatching : bool
        Whether it may hold joblib's lock.

    ended : bool
        Whether it has ended. A generator of joblib that it made may live longer.
    """

    call = None
    slot = True  # a thread outside runs without one

    def __init__(self):
        self.blocked = 0
        self.dispatching = self.ended = False


class Task(Caller):
    """One task of a call: it is queued, runs, parks now and then, and ends."""

    slot = False

    def __init__(self, call, function, callback):
        super().__init__()
        self.call, self.function = call, function
        self.future: Future = Future()
        self.future.add_done_callback(callback)
        self.turn = threading.Condition(call.barrier.lock)
        self.thread = None
        self.jobs: list = []
        self.error: BaseException | None = None

    def run(self) -> None:
        """Do the work and tell joblib; an error is joblib's to raise in the caller."""
        self.thread = threading.current_thread()
        _here.task = self
        token = training.COLLECTOR.set(self.collect)
        memo = MEMO.set(self.call.barrier.memo)
        try:
            outcome = self.function(), None
        except BaseException as error:
            outcome = None, explain(error)
        finally:
            MEMO.reset(memo)
            training.COLLECTOR.reset(token)
            _here.task = None
        self.resolve(*outcome)

    def resolve(self, result, error=None) -> None:
        """Set the future, which calls joblib's callback in this thread."""
        # The callback may submit to a call that has been cancelled meanwhile.
        with contextlib.suppress(training.Cancelled):
            if error is None:
                self.future.set_result(result)
            else:
                self.future.set_exception(error)

    def collect(self, jobs) -> None:
        """Have jobs trained; they come back when they are. A fit calls this."""
        own = self.thread is threading.current_thread()
        if own and not self.blocked and not self.dispatching:
            self.call.barrier.park(self, jobs)
        else:
            training.train_jobs(jobs, cancelled=lambda: self.call.cancelled)


def explain(error: BaseException) -> BaseException:
    """Add the traceback as a note to an error: joblib drops that of a task."""
    if isinstance(error, Exception) and not hasattr(error, "__notes__"):
        lines = traceback.format_tb(error.__traceback__)
        error.add_note("\nIn the task:\n" + "".join(lines).rstrip())
    return error


class Call:
    """One call of `joblib.Parallel`.

    Parameters
    ----------
    barrier : Barrier
        Where its fits wait for those of other calls.

    caller : Caller
        Who waits for the results.
    """

    def __init__(self, barrier, caller):
        self.barrier, self.caller = barrier, caller
        self.unfinished = 0
        self.opened = self.awaited = self._cancelled = False

    @property
    def cancelled(self) -> bool:
        """Whether this call, or one around it, has been cancelled."""
        around = self.caller.call
        return self._cancelled or (around is not None and around.cancelled)

    def submit(self, function, callback) -> Future:
        """Queue a task."""
        task = Task(self, function, callback)
        self.barrier.submit(task)
        return task.future

    @contextlib.contextmanager
    def results_awaited(self):
        """While inside, the caller waits for results."""
        self.barrier.begin_waiting(self)
        try:
            yield
        finally:
            self.barrier.end_waiting(self)

    def cancel(self) -> None:
        """Cancel the tasks, with all calls that they have made in turn."""
        self._cancelled = True
        self.barrier.end_cancelled()

    def close(self) -> None:
        """End the call; the outermost one ends the barrier."""
        self.caller.dispatching = False
        if self.unfinished:  # Ctrl-C may have kept joblib from saying so
            self.cancel()
        if self.caller is self.barrier.outermost:
            self.barrier.close()
