"""The joblib backend "stacked": scikit-learn's own searches, trained as stacks.

joblib asks a backend for little: `submit` a task, call back when it is done, and say
when the caller waits. That is enough to know when all fits of a search are at the
barrier (see `_barrier`), so nothing of scikit-learn is changed or replaced.

`StackedBackend` is what `joblib.parallel_config` holds. Several calls may use it at the
same time, one of them inside another, so it has no state: for each `joblib.Parallel` it
names, by joblib's `FallbackToBackend`, a backend of that call alone.
"""

import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from numbers import Integral
from typing import Any, NoReturn

from joblib import cpu_count
from joblib.parallel import (
    FallbackToBackend,
    ParallelBackendBase,
    SequentialBackend,
    register_parallel_backend,
)

from sklearn_aae.model_selection._barrier import Barrier
from sklearn_aae.model_selection._calls import Call, current_task
from sklearn_aae.model_selection._chunks import run_chunks

# joblib dispatches twice as many tasks before the first one has ended.
ALL_TASKS = 1024

# scikit-learn splits some work into `effective_n_jobs` parts itself. More parts stack
# better where they are groups of an ensemble's members, and cost a task each where they
# are rows of a nearest-neighbour query.
PARTS = 64


class StackedBackend(ParallelBackendBase):
    """Backend of joblib that trains the models of a search together.

    Importing `sklearn_aae` registers it as "stacked". Whatever scikit-learn runs by
    joblib inside of ``parallel_config(backend="stacked")`` then runs in threads; the
    autoencoders among the estimators train as stacks, the other ones as ever. Results
    are those of fits one by one, up to rounding.

    ``n_jobs``, of `joblib.parallel_config` or of the estimator, bounds how many tasks
    train together: 2 * n_jobs. The default is all. With 1, joblib runs one task after
    the other and nothing is stacked. With `over`, it is the number of workers.

    Parameters
    ----------
    nesting_level : int, default=None
        Set by joblib.

    max_models : int, default=None
        How many models may train together. None for as many as fit into half of the
        free memory.

    over : str, default=None
        Another backend of joblib, such as "loky", "dask" or "ray", whose workers get
        a chunk of the tasks each, and stack it. None for all in this process.

    **over_params : dict
        Parameters of the backend that `over` names.

    Raises
    ------
    TypeError
        If there are `over_params` without `over`.

    ValueError
        If `max_models` is neither a positive integer nor None.

    Examples
    --------
    >>> import joblib
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn_aae import AAETransformer
    >>> X, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(
    ...     AAETransformer(max_iter=20, random_state=0), LogisticRegression()
    ... )
    >>> grid = {"aaetransformer__learning_rate": [1e-3, 1e-2]}
    >>> with joblib.parallel_config(backend="stacked"):
    ...     search = GridSearchCV(model, grid).fit(X, y)
    >>> len(search.cv_results_["mean_test_score"])
    2
    """

    supports_retrieve_callback = True
    uses_threads = True
    default_n_jobs = ALL_TASKS  # and not -1, which a caller may have asked for

    def __init__(
        self,
        nesting_level: int | None = None,
        *,
        max_models: int | None = None,
        over: str | None = None,
        **over_params: Any,
    ):
        super().__init__(nesting_level=nesting_level)
        if max_models is not None and not (
            isinstance(max_models, Integral) and max_models > 0
        ):
            raise ValueError(
                f"max_models must be a positive integer or None. Got {max_models!r}."
            )
        if over is None and over_params:
            raise TypeError(
                f"The backend 'stacked' has no parameters {sorted(over_params)}. Those "
                "of another backend need its name in 'over'."
            )
        self.max_models = max_models
        self.over, self.over_params = over, over_params
        self.supports_sharedmem = over is None

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return into how many parts work is to be split.

        Parameters
        ----------
        n_jobs : int or None
            As in joblib.

        Returns
        -------
        n_parts : int
            `n_jobs`; a number of our own if it is None, negative, or of workers.
        """
        n_jobs = _all_if_negative(n_jobs)
        if n_jobs == 1 or (n_jobs < ALL_TASKS and self.over is None):
            return n_jobs
        return PARTS if current_task() is None else cpu_count()

    def configure(
        self, n_jobs: int = 1, parallel: Any = None, **settings: Any
    ) -> NoReturn:
        """Hand the call over to a backend of its own, by joblib's `FallbackToBackend`.

        Parameters
        ----------
        n_jobs : int, default=1
            As in joblib.

        parallel : joblib.Parallel, default=None
            The call.

        **settings : dict
            Settings of other backends.

        Returns
        -------
        n_jobs : int
            Never: it always raises.

        Raises
        ------
        FallbackToBackend
            With the backend of this call, which joblib then takes.
        """
        bound = _all_if_negative(n_jobs)
        unset = n_jobs is None or n_jobs == self.default_n_jobs
        # A forest asks so for its trees. Nested in a task these would be many short
        # tasks, none of which has anything to stack.
        many_short = unset and settings.get("prefer") == "threads" and current_task()
        if bound == 1 or many_short:
            backend = SequentialBackend(nesting_level=self.nesting_level)
        elif self.over is None:
            backend = LocalCall(self, bound)
        else:
            backend = DistributedCall(self, -1 if unset else n_jobs)
        raise FallbackToBackend(backend)

    def apply_async(
        self, func: Callable[[], Any], callback: Callable[[Any], Any] | None = None
    ) -> NoReturn:
        """Do nothing: joblib before 1.5 wants it, but see `configure`.

        Parameters
        ----------
        func : callable
            A task.

        callback : callable, default=None
            Called when the task is done.

        Returns
        -------
        future : Future
            Never.
        """
        raise NotImplementedError("A call of joblib.Parallel has a backend of its own.")


class _OneCall(ParallelBackendBase):
    """Backend of one `joblib.Parallel`, in place of a `StackedBackend`."""

    supports_retrieve_callback = True
    uses_threads = True

    def __init__(self, backend: StackedBackend, n_jobs: int):
        super().__init__(nesting_level=backend.nesting_level)
        self._backend, self._n_jobs = backend, n_jobs
        self.supports_sharedmem = backend.supports_sharedmem

    def effective_n_jobs(self, n_jobs):
        """Return how many tasks joblib is to dispatch, by halves, at first."""
        return self._n_jobs

    def get_nested_backend(self):
        level = (self.nesting_level or 0) + 1
        return StackedBackend(level, max_models=self._backend.max_models), None

    def apply_async(self, func, callback=None):
        """Submit a task; the name before joblib 1.5."""
        return self.submit(func, callback)

    def retrieve_result_callback(self, future):
        return future.result()


class LocalCall(_OneCall):
    """Tasks that run in threads of this process, with a `Barrier` for their fits."""

    def start_call(self):
        task = current_task()
        if task is None:
            n_slots = min(self._n_jobs, cpu_count())
            barrier = Barrier(n_slots, self._backend.max_models)
            self._call = Call(barrier, barrier.outermost)
        else:
            self._call = Call(task.call.barrier, task)

    def submit(self, func, callback=None):
        return self._call.submit(func, callback)

    def retrieval_context(self):
        return self._call.results_awaited()

    def abort_everything(self, ensure_ready=True):
        self._call.cancel()

    def stop_call(self):
        try:
            self._call.close()
        except KeyboardInterrupt:
            self._call.close()  # a second Ctrl-C shall not leave threads behind
            raise


class DistributedCall(_OneCall):
    """Tasks that run, in chunks, on the workers of another backend.

    They are collected until the caller waits for results. Callbacks may then submit
    more: these make another round.
    """

    def effective_n_jobs(self, n_jobs):
        return ALL_TASKS

    def start_call(self):
        self._collected = []

    def submit(self, func, callback=None):
        future = Future()
        future.add_done_callback(callback)
        self._collected.append((func, future))
        return future

    @contextlib.contextmanager
    def retrieval_context(self):
        while self._collected and self._run_round():
            pass
        yield

    def abort_everything(self, ensure_ready=True):
        self._collected = []

    def _run_round(self) -> bool:
        """Run what has been collected; return False at the first error.

        joblib gives up a call as soon as a task has failed; closing the generator
        cancels the other chunks.
        """
        tasks, futures = zip(*self._collected, strict=True)
        self._collected = []
        backend = self._backend
        outcomes = run_chunks(
            tasks, self._n_jobs, backend.over, backend.over_params, backend.max_models
        )
        with contextlib.closing(outcomes):
            for index, (result, error) in outcomes:
                if error is not None:
                    futures[index].set_exception(error)
                    return False
                futures[index].set_result(result)
        return True


def _all_if_negative(n_jobs: int | None) -> int:
    """Return the bound that `n_jobs` sets; None and negative numbers set none."""
    if n_jobs == 0:
        raise ValueError("n_jobs == 0 in Parallel has no meaning")
    return ALL_TASKS if n_jobs is None or n_jobs < 0 else n_jobs


def register() -> None:
    """Make the backend known to joblib under its name."""
    register_parallel_backend("stacked", StackedBackend)
