"""What the page says and draws is so: each part asked alone."""

import dataclasses
import warnings
from types import SimpleNamespace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from sklearn_aae.report import _look, _page, _pictures, main
from sklearn_aae.report._look import look_at

N = 80


def make_frame():
    random = np.random.default_rng(0)
    one = random.normal(size=N)
    return pd.DataFrame(
        {
            "other": random.normal(size=N),
            "one": one,
            "like one": one + 0.1 * random.normal(size=N),
        }
    )


@pytest.fixture
def look(short):
    return look_at(make_frame(), n_components=2, seed=0, verbose=0)


@pytest.fixture
def figures(monkeypatch):
    """The figures that would have become pictures."""
    found = []
    monkeypatch.setattr(_pictures, "_png", lambda figure: found.append(figure) or "")
    return found


# --- what is said ---------------------------------------------------------------------


def test_columns_that_the_codes_follow_matter(short):
    moved = look_at(make_frame(), n_components=1, seed=0, verbose=0).moved
    assert list(moved)[-1] == "other"
    assert min(moved["one"], moved["like one"]) > 2 * moved["other"] > 0


def test_how_far_codes_move_is_over_their_own_spread():
    X = make_frame()
    a, b = (_look._moved(model_of(scale), X, 0) for scale in (1.0, 50.0))
    assert a == pytest.approx(b)
    # Two independent draws of a normal distribution differ by root two of what one
    # differs from the mean.
    assert a["one"] == pytest.approx(2**0.5, rel=0.2)
    assert a["other"] == a["like one"] == 0


def model_of(scale):
    """A model whose code is one column."""
    return SimpleNamespace(transform=lambda X: scale * X[["one"]].to_numpy())


@pytest.mark.parametrize(
    ("drawn", "said"),
    [
        ([(1, 2.00001, "a"), (1, 2.0, "b")], "1 of these 2 is also a row of the table"),
        ([(1, 2.0, "a"), (2, np.nan, np.nan)], "2 of these 2 are also rows of the"),
        ([(2, 2.0, "a"), (1, np.nan, "a")], "None of these 2 is also a row of the"),
    ],
)
def test_drawn_rows_that_are_in_the_table_are_counted(drawn, said):
    names = ["n", "size", "kind"]
    X = pd.DataFrame([(1, 2.00002, "a"), (2, np.nan, np.nan)], columns=names)
    assert _page._known(pd.DataFrame(drawn, columns=names), X).startswith(said)


def test_the_page_counts_drawn_rows_of_the_table(short, tmp_path):
    random = np.random.default_rng(0)
    pd.DataFrame({name: random.choice(["a", "b"], N) for name in "xyz"}).to_csv(
        tmp_path / "few.csv", index=False
    )
    assert main([str(tmp_path / "few.csv")]) == 0
    page = (tmp_path / "few_look.html").read_text(encoding="utf-8")
    said = "8 of these 8 are also rows of the table, as shown here. Drawn rows are no"
    assert said in page


def test_drawn_rows_are_of_the_seed(look):
    again = look_at(make_frame(), n_components=2, seed=0, verbose=0)
    pd.testing.assert_frame_equal(look.drawn, again.drawn)
    assert len(look.drawn) == _look.N_DRAWN


def test_what_the_fits_warned_of_is_kept_once(short, monkeypatch):
    make = _look.AAETransformer

    def warn(*args, **kwargs):
        warnings.warn("This is odd.", stacklevel=2)
        warnings.warn("This is odd.", stacklevel=2)
        warnings.warn("This will change.", FutureWarning, stacklevel=2)
        return make(*args, **kwargs)

    monkeypatch.setattr(_look, "AAETransformer", warn)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        look = look_at(make_frame(), n_components=2, seed=0, verbose=0)
    assert look.warned[0] == "This is odd."
    assert look.warned.count("This is odd.") == 1
    assert "This will change." not in look.warned
    assert '<li class="ill">This is odd.</li>' in list(_page._health(look))


@pytest.mark.parametrize(
    ("state", "ill"),
    [
        ({}, []),
        ({"explained_variance": 0.21, "prior_match_pvalue": 0.01}, []),
        ({"explained_variance": 0.19}, ["keep 19%"]),
        ({"prior_match_pvalue": 0.009}, ["only in part (p = 0.009)"]),
        ({"dead_columns": [1]}, ["Columns [1] of the code are hardly used"]),
    ],
)
def test_health_says_what_is_ill(state, ill, look):
    health = {"explained_variance": 0.9, "prior_match_pvalue": 0.5, "dead_columns": []}
    model = SimpleNamespace(health_=health | state)
    items = list(_page._health(dataclasses.replace(look, model=model, warned=[])))
    assert len(items) == 3
    found = [item for item in items if item.startswith('<li class="ill">')]
    assert len(found) == len(ill)
    assert all(text in item for text, item in zip(ill, found, strict=True))


def test_cells_of_next_to_no_share_are_not_blamed(look):
    X = make_frame()
    detector = SimpleNamespace(
        localize=lambda rows: np.tile([0.009, 0.991, 0.0], (len(rows), 1))
    )
    scores = np.arange(float(N))
    found = _look._outliers(detector, X, scores)
    assert [outlier.row for outlier in found] == list(range(N - 1, N - 11, -1))
    assert found[0].blamed == [("one", X["one"].iloc[-1], pytest.approx(0.991))]
    nothing = dataclasses.replace(found[0], blamed=[])
    page = _page._outliers(dataclasses.replace(look, outliers=[nothing]))
    assert "<td>many cells, each a little</td>" in page


# --- what is drawn --------------------------------------------------------------------


def points_of(figure):
    return [points.get_offsets() for points in figure.axes[0].collections[:-1]]


def test_far_rows_are_drawn_at_the_edge_and_counted(look, figures):
    codes = look.codes.clip(-1, 1)
    codes[3], codes[5] = (100, 0), (0, -100)
    look = dataclasses.replace(look, codes=codes)
    assert _pictures.draw_map(look, None)[1] == 2
    (points,) = points_of(figures[0])
    moved = (points != codes).any(1)
    assert list(np.flatnonzero(moved)) == [3, 5]
    assert 3 < points[3, 0] < 10
    assert -10 < points[5, 1] < -3
    assert (points[[3, 5], [1, 0]] == 0).all()


def test_three_codes_are_drawn_by_their_principal_plane(look, figures):
    codes = np.random.default_rng(0).normal(size=(N, 3)) * (1, 9, 3)
    _pictures.draw_map(dataclasses.replace(look, codes=codes), None)
    ax = figures[0].axes[0]
    (points,) = ax.collections
    both = np.corrcoef(points.get_offsets().T, codes.T)[:2, 2:]
    assert (abs(both).argmax(1) == [1, 2]).all()
    assert (abs(both).max(1) > 0.98).all()
    assert ax.get_xlabel() == "first principal code"


def test_one_code_is_drawn_as_a_histogram(look, figures):
    _pictures.draw_map(dataclasses.replace(look, codes=look.codes[:, :1]), None)
    ax = figures[0].axes[0]
    assert sum(bar.get_height() for bar in ax.patches) == N


@pytest.mark.parametrize("dtype", [int, float])
def test_a_value_of_minus_one_is_a_value(dtype, look, figures):
    colour = pd.Series(np.arange(N) % 3 - 1, name="sign", dtype=dtype)
    _pictures.draw_map(look, colour)
    legend = figures[0].axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["-1", "0", "1"]
    assert legend.get_title().get_text() == "sign"
    assert [len(points) for points in points_of(figures[0])] == [27, 27, 26]


@pytest.mark.parametrize("hole", [None, 7])
def test_many_whole_numbers_have_a_colour_bar(hole, look, figures):
    colour = pd.Series(np.arange(N) - 1.0, name="price")
    if hole is not None:
        colour[hole] = np.nan
    _pictures.draw_map(look, colour)
    ax, bar = figures[0].axes
    assert bar.get_ylabel() == "price"
    assert ax.get_legend() is None
    points = ax.collections[0]
    assert np.ma.count(points.get_offsets()) == 2 * N  # none is left out
    np.testing.assert_array_equal(points.get_array().filled(np.nan), colour)
    points.update_scalarmappable()
    shown = points.get_facecolors()[:, :3]
    grey = np.isclose(shown, matplotlib.colors.to_rgb("lightgray")).all(1)
    assert list(np.flatnonzero(grey)) == ([] if hole is None else [hole])


def test_text_without_a_value_is_unlabelled(look, figures):
    colour = pd.Series(np.where(np.arange(N) % 2, "a", "b"), name="kind", dtype=object)
    colour[:5] = np.nan
    _pictures.draw_map(look, colour)
    texts = figures[0].axes[0].get_legend().get_texts()
    assert [text.get_text() for text in texts] == ["a", "b", "unlabelled"]


def test_of_many_columns_it_says_how_many_are_drawn(look, figures):
    moved = {f"x{j}": 20.0 - j for j in range(20)}
    _pictures.draw_columns(dataclasses.replace(look, moved=moved))
    ax = figures[0].axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == list(moved)[:15]
    assert "the 15 of the 20 columns" in _page._shown(20)
    assert _page._shown(15) == ""


@pytest.mark.parametrize(("n_more", "shape"), [(0, (1, 4)), (1, (2, 3)), (5, (3, 3))])
def test_the_training_has_room_for_each_panel(n_more, shape, look, figures):
    more = {f"loss_{i}": 1.0 for i in range(n_more)}
    look.model.history_ = [line | more for line in look.model.history_]
    _pictures.draw_training(look)
    n_rows, n_columns = shape
    assert tuple(figures[0].get_size_inches()) == (2.9 * n_columns, 2.7 * n_rows)


def test_figures_and_backend_of_the_caller_stay(look):
    before = matplotlib.get_backend()
    try:
        matplotlib.use("svg")
        figure = plt.figure()
        _pictures.check_drawable()
        for draw in ("columns", "scores", "training"):
            assert getattr(_pictures, f"draw_{draw}")(look).startswith("data:image/")
        for k in (1, 2, 3):
            codes = np.column_stack([look.codes, look.codes[:, :1]])[:, :k]
            _pictures.draw_map(dataclasses.replace(look, codes=codes), None)
        assert matplotlib.get_backend() == "svg"
        assert plt.get_fignums() == [figure.number]
    finally:
        plt.close("all")
        matplotlib.use(before)
