"""What all metrics of rows refuse, and the message that says what to do."""

from itertools import product

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from sklearn_aae import metrics

OPTIONS = {
    "reconstruction_error": {},
    "parzen_log_likelihood": {"bandwidth": 1.0},
    "parzen_bandwidth": {"bandwidths": [1.0, 2.0]},
    "frechet_distance": {},
    "precision_recall": {},
    "density_coverage": {},
    "prior_match": {"random_state": 0},
}
COMPARES = sorted(set(OPTIONS) - {"reconstruction_error"})


@pytest.fixture
def rows():
    return np.random.RandomState(0).normal(size=(2, 20, 3))


def call(name, X, Y):
    return getattr(metrics, name)(X, Y, **OPTIONS[name])


@pytest.mark.parametrize("name", COMPARES)
def test_columns_must_agree(name, rows):
    with pytest.raises(ValueError, match=r"shape \(20, 3\).* shape \(20, 2\)"):
        call(name, rows[0], rows[1][:, :2])


CELLS = set(product(OPTIONS, [0, 1], [np.nan, np.inf]))
CELLS -= {("reconstruction_error", 0, np.nan)}  # there X may have holes


@pytest.mark.parametrize(("name", "place", "value"), sorted(CELLS, key=str))
def test_cells_must_be_there(name, place, value, rows):
    rows[place][[4, 7], 1] = value
    with pytest.raises(ValueError, match=r"has 2 .*cells in column 1.*SimpleImputer"):
        call(name, *rows)


@pytest.mark.parametrize("name", OPTIONS)
def test_rows_are_tables(name, rows):
    with pytest.raises(ValueError, match=r"must be rows of numbers: Expected 2D"):
        call(name, rows[0], rows[1][0])


@pytest.mark.parametrize("name", OPTIONS)
def test_kinds_of_tables_are_alike(name, rows):
    truth = pytest.approx(call(name, *rows), rel=1e-12)
    names = ["a", "b", "c"]
    assert call(name, *(t.tolist() for t in rows)) == truth
    assert call(name, *(torch.from_numpy(t) for t in rows)) == truth
    assert call(name, *(pd.DataFrame(t, columns=names) for t in rows)) == truth
    assert call(name, *(pl.DataFrame(t, schema=names) for t in rows)) == truth


def test_columns_of_frames_are_named(rows):
    X, Y = (pd.DataFrame(t, columns=["a", "b", "c"]) for t in rows)
    X.loc[3, "b"] = np.nan
    with pytest.raises(ValueError, match="1 missing or infinite cells in column 'b'"):
        metrics.frechet_distance(X, Y)


def test_categories_are_for_some():
    frame = pd.DataFrame({"x": np.arange(20.0), "kind": ["a", "b"] * 10})
    assert metrics.frechet_distance(frame, frame) == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match="must be rows of numbers: column 'kind' "):
        metrics.parzen_log_likelihood(frame, frame, bandwidth=1.0)
    with pytest.raises(ValueError, match=r"shape \(20, 2\).* shape \(20, 1\)"):
        metrics.frechet_distance(frame, frame[["x"]].to_numpy())


def test_embeddings_are_checked(rows):
    X, Y = rows
    with pytest.raises(ValueError, match=r"'embedding\(X\)' argument of frechet_dist"):
        metrics.frechet_distance(X, Y, embedding=lambda t: t[:, 0])


@pytest.mark.parametrize("name", OPTIONS)
def test_rows_are_left_as_they_are(name, rows, rng_untouched):
    before = rows.copy()
    with rng_untouched():
        call(name, *rows)
    np.testing.assert_array_equal(rows, before)


@pytest.mark.parametrize("holes", ["X", "Y"])
def test_frames_with_categories_must_be_complete(holes):
    frame = pd.DataFrame({"n": np.arange(20.0), "kind": list("ab") * 10})
    tables = {"X": frame, "Y": frame.copy()}
    tables[holes].loc[3, "n"] = np.nan
    with pytest.raises(ValueError, match=f"'{holes}' argument .* in column 'n'"):
        metrics.frechet_distance(tables["X"], tables["Y"])


def test_columns_are_compared_by_name():
    frame = pd.DataFrame(np.eye(4), columns=list("abcd"))
    for other in (frame[list("dcba")], frame.rename(columns={"a": "z"})):
        for name in OPTIONS:
            with pytest.raises(ValueError, match="in the same order"):
                call(name, frame, other)


def pixels(name, X, Y):
    """Return a metric of pictures; one of them takes three tables."""
    if name == "closest_row_share":
        return metrics.closest_row_share(X, Y[::2], Y[1::2])
    return call(name, X, Y)


@pytest.mark.parametrize("name", [*OPTIONS, "closest_row_share"])
def test_pictures_are_rows_of_their_cells(name):
    flat = np.random.RandomState(0).uniform(size=(2, 20, 6))
    truth = pixels(name, *flat)
    for shape in ((20, 2, 3), (20, 1, 2, 3)):
        pictures = flat.reshape(2, *shape)
        assert pixels(name, *pictures) == truth
        assert pixels(name, *torch.from_numpy(pictures)) == truth
        assert pixels(name, flat[0], pictures[1]) == truth
        assert pixels(name, pictures[0].tolist(), flat[1]) == truth
    turned = flat[1].reshape(20, 3, 2)
    with pytest.raises(ValueError, match=r"\(\d+, ., .\) and \w+ has shape"):
        pixels(name, flat[0].reshape(20, 2, 3), turned)
