"""What the quality benchmarks share: means over seeds, arguments, versions, JSON."""

import importlib.metadata
import json
import os
import platform
import sys

import numpy as np
import sklearn


def machine():
    """Return where the figures come from."""
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, torch {importlib.metadata.version('torch')}, "
        f"scikit-learn {sklearn.__version__}"
    )


def load_from(folder):
    """Return the function ``load(name, ...)`` of a folder of data sets."""
    sys.path.insert(0, os.fspath(folder))
    from load import load

    return load


def report(rows, by, measures, args=None):
    """Print mean, deviation and extremes of measures over the rows of equal `by`.

    With the command's arguments, also write all rows into the file `args.out`, if any.
    """
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
    if args and args.out:
        write(rows, args)


def write(rows, args):
    """Write rows, the machine and the command's arguments into the file `args.out`."""
    # Folders are of this machine.
    options = {k: v for k, v in vars(args).items() if k not in ("data", "out")}
    result = {"machine": machine(), "arguments": options, "rows": rows}
    part = f"{args.out}.part"
    with open(part, "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    os.replace(part, args.out)
