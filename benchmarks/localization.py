"""Which cells are wrong? AAEOutlierDetector.localize on tables with replaced cells.

    python benchmarks/localization.py --data DIR [--seeds 3] [--out localization.json]

Numeric columns of real tables (complete rows, at most 4,000; 70 % train, at most 800
test rows). In each test row 1 to 3 cells are replaced by those of another test row;
the area under the ROC curve says whether `localize` gives these cells more than the
others of the same rows ("auroc": of all rows together, "within": the mean over rows).
Many replaced cells are hardly changed, and columns that say nothing of each other
cannot be caught: "by regression" is what a direct answer reaches, the error of
extremely randomised trees that predict each column from all others, in units of their
error on rows held out. "by classification" is given what nobody knows of real damage:
boosted trees learn from rows whose cells were replaced in just this way which ones
were. "far from the mean" looks at each cell alone.
"""

import argparse
from functools import partial

import numpy as np
from reporting import load_from, report
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from sklearn_aae import AAEOutlierDetector

TABLES = ("adult", "bank_marketing", "california_housing", "credit_default")
MAX_ROWS, MAX_TEST = 4000, 800
N_DAMAGED = 50_000  # rows that the classifiers learn from, about


def tables(data):
    """Yield names and complete numeric rows."""
    load = load_from(data)
    for name in (*TABLES, "dry_bean"):
        frame, _ = load(name)
        yield name, frame.select_dtypes("number").dropna().to_numpy(float)
    yield "breast_cancer", load_breast_cancer().data
    yield "wine", load_wine().data
    yield "digits", load_digits().data


def replace_cells(X, rng):
    """Return rows with 1 to 3 cells of other rows, and which ones are changed."""
    changed = X.copy()
    for row in changed:
        columns = rng.choice(X.shape[1], rng.randint(1, 4), replace=False)
        row[columns] = X[rng.randint(len(X)), columns]
    return changed, changed != X


def by_detector(X, changed, seed, **options):
    """Return the attributions of the cells by a detector."""
    detector = AAEOutlierDetector(random_state=seed, **options).fit(X)
    return detector.localize(changed)


def by_longer_detector(X, changed, seed):
    """Return the attributions by two models that train four times as long."""
    options = {"localize_by": "replacement", "n_init": 2}
    epochs = 4000 // -(-len(X) // 128)
    return by_detector(X, changed, seed, max_iter=epochs, **options)


def by_regression(X, changed, seed):
    """Return the errors of predicting each column from all others."""
    n_fit, errors = int(0.7 * len(X)), np.empty(changed.shape)
    for j in range(X.shape[1]):
        others = np.arange(X.shape[1]) != j
        trees = ExtraTreesRegressor(min_samples_leaf=2, random_state=seed)
        trees.fit(X[:n_fit, others], X[:n_fit, j])
        residual = X[n_fit:, j] - trees.predict(X[n_fit:, others])
        unit = np.sqrt(np.square(residual).mean()) + 0.01 * X[:, j].std() + 1e-12
        errors[:, j] = np.abs(changed[:, j] - trees.predict(changed[:, others])) / unit
    return errors


def by_classification(X, changed, seed):
    """Return the odds of each cell to be replaced, learnt from replaced cells."""
    rng = np.random.RandomState(seed)
    copies = [replace_cells(X, rng) for _ in range(-(-N_DAMAGED // len(X)))]
    rows, truth = (np.concatenate(parts) for parts in zip(*copies, strict=True))
    odds = np.full(changed.shape, -99.0)  # a constant column is never changed
    for j in np.flatnonzero(truth.any(0)):
        trees = HistGradientBoostingClassifier(early_stopping=False, random_state=seed)
        odds[:, j] = trees.fit(rows, truth[:, j]).decision_function(changed)
    return odds


def far_from_mean(X, changed, seed):
    """Return how many standard deviations cells are from their column's mean."""
    return np.abs(changed - X.mean(0)) / (X.std(0) + 1e-12)


def main():
    """Compare on all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out")
    args = parser.parse_args()
    rows = []
    for name, table in tables(args.data):
        wide = {"n_components": -(-table.shape[1] // 2), "input_dropout": 0.2}
        methods = {
            "AAE": by_detector,
            "AAE, half the columns": partial(by_detector, **wide),
            "AAE, replacement": partial(by_detector, localize_by="replacement"),
            "AAE, replacement, 4,000 steps": by_longer_detector,
            "by regression": by_regression,
            "by classification": by_classification,
            "far from the mean": far_from_mean,
        }
        for seed in range(args.seeds):
            rng = np.random.RandomState(seed)
            X = table[rng.permutation(len(table))[:MAX_ROWS]]
            n_train = int(0.7 * len(X))
            X, X_test = X[:n_train], X[n_train:][:MAX_TEST]
            changed, truth = replace_cells(X_test, rng)
            kept = truth.any(1)
            for method, attribute in methods.items():
                attributions = attribute(X, changed, seed)[kept]
                row = {"table": name, "method": method, "seed": seed}
                row["auroc"] = roc_auc_score(truth[kept].ravel(), attributions.ravel())
                pairs = zip(truth[kept], attributions, strict=True)
                row["within"] = np.mean([roc_auc_score(*pair) for pair in pairs])
                rows.append(row)
                print(row, flush=True)
    report(rows, ("table", "method"), ("auroc", "within"), args)
    report(rows, ("method",), ("auroc", "within"))


if __name__ == "__main__":
    main()
