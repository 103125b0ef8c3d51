"""Makhzani et al., table 2: MNIST with few labels, by SemiSupervisedAAEClassifier.

    python benchmarks/paper/semi_supervised.py --data DIR [--draws 3] [--epochs 30]
        [--labels 100] [--options '{}'] [--out semi_supervised.json]

All 60,000 training rows, `labels` of them labelled, drawn at random and equal for each
class; the error is of the 10,000 test rows, at the end of the training (the test rows
choose nothing). The networks are the paper's: two hidden layers of 1000 units. The
paper: 3.40 % after 50 epochs, 1.90 % after 5,000 (100 labels).
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from reporting import load_from, report

from sklearn_aae import SemiSupervisedAAEClassifier

PAPER = {
    "hidden_layer_sizes": (1000, 1000),
    "critic_hidden_layer_sizes": (300, 300),
    "activation": "relu",
    "learning_rate": 1e-3,
}


def few_labels(y, n_labels, seed):
    """Return labels of which all but `n_labels` are -1, equal for each class."""
    rng, few = np.random.RandomState(seed), np.full(len(y), -1)
    classes = np.unique(y)
    for c in classes:
        told = rng.permutation(np.flatnonzero(y == c))[: n_labels // len(classes)]
        few[told] = c
    return few


def main():
    """Train on each draw of labels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--options", type=json.loads, default={})
    parser.add_argument("--verbose", type=int, default=0)
    parser.add_argument("--out")
    args = parser.parse_args()
    load = load_from(args.data)
    X, y = load("mnist", "train")
    X_test, y_test = load("mnist", "test")
    X, X_test = (np.float32(part) / 255 for part in (X, X_test))
    rows = []
    for draw in range(args.draws):
        options = PAPER | args.options
        model = SemiSupervisedAAEClassifier(
            max_iter=args.epochs, random_state=draw, verbose=args.verbose, **options
        )
        start = time.perf_counter()
        model.fit(X, few_labels(np.asarray(y), args.labels, draw))
        seconds = time.perf_counter() - start
        error = 1 - model.score(X_test, y_test)
        rows.append({"draw": draw, "error": error, "minutes": seconds / 60})
        print(rows[-1], vars(args), flush=True)
    report(rows, (), ("error", "minutes"), args.out)


if __name__ == "__main__":
    main()
