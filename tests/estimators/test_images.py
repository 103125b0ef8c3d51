"""Pictures go in and come back as pictures; what is none says what to do."""

import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import parallel_config
from scipy.sparse import csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler
from sklearn.utils import get_tags
from torch import nn

import sklearn_aae
from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.nn import Conv, ConvTranspose
from sklearn_aae.persistence import RefusedFileError, load, save

N = 60
FLAT, Y = load_digits(return_X_y=True)
FLAT, Y = FLAT[:N] / 16, Y[:N] % 3
GREY = FLAT.reshape(N, 8, 8)
EIGHT_BIT = (255 * GREY).round().astype(np.uint8)
COLOUR = np.random.RandomState(0).uniform(size=(N, 9, 11, 3))
SMALL = {
    "hidden_channels": (3, 4),
    "hidden_layer_sizes": (4,),
    "critic_hidden_layer_sizes": (4,),
    "max_iter": 2,
    "random_state": 0,
}
ESTIMATORS = {
    AAETransformer: {},
    AAEClusterer: {"n_init": 2, "n_clusters": 3},
    SemiSupervisedAAEClassifier: {},
    ConditionalAAETransformer: {},
    AAEOutlierDetector: {"n_init": 2},
    GANSampler: {},
}


def make(kind=AAETransformer, image_shape=(8, 8), **options):
    return kind(image_shape=image_shape, **SMALL, **ESTIMATORS[kind], **options)


def pictures_of(model, X):
    """Return all pictures that a model makes, by the method."""
    found = {"sample": model.sample(5, random_state=0)}
    if hasattr(model, "reconstruct"):
        found["reconstruct"] = model.reconstruct(X[:5])
    if hasattr(model, "inverse_transform"):
        found["inverse_transform"] = model.inverse_transform(model.transform(X[:5]))
        found["interpolate"] = model.interpolate(X[:1], X[1:2], n_steps=5)
        found["traverse"] = model.traverse(X[:1], n_steps=5)
    if hasattr(model, "transfer"):
        found["transfer"] = model.transfer(X[:5], 1)
    if hasattr(model, "localize"):
        found["localize"] = model.localize(X[:5])
    return found


SHAPES = {
    "grey": (GREY, (8, 8)),
    "one channel": (GREY[..., None], (8, 8, 1)),
    "colour": (COLOUR, (9, 11, 3)),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_pictures_come_back_as_pictures(kind, shape):
    X, image_shape = SHAPES[shape]
    model = make(kind, image_shape).fit(X, Y)
    for name, found in pictures_of(model, X).items():
        assert found.shape == (5, *image_shape), name
        assert np.isfinite(found).all(), name
    assert model.hidden_channels_ == (3, 4)
    kinds = {type(m) for m in model.net_.module_.modules()}
    assert Conv in kinds
    assert ConvTranspose in kinds


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_flat_rows_are_the_same_pictures(kind):
    flat, pictures = (make(kind).fit(X, Y) for X in (FLAT, GREY))
    assert flat.loss_ == pictures.loss_
    of_flat, of_pictures = pictures_of(flat, FLAT), pictures_of(pictures, GREY)
    for name, found in of_flat.items():
        assert found.shape == (5, 64), name
        assert np.array_equal(found, of_pictures[name].reshape(5, 64)), name
    # What is asked about says how it comes back.
    if hasattr(flat, "reconstruct"):
        assert flat.reconstruct(GREY).shape == GREY.shape
        assert pictures.reconstruct(FLAT).shape == FLAT.shape


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_eight_bit_pictures_come_back_in_eight_bits(kind):
    coarse, fine = make(kind).fit(EIGHT_BIT, Y), make(kind).fit(EIGHT_BIT / 255, Y)
    of_coarse = pictures_of(coarse, EIGHT_BIT)
    for name, found in pictures_of(fine, EIGHT_BIT / 255).items():
        if name == "localize":
            np.testing.assert_allclose(of_coarse[name], found, rtol=1e-6)
            continue
        assert of_coarse[name].dtype == np.uint8, name
        assert np.abs(of_coarse[name] - 255 * found).max() <= 0.501, name
    if hasattr(fine, "transform"):
        codes = coarse.transform(EIGHT_BIT), fine.transform(EIGHT_BIT / 255)
        np.testing.assert_allclose(*codes, rtol=1e-6, atol=1e-6)


TABLES = {
    "list": GREY.tolist(),
    "tensor": torch.from_numpy(GREY),
    "float32": GREY.astype(np.float32),
    "fortran": np.asfortranarray(GREY),
    "sparse": csr_matrix(FLAT),
    "pandas": pd.DataFrame(FLAT),
    "bool": GREY > 0.5,
    "pandas uint8": pd.DataFrame(EIGHT_BIT.reshape(N, 64)),
}


@pytest.mark.parametrize("table", TABLES)
def test_pictures_of_many_kinds(table):
    X = TABLES[table]
    model = make().fit(X)
    codes = model.transform(X)
    if table not in ("float32", "bool"):
        expected = EIGHT_BIT if "uint8" in table else FLAT
        expected = make().fit(expected).transform(expected)
        np.testing.assert_allclose(codes, expected, rtol=1e-7, atol=1e-7)
    back = model.inverse_transform(codes)
    assert (
        back.shape == (N, 64)
        if table in ("sparse", "pandas", "pandas uint8")
        else ((N, 8, 8))
    )


def test_pictures_in_a_pipeline_behind_flat_transformers():
    pipe = make_pipeline(MinMaxScaler(), make())
    codes = pipe.fit_transform(FLAT * 16)
    assert codes.shape == (N, 2)
    assert pipe.inverse_transform(codes).shape == (N, 64)
    pipe.set_output(transform="pandas")
    named = pipe.transform(FLAT * 16)
    assert list(named.columns) == ["aaetransformer0", "aaetransformer1"]
    back = make_pipeline(FunctionTransformer(lambda X: X.reshape(-1, 8, 8)), make())
    assert back.fit_transform(FLAT).shape == (N, 2)


# --- what is no picture ---------------------------------------------------------------

NANS = np.where(GREY > 0.9, np.nan, GREY)
INFINITE = np.where(GREY > 0.9, np.inf, GREY)
BAD_X = [
    (FLAT[:, :63], (8, 8), r"X has 63 columns, and image_shape=\(8, 8\) needs 64"),
    (FLAT, (8, 9), "needs 72"),
    (GREY, (9, 8), "Resize the pictures"),
    (GREY[0], (8, 8), r"one picture: pass X\[None\]"),
    (COLOUR[0], (9, 11, 3), r"one picture: pass X\[None\]"),
    (COLOUR.transpose(0, 3, 1, 2), (9, 11, 3), r"X.transpose\(0, 2, 3, 1\)"),
    (COLOUR.transpose(0, 2, 1, 3), (9, 11, 3), "height comes first"),
    (COLOUR[..., 0], (9, 11), None),
    (COLOUR[..., 0], (11, 9), "height comes first"),
    (COLOUR, (9, 11), r"set image_shape=\(9, 11, 3\)"),
    (COLOUR[..., 0], (9, 11, 3), "It has no channels, and 3 are expected"),
    (COLOUR[..., :2], (9, 11, 3), r"2 channels: set image_shape=\(9, 11, 2\)"),
    (COLOUR[..., :2], (9, 11, 1), r"pass X\[..., :1\], or set image_shape="),
    (GREY, (N, 8, 8), r"X\[None\], or, if it is 60 pictures, image_shape=\(8, 8\)"),
    (GREY, (8, 8, 1), r"Pass X\[..., None\]"),
    (GREY[..., None], (8, 8), r"Pass X\[..., 0\]"),
    (GREY[None, ..., None], (8, 8, 1), "set image_shape to theirs"),
    (FLAT * 16, (8, 8), r"uint8 or numbers in \[0, 1\].* Pass X / 16"),
    (GREY * 255, (8, 8), "Pass X / 255"),
    (EIGHT_BIT.astype(int), (8, 8), r"Pass X.astype\('uint8'\)"),
    (EIGHT_BIT.astype(np.uint16) * 256, (8, 8), "Pass X / 65280"),
    (GREY - 0.5, (8, 8), "leave out what centres them"),
    (2 * GREY - 1, (8, 8), r"span \[-1, 1\]"),
    (NANS, (8, 8), "no missing pixels"),
    (pd.DataFrame(NANS.reshape(N, 64)), (8, 8), "no missing pixels"),
    (INFINITE, (8, 8), "span"),
    (GREY.astype(complex), (8, 8), "omplex"),
    (GREY.astype(str), (8, 8), "text"),
    (np.zeros((N, 8, 8)), (8, 8), "constant"),
    (GREY[:0], (8, 8), "0 sample"),
    (GREY[:1], (8, 8), "1 sample"),
    (FLAT[0], (8, 8), "1D array"),
]
BAD_SHAPES = [
    8,
    (64,),
    (8, 8, 1, 1),
    (8, 0),
    (8, -8),
    (8, 8.5),
    (8, True),
    (4, 16),
    (3, 32, 32),
    (1, 28, 28),
    "88",
    (),
]


@pytest.mark.parametrize(("X", "image_shape", "message"), BAD_X)
def test_bad_pictures_say_what_to_do(X, image_shape, message):
    if message is None:
        make(image_shape=image_shape).fit(X)
        return
    model = make(image_shape=image_shape)
    with pytest.raises(ValueError, match=message):
        model.fit(X)
    with pytest.raises(NotFittedError):
        model.transform(X)


@pytest.mark.parametrize("image_shape", BAD_SHAPES, ids=str)
def test_bad_shapes_say_what_to_do(image_shape):
    with pytest.raises(ValueError, match="image_shape"):
        make(image_shape=image_shape).fit(FLAT)


PALE = [
    (
        0.4 + 0.1 * GREY,
        r"such pale pictures are told apart badly.*\(X - 0.4\) / 0.0",
    ),
    (GREY > 0.5, None),
    ((GREY > 0.5).astype(np.uint8), r"use \[0, 1\] of \[0, 255\].*astype\('uint8'\)"),
]


@pytest.mark.parametrize(("X", "message"), PALE)
def test_pale_pictures_are_told(X, message):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        make(AAEOutlierDetector).fit(X)
    said = [w for w in caught if "pale" in str(w.message)]
    assert len(said) == (message is not None)
    if said:
        assert re.search(message, str(said[0].message))
        assert said[0].filename == __file__


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_stretched_as_advised_pictures_are_not_pale_and_defects_stay_beyond(dtype):
    low, high = (100, 119) if dtype == np.uint8 else (0.4137, 0.5291)
    pale = (low + (high - low) * GREY).astype(dtype)
    with pytest.warns(UserWarning, match="pale") as caught:
        make(AAEOutlierDetector).fit(pale)
    advice = re.search(r"alike: (.*)\.$", str(caught[0].message))[1]

    def stretched(X):
        return eval(advice, {"X": X})

    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model = make(AAEOutlierDetector).fit(stretched(pale))
    dark = np.zeros_like(pale[:1])
    light = np.full_like(dark, 255 if dtype == np.uint8 else 1)
    assert (stretched(dark) == 0).all()
    assert (stretched(light) == stretched(pale).max()).all()
    model.score_samples(stretched(light))


@pytest.mark.parametrize(
    "kind",
    [
        lambda X: csr_matrix(X.reshape(len(X), -1)),
        lambda X: X.tolist(),
        torch.from_numpy,
        lambda X: torch.from_numpy((255 * X).round().astype(np.uint8)),
        lambda X: pd.DataFrame(X.reshape(len(X), -1)),
    ],
)
def test_advice_on_pale_pictures_is_for_what_was_passed(kind):
    pale = kind(0.1 * GREY)
    with pytest.warns(UserWarning, match="pale") as caught:
        make(AAEOutlierDetector).fit(pale)
    advice = re.search(r"alike: (.*)\.$", str(caught[0].message))[1]
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        make(AAEOutlierDetector).fit(eval(advice, {"X": pale, "np": np}))


def test_noise_of_pictures_is_in_ranges_of_their_pixels():
    with pytest.raises(
        ValueError, match="is the standard deviation of noise on pixels"
    ):
        make(input_noise=25).fit(EIGHT_BIT)
    make(input_noise=3.0).fit(EIGHT_BIT)
    AAETransformer(2, input_noise=25.0, max_iter=1).fit(FLAT)  # standard deviations


@pytest.mark.parametrize(("size", "dtype"), [(16, torch.float64), (17, torch.float32)])
def test_one_batch_of_small_pictures_is_trained_in_float64(size, dtype):
    X = np.random.RandomState(0).uniform(size=(N, size, size))
    net = make(image_shape=(size, size)).fit(X).net_
    assert {p.dtype for p in net.module_.parameters()} == {dtype}


def test_channels_first_are_told_apart():
    message = r"channels first. They come last: image_shape=\(32, 32, 3\)"
    with pytest.raises(ValueError, match=message):
        make(image_shape=(3, 32, 32)).fit(FLAT)


BAD_NEW = [
    (EIGHT_BIT, GREY, "were uint8, from 0 to 255"),
    (GREY, EIGHT_BIT, "Pass X / 255"),
    (EIGHT_BIT, 2 * GREY - 1, r"in \[-1, 1\].*127.5 \* \(X \+ 1\)"),
    (EIGHT_BIT, GREY * 65535, r"span \[0, 65535\].*were uint8"),
    (GREY, GREY * 255, r"span \[0, 255\].*such as X / 255"),
    (GREY, GREY * 16, "such as X / 16"),
    (GREY, GREY * 99 - 50, r"\(X - X.min\(\)\)"),
    (GREY, INFINITE, "infinity"),
    (GREY, NANS, "no missing pixels"),
    (GREY, pd.DataFrame(NANS.reshape(N, 64)).astype("Float64"), "no missing pixels"),
    (EIGHT_BIT, 255 * NANS, "no missing pixels"),
    (GREY, GREY[:, :7], "needs"),
    (GREY, FLAT[:, :63], "64 features"),
    (GREY, GREY[..., None], r"Pass X\[..., 0\]"),
    (GREY, GREY[0], r"X\[None\]"),
]


@pytest.mark.parametrize("kind", [AAETransformer, AAEOutlierDetector])
@pytest.mark.parametrize(("X", "new", "message"), BAD_NEW)
def test_new_pictures_must_be_like_the_training_pictures(X, new, message, kind):
    model = make(kind).fit(X)
    for method in ("reconstruct", "score_samples"):
        with pytest.raises(ValueError, match=message):
            getattr(model, method)(new)


BAD_MORE = [
    (GREY, GREY * 8, "Pass X / 8"),
    (GREY, -9 * GREY, r"span \[-9, 0\]"),
    (GREY, NANS, "no missing pixels"),
    (GREY, EIGHT_BIT, "Pass X / 255"),
    (GREY, GREY[:, :7], "needs"),
    (EIGHT_BIT, GREY, "were uint8, from 0 to 255"),
    (EIGHT_BIT, 255.0 * GREY, "and those of the training pictures were uint8"),
]
WAYS_ON = {
    "partial_fit": lambda X, more: make().partial_fit(X).partial_fit(more),
    "warm_start": lambda X, more: make(warm_start=True).fit(X).fit(more),
    "X_val": lambda X, more: make().fit(X, X_val=more),
}


@pytest.mark.parametrize("way", WAYS_ON)
@pytest.mark.parametrize(("X", "more", "message"), BAD_MORE)
def test_a_training_goes_on_with_pictures_like_the_first(X, more, message, way):
    WAYS_ON[way](X, X[:9])
    with pytest.raises(ValueError, match=message) as caught:
        WAYS_ON[way](X, more)
    assert str(caught.value).startswith("X_val: ") == (way == "X_val")


def test_missing_pixels_are_none_of_what_scikit_learn_may_expect():
    for kind in ESTIMATORS:
        assert not get_tags(make(kind)).input_tags.allow_nan
    assert get_tags(AAETransformer()).input_tags.allow_nan


def test_noisy_pictures_beyond_the_range_are_pictures():
    model, rng = make().fit(GREY), np.random.RandomState(0)
    noisy = GREY + rng.normal(scale=0.5, size=GREY.shape)
    clean = model.reconstruct(noisy)
    assert clean.min() >= 0
    assert clean.max() <= 1
    coarse = make().fit(EIGHT_BIT)
    assert coarse.reconstruct(255 * noisy).dtype == np.uint8


OF_NO_USE = [
    {"scale": "quantile"},
    {"scale": "minmax"},
    {"categorical_features": [0]},
    {"count_features": [0]},
    {"hidden_channels": ()},
    {"hidden_channels": (4, 0)},
    {"hidden_channels": (4, 4.5)},
    {"hidden_channels": (4, 4, 4, 4)},
]


@pytest.mark.parametrize("options", OF_NO_USE, ids=str)
def test_parameters_of_no_use_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        make().set_params(**options).fit(GREY)


def test_what_is_of_pictures_alone_needs_their_shape():
    with pytest.raises(ValueError, match=r"noise_type='mask'.*needs image_shape"):
        AAETransformer(noise_type="mask", max_iter=1).fit(FLAT)
    with pytest.raises(ValueError, match="must be below 1"):
        make(noise_type="mask", input_noise=1.0).fit(GREY)
    with pytest.raises(ValueError, match="reconstruction='logistic' needs image_shape"):
        AAETransformer(reconstruction="logistic", max_iter=1).fit(FLAT)
    with pytest.raises(ValueError, match="Pictures need image_shape"):
        AAETransformer(max_iter=1).fit(GREY)


# --- what works with tables works with pictures ---------------------------------------


def same(model, other):
    X = GREY if model._data.images.eight_bit is False else EIGHT_BIT
    for name, found in pictures_of(model, X).items():
        assert np.array_equal(found, pictures_of(other, X)[name]), name


@pytest.mark.parametrize("X", [GREY, EIGHT_BIT], ids=["unit", "eight bit"])
@pytest.mark.parametrize("kind", ESTIMATORS)
def test_stored_models_answer_the_same(kind, X, tmp_path):
    model = make(kind).fit(X, Y)
    same(model, pickle.loads(pickle.dumps(model)))
    save(model, tmp_path / "model.aae")
    loaded = load(tmp_path / "model.aae")
    same(model, loaded)
    assert loaded.get_params() == model.get_params()


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_chunks(kind):
    model = make(kind).partial_fit(GREY[:40], Y[:40])
    before = model.sample(3, random_state=0)
    model.partial_fit(GREY[40:], Y[40:])
    assert model.sample(3, random_state=0).shape == (3, 8, 8)
    assert not np.array_equal(before, model.sample(3, random_state=0))


@pytest.mark.parametrize("top", [1, 255])
def test_pixels_that_vary_later_are_scaled_as_all_others(top):
    first, second = top * GREY[:30], top * GREY[30:]
    first[:, 0, 0], second[:, 0, 0] = 0, 0.5 * top * np.arange(30) / 30
    first, second = (X.astype(np.uint8 if top > 1 else float) for X in (first, second))
    model = make().partial_fit(first).partial_fit(second)
    rows = second.reshape(30, 64)
    assert model.preprocessor_.late_scalers_
    np.testing.assert_allclose(model.preprocessor_.transform(rows), rows / top)


def test_training_on():
    model = make(warm_start=True).fit(EIGHT_BIT)
    model.fit(EIGHT_BIT)
    assert model.n_iter_ == 4
    with pytest.raises(ValueError, match="hidden_channels"):
        model.set_params(hidden_channels=(4, 4)).fit(EIGHT_BIT)
    with pytest.raises(ValueError, match="image_shape"):
        model.set_params(hidden_channels=(3, 4), image_shape=(8, 8, 1)).fit(EIGHT_BIT)


def test_checkpoints(tmp_path):
    options = {"checkpoint": tmp_path, "checkpoint_interval": 0.0}
    model = make(**options).fit(GREY)
    again = make(**options).fit(GREY)
    assert again.history_ == model.history_  # even its times: it was taken over
    same(model, again)


@pytest.mark.parametrize("reconstruction", ["gaussian", "logistic"])
@pytest.mark.parametrize("recorded", [False, True])
def test_a_stacked_search_gives_the_results_of_fits_one_by_one(
    recorded, reconstruction
):
    # All rows in one batch: in float64 only rounding tells a stack from single fits.
    options = {"compile": recorded, "reconstruction": reconstruction}
    grid = {"learning_rate": [1e-3, 3e-3]}
    model = make(**options).set_params(max_iter=30 if recorded else 3)

    def search():
        return GridSearchCV(model, grid, cv=2, error_score="raise").fit(GREY)

    alone = search()
    with parallel_config(backend="stacked"):
        stacked = search()
    name = "mean_test_score"
    expected = alone.cv_results_[name]
    np.testing.assert_allclose(stacked.cv_results_[name], expected, rtol=1e-9)
    codes = stacked.transform(GREY), alone.transform(GREY)
    np.testing.assert_allclose(*codes, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("recorded", [False, True])
def test_detectors_of_a_stacked_search_are_those_of_fits_one_by_one(recorded):
    model = make(AAEOutlierDetector, compile=recorded, n_components=2)
    model.set_params(max_iter=30 if recorded else 3)
    grid = {"learning_rate": [1e-3, 3e-3]}
    alone = GridSearchCV(model, grid, cv=2, error_score="raise").fit(GREY)
    with parallel_config(backend="stacked"):
        stacked = GridSearchCV(model, grid, cv=2, error_score="raise").fit(GREY)
    name = "mean_test_score"
    expected = alone.cv_results_[name]
    np.testing.assert_allclose(stacked.cv_results_[name], expected, rtol=1e-9)
    found, expected = (s.best_estimator_.localize(GREY) for s in (stacked, alone))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "kind", [AAETransformer, AAEClusterer, GANSampler, AAEOutlierDetector]
)
def test_replayed_steps_are_the_steps(kind):
    options = {"max_iter": 80, "batch_size": 30}
    models = [
        make(kind).set_params(compile=compile, **options).fit(GREY, Y)
        for compile in (True, False)
    ]
    assert [m.net_.recorded_ for m in models] == [True, False]
    for name, found in pictures_of(models[0], GREY).items():
        theirs = pictures_of(models[1], GREY)[name]
        np.testing.assert_allclose(found, theirs, rtol=1e-3, atol=1e-4, err_msg=name)


def test_a_network_of_the_user_sees_flat_pixels():
    mine, back = nn.Linear(64, 2), nn.Linear(2, 64)
    model = make(encoder=mine, decoder=back).fit(EIGHT_BIT)
    assert model.reconstruct(EIGHT_BIT).shape == EIGHT_BIT.shape
    assert Conv not in {type(m) for m in model.net_.module_.modules()}


@pytest.mark.parametrize("posterior", ["gaussian", "universal"])
@pytest.mark.parametrize("normalization", ["layer", None])
def test_options_of_networks_are_those_of_pictures(posterior, normalization):
    options = {"posterior": posterior, "normalization": normalization, "dropout": 0.1}
    model = make(**options).fit(GREY)
    assert model.transform(GREY).shape == (N, 2)


@pytest.mark.parametrize("noise_type", ["gaussian", "mask", "salt_and_pepper"])
def test_noise_is_learned_away(noise_type):
    X, rng = load_digits().images / 16, np.random.RandomState(0)
    noise = {"input_noise": 0.3, "noise_type": noise_type}
    sizes = {"hidden_channels": "auto", "hidden_layer_sizes": (32,), "max_iter": 20}
    model = make(n_components=8, **noise).set_params(**sizes).fit(X[:1200])
    clean = X[1200:]
    if noise_type == "gaussian":
        noisy = clean + rng.normal(scale=0.3, size=clean.shape)
    elif noise_type == "mask":
        noisy = clean.copy()
        noisy[:, 2:6, 3:7] = 0.8
    else:
        noisy = np.where(rng.uniform(size=clean.shape) < 0.3, 1.0, clean)
    missed = ((model.reconstruct(noisy) - clean) ** 2).sum()
    assert missed < 0.6 * ((noisy - clean) ** 2).sum()


@pytest.mark.parametrize("options", [{}, {"linear_skip": False}], ids=str)
def test_pictures_are_learned(options):
    X = load_digits().images / 16
    sizes = {"hidden_channels": "auto", "hidden_layer_sizes": (32,), "max_iter": 20}
    model = make(n_components=8, **options).set_params(**sizes).fit(X[:1200])
    missed = ((model.reconstruct(X[1200:]) - X[1200:]) ** 2).sum()
    assert missed < 0.45 * ((X[:1200].mean(0) - X[1200:]) ** 2).sum()
    assert model.hidden_channels_ == (16, 32)


AUTO = {(8, 8): (16, 32), (16, 20): (16, 32), (28, 28): (16, 32, 64)}
AUTO |= {(32, 32, 3): (16, 32, 64), (64, 96, 3): (16, 32, 64, 128)}


@pytest.mark.parametrize("image_shape", AUTO)
def test_channels_follow_the_size(image_shape):
    X = np.random.RandomState(0).uniform(size=(4, *image_shape))
    model = make(image_shape=image_shape).set_params(hidden_channels="auto", max_iter=1)
    assert model.fit(X).hidden_channels_ == AUTO[image_shape]
    assert model.reconstruct(X).shape == X.shape


@pytest.mark.parametrize(
    ("kind", "X"), [(AAETransformer, EIGHT_BIT), (AAEOutlierDetector, GREY)]
)
def test_onnx_answers_the_same(kind, X):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("skl2onnx")
    from sklearn_aae.persistence import to_onnx

    # Long enough for scores to differ: where they do not, their tail is steep.
    model, flat = make(kind).set_params(max_iter=30).fit(X, Y), X.reshape(N, 64)
    with pytest.raises(ValueError, match="needs"):
        to_onnx(model, X[:, :7])
    onnx = to_onnx(model, X)
    session = onnxruntime.InferenceSession(onnx.SerializeToString())
    name = session.get_inputs()[0].name
    found = session.run(None, {name: flat})
    method = {AAEOutlierDetector: "decision_function"}.get(kind, "transform")
    answers = getattr(model, method)(X)
    mine = found[-1].reshape(answers.shape)
    np.testing.assert_allclose(mine, answers, rtol=1e-4, atol=1e-4)


def test_all_estimators_are_here():
    public = {v for v in vars(sklearn_aae).values() if isinstance(v, type)}
    assert public == set(ESTIMATORS)
    assert clone(make()).image_shape == (8, 8)


def test_files_that_ask_for_more_channels_than_they_hold_are_refused(tmp_path):
    model = make().fit(GREY)
    asked = {"hidden_channels": (10**5, 10**5), "image_shape": (10**5, 10**5)}
    for name, value in asked.items():
        model._data.params[name] = value
        save(model, tmp_path / "model.aae")
        with pytest.raises(RefusedFileError, match=name):
            load(tmp_path / "model.aae")


def test_files_do_not_count_units_of_tables(tmp_path):
    sizes = {"hidden_layer_sizes": (300, 300), "critic_hidden_layer_sizes": (4,)}
    model = make().set_params(**sizes).fit(GREY)
    save(model, tmp_path / "model.aae")
    same(model, load(tmp_path / "model.aae"))
