"""One side of same_numbers.py: trains the settings, writes all that models answer.

PYTHONPATH=CHECKOUT python benchmarks/same_numbers_side.py CHECKOUT FILE [NAME ...]
"""

import inspect
import pickle
import sys
import time
import traceback
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import sklearn
import torch
from same_numbers_settings import CONDITIONAL, NEW_NAMES, SETTINGS, Made
from sklearn.model_selection import GridSearchCV

import sklearn_aae

ATTRIBUTES = (
    "labels_",
    "loss_",
    "n_iter_",
    "classes_",
    "residuals_",
    "offset_",
    "cluster_shares_",
    "subcluster_labels_",
    "cluster_centers_",
    "information_",
    "cut_",
)
OF_ROWS = (
    "transform",
    "predict",
    "predict_proba",
    "decision_function",
    "score_samples",
    "reconstruct",
    "localize",
)
N_ROWS = 24  # that models answer about


def new_name(name, known):
    """Return a name of the base, or the one that took its place."""
    return name if name in known else NEW_NAMES.get(name, name)


def make(setting, cls):
    """Return the estimator of a setting, not fitted."""
    known = inspect.signature(cls).parameters
    values = {
        name: value.make() if isinstance(value, Made) else value
        for name, value in setting.params.items()
    }
    return cls(**{new_name(name, known): value for name, value in values.items()})


def train(setting, model, X, y):
    """Train as the setting says; of a search, return it."""
    target = y if setting.labelled else None
    if setting.fit == "search":
        with joblib.parallel_config(backend="stacked"):
            search = GridSearchCV(model, setting.grid, cv=3, error_score="raise")
            return search.fit(X, target)
    if setting.fit == "partial_fit":
        n, chunks = X.shape[0] // 3, []
        for i in range(3):
            rows = slice(i, None, 3) if setting.labelled else slice(i * n, (i + 1) * n)
            part = X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]
            chunks.append((part, target[rows] if setting.labelled else None))
        for chunk in chunks:
            model.partial_fit(*chunk)
        return model
    for _ in range(2 if setting.fit == "twice" else 1):
        model.fit(X, target, **setting.fit_params(X, y))
    return model


def calls(model, setting, X, y):
    """Return what is asked of a fitted model: functions of the method, by its name.

    What follows a comma in a name tells calls of one method apart.
    """
    listed = dict.fromkeys(OF_ROWS, lambda method: method(X))
    listed |= {
        "score": lambda method: method(X, y),
        "inverse_transform": lambda method: method(model.transform(X)),
        "sample": lambda method: method(7, random_state=0),
        "interpolate": lambda method: method(X[:3], X[3:6], 4),
        "traverse": lambda method: method(X[:2], n_steps=3),
    }
    if setting.given:
        options = {"given": setting.given, "random_state": 0}
        listed["sample, given"] = lambda method: method(5, **options)
    if not hasattr(model, "classes_"):
        return listed
    label = model.classes_[-1]
    listed["sample, y"] = lambda method: method(5, y=label, random_state=0)
    listed["transfer"] = lambda method: method(X, label)
    if setting.estimator == CONDITIONAL:
        codes = model.transform(X)
        listed["inverse_transform, y"] = lambda method: method(codes, y=label)
        listed["reconstruct, y"] = lambda method: method(X, y=label)
        listed["score_samples, y"] = lambda method: method(X, y=label)
    return listed


def plain(value):
    """Return arrays by name: a frame has one for each column."""
    if isinstance(value, pd.DataFrame):
        arrays = {f"[{name}]": plain_array(value[name]) for name in value}
        return arrays | {"[dtypes]": np.array([str(t) for t in value.dtypes])}
    return {"": plain_array(value)}


def plain_array(value):
    """Return an array of numbers or text."""
    array = np.asarray(value)
    if array.dtype.kind in "biufcUS":
        return array
    return np.array([f"{type(v).__name__} {v!r}" for v in array.ravel()])


def answers(model, setting, X, y):
    """Return all that a fitted model answers, and which calls it refuses."""
    found = {}
    for name, call in calls(model, setting, X, y).items():
        try:
            method = getattr(model, name.split(",")[0])
        except AttributeError:
            continue
        try:
            found |= {name + key: a for key, a in plain(call(method)).items()}
        except Exception as error:
            found[name] = np.array([f"raises {type(error).__name__}"])
    return found


def attributes(model):
    """Return the fitted attributes and the measures of the epochs."""
    found = {}
    for name in ATTRIBUTES:
        value = getattr(model, new_name(name, dir(model)), None)
        if value is not None:
            found |= {name + key: a for key, a in plain(value).items()}
    history = getattr(model, "history_", [])
    for name in {name: None for epoch in history for name in epoch if name != "dur"}:
        of_epochs = [epoch.get(name, np.nan) for epoch in history]
        found[f"history {name}"] = np.array(of_epochs)
    return found


def run(setting):
    """Train a setting and return its arrays by name."""
    X, y = setting.rows()
    model = make(setting, getattr(sklearn_aae, setting.estimator))
    np.random.seed(0)
    fitted = train(setting, model, X, y)
    found = {}
    if setting.fit == "search":
        found["search scores"] = fitted.cv_results_["mean_test_score"]
        fitted = fitted.best_estimator_
    head = X.iloc[::5] if isinstance(X, pd.DataFrame) else X[::5]
    ask = head[:N_ROWS], y[::5][:N_ROWS]
    found |= attributes(fitted) | answers(fitted, setting, *ask)
    if "callbacks" not in setting.params:
        again = answers(pickle.loads(pickle.dumps(fitted)), setting, *ask)
        found |= {f"pickled {name}": array for name, array in again.items()}
    return found


def main(checkout, target, *names):
    """Run the settings whose name begins with one of these; all without any."""
    at = Path(sklearn_aae.__file__).resolve()
    assert at.is_relative_to(Path(checkout).resolve()), f"imported {at}"
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    results = {}
    for setting in SETTINGS:
        if names and not setting.name.startswith(names):
            continue
        start = time.perf_counter()
        try:
            arrays = run(setting)
        except Exception:
            arrays = {"error": np.array([traceback.format_exc()])}
        results[setting.name] = arrays
        print(f"  {setting.name}: {time.perf_counter() - start:.1f} s", file=sys.stderr)
    versions = {"torch": torch.__version__, "scikit-learn": sklearn.__version__}
    Path(target).write_bytes(pickle.dumps({"versions": versions, "results": results}))


if __name__ == "__main__":
    main(*sys.argv[1:])
