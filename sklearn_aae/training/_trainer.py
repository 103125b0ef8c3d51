"""The trainer: jobs of one shape go into stacks, the others one by one.

A fit hands its jobs to `train`. They are trained at once, or, where a search gathers
the jobs of many fits, by whoever `COLLECTOR` names, who calls `train_jobs` for all.
"""

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

import torch

from sklearn_aae.training._checkpoint import Keeper, set_keys
from sklearn_aae.training._jobs import Job, error_of_one, group, step_flops
from sklearn_aae.training._loop import (
    NonFiniteLossError,
    check_finite,
    run_epochs,
)
from sklearn_aae.training._stack import Stack
from sklearn_aae.training._step_back import go_back
from sklearn_aae.training.data._batch import Batch
from sklearn_aae.training.data._batches import StackedBatches, share_rows
from sklearn_aae.utils._device import (
    is_out_of_memory,
    release_memory,
    single_thread_pool,
    torch_threads,
)
from sklearn_aae.utils._random import epoch_seeds, lent_generator


class Cancelled(BaseException):
    """The training was called off."""


COLLECTOR: ContextVar[Callable[[list[Job]], None] | None] = ContextVar(
    "collector", default=None
)


def train(jobs: list[Job]) -> None:
    """Train jobs, or leave them to the collector; failures are in their `error`.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.decoders import GaussianDecoder
    >>> from sklearn_aae.encoders import DeterministicEncoder
    >>> from sklearn_aae.priors import Gaussian
    >>> from sklearn_aae.training import AAENet, Batch, Batches, Job
    >>> from sklearn_aae.training import Recipe, Reconstruct, train
    >>> encoder, decoder = DeterministicEncoder(3, 2), GaussianDecoder(2, 3)
    >>> networks = {"encoder": encoder, "decoder": decoder}
    >>> recipe = Recipe(networks, [Reconstruct(n_columns=3)])
    >>> net = AAENet(recipe, lr=1e-2, max_epochs=2, verbose=0).initialize()
    >>> x, prior = torch.randn(40, 3), Gaussian(2)
    >>> batches = Batches(x, prior, batch_size=10, seed=0)
    >>> job = Job(net, batches, validation=Batch(x, prior.draw(40)))
    >>> train([job])
    >>> job.done, job.error, len(job.net.history)
    (True, None, 2)
    """
    collect = COLLECTOR.get()
    if collect is None:
        train_jobs(jobs)
    else:
        collect(jobs)


def train_jobs(jobs: list[Job], cancelled: Callable[[], bool] = lambda: False) -> None:
    """Train jobs, those of one shape as stacks.

    Ctrl-C ends the training that runs, keeps what it has reached, and leaves the jobs
    that have not begun undone. Those that diverge begin again, see `go_back`.

    Parameters
    ----------
    jobs : list of Job
        In any mixture.

    cancelled : callable, default=never
        Asked before each job and each step whether to give up.

    Raises
    ------
    Cancelled
        If `cancelled` says so.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.decoders import GaussianDecoder
    >>> from sklearn_aae.encoders import DeterministicEncoder
    >>> from sklearn_aae.priors import Gaussian
    >>> from sklearn_aae.training import AAENet, Batch, Batches, Job
    >>> from sklearn_aae.training import Recipe, Reconstruct, train_jobs
    >>> x, prior = torch.randn(40, 3), Gaussian(2)
    >>> def make_job(learning_rate):
    ...     encoder, decoder = DeterministicEncoder(3, 2), GaussianDecoder(2, 3)
    ...     networks = {"encoder": encoder, "decoder": decoder}
    ...     recipe = Recipe(networks, [Reconstruct(n_columns=3)])
    ...     net = AAENet(recipe, lr=learning_rate, max_epochs=2, verbose=0)
    ...     batches = Batches(x, prior, batch_size=10, seed=0)
    ...     return Job(net.initialize(), batches, validation=Batch(x, prior.draw(40)))
    >>> jobs = [make_job(rate) for rate in (1e-3, 1e-2, 1e-1)]
    >>> train_jobs(jobs)  # as one stack of three models
    >>> [(job.done, len(job.net.history)) for job in jobs]
    [(True, 2), (True, 2), (True, 2)]
    """

    def cancel() -> None:
        if cancelled():
            raise Cancelled

    starts = {job: job.net.snapshot() for job in jobs if job.steps_back}
    _train_groups(jobs, cancel)
    go_back(starts, lambda again: _train_groups(again, cancel))


def _train_groups(jobs: Sequence[Job], cancel: Callable[[], None]) -> None:
    """Train jobs, those of one shape as stacks; after Ctrl-C leave the others."""
    share_rows([], [job.batches for job in jobs])
    set_keys(jobs)
    n_workers = _n_workers(jobs)
    stacks = group(jobs, n_workers)
    if min(n_workers, len(stacks)) > 1:
        _train_side_by_side(stacks, cancel, n_workers)
        return
    for members in stacks:
        cancel()
        _train_group(members, cancel)
        if any(getattr(job.net, "interrupted_", False) for job in members):
            return


def _n_workers(jobs: Sequence[Job]) -> int:
    """Return how many stacks are to train side by side, each on one thread.

    Stacks on threads of their own wait for nobody; the threads of one stack wait for
    each other at each operation. But Ctrl-C reaches only the main thread, so what that
    one trains is trained by itself.
    """
    in_main = threading.current_thread() is threading.main_thread()
    on_cpu = all(job.batches.x.device.type == "cpu" for job in jobs)
    return torch.get_num_threads() if on_cpu and not in_main else 1


def _train_side_by_side(
    stacks: Sequence[list[Job]], cancel: Callable[[], None], n_workers: int
) -> None:
    """Train stacks in threads; raise what `cancel` raises."""

    def run(members: list[Job]) -> None:
        cancel()
        _train_group(members, cancel)

    with single_thread_pool(n_workers) as pool:
        for future in [pool.submit(run, members) for members in stacks]:
            future.result()


def _train_group(members: list[Job], cancel: Callable[[], None]) -> None:
    """Train jobs of one shape; an error of all is the error of each.

    Where a stack finds no memory, its halves train one after the other.
    """
    starts = [job.net.snapshot() for job in members] if len(members) > 1 else []
    try:
        with _kept(members) as is_finished:
            if is_finished:
                return
            if len(members) == 1:
                train_one(members[0], cancel)
            else:
                _train_stack(members, cancel)
        return
    except Exception as error:
        full = is_out_of_memory(error)
        if full and not starts:
            error = MemoryError(
                f"There is no memory on {members[0].batches.x.device} to train one "
                f"model: {error}. Lower batch_size or hidden_layer_sizes, or choose "
                "another device, such as device='cpu'."
            )
        if not (full and starts):
            for job in members:
                job.error = job.error or (None if job.done else error_of_one(error))
            return
    # Not within the handler: its traceback holds the stack.
    release_memory()
    for job, start in zip(members, starts, strict=True):
        job.go_back(start)
    set_keys(members)
    half = len(members) // 2
    for part in (members[:half], members[half:]):
        _train_group(part, cancel)


@contextmanager
def _kept(members: Sequence[Job]) -> Iterator[bool]:
    """Keep checkpoints of jobs; yield whether they had been trained before."""
    place = members[0].place  # that of all
    keeper = None if place is None else Keeper(members, place)
    if keeper is None or keeper.take_finished():
        yield keeper is not None
        return
    for job in members:
        job.net.keeper = keeper
    try:
        yield False
    except NonFiniteLossError as error:  # of a job that trains alone
        members[0].error = error
    finally:
        for job in members:
            job.net.keeper = None
    try:
        keeper.finish()
    except OSError as error:
        warnings.warn(
            "The models are complete, but their checkpoint was not written to "
            f"{keeper.place.folder}: {error}. Another process trains them again. Make "
            "room there, or choose another folder.",
            UserWarning,
            stacklevel=2,
        )


def train_one(job: Job, cancel: Callable[[], None] = lambda: None) -> None:
    """Train one job; `cancel` is called before each step and may raise."""
    net, validation = job.net, job.validation
    if job.validate:
        net.train_split = lambda data, y=None: (data, validation)
    net.cancel = cancel  # type: ignore[method-assign]
    with torch_threads(step_flops(job)), _lent_generator(job):
        try:
            how = {"resumes": job.resumes, "watcher": job.watcher}
            net.partial_fit(job.batches, epochs=job.epochs, **how)
        finally:
            net.train_split = None
            del net.cancel
        if job.calibrate:
            net.calibrate(job.batches)
        net.loss_ = net.evaluate(validation)
        job.done = True


def _lent_generator(job: Job) -> AbstractContextManager:
    """Lend the user's own modules a seeded generator."""
    (seed,) = epoch_seeds(job.net.seed, len(job.net.history))
    own = job.net.module_.own_layers
    return nullcontext() if own else lent_generator(seed, job.batches.x.device)


def _keep_freed_memory() -> None:
    """Let the C library keep what a step frees, for the next step.

    glibc gives freed blocks back to the system from a size on that grows with the
    largest block freed so far. A stack frees megabytes each step, and to get them anew,
    page by page, takes a tenth of its time. So one block of almost the largest size
    that counts (32 MB) is taken and freed. It is never written to.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)


def _train_stack(jobs: list[Job], cancel: Callable[[], None]) -> None:
    """Train jobs of one shape as one."""
    _keep_freed_memory()
    with torch_threads(len(jobs) * step_flops(jobs[0])):
        for job in jobs:
            job.net.interrupted_ = False
            job.notify("on_train_begin", X=job.batches, y=None)
        evaluated = jobs[0].validate
        alive = [job for job in jobs if job.error is None]
        run_epochs(alive, lambda some: _make_stack(some, evaluated), cancel)
        for job in jobs:
            job.notify("on_train_end", X=job.batches, y=None)
        _finish([job for job in jobs if job.error is None])


def _make_stack(jobs: Sequence[Job], evaluated: bool) -> Stack:
    """Stack the nets of jobs, and the validation rows if they are to be evaluated."""
    validation = Batch.stack([job.validation for job in jobs]) if evaluated else None
    batches = StackedBatches([job.batches for job in jobs])
    n_epochs = max(job.epochs_left for job in jobs)
    return Stack([job.net for job in jobs], batches, validation, n_epochs)


def _finish(jobs: Sequence[Job]) -> None:
    """Set the batch statistics of jobs and evaluate them, equal ones as a stack."""
    alike: dict = {}
    for job in jobs:
        key = (len(job.net.history), job.validation.x.shape)
        alike.setdefault(key, []).append(job)
    for (number, _), members in alike.items():
        stack = _make_stack(members, evaluated=True)
        if members[0].calibrate:
            stack.calibrate(number)
        for c, (job, loss) in enumerate(
            zip(members, stack.evaluate(number), strict=True)
        ):
            stack.write_weights(c)
            try:
                check_finite({"validation": loss}, number)
            except ValueError as error:
                job.error = error
            job.net.loss_, job.done = loss, job.error is None
            job.net.stop_training()
