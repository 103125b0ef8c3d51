"""The displays hold what they should and draw what they hold."""

import inspect
import sys
from functools import cache, partial
from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from matplotlib.colors import to_rgb
from scipy.sparse import coo_matrix, csc_array, csr_matrix
from sklearn.base import BaseEstimator
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.distributions import Independent, Normal, Uniform

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
    inspection,
)
from sklearn_aae.inspection import (
    ClusterDisplay,
    HeatmapDisplay,
    LatentSpaceDisplay,
    ManifoldDisplay,
    OutlierContributionDisplay,
    PriorMatchDisplay,
    ReconstructionDisplay,
    TrainingCurvesDisplay,
    _prior_match,
)
from sklearn_aae.inspection._density import PlaneDensity, prior_density
from sklearn_aae.inspection._mosaic import mosaic
from sklearn_aae.metrics import _scorers, aae_scorer
from sklearn_aae.priors import PRIORS, as_prior

X, y = load_digits(return_X_y=True)
X, y = X[:200], y[:200]
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}


PICTURES = X.reshape(-1, 8, 8) / 16
CONVOLUTIONAL = {"image_shape": (8, 8), "hidden_channels": (2, 2)} | SMALL


@cache
def heat_detector():
    return AAEOutlierDetector(n_init=1, **CONVOLUTIONAL).fit(PICTURES)


def fit(n_components=2, **params):
    return AAETransformer(n_components, **SMALL | params).fit(X)


CLUSTERS = AAEClusterer(4, n_init=1, **SMALL).fit(X)
DETECTOR = AAEOutlierDetector(n_init=2, **SMALL).fit(X)
NAMED = AAEOutlierDetector(n_init=2, **SMALL).fit(pd.DataFrame(X))
DETECTOR_OF = {np.asarray: DETECTOR, pd.DataFrame: NAMED}


@pytest.fixture(scope="module")
def aae():
    return fit()


@pytest.fixture(scope="module")
def aae_3d():
    return fit(3)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def holder(prior, n_components=2):
    """Return what prior_density asks of an estimator."""
    return SimpleNamespace(prior_=as_prior(prior, n_components))


def stand_in(model, other):
    """Return who has what a transformer cannot have."""
    fitted = hasattr(model, "net_")
    return other if isinstance(model, AAETransformer) and fitted else model


CALLS = {
    "ClusterDisplay": lambda aae, **k: ClusterDisplay.from_estimator(
        stand_in(aae, CLUSTERS), X, **k
    ),
    "OutlierContributionDisplay": lambda aae, **k: (
        OutlierContributionDisplay.from_estimator(stand_in(aae, DETECTOR), X, **k)
    ),
    "LatentSpaceDisplay": lambda aae, **k: LatentSpaceDisplay.from_estimator(
        aae, X, y, **k
    ),
    "ManifoldDisplay": lambda aae, **k: ManifoldDisplay.from_estimator(
        aae, image_shape=(8, 8), **k
    ),
    "PriorMatchDisplay": lambda aae, **k: PriorMatchDisplay.from_estimator(aae, X, **k),
    "ReconstructionDisplay": lambda aae, **k: ReconstructionDisplay.from_estimator(
        aae, X, image_shape=(8, 8), **k
    ),
    "TrainingCurvesDisplay": lambda aae, **k: TrainingCurvesDisplay.from_estimator(
        aae, **k
    ),
}


# --- all displays -----------------------------------------------------------------


def test_calls_cover_all_displays():
    # That of heat maps is of detectors of pictures alone: its tests are at the end.
    assert sorted([*CALLS, "HeatmapDisplay"]) == sorted(inspection.__all__)


@pytest.mark.parametrize("name", CALLS)
def test_constructor_only_stores(name):
    display = getattr(inspection, name)
    stored = {key: object() for key in inspect.signature(display).parameters}
    assert vars(display(**stored)) == stored


@pytest.mark.parametrize("name", CALLS)
def test_plot_draws_again_elsewhere(name, aae):
    display = CALLS[name](aae)
    first = display.figure_
    assert display.plot() is display
    assert display.figure_ is not first


@pytest.mark.parametrize("name", CALLS)
def test_random_state_of_the_caller_is_untouched(name, aae):
    torch.manual_seed(3)
    np.random.seed(3)
    before = torch.random.get_rng_state()
    numpy_before = np.random.get_state()[1]
    CALLS[name](aae)
    assert torch.equal(torch.random.get_rng_state(), before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)


@pytest.mark.parametrize("name", CALLS)
def test_without_matplotlib_the_error_has_the_install_line(name, aae, monkeypatch):
    for module in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    message = rf'{name}\.plot requires matplotlib.*pip install "sklearn-aae\[plot\]"'
    with pytest.raises(ImportError, match=message):
        CALLS[name](aae)


@pytest.mark.parametrize("name", CALLS)
def test_unfitted_estimator(name):
    with pytest.raises(NotFittedError, match="not fitted"):
        CALLS[name](AAETransformer())


@pytest.mark.parametrize(
    ("name", "lacks"),
    [
        ("ManifoldDisplay", "prior_"),
        ("PriorMatchDisplay", "prior_"),
        ("TrainingCurvesDisplay", "history_"),
    ],
)
def test_estimator_that_is_no_autoencoder(name, lacks):
    pipeline = make_pipeline(PCA(2), StandardScaler()).fit(X)
    with pytest.raises(TypeError, match=rf"Pipeline has no {lacks}.*pipeline\[-1\]"):
        CALLS[name](pipeline)


@pytest.mark.parametrize(
    ("name", "n_components", "sizes", "end"),
    [
        ("LatentSpaceDisplay", 4, "1, 2 or 3", ", or pass make_pipeline"),
        ("ManifoldDisplay", 3, "2", r"\.$"),
    ],
)
def test_code_of_many_columns_names_the_setting(name, n_components, sizes, end):
    message = rf"draws codes of {sizes} columns.*Fit it with n_components=2{end}"
    with pytest.raises(ValueError, match=f"{name} {message}"):
        CALLS[name](fit(n_components))


@pytest.mark.parametrize(
    ("params", "advice"),
    [
        (
            {"n_components": 4, "class_heads": False},
            "n_components=2 and class_heads=True",
        ),
        ({"n_components": 3, "class_heads": False}, "class_heads=True"),
        ({"n_components": 4, "class_heads": True}, "n_components=2"),
    ],
)
def test_advice_names_what_is_not_so_yet(params, advice):
    model = AAEClusterer(3, n_init=1, max_iter=1, **params).fit(X)
    with pytest.raises(ValueError, match=rf"Fit it with {advice}, or pass"):
        CALLS["LatentSpaceDisplay"](model)


@pytest.mark.parametrize("name", ["ManifoldDisplay", "ReconstructionDisplay"])
@pytest.mark.parametrize(
    ("image_shape", "message"),
    [
        ((8, 9), r"\(8, 9\) makes 72 columns, but the rows have 64"),
        ((64,), r"must be \(height, width\).*Got \(64,\)"),
        (8, r"must be \(height, width\).*Got 8"),
        ((8.0, 8), r"must be \(height, width\)"),
        ((-8, -8), r"must be \(height, width\)"),
    ],
)
def test_image_shape_that_does_not_fit(name, image_shape, message, aae):
    rows = () if name == "ManifoldDisplay" else (X,)
    with pytest.raises(ValueError, match=message):
        getattr(inspection, name).from_estimator(aae, *rows, image_shape=image_shape)


# --- latent space -----------------------------------------------------------------


def test_latent_holds_codes_labels_and_density(aae):
    display = LatentSpaceDisplay.from_estimator(aae, X, y, grid_resolution=50)
    np.testing.assert_array_equal(display.codes, aae.transform(X))
    np.testing.assert_array_equal(display.y, y)
    density = display.density
    assert density.values.shape == (50, 50)
    x_grid, y_grid = np.meshgrid(density.x, density.y)
    expected = np.exp(-(x_grid**2 + y_grid**2) / 2) / (2 * np.pi)
    np.testing.assert_allclose(density.values, expected, rtol=1e-4)


def test_latent_draws_each_row_once_in_the_colour_of_its_class(aae):
    display = LatentSpaceDisplay.from_estimator(aae, X, y)
    assert len(display.points_) == 10
    for digit, points in enumerate(display.points_):
        np.testing.assert_allclose(points.get_offsets(), display.codes[y == digit])
    looks = {
        (*points.get_facecolor()[0], points.get_paths()[0].vertices.tobytes())
        for points in display.points_
    }
    assert len(looks) == 10
    assert len({look[:3] for look in looks}) == 8  # which the colour-blind tell apart
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == [str(digit) for digit in range(10)]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("$z_1$", "$z_2$")


def test_latent_without_labels_has_one_colour_and_no_legend(aae):
    display = LatentSpaceDisplay.from_estimator(aae, X)
    (points,) = display.points_
    assert len(points.get_offsets()) == len(X)
    assert display.ax_.get_legend() is None


def test_latent_colours_numbers_by_a_colour_bar(aae):
    values = np.linspace(0.5, 1.75, len(X))
    display = LatentSpaceDisplay.from_estimator(aae, X, values)
    (points,) = display.points_
    np.testing.assert_array_equal(points.get_array(), values)
    assert len(display.figure_.axes) == 2  # the bar


@pytest.mark.parametrize("missing", [None, np.nan, -1])
@pytest.mark.parametrize("names", [["0", "1"], ["a", "b"], ["0.0", "1.0"]])
def test_latent_draws_rows_without_a_label_in_grey(names, missing, aae):
    kind = {"0": int, "a": str, "0.0": float}[names[0]]
    labels = np.array([*map(kind, names), None], dtype=object)[np.minimum(y, 2)]
    partly = np.where(y < 2, labels, missing)
    display = LatentSpaceDisplay.from_estimator(aae, X, partly)
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == [*names, "unlabelled"]
    counts = [len(points.get_offsets()) for points in display.points_]
    assert counts == [(y == 0).sum(), (y == 1).sum(), (y > 1).sum()]
    grey = display.points_[-1].get_facecolor()[0, :3]
    np.testing.assert_array_equal(grey, to_rgb("lightgray"))


def test_latent_numbers_with_holes_are_coloured_by_the_bar(aae):
    values = np.where(y < 2, np.nan, y - 5.5)  # -1.5 and so on are numbers
    display = LatentSpaceDisplay.from_estimator(aae, X, values)
    points, rest = display.points_
    np.testing.assert_array_equal(points.get_array(), values[y >= 2])
    assert len(rest.get_offsets()) == (y < 2).sum()


def test_latent_many_classes_have_no_legend(aae):
    names = [f"n{i}" for i in range(len(X))]
    display = LatentSpaceDisplay.from_estimator(aae, X, names)
    assert len(display.points_) == len(X)
    assert display.ax_.get_legend() is None


@pytest.mark.parametrize("dtype", [int, float])
def test_latent_many_whole_numbers_have_a_colour_bar(dtype, aae):
    values = np.arange(len(X)).astype(dtype) % 21
    display = LatentSpaceDisplay.from_estimator(aae, X, values)
    (points,) = display.points_
    np.testing.assert_array_equal(points.get_array(), values)
    bar = display.figure_.axes[1]
    assert bar.get_ylabel() == "y"
    few = LatentSpaceDisplay.from_estimator(aae, X, values % 20)
    assert len(few.points_) == 20
    some = LatentSpaceDisplay.from_estimator(aae, X, np.where(y < 2, -1, values))
    assert [len(points.get_offsets()) for points in some.points_] == [
        (y >= 2).sum(),
        (y < 2).sum(),
    ]


def test_latent_refuses_labels_of_other_length(aae):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        LatentSpaceDisplay.from_estimator(aae, X, y[:-1])


def test_latent_takes_any_transformer_to_the_plane_without_contours():
    pca = PCA(2).fit(X)
    display = LatentSpaceDisplay.from_estimator(pca, X, y)
    np.testing.assert_array_equal(display.codes, pca.transform(X))
    assert display.density is None
    assert display.contours_ is None


def test_latent_takes_frames(aae):
    frame = pd.DataFrame(X, columns=[f"pixel{i}" for i in range(64)])
    model = AAETransformer(hidden_layer_sizes=(8,), max_iter=1).fit(frame)
    display = LatentSpaceDisplay.from_estimator(model, frame, pd.Series(y))
    assert len(display.points_) == 10


def test_latent_style_reaches_matplotlib(aae):
    _, ax = plt.subplots()
    display = LatentSpaceDisplay.from_estimator(
        aae,
        X,
        y,
        ax=ax,
        cmap="Set3",
        coverage=[0.5],
        scatter_kwargs={"s": 33},
        contour_kwargs={"linewidths": 2.5},
    )
    assert display.ax_ is ax
    assert display.points_[0].get_sizes() == [33]
    np.testing.assert_allclose(
        display.points_[1].get_facecolor()[0, :3], plt.get_cmap("Set3")(1)[:3]
    )
    assert len(display.contours_.levels) == 1
    assert display.contours_.get_linewidths()[0] == 2.5


# --- density ----------------------------------------------------------------------


@pytest.mark.parametrize("prior", [name for name in PRIORS if name != "categorical"])
def test_density_sums_to_one(prior):
    density = prior_density(holder(prior), 200)
    cell = (density.x[1] - density.x[0]) * (density.y[1] - density.y[0])
    assert density.values.sum() * cell == pytest.approx(1, abs=0.03)
    assert np.isfinite(density.values).all()


def test_density_levels_hold_their_share_of_the_draws():
    # Of a standard normal in the plane, a share s lies within r² = -2 log(1 - s).
    coverage = np.array([0.5, 0.8, 0.95])
    levels = prior_density(holder("gaussian"), 300).levels(coverage)
    expected = np.sort((1 - coverage) / (2 * np.pi))
    np.testing.assert_allclose(levels, expected, rtol=0.05)


def test_density_of_draws_agrees_with_the_formula():
    def draw(n_samples, random_state):
        return random_state.normal([1.0, -2.0], [1.0, 0.5], size=(n_samples, 2))

    counted = prior_density(holder(draw), 60)
    normal = Normal(torch.tensor([1.0, -2.0]), torch.tensor([1.0, 0.5]))
    formula = prior_density(holder(Independent(normal, 1)), 60)
    np.testing.assert_allclose(counted.x, formula.x, atol=0.15)
    assert counted.values.max() == pytest.approx(formula.values.max(), rel=0.1)
    peak = np.unravel_index(counted.values.argmax(), counted.values.shape)
    assert (counted.x[peak[1]], counted.y[peak[0]]) == pytest.approx((1, -2), abs=0.3)


def test_density_of_a_plateau_has_one_level():
    density = prior_density(holder("uniform"), 100)
    (level,) = density.levels([0.5, 0.8, 0.95])
    assert 0 < level < density.values.max()
    inside = density.values > level
    width = density.x[inside.any(axis=0)]
    assert np.abs(width).max() == pytest.approx(np.sqrt(3), abs=0.05)


def test_density_where_torch_refuses_points_outside_is_counted():
    strict = Uniform(torch.zeros(2), torch.ones(2), validate_args=True)
    density = prior_density(holder(Independent(strict, 1)), 50)
    middle = density.values[20:30, 20:30]
    np.testing.assert_allclose(middle, 1.0, rtol=0.1)
    assert density.values[0, 0] < 0.1


def test_density_of_one_hot_codes_is_counted_at_the_corners():
    density = prior_density(holder("categorical"), 50)
    peaks = np.argwhere(density.values > density.values.max() / 2)
    places = np.round([(density.x[j], density.y[i]) for i, j in peaks])
    assert {tuple(place) for place in places} == {(0.0, 1.0), (1.0, 0.0)}


def test_density_is_the_same_each_time():
    first, second = (prior_density(holder("swiss_roll"), 30) for _ in range(2))
    np.testing.assert_array_equal(first.values, second.values)


def test_levels_of_a_small_table():
    density = PlaneDensity(None, None, np.array([[0.0, 1.0], [3.0, 6.0]]))
    np.testing.assert_allclose(density.levels([0.5, 0.85]), np.array([3, 6]) * 0.999)


# --- manifold ---------------------------------------------------------------------


def test_manifold_holds_the_decoded_grid(aae):
    display = ManifoldDisplay.from_estimator(
        aae, image_shape=(8, 8), grid_resolution=5, coverage=0.9
    )
    assert display.images.shape == (5, 5, 8, 8)
    np.testing.assert_allclose(display.x, np.linspace(-1.645, 1.645, 5), atol=0.03)
    np.testing.assert_allclose(display.y, display.x[::-1], atol=0.03)
    code = [[display.x[3], display.y[1]]]
    expected = aae.inverse_transform(code).reshape(8, 8)
    np.testing.assert_allclose(display.images[1, 3], expected)


def test_manifold_draws_one_picture_along_the_axes_of_the_code(aae):
    display = ManifoldDisplay.from_estimator(
        aae, image_shape=(4, 16), grid_resolution=6, cmap="magma"
    )
    (image,) = display.ax_.images
    assert image is display.image_
    assert image.get_array().shape == (6 * 4, 6 * 16)
    assert image.get_cmap().name == "magma"
    np.testing.assert_array_equal(image.get_array()[:4, :16], display.images[0, 0])
    left, right, bottom, top = image.get_extent()
    half = (display.x[1] - display.x[0]) / 2
    assert (left, right) == pytest.approx((display.x[0] - half, display.x[-1] + half))
    half = (display.y[0] - display.y[1]) / 2
    assert (bottom, top) == pytest.approx((display.y[-1] - half, display.y[0] + half))
    assert display.ax_.get_box_aspect() == pytest.approx(4 / 16)


def test_manifold_draws_channels(aae):
    display = ManifoldDisplay.from_estimator(
        aae, image_shape=(4, 4, 4), grid_resolution=3, vmin=0, vmax=16
    )
    assert display.images.shape == (3, 3, 4, 4, 4)
    assert display.image_.get_array().shape == (12, 12, 4)


def test_mosaic_keeps_each_image_whole():
    images = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    whole = mosaic(images)
    for i in range(2):
        for j in range(3):
            part = whole[4 * i : 4 * i + 4, 5 * j : 5 * j + 5]
            np.testing.assert_array_equal(part, images[i, j])


# --- reconstruction ---------------------------------------------------------------


def test_reconstruction_holds_the_first_rows(aae):
    display = ReconstructionDisplay.from_estimator(
        aae, X, image_shape=(8, 8), n_images=4
    )
    np.testing.assert_array_equal(display.originals, X[:4].reshape(4, 8, 8))
    expected = aae.reconstruct(X)[:4].reshape(4, 8, 8)
    np.testing.assert_allclose(display.reconstructions, expected)


def test_reconstruction_draws_originals_above(aae):
    display = ReconstructionDisplay.from_estimator(
        aae, X, image_shape=(8, 8), n_images=4
    )
    (image,) = display.ax_.images
    drawn = image.get_array()
    assert drawn.shape == (16, 32)
    np.testing.assert_array_equal(drawn[:8, 8:16], display.originals[1])
    np.testing.assert_array_equal(drawn[8:, 8:16], display.reconstructions[1])
    assert image.get_clim() == (display.originals.min(), display.originals.max())
    names = {
        label.get_text(): label.get_position()[1]
        for label in display.ax_.get_yticklabels()
    }
    bottom, top = display.ax_.get_ylim()
    assert bottom < names["reconstructed"] < names["original"] < top


def test_reconstruction_of_a_transformer_with_an_inverse():
    pca = PCA(5).fit(X)
    frame = pd.DataFrame(X)
    display = ReconstructionDisplay.from_estimator(
        pca, frame.to_numpy(), image_shape=(8, 8), n_images=2
    )
    expected = pca.inverse_transform(pca.transform(X[:2])).reshape(2, 8, 8)
    np.testing.assert_allclose(display.reconstructions, expected)


def test_reconstruction_needs_a_way_back():
    class OneWay(BaseEstimator):
        def fit(self, X, y=None):
            self.fitted_ = True
            return self

        def transform(self, X):
            return X

    with pytest.raises(TypeError, match="OneWay has no inverse_transform"):
        ReconstructionDisplay.from_estimator(OneWay().fit(X), X, image_shape=(8, 8))


# --- prior match ------------------------------------------------------------------


def test_prior_match_holds_quantiles(aae_3d):
    display = PriorMatchDisplay.from_estimator(aae_3d, X, n_quantiles=9)
    levels = np.linspace(0.1, 0.9, 9)
    expected = np.quantile(aae_3d.transform(X), levels, axis=0)
    np.testing.assert_allclose(display.code_quantiles, expected)
    normal = Normal(0.0, 1.0).icdf(torch.tensor(levels)).numpy()
    for column in display.prior_quantiles.T:
        np.testing.assert_allclose(column, normal, atol=0.03)


def test_prior_match_draws_one_line_a_column_and_the_diagonal(aae_3d):
    display = PriorMatchDisplay.from_estimator(aae_3d, X, linewidth=3)
    assert len(display.lines_) == 3
    for i, line in enumerate(display.lines_):
        np.testing.assert_array_equal(line.get_xdata(), display.prior_quantiles[:, i])
        np.testing.assert_array_equal(line.get_ydata(), display.code_quantiles[:, i])
        assert line.get_linewidth() == 3
    assert len(display.ax_.lines) == 4
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["$z_{1}$", "$z_{2}$", "$z_{3}$"]


def test_prior_match_of_many_columns_has_no_legend():
    quantiles = np.zeros((9, 11))
    display = PriorMatchDisplay(code_quantiles=quantiles, prior_quantiles=quantiles)
    assert display.plot().ax_.get_legend() is None


def test_prior_match_refuses_a_prior_of_other_size(aae):
    class Widened(AAETransformer):
        def transform(self, X):
            return np.zeros((len(X), 5))

    wide = Widened(hidden_layer_sizes=(8,), max_iter=1).fit(X)
    with pytest.raises(ValueError, match="have 5 columns, but its prior has 2"):
        PriorMatchDisplay.from_estimator(wide, X)


# --- training curves --------------------------------------------------------------


def test_curves_hold_a_copy_of_the_history(aae):
    display = TrainingCurvesDisplay.from_estimator(aae)
    assert display.history == aae.history_
    assert display.history[0] is not aae.history_[0]


def test_curves_draw_the_history(aae):
    display = TrainingCurvesDisplay.from_estimator(aae)
    titles = [ax.get_title() for ax in display.axes_]
    assert titles == [
        "reconstruction loss",
        "adversarial losses",
        "critic accuracy",
        "prior match",
    ]
    assert sorted(display.lines_) == [
        "critic",
        "critic_accuracy",
        "generator",
        "prior_match",
        "reconstruction",
    ]
    for name, line in display.lines_.items():
        np.testing.assert_array_equal(line.get_xdata(), [1, 2])
        expected = [epoch[name] for epoch in aae.history_]
        np.testing.assert_array_equal(line.get_ydata(), expected)


@pytest.mark.parametrize(
    ("params", "panel"),
    [
        ({"regularizer": "kl"}, "kl"),
        ({"regularizer": "mmd"}, "mmd"),
        ({"early_stopping": True}, "validation loss"),
    ],
)
def test_curves_of_other_recipes(params, panel):
    display = TrainingCurvesDisplay.from_estimator(fit(**params))
    assert panel in [ax.get_title() for ax in display.axes_]


def test_curves_show_a_single_epoch_as_a_point():
    display = TrainingCurvesDisplay(history=[{"epoch": 1, "reconstruction": 2.0}])
    assert display.plot().lines_["reconstruction"].get_marker() == "."


def test_curves_leave_gaps_of_the_history_out():
    history = [
        {"epoch": 1, "reconstruction": 2.0},
        {"epoch": 2, "reconstruction": 1.0, "own": 5, "best": True, "note": "a"},
    ]
    display = TrainingCurvesDisplay(history=history).plot()
    assert sorted(display.lines_) == ["own", "reconstruction"]
    np.testing.assert_array_equal(display.lines_["own"].get_xdata(), [2])


def test_curves_have_a_band_of_what_chance_reads(aae):
    display = TrainingCurvesDisplay.from_estimator(aae)
    (path,) = display.band_.get_paths()
    tops = path.vertices[path.vertices[:, 1] > 0]
    for line in aae.history_:
        top = tops[tops[:, 0] == line["epoch"], 1].max()
        assert top**2 == pytest.approx(2 * line["prior_match_noise"] ** 2)
    assert display.band_.axes.get_title() == "prior match"
    one = TrainingCurvesDisplay(history=aae.history_[:1]).plot()
    assert np.ptp(one.band_.get_paths()[0].vertices[:, 0]) == 1.0
    older = [{"epoch": 1, "prior_match": 0.1}]
    assert TrainingCurvesDisplay(history=older).plot().band_ is None


def test_curves_of_many_losses_are_in_rows_with_readable_titles():
    model = SemiSupervisedAAEClassifier(**SMALL).fit(X, np.where(y < 5, y, -1))
    display = TrainingCurvesDisplay.from_estimator(model)
    grid = display.axes_[0].get_gridspec()
    assert len(display.axes_) > 4 >= grid.ncols
    assert (
        len(display.axes_) <= grid.nrows * grid.ncols < len(display.axes_) + grid.nrows
    )
    width, height = display.figure_.get_size_inches()
    assert (width, height) == pytest.approx((2.9 * grid.ncols, 2.7 * grid.nrows))
    titles = [ax.get_title() for ax in display.axes_]
    assert not any("_" in title for title in titles)
    pair = display.axes_[titles.index("adversarial losses of labels")]
    legend = [text.get_text() for text in pair.get_legend().get_texts()]
    assert legend == ["critic", "generator"]
    assert list(pair.lines) == [
        display.lines_[f"label_{part}"] for part in ("critic", "generator")
    ]
    names = [{"epoch": 1} | {f"loss_{i}": 1.0 for i in range(n)} for n in range(1, 12)]
    for n, line in enumerate(names, start=1):
        panels = TrainingCurvesDisplay(history=[line]).plot().axes_
        grid = panels[0].get_gridspec()
        assert (len(panels), grid.nrows) == (n, -(-n // 4))
        assert panels[0].get_title() == "loss 0"


def test_no_curve_runs_behind_a_legend():
    names = ("critic", "generator", "prior_match", "prior_match_noise")
    rising = [{"epoch": i} | dict.fromkeys(names, 1.0 * i) for i in range(1, 9)]
    display = TrainingCurvesDisplay(history=rising).plot()
    display.figure_.draw_without_rendering()
    legends = [ax.get_legend() for ax in display.axes_]
    assert len(legends) == 2
    for ax, legend in zip(display.axes_, legends, strict=True):
        (left, low), (right, _) = legend.get_window_extent().get_points()
        box = ax.get_window_extent()
        assert box.x0 < left < right < box.x1
        for line in ax.lines:
            assert ax.transData.transform(line.get_xydata())[:, 1].max() < low
    higher = [line | dict.fromkeys(names, 99.0) for line in rising]
    TrainingCurvesDisplay(history=higher).plot(ax=display.axes_)
    assert all(ax.get_ylim()[1] > 99.0 for ax in display.axes_)


def test_curves_in_axes_of_the_caller(aae):
    figure, axes = plt.subplots(2, 2)
    display = TrainingCurvesDisplay.from_estimator(aae, ax=axes)
    assert list(display.axes_) == list(axes.ravel())
    assert display.figure_ is figure


def test_curves_share_the_place_of_one_axes(aae):
    figure, (left, _) = plt.subplots(1, 2)
    display = TrainingCurvesDisplay.from_estimator(aae, ax=left)
    assert len(display.axes_) == 4
    assert display.figure_ is figure
    place = left.get_position()
    for ax in display.axes_:
        assert place.x0 - 1e-6 <= ax.get_position().x0 <= place.x1


def test_curves_refuse_a_wrong_number_of_axes(aae):
    _, axes = plt.subplots(1, 3)
    with pytest.raises(ValueError, match=r"fills 4 panels\. Got 3 axes"):
        TrainingCurvesDisplay.from_estimator(aae, ax=axes)


def test_curves_refuse_an_empty_history():
    model = fit()
    model.history_ = []
    with pytest.raises(ValueError, match="no epoch of its training ran to its end"):
        TrainingCurvesDisplay.from_estimator(model)


# --- every estimator, every size of code ----------------------------------------------

LABELS = y[:40] % 3
GAMES = {
    "AAETransformer": AAETransformer,
    "AAETransformer with classes": partial(AAETransformer, prior="gaussian_mixture"),
    "AAEClusterer": partial(AAEClusterer, 3, n_init=1, class_heads=True),
    "AAEClusterer without heads": partial(AAEClusterer, 3, n_init=1, class_heads=False),
    "SemiSupervisedAAEClassifier": partial(
        SemiSupervisedAAEClassifier, class_heads=True
    ),
    "SemiSupervisedAAEClassifier without heads": SemiSupervisedAAEClassifier,
    "ConditionalAAETransformer": ConditionalAAETransformer,
    "AAEOutlierDetector": partial(AAEOutlierDetector, n_init=1),
    "GANSampler": GANSampler,
}
DRAWN_COLUMNS = {"LatentSpaceDisplay": (1, 2, 3), "ManifoldDisplay": (2,)}


@cache
def fit_game(name, n_components, class_heads=None):
    model = GAMES[name](n_components=n_components, hidden_layer_sizes=(4,), max_iter=1)
    if class_heads is not None:
        model.set_params(class_heads=class_heads)
    return model.set_params(random_state=0).fit(X[:40], LABELS)


def needs_of(display, model):
    """Return what a display asks of an estimator, that this one lacks."""
    needs = {
        "ClusterDisplay": ["predict", "transform"],
        "OutlierContributionDisplay": ["localize"],
        "LatentSpaceDisplay": ["transform"],
        "ManifoldDisplay": ["inverse_transform"],
        "PriorMatchDisplay": ["transform"],
        "ReconstructionDisplay": ["reconstruct"],
        "TrainingCurvesDisplay": [],
    }[display]
    if display == "ClusterDisplay":
        model = stand_in(model, CLUSTERS)
    elif display == "OutlierContributionDisplay":
        model = stand_in(model, DETECTOR)
    return [name for name in needs if not hasattr(model, name)]


@pytest.mark.parametrize("n_components", [1, 2, 3])
@pytest.mark.parametrize("game", GAMES)
def test_displays_draw_every_estimator_or_say_what_would_do(game, n_components):
    model = fit_game(game, n_components)
    for name, call in CALLS.items():
        if needs_of(name, model):
            with pytest.raises(TypeError, match=r"has no \w+"):
                call(model)
            continue
        n_columns = model._n_features_out if hasattr(model, "transform") else None
        drawn = DRAWN_COLUMNS.get(name, (n_columns,))
        if n_columns in drawn:
            assert call(model)
            continue
        with pytest.raises(ValueError, match=f"have {n_columns}. Fit") as caught:
            call(model)
        advice = str(caught.value).partition("Fit it with ")[2]
        heads = "class_heads=True" in advice
        assert heads == (getattr(model, "class_heads", True) is not True)
        assert ("n_components=2" in advice) == (n_components not in drawn)
        assert call(fit_game(game, 2, True if heads else None))  # what it says is true


@pytest.mark.parametrize(
    "game", [g for g in GAMES if "Out" not in g and "GAN" not in g]
)
def test_prior_match_compares_the_codes_of_the_scorer(game, monkeypatch):
    compared, metric = [], _scorers.prior_match
    monkeypatch.setattr(
        _scorers,
        "prior_match",
        lambda *pair, **k: compared.extend(pair) or metric(*pair, **k),
    )
    model = fit_game(game, 2)
    aae_scorer("prior_match")(model, X)
    monkeypatch.setattr(_prior_match, "N_DRAWS", len(X))
    display = PriorMatchDisplay.from_estimator(model, X, n_quantiles=3)
    quantiles = (display.code_quantiles, display.prior_quantiles)
    for found, codes in zip(quantiles, compared, strict=True):
        np.testing.assert_allclose(found, np.quantile(codes, [0.25, 0.5, 0.75], axis=0))


def test_contours_of_heads_hold_the_prior_of_the_codes():
    model = fit_game("AAEClusterer", 2)
    density = LatentSpaceDisplay.from_estimator(model, X, grid_resolution=50).density
    means = [
        np.average(points, weights=density.values.sum(axis))
        for axis, points in enumerate((density.x, density.y))
    ]
    draws = model.sample_codes(10_000, random_state=0)
    np.testing.assert_allclose(means, draws.mean(0), atol=0.1)


def test_a_search_says_what_to_pass():
    search = GridSearchCV(AAETransformer(), {})
    search.best_estimator_ = None  # fitted
    with pytest.raises(TypeError, match="Pass its best_estimator_"):
        PriorMatchDisplay.from_estimator(search, X)


# --- clusters -------------------------------------------------------------------------


def test_clusters_are_drawn_where_the_codes_are_with_their_shares():
    display = ClusterDisplay.from_estimator(CLUSTERS, X)
    labels = CLUSTERS.predict(X)
    assert sum(len(points.get_offsets()) for points in display.points_) == len(X)
    shares = [np.mean(labels == name) for name in range(4)]
    np.testing.assert_allclose([bar.get_width() for bar in display.bars_], shares)
    codes = CLUSTERS.transform(X)
    if codes.shape[1] == 2:
        for name, points in enumerate(display.points_):
            np.testing.assert_allclose(points.get_offsets(), codes[labels == name])


@pytest.mark.parametrize("k", [1, 2, 3, 7])
def test_clusters_of_codes_of_any_size(k):
    codes = np.random.default_rng(0).normal(size=(90, k)) * np.arange(k, 0, -1)
    display = ClusterDisplay(codes=codes, labels=np.arange(90) % 3).plot()
    found = np.concatenate([points.get_offsets() for points in display.points_])
    if k > 2:  # the plane that keeps most of the variance, as PCA has it
        kept = PCA(2).fit(codes).explained_variance_ratio_.sum()
        share = found.var(axis=0).sum() / codes.var(axis=0).sum()
        assert share == pytest.approx(kept)


def test_a_cluster_without_rows_is_named_all_the_same():
    display = ClusterDisplay(codes=X[:, 2:4], labels=np.zeros(200), names=[0, 1]).plot()
    assert [bar.get_width() for bar in display.bars_] == [1.0, 0.0]


def test_clusters_of_a_classifier_and_in_axes_of_the_caller():
    model = SemiSupervisedAAEClassifier(**SMALL).fit(X, y % 3)
    _, ax = plt.subplots()
    display = ClusterDisplay.from_estimator(model, X, ax=ax)
    assert display.bars_ is None
    assert len(display.points_) == 3
    with pytest.raises(ValueError, match="one or two axes"):
        display.plot(plt.subplots(1, 3)[1])
    with pytest.raises(TypeError, match="no predict"):
        ClusterDisplay.from_estimator(fit(), X)


def table_of(display):
    """Return the counts that the table says, and its labels."""
    cells = {text.get_position(): text.get_text() for text in display.axes_[1].texts}
    n_rows, n_columns = display.table_.get_array().shape
    counts = [[int(cells[j, i]) for j in range(n_columns)] for i in range(n_rows)]
    return np.array(counts), [t.get_text() for t in display.axes_[1].get_xticklabels()]


NAMED_LABELS = np.array(["odd", "even", None], dtype=object)


@pytest.mark.parametrize(
    ("truth", "names"),
    [
        (y, [str(digit) for digit in range(10)]),
        (np.where(y < 2, y, -1), ["0", "1", "unlabelled"]),
        (NAMED_LABELS[y % 3], ["even", "odd", "unlabelled"]),
        (np.where(y < 2, y, np.nan), ["0.0", "1.0", "unlabelled"]),
        (np.full(len(y), -1), ["unlabelled"]),
    ],
)
def test_clusters_beside_true_labels_are_a_table(truth, names):
    display = ClusterDisplay.from_estimator(CLUSTERS, X, pd.Series(truth, name="kind"))
    labels, title = CLUSTERS.predict(X), display.axes_[1].get_xlabel()
    counts, found = table_of(display)
    assert (found, title) == (names, "kind")
    known = [name for name in names if name != "unlabelled"]
    of_row = np.array([t if t in known else "unlabelled" for t in map(str, truth)])
    expected = [
        [np.sum((labels == cluster) & (of_row == name)) for name in names]
        for cluster in range(4)
    ]
    np.testing.assert_array_equal(counts, expected)
    rows = [text.get_text() for text in display.axes_[1].get_yticklabels()]
    assert rows == [f"{i} ({n / len(X):.0%})" for i, n in enumerate(counts.sum(axis=1))]
    parts = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.testing.assert_allclose(display.table_.get_array(), parts)
    assert display.bars_ is None
    one = display.plot(plt.subplots()[1])  # the codes only
    assert one.table_ is None


def test_clusters_beside_what_is_no_label_say_so():
    with pytest.raises(ValueError, match="at most 20 classes, and y has numbers"):
        ClusterDisplay.from_estimator(CLUSTERS, X, X[:, 10] + 0.5)
    names = [f"n{i}" for i in range(len(X))]
    with pytest.raises(ValueError, match=r"y has 200 classes\. Leave it out; LatentSp"):
        ClusterDisplay.from_estimator(CLUSTERS, X, names)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ClusterDisplay.from_estimator(CLUSTERS, X, y[:-1])


def test_long_names_of_clusters_leave_the_codes_their_place():
    codes = np.random.default_rng(0).normal(size=(60, 2))
    names = np.array(["a" * 60, "b" * 60])[np.arange(60) % 2]
    for truth in (None, names):
        display = ClusterDisplay(codes=codes, labels=names, y=truth).plot()
        display.figure_.draw_without_rendering()
        share = display.axes_[0].get_position().width
        assert share > 0.35
        labels = [text.get_text() for text in display.axes_[1].get_yticklabels()]
        assert all(len(label) < 32 for label in labels)


# --- contributions to outlier scores --------------------------------------------------


@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame])
def test_contributions_of_the_most_unusual_rows_sum_to_their_scores(make):
    odd = X.copy()
    odd[7, 20] = 500.0
    table = make(odd)
    display = OutlierContributionDisplay.from_estimator(DETECTOR_OF[make], table)
    scores = -DETECTOR_OF[make].score_samples(table)
    np.testing.assert_allclose(display.scores, np.sort(scores)[::-1][:15])
    np.testing.assert_allclose(display.contributions.sum(axis=1), display.scores)
    assert display.contributions.shape == (15, 16)
    assert display.column_names[-1] == "other columns"
    assert display.image_.get_clim() == (0.0, display.contributions[:, :-1].max())
    at = display.row_names.index("7")
    assert display.column_names[np.argmax(display.contributions[at])] in ("x20", "20")
    drawn = display.image_.get_array()
    np.testing.assert_array_equal(drawn[:, :-1], display.contributions[:, :-1])


def test_other_columns_are_figures_and_no_colour():
    display = OutlierContributionDisplay.from_estimator(DETECTOR, X, n_columns=4)
    hidden = np.ma.getmaskarray(display.image_.get_array())
    assert hidden[:, -1].all()
    assert not hidden[:, :-1].any()
    written = [float(text.get_text()) for text in display.sums_]
    rest = display.scores - display.contributions[:, :-1].sum(axis=1)
    np.testing.assert_allclose(written, rest, rtol=6e-3)
    assert {text.get_position()[0] for text in display.sums_} == {4}
    everything = OutlierContributionDisplay.from_estimator(DETECTOR, X, n_columns=64)
    assert everything.sums_ == []
    assert not np.ma.getmaskarray(everything.image_.get_array()).any()


def test_contributions_of_few_rows_and_columns_and_of_none():
    one = OutlierContributionDisplay.from_estimator(DETECTOR, X[:1], n_columns=64)
    assert one.contributions.shape == (1, 64)
    whole = DETECTOR.localize(X[:1])
    np.testing.assert_allclose(np.sort(one.contributions), np.sort(whole))
    with pytest.raises(TypeError, match="no localize"):
        OutlierContributionDisplay.from_estimator(CLUSTERS, X)


def test_contributions_use_the_names_of_a_frame():
    frame = pd.DataFrame(X[:, 20:24], columns=list("abcd"), index=range(100, 300))
    detector = AAEOutlierDetector(n_init=1, **SMALL).fit(frame)
    display = OutlierContributionDisplay.from_estimator(detector, frame, n_rows=3)
    assert sorted(display.column_names) == list("abcd")
    assert all(int(name) >= 100 for name in display.row_names)


# --- any table, some rows of it -------------------------------------------------------


TABLES = {
    "list": np.ndarray.tolist,
    "tensor": torch.from_numpy,
    "pandas": lambda rows: pd.DataFrame(rows, columns=NAMES, index=rows[:, 3] + 5),
    "polars": lambda rows: pl.DataFrame(rows, schema=NAMES),
    "Arrow": lambda rows: pa.table(dict(zip(NAMES, rows.T, strict=True))),
    "CSR": csr_matrix,
    "CSC": csc_array,
    "COO": coo_matrix,
}
NAMES = [f"p{j}" for j in range(64)]
ROWS = {
    "HeatmapDisplay": ({"n_images": 3}, ["pictures", "heat", "reconstructions"]),
    "OutlierContributionDisplay": ({"n_rows": 3}, ["contributions", "scores"]),
    "ReconstructionDisplay": ({"n_images": 3}, ["originals", "reconstructions"]),
}


def of_rows(name, detector):
    """Return who answers: heat maps of pictures are no contributions."""
    return DETECTOR if name == "OutlierContributionDisplay" else detector


@pytest.mark.filterwarnings("ignore:X has feature names")
@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("kind", TABLES)
def test_rows_of_any_table_are_drawn(kind, name, detector):
    draw = getattr(inspection, name).from_estimator
    (options, attributes), model = ROWS[name], of_rows(name, detector)
    found, expected = (
        draw(model, rows, **options) for rows in (TABLES[kind](X / 16), X / 16)
    )
    for attribute in attributes:
        one, other = getattr(found, attribute), getattr(expected, attribute)
        assert len(one) == 3
        np.testing.assert_allclose(one, other, rtol=1e-9)
    if hasattr(found, "column_names"):
        first = "p" if kind in ("pandas", "polars", "Arrow") else "x"
        names = [name.replace("x", first) for name in expected.column_names[:-1]]
        assert found.column_names == [*names, "other columns"]


@pytest.mark.parametrize("value", [0, 2.5, "3", None])
@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("HeatmapDisplay", "n_images"),
        ("OutlierContributionDisplay", "n_rows"),
        ("OutlierContributionDisplay", "n_columns"),
        ("ReconstructionDisplay", "n_images"),
        ("LatentSpaceDisplay", "grid_resolution"),
        ("ManifoldDisplay", "grid_resolution"),
        ("PriorMatchDisplay", "n_quantiles"),
    ],
)
def test_what_is_no_number_of_things_is_refused(name, parameter, value, aae, detector):
    display = getattr(inspection, name)
    rows = () if name == "ManifoldDisplay" else (X / 16,)
    model = of_rows(name, detector) if name in ROWS else aae
    with pytest.raises(ValueError, match=f"{parameter} must be a whole number of at"):
        display.from_estimator(model, *rows, **{parameter: value})


def test_numbers_of_numpy_are_numbers(detector):
    display = HeatmapDisplay.from_estimator(detector, X / 16, n_images=np.int64(2))
    assert len(display.heat) == 2


@pytest.mark.parametrize("name", ROWS)
def test_no_rows_are_refused(name, detector):
    draw = getattr(inspection, name).from_estimator
    model = of_rows(name, detector)
    for rows in (X[:0], PICTURES[:0]) if model is detector else (X[:0],):
        with pytest.raises(ValueError, match=r"no rows to draw|0 sample"):
            draw(model, rows)


# --- marginals, and any number of rows ------------------------------------------------


def test_marginals_are_densities_of_codes_and_prior(aae):
    display = PriorMatchDisplay.from_estimator(aae, X)
    assert len(display.marginal_axes_) == 2
    codes = aae.transform(X)
    for j, marginal in enumerate(display.marginals):
        width = np.diff(marginal.edges)
        assert 0.98 < (marginal.prior * width).sum() <= 1.0
        counts, _ = np.histogram(codes[:, j], marginal.edges)
        np.testing.assert_allclose(marginal.codes * width * len(X), counts)
    _, ax = plt.subplots()
    assert PriorMatchDisplay.from_estimator(aae, X, ax=ax).marginal_axes_ == []


@pytest.mark.parametrize("k", [1, 9])
def test_marginals_of_one_and_of_many_columns(k):
    display = PriorMatchDisplay.from_estimator(fit(k), X)
    assert len(display.marginal_axes_) == min(k, 6)


def test_points_are_smaller_the_more_there_are(aae):
    sizes = []
    for n in (1, 100, 100_000):
        codes = np.random.default_rng(0).normal(size=(n, 2))
        display = LatentSpaceDisplay(codes=codes, y=np.arange(n) % 12).plot()
        sizes.append(display.points_[0].get_sizes()[0])
        legend = display.ax_.get_legend()
        assert legend.markerscale**2 * sizes[-1] == pytest.approx(30)
        assert {handle.get_alpha() for handle in legend.legend_handles} == {1.0}
    assert sizes == sorted(sizes, reverse=True)
    marked = display.plot(scatter_kwargs={"marker": "x", "s": 4})
    shapes = {points.get_paths()[0].vertices.tobytes() for points in marked.points_}
    assert len(shapes) == 1


@pytest.mark.parametrize("spread", [(1, 1), (1, 5), (5, 1)])
@pytest.mark.parametrize("display", [LatentSpaceDisplay, ClusterDisplay])
def test_labels_are_within_the_picture(display, spread):
    codes = np.random.default_rng(0).normal(size=(60, 2)) * spread
    names = np.array(["a", "of some length"])[np.arange(60) % 2]
    key = "y" if display is LatentSpaceDisplay else "labels"
    figure = display(codes=codes, **{key: names}).plot().figure_
    figure.canvas.draw()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(box.x0, box.y0, width - box.x1, height - box.y1) > 0


# --- pictures -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def detector():
    return heat_detector()


def test_displays_know_the_shape_of_an_estimator_of_pictures():
    model = AAETransformer(**CONVOLUTIONAL).fit(PICTURES)
    plane = ManifoldDisplay.from_estimator(model, grid_resolution=3)
    assert plane.images.shape == (3, 3, 8, 8)
    pairs = ReconstructionDisplay.from_estimator(model, PICTURES, n_images=4)
    assert np.array_equal(pairs.originals, PICTURES[:4])
    flat = ReconstructionDisplay.from_estimator(model, X / 16, n_images=4)
    assert np.array_equal(flat.reconstructions, pairs.reconstructions)
    message = "Pass image_shape=.* Of tables LatentSpaceDisplay shows what lies where"
    with pytest.raises(ValueError, match=message):
        ManifoldDisplay.from_estimator(fit())
    message = "Pass image_shape=.* Of tables OutlierContributionDisplay, of an AAEOutl"
    with pytest.raises(ValueError, match=message):
        ReconstructionDisplay.from_estimator(fit(), X)


@pytest.mark.parametrize("masked", [False, True])
def test_heatmap_display(masked, detector):
    masks = PICTURES > 0.5 if masked else None
    display = HeatmapDisplay.from_estimator(detector, PICTURES, masks=masks, n_images=4)
    assert np.array_equal(display.pictures, PICTURES[:4])
    assert np.array_equal(display.heat, detector.localize(PICTURES[:4]))
    assert np.array_equal(display.reconstructions, detector.reconstruct(PICTURES[:4]))
    drawn = [np.asarray(image.get_array()) for image in display.images_]
    assert len(drawn) == 3 + masked
    assert np.array_equal(drawn[0], np.hstack(PICTURES[:4]))
    assert np.array_equal(drawn[2], np.hstack(display.heat))
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names == ["picture", "reconstructed", "heat map", "mask"][: 3 + masked]
    tops = [image.get_extent()[3] for image in display.images_]
    assert tops == sorted(tops, reverse=True)
    assert display.images_[2].get_clim() == (0.0, display.heat.max())
    assert display.colorbar_.mappable is display.images_[2]
    again = display.plot(heat_cmap="magma", heat_max=2.5)
    assert again.images_[2].get_cmap().name == "magma"
    assert again.images_[2].get_clim() == (0.0, 2.5)
    assert again.images_[0].get_clim() == (display.pictures.min(), 1.0)


def test_names_beside_the_heatmaps_are_whole(detector):
    display = HeatmapDisplay.from_estimator(detector, PICTURES, n_images=2)
    display.figure_.draw_without_rendering()
    left = [t.get_window_extent().x0 for t in display.ax_.get_yticklabels()]
    assert min(left) >= 0


def test_heatmap_display_of_colour():
    colour = np.stack([PICTURES, PICTURES, 1 - PICTURES], -1)
    options = CONVOLUTIONAL | {"image_shape": (8, 8, 3)}
    model = AAEOutlierDetector(n_init=1, **options).fit(colour)
    display = HeatmapDisplay.from_estimator(model, colour, n_images=3)
    assert display.heat.shape == (3, 8, 8)
    assert display.pictures.shape == (3, 8, 8, 3)
    # Two channels are no colours: what is drawn is their mean.
    pair = colour[:3, ..., 1:]
    two = HeatmapDisplay(pictures=pair, reconstructions=pair, heat=PICTURES[:3])
    drawn = two.plot().images_[0].get_array()
    np.testing.assert_allclose(drawn, np.hstack(pair.mean(-1)))


def test_heatmap_display_says_what_it_needs(detector, aae):
    with pytest.raises(NotFittedError):
        HeatmapDisplay.from_estimator(AAEOutlierDetector(image_shape=(8, 8)), X)
    _, ax = plt.subplots()
    display = HeatmapDisplay.from_estimator(detector, PICTURES, n_images=2, ax=ax)
    assert display.ax_ is ax
    with pytest.raises(TypeError, match="localize"):
        HeatmapDisplay.from_estimator(aae, X)
    table = AAEOutlierDetector(n_init=1, **SMALL).fit(X)
    message = r"not fitted on pictures.*Of tables use OutlierContributionDisplay\.from"
    with pytest.raises(ValueError, match=message):
        HeatmapDisplay.from_estimator(table, X)
    with pytest.raises(ValueError, match=r"Pass X\[None\]"):
        HeatmapDisplay.from_estimator(detector, PICTURES[0])
    with pytest.raises(ValueError, match="Use HeatmapDisplay"):
        OutlierContributionDisplay.from_estimator(detector, PICTURES)
    with pytest.raises(TypeError, match=r"pipeline\[-1\]"):
        HeatmapDisplay.from_estimator(make_pipeline(detector).fit(PICTURES), PICTURES)
    with pytest.raises(ValueError, match="one value for each place"):
        HeatmapDisplay.from_estimator(detector, PICTURES, masks=X[:, :60])
