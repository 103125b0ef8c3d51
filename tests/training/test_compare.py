"""A recording is compared with its step: what is lost or wrong is seen."""

from functools import partial

import pytest
import torch
from torch.nn import functional

from sklearn_aae.training.replay._compare import OtherNumbersError, check_same
from sklearn_aae.training.replay._tracing import record


def descend(w, rows):
    """Take a step of w down a loss of rows, some missing; return the loss."""
    loss = (w * rows.nan_to_num()).square().sum()
    (slope,) = torch.autograd.grad(loss, w)
    with torch.no_grad():
        w.sub_(0.1 * slope)
    return (loss,)


def replayed_descent(w, rows):
    """Do what `descend` does, without autograd."""
    x = rows.nan_to_num()
    loss = (w * x).square().sum()
    w.sub_(0.1 * (2 * w * x.square()).sum(0))
    return (loss,)


def descend_again(w, rows):
    with torch.inference_mode(False), torch.enable_grad():
        copy = w.clone().detach().requires_grad_()
        found = descend(copy, rows.clone())
    w.copy_(copy)
    return found


def lose_update(w, rows):
    return replayed_descent(w.clone(), rows)


def turn_update(w, rows):
    before = w.clone()
    found = replayed_descent(w, rows)
    w.copy_(2 * before - w)
    return found


def fill_update(w, rows):
    found = replayed_descent(w, rows)
    w.fill_(torch.nan)
    return found


OTHERS = {
    "no update": lose_update,
    "an update the other way": turn_update,
    "an update of NaN": fill_update,
    "another loss": lambda *t: tuple(1.1 * loss for loss in replayed_descent(*t)),
    "no loss": lambda *t: replayed_descent(*t)[:0],
    "a loss too many": lambda *t: 2 * replayed_descent(*t),
}


@pytest.fixture
def descent_tensors():
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(6, 4, generator=generator)
    rows[0, 0] = torch.nan
    return [torch.randn(4, generator=generator).requires_grad_(), rows]


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("other", OTHERS)
def test_what_a_recording_gets_wrong_is_seen(other, exact, descent_tensors):
    with pytest.raises(OtherNumbersError, match="than the eager step"):
        check_same(descend, OTHERS[other], descent_tensors, exact=exact)


def test_what_only_rounds_passes_where_it_may(descent_tensors):
    def rounded(w, rows):
        (loss,) = replayed_descent(w, rows)
        w.mul_(1 + 1e-6)
        return (loss * (1 + 1e-6),)

    check_same(descend, rounded, descent_tensors, exact=False)
    check_same(descend, descend_again, descent_tensors, exact=True)
    with pytest.raises(OtherNumbersError):
        check_same(descend, rounded, descent_tensors, exact=True)


def test_statistics_of_an_output_that_is_not_used_are_tracked():
    def step(x, mean, var):
        functional.batch_norm(x, mean, var, training=True)
        return (x.sum(),)

    tensors = [torch.randn(8, 3), torch.zeros(3), torch.ones(3)]
    # TorchScript forgets them, too: that recording is tried, and not used.
    check = partial(check_same, step, tensors=tensors, exact=True)
    check(record(step, tensors, check))


@pytest.mark.parametrize("exact", [True, False])
def test_steps_that_see_which_rows_have_labels_are_compared(exact, descent_tensors):
    def step(w, rows, known):
        return descend(w, rows * known[:, None])

    def replayed(w, rows, known):
        return replayed_descent(w, rows * known[:, None])

    def turned(w, rows, known):
        found = replayed(w, rows, known)
        known.logical_not_()
        return found

    known = torch.arange(6) < 3
    tensors = [*descent_tensors, known]
    if not exact:  # the two may round apart
        check_same(step, replayed, tensors, exact=False)
    with pytest.raises(OtherNumbersError):
        check_same(step, turned, tensors, exact=exact)
