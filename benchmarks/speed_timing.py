"""Timers of speed.py: sides that take turns, medians, ratios, tables."""

import contextlib
import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True, eq=False)
class Side:
    """One way to do a piece of work.

    Parameters
    ----------
    name : str
        Sides of one name differ in their threads only; the best of them counts.

    run : callable
        ``run(prepared) -> result``, timed.

    prepare : callable, default=a function that returns None
        Untimed, before each run.

    threads : int or None, default=None
        Torch's threads; None leaves them to the caller and to the side itself.

    units : float, default=1.0
        What the seconds are divided by: epochs, models, rows.

    asked : str, default=""
        What is asked of the ratio to the first side, for the table.
    """

    name: str
    run: Callable[[Any], Any]
    prepare: Callable[[], Any] = lambda: None
    threads: int | None = None
    units: float = 1.0
    asked: str = ""


@contextlib.contextmanager
def torch_threads(count):
    """Use `count` threads inside, the caller's if None; give them back after."""
    before = torch.get_num_threads()
    try:
        # Set even if unchanged: a side that forgets its own would move the next.
        torch.set_num_threads(before if count is None else count)
        yield
    finally:
        torch.set_num_threads(before)


def synchronize(device):
    """Wait until the device has done its work."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)


def measure(sides, repeats, device="cpu"):
    """Let the sides take turns.

    Returns
    -------
    seconds : dict of Side to list of float
        Seconds for one unit, by repeat.

    results : dict of Side to object
        What the last run returned.
    """
    seconds, results = {side: [] for side in sides}, {}
    for _ in range(repeats):
        for side in sides:
            results.pop(side, None)
            gc.collect()
            with torch_threads(side.threads):
                prepared = side.prepare()
                synchronize(device)
                start = time.perf_counter()
                results[side] = side.run(prepared)
                synchronize(device)
                seconds[side].append((time.perf_counter() - start) / side.units)
    return seconds, results


def to_rows(part, setting, seconds):
    """Return one row for each side; the best of a name has the ratio to the first."""
    medians = {side: float(np.median(times)) for side, times in seconds.items()}
    best = {}
    for side, median in medians.items():
        if side.name not in best or median < medians[best[side.name]]:
            best[side.name] = side
    reference = medians[best[next(iter(medians)).name]]
    return [
        {
            "part": part,
            "setting": setting,
            "name": side.name,
            "threads": side.threads or "own",
            "seconds": median,
            "ratio": median / reference if best[side.name] is side else None,
            "asked": side.asked if best[side.name] is side else "",
            "all_seconds": seconds[side],
        }
        for side, median in medians.items()
    ]


def print_rows(rows):
    """Print the rows of one part as a table for each setting."""
    shown = {"part", "setting", "name", "threads", "seconds", "ratio", "asked"}
    for setting in dict.fromkeys(row["setting"] for row in rows):
        members = [row for row in rows if row["setting"] == setting]
        print(f"\n{members[0]['part']}: {setting}")
        print(f"  {'':22}{'threads':>8}{'seconds':>12}{'ratio':>8}  {'asked':20}")
        for row in members:
            ratio = "" if row.get("ratio") is None else f"{row['ratio']:.2f}"
            line = f"  {row['name']:22}{row.get('threads', ''):>8}"
            line += f"{row['seconds']:12.4g}{ratio:>8}  {row.get('asked', ''):20}"
            line += "  ".join(
                f"{key} {_short(value)}"
                for key, value in row.items()
                if key not in shown and not key.startswith("all_")
            )
            print(line.rstrip(), flush=True)


def _short(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)
