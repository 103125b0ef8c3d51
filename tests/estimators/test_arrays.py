"""Arrays that come out are in C order; arrays that go in may be read-only.

All six estimators, and all of their methods that answer.
"""

import pickle
import warnings

import joblib
import numpy as np
import pytest
import torch

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)

SMALL = {"hidden_layer_sizes": (8,), "max_iter": 1, "random_state": 0}
MODELS = [
    AAETransformer(2, **SMALL),
    AAEClusterer(2, n_init=1, **SMALL),
    SemiSupervisedAAEClassifier(2, **SMALL),
    ConditionalAAETransformer(2, **SMALL),
    AAEOutlierDetector(2, n_init=2, **SMALL),
    GANSampler(2, **SMALL),
]
NAMES = [type(model).__name__ for model in MODELS]
RNG = np.random.RandomState(0)
X = np.column_stack([RNG.normal(size=(24, 2)), RNG.poisson(3, 24), RNG.choice(3, 24)])
Y = np.arange(24) % 2
TEXT = np.column_stack([X[:, :3].astype(object), RNG.choice(["a", "b"], 24)])


def answers(model, X, y=Y):
    """Return what each method of a fitted model answers about rows, by name."""
    given = {
        "transform": (X,),
        "reconstruct": (X,),
        "interpolate": (X[:2], X[2:4], 3),
        "traverse": (X[:2], 0, 3),
        "score_samples": (X,),
        "predict": (X,),
        "predict_proba": (X,),
        "decision_function": (X,),
        "localize": (X,),
    }
    found = {n: getattr(model, n)(*a) for n, a in given.items() if hasattr(model, n)}
    found["sample"] = model.sample(5, random_state=0)
    if hasattr(model, "inverse_transform"):
        labels = {"y": y} if isinstance(model, ConditionalAAETransformer) else {}
        found["inverse_transform"] = model.inverse_transform(
            found["transform"], **labels
        )
    if hasattr(model, "transfer"):
        found["transfer"] = model.transfer(X, y)
    if hasattr(model, "cluster_centers_"):
        found["cluster_centers_"] = model.cluster_centers_
    return found


def read_only(values):
    values = values.copy()
    values.setflags(write=False)
    return values


def fitted(model, X, **parameters):
    model = type(model)(**{**model.get_params(), **parameters})
    return model.fit(X, Y)


KINDS = {
    "plain": (X, {}),
    "fortran": (np.asfortranarray(X), {}),
    "single": (X.astype(np.float32), {}),
    "bent": (X, {"scale": "quantile"}),
    "counts": (X, {"count_features": [2]}),
    "categories": (X, {"categorical_features": [3]}),
    "text": (TEXT, {"categorical_features": [3], "count_features": [2]}),
}


TAKEN = [
    pytest.param(model, kind, id=f"{type(model).__name__}-{kind}")
    for model in MODELS
    for kind, (_, parameters) in KINDS.items()
    if not isinstance(model, GANSampler) or {*parameters} <= {"scale"}
]


@pytest.mark.parametrize(("model", "kind"), TAKEN)
def test_arrays_that_come_out_are_in_c_order(model, kind):
    rows, parameters = KINDS[kind]
    for name, answer in answers(fitted(model, rows, **parameters), rows).items():
        assert isinstance(answer, np.ndarray)
        assert answer.flags.c_contiguous, name


@pytest.fixture
def warn_always():
    """Let torch warn each time, not the first time in a process."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(before)


@pytest.mark.usefixtures("warn_always")
@pytest.mark.parametrize("scale", [None, "standard"])
@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_read_only_arrays_are_no_reason_to_warn(model, kind, scale):
    rows = read_only(X.astype(kind))
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*not writable")
        options = {"scale": scale, "batch_size": 8}  # one batch would be sorted
        model = type(model)(**{**model.get_params(), **options})
        model.fit(rows, read_only(Y), sample_weight=read_only(np.ones(24)))
        model.fit(rows, read_only(Y))
        answers(model, rows, read_only(Y))


@pytest.mark.usefixtures("warn_always")
@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_a_memory_map_is_no_reason_to_warn(model, tmp_path):
    holes = not isinstance(model, GANSampler)
    rows = np.where(np.eye(24, 4, dtype=bool) & holes, np.nan, X)
    model = fitted(model, rows)
    expected = answers(model, rows)
    joblib.dump(model, tmp_path / "model.joblib")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
        found = answers(loaded, rows)
        loaded.partial_fit(rows, Y)
    for name, answer in expected.items():
        np.testing.assert_array_equal(found[name], answer, name)


@pytest.mark.parametrize("batch_size", [128, 8])
@pytest.mark.parametrize("scale", ["standard", "minmax", "range", "quantile", None])
@pytest.mark.parametrize("model", MODELS[:-1], ids=NAMES[:-1])
def test_copies_of_a_model_of_rows_with_holes_answer_bit_by_bit(
    model, scale, batch_size
):
    rows = X * np.pi + [1, 2, 30, 4]
    rows[::5, 0] = rows[::7, 2] = np.nan
    model = fitted(model, rows, scale=scale, batch_size=batch_size)
    found = answers(pickle.loads(pickle.dumps(model)), rows)
    for name, answer in answers(model, rows).items():
        np.testing.assert_array_equal(found[name], answer, name)
