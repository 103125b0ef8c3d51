"""What the quality benchmarks share: means over seeds, command, versions, JSON."""

import json
import os
import platform
import shlex
import sys
from pathlib import Path

import numpy as np
import sklearn
import torch


def machine():
    """Return where the figures come from."""
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, torch {torch.__version__}, scikit-learn "
        f"{sklearn.__version__}"
    )


def command():
    """Return the command that runs, without the folders of this machine."""
    script, *words = sys.argv
    for name, instead in (("--data", "DIR"), ("--out", "FILE")):
        for i, word in enumerate(words):
            if word == name:
                words[i + 1] = instead
            elif word.startswith(f"{name}="):
                words[i] = f"{name}={instead}"
    home = Path(__file__).resolve().parent.parent
    return shlex.join(["python", str(Path(script).resolve().relative_to(home)), *words])


def load_from(folder):
    """Return the function ``load(name, ...)`` of a folder of data sets."""
    sys.path.insert(0, os.fspath(folder))
    from load import load

    return load


def report(rows, by, measures, out=None):
    """Print mean, deviation and extremes of measures over the rows of equal `by`."""
    print(machine())
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in by), []).append(row)
    for key, members in groups.items():
        print(*key, f"({len(members)} runs)")
        for name in measures:
            values = [row[name] for row in members if name in row]
            if values:
                print(
                    f"    {name:<18} mean {np.mean(values):8.4f} ± {np.std(values):.4f}"
                    f"  median {np.median(values):8.4f}"
                    f"  from {np.min(values):.4f} to {np.max(values):.4f}"
                )
    if out:
        with open(out, "w", encoding="utf-8") as file:
            told = {"machine": machine(), "command": command(), "rows": rows}
            json.dump(told, file, indent=1)
