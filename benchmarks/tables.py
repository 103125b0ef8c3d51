"""Real tables: codes, hidden cells and new rows, against what people use for them.

    python benchmarks/tables.py --data DIR [--parts codes imputation generation]
        [--seeds 3] [--rows 4000] [--sets adult ...] [--models AAE ...]
        [--out tables.json]

Mixed and numeric tables as they are loaded; up to `rows` of each, 70 % to train, one
split a seed. Ours gets the frame. The others get medians and one-hot columns,
standardised, learned on the training rows.

codes: k = 2 and 8 columns; ROC AUC (one against the rest) and balanced accuracy of 15
nearest neighbours and of a logistic regression, fitted on the codes of the training
rows and asked on the test rows; mean ranks of the ROC AUC over sets, seeds and both
classifiers. "untrained" is our network before its first step.

imputation: 10 % of the observed cells of the test rows are hidden; error of numeric
cells over the deviation of their column, accuracy of categorical ones.

generation: as many rows as were trained on; ROC AUC on the test rows of a
HistGradientBoosting trained on generated rows ("real" trains on the real ones), and the
share of generated rows that are nearer to a training row than to a row of a held-out
half (0.5 is best).
"""

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from reporting import load_from, report
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_aae import AAETransformer

SETS = (
    "adult",
    "bank_marketing",
    "california_housing",
    "credit_default",
    "dry_bean",
    "german_credit",
    "mushroom",
    "titanic",
    "breast_cancer",
    "wine",
)
BUNDLED = {"breast_cancer": load_breast_cancer, "wine": load_wine}


def load_table(load, name, seed, n_rows):
    """Return training and test rows of a table, and their labels."""
    if name in BUNDLED:
        X, y = BUNDLED[name](return_X_y=True, as_frame=True)
        y = y.to_numpy()
    else:
        X, y = load(name)
    if len(X) > n_rows:
        X, _, y, _ = train_test_split(
            X, y, train_size=n_rows, stratify=y, random_state=seed
        )
    parts = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
    return [p.reset_index(drop=True) if hasattr(p, "iloc") else p for p in parts]


def numbers():
    """Return the usual way from a mixed table to numbers."""
    text = make_column_selector(dtype_exclude="number")
    categories = make_pipeline(
        SimpleImputer(strategy="most_frequent"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    impute = SimpleImputer(strategy="median", keep_empty_features=True)
    return make_pipeline(
        make_column_transformer((categories, text), remainder=impute),
        StandardScaler(),
    )


def reducers(k, seed):
    """Return the models by name: those of ours take the frame."""
    ours = {
        "AAE": {},
        "plain AE": {"regularizer": None},
        "VAE": {"regularizer": "kl"},
        "untrained": {"max_iter": 1, "learning_rate": 1e-12},
    }
    models = {n: AAETransformer(k, random_state=seed, **p) for n, p in ours.items()}
    models["PCA"] = make_pipeline(numbers(), PCA(k, random_state=seed))
    models["FactorAnalysis"] = make_pipeline(
        numbers(), FactorAnalysis(k, random_state=seed)
    )
    models["UMAP"] = make_pipeline(numbers(), Umap(k, seed))
    models["pythae VAE"] = make_pipeline(numbers(), Pythae("VAE", k, seed))
    models["pythae AAE"] = make_pipeline(numbers(), Pythae("Adversarial_AE", k, seed))
    models["all columns"] = numbers()
    return models


class Umap:
    """UMAP, imported where it is used: its import takes seconds."""

    def __init__(self, k, seed):
        self.k, self.seed = k, seed

    def fit_transform(self, X, y=None):
        from umap import UMAP

        self.model = UMAP(n_components=self.k, random_state=self.seed, n_jobs=1)
        return self.model.fit_transform(X)

    def fit(self, X, y=None):
        self.fit_transform(X)
        return self

    def transform(self, X):
        return self.model.transform(X)


class Pythae:
    """A model of pythae with networks and epochs as ours."""

    def __init__(self, kind, k, seed, epochs=100):
        self.kind, self.k, self.seed, self.epochs = kind, k, seed, epochs

    def fit(self, X, y=None):
        from peers import fit_pythae

        self.model = fit_pythae(self.kind, X, self.k, self.seed, self.epochs)
        return self

    def transform(self, X):
        import torch

        with torch.no_grad():
            rows = torch.tensor(X, dtype=torch.float32)
            return self.model.encoder(rows).embedding.numpy()


def judge_codes(Z, Z_test, y, y_test):
    """Return both measures of both classifiers."""
    judges = {
        "15-NN": KNeighborsClassifier(15),
        "logistic": LogisticRegression(max_iter=2000),
    }
    row = {}
    for name, judge in judges.items():
        judge = make_pipeline(StandardScaler(), judge).fit(Z, y)
        share = judge.predict_proba(Z_test)
        share = share[:, 1] if share.shape[1] == 2 else share
        row[f"AUC {name}"] = roc_auc_score(y_test, share, multi_class="ovr")
        row[f"balanced {name}"] = balanced_accuracy_score(y_test, judge.predict(Z_test))
    return row


def codes(parts, seed, args):
    """Yield a row for each model and size of the code."""
    X, X_test, y, y_test = parts
    for k in (2, 8):
        for name, model in reducers(k, seed).items():
            if args.models and name not in args.models:
                continue
            if k >= X.shape[1] * 4 and name in ("PCA", "FactorAnalysis"):
                continue
            start = time.perf_counter()
            Z = model.fit(X).transform(X)
            row = {"part": "codes", "k": k, "model": name}
            row["seconds"] = time.perf_counter() - start
            yield row | judge_codes(Z, model.transform(X_test), y, y_test)


PARTS = {"codes": codes}


def add_ranks(rows):
    """Add to the rows of each set, seed and k the mean rank over the classifiers."""
    frame = pd.DataFrame([r for r in rows if r["part"] == "codes"])
    if not len(frame):
        return
    same = frame[frame.model != "all columns"]
    for name in ("AUC 15-NN", "AUC logistic"):
        ranks = same.groupby(["set", "seed", "k"])[name].rank(ascending=False)
        frame.loc[same.index, f"rank {name}"] = ranks
    mean = frame[["rank AUC 15-NN", "rank AUC logistic"]].mean(axis=1)
    for row, rank in zip([r for r in rows if r["part"] == "codes"], mean, strict=True):
        if not np.isnan(rank):
            row["rank"] = rank


def main():
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--parts", nargs="+", default=list(PARTS))
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--models", nargs="+")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--out")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    load, rows = load_from(args.data), []
    for name in args.sets:
        for seed in range(args.seeds):
            parts = load_table(load, name, seed, args.rows)
            for part in args.parts:
                for row in PARTS[part](parts, seed, args):
                    rows.append({"set": name, "seed": seed} | row)
                    print(rows[-1], flush=True)
    add_ranks(rows)
    measures = ("AUC 15-NN", "AUC logistic", "balanced 15-NN", "rank", "seconds")
    report(rows, ("part", "k", "model"), measures, args.out)


if __name__ == "__main__":
    main()
