"""Saved and loaded models answer as before, bit for bit."""

import datetime
import decimal
import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
import skorch
import torch
from torch import distributions as D
from torch import nn

from sklearn_aae import AAETransformer, priors
from sklearn_aae.persistence import TRUSTED_TYPES, RefusedFileError, load, save

FRAMES = ["array", "float32", "sparse", "pandas", "dates", "polars", "arrow"]
KINDS = [
    "AAETransformer",
    "AAEClusterer",
    "SemiSupervisedAAEClassifier",
    "ConditionalAAETransformer",
    "AAEOutlierDetector",
]


def by_file(model, path):
    save(model, path)
    return load(path)


def by_skops(model, path):
    skops.io.dump(model, path)
    return skops.io.load(path, trusted=TRUSTED_TYPES)


def by_joblib(model, path, **options):
    joblib.dump(model, path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return joblib.load(path, **options)


WAYS = {
    "file": by_file,
    "skops": by_skops,
    "pickle": lambda model, path: pickle.loads(pickle.dumps(model)),
    "joblib": by_joblib,
    "memory map": lambda model, path: by_joblib(model, path, mmap_mode="r"),
}


@pytest.mark.parametrize("table", FRAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_estimator_and_table(kind, table, make, tmp_path, assert_same):
    if (kind, table) == ("AAEClusterer", "sparse"):
        table = "array"
    model = make(kind, table)
    for way, there_and_back in WAYS.items():
        loaded = there_and_back(model, tmp_path / way)
        assert type(loaded) is type(model)
        assert_same(model, loaded, table)
        assert loaded.get_params() == model.get_params()
        assert loaded.history_ == model.history_


def test_a_sampler(make, there_and_back):
    model = make("GANSampler")
    loaded = there_and_back(model)
    drawn = [m.sample(5, random_state=0) for m in (model, loaded)]
    assert np.array_equal(*drawn)


OPTIONS = [
    {"posterior": "gaussian"},
    {"posterior": "universal"},
    {"prior": "gaussian_mixture"},
    {"prior": "categorical"},
    {"prior": priors.Gamma(2, concentration=3.0)},
    {"prior": priors.SwissRoll(2, n_classes=2)},
    {"prior": D.Normal(torch.zeros(2), torch.tensor([1.0, 2.0]))},
    {"prior": D.MultivariateNormal(torch.zeros(2), torch.eye(2))},
    {"regularizer": "kl"},
    {"regularizer": None},
    {"update": "alternating"},
    {"scale": "quantile"},
    {"scale": "minmax", "reconstruction": "bernoulli"},
    {"scale": None},
    {"n_examples": 0},
    {"encoder": nn.Linear(3, 2), "decoder": nn.Linear(2, 3)},
    {"encoder": nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Tanh())},
    {"device": torch.device("cpu")},
    {"random_state": np.random.RandomState(3)},
    {"hidden_layer_sizes": 4, "critic_hidden_layer_sizes": 3},
    {"hidden_layer_sizes": 4, "critic_hidden_layer_sizes": 900, "regularizer": None},
    {"hidden_layer_sizes": [4, 4], "validation_fraction": np.float32(0.25)},
]


def holds_torch(options):
    """Whether an option is an object of torch, which skops does not know."""
    return any(type(v).__module__.startswith("torch") for v in options.values())


@pytest.mark.parametrize("options", OPTIONS, ids=", ".join)
def test_every_option(options, make, tmp_path, assert_same):
    model = make("AAETransformer", **options)
    for way, there_and_back in WAYS.items():
        if not (way == "skops" and holds_torch(options)):
            assert_same(model, there_and_back(model, tmp_path / way), "array")


OF_KINDS = [
    ("AAEClusterer", {"class_heads": False}),
    ("AAEClusterer", {"n_subclusters": 3, "merge_by": "cut"}),
    ("AAEClusterer", {"smoothness_strength": 1.0, "smoothness_radius": 0.5}),
    ("SemiSupervisedAAEClassifier", {"class_heads": True, "dropout": 0.3}),
    ("SemiSupervisedAAEClassifier", {"class_weight": "balanced"}),
    ("SemiSupervisedAAEClassifier", {"agreement_strength": 0, "teacher_strength": 0}),
    ("ConditionalAAETransformer", {"prior": "swiss_roll"}),
    ("AAEOutlierDetector", {"n_components": (1, 2), "trim": 0.1}),
    ("AAEOutlierDetector", {"localize_by": "replacement", "contamination": 0.2}),
    ("GANSampler", {"adversarial_loss": "wasserstein", "gradient_penalty": 10.0}),
    ("GANSampler", {"generator": nn.Linear(2, 3)}),
    *[
        (kind, {"image_shape": (8, 8), "hidden_channels": (2,)})
        for kind in [*KINDS, "GANSampler"]
    ],
]


@pytest.mark.filterwarnings("ignore:Only . of n_clusters")
@pytest.mark.parametrize(("kind", "options"), OF_KINDS, ids=str)
def test_every_option_of_a_kind(kind, options, make, tmp_path, assert_same):
    table = "grey" if "image_shape" in options else "array"
    model = make(kind, table, **options)
    for way, there_and_back in WAYS.items():
        if not (way == "skops" and holds_torch(options)):
            assert_same(model, there_and_back(model, tmp_path / way), table)


def test_parameters_keep_their_types(there_and_back):
    params = {"random_state": np.random.RandomState(7), "tol": np.float32(0.1)}
    loaded = there_and_back(AAETransformer(**params, hidden_layer_sizes=[3]))
    assert not hasattr(loaded, "net_")
    assert loaded.hidden_layer_sizes == [3]
    assert loaded.tol == np.float32(0.1)
    assert isinstance(loaded.tol, np.float32)
    drawn = loaded.random_state.normal(), np.random.RandomState(7).normal()
    assert drawn[0] == drawn[1]


CATEGORIES = [
    [datetime.date(2026, 1, 1), datetime.date(2026, 1, 2)],
    [decimal.Decimal("1.10"), decimal.Decimal("2")],
    [b"\x00", b"\xff"],
    [True, False],
    [2**70, 1],
    ["ä", "\x01\n"],
    [datetime.timedelta(days=-1), datetime.timedelta(seconds=1)],
    [pd.Timestamp("2026-01-01", tz="Europe/Vienna"), pd.Timestamp(0, tz="UTC")],
    [pd.Period("2026-01"), pd.Period("2026-02")],
]


@pytest.mark.parametrize("values", CATEGORIES, ids=lambda v: type(v[0]).__name__)
def test_every_kind_of_category(values, there_and_back):
    column = pd.Series([values[0], values[1]] * 6, dtype=object)
    frame = pd.DataFrame({"x": np.arange(12.0), "c": column})
    model = AAETransformer(
        1,
        hidden_layer_sizes=(4,),
        max_iter=1,
        random_state=0,
        categorical_features=["c"],
    )
    model.fit(frame)
    found = there_and_back(model).reconstruct(frame)
    assert found.equals(model.reconstruct(frame))
    assert type(found["c"][0]) is type(model.reconstruct(frame)["c"][0])


def test_attributes_that_are_one_object_stay_one(make, there_and_back):
    model = make("AAETransformer", "pandas")
    loaded = there_and_back(model)
    assert loaded.columns_ is loaded._data.columns
    assert model.columns_ is model._data.columns


@pytest.mark.parametrize("order", "CF")
def test_the_order_of_rows_and_columns_stays(order, make, there_and_back):
    model = make("AAETransformer")
    model.extra_ = np.array([[1, 2, 3], [4, 5, 6]], order=order)
    model.big_ = np.array([1, 2], dtype=">i4")
    loaded = there_and_back(model)
    assert np.array_equal(loaded.extra_, model.extra_)
    assert loaded.extra_.flags[f"{order}_CONTIGUOUS"]
    assert loaded.big_.tolist() == [1, 2]


# --- what is the caller's own ---------------------------------------------------------


class Narrow(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x):
        return torch.tanh(self.linear(x))


class Renamed(AAETransformer):
    """A subclass."""


def draw(n_samples, random_state):
    return random_state.uniform(-1, 1, size=(n_samples, 2))


def test_own_modules_are_loaded_if_they_are_trusted(make, there_and_back, assert_same):
    model = make("AAETransformer", encoder=Narrow(), prior=draw)
    with pytest.raises(RefusedFileError, match=r"Narrow.*pass it in trusted"):
        there_and_back(model, trusted=[draw])
    assert_same(model, there_and_back(model, trusted=[Narrow, draw]), "array")


def test_own_subclasses_and_callbacks(make, there_and_back, assert_same):
    callbacks = [skorch.callbacks.GradientNormClipping(1.0)]
    base = make("AAETransformer", callbacks=callbacks)
    model = Renamed(**base.get_params()).fit(np.eye(5, 3))
    own = [Renamed, skorch.callbacks.GradientNormClipping]
    with pytest.raises(RefusedFileError, match="Renamed"):
        there_and_back(model, trusted=own[1:])
    loaded = there_and_back(model, trusted=own)
    assert type(loaded) is Renamed
    assert_same(model, loaded, np.eye(5, 3))


def test_callbacks_that_hold_an_optimiser_are_let_go(make, there_and_back, assert_same):
    schedule = skorch.callbacks.LRScheduler(policy="StepLR", step_size=1)
    options = {"callbacks": [schedule], "learning_rate_schedule": "constant"}
    model = make("AAETransformer", **options)
    with pytest.raises(TypeError, match=r"callbacks.0.lr_scheduler_"):
        there_and_back(model)
    model.set_params(callbacks=None)
    assert_same(model, there_and_back(model), "array")


def test_a_class_of_a_script_is_found_by_its_short_name(make, there_and_back):
    kind = type("Narrow", (Narrow,), {"__module__": "__main__"})
    model = make("AAETransformer", encoder=kind())
    assert type(there_and_back(model, trusted=[Narrow]).encoder) is Narrow


@pytest.mark.parametrize("wrong", ["name", 3, [Narrow]], ids=repr)
def test_trusted_must_be_classes(wrong, make, there_and_back):
    with pytest.raises(ValueError, match="trusted must hold classes and functions"):
        there_and_back(make("AAETransformer"), trusted=[wrong])


UNSAVEABLE = [
    ({"prior": lambda n, r: r.normal(size=(n, 2))}, "prior is <function"),
    ({"callbacks": [np.random.default_rng(0)]}, "callbacks.0 is Generator"),
    ({"extra": np.zeros(2, "c16")}, "extra has dtype complex128"),
    ({"extra": np.zeros(2, "f2").view(np.recarray)}, "numpy.asarray"),
    ({"extra": torch.zeros(2, dtype=torch.bfloat16)}, "bfloat16"),
    ({"extra": torch.zeros(2).to_sparse()}, "extra is of type Tensor"),
    ({"extra": np.random.RandomState(np.random.PCG64(0))}, "RandomState of PCG64"),
]


@pytest.mark.parametrize(("attribute", "message"), UNSAVEABLE)
def test_what_cannot_be_saved_is_named(attribute, message, tmp_path):
    model = AAETransformer()
    vars(model).update(attribute)
    with pytest.raises(TypeError, match=message):
        save(model, tmp_path / "model.aae")
    assert not list(tmp_path.iterdir())


def test_what_holds_itself_cannot_be_saved(tmp_path):
    model = AAETransformer()
    model.again_ = nn.Module()
    model.again_.me = [model.again_]
    with pytest.raises(TypeError, match=r"again_.me.0 holds itself"):
        save(model, tmp_path / "model.aae")


def test_only_estimators_are_saved(tmp_path):
    with pytest.raises(TypeError, match="save takes estimators, and got dict"):
        save({}, tmp_path / "model.aae")
