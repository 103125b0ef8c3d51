"""Outliers of the ADBench tables: AAEOutlierDetector beside other detectors.

    python benchmarks/outliers.py --data DIR [--sets 6_cardio ...] [--seeds 3]
        [--detectors AAE IsolationForest ...] [--options '{}'] [--out outliers.json]
    python benchmarks/outliers.py --data DIR --print outliers.json

The protocol of the ADBench paper (Han et al., 2022): sets of more than 10,000 rows are
sampled down to 10,000, by class, sets of fewer than 1,000 are sampled with repetition
to 1,000; 70 % train and 30 % test rows, by class; each column is scaled to [0, 1] by
the training rows. Outliers stay among the training rows, labels are not used. Area
under the ROC curve and average precision of the test rows, mean of the seeds. All
detectors have their defaults. "untrained" is AAEOutlierDetector after one epoch at a
learning rate of 1e-12. Means of the paper's own figures for the same sets are printed
beside.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from reporting import load_from, machine
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import LocalOutlierFactor
from sklearn.preprocessing import MinMaxScaler
from tables_report import table as csv_table

from sklearn_aae import AAEOutlierDetector

FEWEST, MOST = 1_000, 10_000


def table_sets(data):
    """Return the names of the ADBench tables, without those of embeddings."""
    from load import names

    return [name for name in names("anomaly") if name[0].isdigit()]


def split(X, y, seed):
    """Return scaled training and test rows and labels, by the paper's protocol."""
    rng = np.random.RandomState(seed)
    if len(X) < FEWEST:
        rows = rng.choice(len(X), FEWEST)
        X, y = X[rows], y[rows]
    elif len(X) > MOST:
        X, _, y, _ = train_test_split(
            X, y, train_size=MOST, stratify=y, random_state=seed
        )
    X, X_test, y, y_test = train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=seed
    )
    scaler = MinMaxScaler().fit(X)
    return scaler.transform(X), scaler.transform(X_test), y, y_test


def by_pyod(module, name, **options):
    """Return a function that scores test rows by a detector of PyOD."""

    def score(X, X_test, seed):
        models = __import__(f"pyod.models.{module}", fromlist=[name])
        given = {q: v(X, seed) if callable(v) else v for q, v in options.items()}
        return getattr(models, name)(**given).fit(X).decision_function(X_test)

    return score


def by_sklearn(make):
    """Return a function that scores test rows by a detector of scikit-learn."""

    def score(X, X_test, seed):
        return -make(seed).fit(X).score_samples(X_test)

    return score


def seeded(X, seed):
    """Return the seed, as an option of a detector."""
    return seed


def detectors(options):
    """Return the functions ``score(X, X_test, seed)`` of all detectors, by name."""

    def aae(seed, **more):
        return AAEOutlierDetector(random_state=seed, **(options | more))

    quiet = {"verbose": 0, "random_state": seeded}
    still = {"learning_rate": 1e-12, "max_iter": 1}
    return {
        "AAE": by_sklearn(aae),
        "untrained": by_sklearn(lambda seed: aae(seed, **still)),
        "IsolationForest": by_sklearn(lambda seed: IsolationForest(random_state=seed)),
        "LOF": by_sklearn(lambda seed: LocalOutlierFactor(novelty=True)),
        "KNN": by_pyod("knn", "KNN"),
        "ECOD": by_pyod("ecod", "ECOD"),
        "COPOD": by_pyod("copod", "COPOD"),
        "PyOD AutoEncoder": by_pyod("auto_encoder", "AutoEncoder", **quiet),
        "PyOD VAE": by_pyod("vae", "VAE", **quiet),
        "PyOD DeepSVDD": by_pyod(
            "deep_svdd", "DeepSVDD", n_features=lambda X, seed: X.shape[1], **quiet
        ),
    }


def report(rows, data):
    """Print AUROC for each set, means, mean ranks, and the published means."""
    table = pd.DataFrame(rows)
    auc, ap = (
        100 * table.pivot_table(index="set", columns="detector", values=value)
        for value in ("auroc", "ap")
    )
    auc, ap = (t[list(dict.fromkeys(table["detector"]))] for t in (auc, ap))
    summary = pd.DataFrame(
        {
            "AUROC": auc.mean(),
            "AP": ap.mean(),
            "rank": auc.drop(columns="untrained", errors="ignore")
            .rank(axis=1, ascending=False)
            .mean(),
            "seconds": table.groupby("detector")["seconds"].mean(),
        }
    )
    path = Path(data) / "adbench_published" / "auroc_unsupervised.csv"
    published = pd.read_csv(path, index_col=0).loc[auc.index]
    print(machine())
    print(auc.round(1).to_string())
    print(summary.sort_values("AUROC", ascending=False).round(2).to_string())
    print("published AUROC, mean of the same sets:")
    print(published.mean().sort_values(ascending=False).round(2).to_string())


def main():
    """Run the detectors on all sets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--sets", nargs="*")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--detectors", nargs="*")
    parser.add_argument("--options", type=json.loads, default={})
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out")
    parser.add_argument("--print", dest="files", nargs="*", help="kept results")
    args = parser.parse_args()
    if args.files:
        rows = []
        for file in args.files:
            rows += json.loads(Path(file).read_text(encoding="utf-8"))["rows"]
        report(rows, args.data)
        named = [row | {"model": row["detector"]} for row in rows]
        print(*csv_table(named, "auroc", max), sep="\n")
        return
    torch.set_num_threads(args.threads)
    warnings.simplefilter("ignore")
    load = load_from(args.data)
    every = detectors(args.options)
    rows = []
    for name in args.sets or table_sets(args.data):
        for seed in range(args.first_seed, args.first_seed + args.seeds):
            X, X_test, _, y_test = split(*load(name), seed)
            for detector in args.detectors or every:
                start = time.perf_counter()
                scores = every[detector](X, X_test, seed)
                seconds = time.perf_counter() - start
                row = {"set": name, "seed": seed, "detector": detector}
                row |= {"auroc": roc_auc_score(y_test, scores), "seconds": seconds}
                rows.append(row | {"ap": average_precision_score(y_test, scores)})
        done = [f"{r['detector']} {r['auroc']:.3f}" for r in rows if r["set"] == name]
        print(name, *done, flush=True)
        if args.out:
            result = {"machine": machine(), "options": vars(args), "rows": rows}
            Path(args.out).write_text(json.dumps(result, indent=1), encoding="utf-8")
    report(rows, args.data)


if __name__ == "__main__":
    main()
