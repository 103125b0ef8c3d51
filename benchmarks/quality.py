"""What the codes are worth: classes read from them, and how they follow their prior.

    python benchmarks/quality.py [--seeds 5] [--jobs 2] [--out quality.json]

Part "downstream": scikit-learn's bundled sets, 5 stratified folds for each seed. The
reducer is fitted on the training fold (labels unused), then StandardScaler, then the
classifier; mean test accuracy. AAETransformer has its defaults but for n_components;
beside it PCA of scaled and of unscaled columns, the plain autoencoder, an untrained
network and no reduction.

Part "prior": digits, codes of 2 columns, for each prior and each fold a two-sample
test: HistGradientBoostingClassifier, 5 folds, codes of the held-out rows against as
many fresh prior draws; its accuracy is 0.5 for equal distributions. Beside it the plain
autoencoder, and the R2 of the reconstruction of held-out rows.
"""

import argparse
import json
import platform
import time
import warnings

import joblib
import numpy as np
import sklearn
import torch
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_aae import AAETransformer

SETS = {"digits": load_digits, "breast_cancer": load_breast_cancer, "wine": load_wine}
SETTINGS = [("digits", 8), ("digits", 2), ("breast_cancer", 8), ("wine", 8)]
PRIORS = ("gaussian", "gaussian_mixture", "uniform", "swiss_roll")
CLASSIFIERS = {
    "logistic": LogisticRegression(max_iter=2000),
    "15-NN": KNeighborsClassifier(15),
}


def reducers(k, seed, options):
    """Return the reducers to compare."""
    return {
        "AAE": AAETransformer(k, random_state=seed, **options),
        "plain AE": AAETransformer(k, regularizer=None, random_state=seed, **options),
        "untrained": AAETransformer(
            k, max_iter=1, learning_rate=1e-12, random_state=seed
        ),
        "PCA": make_pipeline(StandardScaler(), PCA(k, random_state=0)),
        "PCA, unscaled": PCA(k, random_state=0),
        "no reduction": FunctionTransformer(),
    }


def downstream(name, k, seed, fold, options):
    """Return one row for each reducer and classifier."""
    X, y = SETS[name](return_X_y=True)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    train, test = list(folds.split(X, y))[fold]
    rows = []
    for label, reducer in reducers(k, 100 * seed + fold, options).items():
        start = time.perf_counter()
        reducer.fit(X[train])
        seconds = time.perf_counter() - start
        for classifier in CLASSIFIERS:
            model = make_pipeline(StandardScaler(), clone(CLASSIFIERS[classifier]))
            model.fit(reducer.transform(X[train]), y[train])
            accuracy = model.score(reducer.transform(X[test]), y[test])
            rows.append(
                {
                    "part": "downstream",
                    "setting": f"{name}, {k}",
                    "method": label,
                    "classifier": classifier,
                    "value": accuracy,
                    "seconds": seconds,
                }
            )
    return rows


def two_sample_accuracy(Z, prior_draws):
    """Return how well a classifier tells codes from prior draws; 0.5 is equality."""
    both = np.vstack([Z, prior_draws])
    side = np.repeat([0, 1], [len(Z), len(prior_draws)])
    classifier = HistGradientBoostingClassifier(random_state=0)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return cross_val_score(classifier, both, side, cv=folds).mean()


def follows_prior(prior, seed, fold, options):
    """Return one row for the AAE and one for the plain autoencoder."""
    X, y = load_digits(return_X_y=True)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    train, test = list(folds.split(X, y))[fold]
    rows = []
    for label, regularizer in (("AAE", "adversarial"), ("plain AE", None)):
        model = AAETransformer(
            2,
            prior=prior,
            regularizer=regularizer,
            random_state=100 * seed + fold,
            **options,
        ).fit(X[train])
        torch.manual_seed(seed)
        draws = model.prior_.draw(len(test)).numpy()
        error = np.square(X[test] - model.reconstruct(X[test])).sum()
        total = np.square(X[test] - X[train].mean(0)).sum()
        rows.append(
            {
                "part": "prior",
                "setting": prior,
                "method": label,
                "value": two_sample_accuracy(model.transform(X[test]), draws),
                "R2": 1 - error / total,
            }
        )
    return rows


def summarise(rows):
    """Print one line for each cell, mean over folds and seeds."""
    cells = {}
    for row in rows:
        key = tuple(row.get(k, "") for k in ("part", "setting", "method", "classifier"))
        cells.setdefault(key, []).append(row)
    for key, members in cells.items():
        values = [row["value"] for row in members]
        line = f"{'  '.join(f'{part:<16}' for part in key)}{np.mean(values):7.3f}"
        line += f" ± {np.std(values):.3f}"
        for extra in ("R2", "seconds"):
            if extra in members[0]:
                line += f"   {extra} {np.mean([row[extra] for row in members]):.3f}"
        print(line)


def main():
    """Run both parts and print the means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--parts", nargs="+", default=["downstream", "prior"])
    parser.add_argument("--options", type=json.loads, default={}, help="of the AAE")
    parser.add_argument("--out")
    args = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)
    places = [(s, f) for s in range(args.seeds) for f in range(args.folds)]
    tasks = []
    if "downstream" in args.parts:
        tasks += [
            joblib.delayed(downstream)(name, k, *place, args.options)
            for name, k in SETTINGS
            for place in places
        ]
    if "prior" in args.parts:
        tasks += [
            joblib.delayed(follows_prior)(prior, *place, args.options)
            for prior in PRIORS
            for place in places
        ]
    parts = joblib.Parallel(n_jobs=args.jobs, verbose=1)(tasks)
    rows = [row for part in parts for row in part]
    versions = f"torch {torch.__version__}, scikit-learn {sklearn.__version__}"
    print(f"{platform.machine()}, {args.jobs} processes, {versions}, {vars(args)}")
    summarise(rows)
    if args.out:
        with open(args.out, "w", encoding="utf-8") as file:
            json.dump({"versions": versions, "rows": rows}, file, indent=1)


if __name__ == "__main__":
    main()
