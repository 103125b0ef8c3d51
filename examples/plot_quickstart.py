"""
Quickstart: an autoencoder in a pipeline and a grid search
==========================================================

:class:`~sklearn_aae.AAETransformer` learns a small code for the rows of a table and
shapes the code like a prior. It goes where a scikit-learn transformer goes. Here it
takes the place of PCA before a linear classifier of handwritten digits, and an ordinary
grid search chooses the size of the code, its prior and how strongly that is imposed.

The script says what it does while it runs, and writes its pictures to
``examples/output``.
"""

# %%
# Digits, with a quarter of the rows held out
# -------------------------------------------
# The grid search never sees the held-out rows.

import functools
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    cross_validate,
    train_test_split,
)
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_aae import AAETransformer
from sklearn_aae.inspection import (
    LatentSpaceDisplay,
    ManifoldDisplay,
    TrainingCurvesDisplay,
)

START = time.perf_counter()

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=0.25, stratify=y, random_state=0
)
folds = StratifiedKFold(3, shuffle=True, random_state=0)
print(
    f"Handwritten digits of scikit-learn: {len(X_train)} rows to train and search on, "
    f"{len(X_test)}\nheld out; {X.shape[1]} columns, {len(np.unique(y))} classes.\n"
)

# %%
# A pipeline and a grid
# ---------------------
# Three steps: code, scale, classify. The transformer gets the training labels, as each
# step of a pipeline does. A Gaussian prior ignores them; a mixture of Gaussians gives
# each class a component of its own (Makhzani et al. 2016, section 2.3).

pipeline = Pipeline(
    [
        ("aae", AAETransformer(random_state=0)),
        ("scale", StandardScaler()),
        ("classify", LogisticRegression(max_iter=1000)),
    ]
)
grid = {
    "aae__n_components": [8, 16],
    "aae__prior": ["gaussian", "gaussian_mixture"],
    "aae__regularization_strength": [1.0, 10.0],
}

# %%
# The search
# ----------
# The search runs two fits at a time, each in its own process. So that one can watch it,
# the score function leaves a mark in a file, and a thread counts the marks.


def score_and_mark(marks, estimator, X, y):
    """Return the accuracy, and tell the progress display that a fit is done."""
    accuracy = estimator.score(X, y)
    with open(marks, "a") as file:
        file.write(".")
    return accuracy


def show_progress(marks, n_fits, finished):
    """Print how many fits are done, until the search has finished."""
    start, shown, live = time.perf_counter(), -1, sys.stdout.isatty()
    while shown < n_fits:
        last = finished.wait(0.2)
        done, elapsed = marks.stat().st_size, time.perf_counter() - start
        if done != shown:
            text = f"  {done:2d} of {n_fits} fits done, {elapsed:3.0f} s elapsed"
            if 0 < done < n_fits:
                text += f", about {elapsed / done * (n_fits - done):3.0f} s left"
            print(f"{text:<60}\r" if live else f"{text}\n", end="", flush=True)
        shown = n_fits if last else done
    if live:
        print()


@contextmanager
def progress(n_fits):
    """Show the progress of a search; yield the score function to search with."""
    with tempfile.TemporaryDirectory() as folder:
        marks, finished = Path(folder, "marks"), threading.Event()
        marks.touch()
        display = threading.Thread(target=show_progress, args=(marks, n_fits, finished))
        display.start()
        try:
            yield functools.partial(score_and_mark, marks)
        finally:
            finished.set()
            display.join()


n_fits = int(np.prod([len(values) for values in grid.values()])) * folds.n_splits
print(
    f"Grid search: {n_fits} fits, two at a time, then the best candidate on all "
    f"{len(X_train)} rows:",
    flush=True,
)
with progress(n_fits) as score:
    search = GridSearchCV(pipeline, grid, cv=folds, scoring=score, n_jobs=2)
    search.fit(X_train, y_train)

# %%
# What was found
# --------------
# Beside the candidates stand PCA with as many components, in the same pipeline on the
# same folds, and the classifier on all columns.


def scaled_classifier(*steps):
    """Return a pipeline that ends like the one above."""
    return make_pipeline(*steps, StandardScaler(), LogisticRegression(max_iter=1000))


baselines = {
    f"PCA({n})": scaled_classifier(PCA(n, random_state=0))
    for n in grid["aae__n_components"]
}
baselines[f"all {X.shape[1]} columns"] = scaled_classifier()


def describe(params):
    """Name a candidate in one line."""
    size, prior = params["aae__n_components"], params["aae__prior"]
    strength = params["aae__regularization_strength"]
    labels = " *" if prior == "gaussian_mixture" else ""
    return f"AAE({size}), {prior}, strength {strength:g}{labels}"


def search_rows(results):
    """Return name, mean and standard deviation of accuracy, and time, of candidates."""
    keys = ("mean_test_score", "std_test_score", "mean_fit_time")
    columns = zip(*(results[key] for key in keys), strict=True)
    names = map(describe, results["params"])
    return [(name, *values) for name, values in zip(names, columns, strict=True)]


def baseline_row(name, model):
    """Return the same of a baseline."""
    result = cross_validate(model, X_train, y_train, cv=folds)
    accuracy = result["test_score"]
    return name, accuracy.mean(), accuracy.std(), result["fit_time"].mean()


rows = search_rows(search.cv_results_)
rows += [baseline_row(name, model) for name, model in baselines.items()]
print(f"\nAccuracy over {folds.n_splits} folds, best first:\n")
print(f"  {'before the classifier':<44} {'mean':>6} {'std':>6} {'fit':>8}")
for name, mean, std, seconds in sorted(rows, key=lambda row: -row[1]):
    print(f"  {name:<44} {mean:6.3f} {std:6.3f} {seconds:6.2f} s")
print(
    "\n  * the code itself is shaped by the training labels; the other codes, and PCA,"
    "\n    see none (the classifier behind them always does)."
)

# %%
# On the held-out rows
# --------------------
# The winner of the search and the baselines, trained on all training rows.

finalists = {describe(search.best_params_): search.best_estimator_} | {
    name: model.fit(X_train, y_train) for name, model in baselines.items()
}
print(f"\nAccuracy on the {len(X_test)} held-out rows, with its standard error:\n")
for name, model in finalists.items():
    accuracy = model.score(X_test, y_test)
    error = np.sqrt(accuracy * (1 - accuracy) / len(X_test))
    print(f"  {name:<44} {accuracy:6.3f} ± {error:.3f}")

# %%
# Pictures of codes of two columns
# --------------------------------
# A code of two columns keeps less, and can be seen: once with a Gaussian prior, which
# ignores the labels, once with a mixture of Gaussians, one for each class. All pixels
# have one unit and one range, hence ``scale="minmax"``.

print("\nTraining two models with codes of two columns, for the pictures:", flush=True)
plane = {"n_components": 2, "scale": "minmax", "regularization_strength": 10.0}
models = {
    "Gaussian prior, ignores the labels": AAETransformer(**plane, random_state=0),
    "Mixture of Gaussians, uses the training labels": AAETransformer(
        **plane, prior="gaussian_mixture", random_state=0
    ),
}
for name, model in models.items():
    print(f"  {name}", flush=True)
    model.fit(X_train, y_train)

# %%
# Held-out rows among the contours of the prior. Each contour bounds the smallest region
# that holds half, 80 % and 95 % of the prior.

latent, axes = plt.subplots(1, 2, figsize=(11, 5.2), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    LatentSpaceDisplay.from_estimator(model, X_test, y_test, ax=ax)
    ax.set_title(name)
axes[0].get_legend().remove()  # the other has the same
latent.suptitle("Codes of held-out digits, and contours of the prior")

# %%
# What the decoder makes of each place of the plane.

manifold, axes = plt.subplots(1, 2, figsize=(12, 6.2), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    ManifoldDisplay.from_estimator(
        model, image_shape=(8, 8), grid_resolution=12, ax=ax, vmin=0, vmax=16
    )
    ax.set_title(name)
manifold.suptitle("Digits decoded from a grid of codes")

# %%
# How the trainings went.

curves = plt.figure(figsize=(12, 5.6), layout="constrained")
for part, (name, model) in zip(curves.subfigures(2, 1), models.items(), strict=True):
    TrainingCurvesDisplay.from_estimator(model, ax=part.subplots(1, 4))
    part.suptitle(name)

# %%
# Where the pictures are.

output = Path("examples" if Path("examples").is_dir() else ".", "output")
output.mkdir(exist_ok=True)
pictures = {"latent_space": latent, "decoded_grid": manifold, "training_curves": curves}
print("\nPictures:")
for name, picture in pictures.items():
    picture.savefig(output / f"{name}.png", dpi=120)
    print(f"  {output / name}.png")
print(f"\nThe whole script took {time.perf_counter() - START:.0f} s.")
