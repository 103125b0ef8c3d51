"""Rows in every container, by every estimator, metric, scorer and display."""

import gc
import inspect
import warnings
import weakref

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
    metrics,
)
from sklearn_aae.metrics import aae_scorer

pa = pytest.importorskip("pyarrow")

SMALL = {"hidden_layer_sizes": (8,), "max_iter": 1, "random_state": 0}
ESTIMATORS = [
    AAETransformer(2, **SMALL),
    ConditionalAAETransformer(2, **SMALL),
    AAEClusterer(2, n_components=2, n_init=1, **SMALL),
    SemiSupervisedAAEClassifier(2, **SMALL),
    AAEOutlierDetector(1, n_init=1, **SMALL),
    GANSampler(2, **SMALL),
]
WITH_HOLES = ESTIMATORS[:-1]
ANSWERS = (
    "transform",
    "predict",
    "predict_proba",
    "score_samples",
    "reconstruct",
    "localize",
)
each = pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
each_with_holes = pytest.mark.parametrize(
    "estimator", WITH_HOLES, ids=lambda e: type(e).__name__
)
ENCODING = [e for e in ESTIMATORS if hasattr(e, "transform")]
each_encoding = pytest.mark.parametrize(
    "estimator", ENCODING, ids=lambda e: type(e).__name__
)

N = 40
RNG = np.random.RandomState(0)
X = RNG.normal(size=(N, 3))
Y = np.arange(N) % 2
TEXT = pd.DataFrame({"size": X[:, 0], "city": ["Ulm", "Bonn"] * (N // 2)})


def fit(estimator, table):
    """Fit a copy to rows, which also judge the training where they can."""
    taken = inspect.signature(estimator.fit).parameters
    judges = {k: v for k, v in {"X_val": table, "y_val": Y}.items() if k in taken}
    return clone(estimator).fit(table, Y, **judges)


def answers(model, table):
    """Return what a model says about rows, by method, as arrays."""
    said = {}
    for name in ANSWERS:
        if hasattr(model, name):
            answer = getattr(model, name)(table)
            said[name] = np.asarray(getattr(answer, "to_numpy", lambda a=answer: a)())
    return said


def same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


# --- masks ----------------------------------------------------------------------------

HOLES = X.copy()
HOLES[::7, 1] = np.nan
MASKED = np.ma.array(np.where(np.isnan(HOLES), 1e6, HOLES), mask=np.isnan(HOLES))


@each_with_holes
def test_masked_cells_are_missing_ones(estimator):
    of_masked, of_holes = (fit(estimator, table) for table in (MASKED, HOLES))
    assert of_masked.loss_ == of_holes.loss_
    same(answers(of_masked, MASKED), answers(of_holes, HOLES))
    assert of_masked.columns_[1].high < 10


def test_a_sampler_of_complete_rows_refuses_masked_ones():
    with pytest.raises(ValueError, match="column 1 has 6 missing values"):
        GANSampler(2, **SMALL).fit(MASKED)


@pytest.fixture(scope="module")
def model():
    return AAETransformer(2, **SMALL).fit(X)


def test_masked_codes_and_weights_are_refused(model):
    codes = np.ma.array(model.transform(X), mask=False)
    codes[3, 1] = np.ma.masked
    with pytest.raises(ValueError, match="Input Z contains NaN"):
        model.inverse_transform(codes)
    weight = np.ma.array(np.ones(N), mask=np.arange(N) == 2)
    with pytest.raises(ValueError, match="NaN"):
        AAETransformer(2, **SMALL).fit(X, sample_weight=weight)


def test_a_masked_cell_is_given_no_more_than_a_missing_one():
    fitted = AAETransformer(2, **SMALL).fit(TEXT)
    for name in TEXT:
        with pytest.raises(ValueError, match=f"{name}.*is a missing cell"):
            fitted.sample(2, given={name: np.ma.masked})


def test_masked_cells_are_missing_to_metrics_scorers_and_displays(model):
    error = metrics.reconstruction_error
    assert error(MASKED, X) == error(HOLES, X)
    for metric in (metrics.frechet_distance, metrics.precision_recall):
        with pytest.raises(ValueError, match="6 missing or infinite cells in column 1"):
            metric(MASKED, X)
    share = metrics.closest_row_share
    assert share(MASKED, X[:20], X[20:]) == share(HOLES, X[:20], X[20:])
    scorer = aae_scorer("reconstruction_error")
    assert scorer(model, MASKED) == scorer(model, HOLES)
    inspection = pytest.importorskip("sklearn_aae.inspection")
    pytest.importorskip("matplotlib")
    shown = inspection.ReconstructionDisplay.from_estimator(
        model, MASKED, image_shape=(1, 3)
    )
    np.testing.assert_array_equal(shown.originals[:, 0], HOLES[:10])
    assert np.isfinite(shown.reconstructions).all()


# --- containers -----------------------------------------------------------------------

TABLE = pa.Table.from_pandas(TEXT)
CONTAINERS = {
    "RecordBatch": (TABLE.to_batches()[0], pa.Table),
    "narwhals of pandas": (nw.from_native(TEXT), pd.DataFrame),
    "narwhals of polars": (nw.from_native(pl.from_arrow(TABLE)), pl.DataFrame),
    "narwhals of Arrow": (nw.from_native(TABLE), pa.Table),
}


@pytest.mark.parametrize("kind", CONTAINERS)
@each
def test_nearly_frames_are_frames(estimator, kind):
    table, native = CONTAINERS[kind]
    if isinstance(estimator, GANSampler):
        with pytest.raises(ValueError, match="'city' holds categories"):
            clone(estimator).fit(table)
        return
    fitted = clone(estimator).fit(table, Y)
    assert fitted.feature_names_in_.tolist() == ["size", "city"]
    same(answers(fitted, table), answers(fitted, TEXT))
    assert type(fitted.sample(2, random_state=0)) is native
    assert type(fitted.reconstruct(table)) is native


@each
def test_names_of_nearly_frames_of_numbers_are_kept(estimator):
    frame = pa.table(list(X.T), names=["a", "b", "c"])
    fitted = clone(estimator).fit(frame.to_batches()[0], Y)
    assert fitted.feature_names_in_.tolist() == ["a", "b", "c"]
    for name in answers(fitted, frame):
        with pytest.raises(ValueError, match="feature names"):
            getattr(fitted, name)(nw.from_native(frame.select(["b", "a", "c"])))


REFUSED = {
    "dict": (TEXT.to_dict("list"), r"pandas\.DataFrame\(X\)"),
    "rows as dicts": (TEXT.to_dict("records"), r"pandas\.DataFrame\(X\)"),
    "records": (TEXT.to_records(index=False), r"pandas\.DataFrame\(X\)"),
    "lazy": (pl.from_arrow(TABLE).lazy(), r"X\.collect\(\)"),
    "series": (TEXT["size"], r"X\.to_frame\(\)"),
    "text": (TEXT.to_numpy().tolist(), "holds text.*'Ulm'.*categorical_features"),
}


@pytest.mark.parametrize("kind", REFUSED)
@each
def test_what_is_no_table_is_told_to_become_one(estimator, kind, model):
    table, message = REFUSED[kind]
    with pytest.raises(ValueError, match="(?s)^X .*" + message + "|one column.*to_fr"):
        clone(estimator).fit(table, Y)


def test_what_is_no_table_is_refused_after_fit_and_by_metrics(model):
    columns = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]}
    call = r"is a dict of columns.*pandas\.DataFrame\({}\)"
    for name in ("transform", "reconstruct", "score_samples"):
        with pytest.raises(ValueError, match="X " + call.format("X")):
            getattr(model, name)(columns)
    with pytest.raises(ValueError, match="Z " + call.format("Z")):
        model.inverse_transform(columns)
    with pytest.raises(ValueError, match="Y " + call.format("Y")):
        metrics.frechet_distance(X, columns)
    with pytest.raises(ValueError, match="X " + call.format("X")):
        aae_scorer("frechet_distance")(model, columns)


def test_row_labels_come_back_from_behind_narwhals():
    frame = TEXT.set_index(np.arange(N) * 3)
    fitted = AAETransformer(2, **SMALL).fit(frame)
    assert fitted.reconstruct(nw.from_native(frame)).index.equals(frame.index)


def test_metrics_take_nearly_frames_as_the_frames_behind_them():
    batch, other = TABLE.to_batches()[0], TEXT.iloc[::-1]
    distance = metrics.frechet_distance
    assert distance(batch, nw.from_native(other)) == distance(TEXT, other)
    halves = nw.from_native(TEXT[:20]), pa.Table.from_pandas(TEXT[20:]).to_batches()[0]
    share = metrics.closest_row_share
    assert share(batch, *halves) == share(TEXT, TEXT[:20], TEXT[20:])


def test_metrics_compare_arrow_tables_by_their_names():
    one, two = (pa.table(list(Z.T), names=["a", "b", "c"]) for Z in (X[:20], X[20:]))
    truth = metrics.frechet_distance(X[:20], X[20:])
    assert metrics.frechet_distance(one, two) == truth
    with pytest.raises(ValueError, match="columns in the same order"):
        metrics.frechet_distance(one, two.rename_columns(["a", "c", "b"]))
    holes = pa.table(list(HOLES.T), names=["a", "b", "c"])
    with pytest.raises(ValueError, match=r"6 missing .* in column 'b'"):
        metrics.frechet_distance(holes, two)


# --- dtypes ---------------------------------------------------------------------------

NUMBERS = pd.DataFrame(X.astype(np.float32), columns=list("abc"))
FLOAT32 = {
    "pandas": NUMBERS,
    "pandas nullable": NUMBERS.astype("Float32"),
    "pandas Arrow": NUMBERS.astype("float[pyarrow]"),
    "polars": pl.DataFrame(dict(NUMBERS), schema=dict.fromkeys("abc", pl.Float32)),
    "Arrow": pa.Table.from_pandas(NUMBERS),
}


@pytest.mark.parametrize("kind", FLOAT32)
def test_codes_of_float32_are_float32(kind):
    frame = FLOAT32[kind]
    fitted = AAETransformer(2, **SMALL).fit(frame)
    array = NUMBERS.to_numpy()
    truth = AAETransformer(2, **SMALL).fit(array).transform(array)
    codes = fitted.transform(frame)
    assert codes.dtype == np.float32
    np.testing.assert_array_equal(codes, truth)
    wide = nw.from_native(frame).with_columns(nw.col("a").cast(nw.Float64))
    assert fitted.transform(wide).dtype == np.float64


def test_a_missing_decimal_of_pandas_is_a_missing_cell():
    numbers = pa.array([1.5, None] * (N // 2)).cast(pa.decimal128(3, 1))
    frame = pd.DataFrame(
        {"x": X[:, 0], "price": pd.arrays.ArrowExtensionArray(numbers)}
    )
    floats = frame.astype({"price": "float64"})
    codes = AAETransformer(2, **SMALL).fit(frame).transform(frame)
    truth = AAETransformer(2, **SMALL).fit(floats).transform(floats)
    np.testing.assert_allclose(codes, truth, 1e-9)


@each_encoding
def test_every_code_of_float32_is_float32(estimator):
    fitted = clone(estimator).fit(FLOAT32["polars"], Y)
    assert fitted.transform(FLOAT32["pandas nullable"]).dtype == np.float32
    assert fitted.transform(FLOAT32["Arrow"]).dtype == np.float32


# --- shares of cells ------------------------------------------------------------------


def test_localize_answers_a_frame_with_a_frame():
    detector = AAEOutlierDetector(n_init=1, **SMALL).fit(TEXT)
    frame = TEXT.set_index(np.arange(N) * 3)
    shares = detector.localize(frame)
    assert shares.index.equals(frame.index)
    assert shares.columns.equals(frame.columns)
    assert (shares.dtypes == np.float64).all()
    np.testing.assert_allclose(shares.sum(axis=1), -detector.score_samples(frame))
    for kind, (table, native) in CONTAINERS.items():
        answer = detector.localize(table)
        assert type(answer) is native, kind
        np.testing.assert_array_equal(nw.from_native(answer).to_numpy(), shares)
        assert nw.from_native(answer).columns == ["size", "city"]
    by_array = AAEOutlierDetector(n_init=1, **SMALL).fit(X).localize(X)
    assert type(by_array) is np.ndarray


# --- text that makes poor categories --------------------------------------------------


@each_with_holes
def test_a_fit_tells_of_ids_once(estimator):
    frame = TEXT.assign(key=[f"u{i}" for i in range(N)])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted = fit(estimator, frame)
        answers(fitted, frame)
        if hasattr(fitted, "partial_fit"):
            fitted.partial_fit(frame, Y)
    told = [str(w.message) for w in caught if "Column" in str(w.message)]
    assert len(told) == 1
    assert told[0].startswith("Column 'key' holds 40 categories in 40 rows")


# --- sparse columns of pandas ---------------------------------------------------------

DENSE = np.round(np.random.default_rng(0).normal(size=(12, 3)).clip(0), 2)
FILLS = {"zeros": (0.0, 3), "holes": (np.nan, 3), "beside others": (0.0, 2)}


@pytest.mark.parametrize("kind", FILLS)
@each
def test_sparse_columns_are_read_as_dense_ones_without_a_warning(estimator, kind):
    fill, n_sparse = FILLS[kind]
    dense = pd.DataFrame(DENSE, columns=list("abc"))
    sparse = dense.astype(dict.fromkeys("abc"[:n_sparse], pd.SparseDtype(float, fill)))
    y = np.arange(12) % 2
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*sparse columns")
        fitted = [clone(estimator).fit(X, y) for X in (sparse, dense)]
        rows = [model.sample(3, random_state=0) for model in fitted]
        distance = metrics.frechet_distance(dense + 1, sparse)
    np.testing.assert_allclose(*rows, rtol=1e-4, atol=1e-5)
    assert rows[0].dtypes.equals(sparse.dtypes)
    assert distance == metrics.frechet_distance(dense + 1, dense)


@each
def test_rows_do_not_outlive_the_fit(estimator):
    """No collection of garbage is needed, till which twice the memory would be held."""
    rows = np.random.RandomState(0).normal(size=(997, 3))
    model, held = clone(estimator), weakref.ref(rows)
    gc.collect()
    gc.disable()
    try:
        model.fit(rows, np.arange(997) % 2)
        del rows
        assert held() is None
        alive = [o for o in gc.get_objects() if type(o) is torch.Tensor]
        assert not [t.shape for t in alive if 997 in t.shape and t.numel() >= 2 * 997]
    finally:
        gc.enable()
