"""Rows that are drawn around training rows: what they keep of the table."""

import pickle
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import norm
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from torch.distributions import Normal

from sklearn_aae import (
    AAETransformer,
    ConditionalAAETransformer,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.distributions import Columns
from sklearn_aae.estimators import _examples, _neighborhood
from sklearn_aae.estimators._examples import keep_examples, merge_examples
from sklearn_aae.estimators._neighborhood import Neighborhood
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._transport import KEEP, ClassTransport
from sklearn_aae.tabular import Dependencies, NormalScores

SMALL = {
    "hidden_layer_sizes": (32,),
    "critic_hidden_layer_sizes": (32,),
    "random_state": 0,
}


# --- the parts, against what they are defined by --------------------------------------


def test_normal_scores_keep_lumps_and_values():
    rng = np.random.RandomState(0)
    x = np.where(rng.rand(2000) < 0.7, 0.0, np.exp(rng.normal(size=2000)))
    scores = NormalScores(x, np.ones(2000))
    s = scores.scores(x, rng.rand(2000))
    assert np.abs([s.mean(), s.std() - 1]).max() < 0.05
    np.testing.assert_allclose(scores.numbers(s)[x == 0], 0)
    drawn = scores.numbers(rng.normal(size=20_000))
    assert (drawn == 0).mean() == pytest.approx((x == 0).mean(), abs=0.01)
    assert drawn.min() == 0
    assert drawn.max() <= x.max()
    # The mean score of a lump, by numerical integration.
    levels = np.full(10_000, 0.0)
    mean = scores.scores(levels, (np.arange(10_000) + 0.5) / 10_000).mean()
    assert scores.means(np.zeros(1))[0] == pytest.approx(mean, abs=1e-3)
    assert np.isnan(scores.numbers(np.array([np.nan]))).all()


def test_few_values_stay_the_only_ones():
    x = np.tile([1.0, 2.5, 7.0], 20)
    scores = NormalScores(x, np.ones(60))
    drawn = scores.numbers(np.random.RandomState(0).normal(size=1000))
    assert set(drawn) == {1.0, 2.5, 7.0}
    weighted = NormalScores(x, np.tile([2.0, 1.0, 1.0], 20))
    assert weighted.interval(1.0)[1] == pytest.approx(norm.ppf(0.5))


@pytest.mark.parametrize("light", [1e-3, 1e-9, 1e-18])
@pytest.mark.parametrize("sign", [1, -1])
def test_numbers_of_little_weight_are_not_taken_for_others(light, sign):
    x = sign * np.arange(60.0)
    scores = NormalScores(x, np.where(np.arange(60) < 56, 1.0, light))
    back = scores.scores(x, np.full(60, 0.5))
    assert np.isfinite(back).all()
    if light > 1e-18:  # rounding takes these for nothing
        np.testing.assert_allclose(scores.numbers(back), x, atol=0.01)


def test_numbers_between_those_seen_have_scores_between():
    scores = NormalScores(np.arange(100.0), np.ones(100))
    at = [scores.interval(v) for v in (10.0, 10.25, 10.75, 11.0)]
    assert (np.diff([low + high for low, high in at]) > 0).all()
    for low, high in at:
        back = scores.numbers(np.array([low + high]) / 2)
        assert 9.9 < back[0] < 11.1


def test_dependencies_are_found_and_kept():
    rng = np.random.RandomState(0)
    a, free = rng.randint(0, 6, 200).astype(float), rng.normal(size=200)
    rows = np.column_stack([free, a, 10 - a, np.where(a > 3, np.nan, 1.0), a % 2])
    found = Dependencies(rows)
    assert sorted(found.pairs) == [(1, 2), (1, 3), (1, 4)]
    mixed = rows.copy()
    mixed[:, 2:] = rng.permutation(rows[:, 2:])
    nothing = np.zeros(5, dtype=bool)
    np.testing.assert_array_equal(found.apply(mixed, nothing), rows)
    known = np.array([np.nan, np.nan, 7.0, np.nan, np.nan])
    np.testing.assert_array_equal(found.complete(known)[1:3], [3.0, 7.0])


def test_categories_are_coupled_as_much_as_can_be():
    g = torch.Generator().manual_seed(0)
    n, m = 50_000, 4
    here, there = torch.randn(2, 1, 1, m, generator=g, dtype=torch.float64).unbind()
    p, q = (logits.softmax(-1).flatten() for logits in (here, there))
    x = torch.multinomial(q, n, replacement=True, generator=g).double()[:, None]
    level = torch.rand(n, 1, generator=g, dtype=torch.float64)

    def columns(logits):
        numbers = Normal(torch.zeros(n, 0, dtype=torch.float64), 1.0)
        order, weight = torch.tensor([0]), torch.ones(1)
        return Columns(numbers, None, [logits.expand(n, 1, m)], order, weight)

    drawn = columns(here).coupled(x, columns(there), level).flatten().long()
    share = torch.bincount(drawn, minlength=m) / n
    np.testing.assert_allclose(share, p, atol=0.01)
    moved = float((drawn != x.flatten()).double().mean())
    assert moved == pytest.approx(float((p - q).abs().sum() / 2), abs=0.01)
    # By the law of total probability, the chances of a category add up to p.
    wanted = torch.full((n, 1), 2.0, dtype=torch.float64)
    chance = columns(here).coupled_log_prob(x, columns(there), wanted).exp().mean()
    assert float(chance) == pytest.approx(float(p[2]), abs=0.01)


def test_codes_around_have_the_moments_of_their_neighbours():
    styles = np.random.RandomState(0).normal(size=(15, 3))
    nearby = Neighborhood(np.arange(15), styles)  # all are neighbours
    drawn = nearby.draw(np.zeros(50_000, dtype=int), np.random.RandomState(1))
    np.testing.assert_allclose(drawn.mean(0), styles.mean(0), atol=0.02)
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(styles.T, bias=True), atol=0.02)


def test_codes_are_drawn_in_batches(monkeypatch):
    styles = np.random.RandomState(0).normal(size=(500, 16))
    nearby, at = Neighborhood(np.arange(500), styles), np.arange(40_000) % 500
    nearby.draw(at[:1], np.random.RandomState(0))  # finds the neighbours
    tracemalloc.start()
    try:
        drawn = nearby.draw(at, np.random.RandomState(0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    noise = 2 * drawn[:, :1].nbytes * 20  # with its scaled copy
    assert peak < noise + 8 * drawn.nbytes  # all neighbours are 20 times as many
    monkeypatch.setattr(_neighborhood, "BATCH_ROWS", 7)
    again = nearby.draw(at, np.random.RandomState(0))
    np.testing.assert_allclose(again, drawn, rtol=1e-12, atol=1e-12)


def test_near_codes_are_those_of_few_deviations():
    # Far in a narrow column is near in a wide one, and a constant one counts for none.
    rng = np.random.RandomState(0)
    styles = rng.normal(size=(400, 3)) * [100, 15, 0]
    nearby = Neighborhood(np.arange(400), styles)
    found = nearby.near(styles[:50])
    gaps = (styles[:50, None] - styles)[:, :, :2] / styles[:, :2].std(0)
    nearest = np.argsort((gaps**2).sum(-1), axis=1)[:, :20]
    alike = [len(set(a) & set(b)) for a, b in zip(found, nearest, strict=True)]
    assert np.mean(alike) > 18


def test_transport_takes_one_gaussian_to_another():
    rng = np.random.RandomState(0)
    y = np.repeat([0, 1], 5000)
    styles = rng.normal(size=(10_000, 2))
    styles[y == 1] = styles[y == 1] @ [[2, 0.5], [0, 1]] + [3, -1]
    transport = ClassTransport(styles, y, np.ones(10_000), 2)
    moved = transport.move(styles, np.eye(2)[y], 1 - y)
    for c in (0, 1):
        there = styles[y == c]
        np.testing.assert_allclose(moved[y != c].mean(0), there.mean(0), atol=0.05)
        spread = KEEP**2 * np.cov(there.T)
        np.testing.assert_allclose(np.cov(moved[y != c].T), spread, atol=0.1)
    np.testing.assert_allclose(
        transport.move(styles, np.eye(2)[y], y), styles, atol=1e-8
    )
    stay = np.full(10_000, -1)
    np.testing.assert_array_equal(transport.move(styles, np.eye(2)[y], stay), styles)


def test_the_gaussian_of_a_rare_class_is_shrunk_to_that_within_classes():
    rng = np.random.RandomState(0)
    styles, y = rng.normal(size=(502, 2)), np.repeat([0, 1], [500, 2])
    transport = ClassTransport(styles, y, np.ones(502), 2)
    moved = transport.move(styles[:500], np.eye(2)[y[:500]], np.ones(500, dtype=int))
    # Two rows lie on a line; what is moved to their class does not.
    assert np.linalg.eigvalsh(np.cov(moved.T))[0] > 0.2
    np.testing.assert_allclose(moved.mean(0), styles[500:].mean(0), atol=0.01)


def test_examples_are_of_every_class_and_chunk():
    rng = np.random.RandomState(0)
    y = (rng.rand(5000) < 0.004).astype(int)
    kept = keep_examples(Rows(rng.normal(size=(5000, 2)), y), 300, 0)
    assert len(kept["rows"]) == 300
    assert (kept["labels"] == 1).sum() >= min(y.sum(), 50)
    for c in (0, 1):
        assert kept["weight"][kept["labels"] == c].sum() == pytest.approx(
            (y == c).sum()
        )
    later = keep_examples(Rows(np.full((2500, 2), 9.0)), 300, 0)
    both = merge_examples(kept, later, 300, 0)
    assert len(both["rows"]) == 300
    assert (both["rows"][:, 0] == 9).sum() == 100
    assert both["weight"].sum() == pytest.approx(7500)


def of_a_stream(n_chunks, n_rows, n_examples, is_rare=None):
    """Return what is kept of chunks whose cells are their number, all of one seed."""
    kept = None
    for t in range(n_chunks):
        y = None if is_rare is None else is_rare(n_rows)
        rows = Rows(np.full((n_rows, 2), float(t)), y)
        new = keep_examples(rows, n_examples, 0)
        kept = new if kept is None else merge_examples(kept, new, n_examples, 0)
    return kept


@pytest.mark.parametrize(("n_chunks", "n_rows"), [(2000, 10), (200, 50), (20, 600)])
def test_examples_of_a_stream_are_of_all_its_parts(n_chunks, n_rows):
    kept = of_a_stream(n_chunks, n_rows, 400)
    part = (kept["rows"][:, 0] / (n_chunks / 4)).astype(int)
    np.testing.assert_allclose(np.bincount(part), 100, atol=35)
    mass = n_chunks * n_rows
    np.testing.assert_allclose(np.bincount(part, kept["weight"]), mass / 4, rtol=0.35)
    assert kept["weight"].sum() == pytest.approx(mass)


def test_rare_classes_of_a_stream_weigh_what_they_are():
    rng = np.random.RandomState(0)
    kept = of_a_stream(50, 500, 300, lambda n: (rng.rand(n) < 0.02).astype(int))
    rare = kept["labels"] == 1
    assert rare.sum() >= 50
    assert kept["weight"][rare].sum() == pytest.approx(0.02 * 25_000, rel=0.2)


def test_few_rows_after_very_many_take_their_place():
    many = keep_examples(Rows(np.zeros((300, 2)), weight=np.full(300, 1e9)), 300, 0)
    few = keep_examples(Rows(np.ones((30, 2))), 300, 0)
    for pair, cell in (((many, few), 0), ((few, many), 0)):
        kept = merge_examples(*pair, 300, 0)
        assert (kept["rows"] == cell).all()
        assert kept["weight"].sum() == pytest.approx(3e11 + 30, rel=1e-12)


# --- the estimators -------------------------------------------------------------------


@pytest.fixture(scope="module")
def table():
    """Return a table with a lump, a bound, a fixed column and common holes."""
    rng = np.random.RandomState(0)
    n = 1500
    kind = rng.choice(list("abcd"), n)
    hole = rng.rand(n) < 0.3
    return pd.DataFrame(
        {
            "gain": np.where(rng.rand(n) < 0.9, 0, np.exp(rng.normal(8, 1, n)).round()),
            "pay": np.exp(rng.normal(7, 1, n)),
            "kind": kind,
            "level": pd.Series(kind).map({"a": 1, "b": 2, "c": 5, "d": 9}),
            "place": np.where(hole, None, rng.choice(["u", "v"], n)),
            "rent": np.where(hole, np.nan, rng.normal(size=n)),
        }
    )


@pytest.fixture(scope="module")
def fitted(table):
    return AAETransformer(2, max_iter=20, **SMALL).fit(table)


@pytest.mark.parametrize("codes", ["training", "prior"])
def test_draws_keep_what_the_table_is_like(table, fitted, codes):
    drawn = fitted.sample(3000, codes=codes, random_state=0)
    near = 0.05 if codes == "training" else 0.1
    assert drawn.dtypes.equals(table.dtypes)
    assert (drawn.gain == 0).mean() == pytest.approx((table.gain == 0).mean(), abs=near)
    assert (drawn.pay == table.pay.min()).mean() < 0.005
    spread = np.log(table.pay).std()
    # Codes of so short a training follow their prior roughly.
    rel = 0.1 if codes == "training" else 0.3
    assert np.log(drawn.pay).std() == pytest.approx(spread, rel=rel)
    pairs = set(zip(table.kind, table.level, strict=True))
    assert set(zip(drawn.kind, drawn.level, strict=True)) <= pairs
    np.testing.assert_array_equal(drawn.place.isna(), drawn.rent.isna())
    assert drawn.rent.isna().mean() == pytest.approx(table.rent.isna().mean(), abs=near)


def test_plain_numbers_scatter_with_and_without_a_text_column():
    X = pd.DataFrame(np.random.RandomState(0).normal(size=(600, 6)))
    X.columns = list("abcdef")
    for frame in (X, X.assign(k=np.random.RandomState(1).choice(["u", "v"], 600))):
        model = AAETransformer(max_iter=5, **SMALL).fit(frame)
        drawn = model.sample(2000, random_state=0)[list("abcdef")]
        np.testing.assert_allclose(drawn.std(), X.std(), rtol=0.1)
        mean = model.sample(2000, cells="mean", random_state=0)[list("abcdef")]
        assert (mean.std() < 0.9 * X.std()).all()


@pytest.mark.parametrize(
    "model",
    [
        ConditionalAAETransformer(max_iter=400, **SMALL),
        SemiSupervisedAAEClassifier(max_iter=60, **SMALL),
    ],
    ids=lambda model: type(model).__name__,
)
def test_rows_are_of_the_class_that_is_asked_for(model):
    X, y = load_iris(return_X_y=True)
    judge, want = LogisticRegression(max_iter=5000).fit(X, y), np.repeat([0, 1, 2], 50)
    model = model.fit(X, y)
    assert (
        judge.predict(model.sample(150, y=want, random_state=0)) == want
    ).mean() > 0.9
    other = (y + 1) % 3
    assert (judge.predict(model.transfer(X, other)) == other).mean() > 0.9


@pytest.mark.parametrize(
    ("cells", "dtype"),
    [
        (np.arange(256.0)[:, None], np.uint8),
        (np.array([[0.0], [256.0]]), np.float32),
        (np.array([[0.1]], dtype=np.float32).astype(float), np.float32),
        (np.array([[1.0], [np.nan]]), np.float32),
        (np.array([[0.1], [0.0]]), np.float64),
        (np.array([[-1.0], [2.0]]), np.float32),
        (np.array([[2.0**24 + 1]]), np.float64),
    ],
    ids=str,
)
def test_kept_cells_are_exact_in_the_smallest_type(cells, dtype):
    kept = keep_examples(Rows(cells), 1000, 0)["rows"]
    assert kept.dtype == dtype
    np.testing.assert_array_equal(kept, cells)


def test_as_many_rows_are_kept_as_have_eight_mebibytes(monkeypatch):
    monkeypatch.setattr(_examples, "MAX_BYTES", 8 * 100)
    rng = np.random.RandomState(0)
    halves = rng.randint(500, size=(2000, 2)) / 2
    for cells, n in ((np.floor(halves), 400), (halves, 100), (halves / 7, 50)):
        assert len(keep_examples(Rows(cells), 4096, 0)["rows"]) == n
    bytes_then_floats = [keep_examples(Rows(c), 4096, 0) for c in (halves // 1, halves)]
    merged = merge_examples(*bytes_then_floats, 4096, 0)["rows"]
    assert merged.dtype == np.float32
    assert len(merged) == 100


def test_pixels_are_held_as_bytes_until_cells_are_drawn():
    X = load_digits().data[:300]
    model = AAETransformer(max_iter=1, **SMALL).fit(X)
    model.sample(20, random_state=0)
    held = [x for x in vars(model._model.sampler).values() if np.shape(x) == X.shape]
    assert [x.dtype for x in held] == [np.uint8]
    model.sample(20, cells="draw", random_state=0)
    np.testing.assert_array_equal(model._model.sampler.rows, held[0])


def test_pixels_are_decoded_as_means():
    X = load_digits().data[:300]
    model = AAETransformer(max_iter=2, **SMALL).fit(X)
    assert model.pixels_
    drawn = model.sample(20, random_state=0)
    plain = model.sample(20, codes="training", cells="mean", random_state=0)
    np.testing.assert_array_equal(drawn, plain)
    prior = model.sample(20, codes="prior", random_state=0)
    assert not np.allclose(drawn, prior)
    none = AAETransformer(max_iter=2, n_examples=0, **SMALL).fit(X)
    np.testing.assert_array_equal(none.sample(20, random_state=0), prior)
    scattered = model.sample(20, cells="draw", random_state=0)
    assert (scattered == scattered.round()).all()  # as all the rows are
    assert not AAETransformer(max_iter=1, **SMALL).fit(X > 8).pixels_


def test_no_row_is_kept_if_none_may_be(table):
    model = AAETransformer(2, max_iter=2, n_examples=0, **SMALL).fit(table)
    assert model.sample(5, random_state=0).shape == (5, 6)
    for option in ({"codes": "training"}, {"cells": "draw"}):
        with pytest.raises(ValueError, match="fit with n_examples above 0"):
            model.sample(5, **option)
    with pytest.raises(ValueError, match="'codes' parameter of sample must be one of"):
        model.sample(5, codes="posterior")


def test_copies_and_chunks_draw(table):
    model = AAETransformer(2, n_examples=100, **SMALL)
    for start in range(0, 1500, 500):
        model.partial_fit(table[start : start + 500])
    drawn = model.sample(300, random_state=0)
    pd.testing.assert_frame_equal(
        pickle.loads(pickle.dumps(model)).sample(300, random_state=0), drawn
    )
    assert len(model._data.examples["rows"]) == 100


def test_weights_that_vanish_beside_others_are_drawn_without_a_fault():
    X = np.random.RandomState(0).normal(size=(90, 3))
    weight = np.where(np.arange(90) < 5, 1e-18, 1.0)
    model = AAETransformer(2, max_iter=1, random_state=0).fit(X, sample_weight=weight)
    assert np.isfinite(model.sample(50, random_state=0)).all()


def test_no_place_of_chunks_is_left_out_for_good():
    X = np.column_stack([np.arange(300.0), np.sin(np.arange(300))])
    model = AAETransformer(2, n_examples=200, **SMALL).partial_fit(X)
    first = set(model._data.examples["rows"][:, 0])
    later = model.partial_fit(X)._data.examples["rows"][:, 0]
    assert len(first) == len(later) == 200
    assert 10 < len(set(later) - first) < 60


def test_a_rare_class_stays_in_the_examples_of_a_stream():
    rng = np.random.RandomState(0)
    model = ConditionalAAETransformer(2, n_examples=60, **SMALL)
    for first in (True, *[False] * 5):
        X, y = rng.normal(size=(200, 3)), np.zeros(200, dtype=int)
        if first:
            X[:4], y[:4] = X[:4] + 50, 1
        model.partial_fit(X, y, classes=[0, 1])
    assert (model._data.examples["labels"] == 1).any()
    assert model.sample(20, y=1, random_state=0).mean() > 25


def test_rows_are_drawn_by_their_weight():
    rng = np.random.RandomState(0)
    X, far = rng.normal(size=(400, 2)), np.arange(400) < 200
    X[far, 0] += 10
    weight = np.where(far, 9.0, 1.0)
    model = AAETransformer(2, max_iter=60, **SMALL).fit(X, sample_weight=weight)
    drawn = model.sample(2000, random_state=0)
    assert (drawn[:, 0] > 5).mean() == pytest.approx(0.9, abs=0.04)


@pytest.mark.parametrize(
    "kind", [ConditionalAAETransformer, SemiSupervisedAAEClassifier]
)
def test_a_class_without_rows_is_drawn_around_all(kind):
    X, y = load_iris(return_X_y=True)
    model = kind(2, max_iter=5, **SMALL).fit(X, y, classes=[0, 1, 2, 3])
    drawn = model.sample(50, y=3, random_state=0)
    assert np.isfinite(drawn).all()
    assert (drawn >= X.min(0)).all()
    assert (drawn <= X.max(0)).all()
    assert np.isfinite(model.transfer(X[:5], 3)).all()


def test_styles_are_moved_between_weighted_gaussians():
    X, y = load_iris(return_X_y=True)
    weight = np.where(np.arange(150) % 2, 5.0, 1.0)
    model = ConditionalAAETransformer(2, max_iter=5, **SMALL)
    transport = model.fit(X, y, sample_weight=weight)._sampler().transport
    Z = model.transform(X)
    np.testing.assert_allclose(transport.mass, np.bincount(y, weight))
    for c in range(3):
        mean = np.average(Z[y == c], 0, weight[y == c])
        np.testing.assert_allclose(transport.means[c], mean)


def test_numbers_that_fix_other_columns_stay():
    rng = np.random.RandomState(0)
    level = rng.randint(20, size=600)
    table = pd.DataFrame(
        {"level": level * 1.5, "free": level + rng.normal(size=600), "kind": level % 3}
    ).astype({"kind": str})
    sampler = AAETransformer(1, max_iter=5, **SMALL).fit(table)._sampler()
    places = sampler.codes_around(300, None, 0)
    drawn, origin = sampler.draw_cells(places, None, 0), places[:, -1].astype(int)
    np.testing.assert_array_equal(drawn[:, 0], sampler.rows[origin, 0])
    assert (drawn[:, 1] != sampler.rows[origin, 1]).mean() > 0.9
