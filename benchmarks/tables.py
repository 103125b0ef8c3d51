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
fraction of generated rows that are nearer to a training row than to a row of a held-out
half (0.5 is best).
"""

import argparse
import time
import warnings

import numpy as np
import pandas as pd
from reporting import load_from, report
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tables_peers import Pythae, Tabular, Umap
from tables_protocol import auc_of, forest_auc, judge_codes, load_table, numbers

from sklearn_aae import AAETransformer
from sklearn_aae.metrics import closest_row_share
from sklearn_aae.tabular import TableColumns

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


def codes(parts, seed, args):
    """Yield a row for each model and size of the code."""
    X, X_test, y, y_test = parts
    for k in (2, 8):
        for name, model in reducers(k, seed).items():
            if args.models and name not in args.models:
                continue
            start = time.perf_counter()
            Z = model.fit(X).transform(X)
            row = {"part": "codes", "k": k, "model": name}
            row["seconds"] = time.perf_counter() - start
            yield row | judge_codes(Z, model.transform(X_test), y, y_test)


def hidden(X, seed, fraction=0.1):
    """Return rows of which a fraction of the cells is hidden, and which those are."""
    mask = np.random.RandomState(seed).uniform(size=X.shape) < fraction
    mask &= ~X.isna().to_numpy()
    missing = X.copy()
    for j, name in enumerate(X.columns):
        if missing[name].dtype.kind in "iu":
            missing[name] = missing[name].astype(float)
        missing.loc[mask[:, j], name] = None
    return missing, mask


class Filling:
    """A scikit-learn imputer on standardised and one-hot columns."""

    def __init__(self, imputer):
        self.imputer = imputer

    def spread(self, rows):
        """Return one-hot columns in place of categories; all NaN for a missing one."""
        parts = []
        for j, m in enumerate(self.columns.n_categories):
            cells = rows[:, [j]]
            hot = np.where(np.isnan(cells), np.nan, cells == np.arange(m))
            parts.append(hot if m else cells)
        return np.hstack(parts)

    def gather(self, wide):
        """Return the most likely categories in place of their one-hot columns."""
        sizes = self.columns.n_categories
        parts = np.split(wide, np.cumsum([m or 1 for m in sizes])[:-1], axis=1)
        return np.stack(
            [p.argmax(1) if m else p[:, 0] for p, m in zip(parts, sizes, strict=True)],
            axis=1,
        )

    def fit(self, X):
        columns = TableColumns.learn(X, "from_dtype")
        self.columns = columns.with_ranges_of(columns.encode(X))
        wide = self.spread(self.columns.encode(X))
        self.scaler = StandardScaler().fit(wide)
        self.imputer.fit(self.scaler.transform(wide))
        return self

    def reconstruct(self, X):
        wide = self.scaler.transform(self.spread(self.columns.encode(X)))
        wide = self.scaler.inverse_transform(self.imputer.transform(wide))
        return self.columns.decode(self.gather(wide), clip=True)


def imputers(seed):
    """Return what fills missing values, by name."""
    options = {"input_dropout": 0.2, "random_state": seed}
    return {
        "AAE": AAETransformer(16, **options),
        "plain AE": AAETransformer(16, regularizer=None, **options),
        "KNNImputer": Filling(KNNImputer(keep_empty_features=True)),
        "IterativeImputer": Filling(IterativeImputer(keep_empty_features=True)),
        "SimpleImputer": Common(),
    }


class Common:
    """The mean of numbers, the most frequent category."""

    def fit(self, X):
        number = X.select_dtypes("number")
        self.fill = number.mean().to_dict() | {
            c: X[c].mode().iloc[0] for c in X.columns.difference(number.columns)
        }
        return self

    def reconstruct(self, X):
        return pd.DataFrame({c: [self.fill[c]] * len(X) for c in X.columns})


def imputation(parts, seed, args):
    """Yield a row for each way to fill hidden cells of the test rows."""
    X, X_test, _, _ = parts
    X = X.loc[:, X.notna().any()]
    missing, mask = hidden(X_test[X.columns], seed)
    number = [c in X.select_dtypes("number").columns for c in X.columns]
    for name, model in imputers(seed).items():
        if args.models and name not in args.models:
            continue
        start = time.perf_counter()
        filled = model.fit(X).reconstruct(missing)
        row = {"part": "imputation", "k": 16, "model": name}
        row["seconds"] = time.perf_counter() - start
        errors, right = [], []
        for j, column in enumerate(X.columns):
            at, spread = mask[:, j], X[column].std() if number[j] else 1.0
            truth = X_test[column].to_numpy()[at]
            guess = filled[column].to_numpy()[at]
            if number[j] and spread > 0:
                errors.extend(np.abs(guess.astype(float) - truth) / spread)
            elif not number[j]:
                right.extend(guess == truth)
        if errors:
            row["error"] = float(np.sqrt(np.mean(np.square(errors))))
        if right:
            row["accuracy"] = float(np.mean(right))
        yield row


def generators(seed):
    """Return what draws rows, by name: functions of a labelled frame."""

    def ours(train, n):
        # After 100 epochs, few rows are repeated more (chosen on two other splits).
        model = AAETransformer(
            8, regularization_strength=10, max_iter=50, random_state=seed
        )
        return model.fit(train).sample(n, random_state=seed)

    def tabular(kind):
        return lambda train, n: Tabular(kind, seed).fit(train).sample(n)

    return {"AAE": ours, "CTGAN": tabular("CTGAN"), "TVAE": tabular("TVAE")}


def generation(parts, seed, args):
    """Yield a row for each way to draw rows, and one for the real rows."""
    X, X_test, y, y_test = parts
    frame = X.assign(target_=pd.Series(y).astype(str))
    train, held_out = train_test_split(
        frame, test_size=0.5, stratify=y, random_state=seed
    )
    ways = {"real": lambda train, n: train} | generators(seed)
    ways["Gaussian mixture"] = None
    for name, draw in ways.items():
        if args.models and name not in args.models:
            continue
        start = time.perf_counter()
        row = {"part": "generation", "k": 8, "model": name}
        if draw is None:
            row["AUC HGB"] = mixture_auc(train, X_test, y_test, seed)
        else:
            drawn = draw(train, len(train))
            row["AUC HGB"] = forest_auc(drawn, X_test, y_test)
            if name != "real":
                row["nearer"] = closest_row_share(drawn, train, held_out)
        row["seconds"] = time.perf_counter() - start
        yield row


def mixture_auc(train, X_test, y_test, seed):
    """Return the same of rows drawn by a Gaussian mixture for each class."""
    y = train["target_"].astype(str).to_numpy()
    prepare = numbers().fit(train.drop(columns="target_"))
    rows = prepare.transform(train.drop(columns="target_"))
    drawn, labels = [], []
    for c in np.unique(y):
        size = (y == c).sum()
        mixture = GaussianMixture(
            min(5, size), reg_covar=1e-3, covariance_type="diag", random_state=seed
        )
        drawn.append(mixture.fit(rows[y == c]).sample(size)[0])
        labels += [c] * size
    forest = HistGradientBoostingClassifier(random_state=0)
    forest.fit(np.vstack(drawn), labels)
    return auc_of(make_pipeline(prepare, forest), X_test, y_test)


PARTS = {"codes": codes, "imputation": imputation, "generation": generation}


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
    measures = (
        "AUC 15-NN",
        "AUC logistic",
        "balanced 15-NN",
        "rank",
        "error",
        "accuracy",
        "AUC HGB",
        "nearer",
        "seconds",
    )
    report(rows, ("part", "k", "model"), measures, args)


if __name__ == "__main__":
    main()
