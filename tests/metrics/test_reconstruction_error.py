"""The reconstruction error is 1 - R², and goes on where R² ends."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV

from sklearn_aae import AAETransformer
from sklearn_aae.metrics import (
    aae_scorer,
    closest_row_share,
    parzen_log_likelihood,
    precision_recall,
    reconstruction_error,
)


@pytest.fixture
def rows():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(50, 4)) * [1, 10, 0.01, 3] + [0, 100, 5, -3]
    return X, X + rng.normal(size=X.shape) * [0.5, 1, 0.02, 9], rng.rand(50)


@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_one_minus_r2(rows, weighted):
    X, made, weight = rows
    weight = weight if weighted else None
    options = {"sample_weight": weight, "multioutput": "raw_values"}
    truth = 1 - r2_score(X, made, **options)
    np.testing.assert_allclose(reconstruction_error(X, made, **options), truth)
    mean = reconstruction_error(X, made, sample_weight=weight)
    assert mean == pytest.approx(truth.mean())
    assert isinstance(mean, float)


def test_best_and_baseline(rows):
    X = rows[0]
    assert reconstruction_error(X, X) == 0.0
    baseline = np.broadcast_to(X.mean(0), X.shape)
    assert reconstruction_error(X, baseline) == pytest.approx(1.0)


def test_missing_cells_do_not_count(rows):
    X, made, weight = rows
    holes = np.random.RandomState(1).rand(*X.shape) < 0.2
    options = {"multioutput": "raw_values"}
    error = reconstruction_error(
        np.where(holes, np.nan, X), made, sample_weight=weight, **options
    )
    for j, seen in enumerate(~holes.T):
        column = (t[seen, j : j + 1] for t in (X, made))
        truth = reconstruction_error(*column, sample_weight=weight[seen], **options)
        np.testing.assert_allclose(error[j], truth[0])


def test_weights_are_repetitions(rows):
    X, made, _ = rows
    times = np.arange(len(X)) % 3
    repeated = reconstruction_error(np.repeat(X, times, 0), np.repeat(made, times, 0))
    weighted = reconstruction_error(X, made, sample_weight=times)
    assert weighted == pytest.approx(repeated)


def test_a_constant_column_counts_its_squared_error():
    X, made = np.full((7, 1), 0.1), np.full((7, 1), 2.1)
    assert X.var() != 0.0  # rounding of the mean
    assert reconstruction_error(X, made) == pytest.approx(4.0)


def test_a_column_without_cells_is_left_out():
    X = np.array([[np.nan, 1.0], [np.nan, 3.0]])
    error = reconstruction_error(X, np.ones((2, 2)), multioutput="raw_values")
    np.testing.assert_array_equal(error, [np.nan, 2.0])
    assert reconstruction_error(X, np.ones((2, 2))) == 2.0
    with pytest.raises(ValueError, match="All cells of X are missing"):
        reconstruction_error(X[:, :1], np.ones((2, 1)))


def test_frames_are_as_their_arrays(rows):
    X, made, _ = rows
    frames = (pd.DataFrame(t, columns=list("abcd")) for t in (X, made))
    assert reconstruction_error(*frames) == reconstruction_error(X, made)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"shape \(3, 2\) and .* shape \(2, 2\)"):
        reconstruction_error(np.ones((3, 2)), np.ones((2, 2)))


def test_errors_in_units_are_weighted_as_scikit_learn_does():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(50, 3)) * [1, 1e3, 1e-200] + 4
    made = X + rng.normal(size=X.shape) * [1, 10, 1e-201]
    options = {"multioutput": "variance_weighted"}
    told = 1 - r2_score(X, made, **options)
    assert reconstruction_error(X, made, **options) == pytest.approx(told)
    total = np.sum((X - made) ** 2) / np.sum((X - X.mean(0)) ** 2)
    assert reconstruction_error(X, made, **options) == pytest.approx(total)
    hole = np.where(rng.uniform(size=X.shape) < 0.2, np.nan, X)
    total = np.nansum((hole - made) ** 2) / np.nansum((hole - np.nanmean(hole, 0)) ** 2)
    assert reconstruction_error(hole, made, **options) == pytest.approx(total)
    flat = np.ones((4, 2))
    assert reconstruction_error(flat, flat + 2, **options) == 4.0


def test_categories_are_missed_in_relation_to_the_most_frequent():
    X = pd.DataFrame(
        {"x": [1.0, 2.0, 3.0, 4.0], "k": ["a", "a", "b", None], "c": list("zzzz")}
    )
    made = X.assign(x=2.5, k=["a", "b", "b", "a"], c=["z", "z", "z", "new"])
    found = reconstruction_error(X, made, multioutput="raw_values")
    # A third of the known cells is missed, as by "a" for all; a constant one undivided.
    np.testing.assert_allclose(found, [1.0, 1.0, 0.25])
    assert reconstruction_error(X, made) == pytest.approx(0.75)
    weight = [1, 3, 2, 1]
    repeated = (t.loc[np.repeat(np.arange(4), weight)] for t in (X, made))
    assert reconstruction_error(X, made, sample_weight=weight) == pytest.approx(
        reconstruction_error(*repeated)
    )
    assert reconstruction_error(X, X.fillna({"k": "a"})) == 0
    options = {"multioutput": "variance_weighted"}
    with pytest.raises(ValueError, match="one unit, and column 'k' holds categories"):
        reconstruction_error(X, made, **options)
    with pytest.raises(
        ValueError, match=r"X_reconstructed.* has 1 missing or infinite"
    ):
        reconstruction_error(X, made.assign(x=[1, 2, 3, np.nan]))


def test_booleans_are_numbers_where_numbers_were_made_of_them():
    rng = np.random.RandomState(0)
    X = pd.DataFrame({"x": rng.normal(size=40), "c": rng.rand(40) > 0.5})
    made = X.assign(c=np.where(X["c"], 0.9, 0.1))
    truth = reconstruction_error(X.to_numpy(float), made.to_numpy())
    kinds = [X.astype({"c": kind}) for kind in (bool, "category", object, float)]
    kinds += [X.assign(c=pd.Series(list(X["c"].to_numpy()), dtype=object))]
    assert isinstance(kinds[-1]["c"][0], np.bool_)
    for given in kinds:
        assert reconstruction_error(given, made) == pytest.approx(truth)
        assert reconstruction_error(given, made.to_numpy()) == pytest.approx(truth)
    mixed = X.assign(k=["a", "b"] * 20)
    found = reconstruction_error(
        mixed, made.assign(k=mixed["k"]), multioutput="raw_values"
    )
    np.testing.assert_allclose(found, [0, 2 * truth, 0])


@pytest.mark.parametrize("kind", [bool, "boolean", "category", object])
def test_booleans_that_were_made_are_hit_or_missed(kind):
    X = pd.DataFrame({"x": np.arange(8.0), "c": [True] * 5 + [False] * 3})
    made = X.assign(c=[True] * 4 + [False] * 4).astype({"c": kind})
    options = {"multioutput": "raw_values"}
    for given in (X, X.astype({"c": kind})):
        found = reconstruction_error(given, made, **options)
        np.testing.assert_allclose(found, [0, 1 / 3])
    # A missing cell is missed, as are those of a column of nothing else.
    hole = X.assign(c=pd.array([True, None, *X["c"][2:]], dtype="boolean"))
    np.testing.assert_allclose(reconstruction_error(X, hole, **options), [0, 1 / 3])
    for none in (pd.array([None] * 8, dtype="boolean"), [None] * 8):
        found = reconstruction_error(X, X.assign(c=none), **options)
        np.testing.assert_allclose(found, [0, 8 / 3])
    # A dtype of numbers tells that numbers were to be made.
    for none in (np.full(8, np.nan), pd.array([None] * 8, dtype="Float64")):
        with pytest.raises(
            ValueError, match="8 missing or infinite cells in column 'c'"
        ):
            reconstruction_error(X, X.assign(c=none))
    with pytest.raises(ValueError, match="one unit, and column 'c' holds categories"):
        reconstruction_error(X, made, multioutput="variance_weighted")


SITES = {
    "integers": [101, 205, 990],
    "floats": [0.5, 1.5, 99.0],
    "decimals": [Decimal("0.5"), Decimal(2), Decimal(99)],
    "text": ["101", "205", "990"],
}


def with_sites(kind, places):
    site = pd.Categorical.from_codes(places, SITES[kind])
    return pd.DataFrame({"x": np.random.RandomState(0).normal(size=60), "site": site})


@pytest.mark.parametrize("kind", SITES)
def test_categories_that_are_numbers_are_hit_or_missed(kind):
    places = np.arange(60) % 5 % 3  # 2/5, 2/5 and 1/5
    X = with_sites(kind, places)
    for to in (0, 1, 2):
        made = with_sites(kind, np.where(places == 1, to, places))
        found = reconstruction_error(X, made, multioutput="raw_values")
        np.testing.assert_allclose(found, [0, 2 / 3 if to != 1 else 0])
    # Also where what was made of them is no column of categories: all but 2/5 miss.
    made = X.assign(site=pd.Series([SITES[kind][0]] * 60))
    assert reconstruction_error(X, made) == pytest.approx(0.5)
    model = AAETransformer(1, max_iter=2, random_state=0).fit(X)
    made = model.reconstruct(X)
    missed = (made["site"].astype(object) != X["site"].astype(object)).mean() / 0.6
    error = reconstruction_error(X[["x"]], made[["x"]])
    assert missed > 0.2
    score = aae_scorer("reconstruction_error")(model, X)
    assert score == pytest.approx(-(error + missed) / 2)


@pytest.mark.parametrize("kind", SITES)
def test_categories_that_are_numbers_are_refused_where_numbers_are_due(kind):
    X = with_sites(kind, np.arange(60) % 3)
    refused = "X' argument of parzen.* be rows of numbers: column 'site' holds categ"
    with pytest.raises(ValueError, match=refused):
        parzen_log_likelihood(X, X, bandwidth=1.0)
    refused = "X' argument of recon.* be rows of numbers: column 'site' holds categ"
    with pytest.raises(ValueError, match=refused):
        reconstruction_error(X, np.ones((60, 2)))
    with pytest.raises(ValueError, match="one unit, and column 'site' holds categor"):
        reconstruction_error(X, X, multioutput="variance_weighted")


@pytest.mark.parametrize("beside", [[0.0, 1.0], [True, False], ["u", "v"]], ids=repr)
def test_categories_made_of_numbers_are_as_far_as_they_are(beside):
    X = pd.DataFrame({"x": [1, 2, 3, 1], "k": beside * 2})
    made = X.assign(x=pd.Categorical([1, 2, 2, 1]))
    found = reconstruction_error(X, made, multioutput="raw_values")
    np.testing.assert_allclose(found, [4 / 11, 0])  # 1 / 4 of the variance 11 / 16


KINDS = {
    "numbers": ("x", "one", "numbers", "has dtype String, with the value 'one'"),
    "categories": ("k", 1.5, "categories such as 'a'", "holds 1.5, of type float"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_cells_of_two_kinds_are_told_without_a_fit(kind):
    column, cell, held, now = KINDS[kind]
    X = pd.DataFrame({"x": np.arange(30.0), "k": ["a", "b", "c"] * 10})
    other = X.assign(**{column: cell})
    for metric, rows, names in (
        (reconstruction_error, (X, other), ("X", "X_reconstructed")),
        (precision_recall, (X, other), ("X", "X_generated")),
        (closest_row_share, (other, X, X), ("X_train", "X")),
    ):
        with pytest.raises(ValueError, match="compares cells of one kind") as error:
            metric(*rows)
        assert str(error.value) == (
            f"{metric.__name__} compares cells of one kind, but column {column!r} of "
            f"{names[0]} holds {held}, and that of {names[1]} {now}."
        )
    # Train rows without a value: the kind of the column comes from a later table.
    one, text, number = (
        pd.DataFrame({"x": v}) for v in ([None] * 3, list("abc"), [1] * 3)
    )
    told = "'x' of X holds categories such as 'a', and that of X_held_out holds 1"
    with pytest.raises(ValueError, match=told):
        closest_row_share(text, one, number)


def test_a_search_of_a_mixed_table_scores_reconstructions():
    rng = np.random.RandomState(0)
    X = pd.DataFrame({"x": rng.normal(size=60), "k": ["a", "b", "c"] * 20})
    X.loc[::9, "x"] = np.nan
    search = GridSearchCV(
        AAETransformer(max_iter=3, random_state=0),
        {"n_components": [1, 2]},
        cv=2,
        scoring=aae_scorer("reconstruction_error"),
        error_score="raise",
    ).fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
