"""Fitted state: plain, whole, and free of the device it was made on."""

import copy
import pickle
import pickletools

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris
from torch import nn

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.estimators import _base, _nets, _stored
from sklearn_aae.utils import _device

X, Y = load_iris(return_X_y=True)


def fit(**parameters):
    return AAETransformer(max_iter=3, random_state=0, **parameters).fit(X, Y)


def assert_same_answers(a, b):
    assert np.array_equal(a.transform(X), b.transform(X))
    assert np.array_equal(a.reconstruct(X), b.reconstruct(X))
    assert np.array_equal(a.score_samples(X), b.score_samples(X))
    assert np.array_equal(a.sample(5, random_state=1), b.sample(5, random_state=1))
    assert (a.history_, a.loss_, a.n_iter_) == (b.history_, b.loss_, b.n_iter_)


OPTIONS = [
    {},
    {"batch_size": 32},
    {"posterior": "gaussian"},
    {"posterior": "universal"},
    {"prior": "gaussian_mixture"},
    {"prior": "categorical", "n_components": 3},
    {"regularizer": "kl"},
    {"regularizer": None},
    {"update": "alternating"},
    {"scale": "quantile"},
    {"scale": "minmax", "reconstruction": "bernoulli"},
    {"normalization": None},
    {"encoder": nn.Linear(4, 2), "decoder": nn.Linear(2, 4)},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize(
    "how", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_copies_answer_alike(options, how):
    model = fit(**options)
    assert_same_answers(model, how(model))


def test_joblib_memory_map(tmp_path):
    model = fit()
    joblib.dump(model, tmp_path / "model.joblib")
    assert_same_answers(model, joblib.load(tmp_path / "model.joblib", mmap_mode="r"))


def test_pickle_holds_no_torch_object_and_no_row():
    options = {"hidden_layer_sizes": (8,), "max_iter": 3, "n_examples": 0}
    model = AAETransformer(**options).fit(X)
    blob = pickle.dumps(model)
    modules = {
        argument.split()[0]
        for opcode, argument, _ in pickletools.genops(pickle.dumps(model, protocol=2))
        if opcode.name == "GLOBAL"
    }
    assert not [name for name in modules if name.startswith(("torch", "skorch"))]
    wide = pickle.dumps(AAETransformer(**options).fit(np.tile(X, (50, 1))))
    assert abs(len(wide) - len(blob)) < 0.05 * len(blob)


def test_parameters_set_after_fit_do_not_reach_the_copy():
    model = fit()
    model.set_params(hidden_layer_sizes=(3,), n_components=7, device="cuda:9")
    assert_same_answers(model, pickle.loads(pickle.dumps(model)))


def test_training_on_continues_after_a_copy():
    model = fit(warm_start=True)
    twin = pickle.loads(pickle.dumps(model))
    assert twin.fit(X).n_iter_ == model.fit(X).n_iter_ == 6
    assert np.isfinite(twin.transform(X)).all()


GOES_ON = [AAETransformer, AAEClusterer, SemiSupervisedAAEClassifier, GANSampler]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("kind", GOES_ON, ids=lambda kind: kind.__name__)
def test_training_on_after_a_copy_is_the_same(kind, method):
    small = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
    model = getattr(kind(2, warm_start=True, **small), method)(X, Y)
    twin = pickle.loads(pickle.dumps(model))
    for one in (model, twin):
        getattr(one, method)(X, Y)
    states = [one._get_state()["nets"][0] for one in (model, twin)]
    for name, weights in states[0]["weights"].items():
        assert np.array_equal(weights, states[1]["weights"][name]), name


HOLES = np.where(np.arange(X.size).reshape(X.shape) % 11 == 0, np.nan, X)
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 6, "random_state": 0}
CHANGED = [  # a model, its rows, and what is set after the first fit
    (AAETransformer(2, regularizer=None, **SMALL), HOLES, {}),
    (AAEOutlierDetector(2, n_init=2, regularizer=None, **SMALL), HOLES, {}),
    (AAEClusterer(3, **SMALL), X, {"balance_strength": 1.0}),
    (AAEClusterer(3, **SMALL), X, {"partition_strength": 0.0}),
    (SemiSupervisedAAEClassifier(2, **SMALL), X, {"agreement_strength": 0.0}),
    (SemiSupervisedAAEClassifier(2, **SMALL), X, {"smoothness_strength": 0.0}),
]


@pytest.mark.parametrize(("model", "rows", "later"), CHANGED)
def test_copies_go_on_with_the_same_bits_whatever_losses_came_and_went(
    model, rows, later
):
    model = clone(model).set_params(warm_start=True).fit(rows, Y)
    if later:
        model.set_params(**later).fit(rows, Y)
    twin = pickle.loads(pickle.dumps(copy.deepcopy(model)))  # a copy of a copy
    model.to("cpu")
    assert np.array_equal(model.reconstruct(rows), twin.reconstruct(rows))
    for one in (model, twin):
        one.fit(rows, Y)
    assert np.array_equal(model.reconstruct(rows), twin.reconstruct(rows))


@pytest.mark.parametrize(
    "options",
    [{"scale": "minmax"}, {"image_shape": (3, 3)}, {"hidden_channels": (2, 2)}],
)
def test_parameters_set_after_a_fit_of_pictures_do_not_reach_the_copy(options):
    pictures = np.random.RandomState(0).rand(40, 64)
    small = {"max_iter": 2, "hidden_channels": (4,), "random_state": 0}
    model = AAETransformer(2, image_shape=(8, 8), **small).fit(pictures)
    codes = model.transform(pictures)
    twin = pickle.loads(pickle.dumps(model.set_params(**options)))
    assert twin.hidden_channels_ == (4,)
    twin.set_params(scale=None, image_shape=(8, 8), hidden_channels=(4,))
    assert np.array_equal(twin.transform(pictures), codes)


def test_optimisers_remember_nothing_of_another_shape():
    model = fit(warm_start=True)
    state = model.__getstate__()
    (net,) = state["_state"]["nets"]
    moments = net["optimizers"][0]["moments"]
    place = next(i for i, a in enumerate(moments) if a.ndim)
    moments[place] = moments[place].reshape(-1)[:1]
    broken = object.__new__(AAETransformer)
    with pytest.raises(ValueError, match="An optimiser remembers an array of shape"):
        broken.__setstate__(state)


@pytest.mark.parametrize("fits", [True, False])
def test_memory_that_says_no_more_than_names_counts_where_it_fits(fits):
    # With holes and no regularizer, the last stage moves less under the same names.
    options = SMALL | ({} if fits else {"regularizer": None}) | {"warm_start": True}
    rows = X if fits else HOLES
    model = AAETransformer(2, **options).fit(rows)

    def later_codes(change):
        state = model.__getstate__()
        (net,) = state["_state"]["nets"]
        change(net)
        twin = object.__new__(AAETransformer)
        twin.__setstate__(state)
        assert np.array_equal(twin.transform(rows), model.transform(rows))
        return twin.fit(rows).transform(rows)

    def only_names(net):
        net["losses"] = [name for name, *_ in net["losses"]]

    def nothing(net):
        del net["losses"], net["optimizers"]

    old, forgetful = later_codes(only_names), later_codes(nothing)
    assert np.array_equal(old, forgetful) != fits
    if fits:
        assert np.array_equal(old, later_codes(lambda net: None))


class Wider(AAETransformer):
    """Sets a size in fit, which its parameters do not say."""

    def __init__(self, width=3):
        super().__init__(max_iter=2)
        self.width = width

    def fit(self, X, y=None):
        self.hidden_layer_sizes = (self.width * 5,)
        return super().fit(X, y)


def test_fitted_sizes_are_those_of_the_networks():
    model = Wider().fit(X)
    assert model.hidden_layer_sizes_ == (15,)
    assert model.encoder_.body.blocks[0].linear.out_features == 15
    codes = model.transform(X)
    twins = {"pickle": pickle.loads(pickle.dumps(model)), "copy": copy.deepcopy(model)}
    for twin in (*twins.values(), model.to("cpu")):
        assert twin.hidden_layer_sizes_ == (15,)
        np.testing.assert_array_equal(twin.transform(X), codes)
    assert "hidden_layer_sizes" not in clone(model).get_params()


def test_copies_of_finished_models_stay_small():
    sizes = [len(pickle.dumps(fit(warm_start=warm))) for warm in (False, True)]
    assert sizes[1] > 1.5 * sizes[0]


@pytest.fixture
def machine_with_gpu(monkeypatch):
    """Pretend that "meta-gpu" is a device: it trains on the CPU, under another name."""

    def switch(there):
        def resolve(device):
            if device == "cuda:0" and not there:
                raise ValueError("The device 'cuda:0' is not available")
            return _device.Device(torch.device("cpu"))

        for part in ("_base", "_nets", "_stored"):
            name = f"sklearn_aae.estimators.{part}.resolve_device"
            monkeypatch.setattr(name, resolve)

    return switch


def test_model_of_a_gpu_answers_without_one(machine_with_gpu):
    machine_with_gpu(True)
    model = fit(device="cuda:0")
    codes, blob = model.transform(X), pickle.dumps(model)
    machine_with_gpu(False)
    twin = pickle.loads(blob)
    assert np.array_equal(twin.transform(X), codes)
    assert twin.device == "cuda:0"
    with pytest.raises(ValueError, match="not available"):
        clone(twin).fit(X)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_model_trained_on_cuda_answers_on_the_cpu(monkeypatch):
    model = fit(device="cuda")
    assert next(model.encoder_.parameters()).is_cuda
    blob = pickle.dumps(model)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    twin = pickle.loads(blob)
    assert not next(twin.encoder_.parameters()).is_cuda
    np.testing.assert_allclose(twin.transform(X), model.transform(X), atol=1e-4)


def test_state_is_plain():
    state = fit()._get_state()

    def plain(value):
        if isinstance(value, dict):
            return all(isinstance(k, str) and plain(v) for k, v in value.items())
        if isinstance(value, list):
            return all(map(plain, value))
        return isinstance(value, (str, int, float, np.ndarray))

    assert plain(state)


# --- another device -------------------------------------------------------------------


@pytest.fixture
def elsewhere(monkeypatch):
    """Let this machine have a device "xpu", on which torch works as on the CPU."""
    resolve = _base.resolve_device

    def resolved(device):
        there = torch.device(device) if device != "auto" else None
        if there is None or there.type != "xpu":
            return resolve(device)
        seen.append(str(device))
        return resolve("cpu")

    seen = []
    for module in (_base, _nets, _stored):
        monkeypatch.setattr(module, "resolve_device", resolved)
    return seen


@pytest.mark.parametrize("kind", [AAETransformer, AAEOutlierDetector, GANSampler])
def test_a_model_moves_to_a_device(kind, elsewhere):
    params = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
    model, stays = kind(**params).fit(X), kind(**params).fit(X)
    assert model.to("xpu") is model
    assert elsewhere.count("xpu") >= 2  # asked for, and built there
    assert model.get_params()["device"] == "xpu"
    assert np.array_equal(model.score_samples(X), stays.score_samples(X))
    for part in (model, stays):  # what the optimisers remember has moved, too
        part.partial_fit(X)
    assert np.array_equal(model.score_samples(X), stays.score_samples(X))


def test_a_model_stays_where_it_cannot_move():
    model = fit()
    codes = model.transform(X)
    with pytest.raises(ValueError, match="not available on this machine"):
        model.to("xpu:9")
    with pytest.raises(ValueError, match="must be 'auto' or a torch device"):
        model.to("warp")
    assert model.device == "auto"
    assert np.array_equal(model.transform(X), codes)
    assert AAETransformer().to(torch.device("cpu")).device == torch.device("cpu")


def test_a_move_that_fails_changes_nothing(monkeypatch):
    def full(*args):
        raise torch.OutOfMemoryError("CUDA out of memory")

    model = fit()
    codes = model.transform(X)
    monkeypatch.setattr(_stored, "load_net", full)
    with pytest.raises(torch.OutOfMemoryError):
        model.to("cpu")
    assert np.array_equal(model.transform(X), codes)
