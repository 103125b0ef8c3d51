"""Parts "rows", "memory" and "fits" of speed.py: each fit in a fresh process.

The peak is the process's highest resident memory since the fit began, less what it held
before the fit: interpreter, libraries, what a first small fit leaves behind, and the
input.
"""

import gc
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from process_memory import MIB, peak_resident, resident, start_peak
from sklearn.datasets import load_iris
from speed_peers import our_model
from speed_problems import SIZES, load_shared

from sklearn_aae import AAETransformer

KDD_SHAPE = (494_021, 38)


# --- in the child -------------------------------------------------------------


def fit_once(path, hidden, code, device):
    """Fit the rows of a file for one epoch; return seconds and memory."""
    size = SIZES["table"]
    random = np.random.RandomState(0)
    options = {"n_components": code, "hidden_layer_sizes": (hidden, hidden)}
    options |= {"batch_size": size.batch_size, "max_iter": 1, "device": device}
    AAETransformer(**options, random_state=0).fit(random.rand(300, 5))
    X = np.load(path)
    model = AAETransformer(**options, random_state=0)
    gc.collect()
    before, start = start_peak(), time.perf_counter()
    model.fit(X)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "peak": peak_resident() - before, "input": X.nbytes}


def fit_often(n_fits, device):
    """Fit iris many times; return the resident memory after each 50 fits."""
    X, samples = load_iris().data, []
    start = time.perf_counter()
    for i in range(n_fits):
        our_model(SIZES["table"], 2, device).fit(X)
        if (i + 1) % 50 == 0:
            samples.append(resident())
    return {"seconds": (time.perf_counter() - start) / n_fits, "resident": samples}


TASKS = {"fit_once": fit_once, "fit_often": fit_often}


# --- in the parent ------------------------------------------------------------


def in_child(task, *arguments):
    """Run a task in a fresh Python process."""
    command = [sys.executable, __file__, json.dumps([task, *arguments])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"The process for {task!r} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def fit_in_child(X, hidden, code, device):
    """Fit rows, as float32 from a file, in a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        np.save(path, X.astype(np.float32))
        return in_child("fit_once", str(path), hidden, code, device)


def memory_row(part, setting, name, runs):
    """Return one row of medians over runs."""
    peak = float(np.median([run["peak"] for run in runs]))
    return {
        "part": part,
        "setting": setting,
        "name": name,
        "seconds": float(np.median([run["seconds"] for run in runs])),
        "peak MiB": peak / MIB,
        "peak / input": peak / runs[0]["input"],
        "all_seconds": [run["seconds"] for run in runs],
    }


def run_rows(args):
    """Return the rows of part "rows": one epoch on 10^3 to 10^6 rows."""
    size = SIZES["table"]
    counts = [10**i for i in range(3, 7) if 10**i <= (args.rows or 10**6)]
    random = np.random.RandomState(0)
    runs = {n: [] for n in counts}
    for _ in range(args.repeats):
        for n in counts:
            X = random.standard_normal((n, size.n_features))
            runs[n].append(fit_in_child(X, size.hidden, size.code, args.device))
    setting = f"1 epoch, {size.n_features} columns, float32, fresh processes"
    rows = [memory_row("rows", setting, f"{n} rows", runs[n]) for n in counts]
    for i in range(1, len(rows)):
        rows[i]["slope"] = slope(counts[i - 1 : i + 1], rows[i - 1 : i + 1])
    if len(rows) > 1:
        rows[-1]["slope of all"] = slope(counts, rows)
    return rows


def slope(counts, rows):
    """Return the slope of the logarithm of time on that of the number of rows."""
    logs = np.log([row["seconds"] for row in rows])
    return float(np.polyfit(np.log(counts), logs, 1)[0])


def run_memory(args):
    """Return the row of part "memory": kddcup99's numeric columns, or random ones."""
    if args.data is None:
        X, source = np.random.RandomState(0).standard_normal(KDD_SHAPE), "random"
    else:
        table = load_shared(args.data, "kddcup99_10pct")
        X, source = table.select_dtypes("number").to_numpy(np.float32), "kddcup99_10pct"
    X = X[: args.rows]
    size = SIZES["table"]
    runs = [
        fit_in_child(X, size.hidden, size.code, args.device)
        for _ in range(args.repeats)
    ]
    setting = f"1 epoch, {source} {X.shape[0]} x {X.shape[1]}, float32"
    return [memory_row("memory", setting, "ours", runs)]


def run_fits(args):
    """Return the row of part "fits": whether many fits in a process leave memory."""
    run = in_child("fit_often", args.fits, args.device)
    samples = run["resident"]
    late = samples[len(samples) // 2 - 1 :]
    return [
        {
            "part": "fits",
            "setting": f"{args.fits} fits of iris in one process, 2 epochs each",
            "name": "ours",
            "seconds": run["seconds"],
            "MiB at half": late[0] / MIB,
            "MiB at end": late[-1] / MIB,
            "growth %": 100 * (late[-1] / late[0] - 1),
            "all_resident": samples,
        }
    ]


if __name__ == "__main__":
    name, *arguments = json.loads(sys.argv[1])
    print(json.dumps(TASKS[name](*arguments)))
