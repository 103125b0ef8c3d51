"""What fits of a search share is computed once, and belongs to each of them."""

import threading

import numpy as np
import pytest

from sklearn_aae.utils._memo import MEMO, Memo, computed_once

CALLS: list = []


@computed_once
def doubled(x, n=2):
    CALLS.append(n)
    if n < 0:
        raise ValueError("negative")
    return n * x


@pytest.fixture
def memo():
    CALLS.clear()
    token = MEMO.set(Memo(max_bytes=3 * 80))
    yield MEMO.get()
    MEMO.reset(token)


def test_without_a_memo_each_call_counts():
    CALLS.clear()
    assert doubled(1) == doubled(1) == 2
    assert len(CALLS) == 2


def test_equal_arguments_are_computed_once(memo):
    x = np.arange(10.0)
    first = doubled(x)
    first[:] = -1  # it is the caller's
    np.testing.assert_array_equal(doubled(x.copy()), 2 * x)
    assert len(CALLS) == 1
    x[0] = 7  # the contents count, not the array
    assert doubled(x)[0] == 14
    assert doubled(x, 3)[0] == doubled(x, n=3)[0] == 21
    assert doubled(x.astype(np.float32)).dtype == np.float32
    assert isinstance(doubled(2.0), float)


def test_the_oldest_are_forgotten(memo):
    arrays = [np.full(10, i, dtype=float) for i in range(5)]
    for x in (*arrays[:3], arrays[0], *arrays[3:]):
        doubled(x)
    assert len(CALLS) == 5
    for i in (0, 3, 4):  # asked for last
        doubled(arrays[i])
    assert len(CALLS) == 5
    doubled(arrays[1])
    assert len(CALLS) == 6
    large = np.zeros(1000)
    doubled(large)
    doubled(large)
    assert len(CALLS) == 7


def test_an_error_is_not_remembered(memo):
    for _ in range(2):
        with pytest.raises(ValueError, match="negative"):
            doubled(1, -1)
    assert CALLS == [-1, -1]


def test_threads_that_ask_at_once_wait_for_one(memo):
    begun, going_on = threading.Event(), threading.Event()
    calls, found = [], []

    def slow(x):
        calls.append(x)
        begun.set()
        assert going_on.wait(10)
        return np.array([x])

    def ask():
        found.append(memo.result(slow, 5))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert begun.wait(10)
    going_on.set()
    for thread in threads:
        thread.join(10)
    assert calls == [5]
    assert [one.tolist() for one in found] == [[5]] * 3
