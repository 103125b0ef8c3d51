"""SemiSupervisedAAEClassifier where most rows, or all, have a label, beside peers.

    python benchmarks/all_labels.py [--sets noisy_0 diabetes ...] [--shares 1.0 0.5]
        [--splits 3] [--options '{}'] [--out all_labels.json]

Each split keeps a third of the rows for the test (stratified folds); of the others a
share keeps its label, at random. All models have their defaults; peers learn from the
labelled rows alone, with standardised columns. "noisy" tables have a wrong label in ten
and three columns in four that say nothing.
"""

import argparse
import json
import time
import warnings

import numpy as np
from reporting import report
from sklearn import datasets
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_aae import SemiSupervisedAAEClassifier


def noisy(seed):
    """Return a table of which labels tell but a part."""
    options = {"n_informative": 5, "flip_y": 0.2, "class_sep": 0.7}
    return datasets.make_classification(1000, 20, random_state=seed, **options)


def two_classes(rows, above):
    """Return rows and whether their number is above a value."""
    X, y = rows
    return X, (y > above).astype(int)


SETS = {
    **{f"noisy_{seed}": lambda seed=seed: noisy(seed) for seed in range(3)},
    "diabetes": lambda: two_classes(datasets.load_diabetes(return_X_y=True), 140),
    "friedman": lambda: two_classes(
        datasets.make_friedman1(1000, noise=1.0, random_state=0), 14
    ),
    "hastie": lambda: two_classes(datasets.make_hastie_10_2(1000, random_state=0), 0),
    "wine": lambda: datasets.load_wine(return_X_y=True),
    "breast_cancer": lambda: datasets.load_breast_cancer(return_X_y=True),
    "digits": lambda: datasets.load_digits(return_X_y=True),
}
PEERS = {
    "LogisticRegression": lambda seed: LogisticRegression(max_iter=1000),
    "RandomForestClassifier": lambda seed: RandomForestClassifier(random_state=seed),
    "MLPClassifier": lambda seed: MLPClassifier(max_iter=300, random_state=seed),
}


def results(X, y, train, test, share, seed, options):
    """Return accuracy, log loss and processor time of each model on one split."""
    told = y[train].copy()
    told[np.random.RandomState(seed).rand(len(told)) >= share] = -1
    kept = train[told >= 0]
    ours = SemiSupervisedAAEClassifier(random_state=seed, **options)
    sides = {"AAE": (ours, X[train], told)} | {
        name: (make_pipeline(StandardScaler(), peer(seed)), X[kept], y[kept])
        for name, peer in PEERS.items()
    }
    found = {}
    for name, (model, rows, labels) in sides.items():
        start = time.process_time()
        model.fit(rows, labels)
        found[f"{name}, processor s"] = time.process_time() - start
        proba = model.predict_proba(X[test])
        found[name] = float((proba.argmax(1) == y[test]).mean())
        found[f"{name}, log loss"] = log_loss(y[test], proba.clip(1e-15))
    return found


def main():
    """Run all splits of all sets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=list(SETS))
    parser.add_argument("--shares", type=float, nargs="+", default=[1.0, 0.5])
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--options", type=json.loads, default={})
    parser.add_argument("--out")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    rows = []
    for name in args.sets:
        X, y = SETS[name]()
        for share in args.shares:
            folds = StratifiedKFold(args.splits, shuffle=True, random_state=0)
            for seed, (train, test) in enumerate(folds.split(X, y)):
                row = {"set": name, "share": share, "split": seed}
                row |= results(X, y, train, test, share, seed, args.options)
                rows.append(row)
                print(row, flush=True)
    measures = [key for key in rows[0] if key not in ("set", "share", "split")]
    report(rows, ("share",), measures, args)


if __name__ == "__main__":
    main()
