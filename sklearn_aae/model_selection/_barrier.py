"""A barrier at which the fits of a search wait, so that they are trained together.

Each task of a call of `joblib.Parallel` runs in a thread of its own. A fit inside does
not train: it *parks* its jobs at the barrier and waits. When no thread is left that
could park one more, all parked jobs are trained together, and each fit goes on with its
own result.

When is none left? That is counted, never guessed from the clock. *Active* is what may
still park a job, or start a task that may:

- a task that runs, from its start until joblib's callback for it has returned, since
  the callback may submit the next task;
- the caller, from the beginning until it waits for results, since it dispatches.

Not active is a task that is parked, and a task that waits for a nested call whose tasks
have not all ended: they are counted themselves. The last of them makes its caller
active again in the same instant, so that no training slips in between. At a count of
zero the training starts. A task that waits in the queue is not counted: it is started
as soon as a slot and the memory allow, before the count is tested. If it cannot be
started because memory is short, the training of what is parked frees some.

As many tasks as there are *slots* run Python at a time. A task that parks or waits
gives its slot back, and takes one again before it goes on. joblib dispatches more tasks
than it has workers, so threads are never a fixed pool: a pool of n threads, all parked,
would leave the others in the queue for ever.

The first tasks are started, and all batches trained, by one more thread, the
*scheduler*. The thread of the caller is where Ctrl-C strikes, between any two steps, so
it changes as little as it can; and a thread of our own has no limits of a task on it.

One lock guards it all. joblib's callbacks take joblib's lock and then, by submitting,
this one; so no callback is ever called with this lock held. For the same reason no
thread parks that may hold joblib's lock: fits in a callback, or in a nested dispatch
(where the user's generator of tasks runs), train at once.
"""

import math
import threading
import time
from collections import deque

from sklearn_aae import training
from sklearn_aae.model_selection._calls import Call, Caller, Task, current_task
from sklearn_aae.model_selection._resources import (
    WARNING_FILTERS,
    MemoryBudget,
    Threads,
)
from sklearn_aae.utils._memo import Memo

# How long the end of a call waits for its threads. They are done, except after an
# error or Ctrl-C: then a task may be amid a long computation that knows no stop.
GRACE_SECONDS = 5.0


class Barrier:
    """The tasks of one outermost call and of the calls nested in it, and their fits.

    Parameters
    ----------
    n_slots : int
        How many tasks may run Python at a time.

    max_models : int, default=None
        How many models may be held and trained at a time.
    """

    def __init__(self, n_slots: int, max_models: int | None = None):
        # Reentrant: the garbage collector may end a generator of joblib, and thereby
        # a call, in a thread that has the lock.
        self.lock = threading.RLock()
        self.outermost = Caller()
        # Candidates of a search share folds: what is computed of the same rows.
        self.memo = Memo()
        self._active = 1  # the outermost caller
        self._free_slots = n_slots
        self._threads = Threads()
        self._memory = MemoryBudget(max_models)
        self._queued: deque[Task] = deque()
        self._ready: deque[Task] = deque()
        self._parked: list[Task] = []
        self._batch: list[Task] = []  # in training
        self._scheduler_turn = threading.Condition(self.lock)
        self._opened = self._closed = self._has_cancelled = False
        self._workers: list[threading.Thread] = []
        self._deadline = math.inf

    # --- what calls and tasks ask for ---------------------------------------------

    def submit(self, task: Task) -> None:
        """Queue a task."""
        with self.lock:
            self._check(task)
            if not self._opened:
                # Not before: joblib ends a call for sure only once it has tasks.
                self._opened = True
                self._start_thread(self._run_scheduler)
            if not task.call.opened:
                task.call.opened = task.call.caller.dispatching = True
            task.call.unfinished += 1
            self._queued.append(task)
            self._scheduler_turn.notify()

    def park(self, task: Task, jobs: list) -> None:
        """Wait until jobs are trained; raise what stopped the training as a whole."""
        n_bytes = sum(job.n_bytes for job in jobs)
        with self.lock:
            self._check(task)
            task.jobs, task.n_bytes, task.error = jobs, n_bytes, None
            self._memory.hold(len(jobs), n_bytes)
            self._parked.append(task)
            self._active -= 1
            self._give_slot(task)
            self._advance()
            self._await_slot(task)
        if task.error is not None:
            raise task.error

    def begin_waiting(self, call: Call) -> None:
        """Note that a caller waits for the results of a call."""
        with self.lock:
            call.caller.dispatching, call.awaited = False, True
            if call.unfinished:
                self._block(call.caller)
                self._scheduler_turn.notify()

    def end_waiting(self, call: Call) -> None:
        """Note that a caller goes on; a task takes a slot again before it does."""
        with self.lock:
            call.awaited = False
            if call.unfinished:
                self._unblock(call.caller)
            task = call.caller
            # The garbage collector may be who ends the call, anywhere and any time.
            mine = task is current_task() and not task.jobs
            if mine and not task.slot and not task.blocked:
                self._ready.append(task)
                self._advance()
                self._await_slot(task)

    def end_cancelled(self) -> None:
        """Have the scheduler end those tasks of cancelled calls that wait."""
        with self.lock:
            self._has_cancelled = True
            self._scheduler_turn.notify()

    def close(self) -> None:
        """Wait for the threads to end, and leave the process as it was."""
        with self.lock:
            self._closed = True
            self._scheduler_turn.notify()
        self._deadline = min(self._deadline, time.monotonic() + GRACE_SECONDS)
        try:
            for thread in {*self._workers} - {threading.current_thread()}:
                thread.join(max(0.0, self._deadline - time.monotonic()))
        finally:
            self._threads.set_as_caller()

    # --- the count; the lock is held ----------------------------------------------

    def _check(self, task: Task) -> None:
        if task.call.cancelled:
            raise training.Cancelled

    def _advance(self) -> None:
        """Give the free slots away; if nothing is active, choose what is trained."""
        self._serve_ready()
        while self._may_start():
            task = self._take_next()
            try:
                self._start_thread(self._run_tasks, task)
            except RuntimeError:  # the system has no more threads before others end
                self._put_back(task)
                break
        if not self._active and not self._batch:
            self._batch = self._choose_batch()
            self._scheduler_turn.notify()

    def _serve_ready(self) -> None:
        """Give slots to tasks that were trained first: they hold memory."""
        while self._free_slots and self._ready:
            task = self._ready.popleft()
            self._take_slot(task)
            task.turn.notify()

    def _await_slot(self, task: Task) -> None:
        while not task.slot:
            task.turn.wait()

    def _may_start(self) -> bool:
        if not self._queued or not self._free_slots:
            return False
        caller_is_active = not self.outermost.blocked
        return self._memory.fits(self._active - caller_is_active)

    def _take_next(self) -> Task:
        """Make the first task of the queue active."""
        task = self._queued.popleft()
        self._active += 1
        self._take_slot(task)
        return task

    def _put_back(self, task: Task) -> None:
        self._queued.appendleft(task)
        self._active -= 1
        self._give_slot(task)

    def _take_slot(self, task: Task) -> None:
        self._free_slots -= 1
        task.slot = True

    def _give_slot(self, task: Task) -> None:
        if task.slot:
            task.slot = False
            self._free_slots += 1

    def _block(self, caller: Caller) -> None:
        caller.blocked += 1
        if caller.blocked == 1 and not caller.ended:
            self._active -= 1
            if caller is not self.outermost:
                self._give_slot(caller)

    def _unblock(self, caller: Caller) -> None:
        caller.blocked -= 1
        if not caller.blocked and not caller.ended:
            self._active += 1

    def _count_end(self, task: Task) -> None:
        """Count a task's end; the last one of a call wakes the caller."""
        call = task.call
        call.unfinished -= 1
        if not call.unfinished and call.awaited:
            self._unblock(call.caller)

    def _choose_batch(self) -> list[Task]:
        """Take parked tasks off, in order, as many as may train together."""
        n_models = n_tasks = 0
        for task in self._parked:
            n_models += len(task.jobs)
            if n_tasks and n_models > self._memory.max_models:
                break
            n_tasks += 1
        batch, self._parked = self._parked[:n_tasks], self._parked[n_tasks:]
        return batch

    def _resume(self, task: Task, error: BaseException | None) -> None:
        """Make a task active that was parked."""
        self._memory.release(len(task.jobs), task.n_bytes)
        task.jobs, task.error = [], error and training.error_of_one(error)
        self._active += 1
        self._ready.append(task)

    # --- the threads of tasks -------------------------------------------------------

    def _start_thread(self, function, *args) -> None:
        thread = threading.Thread(
            target=function, args=args, daemon=True, name="stacked-fit"
        )
        if len(self._workers) > 2 * threading.active_count():
            self._workers = [worker for worker in self._workers if worker.is_alive()]
        thread.start()
        self._workers.append(thread)

    def _run_tasks(self, task: Task | None) -> None:
        """Run a task, and after it the next one that may start."""
        self._threads.limit_task()
        while task is not None:
            task.run()
            task = self._end(task)

    def _end(self, task: Task) -> Task | None:
        """Count a task's end; return the one that its thread is to run next."""
        with self.lock:
            task.ended = True
            if not task.blocked:
                self._active -= 1
            self._give_slot(task)
            self._count_end(task)
            self._serve_ready()
            following = self._take_next() if self._may_start() else None
            self._advance()
        return following

    # --- the scheduler --------------------------------------------------------------

    def _run_scheduler(self) -> None:
        """Start tasks and train batches until the barrier is closed."""
        self._threads.set_as_caller()
        self._threads.find_libraries()
        with WARNING_FILTERS.held():
            while True:
                with self._threads.limited_blas():
                    batch = self._next_batch()
                if not batch:
                    return
                error = _train(batch)
                with self.lock:
                    for task in batch:
                        self._resume(task, error)
                    self._batch = []

    def _next_batch(self) -> list[Task]:
        """Wait for the next batch; return none when the barrier is closed."""
        while True:
            with self.lock:
                ended = self._remove_cancelled()
                if not ended:
                    self._advance()
                    if self._batch or self._closed:
                        return self._batch
                    if not self._is_stuck():
                        self._scheduler_turn.wait()
                        continue
                    error = RuntimeError("The system has no thread for a task.")
                    ended = [(self._queued.popleft(), error)]
            for task, error in ended:
                task.resolve(None, error)
                with self.lock:
                    self._count_end(task)

    def _remove_cancelled(self) -> list[tuple[Task, BaseException]]:
        """Let cancelled tasks go on that are parked; return those not begun."""
        if not self._has_cancelled:
            return []
        self._has_cancelled = False
        for task in [task for task in self._parked if task.call.cancelled]:
            self._parked.remove(task)
            self._resume(task, training.Cancelled())
        cancelled = [task for task in self._queued if task.call.cancelled]
        self._queued = deque(t for t in self._queued if not t.call.cancelled)
        return [(task, training.Cancelled()) for task in cancelled]

    def _is_stuck(self) -> bool:
        """Whether tasks wait that cannot be started, and nothing will change that."""
        return bool(self._queued) and not self._active


def _train(batch: list[Task]) -> BaseException | None:
    """Train the jobs of tasks; return what prevented it."""
    jobs = [job for task in batch for job in task.jobs]
    try:
        training.train_jobs(
            jobs, cancelled=lambda: all(task.call.cancelled for task in batch)
        )
    except BaseException as error:
        return error
    return None
