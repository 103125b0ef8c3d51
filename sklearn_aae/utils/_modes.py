"""Modes of torch that the caller has set, and how this library is independent of them.

Gradient modes, autocast and the default device are the caller's, for its own code. A
process that was forked has the number of threads of its parent, but not the threads.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from threadpoolctl import threadpool_limits

_forked = False


def _note_fork() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)

# Where torch has no autocast of a device, asking whether it is on is an error.
AUTOCAST_DEVICES = tuple(
    filter(torch.amp.is_autocast_available, ("cpu", "cuda", "xpu", "mps"))
)


@contextmanager
def plain_torch() -> Iterator[None]:
    """Give torch its default modes inside.

    Gradients are recorded, autocast is off, tensors are made on the CPU by default. The
    modes are this thread's alone, and are those of the caller again after. The
    default dtype is the whole process's, so it stays, and each tensor that is made here
    has an explicit dtype.
    """
    with ExitStack() as switched:
        switched.enter_context(torch.inference_mode(False))
        switched.enter_context(torch.enable_grad())
        for device in AUTOCAST_DEVICES:
            if torch.is_autocast_enabled(device):
                switched.enter_context(torch.autocast(device, enabled=False))
        if torch.get_default_device() != torch.device("cpu"):
            switched.enter_context(torch.device("cpu"))
        if _forked:
            switched.enter_context(_single_thread())
        yield


@contextmanager
def _single_thread() -> Iterator[None]:
    """Compute on one thread inside.

    In a forked process OpenMP waits for ever for the threads of the parent.
    """
    before = torch.get_num_threads()
    try:
        with threadpool_limits(1, user_api="openmp"):
            torch.set_num_threads(1)
            yield
    finally:
        torch.set_num_threads(before)
