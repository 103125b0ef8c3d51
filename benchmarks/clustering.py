"""AAEClusterer beside KMeans and a mixture of Gaussians on principal components.

    python benchmarks/clustering.py [--seeds 10] [--sets digits iris ...] [--data DIR]
        [--options '{"n_init": 4}'] [--out clustering.json]

All rows are clustered into as many clusters as there are classes; the classes serve for
evaluation only: accuracy under the best matching of clusters and classes (Hungarian),
and normalised mutual information. Digits are passed as they are, other sets
standardised, to every method alike. "dry_bean" and others need --data, a folder with
`load.py`.
"""

import argparse
import json
import time
import warnings

import numpy as np
from reporting import load_from, report
from scipy.optimize import linear_sum_assignment
from sklearn import datasets
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import normalized_mutual_info_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import StandardScaler

from sklearn_aae import AAEClusterer

BUNDLED = {
    "digits": datasets.load_digits,
    "iris": datasets.load_iris,
    "wine": datasets.load_wine,
    "breast_cancer": datasets.load_breast_cancer,
}


def rows_of(name, folder):
    """Return rows and class numbers of a set."""
    if name in BUNDLED:
        X, y = BUNDLED[name](return_X_y=True)
    else:
        X, y = load_from(folder)(name)
    y = np.unique(np.asarray(y), return_inverse=True)[1]
    X = np.asarray(X, dtype=float)
    return (X if name == "digits" else StandardScaler().fit_transform(X)), y


def accuracy(y, labels):
    """Return the share of rows that the best matching of clusters and classes gets."""
    table = np.zeros((labels.max() + 1, y.max() + 1))
    np.add.at(table, (labels, y), 1)
    return table[linear_sum_assignment(-table)].sum() / len(y)


def mixture(X, m, seed):
    """Cluster by a mixture of Gaussians on the leading principal components."""
    Z = PCA(min(20, X.shape[1]), random_state=seed).fit_transform(X)
    return GaussianMixture(m, n_init=5, random_state=seed).fit_predict(Z)


def methods(options):
    """Return what clusters rows, by name."""
    return {
        "KMeans": lambda X, m, s: KMeans(m, n_init=10, random_state=s).fit_predict(X),
        "PCA + GaussianMixture": mixture,
        "AAEClusterer": lambda X, m, s: AAEClusterer(
            m, random_state=s, **options
        ).fit_predict(X),
    }


def main():
    """Cluster each set by each method and seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--sets", nargs="+", default=list(BUNDLED))
    parser.add_argument("--data")
    parser.add_argument("--options", type=json.loads, default={})
    parser.add_argument("--out")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    rows = []
    for name in args.sets:
        X, y = rows_of(name, args.data)
        for method, cluster in methods(args.options).items():
            for seed in range(args.seeds):
                start = time.perf_counter()
                labels = cluster(X, y.max() + 1, seed)
                row = {
                    "set": name,
                    "method": method,
                    "seed": seed,
                    "seconds": time.perf_counter() - start,
                    "accuracy": accuracy(y, labels),
                    "NMI": normalized_mutual_info_score(y, labels),
                    "clusters used": len(np.unique(labels)),
                }
                rows.append(row)
                print(row, flush=True)
    report(
        rows,
        ("set", "method"),
        ("accuracy", "NMI", "clusters used", "seconds"),
        args,
    )


if __name__ == "__main__":
    main()
