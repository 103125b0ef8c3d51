"""How fast it is: peers, bare products, searches, stacks, answers, memory.

    python benchmarks/speed.py [--parts train searches ...] [--repeats 5]
        [--sizes digits table paper] [--data DIR] [--device cpu] [--out speed.json]

All sides of a comparison run in this one process and take turns (A B C A B C ...);
figures are medians, and a ratio is seconds over those of the table's first line. Where
threads matter a side runs with each count of --threads, and its better one counts; ours
runs with torch's count and chooses itself. `--epochs`, `--search-epochs`, `--rows`,
`--max-stack` and `--fits` make a run smaller.

train      the same model on the same rows: ours; skorch with its DataLoader; a plain
           PyTorch loop; pythae; a step's bare matrix products and one fused Adam step
searches   GridSearchCV, 12 candidates x 5 folds: ours as one stack, a stack in each
           of 2 processes, sequential and in 2 processes; skorch in 2 (--searches)
fresh      the same, each in a fresh process: its first search, and its second
stack      n_init = 1, 2, 4, ... restarts: seconds for each
transform  rows a second, beside the bare network in chunks
rows       fit time and peak memory for 10^3 to 10^6 rows
memory     peak of one fit of kddcup99, in multiples of the rows
fits       many small fits in one process: growth of its memory
"""

import argparse
import copy
import importlib.metadata
import importlib.util
import json
import os
import platform
import warnings
from pathlib import Path

import numpy as np
import torch
from speed_fresh import run_fresh
from speed_memory import run_fits, run_memory, run_rows
from speed_peers import (
    our_model,
    prepare_products,
    run_products,
    train_by_hand,
    train_ours,
    train_skorch,
)
from speed_problems import SIZES, Problem, load_rows
from speed_searches import NAMES, run_searches
from speed_timing import Side, measure, print_rows, to_rows

from sklearn_aae import AAETransformer

HAS_PYTHAE = importlib.util.find_spec("pythae") is not None
WARM_UP_BATCHES = 3
CHUNK_ROWS = 4096
TRANSFORM_ROWS = 10**6
ASKED = {
    "digits": {"skorch": ">= 3", "by hand": ">= 1.25 (1 / 0.8)", "pythae": ">= 3"},
    "paper": {
        "by hand": ">= 1.33 (1 / 0.75)",
        "pythae": ">= 1.11 (1 / 0.9)",
        "products": ">= 0.77 (1 / 1.3)",
    },
}


# --- train --------------------------------------------------------------------


def training_sides(problem, threads, asked):
    """Return every side that trains the model of a problem."""
    units = problem.epochs if problem.size.per_epoch else 1
    runs = {
        "skorch": (lambda: None, lambda _: train_skorch(problem)),
        "by hand": (lambda: None, lambda _: train_by_hand(problem)),
        "products": (
            lambda: prepare_products(problem),
            lambda prepared: run_products(problem, prepared),
        ),
    }
    if HAS_PYTHAE:
        from speed_pythae import prepare_pythae, train_pythae

        runs["pythae"] = (
            lambda: prepare_pythae(problem),
            lambda trainer: train_pythae(problem, trainer),
        )
    peers = [
        Side(name, run, prepare, count, units, asked.get(name, ""))
        for name, (prepare, run) in runs.items()
        for count in threads
    ]
    return [Side("ours", lambda _: train_ours(problem), units=units), *peers]


def run_train(args):
    """Return the rows of part "train"."""
    rows = []
    for name in args.sizes:
        size = SIZES[name]
        X = load_rows(name, args.data, args.rows)
        problem = Problem(size, X, args.epochs or size.epochs, args.device)
        warm_up = problem.head(WARM_UP_BATCHES)
        measure(training_sides(warm_up, args.threads, {}), 1, args.device)
        sides = training_sides(problem, args.threads, ASKED.get(name, {}))
        seconds, results = measure(sides, args.repeats, args.device)
        setting = f"{name}, {len(X)} rows, {problem.epochs} epochs"
        setting += ", seconds an epoch" if size.per_epoch else ", seconds a fit"
        part = to_rows("train", setting, seconds)
        for side, row in zip(sides, part, strict=True):
            if results[side] is not None:
                row["R2"] = problem.r2(results[side]())
        rows += part
    return rows


# --- stack --------------------------------------------------------------------


def run_stack(args):
    """Return the rows of part "stack": seconds for each of n_init restarts."""
    rows = []
    for name in args.sizes:
        if name == "paper":
            continue
        X = load_rows(name, args.data, args.rows)
        counts = [2**i for i in range(args.max_stack.bit_length())]

        def fit(n_init, size=SIZES[name], X=X):
            model = our_model(size, args.stack_epochs, args.device, n_init=n_init)
            model.fit(X)

        fit(2)
        sides = [
            Side(f"n_init={n}", lambda _, n=n, fit=fit: fit(n), units=n) for n in counts
        ]
        seconds, _ = measure(sides, args.repeats, args.device)
        setting = f"{name}, {args.stack_epochs} epochs, seconds a model"
        rows += to_rows("stack", setting, seconds)
    return rows


# --- transform ----------------------------------------------------------------


def run_transform(args):
    """Return the rows of part "transform": 30 columns, float64, two nets."""
    table = load_rows("table")
    n_rows = min(args.rows or TRANSFORM_ROWS, TRANSFORM_ROWS)
    X = table[np.random.RandomState(0).randint(len(table), size=n_rows)]
    rows = []
    for options in ({}, {"hidden_layer_sizes": (64, 64)}):
        model = AAETransformer(
            4, max_iter=1, random_state=0, device=args.device, **options
        ).fit(table)
        network = copy.deepcopy(model.encoder_).double()
        sides = [
            Side("ours", lambda _, model=model: model.transform(X)),
            *(
                Side("bare network", lambda _, net=network: encode(net, X), threads=n)
                for n in args.threads
            ),
        ]
        measure(sides, 1, args.device)
        seconds, _ = measure(sides, args.repeats, args.device)
        hidden = "-".join(map(str, model.hidden_layer_sizes))
        part = to_rows("transform", f"{n_rows} rows, {hidden}", seconds)
        rows += [row | {"rows/s": n_rows / row["seconds"]} for row in part]
    return rows


def encode(network, X):
    """Pass float64 rows through a network, in chunks; nothing else."""
    device = next(network.parameters()).device
    with torch.inference_mode():
        chunks = torch.from_numpy(X).split(CHUNK_ROWS)
        codes = [network(chunk.to(device)).mean.cpu() for chunk in chunks]
        return torch.cat(codes).numpy()


# --- all ----------------------------------------------------------------------

PARTS = {
    "train": run_train,
    "searches": run_searches,
    "fresh": run_fresh,
    "stack": run_stack,
    "transform": run_transform,
    "rows": run_rows,
    "memory": run_memory,
    "fits": run_fits,
}


def describe_machine(device):
    """Return machine, versions and threads."""
    packages = ("torch", "scikit-learn", "skorch", "numpy", "joblib", "sklearn-aae")
    versions = {name: importlib.metadata.version(name) for name in packages}
    if HAS_PYTHAE:
        versions["pythae"] = importlib.metadata.version("pythae")
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text().splitlines()
        names = [line for line in lines if line.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    machine = {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "torch threads": torch.get_num_threads(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
        "load before": os.getloadavg()[0],
        "python": platform.python_version(),
        **versions,
    }
    if torch.device(device).type == "cuda":
        machine["gpu"] = torch.cuda.get_device_name(device)
    return machine


def parse_arguments():
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--searches", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", help="of the peers")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--data", type=Path, help="folder with real data and load.py")
    parser.add_argument("--epochs", type=int, help="of part train, for all sizes")
    parser.add_argument("--search-epochs", type=int, default=20)
    parser.add_argument("--stack-epochs", type=int, default=5)
    parser.add_argument("--max-stack", type=int, default=128)
    parser.add_argument("--fits", type=int, default=1000)
    parser.add_argument("--rows", type=int, help="at most so many, in all parts")
    parser.add_argument("--out")
    args = parser.parse_args()
    args.threads = args.threads or sorted({1, torch.get_num_threads()})
    return args


def main():
    """Run the parts; print and save their rows."""
    args = parse_arguments()
    # A peer may print one line a fit.
    warnings.filterwarnings("ignore", category=UserWarning)
    machine = describe_machine(args.device)
    print("\n".join(f"{name}: {value}" for name, value in machine.items()))
    print(f"arguments: {vars(args)}")
    if not HAS_PYTHAE:
        print("pythae is not installed: its side is left out")
    rows = []
    for name in args.parts:
        part = PARTS[name](args)
        print_rows(part)
        rows += part
        if args.out:
            report = {"machine": machine, "arguments": vars(args), "rows": rows}
            Path(args.out).write_text(json.dumps(report, indent=1, default=str))


if __name__ == "__main__":
    main()
