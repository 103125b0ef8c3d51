"""Makhzani et al., table 2 and figure 11: MNIST with few labels.

    python benchmarks/paper/semi_supervised.py --data DIR [--draws 0 1 2] [--epochs 30]
        [--labels 100] [--heads] [--options '{}'] [--out semi_supervised.json]

All 60,000 training rows, `labels` of them labelled, drawn at random and equal for each
class; the error is of the 10,000 test rows, at the end of the training (the test rows
choose nothing). With --heads the decoder sees two columns only, the sum of the style
and of a head for each class (paper, section 7); beside the error of the classes stands
that of ten nearest neighbours among those two columns, taught by all training labels.

The paper, 100 labels: 3.40 % after 50 epochs and 1.90 % after 5,000; two columns with
heads 6.08 %.
"""

import argparse
import json
import time

import numpy as np
from mnist import NETWORKS, load_mnist
from reporting import report
from sklearn.neighbors import KNeighborsClassifier

from sklearn_aae import SemiSupervisedAAEClassifier


def few_labels(y, n_labels, seed):
    """Return labels of which all but `n_labels` are -1, equal for each class."""
    rng, few = np.random.RandomState(seed), np.full(len(y), -1)
    classes = np.unique(y)
    for c in classes:
        labelled = rng.permutation(np.flatnonzero(y == c))[: n_labels // len(classes)]
        few[labelled] = c
    return few


def main():
    """Train on each draw of labels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--draws", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--heads", action="store_true")
    parser.add_argument("--options", type=json.loads, default={})
    parser.add_argument("--verbose", type=int, default=0)
    parser.add_argument("--out")
    args = parser.parse_args()
    X, y, X_test, y_test = load_mnist(args.data)
    heads = {"n_components": 2, "class_heads": True} if args.heads else {}
    rows = []
    for draw in args.draws:
        options = NETWORKS | heads | args.options
        model = SemiSupervisedAAEClassifier(
            max_iter=args.epochs, random_state=draw, verbose=args.verbose, **options
        )
        start, cpu_start = time.perf_counter(), time.process_time()
        model.fit(X, few_labels(y, args.labels, draw))
        row = {
            "draw": draw,
            "minutes": (time.perf_counter() - start) / 60,
            "processor minutes": (time.process_time() - cpu_start) / 60,
        }
        row["error"] = 1 - model.score(X_test, y_test)
        if args.heads:
            neighbours = KNeighborsClassifier(10).fit(model.transform(X), y)
            Z = model.transform(X_test)
            row["error by neighbours"] = 1 - neighbours.score(Z, y_test)
        rows.append(row)
        print(row, vars(args), flush=True)
    measures = [key for key in rows[0] if key != "draw"]
    report(rows, (), measures, args)


if __name__ == "__main__":
    main()
