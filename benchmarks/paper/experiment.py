"""What the scripts of the paper's tables share: their options, seeds and results.

A script names its recipes: what an estimator is given and for how many epochs. Each fit
adds a row to a file of results at once, with the command that gives it again; with
--resume fits that are there are not run again, and one that was stopped goes on from
its checkpoint (its minutes are then those of its epochs alone). With --tune the last
10,000 training rows are judged, which are not fitted, and nothing is kept: the test
rows choose no setting.
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch

sys.path.append(str(Path(__file__).parents[1]))  # behind equal names of this folder
from reporting import load_from, machine

HERE = Path(__file__).parent
RESULTS, CHECKPOINTS = HERE.parent / "results" / "paper", HERE / "checkpoints"
SETS = ("mnist", "fashion_mnist")
# The layers that the paper has for few labels (its appendix), of pixels in [0, 1].
NETWORKS = {
    "hidden_layer_sizes": (1000, 1000),
    "critic_hidden_layer_sizes": (300, 300),
    "dropout": 0.0,
    "activation": "relu",
    "scale": None,
}
# The paper's recipe, as far as parameters go; what it is and is not: docs/paper.rst.
PLAIN = {
    **NETWORKS,
    "critic_hidden_layer_sizes": (1000, 1000),
    "batch_size": 100,
    "update": "alternating",
    "linear_skip": False,
    "normalization": None,
    "learning_rate": 1e-4,
    "learning_rate_schedule": "constant",
    "step_back": False,
}
N_TUNE = 10_000
PICTURES = {"image_shape": (28, 28)}


@dataclass(frozen=True)
class Rows:
    """60,000 training rows and 10,000 test rows, in [0, 1], with labels."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


@dataclass(frozen=True)
class Recipe:
    """What an estimator is given.

    Attributes
    ----------
    options : mapping
        Parameters; `random_state` and `max_iter` come from the command.

    epochs : int
        Length of the training, unless the command has another.
    """

    options: Mapping[str, Any] = field(default_factory=dict)
    epochs: int = 20


@dataclass(frozen=True)
class Experiment:
    """A table of the paper.

    Attributes
    ----------
    recipes : mapping of str to Recipe
        By name: "plain" is the paper's, the others are ours.

    make : callable
        ``make(args, options)`` returns an unfitted estimator.

    labels : callable
        ``labels(rows, args, seed)`` returns the y of the fit, or None.

    judge : callable
        ``judge(model, rows, args, seed)`` returns figures by name.

    settings : mapping of str to dict
        Options of the command, besides recipe, set and epochs, that tell results apart:
        what `argparse` is to know of each, a "default" included.

    n_held : int
        Number of training rows, the last, that are not fitted: they validate.
    """

    recipes: Mapping[str, Recipe]
    make: Callable[..., Any]
    judge: Callable[..., dict]
    labels: Callable[..., Any] = lambda rows, args, seed: None
    settings: Mapping[str, dict] = field(default_factory=dict)
    n_held: int = 0


def read_rows(folder, name, tune=False):
    """Return the rows of a set; to tune by, the last training rows as test rows."""
    load, parts = load_from(folder), []
    for part in ("train", "test"):
        X, y = load(name, part)
        parts += [np.float32(X) / 255, np.asarray(y)]
    if tune:
        X, y = parts[:2]
        parts = [X[:-N_TUNE], y[:-N_TUNE], X[-N_TUNE:], y[-N_TUNE:]]
    return Rows(*parts)


def arguments(doc, experiment):
    """Return the command's options."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="a folder with a load.py")
    parser.add_argument("--set", choices=SETS, default=SETS[0])
    first = "best" if "best" in experiment.recipes else next(iter(experiment.recipes))
    parser.add_argument("--recipe", choices=experiment.recipes, default=first)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--stack", action="store_true", help="train the seeds as one stack"
    )
    parser.add_argument("--options", type=json.loads, default={})
    parser.add_argument("--verbose", type=int, default=0)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--checkpoints", type=Path, default=CHECKPOINTS)
    parser.add_argument("--out", type=Path)
    for name, options in experiment.settings.items():
        parser.add_argument(f"--{name}", **options)
    args = parser.parse_args()
    args.script = Path(sys.argv[0]).name
    args.out = args.out or RESULTS / f"{Path(sys.argv[0]).stem}.json"
    args.epochs = args.epochs or experiment.recipes[args.recipe].epochs
    return args


def main(doc, experiment):
    """Run the fits of a command that are not there yet, and keep their figures."""
    args = arguments(doc, experiment)
    torch.set_num_threads(args.threads)
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    kept = read_results(args.out)
    if args.resume and not args.tune:
        there = [settings_of(args, experiment, s) for s in seeds]
        seeds = [
            s
            for s, settings in zip(seeds, there, strict=True)
            if not any(row["settings"] == settings for row in kept)
        ]
    if not seeds:
        return
    where = {"machine": machine(), "threads": args.threads} | commit()
    rows = read_rows(args.data, args.set, args.tune)
    batches = [list(seeds)] if args.stack else [[seed] for seed in seeds]
    for batch in batches:
        for seed, model, spent in fitted(experiment, rows, args, batch):
            row = {"settings": settings_of(args, experiment, seed)}
            row["command"] = command_of(args, experiment, seed)
            row |= where | device_of(model) | spent
            row |= experiment.judge(model, rows, args, seed)
            print(json.dumps(row), flush=True)
            if not args.tune:
                keep_result(args.out, row)


def settings_of(args, experiment, seed):
    """Return what tells a result from others."""
    names = ("set", "recipe", "epochs", *experiment.settings)
    settings = {name: getattr(args, name) for name in names}
    return settings | {"options": args.options, "seed": seed}


def command_of(args, experiment, seed):
    """Return the command that gives the figures of one seed again."""
    words = ["python", f"benchmarks/paper/{args.script}", "--data", "DIR"]
    for name, value in settings_of(args, experiment, seed).items():
        if name == "seed":
            words += ["--first-seed", str(seed), "--seeds", "1"]
        elif name == "options":
            words += ["--options", json.dumps(value)] if value else []
        elif value is True:
            words.append(f"--{name}")
        elif value is not False and value is not None:  # 0 is a value
            words += [f"--{name}", str(value)]
    if args.device != "cpu":
        words += ["--device", args.device]
    return shlex.join(words)


def commit():
    """Return the commit of the code; nothing where git knows of none."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        found = subprocess.run(
            command, cwd=HERE, check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"commit": found.stdout.strip()}


def device_of(model):
    """Return what a model was trained on, with the name of a GPU."""
    networks = getattr(model, "encoder_", None)  # models of others have none
    if networks is None:
        return {"device": "cpu"}
    device = next(networks.parameters()).device
    name = {"gpu": torch.cuda.get_device_name(device)} if device.type == "cuda" else {}
    return {"device": device.type} | name


def fitted(experiment, rows, args, seeds):
    """Yield seeds, models, and what they cost: one after the other or stacked."""
    folder = checkpoints_of(args, experiment, seeds)
    resumed = args.resume and any(folder.glob("*.checkpoint"))

    def fit(seed):
        recipe = experiment.recipes[args.recipe]
        options = {**recipe.options, **args.options, "max_iter": args.epochs}
        model = experiment.make(args, options)
        model.set_params(random_state=seed, device=args.device, verbose=args.verbose)
        if args.resume and "checkpoint" in model.get_params():
            model.set_params(checkpoint=folder)
        n, y = len(rows.X) - experiment.n_held, experiment.labels(rows, args, seed)
        return model.fit(rows.X[:n], None if y is None else y[:n])

    start, cpu_start = time.perf_counter(), time.process_time()
    with joblib.parallel_config(backend="stacked" if len(seeds) > 1 else "sequential"):
        models = joblib.Parallel()(joblib.delayed(fit)(seed) for seed in seeds)
    spent = {
        "minutes": (time.perf_counter() - start) / 60 / len(seeds),
        "processor minutes": (time.process_time() - cpu_start) / 60 / len(seeds),
        "stacked": len(seeds),
    }
    for seed, model in zip(seeds, models, strict=True):
        yield seed, model, spent_before(model, spent) if resumed else spent


def checkpoints_of(args, experiment, seeds):
    """Return a folder of the checkpoints of these fits, and of no others."""
    settings = [settings_of(args, experiment, seed) for seed in seeds]
    name = hashlib.sha256(json.dumps([settings, args.tune]).encode()).hexdigest()[:16]
    return args.checkpoints / f"{Path(args.script).stem}-{name}"


def spent_before(model, spent):
    """Return what a fit cost that several processes have trained.

    The last one measured its own part only. Checkpoints have the seconds of all epochs,
    of the kept one of the restarts, which share their time alike.
    """
    seconds = sum(line["dur"] for line in model.history_) * model.get_params()["n_init"]
    return {"resumed": True, "minutes": seconds / 60, "stacked": spent["stacked"]}


def read_results(path):
    """Return the rows of a file of results; none if it is not there."""
    if not path.exists():
        return []
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def keep_result(path, row):
    """Put a row into a file of results, in place of one with the same settings."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.parent):
        rows = [r for r in read_results(path) if r["settings"] != row["settings"]]
        part = path.with_suffix(f".{os.getpid()}")
        with open(part, "w", encoding="utf-8") as file:
            json.dump([*rows, row], file, indent=1)
        part.replace(path)


@contextlib.contextmanager
def locked(folder):
    """Keep other scripts from a folder's results between reading and writing them.

    The lock is on the folder itself, and goes with the process that has it: nothing is
    left behind.
    """
    file = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)
