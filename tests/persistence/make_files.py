"""Write the files that later versions are to load.

    python tests/persistence/make_files.py

Run once for each minor version, when it is released: files that exist stay as they are.
Each has its answers beside it, of the rows that `rows` returns.
"""

from pathlib import Path

import numpy as np
import pandas as pd

import sklearn_aae
from sklearn_aae.persistence import save

FOLDER = Path(__file__).parent / "files"
SMALL = {
    "hidden_layer_sizes": (4,),
    "critic_hidden_layer_sizes": (4,),
    "max_iter": 2,
    "n_examples": 6,
    "random_state": 0,
}
KINDS = {
    "AAETransformer": {"count_features": ["count"]},
    "AAEClusterer": {"n_init": 1},
    "SemiSupervisedAAEClassifier": {"scale": "quantile"},
    "ConditionalAAETransformer": {"scale": "minmax"},
    "AAEOutlierDetector": {"n_init": 2},
    "GANSampler": {},
}
ANSWERS = {
    "AAETransformer": "transform",
    "AAEClusterer": "predict_proba",
    "SemiSupervisedAAEClassifier": "predict_proba",
    "ConditionalAAETransformer": "transform",
    "AAEOutlierDetector": "score_samples",
    "GANSampler": "score_samples",
}


def rows(kind):
    """Return the rows that a model is fitted on, and answers about."""
    x = np.sin(np.arange(24.0))
    if kind == "GANSampler":
        return np.column_stack([x, x**2])
    count, letter = np.arange(24) % 5, ["a", "b", None] * 8
    return pd.DataFrame({"x": x, "count": count, "letter": letter})


def answer(model):
    """Return what a model answers."""
    kind = type(model).__name__
    return getattr(model, ANSWERS[kind])(rows(kind))


def main():
    """Write the files of this version, if there are none."""
    minor = ".".join(sklearn_aae.__version__.split(".")[:2])
    folder = FOLDER / minor
    folder.mkdir(parents=True, exist_ok=True)
    for kind, options in KINDS.items():
        path = folder / f"{kind}.aae"
        if path.exists():
            continue
        small = {k: v for k, v in SMALL.items() if k != "n_examples"}
        params = (small if kind == "GANSampler" else SMALL) | options
        model = getattr(sklearn_aae, kind)(2, **params)
        model.fit(rows(kind), np.arange(24) % 2)
        save(model, path)
        np.savetxt(path.with_suffix(".txt"), np.atleast_2d(answer(model)))


if __name__ == "__main__":
    main()
