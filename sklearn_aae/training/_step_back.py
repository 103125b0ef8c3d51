"""Steps back: a training that diverged goes on from a good epoch at lower rates.

Each epoch draws from streams of its own, so that a training which begins again is the
same, bit for bit, up to the epoch from which it is to take smaller steps. Nothing has
to be kept on the way: trainings that do not diverge pay for one copy of the weights
that they began with.
"""

from collections.abc import Callable, Mapping

from sklearn_aae.training._jobs import Job
from sklearn_aae.training._loop import NonFiniteLossError

# How often, and what the rates are multiplied by each time.
N_STEPS_BACK = 3
SLOWER = 0.1
# A training diverged if the criterion is this much higher than before it.
WORSE = 1.5
# An epoch is good if its reconstruction loss is at most this much of the lowest.
GOOD = 2.0
# The criterion of fewer rows is a matter of luck.
FEW = 5


def go_back(starts: Mapping[Job, tuple], train: Callable[[list[Job]], None]) -> None:
    """Train again what diverged, from its last good epoch on at lower rates.

    The first time at a tenth of the rates; if it diverges again, from half as many
    epochs on at a hundredth, then from the beginning at a thousandth. What diverges
    still has the error of the first time.

    Parameters
    ----------
    starts : mapping of Job to tuple
        Jobs that have been trained, and snapshots of their nets before that.

    train : callable
        ``train(jobs)`` trains jobs.
    """
    again = {job: len(job.net.history) for job in starts if _diverged(job, starts[job])}
    errors = {job: job.error for job in again}
    for number in range(1, N_STEPS_BACK + 1):
        if not again or any(getattr(job.net, "interrupted_", False) for job in starts):
            break
        for job in again:
            again[job] = _epoch_to_return_to(job, again[job], number)
            _begin_again(job, starts[job], again[job], SLOWER**number)
        train(list(again))
        again = {job: at for job, at in again.items() if _diverged(job, starts[job])}
    for job in again:
        if errors[job] is not None and job.error is not None:
            job.error = NonFiniteLossError(
                f"{errors[job]} Going back to earlier epochs, and on at lower rates, "
                "did not help."
            )


def _diverged(job: Job, start: tuple) -> bool:
    """Whether a training ended without a finite loss, or far worse than it began."""
    if not job.done:
        return isinstance(job.error, NonFiniteLossError)
    net = job.net
    if net.loss_ <= job.usual_loss or len(job.validation) < FEW:
        return False
    end = net.snapshot()
    net.restore(start)
    try:
        before = net.evaluate(job.validation)
    except NonFiniteLossError:
        return False  # no step has led there
    finally:
        net.restore(end)
    return not net.loss_ <= WORSE * before


def _epoch_to_return_to(job: Job, before: int, number: int) -> int:
    """Return how many epochs of a net are kept: the last good one, then half as many.

    Parameters
    ----------
    job : Job
        What diverged.

    before : int
        Number of epochs when it did, or that were kept the last time.

    number : int
        How often it has diverged.
    """
    first = job.net.first_epoch_
    if number > 1:
        return first + (0 if number == N_STEPS_BACK else (before - first) // 2)
    lines = job.net.finished_history()[first:]
    names = [p.name for p in job.net.module_.phases if "decoder" in p.moves]
    n_good = len(lines)
    if names and lines:
        losses = [line[names[0]] for line in lines]
        bound = min(losses) + (GOOD - 1) * abs(min(losses))
        n_good = max(i for i, loss in enumerate(losses, 1) if loss <= bound)
    if job.done and n_good == len(lines):
        n_good //= 2  # no line says where it went wrong
    return first + n_good


def _begin_again(job: Job, start: tuple, epoch: int, slower: float) -> None:
    """Bring a job back to its start, to go more slowly from an epoch on."""
    job.go_back(start)
    at = max(epoch, len(job.net.history))  # no earlier than where this part begins
    job.net.slowdown = (*job.net.slowdown, (at, slower))
