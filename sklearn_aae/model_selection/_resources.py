"""Memory and threads that the tasks of a barrier may use.

Memory: a parked task holds its model until it is trained, so the number of parked
tasks is bounded by the free memory, see `MemoryBudget`.

Threads: many tasks run side by side, so the libraries below them get one thread each;
the training, which runs alone, gets as many as the caller has. OpenMP and torch count
per thread, so each thread of a barrier sets its own number. BLAS counts per process:
its limit is lifted during a training.
"""

import contextlib
import math
import os
import threading
import warnings
from pathlib import Path

import torch
from threadpoolctl import ThreadpoolController

from sklearn_aae.utils._device import set_torch_threads

# Control groups of Linux, the second generation and the first: files of the limit and
# the usage, and the line that says how much of the usage is cache.
CONTROL_GROUPS = Path("/sys/fs/cgroup")
MEMORY_FILES = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    (
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "memory/memory.stat",
        "total_inactive_file",
    ),
)


def free_memory() -> float:
    """Return how many bytes this process may still take; infinity if unknown."""
    in_groups = (_free_in_group(*names) for names in MEMORY_FILES)
    return min(_free_on_machine(), *in_groups)


def _free_on_machine() -> float:
    try:
        import psutil

        return psutil.virtual_memory().available
    except ImportError:
        pass
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        kilobytes = dict(line.split(":") for line in lines)["MemAvailable"].split()[0]
        return 1024 * int(kilobytes)
    except (OSError, KeyError, ValueError):
        return math.inf


def _free_in_group(limit: str, usage: str, stat: str, cache: str) -> float:
    """Return what a container leaves; a file that is absent or "max" is no limit."""
    try:
        bound = int((CONTROL_GROUPS / limit).read_text())
        used = int((CONTROL_GROUPS / usage).read_text())
        lines = (CONTROL_GROUPS / stat).read_text().splitlines()
        return bound - used + int(dict(line.split() for line in lines).get(cache, 0))
    except (OSError, ValueError):
        return math.inf


class MemoryBudget:
    """How much memory parked tasks hold, and whether another task may start.

    A task is expected to hold as much as the largest one that has parked.
    Before the first one only `max_models` and the number of CPUs bound the tasks.

    Parameters
    ----------
    max_models : int, default=None
        How many models may be held at a time; None for no bound but memory.
    """

    def __init__(self, max_models: int | None = None):
        self.max_models = math.inf if max_models is None else max_models
        self.models = self.bytes = 0
        self._models_of_a_task, self._bytes_of_a_task = 1, 0
        self._budget = math.inf

    def hold(self, n_models: int, n_bytes: int) -> None:
        """Add what a task holds that parks."""
        if not self.models:
            # Half of what is free now: the other half is for the training.
            self._budget = (free_memory() + n_bytes) / 2
        self.models += n_models
        self.bytes += n_bytes
        self._models_of_a_task = max(self._models_of_a_task, n_models)
        self._bytes_of_a_task = max(self._bytes_of_a_task, n_bytes)

    def release(self, n_models: int, n_bytes: int) -> None:
        """Take away what a task held."""
        self.models -= n_models
        self.bytes -= n_bytes

    def fits(self, n_running: int) -> bool:
        """Whether a task may be started next to those that run; one always may."""
        if not n_running and not self.models:
            return True
        tasks = n_running + 1
        return (
            self.models + tasks * self._models_of_a_task <= self.max_models
            and self.bytes + tasks * self._bytes_of_a_task <= self._budget
        )


class SharedContext:
    """A context of the whole process: the first holder enters it, the last leaves it.

    Two holders that each entered a context of their own would leave, at the end, what
    the first has set and not what there was before. A thread of its own enters and
    leaves it: threadpoolctl lets only one thread set and reset the threads of BLAS.

    Parameters
    ----------
    make : callable
        Returns the context manager; gets the argument of `held`.
    """

    def __init__(self, make):
        self._make = make
        self._lock = threading.Lock()
        self._n_holders = 0

    @contextlib.contextmanager
    def held(self, *args):
        """Hold the context."""
        with self._lock:
            if not self._n_holders:
                self._enter(args)
            self._n_holders += 1
        try:
            yield
        finally:
            with self._lock:
                self._n_holders -= 1
                if not self._n_holders:
                    self._let_go.set()
                    self._thread.join()

    def _enter(self, args) -> None:
        entered, self._let_go = threading.Event(), threading.Event()
        self._thread = threading.Thread(
            target=self._stay, args=(args, entered, self._let_go), daemon=True
        )
        self._thread.start()
        entered.wait()

    def _stay(self, args, entered, let_go) -> None:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(self._make(*args))
            finally:
                entered.set()
            let_go.wait()


# scikit-learn changes the warning filters around each task and puts them back after.
# Tasks that overlap put back each other's, so the call as a whole does it once more.
WARNING_FILTERS = SharedContext(warnings.catch_warnings)

SINGLE_BLAS = SharedContext(lambda blas: blas.limit(limits=1))


class Threads:
    """The numbers of threads of one barrier; made in the thread of its caller."""

    def __init__(self):
        self._of_caller = torch.get_num_threads()

    def find_libraries(self) -> None:
        """Look for the libraries that this process has loaded."""
        pools = ThreadpoolController()
        self._blas = pools.select(user_api="blas")
        self._openmp = pools.select(user_api="openmp")

    def limit_task(self) -> None:
        """Leave one thread to what this thread calls; it ends with its tasks."""
        set_torch_threads(1)
        self._openmp.limit(limits=1)

    def limited_blas(self):
        """Return a context in which BLAS has one thread."""
        return SINGLE_BLAS.held(self._blas)

    def set_as_caller(self) -> None:
        """Give this thread as many threads for torch as the caller has.

        torch keeps the number for threads to come, so the caller does it at the end.
        """
        set_torch_threads(self._of_caller)


def available_cpus() -> int:
    """Return the number of CPUs of this process's share of the machine.

    A worker of loky or Dask has its share in the number of its OpenMP threads.
    """
    return max(1, min(torch.get_num_threads(), os.cpu_count() or 1))
