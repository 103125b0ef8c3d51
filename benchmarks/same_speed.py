"""Whether another commit is as fast: processor time of this checkout over its.

Each side is a process of its own that stays; the two take turns at each piece of work,
after one untimed round. Figures are medians of the processor seconds (of all threads).

    python benchmarks/same_speed.py --base COMMIT [--parts digits paper ...]
        [--repeats 5] [--threads 1] [--most 1.05] [--out FILE]

digits    one fit, 64-128-128-8, 50 epochs
paper     one fit, 784-1000-1000-10, 240 steps
search    GridSearchCV over a table, 12 candidates x 5 folds, one fit after the other
stacked   the same search as one stack

Exits with 1 if a ratio is above `--most`.
"""

import argparse
import contextlib
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from same_numbers import HERE, extracted

PARTS = ("digits", "paper", "search", "stacked")
PAPER_ROWS, PAPER_EPOCHS, SEARCH_EPOCHS = 2000, 12, 20


# --- one side -----------------------------------------------------------------


def works():
    """Return what is timed, by part; imports the package that PYTHONPATH has."""
    from speed_peers import our_model
    from speed_problems import SIZES, load_rows
    from speed_searches import search, search_stacked

    table = load_rows("table")
    digits, paper = load_rows("digits"), load_rows("paper", max_rows=PAPER_ROWS)
    of_table = our_model(SIZES["table"], SEARCH_EPOCHS)
    of_digits = our_model(SIZES["digits"], SIZES["digits"].epochs)
    of_paper = our_model(SIZES["paper"], PAPER_EPOCHS)
    return {
        "digits": lambda: of_digits.fit(digits),
        "paper": lambda: of_paper.fit(paper),
        "search": lambda: search(of_table, table),
        "stacked": lambda: search_stacked(of_table, table),
    }


def serve(checkout):
    """Do the parts whose names come in, and answer with their processor seconds."""
    import sklearn_aae

    at = Path(sklearn_aae.__file__).resolve()
    assert at.is_relative_to(Path(checkout).resolve()), f"imported {at}"
    work = works()
    for line in sys.stdin:
        start = time.process_time()
        work[line.strip()]()
        print(time.process_time() - start, flush=True)


# --- both ---------------------------------------------------------------------


class Side:
    """A process that has one checkout's package."""

    def __init__(self, checkout, threads):
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
        limits = dict.fromkeys(names, str(threads))
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__, "--serve", checkout],
            env={**os.environ, **limits, "PYTHONPATH": str(checkout)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self, part):
        """Return the processor seconds of a part."""
        print(part, file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def close(self):
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def compare(args):
    """Return a row for each part."""
    with contextlib.ExitStack() as scope:
        folder = Path(scope.enter_context(tempfile.TemporaryDirectory()))
        checkouts = {"base": extracted(args.base, folder), "here": HERE.parent}
        sides = {}
        for name, checkout in checkouts.items():
            sides[name] = Side(checkout, args.threads)
            scope.callback(sides[name].close)
        rows = []
        for part in args.parts:
            seconds = {name: [] for name in sides}
            for number in range(1 + args.repeats):
                for name, side in sides.items():
                    spent = side.seconds(part)
                    if number:  # the first round warms up
                        seconds[name].append(spent)
            medians = {name: statistics.median(s) for name, s in seconds.items()}
            ratio = medians["here"] / medians["base"]
            rows.append({"part": part, "ratio": ratio, **medians, "all": seconds})
            print(
                f"{part:8} {medians['base']:8.2f} s there {medians['here']:8.2f} s here"
                f"   ratio {ratio:.3f}",
                flush=True,
            )
    return rows


def parse():
    """Return the arguments of the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base", help="the commit to compare with")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--most", type=float, default=1.05, help="the highest ratio")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not (args.base or args.serve):
        parser.error("--base is needed")
    return args


def main():
    """Time both commits, or be one side of that."""
    args = parse()
    if args.serve:
        serve(args.serve)
        return
    rows = compare(args)
    if args.out:
        from reporting import machine

        command = shlex.join(["python", "benchmarks/same_speed.py", *sys.argv[1:]])
        report = {"machine": machine(), "command": command, "rows": rows}
        args.out.write_text(json.dumps(report, indent=1))
    sys.exit(any(row["ratio"] > args.most for row in rows))


if __name__ == "__main__":
    main()
