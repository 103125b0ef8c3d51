"""Devices and threads of torch."""

import gc
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import torch

# A step of fewer operations than this, of about 10 ms, is left to one thread. Others
# would save a part, and where programs beside it need the processors, threads wait
# for each other at each operation: then a step takes ten times as long.
SINGLE_THREAD_FLOPS = 1e9


@dataclass(frozen=True)
class Device:
    """A torch device, and the precision that models have on it."""

    torch_device: torch.device

    @property
    def inference_dtype(self) -> torch.dtype:
        """Float64 on a CPU, where the answer must not depend on the batch."""
        return torch.float64 if self.torch_device.type == "cpu" else torch.float32

    def training_dtype(self, small_batch: bool) -> torch.dtype:
        """Float64 where it costs nothing: one small batch on a CPU."""
        on_cpu = self.torch_device.type == "cpu"
        return torch.float64 if small_batch and on_cpu else torch.float32


def available(name: str) -> bool:
    """Whether a device of type `name` can be used on this machine."""
    if name == "cpu":
        return True
    if name == "cuda":
        return torch.cuda.is_available()
    if name == "mps":
        return torch.backends.mps.is_available()
    if name == "xpu":
        return torch.xpu.is_available()
    return False


def resolve_device(device: str | torch.device) -> Device:
    """Turn `device` into a usable one.

    Parameters
    ----------
    device : str or torch.device
        "auto" takes the first of cuda, xpu, mps and cpu that this machine has.

    Returns
    -------
    device : Device

    Raises
    ------
    ValueError
        If torch does not know the name, or this machine lacks the device.
    """
    if device == "auto":
        names = ("cuda", "xpu", "mps", "cpu")
        return Device(torch.device(next(name for name in names if available(name))))
    try:
        torch_device = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"The 'device' parameter must be 'auto' or a torch device such as 'cpu', "
            f"'cuda', 'cuda:1' or 'mps'. Got {device!r} instead."
        ) from error
    count = torch.cuda.device_count() if torch_device.type == "cuda" else math.inf
    if not available(torch_device.type) or (torch_device.index or 0) >= count:
        raise ValueError(
            f"The device {str(torch_device)!r} is not available on this machine. "
            "Use device='auto' to take what is there, or device='cpu'."
        )
    return Device(torch_device)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch or Python found no memory for something."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # Of a CPU, and of mps.
    said = ("can't allocate memory", "out of memory")
    return isinstance(error, RuntimeError) and any(s in str(error) for s in said)


def release_memory() -> None:
    """Give back what torch keeps for later on an accelerator."""
    gc.collect()
    if torch.accelerator.is_available():
        torch.accelerator.empty_cache()


def set_torch_threads(number: int) -> None:
    """Set the number of torch's threads for this thread, and for those to come."""
    # At first use in a thread torch takes the number that was last set in any thread;
    # done later, that would undo what is set here.
    torch.get_num_threads()
    torch.set_num_threads(number)


@contextmanager
def single_thread_pool(n_workers: int) -> Iterator[ThreadPoolExecutor]:
    """Return workers that leave one thread to torch; the caller's count stays.

    torch keeps the number that was last set in any thread, for threads to come and for
    all products, so the caller sets its own again at the end.
    """
    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(
            n_workers, initializer=set_torch_threads, initargs=(1,)
        ) as pool:
            yield pool
    finally:
        torch.set_num_threads(before)


@contextmanager
def torch_threads(flops: float) -> Iterator[None]:
    """Use one thread inside if the work is small; restore the caller's number."""
    before = torch.get_num_threads()
    if flops >= SINGLE_THREAD_FLOPS or before == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
