"""Any call works, or raises an error of ours that says why and changes nothing.

``HYPOTHESIS_EXAMPLES=2000 pytest tests/estimators/test_calls.py`` looks further.
"""

import os
import traceback
import warnings

import joblib
import numpy as np
import pandas as pd
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.estimators._signature import parameters_of

N_EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "150"))
KINDS = [
    AAETransformer,
    AAEClusterer,
    AAEOutlierDetector,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
]
# Sound values and others, by parameter.
VALUES = {
    "activation": ["tanh", "none"],
    "adversarial_loss": ["hinge", "relativistic", "wasserstein"],
    "batch_size": [2, 5, 1, None],
    "categorical_features": [None, [0], ["t"], [True], [9]],
    "clip": [False, 2],
    "count_features": [[0], ["i"], [7]],
    "device": ["cpu", "gpu9"],
    "dropout": [0.5, 1.0],
    "early_stopping": [True, None],
    "hidden_layer_sizes": [(), [4, 4], 4, (0,), None],
    "learning_rate": [1e2, 0, 1e300],
    "n_components": [1, 3, 0, 2.5, None],
    "n_examples": [0, 5, -1],
    "n_init": [2, 0],
    "normalization": ["layer", None, "x"],
    "posterior": ["gaussian", "universal", "x"],
    "prior": ["gamma", "gaussian_mixture", "categorical", 3],
    "random_state": [None, "a", -1],
    "reconstruction": ["bernoulli", "laplace"],
    "regularizer": ["kl", "mmd", None, "x"],
    "scale": ["quantile", "minmax", None, "x"],
    "image_shape": [(1, 3), (8, 8), "x"],
    "step_back": [False, 1],
    "time_limit": [1e-9, 1e9, 0],
    "update": ["alternating", "x"],
    "warm_start": [True],
}
METHODS = [
    "transform",
    "inverse_transform",
    "predict",
    "predict_proba",
    "score_samples",
    "reconstruct",
    "decision_function",
    "localize",
    "sample",
    "fit",
    "partial_fit",
]


def frame(X, rng):
    cells = {"t": rng.choice(["u", "v"], len(X)), "i": rng.choice(5, len(X))}
    return pd.DataFrame({**cells, "x": X.sum(1)})


FORMS = [
    lambda X, rng: X,
    lambda X, rng: X.astype(np.float32),
    lambda X, rng: np.asfortranarray(X)[::-1],
    lambda X, rng: (X * 3).round().astype(np.int16),
    lambda X, rng: np.where(rng.uniform(size=X.shape) < 0.3, np.nan, X),
    lambda X, rng: np.where(rng.uniform(size=X.shape) < 0.01, np.inf, X),
    lambda X, rng: X * 1e200,
    lambda X, rng: X.astype(object),
    lambda X, rng: X.tolist(),
    lambda X, rng: X.ravel(),
    lambda X, rng: torch.from_numpy(X),
    lambda X, rng: csr_matrix(np.where(X > 0, X, 0)),
    lambda X, rng: np.ma.masked_greater(X, 1),
    frame,
]
LABELS = [
    lambda n, rng: None,
    lambda n, rng: rng.choice([-1, 0, 1], n),
    lambda n, rng: rng.choice(["a", "b", None], n),
    lambda n, rng: rng.normal(size=n),
    lambda n, rng: np.zeros(n + 1, dtype=int),
]


@st.composite
def tables(draw):
    shape = draw(st.sampled_from([(24, 3), (24, 3), (24, 2), (7, 1), (1, 3), (0, 3)]))
    rng = np.random.RandomState(draw(st.integers(0, 99)))
    X = draw(st.sampled_from(FORMS))(rng.normal(size=shape), rng)
    return X, draw(st.sampled_from(LABELS))(shape[0], rng)


@st.composite
def estimators(draw):
    kind = draw(st.sampled_from(KINDS))
    names = [name for name in parameters_of(kind) if name in VALUES]
    small = {"hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0, "n_init": 1}
    changed = draw(st.lists(st.sampled_from(names), max_size=2, unique=True))
    return kind(**small | {n: draw(st.sampled_from(VALUES[n])) for n in changed})


def call(model, method, X, y):
    """Call a method; an error must be ours, and the model as it was."""
    before = joblib.hash(model.__getstate__())
    argument = {"sample": (4,), "fit": (X, y), "partial_fit": (X, y)}.get(method, (X,))
    try:
        getattr(model, method)(*argument)
    except (ValueError, TypeError) as error:
        raised = error
    else:
        return
    origin = traceback.extract_tb(raised.__traceback__)[-1].filename
    assert "sklearn" in origin, f"{origin}: {raised}"  # ours, or scikit-learn's
    assert len(str(raised)) > 20, repr(raised)
    assert joblib.hash(model.__getstate__()) == before


@settings(
    max_examples=N_EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(estimators(), tables(), tables(), st.lists(st.sampled_from(METHODS), max_size=3))
def test_any_call_works_or_says_why_not(model, first, second, methods):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        call(model, "fit", *first)
        for i, method in enumerate(methods):
            if hasattr(model, method):
                call(model, method, *(first, second)[i % 2])
