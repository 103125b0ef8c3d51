"""One side of defaults.py: a fit with defaults in this process, timed and judged.

Packages are imported where they are used: their import is timed, too.
"""

import argparse
import gc
import importlib
import json
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from defaults_problems import (
    N_LABELS,
    Problem,
    accuracy,
    codes_auc,
    coverage,
    drawn_by_class,
    few_labels,
    labelled_frame,
    n_classes,
    numeric_split,
    of_draws,
    of_rows,
    proba_auc,
    split,
    whole,
    with_rare,
)
from process_memory import MIB, peak_resident, start_peak
from reporting import load_from
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from tables_peers import Tabular
from tables_protocol import load_rows, numbers

OURS = "sklearn_aae"
CODE_SIZE = 8


# --- the methods --------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """A problem, the measure of its quality, and the methods that a user may pick."""

    measure: str
    pose: Callable[..., Problem]
    methods: dict


@dataclass(frozen=True)
class Method:
    """What is timed: ``fit(seed, problem) -> fitted``; then ``judge`` says how good."""

    package: str
    fit: Callable[[int, Problem], Any]
    judge: Callable[[Any, Problem], float]
    uses_torch: bool = False


def ours(name, fit, judge, *args):
    """Return an estimator of ours with its defaults."""

    def fitted(seed, problem):
        estimator = getattr(importlib.import_module(OURS), name)
        size = [value(problem) for value in args]
        return fit(estimator(*size, random_state=seed), problem)

    return Method(OURS, fitted, judge, uses_torch=True)


def unsupervised(model, problem):
    """Fit the rows."""
    return model.fit(problem.X)


def supervised(model, problem):
    """Fit the rows and their labels."""
    return model.fit(problem.X, problem.y)


def umap_kmeans(seed, problem):
    """Fit UMAP as its guide advises for clusters, then k-means."""
    from umap import UMAP

    reducer = UMAP(n_components=10, min_dist=0.0, random_state=seed, n_jobs=1)
    clusterer = KMeans(n_classes(problem), n_init=10, random_state=seed)
    return make_pipeline(numbers(), reducer, clusterer).fit(problem.X)


def pyod_autoencoder(seed, problem):
    """Fit PyOD's detector."""
    from pyod.models.auto_encoder import AutoEncoder

    model = AutoEncoder(random_state=seed, device="cpu", verbose=0)
    return model.fit(numbers().fit_transform(problem.X))


def ctgan(seed, problem):
    """Fit CTGAN to the rows, their labels one more column."""
    return Tabular("CTGAN", seed).fit(labelled_frame(problem.X, problem.y))


def with_numbers(build, fit):
    """Return a scikit-learn estimator after the usual way to numbers."""
    return lambda seed, problem: fit(make_pipeline(numbers(), build(seed)), problem)


FEW = (supervised, proba_auc)
SCORES = of_rows(lambda model, problem: -model.score_samples(problem.X))
TASKS = {
    "codes": Task(
        "ROC AUC of classifiers of 8 columns",
        split,
        {
            "AAETransformer": ours(
                "AAETransformer", unsupervised, codes_auc, lambda _: CODE_SIZE
            ),
            "PCA": Method(
                "sklearn",
                with_numbers(
                    lambda seed: PCA(CODE_SIZE, random_state=seed), unsupervised
                ),
                codes_auc,
            ),
        },
    ),
    "clusters": Task(
        "accuracy of the best matching",
        whole,
        {
            "AAEClusterer": ours(
                "AAEClusterer",
                unsupervised,
                lambda model, problem: accuracy(model.labels_, problem),
                n_classes,
            ),
            "UMAP + KMeans": Method(
                "umap",
                umap_kmeans,
                lambda model, problem: accuracy(model[-1].labels_, problem),
            ),
        },
    ),
    "outliers": Task(
        "ROC AUC",
        with_rare,
        {
            "AAEOutlierDetector": ours("AAEOutlierDetector", unsupervised, SCORES),
            "PyOD AutoEncoder": Method(
                "pyod.models.auto_encoder",
                pyod_autoencoder,
                of_rows(lambda model, _: model.decision_scores_),
                uses_torch=True,
            ),
            "IsolationForest": Method(
                "sklearn",
                with_numbers(
                    lambda seed: IsolationForest(random_state=seed), unsupervised
                ),
                SCORES,
            ),
        },
    ),
    "few labels": Task(
        f"ROC AUC after {N_LABELS} labels",
        few_labels,
        {
            "SemiSupervisedAAEClassifier": ours("SemiSupervisedAAEClassifier", *FEW),
            "LabelSpreading": Method(
                "sklearn",
                with_numbers(lambda _: LabelSpreading(kernel="knn"), supervised),
                proba_auc,
            ),
            "self-training": Method(
                "sklearn",
                with_numbers(
                    lambda _: SelfTrainingClassifier(LogisticRegression(max_iter=1000)),
                    supervised,
                ),
                proba_auc,
            ),
        },
    ),
    "rows": Task(
        "ROC AUC of a forest trained on drawn rows",
        split,
        {
            "ConditionalAAETransformer": ours(
                "ConditionalAAETransformer", supervised, of_draws(drawn_by_class)
            ),
            "CTGAN": Method(
                "ctgan",
                ctgan,
                of_draws(lambda model, problem: model.sample(len(problem.y))),
                uses_torch=True,
            ),
        },
    ),
    "rows of numbers": Task(
        "coverage of test rows",
        numeric_split,
        {
            "GANSampler": ours(
                "GANSampler",
                unsupervised,
                lambda model, p: coverage(model.sample(len(p.X_test)), p),
            ),
            "GaussianMixture": Method(
                "sklearn",
                lambda seed, problem: unsupervised(
                    GaussianMixture(10, reg_covar=1e-3, random_state=seed), problem
                ),
                lambda model, p: coverage(model.sample(len(p.X_test))[0], p),
            ),
        },
    ),
}
# Its two classes are no clusters.
LEFT_OUT = {("adult", "clusters")}


# --- one process --------------------------------------------------------------


def timed(work):
    """Return what work returns, with its times and its peak of memory."""
    gc.collect()
    before, wall, processor = start_peak(), time.perf_counter(), time.process_time()
    result = work()
    spent = {
        "processor": time.process_time() - processor,
        "wall": time.perf_counter() - wall,
        "peak MiB": (peak_resident() - before) / MIB,
    }
    return result, spent


def run(args):
    """Return the figures of one or two fits of a method."""
    method = TASKS[args.task].methods[args.method]
    load = load_from(args.data) if args.data else None
    n_rows = (
        args.rows if TASKS[args.task].pose in (whole, with_rare) else args.rows / 0.7
    )
    problem = TASKS[args.task].pose(
        *load_rows(load, args.set, args.seed, round(n_rows)), args.seed
    )
    row = {"n_rows": len(problem.X)}
    if method.uses_torch:
        _, row["import of torch"] = timed(lambda: importlib.import_module("torch"))
    package, row["import"] = timed(lambda: importlib.import_module(method.package))
    if args.checkout and method.package == OURS:
        at = Path(package.__file__).resolve()
        assert at.is_relative_to(args.checkout.resolve()), f"imported {at}"
    model, row["first"] = timed(lambda: method.fit(args.seed, problem))
    if args.second:
        _, row["second"] = timed(lambda: method.fit(args.seed, problem))
    if hasattr(model, "n_iter_"):
        row["n_iter"] = int(np.max(model.n_iter_))
    return row | {"quality": float(method.judge(model, problem))}


def main():
    """Fit as the arguments say, and print the figures as the last line."""
    parser = argparse.ArgumentParser()
    for name in ("--task", "--method", "--set"):
        parser.add_argument(name, required=True)
    for name in ("--seed", "--rows"):
        parser.add_argument(name, type=int, required=True)
    for name in ("--data", "--checkout"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--second", action="store_true")
    warnings.simplefilter("ignore")
    args = parser.parse_args()
    # What a package prints is not the answer.
    answer, sys.stdout = sys.stdout, sys.stderr
    print(json.dumps(run(args)), file=answer)


if __name__ == "__main__":
    main()
