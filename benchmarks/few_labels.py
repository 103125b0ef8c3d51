"""SemiSupervisedAAEClassifier beside label spreading and logistic regression.

    python benchmarks/few_labels.py [--splits 10] [--sets digits ...] [--labels 5 10]
        [--data DIR] [--options '{}'] [--out few_labels.json]

A split keeps 30 % of the rows for the test; of the others so many a class keep their
label. Test rows are not seen in training. Label spreading gets its best number of
neighbours *by the test rows*, an advantage; it and logistic regression get
min-max-scaled columns for digits and standardised ones elsewhere.
"""

import argparse
import json
import time
import warnings

import numpy as np
from clustering import BUNDLED
from reporting import load_from, report
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.semi_supervised import LabelSpreading

from sklearn_aae import SemiSupervisedAAEClassifier


def rows_of(name, folder):
    """Return rows and class numbers of a set."""
    if name in BUNDLED:
        return BUNDLED[name](return_X_y=True)
    X, y = load_from(folder)(name)
    return np.asarray(X, float), np.unique(np.asarray(y), return_inverse=True)[1]


def split(X, y, n_labels, seed):
    """Return training rows, labels of some, test rows and their labels."""
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=seed
    )
    rng, few = np.random.RandomState(seed), np.full(len(y), -1)
    for c in np.unique(y):
        labelled = rng.permutation(np.flatnonzero(y == c))[:n_labels]
        few[labelled] = y[labelled]
    return X, few, X_test, y_test


def calibration_error(proba, right):
    """Return the expected calibration error over ten bins."""
    sure = proba.max(1)
    bins = np.minimum((10 * sure).astype(int), 9)
    gaps = [abs(sure[bins == b].mean() - right[bins == b].mean()) for b in set(bins)]
    return np.dot(gaps, [np.mean(bins == b) for b in set(bins)])


def baselines(name, X, few, X_test, y_test):
    """Return the accuracies of label spreading at its best, and of a regression."""
    scaler = MinMaxScaler() if name == "digits" else StandardScaler()
    X, X_test = scaler.fit_transform(X), scaler.transform(X_test)
    labelled = few >= 0
    spread = [
        LabelSpreading(kernel="knn", n_neighbors=k, max_iter=200).fit(X, few)
        for k in (3, 5, 7, 10, 15, 20)
    ]
    line = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000))
    line.fit(X[labelled], few[labelled])
    return {
        "LabelSpreading, best k": max(s.score(X_test, y_test) for s in spread),
        "LogisticRegression": line.score(X_test, y_test),
    }


def main():
    """Run all splits of all sets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--sets", nargs="+", default=["digits"])
    parser.add_argument("--labels", type=int, nargs="+", default=[5, 10])
    parser.add_argument("--data")
    parser.add_argument("--options", type=json.loads, default={})
    parser.add_argument("--out")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    rows = []
    for name in args.sets:
        X, y = rows_of(name, args.data)
        for n_labels in args.labels:
            for seed in range(args.splits):
                parts = split(X, y, n_labels, seed)
                start = time.perf_counter()
                model = SemiSupervisedAAEClassifier(random_state=seed, **args.options)
                proba = model.fit(*parts[:2]).predict_proba(parts[2])
                right = model.classes_[proba.argmax(1)] == parts[3]
                row = {
                    "set": name,
                    "labels a class": n_labels,
                    "split": seed,
                    "seconds": time.perf_counter() - start,
                    "AAE": right.mean(),
                    "calibration error": calibration_error(proba, right),
                    **baselines(name, *parts),
                }
                rows.append(row)
                print(row, flush=True)
    measures = [key for key in rows[0] if key not in ("set", "labels a class", "split")]
    report(rows, ("set", "labels a class"), measures, args)


if __name__ == "__main__":
    main()
