"""Latent spaces: heads in their colours, small pictures, and codes in space."""

from functools import cache
from itertools import combinations
from types import SimpleNamespace

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb, to_rgba
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sklearn_aae import AAEClusterer, AAETransformer, SemiSupervisedAAEClassifier
from sklearn_aae.inspection import LatentSpaceDisplay
from sklearn_aae.inspection._density import PlaneDensity, line_density, prior_density
from sklearn_aae.inspection._style import LOOKS
from sklearn_aae.priors import as_prior

X, y = load_digits(return_X_y=True)
X, y = X[:200], y[:200]
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 1, "random_state": 0}
draw = LatentSpaceDisplay.from_estimator


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@cache
def transformer(n_components=2):
    return AAETransformer(n_components, **SMALL).fit(X)


@cache
def clusterer(**params):
    model = AAEClusterer(3, n_components=2, n_init=1, **SMALL | params)
    return model.fit(X)


@cache
def classifier(n_components=2, names=None):
    model = SemiSupervisedAAEClassifier(n_components=n_components, class_heads=True)
    labels = y % 3 if names is None else np.array(names)[y % len(names)]
    return model.set_params(**SMALL).fit(X, labels)


def edge_color(contours):
    return tuple(contours.get_edgecolor()[0][:3])


# --- heads ----------------------------------------------------------------------------


HEADS = {
    "clusters": lambda: clusterer(),
    "clusters of several heads": lambda: clusterer(n_subclusters=6),
    "clusters of uniform styles": lambda: clusterer(prior="uniform"),
    "clusters of styles without formula": lambda: clusterer(prior="swiss_roll"),
    "classes": lambda: classifier(names=("a", "a", "b")),  # one is twice as frequent
}


@pytest.mark.parametrize("kind", HEADS)
def test_heads_and_their_sum_have_the_moments_of_drawn_codes(kind):
    model = HEADS[kind]()
    density = prior_density(model, 150)
    draws = model.sample_codes(50_000, random_state=0)
    x, y = np.meshgrid(density.x, density.y)
    mass = density.values / density.values.sum()
    np.testing.assert_allclose(density.middle(), draws.mean(0), atol=0.05)
    second = [(mass * x**2).sum(), (mass * y**2).sum(), (mass * x * y).sum()]
    expected = [(draws[:, i] * draws[:, j]).mean() for i, j in ((0, 0), (1, 1), (0, 1))]
    np.testing.assert_allclose(second, expected, rtol=0.05, atol=0.1)
    cell = (density.x[1] - density.x[0]) * (density.y[1] - density.y[0])
    for part in density.heads.values():
        assert part.values.sum() * cell == pytest.approx(1, abs=0.05)


def test_the_head_of_a_class_is_where_its_codes_are_drawn():
    model = classifier()
    heads = model.decoder_.class_heads.weight.detach().numpy().reshape(2, 3).T
    density = prior_density(model, 150)
    assert list(density.heads) == [0, 1, 2]
    for part, head in zip(density.heads.values(), heads, strict=True):
        np.testing.assert_allclose(part.middle(), head, atol=0.05)


def test_heads_of_a_cluster_lie_around_its_decoded_labels():
    model = clusterer(n_subclusters=6)
    density = prior_density(model, 150)
    heads = model.decoder_.class_heads.weight.detach().numpy().reshape(2, 6).T
    p = model.prior_.class_prior.numpy()
    assert list(density.heads) == list(range(len(model.cluster_centers_)))
    for cluster, part in density.heads.items():
        mine = model.subcluster_labels_ == cluster
        middle = np.average(heads[mine], axis=0, weights=p[mine])
        np.testing.assert_allclose(part.middle(), middle, atol=0.05)


@pytest.mark.parametrize("labels", [None, y % 3, pd.Series(np.where(y < 5, y % 3, -1))])
def test_heads_of_classes_have_the_colours_of_their_points(labels):
    display = draw(classifier(), X, labels, grid_resolution=40)
    assert display.contours_ is None
    assert list(display.head_contours_) == [0, 1, 2]
    found = [edge_color(contours) for contours in display.head_contours_.values()]
    assert found == [to_rgb(look["color"]) for look in LOOKS[:3]]
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    for name, points in zip(legend, display.points_, strict=True):
        color = tuple(points.get_facecolor()[0][:3])
        assert color == (
            to_rgb("lightgray") if name == "unlabelled" else found[int(name)]
        )
    assert {text.get_text() for text in display.ax_.texts} == {"0", "1", "2"}


def test_points_without_labels_are_coloured_as_predicted():
    for model, title in ((classifier(), "class"), (clusterer(), "cluster")):
        display = draw(model, X, grid_resolution=40)
        np.testing.assert_array_equal(display.y, model.predict(X))
        assert display.ax_.get_legend().get_title().get_text() == title


def test_classes_keep_their_colours_where_some_have_no_rows():
    display = draw(classifier(), X[y == 2], y[y == 2], grid_resolution=40)
    (points,) = display.points_
    assert tuple(points.get_facecolor()[0][:3]) == to_rgb(LOOKS[2]["color"])
    assert edge_color(display.head_contours_[2]) == to_rgb(LOOKS[2]["color"])


def test_heads_keep_their_colours_where_no_row_has_a_label():
    display = draw(classifier(), X, np.full(len(X), -1), grid_resolution=40)
    found = [edge_color(contours) for contours in display.head_contours_.values()]
    assert found == [to_rgb(look["color"]) for look in LOOKS[:3]]
    (points,) = display.points_
    assert tuple(points.get_facecolor()[0][:3]) == to_rgb("lightgray")


def test_clusters_are_black_beside_other_labels_and_coloured_beside_their_own():
    model = clusterer()
    for labels in (model.predict(X), pd.Series(model.predict(X))):
        own = draw(model, X, labels, grid_resolution=40).head_contours_
        colors = [edge_color(contours) for contours in own.values()]
        assert colors == [to_rgb(look["color"]) for look in LOOKS[: len(own)]]
    other = draw(model, X, y, grid_resolution=40).head_contours_
    assert list(other) == [f"cluster {i}" for i in range(len(own))]
    assert {edge_color(contours) for contours in other.values()} == {to_rgb("black")}


@pytest.mark.filterwarnings("ignore:The only labels in y are -1 and 1")
def test_a_class_of_minus_one_is_no_row_without_a_label():
    model = classifier(names=(-1, 1))
    display = draw(model, X, grid_resolution=40)
    assert list(display.head_contours_) == ["-1", "1"]
    colors = [edge_color(contours) for contours in display.head_contours_.values()]
    assert colors == [to_rgb(look["color"]) for look in LOOKS[:2]]


def test_lines_of_heads_tell_apart_what_colours_do_not():
    names = np.arange(10)
    grid = np.linspace(-1, 1, 20)
    bump = np.exp(-(grid**2) - grid[:, None] ** 2)
    heads = {name: PlaneDensity(grid, grid, bump) for name in names.tolist()}
    density = PlaneDensity(grid, grid, bump, heads)
    display = LatentSpaceDisplay(codes=np.zeros((10, 2)), y=names, density=density)
    contours = display.plot(coverage=(0.3, 0.6)).head_contours_
    assert edge_color(contours[0]) == edge_color(contours[8])
    assert contours[0].linestyles == "-"
    assert contours[8].linestyles == "--"
    assert len(contours[0].levels) == 2
    styled = display.plot(contour_kwargs={"colors": "red"}).head_contours_
    assert {edge_color(one) for one in styled.values()} == {to_rgb("red")}


# --- thumbnails -----------------------------------------------------------------------


def boxes(display):
    return np.array([image.get_extent() for image in display.thumbnails_])


def frames(display):
    return [patch for patch in display.ax_.patches if patch.get_fill() is False]


@pytest.mark.parametrize("shape", [(8, 8), (4, 16), (4, 4, 4)])
def test_thumbnails_lie_at_their_codes_and_hide_none(shape):
    display = draw(transformer(), X / 16, y, thumbnails=25, image_shape=shape)
    drawn, rows = display.thumbnails, display.thumbnails.rows
    assert len(rows) == len(set(rows)) == 25
    np.testing.assert_array_equal(drawn.pictures, X[rows].reshape(-1, *shape) / 16)
    for image, picture in zip(display.thumbnails_, drawn.pictures, strict=True):
        np.testing.assert_array_equal(image.get_array(), picture)
    left, right, low, high = boxes(display).T
    middles = np.stack([left + right, low + high], axis=1) / 2
    np.testing.assert_allclose(middles, display.codes[rows], atol=1e-6)
    np.testing.assert_allclose((right - left) / (high - low), shape[1] / shape[0])
    x, y_ = (np.abs(m[:, None] - m) + np.eye(25) * 99 for m in middles.T)
    apart = (x > (right - left)[0] - 1e-6) | (y_ > (high - low)[0] - 1e-6)
    assert apart.all()
    (x0, x1), (y0, y1) = display.ax_.get_xlim(), display.ax_.get_ylim()
    assert x0 < left.min() < right.max() < x1
    assert y0 < low.min() < high.max() < y1


def test_thumbnails_have_frames_of_their_class():
    labels = pd.Series(np.where(y == 3, -1, y), name="digit", index=X[:, 3])
    display = draw(transformer(), X, labels, thumbnails=True, image_shape=(8, 8))
    for row, frame in zip(display.thumbnails.rows, frames(display), strict=True):
        digit = y[row]
        look = LOOKS[digit - (digit > 3)]
        color = "lightgray" if digit == 3 else look["color"]
        assert frame.get_edgecolor() == to_rgba(color)
        dashed = digit == 9  # the colour of 0
        assert frame.get_linestyle() == ("--" if dashed else "-")


def test_thumbnails_have_frames_of_their_number_or_of_none():
    values = np.where(y == 0, np.nan, y + 0.5)
    display = draw(transformer(), X, values, thumbnails=30, image_shape=(8, 8))
    bar = display.points_[0]
    for row, frame in zip(display.thumbnails.rows, frames(display), strict=True):
        color = to_rgba("lightgray") if y[row] == 0 else bar.to_rgba(values[row])
        np.testing.assert_allclose(frame.get_edgecolor(), color)
    display = draw(transformer(), X, thumbnails=30, image_shape=(8, 8))
    assert {frame.get_edgecolor() for frame in frames(display)} == {to_rgba("0.4")}


def test_thumbnails_know_the_shape_of_an_estimator_of_pictures():
    pictures = X.reshape(-1, 8, 8) / 16
    model = AAETransformer(
        2, image_shape=(8, 8), hidden_channels=(2, 2), max_iter=1, random_state=0
    ).fit(pictures)
    display = draw(model, pictures, thumbnails=5, thumbnail_kwargs={"cmap": "magma"})
    rows = display.thumbnails.rows
    np.testing.assert_array_equal(display.thumbnails.pictures, pictures[rows])
    assert display.thumbnails_[0].get_cmap().name == "magma"


@pytest.mark.parametrize(
    ("codes", "number"),
    [
        (np.zeros((1, 2)), 1),
        (np.zeros((50, 2)), 1),  # all in one place
        (np.repeat(np.eye(2), 25, axis=0), 2),
        (np.c_[np.arange(9.0), np.zeros(9)], 9),  # a line
        (np.r_[np.random.default_rng(0).normal(size=(199, 2)), [[1e6, 0]]], 20),
    ],
)
def test_thumbnails_of_odd_codes(codes, number):
    rows, given = X[: len(codes)], FunctionTransformer(lambda X: codes)
    display = draw(given, rows, thumbnails=20, image_shape=(8, 8))
    assert len(display.thumbnails_) == number
    left, right, *_ = boxes(display).T
    assert (right > left).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"thumbnails": 0}, "thumbnails must be a whole number of at least 1"),
        ({"thumbnails": 2.5}, "thumbnails must be a whole number of at least 1"),
        ({"thumbnails": True}, r"shape=\(height, width\).* leave thumbnails=F"),
        ({"thumbnails": 3, "image_shape": (8, 9)}, "makes 72 columns"),
    ],
)
def test_thumbnails_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        draw(transformer(), X, **options)


# --- space ----------------------------------------------------------------------------


def test_codes_of_three_columns_are_points_in_space():
    model = transformer(3)
    display = draw(model, X, np.where(y == 3, -1, y))
    assert display.ax_.name == "3d"
    assert display.ax_.get_zlabel() == "$z_3$"
    assert display.density is display.contours_ is None
    digits = [*np.delete(np.arange(10), 3), 3]
    assert len(display.points_) == len(digits)
    for digit, points in zip(digits, display.points_, strict=True):
        found = np.stack(points._offsets3d, axis=1)
        np.testing.assert_allclose(found, display.codes[y == digit])
    assert len({p.get_paths()[0].vertices.tobytes() for p in display.points_}) == 2
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == [*map(str, digits[:-1]), "unlabelled"]


def test_codes_of_heads_in_space_are_coloured_as_predicted():
    display = draw(classifier(3), X)
    np.testing.assert_array_equal(display.y, classifier(3).predict(X))
    assert display.head_contours_ == {}


def test_numbers_in_space_have_a_colour_bar():
    values = y + 0.5
    display = draw(transformer(3), X[:150], values[:150])
    assert len(display.figure_.axes) == 2
    assert draw(transformer(3), X[:1], values[:1]).codes.shape == (1, 3)


def within(figure, box):
    width, height = figure.canvas.get_width_height()
    return min(box.x0, box.y0) >= 0 and box.x1 <= width and box.y1 <= height


@pytest.mark.parametrize("spread", [(1, 1, 1), (0.3, 5, 5), (5, 1, 5), (5, 5, 0.3)])
@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_a_space_has_its_ticks_apart_and_its_legend_whole(kind, spread):
    codes = np.random.default_rng(0).normal(size=(200, 3)) * spread
    values = np.arange(200) % 3 + (0.5 if kind == "numbers" else 0)
    display = LatentSpaceDisplay(codes=codes, y=values).plot()
    figure, ax = display.figure_, display.ax_
    figure.draw_without_rendering()
    assert kind == "numbers" or within(figure, ax.get_legend().get_window_extent())
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        low, high = sorted(axis.get_view_interval())
        ticks = [t for t in axis.get_major_ticks() if low <= t.get_loc() <= high]
        boxes = [tick.label1.get_window_extent() for tick in ticks]
        assert boxes
        assert not any(a.overlaps(b) for a, b in combinations(boxes, 2))
        labels = [*boxes, axis.label.get_window_extent()]
        assert all(within(figure, box) for box in labels)


# --- one column -----------------------------------------------------------------------


def heights(bars):
    """Return what bars add to those below."""
    values, _, baseline = bars.get_data()
    return values - baseline


@pytest.mark.parametrize("labels", [y, np.where(y == 3, -1, y)])
def test_one_column_is_a_histogram_by_class(labels):
    display = draw(transformer(1), X, labels)
    codes, edges = display.codes[:, 0], display.points_[0].get_data()[1]
    width = edges[1] - edges[0]
    kinds = [*np.unique(labels[labels >= 0]), *([-1] if -1 in labels else [])]
    assert len(display.points_) == len(kinds)
    for kind, bars in zip(kinds, display.points_, strict=True):
        counts, _ = np.histogram(codes[labels == kind], edges)
        np.testing.assert_allclose(heights(bars) * width * len(X), counts)
    total = sum(heights(bars) for bars in display.points_)
    assert total.sum() * width == pytest.approx(1.0)
    np.testing.assert_allclose(display.points_[-1].get_data()[0], total)
    names = ["unlabelled" if kind == -1 else str(kind) for kind in kinds]
    assert legend_of(display) == names
    looks = {(b.get_facecolor(), b.get_hatch()) for b in display.points_}
    assert len(looks) == len(kinds)
    assert display.ax_.get_xlabel() == "$z_1$"
    assert display.ax_.get_ylabel() == "density"


def test_one_column_has_the_line_of_its_prior():
    display = draw(transformer(1), X, contour_kwargs={"color": "red"})
    assert len(display.points_) == 1
    assert display.ax_.get_legend() is None
    z, density = display.line_.get_data()
    normal = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(density, normal, rtol=1e-4)
    assert display.line_.get_color() == "red"
    assert display.contours_ is None
    spread = as_prior(lambda n, random_state: random_state.normal(size=(n, 1)), 1)
    drawn = line_density(SimpleNamespace(prior_=spread), 60)  # without a formula
    normal = np.exp(-(drawn.x**2) / 2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(drawn.values, normal, atol=0.02)
    still = as_prior(lambda n, random_state: np.ones((n, 1)), 1)
    place = line_density(SimpleNamespace(prior_=still), 50)
    assert place.values.sum() * (place.x[1] - place.x[0]) == pytest.approx(1.0)
    assert draw(FunctionTransformer(lambda X: X[:, 2:3]), X).line_ is None


def test_heads_of_one_column_are_coloured_as_predicted():
    display = draw(classifier(1), X)
    np.testing.assert_array_equal(display.y, classifier(1).predict(X))
    assert legend_of(display) == ["0", "1", "2"]
    assert display.head_contours_ == {}
    assert display.line_ is not None


def test_numbers_are_points_over_one_column():
    values = np.where(y == 0, np.nan, y + 0.5)
    display = draw(transformer(1), X, pd.Series(values, name="size"))
    (points,) = display.points_
    known = y > 0
    expected = np.column_stack([display.codes[known, 0], values[known]])
    np.testing.assert_allclose(points.get_offsets(), expected)
    assert display.ax_.get_ylabel() == "size"


@pytest.mark.parametrize("n_classes", [1, 8, 20])
def test_the_legend_beside_one_column_is_whole(n_classes):
    codes = np.random.default_rng(0).normal(size=(60, 1))
    display = LatentSpaceDisplay(codes=codes, y=np.arange(60) % n_classes).plot()
    display.figure_.draw_without_rendering()
    legend = display.ax_.get_legend()
    assert within(display.figure_, legend.get_window_extent())
    styled = display.plot(scatter_kwargs={"alpha": 0.25})
    assert {bars.get_alpha() for bars in styled.points_} == {0.25}
    same = LatentSpaceDisplay(codes=codes * 0, y=np.arange(60) % n_classes).plot()
    assert all(np.isfinite(heights(bars)).all() for bars in same.points_)


def test_thumbnails_beside_one_column_are_refused():
    with pytest.raises(ValueError, match=r"codes have 1 columns\. Leave thumbnails"):
        draw(transformer(1), X, thumbnails=True, image_shape=(8, 8))


# --- names in the legend --------------------------------------------------------------

NAMES = ["Barbera d'Asti Denominazione di Origine Controllata e Garantita", "b" * 80]


def legend_of(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


@pytest.mark.parametrize("n_columns", [2, 3])
def test_long_names_leave_the_picture_its_place(n_columns):
    codes = np.random.default_rng(0).normal(size=(60, n_columns))
    labels = pd.Series(np.array([*NAMES, "c"])[np.arange(60) % 3], name="n" * 50)
    places = []
    for y in (labels, labels.str[:1]):
        display = LatentSpaceDisplay(codes=codes, y=y, y_name=labels.name).plot()
        display.figure_.draw_without_rendering()
        legend = display.ax_.get_legend()
        assert within(display.figure_, legend.get_window_extent())
        places.append(display.ax_.get_window_extent().width)
        assert legend.get_title().get_text() == f"{'n' * 12}…{'n' * 11}"
    assert places[0] > 0.9 * places[1]
    long = LatentSpaceDisplay(codes=codes, y=labels).plot()
    assert legend_of(long) == [
        "Barbera d'As…e Garantita",
        "b" * 12 + "…" + "b" * 11,
        "c",
    ]


def test_names_that_differ_in_their_middle_only_are_whole():
    names = [f"{'a' * 15} {i} {'z' * 15}" for i in range(3)]
    display = LatentSpaceDisplay(codes=np.eye(3)[:, :2], y=names).plot()
    assert legend_of(display) == names


def test_axes_have_as_many_dimensions_as_codes():
    _, plane = plt.subplots()
    _, space = plt.subplots(subplot_kw={"projection": "3d"})
    assert draw(transformer(3), X, ax=space).ax_ is space
    assert draw(transformer(), X, ax=plane).ax_ is plane
    advice = (
        r"ax has 2 dimensions, but codes have 3 columns\. Make it by "
        r'plt\.subplots\(subplot_kw={"projection": "3d"}\), or leave ax=None\.'
    )
    with pytest.raises(ValueError, match=advice):
        draw(transformer(3), X, ax=plane)
    for n_columns in (1, 2):
        message = rf"ax has 3 dimensions.* {n_columns} columns"
        with pytest.raises(ValueError, match=message):
            draw(transformer(n_columns), X, ax=space)


def test_thumbnails_in_space_are_refused():
    with pytest.raises(
        ValueError, match=r"codes have 3 columns\. Leave thumbnails=False"
    ):
        draw(transformer(3), X, thumbnails=True, image_shape=(8, 8))


def test_a_pipeline_shows_a_plane_of_many_columns():
    model = AAETransformer(5, **SMALL)
    pipeline = make_pipeline(model, PCA(2)).fit(X)
    display = draw(pipeline, X, y)
    np.testing.assert_allclose(display.codes, pipeline.transform(X))


def test_codes_of_more_columns_say_how_to_see_a_plane_of_them():
    model = transformer(5)
    with pytest.raises(ValueError, match="or pass make_pipeline") as caught:
        draw(model, X)
    code = str(caught.value).partition("or pass ")[2].partition(" for a plane")[0]
    names = {"make_pipeline": make_pipeline, "PCA": PCA, "model": model, "X": X}
    display = draw(eval(code, names), X, y)
    expected = PCA(2).fit_transform(model.transform(X))
    np.testing.assert_allclose(display.codes, expected, atol=1e-5)
