"""Joint against alternating updates: reconstruction and prior at different strengths.

    python benchmarks/updates.py [--seeds 10] [--components 8] [--out updates.json]

Digits, defaults but for `update` and `regularization_strength`; each seed has a split
of its own (four fifths to train). Of the held-out rows: R2 of the reconstruction,
accuracy of a two-sample test (codes against prior draws, 0.5 is equality) and of a
logistic regression on the codes. A strength does not mean the same for both updates:
"joint" adds losses, "alternating" gives each phase an Adam step of its own, whose rate
it multiplies. So the two are compared along the whole trade-off.

All fits run under the joblib backend "stacked".
"""

import argparse
import json
import platform
import time
import warnings

import joblib
import numpy as np
import torch
from quality import two_sample_accuracy
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_aae import AAETransformer

STRENGTHS = {
    "joint": (1.0, 3.0, 10.0),
    "alternating": (0.1, 0.3, 1.0),
}


def evaluate(k, update, strength, seed):
    """Return one row: the measures of one fit."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.2, stratify=y, random_state=seed
    )
    model = AAETransformer(
        k, update=update, regularization_strength=strength, random_state=seed
    ).fit(X)
    error = np.square(X_test - model.reconstruct(X_test)).sum()
    total = np.square(X_test - X.mean(0)).sum()
    draws = model.prior_.draw(len(X_test)).numpy()
    Z, Z_test = model.transform(X), model.transform(X_test)
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    return {
        "k": k,
        "update": update,
        "strength": strength,
        "R2": 1 - error / total,
        "two-sample": two_sample_accuracy(Z_test, draws),
        "logistic": classifier.fit(Z, y).score(Z_test, y_test),
    }


def summarise(rows):
    """Print mean and standard deviation over the seeds."""
    cells = {}
    for row in rows:
        key = (row["k"], row["update"], row["strength"])
        cells.setdefault(key, []).append(row)
    for key, members in cells.items():
        line = f"k={key[0]:<3} {key[1]:<12} {key[2]:<6}"
        for name in ("R2", "two-sample", "logistic"):
            values = [row[name] for row in members]
            line += f"  {name} {np.mean(values):.3f} ± {np.std(values):.3f}"
        print(line)


def main():
    """Fit all settings as stacks and print the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--components", type=int, nargs="+", default=[8])
    parser.add_argument("--out")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)
    torch.manual_seed(0)
    tasks = [
        joblib.delayed(evaluate)(k, update, strength, seed)
        for k in args.components
        for update, strengths in STRENGTHS.items()
        for strength in strengths
        for seed in range(args.seeds)
    ]
    start = time.perf_counter()
    with joblib.parallel_config(backend="stacked"):
        rows = joblib.Parallel()(tasks)
    seconds = time.perf_counter() - start
    versions = f"torch {torch.__version__}, {platform.machine()}"
    print(f"{len(tasks)} fits in {seconds:.0f} s, {versions}, {vars(args)}")
    summarise(rows)
    if args.out:
        with open(args.out, "w", encoding="utf-8") as file:
            json.dump({"versions": versions, "rows": rows}, file, indent=1)


if __name__ == "__main__":
    main()
