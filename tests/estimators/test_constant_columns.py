"""Columns without variance in training say nothing later; chunks may be of one row."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from skorch.callbacks import Callback
from torch import nn

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)

SMALL = {"hidden_layer_sizes": (8,), "max_iter": 2, "random_state": 0}
SCALES = ("standard", "quantile", "minmax", "range", "limited_range", "common", None)
N = 40
RNG = np.random.RandomState(0)
X = RNG.normal(size=(N, 3))
Y = np.arange(N) % 2


def with_flag(value):
    return np.c_[X, np.full(N, value, dtype=float)]


def encoders():
    return (
        AAETransformer(**SMALL),
        ConditionalAAETransformer(**SMALL),
        SemiSupervisedAAEClassifier(**SMALL),
        AAEClusterer(2, n_init=1, **SMALL),
    )


@pytest.mark.parametrize("scale", SCALES)
def test_a_constant_column_that_stirs_moves_no_code(scale):
    model = AAETransformer(scale=scale, **SMALL).fit(with_flag(3))
    codes = model.transform(with_flag(3))
    for value in (0, 4, 1e6, -1e6):
        np.testing.assert_array_equal(model.transform(with_flag(value)), codes)
    assert (model.reconstruct(with_flag(9))[:, 3] == 3).all()
    assert (model.set_params(clip=False).sample(5, random_state=0)[:, 3] == 3).all()


@pytest.mark.parametrize("model", encoders(), ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("kind", [np.asarray, csr_array, pd.DataFrame])
def test_all_encoders_are_deaf_to_constant_columns(model, kind):
    if kind is csr_array and isinstance(model, AAEClusterer):
        pytest.skip("takes no sparse rows")
    model.fit(kind(with_flag(0)), Y)
    usual, stirred = kind(with_flag(0)), kind(with_flag(100))
    np.testing.assert_array_equal(model.transform(usual), model.transform(stirred))
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(
            model.predict_proba(usual), model.predict_proba(stirred)
        )


def test_an_encoder_of_ones_own_does_not_see_constant_columns_stir():
    own = nn.Sequential(nn.Linear(4, 2))
    model = AAETransformer(2, encoder=own, **SMALL).fit(with_flag(0))
    codes = model.transform(with_flag(0))
    np.testing.assert_array_equal(model.transform(with_flag(7)), codes)


def test_a_stirring_constant_is_no_likelier():
    model = AAETransformer(**SMALL).fit(with_flag(0))
    usual, stirred = (model.score_samples(with_flag(v)) for v in (0, 5))
    assert (stirred < usual - 5).all()


def frame(n, counts, kind, empty):
    table = pd.DataFrame(X[:n], columns=list("abc"))
    return table.assign(n=counts, kind=kind, empty=empty)


def test_counts_categories_and_holes_without_variance_say_nothing():
    model = AAETransformer(count_features=["n"], **SMALL)
    usual = frame(N, 2, "red", np.nan)
    codes = model.fit(usual).transform(usual)
    for stirred in (
        frame(N, 99, "red", np.nan),
        frame(N, 2, "blue", np.nan),
        frame(N, 2, None, np.nan),
        frame(N, 2, "red", 5.0),
    ):
        np.testing.assert_array_equal(model.transform(stirred), codes)


def test_a_hole_beside_a_constant_still_tells():
    holes = with_flag(1)
    holes[::2, 3] = np.nan
    model = AAETransformer(**SMALL).fit(holes)
    codes = model.transform(with_flag(1))
    np.testing.assert_array_equal(model.transform(with_flag(8)), codes)
    assert not np.array_equal(model.transform(holes), codes)


def test_columns_that_stir_only_among_held_out_rows_say_nothing():
    rows = with_flag(0)
    model = AAETransformer(early_stopping=True, **SMALL).fit(rows)
    rows[0, 3] = 1  # one row of the split has it, the others are constant
    for i in range(N):
        swapped = np.roll(rows, i, 0)
        model.fit(swapped)
        off, on = swapped.copy(), swapped.copy()
        off[:, 3], on[:, 3] = 0, 1
        if np.array_equal(model.transform(off), model.transform(on)):
            return
    raise AssertionError("no split held out the row")


def test_each_fold_is_deaf_to_the_category_that_it_lacks():
    kinds = np.array(["red", "blue", "green"])[np.arange(N) % 3]
    whole = pd.DataFrame(X, columns=list("abc")).assign(kind=pd.Categorical(kinds))
    fold = whole[whole.kind != "green"]  # its dtype still has the category
    model = AAETransformer(**SMALL).fit(fold)
    green, hole = fold.copy(), fold.copy()
    green["kind"], hole["kind"] = "green", None
    np.testing.assert_array_equal(model.transform(green), model.transform(hole))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("first", [0.0, np.nan])
def test_a_column_that_stirs_in_a_later_chunk_is_learned(scale, first):
    model = AAETransformer(scale=scale, **SMALL).partial_fit(with_flag(first))
    stirred = with_flag(0)
    stirred[::2, 3] = 1000.0
    still = model.transform(with_flag(first))
    np.testing.assert_array_equal(model.transform(stirred), still)
    model.partial_fit(stirred)
    low, high = (model.transform(with_flag(v)) for v in (0.0, 1000.0))
    assert np.abs(low - high).max() > 1e-3
    assert np.isfinite(model.loss_)
    scaled = model.preprocessor_.transform(stirred)[:, 3]
    if scale not in (None, "common"):
        assert np.abs(scaled).max() < 10  # a scale of its own, not that of a constant
    np.testing.assert_allclose(
        model.preprocessor_.inverse_transform(model.preprocessor_.transform(stirred)),
        stirred,
        atol=1e-6,
    )


def of_kind(library, cells):
    """Return the rows with a last column of cells, as a frame of a library."""
    columns = {name: X[:, i] for i, name in enumerate("abc")} | {"late": cells}
    if library == "pandas":
        return pd.DataFrame({k: list(v) for k, v in columns.items()})
    module = pytest.importorskip(library)
    if library == "pyarrow":
        return module.table(columns)
    return module.DataFrame(columns)


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize("cells", [np.arange(N) % 7, np.arange(N) % 7 / 2])
def test_a_column_of_holes_in_the_first_chunk_of_a_frame_wakes_up(library, cells):
    empty, full = of_kind(library, [None] * N), of_kind(library, cells)
    model = AAETransformer(**SMALL).partial_fit(empty)
    asleep = np.asarray(model.transform(empty))
    np.testing.assert_array_equal(model.transform(full), asleep)
    for chunk in (full[:1], full, empty, full):
        model.partial_fit(chunk)
    codes = np.asarray(model.transform(full))
    assert np.abs(codes - np.asarray(model.transform(empty))).max() > 1e-3
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(full), codes)
    late = model.sample(50, random_state=0)["late"]
    if library == "pandas":
        assert late.dtype == cells.dtype
    late = np.asarray(late, dtype=float)
    assert np.nanmin(late) >= 0
    assert np.nanmax(late) <= cells.max()


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_column_of_holes_cannot_become_one_of_categories(library):
    empty, text = of_kind(library, [None] * N), of_kind(library, ["u", "v"] * (N // 2))
    model = AAETransformer(**SMALL).partial_fit(empty)
    with pytest.warns(UserWarning, match=r"'late' holds categories now.*Declare"):
        model.partial_fit(text)
    np.testing.assert_array_equal(model.transform(text), model.transform(empty))


def test_late_counts_and_categories_of_arrays():
    counts = AAETransformer(count_features=["late"], **SMALL)
    counts.partial_fit(of_kind("pandas", [np.nan] * N))
    counts.partial_fit(of_kind("pandas", np.arange(N) % 5))
    assert set(counts.sample(50, random_state=0)["late"].dropna()) <= {0, 1, 2, 3, 4}
    empty = np.c_[X.astype(object), [None] * N]
    model = AAETransformer(categorical_features=[3], **SMALL).partial_fit(empty)
    with pytest.warns(UserWarning, match="Column 3 holds categories now"):
        model.partial_fit(np.c_[X.astype(object), ["u", "v"] * (N // 2)])


@pytest.mark.parametrize("scale", [scale for scale in SCALES if scale])
def test_a_column_gets_its_scale_when_it_varies(scale):
    model = AAETransformer(scale=scale, **SMALL).partial_fit(with_flag(np.nan))
    model.partial_fit(with_flag(5000))  # no scale yet: it says nothing still
    np.testing.assert_array_equal(
        model.transform(with_flag(5000)), model.transform(with_flag(np.nan))
    )
    varying = with_flag(0)
    varying[:, 3] = 5000 + X[:, 0]
    model.partial_fit(varying)
    assert np.abs(model.preprocessor_.transform(varying)[:, 3]).max() < 10
    assert model.loss_ < 20


def test_critics_of_cells_know_nothing_of_constant_columns():
    options = SMALL | {"n_init": 2, "localize_by": "replacement"}
    detector = AAEOutlierDetector(**options).fit(with_flag(0))
    shares = detector.localize(with_flag(1))
    assert (shares.argmax(1) == 3).mean() > 0.9
    kept = detector.localize(with_flag(0))[:, :3]
    kept, others = (part / part.sum(1, keepdims=True) for part in (kept, shares[:, :3]))
    np.testing.assert_allclose(others, kept, 1e-5)


def test_a_chunk_that_fails_leaves_constant_columns_as_they_were():
    model = AAETransformer(**SMALL).partial_fit(with_flag(0))
    codes = model.transform(with_flag(1))
    bad = with_flag(0)
    bad[::2, 3], bad[0, 0] = 1, np.inf
    with pytest.raises(ValueError, match="inf"):
        model.partial_fit(bad)
    model.partial_fit(X @ np.zeros((3, 4)) + with_flag(0))
    codes = model.transform(with_flag(0))
    np.testing.assert_array_equal(model.transform(with_flag(1)), codes)


def test_outlier_detectors_still_raise_the_alarm():
    detector = AAEOutlierDetector(n_init=2, **SMALL | {"max_iter": 20})
    detector.fit(with_flag(0))
    assert (detector.predict(with_flag(1)) == -1).all()


# --- chunks of one row ----------------------------------------------------------------

MMD = {"regularizer": "mmd"}
ONE_ROW = [
    AAETransformer(**SMALL),
    AAETransformer(normalization="layer", **MMD, **SMALL),
    AAETransformer(**MMD, **SMALL),
    ConditionalAAETransformer(**SMALL),
    SemiSupervisedAAEClassifier(agreement_strength=0.5, **SMALL),
    AAEClusterer(2, n_init=1, **SMALL),
    AAEOutlierDetector(n_init=2, **SMALL),
    GANSampler(**SMALL),
]


@pytest.mark.parametrize("weight", [None, 0.5])
@pytest.mark.parametrize("model", ONE_ROW, ids=lambda m: type(m).__name__)
def test_later_chunks_may_be_of_one_row(model, weight):
    model = type(model)(**model.get_params())
    weights = {} if weight is None else {"sample_weight": np.full(20, weight)}
    model.partial_fit(X[:20], Y[:20], **weights)
    weights = {} if weight is None else {"sample_weight": [weight]}
    for row in range(20, 24):
        model.partial_fit(X[row : row + 1], Y[row : row + 1], **weights)
    assert np.isfinite(model.loss_)
    answers = model.sample(3) if isinstance(model, GANSampler) else model.encoder_
    if isinstance(answers, nn.Module):
        answers = model.reconstruct(X)
    assert np.isfinite(answers).all()
    assert len(np.unique(answers[:, 0])) > 1


def test_one_row_does_not_wipe_out_the_batch_statistics():
    model = AAETransformer(**SMALL)
    for _ in range(5):
        model.partial_fit(X)
    codes = model.transform(X)
    model.set_params(learning_rate=1e-12).partial_fit(X[:1])
    np.testing.assert_allclose(model.transform(X), codes, atol=1e-6)


def test_one_row_calibrates_nothing():
    detector = AAEOutlierDetector(n_init=2, **SMALL).partial_fit(X)
    offset, scores = detector.offset_, detector.score_samples(X)
    detector.set_params(learning_rate=1e-12).partial_fit(50 + X[:1])
    assert detector.offset_ == offset
    np.testing.assert_allclose(detector.score_samples(X), scores, atol=1e-4)
    model = AAETransformer(**SMALL).partial_fit(X)
    residuals = model.residuals_
    np.testing.assert_array_equal(model.partial_fit(X[:1]).residuals_, residuals)


def test_the_first_chunk_needs_two_rows():
    with pytest.raises(ValueError, match="minimum of 2"):
        AAETransformer(**SMALL).partial_fit(X[:1])


# --- what a detector knows of columns that vary late ----------------------------------


def planes(n, rng):
    """Five numbers of two dimensions."""
    axes = np.random.RandomState(5).normal(size=(2, 5))
    return rng.normal(size=(n, 2)) @ axes + 0.3 * rng.normal(size=(n, 5))


LATE = {"n_init": 2, "n_components": 2, "hidden_layer_sizes": (16,), "random_state": 0}


LATE_KINDS = {
    "numbers": (lambda rng, cells: cells, {}),
    "counts": (lambda rng, cells: rng.poisson(3, len(cells)), {"count_features": [4]}),
}


@pytest.mark.parametrize("n_rows", [10, 40])
@pytest.mark.parametrize("first", [np.nan, 1.0])
@pytest.mark.parametrize("kind", LATE_KINDS)
def test_columns_that_begin_late_are_usual_in_chunks_of_any_size(kind, n_rows, first):
    rng, (late, options) = np.random.RandomState(0), LATE_KINDS[kind]

    def rows(n, begun=True):
        chunk = planes(n, rng)
        chunk[:, 4] = late(rng, chunk[:, 4]) if begun else first
        return chunk

    detector = AAEOutlierDetector(**LATE, **options)
    for _ in range(10):
        detector.partial_fit(rows(200, begun=False))
    before, usual = detector.residuals_[4], detector.members_[0].usual[4]
    for _ in range(400 // n_rows):
        detector.partial_fit(rows(n_rows))
    assert (detector.predict(rows(500)) == -1).mean() < 0.4
    assert detector.members_[0].usual[4] != usual
    assert detector.members_[0].usual[4] > 0.1
    if kind == "numbers":  # of counts there is none
        assert detector.residuals_[4] > 2 * before


def test_a_chunk_without_a_column_leaves_what_is_usual_of_it():
    rng = np.random.RandomState(0)
    chunk = planes(200, rng)
    chunk[0, 4] = np.nan
    detector = AAEOutlierDetector(**LATE).partial_fit(chunk)
    for _ in range(20):
        detector.partial_fit(planes(200, rng))
    usual = [member.usual[4] for member in detector.members_]
    residual = detector.residuals_[4]
    chunk[:, 4] = np.nan
    detector.partial_fit(chunk)
    assert [member.usual[4] for member in detector.members_] == usual
    assert detector.residuals_[4] == residual
    assert (detector.predict(planes(500, rng)) == -1).mean() < 0.25


@pytest.mark.parametrize("n_rows", [10, 200])
def test_a_chunk_without_a_column_of_a_constant_count_leaves_it(n_rows):
    rng = np.random.RandomState(0)
    options = LATE | {"count_features": [4], "score_method": "reconstruction"}
    detector = AAEOutlierDetector(**options)
    chunk = planes(200, rng)
    chunk[:, 4] = 1
    for _ in range(6):
        detector.partial_fit(chunk)
    usual = [member.usual[4] for member in detector.members_]
    assert min(usual) > 0
    detector.partial_fit(np.c_[planes(n_rows, rng)[:, :4], np.full(n_rows, np.nan)])
    assert [member.usual[4] for member in detector.members_] == usual


class Fails(Callback):
    """Raises after an epoch."""

    def on_epoch_end(self, net, **kwargs):
        raise RuntimeError("after an epoch")


def test_a_chunk_that_fails_leaves_the_net_as_it_was():
    def chunk(last):
        flags = pd.Categorical(np.where(np.arange(N) < last, "a", "b"))
        cells = np.c_[X, np.arange(N) % 2 if last < N - 1 else np.zeros(N)]
        return pd.DataFrame(cells, columns=list("abcd")).assign(flag=flags)

    def state(net):
        buffers = {name: b.tolist() for name, b in net.module_.named_buffers()}
        names = ("total_variance", "lr", "record_steps", "callbacks", "callbacks_")
        return buffers, {name: getattr(net, name) for name in names}

    model = AAETransformer(**SMALL).partial_fit(chunk(N - 1))
    before, rows = state(model.net_), chunk(N - 1)
    codes = model.transform(rows)
    model.set_params(callbacks=[Fails()], learning_rate=1e-4, compile=False)
    with pytest.raises(RuntimeError, match="after an epoch"):
        model.partial_fit(chunk(N // 2))
    assert state(model.net_) == before
    np.testing.assert_array_equal(model.transform(rows), codes)
    model.set_params(callbacks=None).partial_fit(chunk(N // 2))
    after = state(model.net_)
    assert after[0] != before[0]
    assert after[1]["total_variance"] > before[1]["total_variance"]
