"""What `halving` of restarts costs and gives: fits with it and without, in turn.

    python benchmarks/halving.py [--seeds 3] [--n_init 8] [--sets digits wine ...]
        [--models AAETransformer ...] [--out halving.json]

Of each fit: seconds of the processor and the clock, the criterion that restarts are
compared by (lower is better), how many of the fits that are trained to the end are
better than the winner ("better ones"), and of clusterers the accuracy by the classes.
"""

import argparse
import time
import warnings
from unittest.mock import patch

import numpy as np
from clustering import accuracy, rows_of
from reporting import report

from sklearn_aae import AAEClusterer, AAETransformer, GANSampler

AGREEMENT = {"partition_strength": 0, "agreement_strength": 3}
MODELS = {
    "AAETransformer": lambda m, **options: AAETransformer(8, **options),
    "AAEClusterer": AAEClusterer,
    "AAEClusterer, no partition": lambda m, **options: AAEClusterer(
        m, **AGREEMENT, **options
    ),
    "GANSampler": lambda m, **options: GANSampler(**options),
}


def fitted(model, X):
    """Fit a model; return its row of results, and the criteria it has looked at."""
    seen, evaluate = [], type(model)._evaluate

    def spy(*args):
        found = evaluate(*args)
        seen.append(found.criterion)
        return found

    with patch.object(type(model), "_evaluate", spy):
        start = time.process_time(), time.perf_counter()
        model.fit(X)
        end = time.process_time(), time.perf_counter()
    row = {
        "processor seconds": end[0] - start[0],
        "seconds": end[1] - start[1],
        "criterion": -model.information_
        if hasattr(model, "information_")
        else model.loss_,
    }
    return row, seen


def pair(make, X, y, seed, n_init):
    """Return the rows of fits without halving and with it."""
    rows = []
    for halving in (False, True):
        model = make(y.max() + 1, n_init=n_init, halving=halving, random_state=seed)
        row, seen = fitted(model, X)
        if not halving:
            to_the_end = np.array(seen)
        row["better ones"] = int((to_the_end < row["criterion"] - 1e-6).sum())
        if hasattr(model, "labels_"):
            row["accuracy"] = accuracy(y, model.labels_)
        rows.append({"seed": seed, "halving": halving, **row})
    rows[1]["time ratio"] = rows[1]["processor seconds"] / rows[0]["processor seconds"]
    return rows


def main():
    """Fit each model to each set, by each seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--n_init", type=int, default=8)
    parser.add_argument("--sets", nargs="+", default=["digits", "wine"])
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--out")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    rows = []
    for name in args.sets:
        X, y = rows_of(name, None)
        for model in args.models:
            for seed in range(args.seeds):
                for row in pair(MODELS[model], X, y, seed, args.n_init):
                    rows.append({"set": name, "model": model, **row})
                    print(rows[-1], flush=True)
    measures = ("criterion", "better ones", "accuracy", "processor seconds")
    report(rows, ("set", "model", "halving"), (*measures, "time ratio"), args)


if __name__ == "__main__":
    main()
