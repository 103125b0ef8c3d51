"""Codes begin as those of PCA, whatever the columns, the weights and the prior."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
)
from sklearn_aae.decoders import PIXEL_DECODERS
from sklearn_aae.estimators._linear_start import linear_start
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.nn import ImageLayers
from sklearn_aae.training import NonFiniteLossError

X, Y = load_iris(return_X_y=True)
# So small a step leaves networks where they began.
# The moments of a prior are those of 1,000 draws.
ATOL = 0.2
STILL = {
    "batch_size": 512,
    "max_iter": 1,
    "learning_rate": 1e-12,
    "random_state": 0,
    "clip": False,
}


def table(n=300, seed=0):
    """Return rows of two numbers, two categories and holes, all told by two factors."""
    rng = np.random.RandomState(seed)
    a, b = rng.normal(size=(2, n))
    frame = pd.DataFrame({"x": a + 0.1 * rng.normal(size=n), "y": a - b})
    frame["c"] = pd.Categorical(np.where(a > 0, "p", np.where(b > 0, "q", "r")))
    frame["d"] = pd.Categorical(np.where(b > 0.5, "u", "v"))
    return frame


def encoded(frame):
    """Return standardised numbers, then one-hot columns."""
    numbers = StandardScaler().fit_transform(frame[["x", "y"]])
    return np.hstack([numbers, pd.get_dummies(frame[["c", "d"]]).to_numpy(float)])


def up_to_sign(A, B):
    """Return columns of A with the signs of those of B."""
    return A * np.sign((A * B).sum(0))


@pytest.mark.parametrize("normalization", ["batch", "layer", None])
@pytest.mark.parametrize("posterior", ["deterministic", "gaussian", "universal"])
def test_codes_begin_as_whitened_principal_components(posterior, normalization):
    options = {"posterior": posterior, "normalization": normalization}
    codes = AAETransformer(2, **options, **STILL).fit(X).transform(X)
    whitened = PCA(2, whiten=True).fit_transform(StandardScaler().fit_transform(X))
    whitened *= np.sqrt(len(X) / (len(X) - 1))  # scikit-learn divides by n - 1
    np.testing.assert_allclose(up_to_sign(codes, whitened), whitened, atol=ATOL)


def test_rows_begin_as_their_linear_reconstruction():
    model = AAETransformer(2, **STILL).fit(X)
    scaler = StandardScaler().fit(X)
    pca = PCA(2).fit(scaler.transform(X))
    linear = pca.inverse_transform(pca.transform(scaler.transform(X)))
    expected = scaler.inverse_transform(linear)
    np.testing.assert_allclose(model.reconstruct(X), expected, atol=0.05)


def test_pictures_begin_as_their_linear_reconstruction():
    pictures = load_digits().data[:200] / 16
    rows = Rows(torch.from_numpy(pictures), None, None)
    start = linear_start(None, rows, (torch.ones(3), torch.full((3,), 2.0)))
    options = {"images": ImageLayers((8, 8, 1), (2, 3)), "linear_skip": True}
    decoder = PIXEL_DECODERS["gaussian"](3, 64, **options).double().eval()
    start.decoder(decoder)
    pca = PCA(3).fit(pictures)
    codes = pca.transform(pictures)
    # Of the prior's moments; each axis points to where its largest weight is positive.
    sign = np.sign(pca.components_[np.arange(3), np.abs(pca.components_).argmax(1)])
    z = torch.from_numpy(1 + 2 * sign * codes / codes.std(0))
    found = decoder(z).mean.detach().numpy()
    np.testing.assert_allclose(found, pca.inverse_transform(codes), atol=1e-5)


def test_categories_enter_one_hot_and_leave_as_probabilities():
    frame = table()
    model = AAETransformer(2, **STILL).fit(frame)
    pca = PCA(2, whiten=True).fit(encoded(frame))
    codes, expected = model.transform(frame), pca.transform(encoded(frame))
    np.testing.assert_allclose(up_to_sign(codes, expected), expected, atol=ATOL)
    back = model.reconstruct(frame)
    linear = pca.inverse_transform(expected)
    likeliest = np.array(["p", "q", "r"])[linear[:, 2:5].argmax(1)]
    # Logits are linear to first order only.
    assert (back["c"].to_numpy() == likeliest).mean() > 0.9
    assert (back["c"].astype(str) == frame["c"].astype(str)).mean() > 0.8


@pytest.mark.parametrize("kind", [AAETransformer, AAEClusterer, AAEOutlierDetector])
@pytest.mark.parametrize("regularizer", ["adversarial", "kl"])
def test_columns_of_many_categories_alone_have_no_plane(kind, regularizer):
    """Their embeddings are random at the start: no principal components."""
    rng = np.random.RandomState(0)
    cells = {name: rng.randint(90, size=400).astype(str) for name in "ab"}
    frame = pd.DataFrame(cells).astype("category")
    options = {"n_init": 1} if kind is not AAETransformer else {}
    if kind is not AAEClusterer:
        options["regularizer"] = regularizer
    model = kind(max_iter=2, random_state=0, **options).fit(frame)
    rebuilt = model.reconstruct(frame)
    assert (rebuilt.dtypes == frame.dtypes).all()
    assert not rebuilt.isna().any(axis=None)


def test_weights_count_like_repeated_rows():
    weight = np.random.RandomState(0).randint(1, 4, len(X))
    one = AAETransformer(2, **STILL).fit(X, sample_weight=weight)
    two = AAETransformer(2, **STILL).fit(X.repeat(weight, axis=0))
    np.testing.assert_allclose(one.transform(X), two.transform(X), atol=1e-4)


def test_wide_tables_have_the_components_of_their_few_rows():
    wide = np.random.RandomState(0).normal(size=(30, 1500)).cumsum(1)
    codes = AAETransformer(3, **STILL).fit(wide).transform(wide)
    expected = PCA(3, whiten=True).fit_transform(StandardScaler().fit_transform(wide))
    assert np.abs(np.corrcoef(codes.T, expected.T)[:3, 3:]).diagonal().min() > 0.999


def test_components_that_rows_do_not_have_begin_elsewhere():
    line = np.linspace(0, 1, 50)[:, None] * [1.0, 2.0, 3.0]
    codes = AAETransformer(3, **STILL).fit(line).transform(line)
    assert np.isfinite(codes).all()
    assert np.abs(np.corrcoef(codes[:, 0], line[:, 0])[0, 1]) > 0.999


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_a_restart_equals_a_fit_of_its_seed(n_jobs):
    model = AAETransformer(2, n_init=n_jobs, max_iter=3, random_state=0).fit(X)
    torch.manual_seed(7)  # nor does anything outside count
    again = AAETransformer(2, n_init=n_jobs, max_iter=3, random_state=0).fit(X)
    np.testing.assert_array_equal(model.transform(X), again.transform(X))


def test_training_goes_on_from_the_plane():
    model = AAETransformer(2, random_state=0, max_iter=60).fit(X)
    start = AAETransformer(2, **STILL).fit(X)
    assert model.loss_ < start.loss_


def test_other_estimators_have_it_by_name():
    model = ConditionalAAETransformer(2, linear_skip=True, **STILL).fit(X, Y)
    whitened = PCA(2, whiten=True).fit_transform(StandardScaler().fit_transform(X))
    codes = model.transform(X)
    np.testing.assert_allclose(up_to_sign(codes, whitened), whitened, atol=ATOL)
    plain = ConditionalAAETransformer(2, **STILL).fit(X, Y)
    assert plain.encoder_.head.skip is None


def test_codes_on_a_simplex_have_none():
    model = AAETransformer(3, prior="categorical", **STILL).fit(X)
    assert model.encoder_.head.skip is None
    assert model.decoder_.head.skip is None


def test_few_epochs_are_enough_where_a_table_has_categories():
    frame = table(1000)
    assert AAETransformer(8).fit(frame).n_iter_ == 25  # 200 steps of 8 batches
    assert AAETransformer(4).fit(frame).n_iter_ == 50
    assert AAETransformer(8, input_dropout=0.2).fit(frame).n_iter_ == 100
    assert AAETransformer(2).fit(frame[["x", "y"]]).n_iter_ == 100
    assert AAETransformer(2, max_iter=4).fit(frame).n_iter_ == 4


@pytest.mark.parametrize("shape", [(40, 3), (10, 1500)])
def test_squares_that_overflow_are_for_the_training_to_tell(shape):
    rows = np.random.RandomState(0).normal(size=shape) * 1e160
    with pytest.raises(NonFiniteLossError, match="scale"):
        AAETransformer(2, max_iter=2, random_state=0).fit(rows)


ORDERS = np.ascontiguousarray, np.asfortranarray


@pytest.mark.parametrize("seed", range(6))
def test_the_sign_of_axes_does_not_depend_on_rounding(seed):
    # Those of two scaled columns have weights of one size.
    rows = np.random.RandomState(seed).normal(size=(30, 2))
    model = AAETransformer(2, max_iter=1, hidden_layer_sizes=(4,), random_state=0)
    codes = [clone(model).fit(kind(rows)).transform(rows) for kind in ORDERS]
    np.testing.assert_allclose(codes[0], codes[1], atol=1e-6)
