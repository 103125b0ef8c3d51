"""Part "searches" of speed.py: one grid search, five ways to run it."""

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from speed_peers import our_model, skorch_model
from speed_problems import SIZES, load_rows
from speed_timing import Side, measure, to_rows

GRID = {
    "learning_rate": [3e-4, 1e-3, 3e-3, 1e-2],
    "regularization_strength": [0.3, 1.0, 3.0],
}
SMALL_GRID = {"learning_rate": [1e-3, 3e-3]}
FOLDS = 5
NAMES = {
    "stacked": "ours, stacked",
    "over": "ours, a stack in each of 2 processes",
    "sequential": "ours, sequential",
    "loky": "ours, 2 processes",
    "skorch": "skorch, 2 processes",
}
ASKED = {
    "digits": {"skorch": ">= 4", "loky": ">= 1.3"},
    "table": {"skorch": ">= 8", "loky": ">= 2.5"},
}


def search(estimator, X, n_jobs=None, grid=GRID, folds=FOLDS):
    """Return a fitted grid search, refitted as GridSearchCV does by default."""
    return GridSearchCV(
        estimator, grid, cv=folds, n_jobs=n_jobs, error_score="raise"
    ).fit(X)


def search_stacked(estimator, X, **options):
    """Return a fitted grid search whose fits train as one stack, or as options say."""
    with joblib.parallel_config(backend="stacked", **options):
        return search(estimator, X)


def search_over_processes(estimator, X):
    """Return a fitted grid search, of which two processes stack a half each."""
    return search_stacked(estimator, X, over="loky", n_jobs=2)


def start_workers(estimator, X):
    """Run a small search, so that both processes are there with their imports.

    Idle ones end after some minutes; their start is not what is measured.
    """
    small = clone(estimator).set_params(max_iter=1)
    search(small, X[:200], n_jobs=2, grid=SMALL_GRID, folds=2)


def make_sides(name, X, epochs, device, kinds):
    """Return the searches of some kinds."""
    ours = our_model(SIZES[name], epochs, device)
    peer = skorch_model(SIZES[name], epochs, device)
    runs = {
        "stacked": (lambda _: search_stacked(ours, X), lambda: None),
        "over": (
            lambda _: search_over_processes(ours, X),
            lambda: start_workers(ours, X),
        ),
        "sequential": (lambda _: search(ours, X), lambda: None),
        "loky": (lambda _: search(ours, X, n_jobs=2), lambda: start_workers(ours, X)),
        "skorch": (lambda _: search(peer, X, n_jobs=2), lambda: start_workers(peer, X)),
    }
    asked = ASKED[name] if kinds[0] == "stacked" else {}
    return {
        kind: Side(NAMES[kind], *runs[kind], asked=asked.get(kind, ""))
        for kind in kinds
    }


def agreement(result, reference):
    """Return whether two searches agree, and by how much their scores differ."""
    scores, others = (s.cv_results_["mean_test_score"] for s in (result, reference))
    return {
        "same best": result.best_params_ == reference.best_params_,
        "score gap": float(np.abs(scores - others).max()),
    }


def run_searches(args):
    """Return the rows of the part: digits and table, where they are among the sizes."""
    rows = []
    for name in args.sizes:
        if name not in ASKED:
            continue
        X = load_rows(name, args.data, args.rows)
        sides = make_sides(name, X, args.search_epochs, args.device, args.searches)
        seconds, results = measure(sides.values(), args.repeats, args.device)
        setting = f"{name}, 12 candidates x {FOLDS} folds, {args.search_epochs} epochs"
        part = to_rows("searches", setting, seconds)
        for kind, row in zip(sides, part, strict=True):
            result = results[sides[kind]]
            row["best score"] = float(result.best_score_)
            if kind in ("stacked", "loky") and "sequential" in sides:
                row.update(agreement(result, results[sides["sequential"]]))
        rows += part
    return rows
