"""The trainer: jobs of one shape go into stacks, the others one by one.

A fit hands its jobs to `train`. They are trained at once, or, where a search gathers
the jobs of many fits, by whoever `COLLECTOR` names, who calls `train_jobs` for all.
"""

import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar

import torch

from sklearn_aae.training._engine import check_finite
from sklearn_aae.training._groups import group
from sklearn_aae.training._jobs import Job, error_of_one, step_flops
from sklearn_aae.training._stack import Stack
from sklearn_aae.training.data._batch import Batch
from sklearn_aae.training.data._batches import StackedBatches, share_rows
from sklearn_aae.utils._device import single_thread_pool, torch_threads

# Members that have stopped are carried along until no more than this share is left.
KEPT_SHARE = 0.75


class Cancelled(BaseException):
    """The training was called off."""


COLLECTOR: ContextVar[Callable[[list[Job]], None] | None] = ContextVar(
    "collector", default=None
)


def train(jobs: list[Job]) -> None:
    """Train jobs, or leave them to the collector; failures are in their `error`."""
    collect = COLLECTOR.get()
    if collect is None:
        train_jobs(jobs)
    else:
        collect(jobs)


def train_jobs(jobs: list[Job], cancelled: Callable[[], bool] = lambda: False) -> None:
    """Train jobs, those of one shape as stacks.

    Ctrl-C ends the training that runs, keeps what it has reached, and leaves the jobs
    that have not begun undone.

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
    """

    def cancel() -> None:
        if cancelled():
            raise Cancelled

    share_rows([], [job.batches for job in jobs])
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
    """Train jobs of one shape; an error of all is the error of each."""
    try:
        if len(members) == 1:
            members[0].run(cancel)
        else:
            _train_stack(members, cancel)
    except Exception as error:
        for job in members:
            job.error = job.error or (None if job.done else error_of_one(error))


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
            job.net.first_epoch_, job.net.interrupted_ = len(job.net.history), False
            _notify(job, "on_train_begin", X=job.batches, y=None)
        _run_epochs([job for job in jobs if job.error is None], cancel)
        for job in jobs:
            _notify(job, "on_train_end", X=job.batches, y=None)
        _finish([job for job in jobs if job.error is None])


def _notify(job: Job, hook: str, **told) -> None:
    """Call a job's callbacks; their error is the job's alone."""
    try:
        job.net.notify(hook, **told)
    except Exception as error:
        job.error = job.error or error


def _run_epochs(jobs: list[Job], cancel: Callable[[], None]) -> None:
    """Train until the last job has ended."""
    if not jobs:
        return
    running, members, number = list(jobs), list(jobs), jobs[0].net.first_epoch_
    evaluated = jobs[0].validate
    stack = _make_stack(members, evaluated)
    try:
        while running:
            if len(running) <= KEPT_SHARE * len(members):
                for job in running:
                    stack.write_back(members.index(job))
                stack, members = _make_stack(running, evaluated), list(running)
            for job in list(running):
                _notify(job, "on_epoch_begin", **_datasets(job))
                if job.error is not None:
                    running.remove(job)
            lines, duration = stack.train_epoch(number, cancel)
            number += 1
            if evaluated:
                stack.calibrate(number)
                for line, loss in zip(lines, stack.evaluate(number), strict=True):
                    line["valid_loss"] = loss
            for c, job in enumerate(members):
                if job in running and _end_epoch(job, stack, c, lines[c], duration):
                    running.remove(job)
                    stack.write_back(c)
    except KeyboardInterrupt:
        for job in running:
            stack.write_back(members.index(job))
            job.net.interrupted_ = True


def _end_epoch(
    job: Job, stack: Stack, c: int, line: dict[str, float], duration: float
) -> bool:
    """Record a member's epoch and call its callbacks; return whether it ends."""
    net = job.net
    try:
        check_finite(line, len(net.history))
        evaluated = line.pop("valid_loss", None)
        net.record(line, duration)
        if evaluated is not None:
            net.record_validation(evaluated)
        if net.callbacks_:
            stack.write_weights(c)
        net.notify("on_epoch_end", **_datasets(job))
    except KeyboardInterrupt:  # how skorch stops early
        if not net.has_stopped():
            raise
        return True
    except Exception as error:
        job.error = error
        return True
    return len(net.history) - net.first_epoch_ >= net.max_epochs


def _datasets(job: Job) -> dict:
    validation = job.validation if job.validate else None
    return {"dataset_train": job.batches, "dataset_valid": validation}


def _make_stack(jobs: Sequence[Job], evaluated: bool) -> Stack:
    """Stack the nets of jobs, and the validation rows if they are to be evaluated."""
    validation = Batch.stack([job.validation for job in jobs]) if evaluated else None
    batches = StackedBatches([job.batches for job in jobs])
    return Stack([job.net for job in jobs], batches, validation)


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
            job.net._set_training(False)
