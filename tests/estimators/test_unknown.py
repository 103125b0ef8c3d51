"""Unknown categories: unlike everything seen, priced by how often they are expected."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.tabular import SCALERS, good_turing_weights
from sklearn_aae.tabular._column import Column
from sklearn_aae.tabular._columns import TableColumns

SMALL = {"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}
N = 120


def table(n, seed, n_merchants):
    rng = np.random.RandomState(seed)
    merchants = [f"m{i}" for i in rng.randint(n_merchants, size=n)]
    return pd.DataFrame({"merchant": merchants, "amount": rng.normal(size=n)})


def as_array(frame):
    return frame.to_numpy(dtype=object)


CONTAINERS = {
    "pandas": lambda frame: frame,
    "polars": lambda frame: pl.from_pandas(frame),
    "arrow": lambda frame: pl.from_pandas(frame).to_arrow(),
    "array": as_array,
}


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("n_merchants", [400, 10**9])
def test_unseen_categories_are_no_outliers_where_most_rows_have_one(
    n_merchants, container
):
    make = CONTAINERS[container]
    train, fresh = (make(table(N, seed, n_merchants)) for seed in (1, 2))
    params = {"categorical_features": [0]} if container == "array" else {}
    detector = AAEOutlierDetector(contamination=0.1, n_init=2, **params, **SMALL)
    detector.fit(train)
    assert (detector.predict(train) == -1).mean() <= 0.12
    assert (detector.predict(fresh) == -1).mean() <= 0.25  # was about 1


def test_the_threshold_expects_the_unknown_categories_that_new_rows_have():
    train, fresh = (table(1000, seed, 250) for seed in (1, 2))
    detector = AAEOutlierDetector(contamination=0.05, n_init=2, **SMALL).fit(train)
    # Two rows in a hundred have a merchant of their own, nine new ones at most one.
    assert 0.03 <= (detector.predict(fresh) == -1).mean() <= 0.07


def test_there_is_a_threshold_where_each_row_has_a_category_of_two_rows():
    twos = np.arange(20) // 2
    alone = 100 + np.arange(20)
    half = np.arange(20) < 10  # no row has a category of its own in both columns
    names = np.where(half, twos, alone), np.where(half, alone, twos)
    train = pd.DataFrame({"a": names[0], "b": names[1], "x": np.arange(20.0)})
    train = train.astype({"a": str, "b": str})
    detector = AAEOutlierDetector(contamination=0.1, n_init=2, **SMALL).fit(train)
    assert np.isfinite(detector.offset_)
    assert 0 < (detector.predict(train) == -1).sum() <= 4


def test_unseen_categories_are_outliers_where_hardly_a_row_has_one():
    train = table(N, 1, 3)
    detector = AAEOutlierDetector(n_init=2, **SMALL).fit(train)
    fresh = table(N, 2, 3).assign(merchant="new")
    assert (detector.predict(fresh) == -1).mean() > 0.9
    detector.set_params(score_method="reconstruction").fit(train)
    cells = np.asarray(detector.localize(fresh))
    assert (cells[:, 0] >= np.log(N + 1) - 1e-6).all()


def test_the_price_of_an_unknown_category_is_that_of_the_share_of_singletons():
    train = table(N, 1, 3)
    train.loc[:29, "merchant"] = [f"own{i}" for i in range(30)]
    detector = AAEOutlierDetector(n_init=1, score_method="reconstruction", **SMALL)
    cells = np.asarray(detector.fit(train).localize(train.assign(merchant="new")))
    np.testing.assert_allclose(cells[:, 0], np.log((N + 1) / 31), rtol=1e-6)
    # A training row's own category is as unknown as one that nobody has.
    one, other = train[:1], train[:1].assign(merchant="new")
    np.testing.assert_array_equal(
        detector.score_samples(one), detector.score_samples(other)
    )


def test_whole_weights_count_like_repeated_rows():
    train = table(40, 1, 60)
    weight = 1 + np.arange(40) % 2
    detector = AAEOutlierDetector(n_init=1, **SMALL)
    scores = detector.fit(train, sample_weight=weight).score_samples(train)
    repeated = train.loc[train.index.repeat(weight)]
    np.testing.assert_allclose(
        detector.fit(repeated).score_samples(train), scores, rtol=1e-3
    )


@pytest.mark.parametrize("declared", [False, True])
@pytest.mark.parametrize(
    "model",
    [
        AAETransformer(**SMALL),
        ConditionalAAETransformer(**SMALL),
        SemiSupervisedAAEClassifier(**SMALL),
        AAEClusterer(2, n_init=1, **SMALL),
    ],
    ids=lambda m: type(m).__name__,
)
def test_a_row_of_unknown_values_is_no_likely_one(model, declared):
    train = table(N, 1, 3)
    if declared:
        kinds = pd.CategoricalDtype(["m0", "m1", "m2", "new"])
        train["merchant"] = train.merchant.astype(kinds)
    model.fit(train, np.arange(N) % 2)
    new, hole = train.copy(), train.copy()
    new["merchant"], hole["merchant"] = "new", None
    priced = model.score_samples(hole) - np.log(N + 1)
    np.testing.assert_allclose(model.score_samples(new), priced, rtol=1e-9)
    assert (model.score_samples(new) < model.score_samples(train)).mean() > 0.95
    np.testing.assert_array_equal(model.transform(new), model.transform(hole))


def test_later_chunks_make_declared_categories_known():
    kinds = pd.CategoricalDtype(["m0", "m1", "m2", "late"])
    first = table(N, 1, 3).astype({"merchant": kinds})
    late = first.copy()
    late.loc[::2, "merchant"] = "late"
    hole = late.assign(merchant=None)
    model = AAETransformer(**SMALL).partial_fit(first)
    np.testing.assert_array_equal(
        model.transform(late[::2]), model.transform(hole[::2])
    )
    model.partial_fit(late)
    assert not np.array_equal(model.transform(late[::2]), model.transform(hole[::2]))


def test_rows_that_judge_may_hold_categories_that_no_training_row_has():
    train = table(N, 1, 3)
    judges = table(N, 2, 3).assign(merchant="new")
    holes = judges.assign(merchant=None)
    model = AAETransformer(**SMALL)
    losses = [model.fit(train, X_val=rows).loss_ for rows in (judges, holes)]
    assert losses[0] == losses[1]


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("trim", [0.0, 0.1])
def test_categories_of_trimmed_rows_alone_leave_the_threshold(trim):
    rng = np.random.RandomState(0)
    x = rng.normal(size=60)
    x[-3:] = 30
    table = pd.DataFrame({"x": x, "y": rng.normal(size=60)})
    table["shop"] = ["u", "v", "w"] * 19 + ["q", "r", "s"]
    options = {"max_iter": 5, "n_init": 1, "contamination": 0.1, "trim": trim}
    for seed in range(3):
        model = AAEOutlierDetector(random_state=seed, **options).fit(table)
        assert (model.predict(table) == -1).sum() == 6


def test_rows_that_were_not_trained_on_count_as_new_ones():
    # Of a shop each: 5 trimmed rows and 1 other; 3 shops of two rows; 2 of the others.
    counts = (0,) * 5 + (1,) + (2,) * 3 + (24,) * 2
    codes = np.repeat(np.arange(11.0), (1,) * 6 + (2,) * 3 + (24,) * 2)
    shop = Column("shop", tuple("abcdefghijk"), category_counts=counts)
    columns = TableColumns([shop])
    unknown = codes[:, None] < 6
    X = np.where(unknown, np.nan, codes[:, None])
    weights = good_turing_weights(columns, X, unknown, 2, np.ones(60))
    # The trimmed ones, the other as what no row has, and those of two as of one row.
    assert weights[:6].sum() == pytest.approx(5 + 1 + 6)
    assert weights.sum() == pytest.approx(60, abs=0.2)


def test_rows_of_a_category_count_as_far_as_they_were_trained_on():
    # One row; two of five that were trained on; 24.
    shop = Column("shop", tuple("abc"), category_counts=(1, 2, 24))
    codes = np.repeat([0.0, 1.0, 2.0], [1, 5, 24])[:, None]
    unknown = codes < 1
    X = np.where(unknown, np.nan, codes)
    weights = good_turing_weights(TableColumns([shop]), X, unknown, 2, np.ones(30))
    assert weights[0] == 3
    np.testing.assert_allclose(weights[1:], 28 / 30)


def test_the_same_rows_again_make_no_category_better_known():
    rng = np.random.RandomState(0)
    table = pd.DataFrame({"x": rng.normal(size=60), "shop": [*range(40)] + [0] * 20})
    table["shop"] = table["shop"].astype(str)
    model = AAEOutlierDetector(warm_start=True, n_init=1, **SMALL).fit(table)
    counts = model.columns_[1].category_counts
    assert sorted(counts) == [1] * 39 + [21]
    model.fit(table)
    assert model.columns_[1].category_counts == counts
    model.partial_fit(table)
    assert sorted(model.columns_[1].category_counts) == [2] * 39 + [42]


# --- declared, but without a row: never answered with ---------------------------------


def declared(n=60, always=True):
    """Columns that declare more than rows have, of few and of many categories."""
    rng = np.random.RandomState(0)
    few = pd.Categorical(rng.choice(["b", "c"], n), categories=list("abcd"))
    many = pd.Categorical.from_codes(
        1 + rng.randint(80, size=n), categories=[f"m{i}" for i in range(100)]
    )
    flag = np.full(n, always)
    return pd.DataFrame(
        {"flag": flag, "few": few, "many": many, "x": rng.normal(size=n)}
    )


DRAWING = [
    AAETransformer(n_examples=0, **SMALL),
    AAETransformer(**SMALL),
    ConditionalAAETransformer(n_examples=0, **SMALL),
    SemiSupervisedAAEClassifier(n_examples=0, **SMALL),
    AAEClusterer(2, n_init=1, n_examples=0, **SMALL),
]


def drawn_by(model, n, **given):
    rows = model.sample(n, random_state=0, **given)
    return rows[0] if isinstance(rows, tuple) else rows


@pytest.mark.parametrize("model", DRAWING, ids=lambda m: type(m).__name__)
def test_no_category_is_drawn_that_no_row_has(model):
    train = declared()
    drawn = drawn_by(model.fit(train, np.arange(60) % 2), 500)
    for name in ("flag", "few", "many"):
        assert set(drawn[name]) <= set(train[name])
    assert drawn.dtypes.equals(train.dtypes)


@pytest.mark.parametrize("model", DRAWING, ids=lambda m: type(m).__name__)
def test_no_category_is_given_that_no_row_has(model):
    model.fit(declared(), np.arange(60) % 2)
    for cell in ({"flag": False}, {"few": "d"}, {"many": "m99"}):
        with pytest.raises(ValueError, match="is nothing that was seen: one of"):
            drawn_by(model, 5, given=cell)
    assert (drawn_by(model, 5, given={"few": "c"})["few"] == "c").all()


@pytest.mark.parametrize("model", DRAWING, ids=lambda m: type(m).__name__)
def test_what_never_differs_adds_nothing_to_a_score(model):
    train = declared()
    model.fit(train, np.arange(60) % 2)
    with torch.no_grad():
        z = model.encoder_(torch.zeros(60, 4, dtype=torch.float64)).mean
        y = torch.arange(60) % 2
        p = model.decoder_(z, y) if hasattr(model, "classes_") else model.decoder_(z)
        assert (p.cells(torch.ones(60, 4, dtype=torch.float64))[:, 0] == 0).all()


def test_a_category_counts_and_is_learned_once_a_chunk_has_it():
    def chance():
        with torch.no_grad():
            p = model.decoder_(torch.zeros(1, 2, dtype=torch.float64))
            never = torch.tensor([[0.0, torch.nan, torch.nan, torch.nan]])
            return p.cells(never.double())[0, 0].exp().item()

    model = AAETransformer(2, hidden_layer_sizes=(8,), random_state=0)
    model.partial_fit(declared())
    assert chance() == 0
    # Trained on, it begins with Laplace's frequency.
    heads = model.net_.module_.networks["decoder"]
    with torch.no_grad():
        p = heads(torch.zeros(1, 2, dtype=torch.float64))
        cells = p.cells(torch.zeros(1, 4, dtype=torch.float64))[0, 0].exp()
    assert cells.item() == pytest.approx(1 / 61, rel=0.05)
    model.partial_fit(declared(always=False))
    before = chance()
    for _ in range(5):
        model.partial_fit(declared(always=False))
    assert 0 < before < chance()


def flags(n, seed, chance):
    """Four numbers of two dimensions, and 12 flags."""
    rng = np.random.RandomState(seed)
    z, axes = rng.normal(size=(n, 2)), np.random.RandomState(5).normal(size=(2, 4))
    rows = pd.DataFrame(z @ axes + 0.3 * rng.normal(size=(n, 4)), columns=list("wxyz"))
    return rows.assign(**{f"f{j}": rng.uniform(size=n) < chance for j in range(12)})


WEIGHTS = [
    lambda rows: None,
    lambda rows: np.ones(100),
    lambda rows: np.where(rows["f0"], 1, 0.01),
]


@pytest.mark.parametrize("weigh", WEIGHTS)
@pytest.mark.parametrize("first", [2, 0.99])
def test_categories_weigh_what_they_do_in_all_rows(first, weigh):
    chunks = [flags(100, 0, first), flags(100, 1, 0.99), flags(100, 2, 0.5)]
    weights = [weigh(chunk) for chunk in chunks]
    model = AAETransformer(**SMALL)
    for chunk, weight in zip(chunks, weights, strict=True):
        model.partial_fit(chunk, sample_weight=weight)
    rows = pd.concat(chunks)
    weight = None if weights[0] is None else np.concatenate(weights)
    whole = AAETransformer(**SMALL).fit(rows, sample_weight=weight)
    one, other = (m.preprocessor_.schema_ for m in (model, whole))
    np.testing.assert_allclose(one.weights, other.weights)
    # Numbers vary as they did in the first chunk.
    scaled = model.preprocessor_.transform(chunks[0])[:, :4]
    moments = np.cov(scaled.T, aweights=weights[0], ddof=0)
    shares = np.average(rows.iloc[:, 4:], axis=0, weights=weight)
    gini = 1 - shares**2 - (1 - shares) ** 2
    expected = np.trace(moments) + gini.sum()
    assert one.total_variance == pytest.approx(expected, rel=1e-3)
    assert model.net_.total_variance == one.total_variance


def test_a_fit_goes_on_with_the_same_rows_or_others():
    rows = flags(100, 2, 0.5)
    model = AAETransformer(warm_start=True, **SMALL).fit(flags(100, 0, 2)).fit(rows)
    fitted = model.preprocessor_
    again = model.fit(rows).preprocessor_
    assert again.schema_ == fitted.schema_
    assert again.mass_ == fitted.mass_ == 100
    # Of other rows the first ones, all true, count besides: of 50 and some, and 100.
    shares = fitted.masses_[0][1] / fitted.masses_[0][1].sum()
    assert shares[1] > 0.6
    assert fitted.variance_[4] == pytest.approx(1 - (shares**2).sum())


def test_rows_that_are_taken_for_the_same_vary_by_what_they_can():
    rows = flags(100, 2, 0.5)
    options = SMALL | {"early_stopping": True, "random_state": None}
    model = AAETransformer(warm_start=True, **options).fit(rows)
    for _ in range(4):  # other rows validate each
        found = model.fit(rows).preprocessor_
    assert max(masses.sum() for _, masses in found.masses_) > found.mass_ == 90
    for j, masses in found.masses_:
        gini = 1 - ((masses / masses.sum()) ** 2).sum()
        assert found.variance_[j] == pytest.approx(gini)


def test_categories_of_a_preprocessor_stored_before_they_were_counted_are_learned():
    model = AAETransformer(**SMALL).partial_fit(flags(100, 0, 2))
    for name in ("masses_", "mass_", "variance_"):
        vars(model.preprocessor_).pop(name)
    model = pickle.loads(pickle.dumps(model))
    before = model.preprocessor_.schema_
    model.partial_fit(flags(100, 1, 0.5))
    after = model.preprocessor_.schema_
    assert min(after.weights[4:]) > 0.3
    assert after.total_variance == pytest.approx(before.total_variance + 6, rel=0.05)


@pytest.mark.parametrize("scale", [s for s in SCALERS if s != "quantile"])
def test_numbers_that_vary_late_count_by_their_weights(scale):
    rng = np.random.RandomState(0)
    X, late = rng.normal(size=(2, 100, 4))
    X[:, 3] = 0
    late[:50, 3] *= 1000
    weight = np.r_[np.full(50, 1e-9), np.ones(50)]
    options = SMALL | {"scale": scale}
    model = AAETransformer(**options).partial_fit(X)
    before = model.preprocessor_.schema_.total_variance
    model.partial_fit(late, sample_weight=weight)
    scaled = model.preprocessor_.transform(np.vstack([X[:1], late]))[:, 3]
    w = np.r_[weight.mean(), weight]
    variance = np.average((scaled - np.average(scaled, weights=w)) ** 2, weights=w)
    added = model.preprocessor_.schema_.total_variance - before
    assert added == pytest.approx(variance, rel=1e-6)
    if scale not in ("minmax", None):
        assert 0.3 < variance < 1.5


LATE_COUNTS = {
    "all": lambda rng: rng.poisson(5, 100),
    "one row": lambda rng: np.r_[3, np.zeros(99)],
    "another constant": lambda rng: np.full(100, 7),
    "holes": lambda rng: np.where(rng.uniform(size=100) < 0.3, np.nan, 2),
}


@pytest.mark.parametrize("weigh", [lambda n: None, lambda n: 1 + np.arange(n) % 3])
@pytest.mark.parametrize("first", [0.0, 4.0, np.nan])
@pytest.mark.parametrize("kind", LATE_COUNTS)
def test_counts_that_vary_late_weigh_what_they_do_in_all_rows(kind, first, weigh):
    rng = np.random.RandomState(0)
    cells = [np.full(100, first), LATE_COUNTS[kind](rng), rng.poisson(5, 100)]
    chunks = [np.c_[rng.normal(size=(100, 3)), c] for c in cells]
    weights = [weigh(100)] * 3
    options = SMALL | {"count_features": [3]}
    model = AAETransformer(**options)
    for chunk, weight in zip(chunks, weights, strict=True):
        model.partial_fit(chunk, sample_weight=weight)
    weight = None if weights[0] is None else np.concatenate(weights)
    other = AAETransformer(**options).fit(np.vstack(chunks), sample_weight=weight)
    one, two = model.preprocessor_, other.preprocessor_
    assert one.schema_.weights[3] == pytest.approx(two.schema_.weights[3])
    # The scale is that of the first rows: none, and the logarithm of their constant.
    scaled = one.transform(np.vstack(chunks))[:, 3]
    known, w = ~np.isnan(scaled), np.ones(300) if weight is None else weight
    mean = np.average(scaled[known], weights=w[known])
    assert one.means_[3] == pytest.approx(mean)
    variance = np.average((scaled[known] - mean) ** 2, weights=w[known])
    assert one.variance_[3] == pytest.approx(variance * w[known].sum() / w.sum())
    assert one.schema_.total_variance == pytest.approx(one.variance_.sum())
    assert model.net_.total_variance == one.schema_.total_variance


def test_late_counts_of_sparse_rows_are_those_of_dense_ones():
    rng = np.random.RandomState(0)
    rows = rng.poisson(0.3, (3, 100, 8)).astype(float)
    rows[0, :, 2:] = 0
    models = [AAETransformer(count_features=list(range(8)), **SMALL) for _ in range(2)]
    for chunk in rows:
        models[0].partial_fit(chunk)
        models[1].partial_fit(csr_matrix(chunk))
    one, two = (m.preprocessor_ for m in models)
    np.testing.assert_allclose(one.variance_, two.variance_)
    np.testing.assert_allclose(one.schema_.weights, two.schema_.weights)


def test_training_on_is_told_to_diverge_however_it_began():
    X = np.random.RandomState(0).normal(size=(256, 4))
    model = AAETransformer(
        2,
        hidden_layer_sizes=(16,),
        max_iter=10,
        learning_rate=3.0,
        warm_start=True,
        learning_rate_schedule="constant",
        step_back=False,
        random_state=0,
    )
    for _ in range(2):
        with pytest.warns(ConvergenceWarning, match="The training diverged"):
            model.fit(X)


@pytest.mark.filterwarnings("error:The training diverged")
def test_rows_unlike_those_before_are_no_divergence():
    model = AAETransformer(2, hidden_layer_sizes=(8,), random_state=0)
    for seed, chance in enumerate([2, 2, 2, 0.5, 0.5]):
        model.partial_fit(flags(200, seed, chance))
    assert model.loss_ > 1


def test_a_declared_column_without_a_cell_comes_back_without_one():
    table = declared().assign(few=pd.Categorical([None] * 60, categories=list("ab")))
    for model in DRAWING:
        model.fit(table, np.arange(60) % 2)
        for rows in (drawn_by(model, 20), model.reconstruct(table)):
            assert rows["few"].isna().all()
            assert rows.dtypes.equals(table.dtypes)
        with pytest.raises(ValueError, match="'few', a column without a cell in the"):
            drawn_by(model, 5, given={"few": "a"})
