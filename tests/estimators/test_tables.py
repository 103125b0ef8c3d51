"""Tables with text, categories and holes: in as a frame, out as a frame."""

import datetime
import pickle
import re
import warnings

import narwhals as nw
import narwhals.stable.v2 as nw_v2
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from torch import nn

from sklearn_aae import (
    AAEClusterer,
    AAETransformer,
    ConditionalAAETransformer,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.estimators import _stream
from sklearn_aae.estimators._given import ENOUGH
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._state import to_arrays
from sklearn_aae.estimators._tables import read_new_rows
from sklearn_aae.tabular import TablePreprocessor

SMALL = {"hidden_layer_sizes": (16,), "critic_hidden_layer_sizes": (8,)}
FAMILY = [
    AAETransformer(2, max_iter=5, random_state=0, **SMALL),
    AAETransformer(2, max_iter=5, posterior="gaussian", random_state=0, **SMALL),
    AAETransformer(2, max_iter=5, posterior="universal", random_state=0, **SMALL),
    AAETransformer(2, max_iter=5, regularizer="kl", random_state=0, **SMALL),
    AAETransformer(2, max_iter=5, reconstruction="laplace", random_state=0, **SMALL),
    AAETransformer(2, max_iter=5, scale="quantile", random_state=0, **SMALL),
    AAETransformer(2, max_iter=5, input_dropout=0.2, random_state=0, **SMALL),
    AAETransformer(2, max_iter=5, count_features=["count"], random_state=0, **SMALL),
    AAEClusterer(
        3, max_iter=5, n_init=2, count_features=["count"], random_state=0, **SMALL
    ),
    ConditionalAAETransformer(2, max_iter=5, random_state=0, **SMALL),
    SemiSupervisedAAEClassifier(2, max_iter=5, random_state=0, **SMALL),
    SemiSupervisedAAEClassifier(
        2, max_iter=5, posterior="universal", random_state=0, **SMALL
    ),
]
each = pytest.mark.parametrize("estimator", FAMILY, ids=str)


def make_table(n=200, seed=0):
    """Return a frame whose columns depend on one hidden class, and the class."""
    rng = np.random.RandomState(seed)
    y = rng.randint(3, size=n)
    city = np.array(["Ulm", "Bonn", "Köln"])[np.where(rng.rand(n) < 0.9, y, 0)]
    frame = pd.DataFrame(
        {
            "size": y + 0.3 * rng.normal(size=n),
            "count": rng.poisson(3 * y + 1),
            "city": city,
            "grade": pd.Categorical(
                np.array(["a", "b", "c"])[y], categories=["c", "b", "a", "never"]
            ),
            "member": y == 1,
        },
        index=np.arange(n) + 10,
    )
    frame.loc[rng.rand(n) < 0.2, "size"] = np.nan
    frame.loc[rng.rand(n) < 0.2, "city"] = None
    return frame, y


@pytest.fixture(scope="module")
def table():
    return make_table()


def assert_like(back, frame, holes=()):
    """Assert that a frame could be a part of another: dtypes, names and ranges."""
    assert back.dtypes.equals(frame.dtypes)
    assert not back.drop(columns=list(holes)).isna().any().any()
    for name in ("size", "count"):
        cells = back[name].dropna()
        assert cells.between(frame[name].min(), frame[name].max()).all()
    assert set(back["city"].dropna()) <= {"Ulm", "Bonn", "Köln"}


@each
def test_a_frame_goes_in_and_comes_out(estimator, table):
    X, y = table
    model = clone(estimator).fit(X, y)
    Z = model.transform(X)
    assert np.isfinite(Z).all()
    assert Z.dtype == np.float64
    for back in (model.reconstruct(X), model.inverse_transform(Z)):
        assert_like(back, X)
    assert_like(model.sample(30), X, holes=["size", "city"])
    assert model.reconstruct(X).index.equals(X.index)
    assert np.isfinite(model.score_samples(X)).all()
    if hasattr(model, "transfer"):
        assert_like(model.transfer(X, 1), X)
        assert_like(model.transfer(X, like=X[:1]), X)


@each
def test_later_rows_may_have_new_holes_and_categories(estimator, table):
    X, y = table
    model = clone(estimator).fit(X, y)
    new = X.head(4).assign(
        city=["Rom", None, "Ulm", "Bonn"], count=[None, 1, 2, 3], size=[np.nan] * 4
    )
    assert np.isfinite(model.transform(new)).all()
    assert np.isfinite(model.score_samples(new)).all()
    assert_like(model.reconstruct(new), X)


@each
def test_typed_models_stack(estimator, table):
    X, y = table
    options = {"n_init": 1, "max_iter": 3, "batch_size": 64}
    if hasattr(estimator, "agreement_duration"):  # one job, one part
        options["agreement_duration"] = None
    models = [clone(estimator).set_params(random_state=i, **options) for i in range(3)]
    alone = [clone(model).fit(X, y) for model in models]
    with parallel_config(backend="stacked", n_jobs=3):
        together = Parallel()(delayed(model.fit)(X, y) for model in models)
    for one, other in zip(alone, together, strict=True):
        truth = to_arrays(one.net_.module_)
        for name, value in to_arrays(other.net_.module_).items():
            np.testing.assert_allclose(value, truth[name], 2e-3, 2e-4, err_msg=name)


@each
def test_a_pickle_answers_alike(estimator, table):
    X, y = table
    model = clone(estimator).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(model.transform(X), again.transform(X))
    pd.testing.assert_frame_equal(
        model.sample(20, random_state=0), again.sample(20, random_state=0)
    )


def test_sets_of_other_libraries(table):
    X = table[0].drop(columns="grade")  # whose order of categories polars may change
    model = AAETransformer(2, max_iter=5, random_state=0, **SMALL)
    frame = pl.from_pandas(X.reset_index(drop=True))
    theirs = clone(model).fit(frame)
    np.testing.assert_allclose(
        theirs.transform(frame), clone(model).fit(X).transform(X)
    )
    assert theirs.sample(5).schema == frame.schema
    pa = pytest.importorskip("pyarrow")
    arrow = frame.to_arrow()
    assert isinstance(clone(model).fit(arrow).reconstruct(arrow), pa.Table)


def test_reconstructions_fill_holes(table):
    X, y = make_table(600)
    model = AAETransformer(2, max_iter=60, input_dropout=0.1, random_state=0, **SMALL)
    filled = model.fit(X).reconstruct(X)
    truth = np.array(["Ulm", "Bonn", "Köln"])[y]
    hole = X["city"].isna()
    assert (filled["city"] == truth)[hole].mean() > 0.8  # most frequent: below 0.5
    hole = X["size"].isna()
    assert np.abs(filled["size"] - y)[hole].mean() < 0.4  # the mean: 0.67


@pytest.fixture(scope="module")
def larger():
    """A model of enough rows and units for its samples to be right."""
    X, _ = make_table(2000)
    return X, AAETransformer(2, max_iter=100, random_state=0).fit(X)


def test_samples_have_the_shares_and_the_ties_of_the_rows(larger):
    X, model = larger
    drawn = model.sample(4000, random_state=0)
    for name in ("city", "grade", "member"):
        truth = X[name].value_counts(normalize=True)
        share = drawn[name].value_counts(normalize=True).reindex(truth.index).fillna(0)
        assert (share - truth).abs().max() < 0.1, name
    both = drawn[drawn["member"]]
    assert (both["grade"] == "b").mean() > 0.8
    assert drawn["size"].std() == pytest.approx(X["size"].std(), rel=0.25)


def test_samples_of_given_cells(larger):
    _, model = larger
    drawn = model.sample(200, given={"grade": "a", "count": 1}, random_state=0)
    assert (drawn["grade"] == "a").all()
    assert (drawn["count"] == 1).all()
    many = model.sample(20_000, random_state=1)
    kept = many[(many["grade"] == "a") & (many["count"] == 1)]
    mean, share = kept["size"].mean(), kept["member"].mean()
    assert drawn["size"].mean() == pytest.approx(mean, abs=0.15)
    assert drawn["member"].mean() == pytest.approx(share, abs=0.05)
    for given, message in [
        ({"grade": "z"}, r"'grade'.*'z' is nothing that was seen: one of"),
        ({"count": 999}, r"'count'.*999 is nothing that was seen: within"),
        ({"count": np.nan}, r"'count'.*nan is a missing cell, and rows are drawn by"),
        ({"grade": None}, r"'grade'.*None is a missing cell"),
        ({"count": 1.5}, r"'count'.*1.5 is no whole number"),
        ({"colour": 1}, r"'colour', not a column"),
        (["grade"], r"given must be a dict of cells, .* Got \['grade'\]"),
        (pd.DataFrame({"grade": ["a"]}), "given must be a dict .* Got a DataFrame"),
        (pl.DataFrame({"grade": ["a"]}), "given must be a dict .* Got a DataFrame"),
    ]:
        with pytest.raises(ValueError, match=message):
            model.sample(2, given=given)


def test_given_cells_of_plain_numbers():
    rng = np.random.RandomState(0)
    x = rng.normal(size=(500, 1))
    X = np.hstack([x, 2 * x, -x]) + 0.05 * rng.normal(size=(500, 3))
    model = AAETransformer(2, max_iter=100, random_state=0, **SMALL).fit(X)
    drawn = model.sample(100, given={0: 1.0}, random_state=0)
    np.testing.assert_array_equal(drawn[:, 0], 1.0)
    assert drawn[:, 1].mean() == pytest.approx(2.0, abs=0.25)
    assert drawn[:, 2].mean() == pytest.approx(-1.0, abs=0.2)


def test_chunks_with_new_categories(table):
    X, _ = table
    declared = {"city": ["Bonn", "Köln", "Rom", "Ulm"]}
    model = AAETransformer(2, random_state=0, **SMALL)
    told = clone(model).set_params(categorical_features=declared)
    model.partial_fit(X.head(100))
    later = X.tail(100).assign(city="Rom", count=99)
    assert np.isfinite(model.partial_fit(later).transform(later)).all()
    assert model.columns_[1].high == 99
    assert model.columns_[2].categories == ("Bonn", "Köln", "Ulm")
    told.partial_fit(X.head(100)).partial_fit(later)
    assert told.columns_[2].categories == tuple(declared["city"])


def test_declared_categories_come_back_in_a_wider_dtype():
    first = pd.DataFrame({"c": pd.Categorical(["a", "b"] * 30), "n": np.arange(60.0)})
    later = pd.DataFrame({"c": pd.Categorical(["q"] * 60), "n": np.arange(60.0)})
    declared = {"c": ["a", "b", "q"]}
    model = AAETransformer(2, categorical_features=declared, random_state=0, **SMALL)
    model.partial_fit(first).partial_fit(later)
    drawn = model.sample(5, given={"c": "q"}, random_state=0)
    assert drawn["c"].tolist() == ["q"] * 5
    assert not model.reconstruct(later)["c"].isna().any()


def test_a_column_may_begin_late():
    """A part of the rows without a cell of a column says nothing about its scale."""
    X = np.random.RandomState(0).normal(5, 3, size=(60_000, 10))
    X[:53_000, 0] = np.nan
    for scale in ("standard", "minmax", "range", "common"):
        found = TablePreprocessor(scale).fit(X)
        late = found.transform(X[-50:])
        assert np.isfinite(late).all()
        np.testing.assert_allclose(found.inverse_transform(late), X[-50:])


def test_the_callers_rows_stay_as_they_are():
    X = np.random.RandomState(0).normal(size=(50, 3))
    X[:, 1] = np.nan
    model = AAETransformer(1, scale=None, max_iter=2, random_state=0, **SMALL).fit(X)
    later = np.ones((5, 3))
    model.transform(later)
    assert (later == 1.0).all()


def test_a_column_of_holes_stays_one():
    X, _ = make_table(100)
    X = X.assign(late=np.nan, word=pd.Series([None] * 100, dtype=object).to_numpy())
    model = AAETransformer(2, max_iter=2, random_state=0, **SMALL).fit(X)
    new = X.assign(late=1e6, word="text")
    np.testing.assert_array_equal(model.transform(new), model.transform(X))
    assert model.reconstruct(new)[["late", "word"]].isna().all(axis=None)


def test_a_model_of_a_frame_takes_arrays_and_lists(table):
    X = table[0].astype({"size": "Float64"})
    model = AAETransformer(2, max_iter=2, random_state=0, **SMALL).fit(X)
    truth = model.transform(X)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        np.testing.assert_array_equal(model.transform(X.to_numpy()), truth)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert_like(model.reconstruct(X.to_numpy().tolist()), X)


def test_given_cells_and_labels():
    rng = np.random.RandomState(0)
    y = rng.randint(2, size=600)
    X = pd.DataFrame(
        {
            "kind": np.array(["none", "one"])[y],
            "b": rng.normal(size=600) - 6 * y,
            "c": rng.normal(size=600),
        }
    )
    sizes = {"hidden_layer_sizes": (32,), "critic_hidden_layer_sizes": (32,)}
    model = ConditionalAAETransformer(
        2, max_iter=60, batch_size=64, random_state=0, **sizes
    )
    drawn = model.fit(X, y).sample(200, given={"kind": "one"}, random_state=0)
    assert (drawn["b"] < -3).mean() > 0.8  # cells tell the label
    labels = np.repeat([0, 1], 100)
    drawn = model.sample(200, y=labels, given={"c": 0.5}, random_state=0)
    assert (drawn["c"] == 0.5).all()
    assert ((drawn["b"] < -3) == labels).mean() > 0.9  # each row has its own


@pytest.mark.parametrize("kind", ["frame", "array"])
def test_single_precision_stays(kind):
    X = np.random.RandomState(0).normal(size=(100, 2)).astype(np.float32)
    rule = [1] if kind == "array" else "from_dtype"
    X[:, 1] = X[:, 1] > 0
    if kind == "frame":
        X = pd.DataFrame({"n": X[:, 0], "c": X[:, 1] > 0})
    model = AAETransformer(1, categorical_features=rule, max_iter=2, **SMALL)
    assert model.fit(X).transform(X).dtype == np.float32


def test_hidden_cells_are_zeros_to_an_own_encoder():
    X = np.random.RandomState(0).normal(size=(100, 4))
    own = nn.Sequential(nn.Linear(4, 2))
    model = AAETransformer(2, input_dropout=0.2, encoder=own, max_iter=2)
    assert np.isfinite(model.fit(X).transform(X)).all()
    ours = AAETransformer(2, input_dropout=0.2, max_iter=2, **SMALL).fit(X)
    assert ours.encoder_.n_inputs == 8


def test_columns_are_widened_by_training_rows_only(table):
    X, _ = table
    model = AAETransformer(2, max_iter=2, random_state=0, **SMALL)
    outlier = X.assign(count=np.where(np.arange(len(X)) == 0, 999, X["count"]))
    model.fit(outlier, sample_weight=np.arange(len(X)) > 0)
    assert model.columns_[1].high < 999
    model.fit(X, X_val=outlier)
    assert model.columns_[1].high < 999


def test_a_search_stacks_typed_models(table):
    X, _ = table
    model = AAETransformer(2, max_iter=3, random_state=0, **SMALL)
    grid = {"learning_rate": [1e-3, 3e-3], "input_dropout": [0.1, 0.3]}
    alone = GridSearchCV(model, grid, cv=3).fit(X)
    with parallel_config(backend="stacked"):
        stacked = GridSearchCV(model, grid, cv=3).fit(X)
    assert stacked.best_params_ == alone.best_params_
    np.testing.assert_allclose(
        stacked.cv_results_["mean_test_score"],
        alone.cv_results_["mean_test_score"],
        rtol=1e-3,
    )


def test_many_categories_are_embedded():
    rng = np.random.RandomState(0)
    code = rng.randint(500, size=3000)
    X = pd.DataFrame({"shop": [f"s{c}" for c in code], "n": code % 2 + rng.rand(3000)})
    model = AAETransformer(2, max_iter=10, random_state=0, **SMALL).fit(X)
    width = model.encoder_.columns.n_outputs
    assert width < 50
    assert model.net_.module_.own_layers  # it records and stacks
    assert set(model.sample(100)["shop"]) <= set(X["shop"])
    assert np.isfinite(model.score_samples(X)).all()


def test_a_clusters_centre_is_a_row_of_the_table(table):
    X, _ = table
    model = AAEClusterer(3, max_iter=5, n_init=1, random_state=0, **SMALL).fit(X)
    assert_like(model.cluster_centers_, X)


def test_categories_of_an_array_come_back_as_they_were():
    rng = np.random.RandomState(0)
    X = np.column_stack([rng.normal(size=100), rng.choice([3.0, 7.0], 100)])
    model = AAETransformer(1, categorical_features=[1], max_iter=5, **SMALL)
    back = model.fit(X).reconstruct(X)
    assert back.dtype == np.float64
    assert set(back[:, 1]) <= {3.0, 7.0}
    text = np.array([["a", 1.0], ["b", 2.0]] * 20, dtype=object)
    model.set_params(categorical_features=[0]).fit(text)
    assert set(model.sample(10)[:, 0]) <= {"a", "b"}


def test_cells_may_be_missing_only_later():
    X = np.random.RandomState(0).normal(size=(100, 3)) + 5
    model = AAETransformer(1, max_iter=5, random_state=0, **SMALL).fit(X)
    hole, mean = X.copy(), X.copy()
    hole[:, 1], mean[:, 1] = np.nan, X[:, 1].mean()
    np.testing.assert_allclose(model.transform(hole), model.transform(mean))


def test_rows_of_codes_keep_their_labels(larger):
    X, model = larger
    some = X[5:9]
    codes = pd.DataFrame(model.transform(some), index=some.index)
    rows = model.inverse_transform(codes)
    assert rows.index.tolist() == some.index.tolist()
    pd.testing.assert_frame_equal(rows, model.reconstruct(some))


# --- columns of very many categories --------------------------------------------------


@pytest.fixture(scope="module")
def postcodes():
    """Return a model of a table whose second column has many categories."""
    rs = np.random.RandomState(0)
    table = pd.DataFrame(
        {
            "kind": rs.choice(["a", "b"], 200),
            "code": [f"c{i}" for i in range(200)],
            "x": rs.normal(size=200),
        }
    )
    return AAETransformer(2, max_iter=2, hidden_layer_sizes=(8,), random_state=0).fit(
        table
    )


@pytest.fixture
def decoded(postcodes, monkeypatch):
    """Return the list of how many rows the many categories were decoded for."""
    (large,), sizes = postcodes.decoder_.heads.large, []
    forward = large.forward
    monkeypatch.setattr(large, "forward", lambda h: sizes.append(len(h)) or forward(h))
    return sizes


@pytest.mark.parametrize("given", [{"kind": "a"}, {"x": 1.5}, {"kind": "b", "x": 0}])
def test_cells_given_are_chosen_by_without_a_look_at_other_columns(
    given, postcodes, decoded
):
    drawn = postcodes.sample(7, given=given, random_state=0)
    assert sum(decoded) == 14  # rows and those they are drawn around, no candidates
    for name, value in given.items():
        assert (drawn[name] == value).all()


def test_a_given_category_of_many_is_chosen_by(postcodes, decoded):
    drawn = postcodes.sample(2, given={"code": "c7"}, random_state=0)
    assert (drawn.code == "c7").all()
    assert sum(decoded) >= ENOUGH + 2


def test_residuals_are_measured_a_few_rows_at_a_time(postcodes, decoded, monkeypatch):
    monkeypatch.setattr(_stream, "CHUNK_UNITS", 1600)  # 8 rows of 200 categories
    before = postcodes.residuals_
    rows = read_new_rows(postcodes, postcodes.sample(40, random_state=0))
    scaled = Rows(rows).scaled(
        postcodes.preprocessor_, torch.device("cpu"), torch.float64
    )
    decoded.clear()
    postcodes._model.measure(scaled)
    assert decoded == [8] * 5
    postcodes.residuals_ = before


# --- what a later table may not hold --------------------------------------------------

NUMBERS = pd.DataFrame(
    np.random.RandomState(0).normal(size=(30, 2)), columns=["u", "v"]
)
BAD_COLUMNS = [
    ("x", r"Column 'v' held numbers in fit. Now it has dtype String.*'x'"),
    (pd.Categorical(["a"] * 30), r"Column 'v' held numbers in fit.*Categorical.*'a'"),
    (pd.Timestamp("2024-01-01"), "Column 'v' has dtype datetime.*Dates and times are"),
    ([*[1.0] * 29, "?"], "Column 'v' mixes values of the types"),
]


@pytest.mark.parametrize(("cells", "message"), BAD_COLUMNS)
@pytest.mark.parametrize("method", ["transform", "partial_fit", "score"])
def test_later_frames_name_the_column_that_holds_no_numbers(cells, message, method):
    model = AAETransformer(max_iter=2, random_state=0).fit(NUMBERS)
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(NUMBERS.assign(v=cells))


FLOATS = pl.DataFrame({name: NUMBERS[name].to_numpy() for name in "uv"})
DATED = {
    "polars": FLOATS.with_columns(v=pl.datetime(2020, 1, 1)),
    "days": FLOATS.with_columns(v=pl.date(2020, 1, 1)),
    "pandas": pd.DataFrame(dict.fromkeys("uv", pd.date_range("2020", periods=30))),
    "objects": NUMBERS.assign(v=list(np.arange(30).astype("datetime64[ns]"))).astype(
        {"v": object}
    ),
    "spans": NUMBERS.assign(
        v=pd.Series(list(np.arange(30).astype("timedelta64[ns]")), dtype=object)
    ),
    "date64": pa.table(
        {
            "u": NUMBERS["u"].to_numpy(),
            "v": pa.array([datetime.date(2020, 1, 1)] * 30, pa.date64()),
        }
    ),
}


@pytest.mark.parametrize("kind", DATED)
@pytest.mark.parametrize("method", ["transform", "partial_fit"])
def test_later_frames_of_dates_are_no_numbers(kind, method):
    model = AAETransformer(max_iter=2, random_state=0).fit(NUMBERS)
    with pytest.raises(ValueError, match="Dates and times are no numbers"):
        getattr(model, method)(DATED[kind])


@pytest.mark.parametrize("method", ["transform", "partial_fit"])
def test_later_categories_that_are_dates_are_no_numbers(method):
    dates = pd.Categorical(pd.date_range("2020", periods=30))
    models = AAETransformer(max_iter=2), AAETransformer(1, max_iter=2)
    for model, names in zip(models, ("uv", "v"), strict=True):
        model.fit(NUMBERS[list(names)])
        with pytest.raises(ValueError, match=r"'v' held numbers in fit.*Timestamp"):
            getattr(model, method)(NUMBERS.assign(v=dates)[list(names)])


@pytest.mark.parametrize(
    "text", ["1_5", "nan", "inf", "0x10", "", "1,5", ".", "1.e", "1e", "+-1"]
)
@pytest.mark.parametrize("dtype", ["category", "string", object])
def test_later_text_that_may_be_no_number_is_refused(text, dtype):
    model = AAETransformer(max_iter=2, random_state=0).fit(NUMBERS)
    later = NUMBERS.assign(v=pd.Series([text] * 30, dtype=dtype))
    message = f"'v' held numbers in fit.*'{re.escape(text)}'"
    with pytest.raises(ValueError, match=message):
        model.transform(later)


@pytest.mark.parametrize("text", ["1.", ".5", "-1.5e-3", " 2 ", "+3", "1e5"])
def test_later_text_that_is_a_number_is_read(text):
    model = AAETransformer(max_iter=2, random_state=0).fit(NUMBERS)
    found, truth = (
        model.transform(NUMBERS.assign(v=pd.Series([cell] * 30)))
        for cell in (text, float(text))
    )
    np.testing.assert_array_equal(found, truth)


class NoHash:
    """A cell that equals itself only, and that no dict takes."""

    __hash__ = None

    def __eq__(self, other):
        return self is other

    def __repr__(self):
        return "NoHash()"


@pytest.mark.parametrize("cell", [NoHash(), slice(1)], ids=["class", "slice"])
def test_later_cells_without_a_hash_are_no_numbers(cell):
    model = AAETransformer(max_iter=2, random_state=0).fit(NUMBERS)
    message = f"'v' held numbers in fit.*with the value {re.escape(repr(cell))}"
    with pytest.raises(ValueError, match=message):
        model.transform(NUMBERS.assign(v=pd.Series([cell] * 30, dtype=object)))


@pytest.mark.parametrize("cell", ["1.5", 1.5, True], ids=repr)
def test_a_masked_cell_among_later_objects_is_missing(cell):
    model = AAETransformer(max_iter=2, random_state=0).fit(NUMBERS)
    frames = [
        NUMBERS.assign(v=pd.Series([cell, hole] * 15, dtype=object))
        for hole in (np.ma.masked, None)
    ]
    truth = NUMBERS.assign(v=[float(cell), np.nan] * 15)
    for frame in frames:
        np.testing.assert_array_equal(model.transform(frame), model.transform(truth))
    array = AAETransformer(max_iter=2, random_state=0).fit(
        NUMBERS.astype(object).to_numpy()
    )
    found, truth = (array.transform(X.to_numpy()) for X in (frames[0], truth))
    np.testing.assert_array_equal(found, truth)


def test_text_of_very_many_digits_is_refused_at_once_and_not_repeated():
    model = AAETransformer(max_iter=2, random_state=0).fit(NUMBERS)
    later = NUMBERS.assign(v=["1" * 100_000 + "x"] * 30)
    with pytest.raises(ValueError, match="held numbers in fit") as error:
        model.transform(later)
    assert len(str(error.value)) < 200


def test_a_frame_after_an_array_is_told_how_many_columns_there_were():
    model = AAETransformer(max_iter=2, random_state=0).fit(NUMBERS.to_numpy())
    with pytest.raises(ValueError, match=r"X has 3 features, but .* is expecting 2"):
        model.transform(NUMBERS.assign(kind=["x", "y"] * 15))


def test_later_numbers_of_other_kinds_are_still_numbers():
    model = AAETransformer(max_iter=2, random_state=0).fit(NUMBERS)
    rows = NUMBERS.round(1)
    codes = model.transform(rows)
    kinds = [object, "category", str, "Float64"]
    for kind in kinds:
        found = model.transform(rows.assign(v=rows["v"].astype(kind)))
        np.testing.assert_allclose(found, codes, rtol=1e-6)
    hole = rows["v"].mask(rows.index == 3)
    codes = model.transform(rows.assign(v=hole))
    for kind in ("string", object):
        text = hole.astype("string").astype(kind)
        found = model.transform(rows.assign(v=text))
        np.testing.assert_allclose(found, codes, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["string", object])
def test_a_later_column_without_a_cell_is_missing_whatever_its_dtype(dtype):
    model = AAETransformer(max_iter=2, random_state=0).fit(NUMBERS)
    empty = NUMBERS.assign(v=pd.array([pd.NA] * 30, dtype=dtype))
    np.testing.assert_array_equal(
        model.transform(empty), model.transform(NUMBERS.assign(v=np.nan))
    )


@pytest.mark.parametrize("kind", [pd.DataFrame, np.asarray])
def test_a_table_without_a_known_cell_is_said_to_be_one(kind):
    with pytest.raises(ValueError, match="None of the 3 columns of X has a known cell"):
        AAETransformer().fit(kind(np.full((30, 3), np.nan)))


def test_infinite_cells_of_a_frame_are_replaced_as_told():
    table = NUMBERS.assign(kind=["a", "b", "c"] * 10)
    table.loc[0, "v"] = np.inf
    with pytest.raises(ValueError, match=r"X.replace\(\[np.inf, -np.inf\], np.nan\)"):
        AAETransformer(max_iter=1).fit(table)
    AAETransformer(max_iter=1).fit(table.replace([np.inf, -np.inf], np.nan))


CONTAINERS = {
    "pandas": lambda table: table,
    "array": lambda table: table.to_numpy(),
    "polars": pl.from_pandas,
    "arrow": pa.Table.from_pandas,
    "batch": pa.RecordBatch.from_pandas,
    "narwhals": nw.from_native,
    "narwhals.v2": nw_v2.from_native,
}


@pytest.mark.parametrize("kind", CONTAINERS.values(), ids=CONTAINERS)
def test_categories_of_later_chunks_that_were_not_declared_are_warned_of(kind):
    first = NUMBERS.assign(kind=["tea", "milk"] * 15)
    later = NUMBERS.assign(kind=["tea", "milk", "water"] * 10)
    name = 2 if isinstance(kind(first), np.ndarray) else "kind"
    options = {"max_iter": 2, "random_state": 0}
    options["categorical_features"] = [name]
    model = AAETransformer(**options).partial_fit(kind(first))
    message = (
        rf"Column {name!r} holds categories that it did not have.* such as 'water': "
    )
    with pytest.warns(UserWarning, match=message):
        model.partial_fit(kind(later))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.partial_fit(kind(first))
        weight = (later["kind"] != "water").to_numpy(float)
        model.partial_fit(kind(later), sample_weight=weight)
        model.partial_fit(kind(first), sample_weight=2.0)
        options["categorical_features"] = {name: ["milk", "tea", "water"]}
        declared = AAETransformer(**options).partial_fit(kind(first))
        declared.partial_fit(kind(later))


HUGE = [10**400, *range(29)]


@pytest.mark.parametrize("kind", ["array", "frame", "list"])
def test_whole_numbers_that_no_float_holds_are_refused(kind):
    plain = {
        "array": lambda X: X.to_numpy(),
        "frame": lambda X: X,
        "list": lambda X: X.to_numpy().tolist(),
    }[kind]
    X = pd.DataFrame({"a": range(30), "b": HUGE}, dtype=object)
    model = AAETransformer(max_iter=1, random_state=0).fit(plain(X.assign(b=1)))
    for call in (model.transform, clone(model).fit):
        with pytest.raises(ValueError, match=r"whole number beyond 1\.8e308"):
            call(plain(X))
