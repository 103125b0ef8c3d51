"""Messages that the tests of a part do not reach in passing, each raised and read."""

import io
from datetime import date

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, TransformerMixin
from torch import distributions as D
from torch import nn

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
    metrics,
    priors,
)
from sklearn_aae.estimators import BaseModel, parameter
from sklearn_aae.inspection import PriorMatchDisplay, TrainingCurvesDisplay
from sklearn_aae.inspection._density import _evaluate
from sklearn_aae.model_selection._backend import StackedBackend
from sklearn_aae.persistence import RefusedFileError, load, save, to_onnx
from sklearn_aae.persistence._decode import Decoder
from sklearn_aae.persistence._encode import Encoder
from sklearn_aae.priors import as_prior
from sklearn_aae.tabular import _dtypes
from sklearn_aae.training._optim import warn_of_other_rates
from sklearn_aae.utils._container import DTYPES, _places, parse, read

X, Y = np.random.RandomState(0).normal(size=(30, 3)), np.arange(30) % 2
FRAME = pd.DataFrame({"x": X[:, 0], "n": np.arange(30), "kind": ["a", "b"] * 15})
SMALL = {"hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0}


@pytest.fixture(scope="module")
def fitted():
    return AAETransformer(2, **SMALL).fit(X)


@pytest.fixture(scope="module")
def of_frame():
    return AAETransformer(2, **SMALL).fit(FRAME)


@pytest.fixture(scope="module")
def conditional():
    return ConditionalAAETransformer(2, **SMALL).fit(X, Y)


@pytest.mark.parametrize(
    "model",
    [
        AAEClusterer,
        AAEOutlierDetector,
        AAETransformer,
        ConditionalAAETransformer,
        GANSampler,
        SemiSupervisedAAEClassifier,
    ],
)
def test_a_frame_without_columns(model):
    with pytest.raises(ValueError, match="X is a DataFrame without columns"):
        model(**SMALL).fit(FRAME[[]], Y)


def test_new_rows_without_columns(of_frame):
    with pytest.raises(ValueError, match="X is a DataFrame without columns"):
        of_frame.transform(FRAME[[]])


def test_ways_through_the_code(fitted, conditional):
    with pytest.raises(ValueError, match="as many rows: they have 3 and 4"):
        fitted.interpolate(X[:3], X[:4])
    with pytest.raises(ValueError, match="'n_steps' parameter of interpolate must be"):
        fitted.interpolate(X[:3], X[:3], n_steps=1)
    with pytest.raises(TypeError, match=r"decodes codes without \['y'\]"):
        fitted.traverse(X[:3], y=1)
    with pytest.raises(ValueError, match=r"each of 3 ways\. Got 2"):
        conditional.traverse(X[:3], y=[0, 1])


def test_what_sample_takes(of_frame):
    with pytest.raises(ValueError, match=r"'n_samples' parameter of sample must be"):
        of_frame.sample(0)
    with pytest.raises(ValueError, match=r"'codes' parameter of sample must be one of"):
        of_frame.sample(codes="x")
    with pytest.raises(ValueError, match=r"given names 'z', not a column of \['x'"):
        of_frame.sample(given={"z": 1})
    with pytest.raises(ValueError, match=r"given\['n'\]=1.5 is no whole number"):
        of_frame.sample(given={"n": 1.5})


def test_what_a_fit_needs():
    with pytest.raises(ValueError, match="X and y must have as many rows: X has 30, y"):
        ConditionalAAETransformer(2, **SMALL).fit(X, Y[:9])
    with pytest.raises(ValueError, match="n_samples=3 should be >= n_clusters=8"):
        AAEClusterer(8, **SMALL).fit(X[:3])
    with pytest.raises(ValueError, match=r"trim=0.9 leaves 1 of 3 rows to train on"):
        AAEOutlierDetector(1, n_init=1, trim=0.9, **SMALL).fit(X[:3])
    with pytest.raises(ValueError, match=r"mask .*has shape \(2,\), but X has 3 col"):
        AAETransformer(2, categorical_features=[True, False], **SMALL).fit(X)
    with pytest.raises(ValueError, match=r"'z', which is not a column of X\. X has"):
        AAETransformer(2, categorical_features=["z"], **SMALL).fit(FRAME)
    twice = FRAME.set_axis(["x", "x", "kind"], axis=1)
    with pytest.raises(ValueError, match=r"several columns of one name: \['x'\]\. Ren"):
        AAETransformer(2, **SMALL).fit(twice)


def test_rows_of_another_kind(of_frame):
    other = FRAME.assign(x="text")
    with pytest.raises(ValueError, match=r"'x' held numbers in fit. Now it has dtype"):
        of_frame.transform(other)
    rows = [[1.0, 2], [3.0, 4]]
    with pytest.raises(ValueError, match=r"2 (columns|features), but"):
        of_frame.transform(np.array(rows, dtype=object))


def test_priors():
    with pytest.raises(ValueError, match=r"an object, not a class. Pass Gaussian\("):
        as_prior(priors.Gaussian, 2)
    mixture = priors.GaussianMixture(2, n_classes=3)
    with pytest.raises(ValueError, match="has 3 components but y has 2 classes"):
        as_prior(mixture, 2, [0.5, 0.5])
    points = np.zeros((3, 3, 2))
    with pytest.raises(NotImplementedError, match="not what the prior draws"):
        _evaluate(priors.Gaussian(3), points)
    with pytest.raises(NotImplementedError, match="of points are not a density"):
        _evaluate(priors.Categorical(2), points)


def test_displays(fitted):
    _, axes = plt.subplots(1, 2)
    with pytest.raises(ValueError, match=r"The history fills \d panels. Got 2 axes"):
        TrainingCurvesDisplay.from_estimator(fitted, ax=axes[:2])
    plt.close("all")

    class Wide(TransformerMixin, BaseEstimator):
        prior_ = priors.Gaussian(2)

        def fit(self, X, y=None):
            self.fitted_ = True
            return self

        def transform(self, X):
            return np.zeros((len(X), 3))

    with pytest.raises(ValueError, match="3 columns, but its prior has 2: they cannot"):
        PriorMatchDisplay.from_estimator(Wide().fit(X), X)


def test_metrics():
    with pytest.raises(ValueError, match="'max_samples' parameter of prior_match must"):
        metrics.prior_match(X, X, max_samples=0)
    with pytest.raises(ValueError, match="prior_match compares rows of the same colum"):
        metrics.prior_match(X, X[:, :2])
    with pytest.raises(
        ValueError, match=r"prior_match needs at least 2 rows of Z. Got 1"
    ):
        metrics.prior_match(X[:1], X)


def test_bases_for_estimators():
    with pytest.raises(TypeError, match="shapes=True needs its constraints: allowed"):
        parameter(default=1, shapes=True)
    with pytest.raises(TypeError, match=r"Own.batch_size does not count: it is a"):

        class Own(AAETransformer):
            batch_size = 7

    with pytest.raises(TypeError, match=r"has a type, and so would be a parameter"):

        class Typed(AAETransformer):
            shade_: int = 3

    assert issubclass(AAETransformer, BaseModel)
    with pytest.raises(
        NotImplementedError, match=r"joblib.Parallel has a backend of its"
    ):
        StackedBackend().apply_async(len)


def test_frames_of_other_libraries(monkeypatch):
    with pytest.raises(ValueError, match="There are no frames of 'numpy', but of"):
        _dtypes.library("numpy")
    with pytest.raises(ValueError, match="polars has no dtype 'exec'"):
        _dtypes._polars_class("exec")

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(_dtypes, "import_module", missing)
    with pytest.raises(
        ImportError, match=r"fitted on a frame of pandas, .*not installed"
    ):
        _dtypes.library("pandas")


def test_cells_that_a_model_cannot_take():
    holes, far = X.copy(), X.copy()
    holes[0, 1], far[0, 1] = np.nan, np.inf
    with pytest.raises(
        ValueError, match="contains NaN: cells of sparse rows cannot be"
    ):
        AAETransformer(2, **SMALL).fit(csr_matrix(holes))
    with pytest.raises(ValueError, match="contains infinity: column 1 has"):
        AAETransformer(2, **SMALL).fit(far)
    with pytest.raises(ValueError, match="Input X contains NaN: column 1 has"):
        GANSampler(2, **SMALL).fit(holes)
    with pytest.raises(ValueError, match="Column 'kind' holds categories or counts"):
        GANSampler(2, **SMALL).fit(FRAME)
    model = SemiSupervisedAAEClassifier(2, scale="quantile", **SMALL)
    with pytest.raises(ValueError, match="scale='quantile' bends the columns, and nei"):
        model.fit(csr_matrix(X), Y)
    with pytest.raises(ValueError, match="must contain at least one non-zero number"):
        AAETransformer(2, **SMALL).fit(X, sample_weight=np.zeros(30))


def test_what_fits_and_answers_need(fitted):
    with pytest.raises(
        ValueError, match="needs a model with one prior component for e"
    ):
        fitted.sample(2, y=1)
    with pytest.raises(ValueError, match=r"X_val has 1 sample. Pass 2 or more"):
        AAETransformer(2, **SMALL).fit(X, X_val=X[:1])
    with pytest.raises(
        ValueError, match=r"X is no frame, and holds text: .*Pass a frame"
    ):
        AAETransformer(2, **SMALL).fit(np.array([["a", "1"], ["b", "2"]]))
    with pytest.raises(ValueError, match="Z holds text, and codes are numbers"):
        fitted.inverse_transform([["a", "b"]])
    with pytest.raises(
        ValueError, match="'kl' needs the density of the posterior, and"
    ):
        AAETransformer(2, regularizer="kl", posterior="universal", **SMALL).fit(X)
    lazy = AAETransformer(2, encoder=nn.LazyLinear(2), **SMALL)
    with pytest.raises(
        ValueError, match="'encoder' module has uninitialized parameters"
    ):
        lazy.fit(X)


def test_optimisers_and_their_rates(fitted):
    bundle = fitted.net_.optimizer_
    state = {"state": {0: {}}, "param_groups": {0: []}}
    with pytest.raises(ValueError, match="The state is of 1 optimisers, and this trai"):
        bundle.load_state_dict(state)
    with pytest.warns(
        UserWarning, match="one sets the learning rates, but learning_ra"
    ):
        warn_of_other_rates("cosine")


PICTURES = [
    ({"image_shape": (4, 4)}, np.zeros((20, 16)), "is too small: height and width"),
    ({"image_shape": (64,)}, np.zeros((20, 64)), "is no shape of pictures: it must be"),
    (
        {"hidden_channels": (0,)},
        np.eye(20, 64),
        "hidden_channels must be one posit",
    ),
    ({"count_features": [0]}, np.zeros((20, 64)), "is of no use with image_shape"),
    ({}, np.full((20, 64), 7.5), "pixels must be uint8 or numbers in"),
    ({}, np.full((20, 64), "a"), "X holds text, and pixels are numbers"),
]


@pytest.mark.parametrize(("options", "pictures", "message"), PICTURES)
def test_pictures(options, pictures, message):
    options = {"image_shape": (8, 8), "max_iter": 1, **options}
    with pytest.raises(ValueError, match=message):
        AAETransformer(2, **options).fit(pictures)


def test_priors_and_posteriors_without_a_density():
    model = AAETransformer(2, posterior="universal", **SMALL).fit(X)
    posterior = model.encoder_(torch.zeros(3, 3, dtype=torch.float64))
    with pytest.raises(
        NotImplementedError, match="A universal posterior has no density"
    ):
        posterior.log_prob(torch.zeros(3, 2))
    clusters = AAEClusterer(2, **SMALL).fit(X)
    with pytest.raises(NotImplementedError, match="and a style have no common density"):
        clusters.prior_(None).log_prob(torch.zeros(3, 4))
    model = AAETransformer(2, prior=lambda n, rng: [[np.nan] * 2] * n, **SMALL)
    with pytest.raises(ValueError, match="prior returned NaN or infinite codes"):
        model.fit(X)
    with pytest.raises(
        ValueError, match="'categorical' needs n_components of at least 2"
    ):
        AAETransformer(1, prior="categorical", **SMALL).fit(X)
    with pytest.raises(
        ValueError, match="Poisson is of discrete values, and codes are"
    ):
        as_prior(D.Poisson(torch.ones(2)), 2)
    with pytest.raises(
        ValueError, match="'categorical' has codes on the simplex, and po"
    ):
        AAETransformer(2, prior="categorical", posterior="gaussian", **SMALL).fit(X)
    with pytest.raises(ValueError, match="Invalid parameter 'size' for Gamma"):
        priors.Gamma(2).set_params(size=3)


# --- files ----------------------------------------------------------------------------


def test_what_no_file_can_hold():
    wide = np.zeros(1, dtype=np.longdouble)
    for value, message in (
        (wide, "at has dtype .*, which a file cannot hold. Convert it"),
        (torch.zeros(1, dtype=torch.bfloat16), "a tensor of torch.bfloat16, which a"),
        (
            np.random.RandomState(np.random.PCG64(0)),
            "a RandomState of PCG64, which a file cannot hold. Pass a number",
        ),
    ):
        with pytest.raises(TypeError, match=message):
            Encoder().encode(value, "at")


class Slots:
    """An object without a dict."""

    __slots__ = ("x",)


def test_objects_with_slots_are_not_saved(tmp_path):
    model = AAETransformer(2)
    model.mine_ = Slots()
    model.mine_.x = 3
    with pytest.raises(
        TypeError, match=r"mine_ is of type .*Slots, which has __slots__"
    ):
        save(model, tmp_path / "m")


BROKEN = [
    (b"[", "Its JSON is broken"),
    (b'{"a": 1, "a": 2}', "a name is there twice"),
    (b'{"a": NaN}', "NaN is no number of JSON"),
    (b"[1]", "Its JSON is no object of names and values"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_json(text, message):
    with pytest.raises(RefusedFileError, match=message):
        parse(text)


ONE = {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}
ARRAYS = [
    (3, 8, "'a' is not described as an array is"),
    (ONE | {"dtype": "Q"}, 8, "'a' has the unknown dtype 'Q'"),
    (ONE | {"shape": [-1]}, 8, r"'a' has no shape: \[-1\]"),
    (ONE | {"shape": [2]}, 8, r"'a' of shape \(2,\) is larger than the file"),
    (ONE, 9, "bytes behind the last array"),
]


@pytest.mark.parametrize(("array", "size", "message"), ARRAYS)
def test_places_of_arrays(array, size, message):
    assert "F64" in DTYPES
    with pytest.raises(RefusedFileError, match=message):
        _places({"a": array}, 0, size)


@pytest.fixture(scope="module")
def blob(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "m"
    save(fitted, path)
    return path.read_bytes()


def test_bytes(blob):
    with pytest.raises(RefusedFileError, match="It is cut off or damaged: it has 200"):
        read(io.BytesIO(blob[:200]))
    with pytest.raises(RefusedFileError, match="do not have the hash that they had wh"):
        read(io.BytesIO(blob[:-1] + b"?"))


def larger(manifest):
    state = manifest["estimator"]["object"]["state"]["dict"]
    state["_data"]["dict"]["params"]["dict"]["n_components"] = 10**6


def other_pictures(manifest):
    state = manifest["estimator"]["object"]["state"]["dict"]
    params = state["_data"]["dict"]["params"]["dict"]
    params["image_shape"] = {"tuple": [1, 2]}


def unknown(manifest):
    manifest["estimator"] = {"call": "print"}


def invalid(manifest):
    manifest["estimator"] = {"again": 5}


def does_not_fit(manifest):
    state = manifest["estimator"]["object"]["state"]["dict"]
    state["_state"]["dict"]["at"] = 7


FORGED = [
    (other_pictures, "Its image_shape is not that of its columns"),
    (unknown, "content of an unknown kind"),
    (invalid, "under 'again' is not valid: 5"),
    (larger, "n_components=1000000 is larger than any of its weights"),
    (does_not_fit, "does not fit together: IndexError"),
]


@pytest.mark.parametrize(("change", "message"), FORGED)
def test_forged(change, message, blob, tmp_path, forge):
    forged = forge(blob, lambda manifest, arrays: change(manifest))
    (tmp_path / "m").write_bytes(forged)
    with pytest.raises(RefusedFileError, match=message):
        load(tmp_path / "m")


def test_nested_content(blob, tmp_path, monkeypatch):
    def deep(*args):
        raise RecursionError

    (tmp_path / "m").write_bytes(blob)
    monkeypatch.setattr(Decoder, "check", deep)
    with pytest.raises(RefusedFileError, match="Its content is nested too deeply"):
        load(tmp_path / "m")


def test_onnx(fitted):
    pytest.importorskip("skl2onnx")
    with pytest.raises(
        ValueError, match=r"an array of dtype .*, which has no type in O"
    ):
        to_onnx(fitted, np.array([["a", "b", "c"]]))
    with pytest.raises(ValueError, match="fitted on 3 columns, and X has 2"):
        to_onnx(fitted, X[:, :2])
    days = FRAME.assign(kind=[date(2026, 1, d % 2 + 1) for d in range(30)])
    model = AAETransformer(2, categorical_features=["kind"], **SMALL).fit(days)
    with pytest.raises(
        ValueError, match=r"'kind' holds values such as .*no type in ON"
    ):
        to_onnx(model, days)
