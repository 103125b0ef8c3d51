"""What replaying recorded steps gives: small trainings, alone, in stacks, in threads.

    python benchmarks/replay.py [n_repeats]

Each case trains in a new process, one way after the other in turn: "cold" is the first
training, with what recording costs, "warm" the next ones of the same shape. Times are
medians of seconds of all threads (process) and of the clock. Written to
``results/replay.json``. Ways: "eager" records nothing, "plain" replays kernels called
from Python; "script", where a commit still has it, calls stretches of them from
TorchScript.
"""

import argparse
import importlib.util
import json
import platform
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "replay.json"
N_WARM = 3
TABLE = {"hidden_layer_sizes": (64, 64), "device": "cpu"}


def digits():
    from sklearn.datasets import load_digits

    from sklearn_aae import AAETransformer

    X = load_digits().data
    return lambda compiled: AAETransformer(
        max_iter=40, random_state=0, device="cpu", compile=compiled
    ).fit(X)


def table():
    from sklearn_aae import AAETransformer

    X = table_rows()
    return lambda compiled: AAETransformer(
        max_iter=200, random_state=0, compile=compiled, **TABLE
    ).fit(X)


def table_rows():
    """Return 400 rows of 13 columns."""
    from sklearn.datasets import make_blobs

    return make_blobs(400, 13, centers=4, random_state=0)[0]


def stack(seed=0):
    from sklearn_aae import AAEClusterer

    X = table_rows()
    return lambda compiled: AAEClusterer(
        4, n_init=8, max_iter=60, random_state=seed, compile=compiled, **TABLE
    ).fit(X)


def two_stacks():
    fits = [stack(seed) for seed in (0, 1)]

    def run(compiled):
        threads = [threading.Thread(target=fit, args=(compiled,)) for fit in fits]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return run


def search():
    import joblib
    from sklearn.model_selection import GridSearchCV

    from sklearn_aae import AAETransformer

    X = table_rows()
    grid = {
        "learning_rate": [1e-3, 3e-3, 1e-2],
        "regularization_strength": [0.25, 0.5, 1.0, 2.0],
    }

    def run(compiled):
        model = AAETransformer(max_iter=40, random_state=0, compile=compiled, **TABLE)
        with joblib.parallel_config(backend="stacked"):
            GridSearchCV(model, grid, cv=5, refit=False).fit(X)

    return run


CASES = {
    "digits 64-256-256-2": digits,
    "table 13-64-64-2": table,
    "stack of 8 clusterers": stack,
    "two stacks of 8 in threads": two_stacks,
    "search of 60 fits": search,
}


def without_scripts():
    """Replay by Python where a commit has TorchScript, too."""
    tracing = importlib.import_module("sklearn_aae.training.replay._tracing")

    def refuse(recorded):
        raise RuntimeError("plain")

    tracing.scripted = refuse


def measure(case, way):
    """Print seconds of the processor and the clock: a cold training, some warm."""
    import torch

    torch.set_num_threads(1)
    run, seconds = CASES[case](), []
    start = time.process_time(), time.perf_counter()  # with what recording imports
    if way == "plain" and has_scripts():
        without_scripts()
    for _ in range(1 + N_WARM):
        run(way != "eager")
        now = time.process_time(), time.perf_counter()
        seconds.append([b - a for a, b in zip(start, now, strict=True)])
        start = now
    print(json.dumps(seconds))


def has_scripts():
    name = "sklearn_aae.training.replay._script"
    return importlib.util.find_spec(name) is not None


def summary(runs):
    """Return the medians of the cold and of the warm trainings."""
    found = {}
    for i, clock in enumerate(("process", "wall")):
        found[f"cold_{clock}"] = statistics.median(run[0][i] for run in runs)
        warm = [times[i] for run in runs for times in run[1:]]
        found[f"warm_{clock}"] = statistics.median(warm)
    return {name: round(seconds, 3) for name, seconds in found.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n_repeats", nargs="?", type=int, default=5)
    parser.add_argument("--one", nargs=2, metavar=("CASE", "WAY"))
    options = parser.parse_args()
    if options.one:
        measure(*options.one)
        return
    import sklearn
    import torch

    ways = ["eager", "plain", *(["script"] if has_scripts() else [])]
    runs = {case: {way: [] for way in ways} for case in CASES}
    report = {
        "command": "python benchmarks/replay.py",
        "machine": f"{platform.processor() or platform.machine()}, 1 thread a stack",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "scikit-learn": sklearn.__version__,
    }
    for done in range(1, options.n_repeats + 1):
        for case in CASES:
            for way in ways:
                runs[case][way].append(run_apart(case, way))
        report["n_repeats"] = done
        report["seconds"] = {
            case: {way: summary(of) for way, of in ways_of.items()}
            for case, ways_of in runs.items()
        }
        RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))


def run_apart(case, way):
    """Measure in a new process."""
    command = [sys.executable, __file__, "--one", case, way]
    done = subprocess.run(command, capture_output=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
