"""Precision, recall, density and coverage are the counts of their definitions."""

import numpy as np
import pandas as pd
import pytest

from sklearn_aae.metrics import _pairs, density_coverage, precision_recall


def inside(centres, k, rows):
    """Return whether each ball holds each row, (n_balls, n_rows)."""

    def distances(a, b):
        return np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))

    among = distances(centres, centres)
    np.fill_diagonal(among, np.inf)
    return distances(centres, rows) <= np.sort(among, axis=1)[:, k - 1, None]


def by_definition(X, Y, k):
    held, holding = inside(X, k, Y), inside(Y, k, X)
    density = held.sum() / (k * len(Y))
    return held.any(0).mean(), holding.any(0).mean(), density, held.any(1).mean()


TABLES = {
    "near": lambda rng: (rng.normal(size=(60, 2)), 0.5 * rng.normal(size=(45, 2))),
    "wide": lambda rng: (rng.normal(size=(40, 9)), rng.normal(size=(40, 9)) * 1.3),
    "far out": lambda rng: 1e6 + rng.normal(size=(2, 30, 3)),
    "grid": lambda rng: rng.randint(0, 4, size=(2, 50, 2)).astype(float),
    "copies": lambda rng: [np.repeat(rng.normal(size=(6, 5)), 8, axis=0)] * 2,
    "one point": lambda rng: [np.full((20, 3), 0.1)] * 2,
}


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("kind", TABLES)
def test_counts_are_those_of_the_definition(kind, k, monkeypatch):
    X, Y = TABLES[kind](np.random.RandomState(0))
    monkeypatch.setattr(_pairs, "BLOCK_CELLS", 7 * len(X))  # several blocks
    truth = by_definition(X, Y, k)
    assert precision_recall(X, Y, n_neighbors=k) == pytest.approx(truth[:2])
    assert density_coverage(X, Y, n_neighbors=k) == pytest.approx(truth[2:])


def test_copies_are_near_each_other():
    X = np.repeat(np.random.RandomState(0).normal(size=(5, 300)), 10, axis=0)
    assert precision_recall(X, X[::-1].copy()) == (1, 1)
    assert density_coverage(X, X[::-1].copy()) == (2, 1)  # 10 balls hold each, k = 5
    assert precision_recall(X, X + 1e-3) == (0, 0)
    assert density_coverage(X, X + 1e-3) == (0, 0)


def test_what_the_numbers_say():
    rng = np.random.RandomState(0)
    X = np.vstack([rng.normal(size=(300, 2)), 20 + rng.normal(size=(300, 2))])
    one_mode, noisy = X[:300] + rng.normal(size=(300, 2)) / 9, 3 * X
    precision, recall = precision_recall(X, one_mode)
    assert precision > 0.9
    assert recall < 0.55
    assert precision_recall(X, noisy).precision < 0.6
    assert density_coverage(X, one_mode).coverage < 0.55
    same = density_coverage(*rng.normal(size=(2, 2000, 2)))
    assert same.density == pytest.approx(1, abs=0.05)
    assert same.coverage == pytest.approx(1 - 2**-5, abs=0.02)


def test_embeddings_are_compared_instead():
    X, Y = np.random.RandomState(0).normal(size=(2, 50, 3))
    kept = precision_recall(X, Y, embedding=lambda rows: rows[:, :1])
    assert kept == precision_recall(X[:, :1], Y[:, :1])
    assert kept != precision_recall(X, Y)
    kept = density_coverage(X, Y, embedding=lambda rows: rows[:, :1])
    assert kept == density_coverage(X[:, :1], Y[:, :1])


def make_frame(rng, n, p):
    kinds = rng.choice(["a", "b", "c"], n, p=p)
    return pd.DataFrame({"x": 1e4 * rng.normal(size=n), "kind": kinds})


def test_categories_are_one_hot_and_numbers_in_deviations():
    rng = np.random.RandomState(0)
    X, Y = make_frame(rng, 80, [0.5, 0.3, 0.2]), make_frame(rng, 70, [0.9, 0.1, 0])

    def points(frame):
        x = ((frame["x"] - X["x"].mean()) / X["x"].std(ddof=0)).to_numpy()
        hot = frame["kind"].to_numpy()[:, None] == np.array(["a", "b", "c"])
        return np.column_stack([x, hot])

    truth = by_definition(points(X), points(Y), 3)
    assert precision_recall(X, Y) == pytest.approx(truth[:2])
    assert density_coverage(X, Y, n_neighbors=3) == pytest.approx(truth[2:])
    assert truth[1] < 0.9


def test_numbers_keep_their_units_in_a_frame():
    X, Y = np.random.RandomState(0).normal(size=(2, 50, 2)) * [1, 100]
    frames = (pd.DataFrame(t, columns=["a", "b"]) for t in (X, Y))
    assert precision_recall(*frames) == precision_recall(X, Y)
    assert precision_recall(X, Y) != precision_recall(X / [1, 100], Y / [1, 100])


def test_blocks_are_no_larger_than_they_should_be():
    X, Y = (_pairs.Points.plain(np.zeros((n, 1))) for n in (5000, 3000))
    parts = list(_pairs.distance_blocks(X, Y))
    assert len(parts) > 1
    assert max(d.numel() for _, d in parts) <= _pairs.BLOCK_CELLS
    assert [row for part, _ in parts for row in range(5000)[part]] == list(range(5000))


@pytest.mark.parametrize("function", [precision_recall, density_coverage])
def test_neighbours_must_be_there(function):
    few, many = np.eye(4), np.eye(10, 4)
    with pytest.raises(ValueError, match="at least 5 rows of X for n_neighbors=4"):
        function(few, many, n_neighbors=4)
    with pytest.raises(ValueError, match=r"'n_neighbors' parameter of .* Got 0"):
        function(many, many, n_neighbors=0)


def test_recall_needs_generated_neighbours():
    with pytest.raises(ValueError, match="at least 4 rows of X_generated"):
        precision_recall(np.eye(10, 4), np.eye(3, 4))
    # The three rows drawn; those of zeros lie on each other, and reach nothing.
    found = density_coverage(np.eye(10, 4), np.eye(3, 4), n_neighbors=3)
    assert found.coverage == pytest.approx(0.3)
