"""Part "fresh" of speed.py: the first search of a process, and the second.

Each way to search runs in a process of its own, and all take turns. Worker processes
and their imports are there before; what a first search records or learns is not. With
`processor`, the seconds that the process and its workers have computed: where programs
beside them need the processors, these say more than those of the clock.
"""

import argparse
import json
import subprocess
import sys
import time
import warnings

import numpy as np
import psutil
from speed_problems import load_rows
from speed_searches import ASKED, FOLDS, NAMES, make_sides

TURNS = ("first", "second")


def computed():
    """Return the processor seconds of this process and its workers.

    Those that have ended count, too: joblib replaces workers that grow.
    """
    me = psutil.Process()
    times = [p.cpu_times() for p in (me, *me.children(recursive=True))]
    ended = times[0].children_user + times[0].children_system
    return ended + sum(t.user + t.system for t in times)


def search_twice(args):
    """Return the seconds and the processor seconds of two searches."""
    X = load_rows(args.size, args.data, args.rows)
    side = make_sides(args.size, X, args.epochs, args.device, [args.kind])[args.kind]
    side.prepare()
    found = []
    for _ in TURNS:
        processor, start = computed(), time.perf_counter()
        side.run(None)
        seconds = time.perf_counter() - start
        found.append({"seconds": seconds, "processor": computed() - processor})
    return found


def in_child(size, kind, args):
    """Search twice in a fresh process."""
    command = [sys.executable, __file__, "--size", size, "--kind", kind]
    command += ["--epochs", str(args.search_epochs), "--device", args.device]
    command += ["--data", str(args.data)] if args.data else []
    command += ["--rows", str(args.rows)] if args.rows else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"The process for {kind!r} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def run_fresh(args):
    """Return a row for each way and turn; ratios are to the first way, run by run."""
    rows = []
    for size in args.sizes:
        if size not in ASKED:
            continue
        runs = {kind: [] for kind in args.searches}
        for _ in range(args.repeats):
            for kind in args.searches:
                runs[kind].append(in_child(size, kind, args))
        setting = f"{size}, 12 candidates x {FOLDS} folds, {args.search_epochs} epochs"
        first, *_ = runs.values()
        for turn, name in enumerate(TURNS):
            for kind, found in runs.items():
                row = {"part": "fresh", "setting": f"{setting}, {name} search"}
                rows.append(row | figures(kind, found, first, turn))
    return rows


def figures(kind, found, first, turn):
    """Return medians, and each run's ratio to the first way, from least to most."""
    row = {"name": NAMES[kind]}
    for what in ("seconds", "processor"):
        values = [run[turn][what] for run in found]
        over = [run[turn][what] for run in first]
        ratios = sorted(np.divide(values, over).tolist())
        row |= {what: float(np.median(values)), f"all_{what}": values}
        row["ratio" if what == "seconds" else "of processor"] = float(np.median(ratios))
        if what == "seconds":
            row["from"], row["to"] = ratios[0], ratios[-1]
    return row


def main():
    """Print the seconds of two searches."""
    parser = argparse.ArgumentParser()
    for name in ("--size", "--kind", "--device"):
        parser.add_argument(name, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--data")
    parser.add_argument("--rows", type=int)
    warnings.simplefilter("ignore")
    print(json.dumps(search_twice(parser.parse_args())))


if __name__ == "__main__":
    main()
