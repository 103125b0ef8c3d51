"""What a fit with defaults costs and gives: ours, ours at a commit, what others pick.

    python benchmarks/defaults.py --base COMMIT [--sets wine adult ...] [--data DIR]
        [--tasks codes clusters ...] [--methods AAETransformer PCA ...]
        [--repeats 3] [--seeds 5] [--rows 5000] [--threads 1] [--out FILE]
    python benchmarks/defaults.py --print FILE

Each fit runs in a fresh process, on one thread and no GPU; for each seed all methods of
a task take turns. The first `repeats` seeds are timed, in a first fit and in a second
one of the same shape in the same process; the quality is that of the first fits of all
`seeds`. Ours at the commit is imported from a folder of its own.

Tables: median processor seconds of the import (after scikit-learn and torch), of the
first fit and of the second; first over second; median wall seconds of the first; peak
memory above that before the fit; mean quality; and the medians of the ratios to ours at
the commit, seed by seed.

codes       8 columns; mean ROC AUC of 15 neighbours and of a logistic regression
clusters    as many as classes; accuracy of the best matching
outliers    the smallest class thinned to 5 %; ROC AUC
few labels  40; ROC AUC on test rows
rows        as many as fitted; ROC AUC on real test rows of a forest trained on them
rows of numbers  categories one-hot; coverage of test rows (Naeem et al., 2020)

wine, breast_cancer and digits come with scikit-learn; others are `--rows` rows that the
`load.py` of `--data` gives. Peers: ``pip install umap-learn pyod ctgan``; one that is
not there is left out.
"""

import argparse
import compileall
import importlib.metadata
import importlib.util
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from defaults_fits import LEFT_OUT, OURS, TASKS
from reporting import machine
from same_numbers import HERE, extracted

SETS = ("wine", "breast_cancer", "digits")
PEERS = {"umap": "umap-learn", "pyod": "pyod", "ctgan": "ctgan"}
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
HERE_SIDE, BASE_SIDE = "", " (base)"


# --- the runs -----------------------------------------------------------------


def sides(task, args):
    """Return what takes turns at a task: names, methods, checkouts."""
    for name, method in TASKS[task].methods.items():
        if args.methods and name not in args.methods:
            continue
        if method.package == OURS:
            for suffix, checkout in args.checkouts.items():
                yield name + suffix, name, checkout
        elif importlib.util.find_spec(method.package.split(".")[0]):
            yield name, name, None
        elif name not in args.told:
            args.told.add(name)
            print(f"{name} is left out: its package is not installed", flush=True)


def fit_in_child(task, method, checkout, dataset, seed, args):
    """Fit in a fresh process; return its figures, or the error's last line."""
    command = [sys.executable, HERE / "defaults_fits.py"]
    command += ["--task", task, "--method", method, "--set", dataset]
    command += ["--seed", str(seed), "--rows", str(args.rows)]
    command += ["--data", args.data] if args.data else []
    command += ["--second"] if seed < args.repeats else []
    env = os.environ | dict.fromkeys((*THREADS, "NUMBA_NUM_THREADS"), str(args.threads))
    env["CUDA_VISIBLE_DEVICES"] = ""
    if checkout:
        command += ["--checkout", checkout]
        paths = [str(checkout), os.environ.get("PYTHONPATH")]
        env["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def measure(args):
    """Yield a row for each run."""
    for seed in range(max(args.seeds, args.repeats)):
        for dataset in args.sets:
            for task in args.tasks:
                if (dataset, task) in LEFT_OUT:
                    continue
                for name, method, checkout in sides(task, args):
                    row = {"set": dataset, "task": task, "name": name, "seed": seed}
                    row |= fit_in_child(task, method, checkout, dataset, seed, args)
                    print(json.dumps(row), flush=True)
                    yield row


# --- the tables ---------------------------------------------------------------


def middle(rows, which, what):
    """Return the median of a figure over the runs that have it, or None."""
    values = [row[which][what] for row in rows if which in row]
    return statistics.median(values) if values else None


def ratio(rows, base, which):
    """Return the median of the processor seconds over those of base, by seed."""
    base = {row["seed"]: row[which]["processor"] for row in base if which in row}
    return statistics.median(
        [
            row[which]["processor"] / base[row["seed"]]
            for row in rows
            if which in row and row["seed"] in base
        ]
        or [float("nan")]
    )


def summarise(rows):
    """Return a line of figures for each set, task and name."""
    groups = {}
    for row in rows:
        key = (row["set"], row["task"], row["name"])
        groups.setdefault(key, []).append(row)
    lines = []
    for (dataset, task, name), members in groups.items():
        good = [row for row in members if "error" not in row]
        line = {"set": dataset, "task": task, "name": name, "runs": len(good)}
        if good:
            line |= {w: middle(good, w, "processor") for w in ("import", "first")}
            line["second"] = middle(good, "second", "processor")
            if line["second"]:
                line["first / second"] = line["first"] / line["second"]
            line["wall"] = middle(good, "first", "wall")
            line["peak MiB"] = middle(good, "first", "peak MiB")
            qualities = [row["quality"] for row in good]
            line["quality"] = statistics.fmean(qualities)
            line["deviation"] = statistics.pstdev(qualities)
            base = groups.get((dataset, task, name + BASE_SIDE))
            if base:
                line["first / base"] = ratio(good, base, "first")
                line["second / base"] = ratio(good, base, "second")
        else:
            line["error"] = members[0]["error"]
        lines.append(line)
    return lines


COLUMNS = {
    "import": "{:.2f}",
    "first": "{:.2f}",
    "second": "{:.2f}",
    "first / second": "{:.2f}",
    "wall": "{:.2f}",
    "peak MiB": "{:.0f}",
    "quality": "{:.3f}",
    "deviation": "{:.3f}",
    "first / base": "{:.3f}",
    "second / base": "{:.3f}",
}


def show(lines):
    """Print the lines as a table for each set and task."""
    for dataset, task in dict.fromkeys((line["set"], line["task"]) for line in lines):
        members = [
            line for line in lines if (line["set"], line["task"]) == (dataset, task)
        ]
        print(f"\n{dataset}, {task}: {TASKS[task].measure}")
        print(f"  {'':36}" + "".join(f"{name:>15}" for name in COLUMNS))
        for line in members:
            cells = (
                "" if line.get(name) is None else form.format(line[name])
                for name, form in COLUMNS.items()
            )
            text = "".join(f"{cell:>15}" for cell in cells)
            print(f"  {line['name']:36}{line.get('error') or text}")


def versions():
    """Return the versions of the peers that are installed."""
    found = {}
    for package, distribution in PEERS.items():
        if importlib.util.find_spec(package):
            found[distribution] = importlib.metadata.version(distribution)
    return found


def parse():
    """Return the arguments of the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base", help="the commit to compare with")
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    every = [name for task in TASKS.values() for name in task.methods]
    parser.add_argument("--methods", nargs="+", choices=every)
    for name, default in (("repeats", 3), ("seeds", 5), ("rows", 5000), ("threads", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--data", type=Path, help="a folder with a load.py")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--print", type=Path, help="print the tables of such a file")
    args = parser.parse_args()
    if not (args.base or args.print):
        parser.error("--base is needed")
    return args


def main():
    """Measure and print, or print what was measured."""
    args = parse()
    if args.print:
        show(summarise(json.loads(args.print.read_text())["rows"]))
        return
    command = shlex.join(["python", "benchmarks/defaults.py", *sys.argv[1:]])
    report = {"machine": machine(), "versions": versions(), "command": command}
    args.told, rows = set(), []
    with tempfile.TemporaryDirectory() as folder:
        base = extracted(args.base, Path(folder))
        args.checkouts = {HERE_SIDE: HERE.parent, BASE_SIDE: base}
        for checkout in args.checkouts.values():
            compileall.compile_dir(checkout / OURS, quiet=2)
        for row in measure(args):
            rows.append(row)
            if args.out:
                args.out.write_text(json.dumps({**report, "rows": rows}, indent=1))
    show(summarise(rows))


if __name__ == "__main__":
    main()
