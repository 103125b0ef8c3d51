"""Memory and threads: what is measured, what is counted, what is put back."""

import contextlib
import sys
import threading

import pytest

from sklearn_aae.model_selection import _resources
from sklearn_aae.model_selection._resources import (
    MemoryBudget,
    SharedContext,
    free_memory,
)

GROUPS = {
    "memory.max": ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    "memory.limit": (
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "memory/memory.stat",
        "total_inactive_file",
    ),
}


@pytest.fixture
def container(tmp_path, monkeypatch):
    """Return a function that writes the files of a container's bounds."""
    monkeypatch.setattr(_resources, "CONTROL_GROUPS", tmp_path)
    monkeypatch.setattr(_resources, "_free_on_machine", lambda: 10**9)

    def write(kind, limit):
        limit_file, usage, stat, cache = GROUPS[kind]
        (tmp_path / limit_file).parent.mkdir(exist_ok=True)
        (tmp_path / limit_file).write_text(f"{limit}\n")
        (tmp_path / usage).write_text("700\n")
        (tmp_path / stat).write_text(f"anon 500\n{cache} 200\n")

    return write


def test_free_memory_of_the_machine(container):
    assert free_memory() == 10**9


@pytest.mark.parametrize("kind", GROUPS)
def test_free_memory_of_a_container(kind, container):
    container(kind, 1000)
    assert free_memory() == 1000 - (700 - 200)


def test_a_container_without_a_limit(container):
    container("memory.max", "max")
    assert free_memory() == 10**9


def test_free_memory_without_psutil(monkeypatch):
    with_psutil = _resources._free_on_machine()
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert _resources._free_on_machine() == pytest.approx(with_psutil, rel=0.5)


def test_free_memory_unknown(monkeypatch):
    def absent(path):
        raise OSError

    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.setattr(_resources.Path, "read_text", absent)
    assert free_memory() == float("inf")


def test_memory_budget_learns_from_tasks_that_parked(monkeypatch):
    monkeypatch.setattr(_resources, "free_memory", lambda: 190)
    budget = MemoryBudget()
    assert budget.fits(1000)  # nothing is known yet
    budget.hold(2, 10)  # leaves (190 + 10) / 2 = 100
    assert budget.fits(8)
    assert not budget.fits(9)
    budget.hold(2, 40)
    assert budget.fits(0)
    assert not budget.fits(1)
    budget.release(2, 40)
    budget.release(2, 10)
    assert budget.fits(1)
    assert not budget.fits(2)


def test_memory_budget_always_lets_one_task_start():
    budget = MemoryBudget(max_models=1)
    assert budget.fits(0)
    budget.hold(5, 0)
    assert not budget.fits(0)
    budget.release(5, 0)
    assert budget.fits(0)
    assert not budget.fits(1)


def test_shared_context_is_entered_and_left_once_by_one_thread():
    events = []

    @contextlib.contextmanager
    def context(name):
        events.append(("enter", name, threading.get_ident()))
        yield
        events.append(("leave", name, threading.get_ident()))

    shared = SharedContext(context)
    first, second = shared.held("a"), shared.held("b")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert len(events) == 1
    second.__exit__(None, None, None)
    (_, name, thread), (_, _, same_thread) = events
    assert (name, thread) == ("a", same_thread)
    with shared.held("c"):
        assert events[-1][:2] == ("enter", "c")
    assert events[-1][:2] == ("leave", "c")
