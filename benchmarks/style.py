"""ConditionalAAETransformer on digits: is the label gone from the style code?

    python benchmarks/style.py [--seeds 3] [--components 15] [--out style.json]
        [--options '{"max_iter": 150}']

One split a seed (70 % to train). A linear classifier and a support vector machine with
an RBF kernel read the label from the codes of the test rows (fitted on the codes of the
training rows; 0.1 is chance), beside those of a plain autoencoder; and test rows are
transferred to each of the ten labels: the fraction that a support vector machine on
pixels, fitted on the training rows, takes for it.
"""

import argparse
import json
import time

import numpy as np
from reporting import report
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sklearn_aae import AAETransformer, ConditionalAAETransformer


def read(model, X, X_test, y, y_test):
    """Return how well two classifiers read the label from codes."""
    Z, Z_test = model.transform(X), model.transform(X_test)
    readers = {"linear": LogisticRegression(max_iter=2000), "RBF": SVC()}
    return {
        name: make_pipeline(StandardScaler(), reader).fit(Z, y).score(Z_test, y_test)
        for name, reader in readers.items()
    }


def main():
    """Fit both models on each split."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--components", type=int, default=15)
    parser.add_argument("--options", type=json.loads, default={})
    parser.add_argument("--out")
    args = parser.parse_args()
    X_all, y_all = load_digits(return_X_y=True)
    rows = []
    for seed in range(args.seeds):
        parts = train_test_split(
            X_all, y_all, test_size=0.3, stratify=y_all, random_state=seed
        )
        X, X_test, y, _ = parts
        k, classifier = args.components, SVC().fit(X, y)
        model = ConditionalAAETransformer(k, random_state=seed, **args.options)
        start = time.perf_counter()
        model.fit(X, y)
        row = {"model": "conditional", "seed": seed}
        row["seconds"] = time.perf_counter() - start
        transferred = {c: model.transfer(X_test, c) for c in np.unique(y)}
        right = [classifier.predict(rows) == c for c, rows in transferred.items()]
        row["transfer"] = np.mean(right)
        plain = AAETransformer(k, regularizer=None, random_state=seed).fit(X)
        rows.append(row | read(model, *parts))
        rows.append({"model": "plain AE", "seed": seed} | read(plain, *parts))
        print(*rows[-2:], sep="\n", flush=True)
    measures = ("linear", "RBF", "transfer", "seconds")
    report(rows, ("model",), measures, args)


if __name__ == "__main__":
    main()
