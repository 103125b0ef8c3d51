"""All that a GPU can show, in under 8 minutes: whether fits are right, and how fast.

    python benchmarks/gpu.py [--device cuda] [--sections checks search fits large]
        [--out gpu.json]
    python benchmarks/gpu.py --device cpu --quick      # tries the script itself

Each section runs in a process of its own and ends when its time is spent; what it has
found until then counts, and what is missing is said. Without a GPU nothing is done.

checks  of every estimator: answers are finite, equal for an equal random_state, and
        those of the model after a pickle that a process without a GPU reads. A fit
        without draws equals that of the CPU in float64, an adversarial one is as good;
        a stacked search equals one after the other; fits leave no memory behind
search  GridSearchCV over a table, 12 candidates x 5 folds: one stack, one by one
fits    fits with defaults, on the GPU and on the CPU: the first and the second
large   an epoch of 200,000 rows through wide layers, on the GPU and on the CPU

Exits with 1 if a check fails.
"""

import argparse
import contextlib
import gc
import json
import os
import pickle
import shlex
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from reporting import machine
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.metrics import r2_score
from speed_peers import our_model
from speed_problems import SIZES, load_rows
from speed_searches import search, search_stacked
from speed_timing import synchronize

import sklearn_aae

# What ends a section, in seconds; together less than 8 minutes.
BUDGETS = {"checks": 120, "search": 120, "fits": 130, "large": 80}
QUICK_BUDGET = 300


# --- what every section needs -------------------------------------------------


def emit(**row):
    """Print a row, for the process that waits for it."""
    print(json.dumps(row), flush=True)


def seconds_of(work, device):
    """Return what work returns, and the seconds until the device has done it."""
    gc.collect()
    synchronize(device)
    start = time.perf_counter()
    result = work()
    synchronize(device)
    return result, time.perf_counter() - start


def estimators(data, **options):
    """Return a function for each estimator that fits it, and its answer for rows."""
    X, y = data
    some = y.copy()
    some[np.random.RandomState(0).permutation(len(y))[40:]] = -1
    options = {"random_state": 0, **options}
    n_classes = len(np.unique(y))
    return {
        "AAETransformer": lambda: sklearn_aae.AAETransformer(8, **options).fit(X),
        "AAEClusterer": lambda: sklearn_aae.AAEClusterer(n_classes, **options).fit(X),
        "AAEOutlierDetector": lambda: sklearn_aae.AAEOutlierDetector(**options).fit(X),
        "ConditionalAAETransformer": lambda: sklearn_aae.ConditionalAAETransformer(
            **options
        ).fit(X, y),
        "SemiSupervisedAAEClassifier": lambda: sklearn_aae.SemiSupervisedAAEClassifier(
            **options
        ).fit(X, some),
        "GANSampler": lambda: sklearn_aae.GANSampler(**options).fit(X),
    }


def answer(model, X):
    """Return what a model says of rows: probabilities, codes or scores."""
    for name in ("predict_proba", "transform", "score_samples"):
        if hasattr(model, name):
            return getattr(model, name)(X)
    raise TypeError(f"{model} answers nothing")


def gap(a, b):
    """Return the largest difference, over the standard deviation of the second."""
    return float(np.abs(np.subtract(a, b)).max() / np.std(b))


# --- checks -------------------------------------------------------------------


def check(name, found, most):
    """Say whether what was found is at most so much."""
    ok = bool(np.isfinite(found) and found <= most)
    emit(section="checks", name=name, found=found, most=most, ok=ok)


def check_estimators(args):
    """Check the answers of every estimator."""
    data = load_wine(return_X_y=True)
    fits = estimators(data, device=args.device, max_iter=3)
    models = {name: fit() for name, fit in fits.items()}
    first = {name: answer(model, data[0]) for name, model in models.items()}
    elsewhere = on_cpu(models, data[0])
    for name, fit in fits.items():
        found = first[name]
        check(f"{name}: missing answers", float(np.isnan(found).sum()), 0)
        check(f"{name}: a pickle on the CPU", gap(elsewhere[name], found), 1e-3)
        again = answer(fit(), data[0])
        check(f"{name}: the same random_state again", gap(again, found), 1e-4)


def on_cpu(models, X):
    """Return the answers of pickled models in a process that sees no GPU."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "models.pickle"
        file.write_bytes(pickle.dumps((models, X)))
        command = [sys.executable, __file__, "--answer", file]
        env = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
        subprocess.run(command, check=True, env=env)
        return dict(np.load(file.with_suffix(".npz")))


def answer_from(file):
    """Write the answers of pickled models beside them."""
    assert not torch.cuda.is_available()
    models, X = pickle.loads(file.read_bytes())
    found = {name: answer(model, X) for name, model in models.items()}
    np.savez(file.with_suffix(".npz"), **found)


def check_against_cpu(args):
    """Check that a device finds what a CPU finds."""
    X = load_breast_cancer().data
    # Without draws, with all rows in a batch: on a CPU this is trained in float64.
    plain = {"regularizer": None, "batch_size": len(X), "max_iter": 20}
    codes = [
        sklearn_aae.AAETransformer(4, device=device, random_state=0, **plain)
        .fit(X)
        .transform(X)
        for device in (args.device, "cpu")
    ]
    check("codes after 20 steps: off those of the CPU in float64", gap(*codes), 0.05)
    scores = [
        r2_score(X, model.reconstruct(X))
        for model in (
            sklearn_aae.AAETransformer(
                4, device=device, random_state=0, max_iter=30
            ).fit(X)
            for device in (args.device, "cpu")
        )
    ]
    check("adversarial fit: R² below that of the CPU", scores[1] - scores[0], 0.05)


def check_stack(args):
    """Check that a stack finds what single fits find."""
    X = load_rows("table")
    model = our_model(SIZES["table"], 3, args.device)
    alone, stacked = search(model, X), search_stacked(model, X)
    scores = [s.cv_results_["mean_test_score"] for s in (stacked, alone)]
    check("stacked search: scores off single fits", gap(*scores), 0.01)
    same = float(stacked.best_params_ != alone.best_params_)
    check("stacked search: other best parameters", same, 0)


def check_memory(args):
    """Check that the memory of fits is given back."""
    if not torch.cuda.is_available():
        return
    X, held = load_wine().data, []
    for _ in range(6):
        sklearn_aae.AAETransformer(device=args.device, max_iter=20).fit(X)
        gc.collect()
        held.append(torch.cuda.memory_allocated())
    check("bytes left behind by each fit", (held[-1] - held[1]) / 4, 1024)


def checks(args):
    """Check all."""
    for part in (check_against_cpu, check_memory, check_stack, check_estimators):
        part(args)


# --- speed --------------------------------------------------------------------


def run_search(args):
    """Time a search as one stack and one by one, in turns."""
    X = load_rows("table")
    epochs = 1 if args.quick else 20
    model = our_model(SIZES["table"], epochs, args.device)
    ways = {"one stack": search_stacked, "one by one": search}
    for turn in ("first", "second"):
        for name, way in ways.items():
            _, seconds = seconds_of(lambda way=way: way(model, X), args.device)
            emit(section="search", name=name, turn=turn, epochs=epochs, seconds=seconds)


def run_fits(args):
    """Time fits with defaults on both devices, a first and a second one."""
    options = {"max_iter": 1} if args.quick else {}
    for dataset, load in (("wine", load_wine), ("digits", load_digits)):
        for device in dict.fromkeys((args.device, "cpu")):
            fits = estimators(load(return_X_y=True), device=device, **options)
            for name, fit in fits.items():
                for turn in ("first", "second"):
                    _, seconds = seconds_of(fit, device)
                    where = {"set": dataset, "device": device, "turn": turn}
                    emit(section="fits", name=name, **where, seconds=seconds)


def run_large(args):
    """Time an epoch of many rows through wide layers on both devices."""
    n_rows, width = (2_000, 64) if args.quick else (200_000, 1024)
    X = np.random.RandomState(0).standard_normal((n_rows, 100)).astype(np.float32)
    for device in dict.fromkeys((args.device, "cpu")):
        for turn in ("first", "second"):
            model = sklearn_aae.AAETransformer(
                16,
                hidden_layer_sizes=(width, width),
                batch_size=1024,
                max_iter=1,
                device=device,
                random_state=0,
            )
            _, seconds = seconds_of(lambda model=model: model.fit(X), device)
            emit(
                section="large",
                name=f"{n_rows} x 100, {width}-{width}",
                device=device,
                turn=turn,
                seconds=seconds,
            )


SECTIONS = {
    "checks": checks,
    "search": run_search,
    "fits": run_fits,
    "large": run_large,
}


# --- the whole ----------------------------------------------------------------


def in_child(section, args):
    """Return the rows that a section prints until it ends, or its time does."""
    command = [sys.executable, __file__, "--child", section, "--device", args.device]
    command += ["--quick"] if args.quick else []
    start = time.perf_counter()
    budget = QUICK_BUDGET if args.quick else BUDGETS[section]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=out, stderr=errors)
        end = "complete"
        try:
            if process.wait(budget):
                errors.seek(0)
                end = errors.read().strip().splitlines()[-1]
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            end = f"ended after {budget} s: what is not here was not reached"
        out.seek(0)
        rows = []
        for line in out:
            with contextlib.suppress(json.JSONDecodeError):
                rows.append(json.loads(line))
    spent = time.perf_counter() - start
    print(f"\n{section}: {spent:.0f} s, {end}")
    return rows, {"section": section, "seconds": spent, "end": end}


def show(rows):
    """Print the rows of a section."""
    for row in rows:
        words = {k: v for k, v in row.items() if k not in ("section", "name")}
        text = "  ".join(
            f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}"
            for k, v in words.items()
        )
        print(f"  {row['name']:60}{text}", flush=True)


def ratios(rows):
    """Return how many times as long the slower ways of a section take."""
    found = {}
    times = {
        (
            row["section"],
            row.get("set", ""),
            row["name"],
            row["turn"],
            row.get("device"),
        ): row["seconds"]
        for row in rows
        if "seconds" in row
    }
    for (section, dataset, name, turn, device), seconds in times.items():
        if section == "search" and name == "one by one":
            stack = times[section, dataset, "one stack", turn, device]
            found[f"search: one by one over one stack, {turn}"] = seconds / stack
        elif device not in (None, "cpu"):
            cpu = times.get((section, dataset, name, turn, "cpu"))
            key = f"{section}: CPU over {device}, {dataset} {name}, {turn}"
            found |= {key: cpu / seconds} if cpu else {}
    return found


def parse():
    """Return the arguments of the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--quick", action="store_true", help="as little as possible")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", choices=SECTIONS, help=argparse.SUPPRESS)
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    """Run the sections, or be one of them."""
    args = parse()
    warnings.simplefilter("ignore")
    if args.answer:
        return answer_from(args.answer)
    if args.device.startswith("cuda") and not torch.cuda.is_available():
        print("No GPU here, so nothing is done; --device cpu --quick tries the script.")
        return None
    if args.child:
        return SECTIONS[args.child](args)
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    command = shlex.join(["python", "benchmarks/gpu.py", *sys.argv[1:]])
    report = {"machine": machine(), "gpu": name, "command": command}
    print(f"{report['machine']}, {name}")
    report["rows"], report["sections"] = [], []
    for section in args.sections:
        rows, end = in_child(section, args)
        show(rows)
        report["rows"] += rows
        report["sections"].append(end)
    report["ratios"] = ratios(report["rows"])
    for text, ratio in report["ratios"].items():
        print(f"{text:70}{ratio:8.2f}")
    if args.out:
        args.out.write_text(json.dumps(report, indent=1))
    failed = [row["name"] for row in report["rows"] if not row.get("ok", True)]
    cut = [end for end in report["sections"] if end["end"] != "complete"]
    print("\nfailed checks:", failed or "none", "\ncut short:", cut or "none")
    sys.exit(bool(failed) or any(end["section"] == "checks" for end in cut))


if __name__ == "__main__":
    main()
