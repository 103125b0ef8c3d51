"""AAEOutlierDetector: scores by two ways, thresholds, cells, members."""

import pickle
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from scipy.stats import norm
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.metrics import roc_auc_score
from skorch.callbacks import Callback

from sklearn_aae import AAEOutlierDetector, AAETransformer
from sklearn_aae.estimators._model import MIN_RESIDUAL
from sklearn_aae.estimators.outliers import _answers
from sklearn_aae.estimators.outliers._calibration import (
    EmpiricalSurvival,
    quantile_of_new,
    weighted_quantile,
)
from sklearn_aae.estimators.outliers._held_out import hold_out
from sklearn_aae.estimators.outliers._scores import METHODS

SMALL = {
    "hidden_layer_sizes": (16,),
    "max_iter": 20,
    "n_init": 2,
    "random_state": 0,
}
each_method = pytest.mark.parametrize("method", METHODS)
WAYS = "reconstruction", "replacement", "both"
each_way = pytest.mark.parametrize("way", WAYS)
# What scores are made of must be there.
each_pair = pytest.mark.parametrize(
    ("method", "way"),
    [p for p in product(METHODS, WAYS) if p != ("replacement", "reconstruction")],
)


@pytest.fixture(scope="module")
def rows():
    """150 rows of four correlated columns, of which the first ten are outliers."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(150, 1)) * [1, -2, 3, 0.5] + 0.2 * rng.normal(size=(150, 4))
    X[:10] = 2 * rng.normal(size=(10, 4))
    return X


def surprises(member, detector, X):
    """Return the scores of a member's row by hand: cells, and -log p(z)."""
    scaled = detector.preprocessor_.transform(X)
    one = AAETransformer(1)
    vars(one).update(vars(detector), _model=member.model)
    error = scaled - detector.preprocessor_.transform(one.reconstruct(X))
    cells = np.log1p((error / np.maximum(np.sqrt(member.usual), MIN_RESIDUAL)) ** 2)
    return cells, -norm.logpdf(one.transform(X)).sum(1)


def scaled(detector, X):
    """Return scaled rows as the networks take them."""
    weight = next(detector.encoder_.parameters())
    return weight.new_tensor(detector.preprocessor_.transform(X))


# --- scores -------------------------------------------------------------------------


def test_scores_are_those_by_hand(rows):
    # A column of one value is reconstructed exactly: its error needs a least unit.
    rows = np.hstack([rows, np.full((150, 1), 7.0)])
    three = SMALL | {"n_init": 3}
    detectors = {
        method: AAEOutlierDetector(score_method=method, clip=False, **three).fit(rows)
        for method in METHODS
    }
    parts = {"reconstruction": [], "prior": []}
    combined = []
    for member in detectors["combined"].members_:
        cells, prior = surprises(member, detectors["combined"], rows)
        squares = 0.0
        for name, score in (("reconstruction", cells.sum(1)), ("prior", prior)):
            parts[name].append(score)
            # The share of training rows with a score as high: a count.
            rank = (score[None] >= score[:, None] - 1e-9).sum(1)
            squares += np.log((len(rows) + 1) / (rank + 1)) ** 2
        combined.append(np.sqrt(squares))
    odd = rows + np.r_[0, 0, 0, 0, 1.0]
    reconstruction = detectors["reconstruction"]
    cells = [surprises(m, reconstruction, odd)[0] for m in reconstruction.members_]
    share = np.mean(cells, 0) / np.mean(cells, 0).sum(1, keepdims=True)
    dealt = share * np.median(np.sum(cells, -1), 0)[:, None]
    np.testing.assert_allclose(reconstruction.localize(odd), dealt, 1e-6)
    critic = detectors["critic"]
    logits = [m.critic(m.encoder(scaled(critic, rows)).mean) for m in critic.members_]
    logit = np.median([part.numpy() for part in logits], 0)
    np.testing.assert_allclose(critic.score_samples(rows), logit, 1e-6)
    spots, own = detectors["replacement"], []
    for member in spots.members_:  # the column of one value counts as its error
        steady = scaled(spots, rows)
        nats = np.logaddexp(0, member.cell_critic(steady).detach().numpy())
        nats[:, -1] = member.cells(steady)[:, -1].detach().numpy()
        own.append(nats.sum(1))
    score = np.median(own, 0)
    np.testing.assert_allclose(-spots.score_samples(rows), score, 1e-5)
    for name, scores in parts.items():
        score = np.median(scores, 0)
        np.testing.assert_allclose(-detectors[name].score_samples(rows), score, 1e-6)
    # Between rows of nearly one score, a tail is steep.
    found = -detectors["combined"].score_samples(rows)
    np.testing.assert_allclose(found, np.median(combined, 0), 1e-5)


def test_residuals_are_the_errors_of_columns(rows):
    detector = AAEOutlierDetector(clip=False, **SMALL).fit(rows)
    for member in detector.members_:
        cells, _ = surprises(member, detector, rows)
        error = np.expm1(cells) * member.usual
        np.testing.assert_allclose(member.usual, error.mean(0))


@each_pair
def test_cells_add_up_to_the_score(method, way, rows):
    options = SMALL | {"localize_by": way}
    detector = AAEOutlierDetector(score_method=method, **options).fit(rows)
    far = np.vstack([rows, 100 * rows[:5]])
    cells = detector.localize(far)
    assert cells.shape == far.shape
    np.testing.assert_allclose(
        cells.sum(1), -detector.score_samples(far), rtol=1e-9, atol=1e-9
    )


def test_summands_of_the_reconstruction(rows):
    detector = AAEOutlierDetector(
        score_method="reconstruction", clip=False, **SMALL
    ).fit(rows)
    cells = [surprises(member, detector, rows)[0] for member in detector.members_]
    np.testing.assert_allclose(detector.localize(rows), np.mean(cells, 0), 1e-6)


@pytest.mark.parametrize("method", ["combined", "reconstruction", "prior"])
def test_outliers_of_real_tables(method):
    X, y = load_breast_cancer(return_X_y=True)
    kept = np.r_[np.flatnonzero(y == 1), np.flatnonzero(y == 0)[:30]]
    detector = AAEOutlierDetector(
        score_method=method, max_iter=100, n_init=4, random_state=0
    ).fit(X[kept])
    assert roc_auc_score(y[kept], detector.score_samples(X[kept])) > 0.85


def test_the_cell_that_was_changed_is_found():
    X = load_digits().data[:, 20:44]
    rng = np.random.RandomState(0)
    changed = X[1000:1300].copy()
    j = rng.randint(X.shape[1], size=300)
    changed[np.arange(300), j] = 16 - changed[np.arange(300), j]
    detector = AAEOutlierDetector(max_iter=30, n_init=2, random_state=0).fit(X[:1000])
    truth = np.zeros(changed.shape, int)
    truth[np.arange(300), j] = 1
    blame = detector.localize(changed)
    assert roc_auc_score(truth.ravel(), blame.ravel()) > 0.75


# --- thresholds ---------------------------------------------------------------------


@pytest.mark.parametrize("contamination", [0.02, 0.1, 0.5])
@each_method
def test_a_share_of_the_training_rows_is_out(contamination, method, rows):
    detector = AAEOutlierDetector(
        contamination=contamination, score_method=method, **SMALL
    )
    found = detector.fit_predict(rows)
    assert (found == -1).sum() == contamination * len(rows)
    scores = detector.score_samples(rows)
    np.testing.assert_array_equal(found == -1, scores < detector.offset_)
    np.testing.assert_array_equal(
        detector.decision_function(rows), scores - detector.offset_
    )


def test_tukeys_fence(rows):
    detector = AAEOutlierDetector(contamination="auto", **SMALL).fit(rows)
    surprise = -detector.score_samples(rows)
    low, high = np.quantile(surprise, [0.25, 0.75])
    assert -detector.offset_ == pytest.approx(high + 1.5 * (high - low), rel=0.05)


@pytest.mark.parametrize("kind", [np.asarray, csr_matrix, pd.DataFrame])
def test_rows_held_out_set_the_threshold(kind):
    X = np.random.RandomState(0).normal(size=(260, 40))
    train, held, fresh = kind(X[:40]), kind(X[40:60]), kind(X[60:])
    options = SMALL | {"contamination": 0.1, "max_iter": 40}
    one = AAEOutlierDetector(**options).fit(train)
    other = AAEOutlierDetector(**options).fit(train, X_val=held)
    np.testing.assert_array_equal(one.score_samples(fresh), other.score_samples(fresh))
    assert (other.predict(held) == -1).sum() == 2
    assert (one.predict(fresh) == -1).mean() > 0.2
    assert (other.predict(fresh) == -1).mean() < 0.2


@pytest.mark.parametrize("kind", [np.asarray, csr_matrix, pd.DataFrame])
def test_a_share_held_out_calibrates_scores_and_threshold(kind):
    X = np.random.RandomState(0).normal(size=(260, 40))
    weight = np.ones(60)
    weight[[2, 57]] = 0, 3
    options = SMALL | {"contamination": 0.1, "max_iter": 40}
    both = AAEOutlierDetector(calibration_fraction=1 / 3, **options)
    both.fit(kind(X[:60]), sample_weight=weight)
    # 20 of the 59 rows that count.
    counted = np.delete(np.arange(60), 2)
    held = np.flatnonzero(hold_out(X[:60], weight, 1 / 3, pictures=False))
    assert len(held) == len(np.intersect1d(held, counted)) == 20
    trained = np.setdiff1d(counted, held)
    other = AAEOutlierDetector(**options)
    other.fit(kind(X[trained]), sample_weight=weight[trained])
    one, two = (m.members_[0].encoder(scaled(m, X)).mean for m in (both, other))
    np.testing.assert_array_equal(one, two)
    other._ensemble.calibrate(X[held], None, weight[held])
    np.testing.assert_array_equal(both.score_samples(X), other.score_samples(X))
    # Each row held out by what the others tell, as a new one.
    alone = []
    for member in both.members_:
        found = both._ensemble._parts(member, X[held], None)
        logs = []
        for name, part in found.items():
            for i in range(20):
                rest = np.delete(np.arange(20), i)
                one = EmpiricalSurvival.learn(part[rest], weight[held][rest])
                one.slope = member.survival[name].slope
                logs.append(one(part[[i]]))
        alone.append(np.linalg.norm(np.reshape(logs, (len(found), 20)), axis=0))
    surprise = np.median(alone, 0)
    expected = quantile_of_new(surprise, weight[held], 0.9)
    assert -both.offset_ == pytest.approx(expected, rel=1e-6)


def test_a_column_without_a_cell_held_out_is_as_usual_as_in_training():
    rng = np.random.RandomState(1)
    X = rng.normal(size=(400, 2)) @ rng.normal(size=(2, 5))
    X += 0.3 * rng.normal(size=X.shape)
    X[rng.uniform(size=400) < 0.9, 4] = np.nan
    X[:100][hold_out(X[:100], None, 0.2, pictures=False), 4] = np.nan
    options = SMALL | {"calibration_fraction": 0.2, "max_iter": 40}
    detector = AAEOutlierDetector(**options).fit(X[:100])
    for member in detector.members_:
        assert member.usual[4] == pytest.approx(
            np.nanmean(member.ask(member.residual, X[:100])[:, 4]), rel=1e-6
        )
    known = ~np.isnan(X[100:, 4])
    flagged = detector.predict(X[100:]) == -1
    assert flagged[known].mean() < 0.6


def test_rows_held_out_are_like_the_others_in_any_order():
    # Of rows in turn, an even distance would hold out some kinds and no others.
    for period in (5, 10):
        held = hold_out(np.zeros((1000, 2)), None, 0.2, pictures=False)
        kinds = np.bincount(np.flatnonzero(held) % period, minlength=period)
        assert kinds.sum() == 200
        assert kinds.min() > 200 / period / 3
        # Of sorted rows, as many of each kind.
        kinds = np.bincount(np.flatnonzero(held) * period // 1000, minlength=period)
        assert set(kinds) == {200 // period}


WEIGHT = np.r_[1.0, np.zeros(99)]
NO_TABLES = [None, np.array(3.0), np.zeros((1, 4)), np.zeros(5), [1.0] * 5, WEIGHT]
NO_TABLES += ["rows", {"a": [1.0, 2, 3], "b": [2.0, 3, 4]}]


@pytest.mark.parametrize("rows", NO_TABLES, ids=repr)
def test_what_is_no_table_is_told_by_who_reads_it(rows):
    messages = set()
    for share in (0, 0.25):
        weight, X = (rows, np.eye(100)) if rows is WEIGHT else (None, rows)
        with pytest.raises(ValueError, match=r"array|sample|table|Frame") as told:
            AAEOutlierDetector(calibration_fraction=share, **SMALL).fit(X, None, weight)
        messages.add(str(told.value))
    assert len(messages) == 1


def test_rows_held_out_stay_out_of_a_second_training(rows):
    options = SMALL | {"trim": 0.2, "calibration_fraction": 0.2}
    detector = AAEOutlierDetector(**options).fit(rows)
    # 24 of the 120 others are left out, and the threshold is by the 30.
    held = hold_out(rows, None, 0.2, pictures=False)
    assert held.sum() == 30
    assert 1 <= (detector.predict(rows[held]) == -1).sum() <= 3
    first = AAEOutlierDetector(**options | {"trim": 0}).fit(rows)
    surprise = -first.score_samples(rows)
    kept = ~held & (surprise < np.sort(surprise[~held])[-24])
    assert kept.sum() == 96
    again = AAEOutlierDetector(**SMALL).fit(rows, sample_weight=kept.astype(float))
    one, two = (m.members_[0].encoder(scaled(m, rows)).mean for m in (detector, again))
    np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


def test_categories_of_rows_held_out_are_unknown():
    rng = np.random.RandomState(0)
    X = pd.DataFrame({"x": rng.normal(size=100), "shop": rng.choice(list("ab"), 100)})
    at = np.flatnonzero(hold_out(X, None, 0.2, pictures=False))[0]
    X.loc[at, "shop"] = "c"
    options = SMALL | {"calibration_fraction": 0.2}
    detector = AAEOutlierDetector(**options).fit(X)
    X.loc[at, "shop"] = "d"
    other = AAEOutlierDetector(**options).fit(X)
    np.testing.assert_array_equal(detector.score_samples(X), other.score_samples(X))
    assert detector.offset_ == other.offset_
    known = detector.score_samples(X.assign(shop="a"))
    assert detector.score_samples(X)[at] < known[at]


@pytest.mark.parametrize("share", [0.001, 0.995, 0.006])
def test_a_share_that_leaves_too_few_rows(share, rows):
    message = "at least two are needed, and two to train on"
    with pytest.raises(ValueError, match=message):
        AAEOutlierDetector(calibration_fraction=share, **SMALL).fit(rows)


@pytest.mark.parametrize("options", [{"trim": 0.2}, {"early_stopping": True}])
def test_rows_held_out_set_every_threshold(options, rows):
    detector = AAEOutlierDetector(**SMALL | {"max_iter": 3}, **options)
    detector.fit(rows[:120], X_val=rows[120:])
    assert (detector.predict(rows[120:]) == -1).sum() == 3
    detector.set_params(contamination="auto").fit(rows[:120], X_val=rows[120:])
    surprise, even = -detector.score_samples(rows[120:]), np.ones(30)
    low, high = (weighted_quantile(surprise, even, q) for q in (0.25, 0.75))
    assert -detector.offset_ == pytest.approx(high + 1.5 * (high - low))


def test_most_outlying_rows_are_left_out(rows):
    first = AAEOutlierDetector(**SMALL).fit(rows)
    trimmed = AAEOutlierDetector(trim=0.2, **SMALL).fit(rows)
    surprise = -first.score_samples(rows)
    kept = surprise < np.sort(surprise)[-30]
    assert kept.sum() == 120
    again = AAEOutlierDetector(**SMALL).fit(rows, sample_weight=kept.astype(float))
    np.testing.assert_array_equal(
        trimmed.members_[0].encoder(scaled(trimmed, rows)).mean,
        again.members_[0].encoder(scaled(again, rows)).mean,
    )
    # All rows count for the calibration, those that were left out as well.
    assert (trimmed.predict(rows) == -1).sum() == 15


def test_weights_trim_like_copies(rows):
    X, weight = rows[:40], np.ones(40)
    weight[20:] = 2
    weight[7] = 0
    copies = np.repeat(X, weight.astype(int), axis=0)
    options = SMALL | {"trim": 0.2, "max_iter": 10, "batch_size": 128}
    one = AAEOutlierDetector(**options).fit(X, sample_weight=weight)
    other = AAEOutlierDetector(**options).fit(copies)
    np.testing.assert_allclose(one.score_samples(X), other.score_samples(X), 1e-6)
    assert one.offset_ == pytest.approx(other.offset_, rel=1e-6)


def test_one_gross_row_among_many():
    X = np.random.RandomState(0).normal(size=(5000, 2))
    X[7] = 1e5
    for method in ("combined", "prior", "reconstruction"):
        options = SMALL | {"n_init": 1, "max_iter": 1, "score_method": method}
        detector = AAEOutlierDetector(**options).fit(X)
        found = detector.predict(X) == -1
        assert found.mean() == 0.1
        assert found[7]
        assert detector.score_samples(X).argmin() == 7


def test_ties_are_not_left_out_in_part():
    X = np.repeat([[0.0, 0.0], [1.0, 1.0]], [70, 30], axis=0)
    detector = AAEOutlierDetector(trim=0.05, **SMALL).fit(X)
    scores = detector.score_samples(np.vstack([X[[0, -1]], [[0.0, 1.0], [5.0, 5.0]]]))
    assert scores[2:].max() < scores[:2].min()
    # No tail rises by more than its scores spread, though the highest are all equal.
    assert max(t.slope for m in detector.members_ for t in m.survival.values()) < 100
    assert (detector.predict(X) == 1).all()


def test_a_warm_start_trims_once(rows):
    options = SMALL | {"max_iter": 3, "trim": 0.2, "warm_start": True}
    detector = AAEOutlierDetector(**options).fit(rows)
    cold = clone(detector).set_params(warm_start=False).fit(rows)
    np.testing.assert_array_equal(
        detector.score_samples(rows), cold.score_samples(rows)
    )
    assert detector.n_iter_ == 3
    assert detector.fit(rows).n_iter_ == 6


def test_ctrl_c_ends_both_trainings(rows):
    class Stop(Callback):
        epochs = 0

        def on_epoch_end(self, net, **kwargs):
            Stop.epochs += 1
            if Stop.epochs == 3:
                raise KeyboardInterrupt

    options = SMALL | {"n_init": 1, "trim": 0.2, "callbacks": [Stop()]}
    detector = AAEOutlierDetector(**options).fit(rows)
    assert Stop.epochs == 3
    assert np.isfinite(detector.score_samples(rows)).all()


# --- members ------------------------------------------------------------------------


def test_the_median_of_restarts_counts(rows):
    detector = AAEOutlierDetector(**SMALL | {"n_init": 3}).fit(rows)
    assert len(detector.members_) == 3
    scores = []
    for member in detector.members_:
        alone = pickle.loads(pickle.dumps(detector))
        alone.members_ = [member]
        scores.append(alone.score_samples(rows))
    assert np.ptp(scores, axis=0).min() > 0
    np.testing.assert_allclose(detector.score_samples(rows), np.median(scores, 0))
    losses = [member.net.loss_ for member in detector.members_]
    assert detector.loss_ == min(losses)
    best = detector.members_[int(np.argmin(losses))]
    x = scaled(detector, rows)
    np.testing.assert_array_equal(detector.encoder_(x).mean, best.encoder(x).mean)


def test_the_score_is_the_likelihood(rows):
    detector = AAEOutlierDetector(**SMALL).fit(rows)
    missed = rows - detector.set_params(clip=False).reconstruct(rows)
    unit = 1 / detector.preprocessor_.slopes()
    deviation = unit * np.sqrt(np.mean((missed / unit) ** 2))
    likelihood = norm(0, deviation).logpdf(missed).sum(1)
    assert detector.score(rows) == pytest.approx(float(likelihood.mean()))
    assert detector.score(rows, sample_weight=np.eye(150)[3]) == pytest.approx(
        float(likelihood[3])
    )


def test_all_members_train_on(rows):
    detector = AAEOutlierDetector(**SMALL | {"max_iter": 3}, warm_start=True)
    detector.fit(rows)
    x = scaled(detector, rows)
    before = [member.encoder(x).mean for member in detector.members_]
    detector.fit(rows)
    moved = [
        (member.encoder(x).mean != was).any()
        for member, was in zip(detector.members_, before, strict=True)
    ]
    assert moved == [True, True]
    assert [len(m.net.history) for m in detector.members_] == [6, 6]


def test_chunks_train_all_members(rows):
    detector = AAEOutlierDetector(**SMALL)
    detector.partial_fit(rows[:80]).partial_fit(rows[80:])
    assert [len(m.net.history) for m in detector.members_] == [2, 2]
    assert (detector.predict(rows[80:]) == -1).sum() == 7


def test_rows_of_weight_zero_of_a_chunk_are_not_there(rows):
    weight = np.zeros(40)
    weight[:3] = 1
    options = SMALL | {"count_features": [4]}
    first = np.c_[rows[:100, :4], np.ones(100)]  # counts that do not vary yet
    later = np.c_[rows[100:140, :4], np.full(40, np.nan)]
    later[3:, 4] = 2  # of rows that are not there
    detector = AAEOutlierDetector(**options).partial_fit(first)
    offset, usual = detector.offset_, [m.usual for m in detector.members_]
    detector.partial_fit(later, sample_weight=weight)
    assert detector.offset_ == offset  # as after any chunk of 3 rows
    for member, before in zip(detector.members_, usual, strict=True):
        np.testing.assert_array_equal(member.usual, before)


def test_categories_that_were_each_alone_at_first_become_usual():
    rng = np.random.RandomState(0)
    kinds = [f"k{i}" for i in range(12)]
    dtype = pd.CategoricalDtype(kinds)

    def chunk(cells):
        cells = pd.Series(cells, dtype=dtype)
        return pd.DataFrame({"v": rng.normal(size=len(cells)), "kind": cells})

    detector = AAEOutlierDetector(**SMALL).partial_fit(chunk(kinds * 2))
    alone = AAEOutlierDetector(**SMALL).partial_fit(chunk(kinds))
    assert (alone.members_[0].usual[1], detector.members_[0].usual[1] > 1) == (0, True)
    for _ in range(6):
        alone.partial_fit(chunk(rng.choice(kinds, 10)))
    assert all(member.usual[1] > 1 for member in alone.members_)


def test_a_failed_fit_changes_no_member(rows, monkeypatch):
    detector = AAEOutlierDetector(warm_start=True, **SMALL).fit(rows)
    scores = detector.score_samples(rows)

    def fail(*args, **kwargs):
        raise RuntimeError("no more memory")

    for train in (detector.fit, detector.partial_fit):
        with monkeypatch.context() as patch:
            patch.setattr(_answers, "threshold", fail)
            with pytest.raises(RuntimeError, match="no more memory"):
                train(rows)
        # The nets that train on, too: a copy is built from them.
        for model in (detector, pickle.loads(pickle.dumps(detector))):
            np.testing.assert_array_equal(model.score_samples(rows), scores)
        assert len(detector.net_.history) == len(detector.history_)


def test_what_is_asked_for_later_waits_for_the_next_fit(rows):
    detector = AAEOutlierDetector(**SMALL).fit(rows)
    scores = detector.score_samples(rows)
    detector.set_params(score_method="critic", contamination=0.5)
    np.testing.assert_array_equal(detector.score_samples(rows), scores)
    assert (detector.predict(rows) == -1).sum() == 15
    detector.fit(rows)
    assert (detector.score_samples(rows) != scores).all()
    assert (detector.predict(rows) == -1).sum() == 75


# --- tables -------------------------------------------------------------------------


def test_a_rare_category_is_to_blame():
    rng = np.random.RandomState(0)
    kind = rng.choice(["a", "b"], 300)
    number = np.where(kind == "a", -3.0, 3.0) + rng.normal(size=300)
    frame = pd.DataFrame({"n": number, "kind": kind, "m": rng.normal(size=300)})
    frame.loc[rng.rand(300) < 0.1, "m"] = np.nan
    frame.loc[0, "kind"] = "c"
    detector = AAEOutlierDetector(**SMALL | {"max_iter": 60}).fit(frame)
    cells = detector.localize(frame).to_numpy()
    assert np.isfinite(cells).all()
    assert cells[0].argmax() == 1
    assert (cells[frame["m"].isna(), 2] < 1e-12).all()


def test_cells_of_another_row_are_found():
    rng = np.random.RandomState(0)
    # Three factors, of which a code of one column holds one; three columns of each.
    X = np.repeat(rng.normal(size=(1000, 3)), 3, axis=1)
    X += 0.1 * rng.normal(size=X.shape)
    changed, j = X[800:].copy(), rng.randint(9, size=200)
    changed[np.arange(200), j] = X[rng.randint(800, size=200), j]
    truth = changed != X[800:]
    found = {}
    for way in ("reconstruction", "replacement"):
        options = SMALL | {"hidden_layer_sizes": (64,), "max_iter": 100}
        options["n_components"] = 1
        detector = AAEOutlierDetector(localize_by=way, **options).fit(X[:800])
        shares = detector.localize(changed)
        found[way] = roc_auc_score(truth.ravel(), shares.ravel())
    assert found["replacement"] > max(0.8, found["reconstruction"] + 0.05), found


def test_cells_are_blamed_by_what_their_critic_says(rows):
    detector = AAEOutlierDetector(localize_by="replacement", **SMALL).fit(rows)
    nats = 0.0
    for member in detector.members_:
        p = member.cell_critic(scaled(detector, rows)).sigmoid().numpy()
        nats = nats - np.log1p(-p.astype(float))
    shares = nats / nats.sum(1, keepdims=True)
    shares *= -detector.score_samples(rows)[:, None]
    np.testing.assert_allclose(detector.localize(rows), shares, 1e-5)


def test_how_cells_are_blamed_is_fixed_by_the_first_fit(rows):
    detector = AAEOutlierDetector(warm_start=True, **SMALL).fit(rows)
    detector.set_params(localize_by="replacement")
    with pytest.raises(ValueError, match="localize_by='auto', so training"):
        detector.fit(rows)


@each_way
def test_sparse_rows_score_like_dense_ones(way, rows):
    X = np.where(np.abs(rows) > 1, rows, 0.0)
    detector = AAEOutlierDetector(scale=None, localize_by=way, **SMALL).fit(X)
    sparse = clone(detector).fit(csr_matrix(X))
    np.testing.assert_allclose(
        sparse.score_samples(csr_matrix(X)), detector.score_samples(X), 1e-6
    )
    np.testing.assert_allclose(
        sparse.localize(csr_matrix(X)), detector.localize(X), 1e-6, 1e-9
    )


@each_way
def test_a_category_that_was_never_seen_is_to_blame(way):
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(
        {"n": rng.normal(size=200), "kind": np.where(rng.rand(200) < 0.1, "b", "a")}
    )
    detector = AAEOutlierDetector(localize_by=way, **SMALL).fit(frame)
    new = pd.DataFrame({"n": [0.0] * 4, "kind": ["a", "b", "z", None]})
    scores, cells = detector.score_samples(new), detector.localize(new).to_numpy()
    assert scores[2] < scores[1] < scores[0]
    assert cells[2].argmax() == 1
    assert cells[3, 1] < 1e-12
    np.testing.assert_allclose(cells.sum(1), -scores)
    chunk = pd.concat([frame[:50], new])
    detector.partial_fit(chunk)
    assert np.isfinite(detector.score_samples(chunk)).all()


@each_pair
@pytest.mark.parametrize("cell", [1e30, 1e160, 1e308])
def test_cells_that_overflow_are_outliers(cell, method, way, rows):
    options = SMALL | {"localize_by": way}
    detector = AAEOutlierDetector(score_method=method, **options).fit(rows)
    X = rows[20:23].copy()
    X[0] = cell
    scores, cells = detector.score_samples(X), detector.localize(X)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(cells.sum(1), -scores, 1e-9)
    if method != "critic":
        assert detector.predict(X)[0] == -1


def test_a_row_of_holes_says_nothing(rows):
    X = rows.copy()
    X[::7, 1] = np.nan
    detector = AAEOutlierDetector(score_method="reconstruction", **SMALL).fit(X)
    np.testing.assert_allclose(detector.score_samples(np.full((2, 4), np.nan)), 0)


# --- errors -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"score_method": "critic", "regularizer": "mmd"}, "needs a critic: use reg"),
        ({"score_method": "prior", "prior": "uniform"}, "needs a prior with a density"),
        (
            {"score_method": "replacement", "localize_by": "reconstruction"},
            "use localize_by='replacement' or 'both'",
        ),
        ({"score_method": "both"}, "'score_method' parameter"),
        ({"localize_by": "chance"}, "'localize_by' parameter"),
        ({"contamination": 0.0}, "'contamination' parameter"),
        ({"contamination": 0.6}, "'contamination' parameter"),
        ({"calibration_fraction": 1.0}, "'calibration_fraction' parameter"),
        ({"calibration_fraction": "all"}, "'calibration_fraction' parameter"),
        ({"trim": 1.0}, "'trim' parameter"),
        ({"trim": 0.999}, "trim=0.999 leaves 1 of 150 rows"),
    ],
)
def test_unfit_parameters(options, message, rows):
    detector = AAEOutlierDetector(**SMALL | options)
    with pytest.raises(ValueError, match=message):
        detector.fit(rows)
    assert not hasattr(detector, "members_")


@pytest.mark.parametrize("options", [{"prior": "uniform"}, {"regularizer": None}])
def test_what_is_missing_is_left_out(options, rows):
    detector = AAEOutlierDetector(**SMALL | options).fit(rows)
    assert np.isfinite(detector.score_samples(rows)).all()
    expected = {"reconstruction"} | ({"prior"} if "prior" not in options else set())
    assert set(detector.members_[0].survival) == expected


# --- tails --------------------------------------------------------------------------


def test_tail_is_the_share_of_rows():
    scores = np.random.RandomState(0).exponential(size=5000)
    tail = EmpiricalSurvival.learn(scores, np.ones(5000))
    at = np.linspace(0.1, 5, 50)
    np.testing.assert_allclose(tail(at), at, atol=0.25)  # -log P(S >= s) = s
    assert tail(np.array([50.0]))[0] == pytest.approx(50, rel=0.2)
    assert (np.diff(tail(np.sort(scores))) >= 0).all()


def test_tail_of_one_value():
    tail = EmpiricalSurvival.learn(np.zeros(5), np.ones(5))
    np.testing.assert_array_equal(tail(np.zeros(2)), 0)
    assert 0 < tail(np.ones(1))[0] < 1e4


def test_tail_counts_weights_as_copies():
    rng = np.random.RandomState(0)
    scores, weight = rng.exponential(size=60), rng.randint(1, 5, size=60)
    one = EmpiricalSurvival.learn(scores, weight)
    copies = np.repeat(scores, weight)
    other = EmpiricalSurvival.learn(copies, np.ones(len(copies)))
    at = np.linspace(0, 2 * scores.max(), 40)  # half of them above the highest
    np.testing.assert_allclose(one(at), other(at))


def test_quantiles_count_weights_as_copies():
    rng = np.random.RandomState(0)
    values, weight = rng.normal(size=50).round(1), rng.randint(1, 4, size=50)
    for level in np.linspace(0.01, 0.99, 37):
        one = weighted_quantile(values, weight, level)
        copies = np.repeat(values, weight)
        assert one == weighted_quantile(copies, np.ones(len(copies)), level)
        assert (copies <= one).mean() >= level - 1e-12
        assert (copies < copies[copies <= one].max()).mean() < level
    assert weighted_quantile(values, weight, 1.0) > values.max()


@pytest.mark.parametrize("kind", ["counts", "categories"])
def test_what_a_column_always_costs_blames_nobody(kind):
    """Counts and many categories are never sure: that is not what is odd of a row."""
    rng = np.random.RandomState(0)
    Z = rng.normal(size=(300, 1))
    X = Z * [1.0, -1.0, 1.0] + 0.1 * rng.normal(size=(300, 3))
    other = {
        "counts": rng.poisson(np.exp(6 + Z[:, 0])),
        "categories": rng.permutation(np.repeat([f"c{i:02d}" for i in range(30)], 10)),
    }[kind]
    table = pd.DataFrame(X, columns=list("abc")).assign(d=other)
    counts = ["d"] if kind == "counts" else None
    options = SMALL | {"max_iter": 60}
    detector = AAEOutlierDetector(count_features=counts, **options).fit(table)
    odd = table[:50].assign(a=table["a"][:50] + 8)
    assert (detector.localize(odd).idxmax(axis=1) == "a").mean() > 0.8
    shares = detector.localize(table).to_numpy()
    np.testing.assert_allclose(shares.sum(1), -detector.score_samples(table))
    part = np.abs(shares[:, 3]).sum() / np.abs(shares).sum()
    assert part < 0.6


# --- thresholds for new rows ----------------------------------------------------------


@pytest.mark.parametrize(("n", "level"), [(20, 0.95), (20, 0.9), (7, 0.8), (300, 0.99)])
def test_a_new_score_exceeds_its_quantile_as_often_as_it_should(n, level):
    # Of uniform scores the k-th of n is exceeded by 1 - k / (n + 1) of new ones.
    draws = np.random.RandomState(0).uniform(size=(4000, n))
    exceeded = [1 - quantile_of_new(scores, np.ones(n), level) for scores in draws]
    error = np.std(exceeded) / np.sqrt(len(draws))
    assert np.mean(exceeded) == pytest.approx(1 - level, abs=4 * error)


@pytest.mark.parametrize(("n", "level"), [(20, 0.9), (5, 0.7), (20, 0.7)])
def test_weights_do_not_move_how_often_a_new_score_exceeds_its_quantile(n, level):
    scores, weights = np.random.RandomState(0).exponential(size=(2, 4000, n))
    found = [quantile_of_new(s, w, level) for s, w in zip(scores, weights, strict=True)]
    # Scores do not depend on weights, so that the truth is that of even ones but for
    # (Σ w)² / Σ w² being a guess of how many rows there are.
    assert np.exp(-np.array(found)).mean() == pytest.approx(1 - level, abs=0.02)


def test_no_more_than_asked_for_exceed_a_quantile_where_scores_tie():
    scores = np.r_[np.zeros(60), np.ones(40)]
    for level, most in ((0.9, 0.0), (0.7, 0.0), (0.5, 0.4)):
        found = quantile_of_new(scores, np.ones(100), level)
        assert (scores > found).mean() == most
    table = pd.DataFrame({"k": ["a", "b"] * 60}, dtype="category")
    table["m"] = table["k"].map({"a": "x", "b": "y"})
    options = {"max_iter": 5, "n_init": 2, "random_state": 0}
    detector = AAEOutlierDetector(**options).fit(table, X_val=table)
    assert (detector.predict(table) == -1).mean() == 0


def test_quantiles_of_new_scores():
    scores = np.array([3.0, 1.0, 2.0, 4.0])
    even = np.ones(4)
    assert quantile_of_new(scores, even, 0.4) == pytest.approx(2)
    assert quantile_of_new(scores, even, 0.5) == pytest.approx(2.5)
    assert 4 < quantile_of_new(scores, even, 0.9) < 4.001  # four rows know no more
    # Weights that are equal say nothing, and a row that outweighs all is but one.
    assert quantile_of_new(scores, 1e-9 * even, 0.4) == pytest.approx(2)
    heavy = quantile_of_new(scores, np.array([1.0, 1.0, 1e9, 1.0]), 0.4)
    assert heavy == pytest.approx(1.6)
    # Nor is one there that has no weight, or one too small beside the others.
    for none, one in ((0.0, 1.0), (1e-300, 1e300)):
        for level in (0.2, 0.5, 0.9):
            found = quantile_of_new(scores, np.array([one, none, one, one]), level)
            assert found == quantile_of_new(scores[[0, 2, 3]], even[:3], level)
    tied, some = np.array([1.0, 1, 1, 2, 2, 3]), np.array([1.0, 5, 2, 0.1, 3, 1])
    for level in (0.1, 0.5, 0.6, 0.8):
        found = {
            round(quantile_of_new(tied[order], some[order], level), 9)
            for order in map(np.random.RandomState(0).permutation, [6] * 9)
        }
        assert len(found) == 1  # whatever the order of the rows
    for unit in (1e-200, 1e200):
        weight = unit * np.arange(1.0, 5.0)
        found = quantile_of_new(scores, weight, 0.5)
        assert found == pytest.approx(quantile_of_new(scores, np.arange(1.0, 5.0), 0.5))


@pytest.mark.parametrize("method", ["combined", "reconstruction"])
@pytest.mark.parametrize("by", ["calibration_fraction", "X_val"])
def test_new_rows_are_flagged_as_often_as_asked_for(by, method):
    rates = []
    for seed in range(30):
        rng = np.random.RandomState(seed)
        axes = rng.normal(size=(5, 5))
        X, new = rng.normal(size=(150, 5)) @ axes, rng.normal(size=(2000, 5)) @ axes
        options = {"n_init": 1, "max_iter": 3, "hidden_layer_sizes": (8,)}
        options |= {"contamination": 0.1, "random_state": seed, "score_method": method}
        detector = AAEOutlierDetector(**options)
        if by == "X_val":
            detector.fit(X[30:], X_val=X[:30])
        else:
            detector.set_params(calibration_fraction=0.2).fit(X)
        rates.append((detector.predict(new) == -1).mean())
    error = np.std(rates) / np.sqrt(len(rates))
    assert np.mean(rates) == pytest.approx(0.1, abs=3 * error)
