"""What few labels on tables are worth: soft labels, and trust in neighbours."""

import pickle
import warnings

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import KFold, cross_validate
from sklearn.preprocessing import StandardScaler

from sklearn_aae import SemiSupervisedAAEClassifier
from sklearn_aae.estimators import _classifier, _teacher
from sklearn_aae.estimators._graph import nearest
from sklearn_aae.estimators._teacher import cluster_weight, even_out, soft_labels
from sklearn_aae.training import Classify, Distill, NeighborAgreement

SMALL = {"hidden_layer_sizes": (32,), "max_iter": 30, "random_state": 0}


@pytest.fixture(scope="module")
def noisy():
    """Rows (600, 12) of which a line tells the class in part, the classes, 40 labels.

    Neighbours of twelve columns say little of one direction.
    """
    rng = np.random.RandomState(0)
    X = rng.normal(size=(600, 12))
    y = (2 * X[:, 0] + rng.logistic(size=600) > 0).astype(int)
    return X, y, np.where(np.arange(600) < 40, y, -1)


@pytest.fixture(scope="module")
def apart():
    """Rows (300, 5) of three clusters that stand apart, the classes, and 15 labels."""
    rng = np.random.RandomState(0)
    y = rng.permutation(np.repeat([0, 1, 2], 100))
    X = 8 * np.eye(5)[y] + rng.normal(size=(300, 5))
    return X, y, np.where(np.arange(300) < 15, y, -1)


@pytest.fixture(scope="module")
def taught(noisy):
    X, _, few = noisy
    return SemiSupervisedAAEClassifier(**SMALL).fit(X, few)


def phases(model):
    return {type(phase): phase for phase in model.net_.module_.phases}


def test_neighbours_are_trusted_as_far_as_they_tell_labels(apart, noisy):
    X, _, few = apart
    assert cluster_weight(nearest(X, 10), few, 3) == 1
    X, y, few = noisy
    assert cluster_weight(nearest(X, 10), few, 2) < 0.5
    unrelated = np.random.RandomState(0).permutation(few)
    assert cluster_weight(nearest(X, 10), unrelated, 2) == 0
    assert cluster_weight(nearest(X, 10), y, 2) == 0  # though all rows have a label


@pytest.mark.parametrize("explained", [0.7, 0.3])
def test_trust_that_many_labels_tell_is_rounded(explained, monkeypatch):
    """0.84 and 0.16 are near to 1 and 0 for a hundred labels, not for twenty."""
    share = 0.5 * 2**explained  # the probability of a label whose entropy is so told
    found = (share - 0.05 * 0.5) / 0.95
    y = np.where(np.arange(400) < 100, np.arange(400) % 2, -1)

    def held_out(neighbors, at, labels, prior):
        right = labels[:, None] == np.arange(2)
        return np.where(right, found, 1 - found)

    monkeypatch.setattr(_teacher, "_held_out", held_out)
    neighbors = np.zeros((400, 1), dtype=int)
    weight = explained**2 / (explained**2 + (1 - explained) ** 2)
    assert cluster_weight(neighbors, y, 2) == round(weight)
    few = np.where(np.arange(400) < 20, y, -1)
    assert cluster_weight(neighbors, few, 2) == pytest.approx(weight)


def test_trust_is_computed_from_what_neighbours_explain():
    # Twenty rows in pairs, the others alone: a row that is held out has the label of
    # its pair, or none where that is held out too, or where it is alone.
    n, index = 40, np.arange(160)
    neighbors = np.where(index < 20, index ^ 1, index)[:, None]
    y = np.where(index < n, index // 2 % 2, -1)
    fold = np.empty(n, dtype=int)
    fold[np.argsort(y[:n], kind="stable")] = np.arange(n) % 5
    told = (index[:n] < 20) & (fold != fold[index[:n] ^ 1])
    e = 1 + np.where(told, np.log(0.95 + 0.05 / 2), np.log(0.5)).mean() / np.log(2)
    weight = e**2 / (e**2 + (1 - e) ** 2)
    assert 0.05 < weight < 0.95
    assert cluster_weight(neighbors, y, 2) == pytest.approx(weight)
    full = y[:n], neighbors[:n]  # no row is without a label
    assert cluster_weight(full[1], full[0], 2) == pytest.approx(weight)


def test_soft_labels_are_those_of_scikit_learn(noisy):
    X, y, few = noisy
    weight = 1.0 + np.arange(600) % 3
    told = few >= 0
    models = LogisticRegression(), RandomForestClassifier(100, random_state=7)
    proba = [m.fit(X[told], y[told], weight[told]).predict_proba(X) for m in models]
    found = soft_labels(X, few, 3, weight, 7)  # the third class has no label
    expected = even_out(np.mean(proba, 0), weight)
    np.testing.assert_allclose(found[:, :2], expected, atol=1e-6)
    np.testing.assert_array_equal(found[:, 2], 0)


def test_labels_are_as_frequent_as_they_are_probable():
    rng = np.random.RandomState(0)
    logits = rng.normal([2.0, 0.0, 0.5], size=(4000, 3))
    proba = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    weight = rng.uniform(size=4000)
    for w in (None, weight):
        even = even_out(proba, w)
        np.testing.assert_allclose(even.sum(1), 1)
        labels = np.eye(3)[even.argmax(1)]
        wanted = np.average(proba, axis=0, weights=w)
        np.testing.assert_allclose(np.average(labels, 0, w), wanted, atol=0.01)
        ratio = even / proba  # all rows are moved by the same offsets
        odds = ratio[:, 1:] / ratio[:, :1]
        np.testing.assert_allclose(odds, np.broadcast_to(odds[0], odds.shape))
    sure = np.eye(2)[[0, 0, 0, 1]]
    np.testing.assert_allclose(even_out(sure), sure)


def test_a_table_is_ranked_as_by_a_regression_on_its_labels(noisy, taught):
    X, y, few = noisy
    told, rest = few >= 0, slice(40, None)
    line = LogisticRegression().fit(X[told], y[told]).predict_proba(X[rest])[:, 1]
    mine = taught.predict_proba(X[rest])[:, 1]
    assert roc_auc_score(y[rest], mine) > roc_auc_score(y[rest], line) - 0.03


def test_the_weight_shares_out_the_strengths(taught, apart):
    w, own = taught.cluster_weight_, phases(taught)
    assert 0 <= w < 0.5
    assert own[Distill].weight == pytest.approx(2.0 * (1 - w))
    assert own[Classify].weight == pytest.approx(10.0 * w)
    X, _, few = apart
    model = SemiSupervisedAAEClassifier(agreement_duration=None, **SMALL).fit(X, few)
    assert model.cluster_weight_ == 1
    own = phases(model)
    assert Distill not in own
    assert own[NeighborAgreement].weight == 1


def test_without_a_teacher_neighbours_are_trusted(noisy):
    X, y, few = noisy
    options = {**SMALL, "max_iter": 2, "teacher_strength": 0}
    for labels in (few, y):
        model = SemiSupervisedAAEClassifier(**options).fit(X, labels)
        assert model.cluster_weight_ == 1
        assert Distill not in phases(model)
        assert phases(model)[Classify].weight == 10


def test_all_labels_are_taught_and_count_themselves(noisy):
    X, y, _ = noisy
    options = {**SMALL, "max_iter": 2}
    for share, alone in ((1.0, 3.0), (0.75, 1.5), (0.4, 0.0)):
        labels = np.where(np.arange(600) < 600 * share, y, -1)
        model = SemiSupervisedAAEClassifier(**options).fit(X, labels)
        assert model.cluster_weight_ == 0
        assert phases(model)[Distill].weight == 2
        assert phases(model)[Classify].weight == pytest.approx(alone)


def test_labels_that_are_noisy_are_not_learned_by_heart(noisy):
    X, y, _ = noisy
    train, test = slice(0, 400), slice(400, None)
    options = {"random_state": 0}
    taught = SemiSupervisedAAEClassifier(**options).fit(X[train], y[train])
    alone = SemiSupervisedAAEClassifier(teacher_strength=0, **options)
    alone.fit(X[train], y[train])
    line = LogisticRegression().fit(X[train], y[train])
    loss = {
        name: log_loss(y[test], model.predict_proba(X[test]))
        for name, model in (("taught", taught), ("alone", alone), ("line", line))
    }
    assert loss["taught"] < min(loss["alone"] - 0.1, loss["line"] + 0.05)


def test_weights_of_classes_and_rows_reach_the_teacher(noisy):
    X, _, few = noisy
    options = {**SMALL, "teacher_strength": 10.0}
    by_class = SemiSupervisedAAEClassifier(class_weight={0: 1, 1: 9}, **options)
    weight = np.where(few == 1, 9.0, 1.0)
    by_row = SemiSupervisedAAEClassifier(**options)
    plain = SemiSupervisedAAEClassifier(**options).fit(X, few).predict_proba(X)[:, 1]
    one = by_class.fit(X, few).predict_proba(X)[:, 1]
    two = by_row.fit(X, few, sample_weight=weight).predict_proba(X)[:, 1]
    assert one.mean() > plain.mean() + 0.1
    assert two.mean() > plain.mean() + 0.1


def test_what_was_trusted_goes_with_the_model(noisy, taught):
    X, _, few = noisy
    copy = pickle.loads(pickle.dumps(taught))
    assert copy.cluster_weight_ == taught.cluster_weight_
    np.testing.assert_allclose(copy.predict_proba(X), taught.predict_proba(X))
    copy.set_params(warm_start=True, max_iter=1).fit(X, few)
    assert Distill in phases(copy)
    copy.partial_fit(X[40:80], few[40:80])  # a chunk without labels has no teacher
    assert Distill not in phases(copy)
    assert copy.cluster_weight_ == 1


def test_folds_are_taught_alike_as_a_stack(noisy):
    X, y, _ = noisy
    few = np.where(np.arange(180) % 6 == 0, y[:180], -1)
    model = SemiSupervisedAAEClassifier(**{**SMALL, "max_iter": 3}, batch_size=64)
    options = {"cv": KFold(3), "return_estimator": True}
    alone = cross_validate(model, X[:180], few, **options)["estimator"]
    with parallel_config("stacked", n_jobs=3):
        stacked = cross_validate(model, X[:180], few, **options)["estimator"]
    for one, other in zip(alone, stacked, strict=True):
        assert one.cluster_weight_ == other.cluster_weight_ < 1
        mine, theirs = (m.predict_proba(X) for m in (one, other))
        np.testing.assert_allclose(mine, theirs, atol=1e-4)


def test_pixels_keep_their_scale_for_the_teacher(noisy):
    X, _, few = noisy
    X = X * np.where(np.arange(12) < 1, 1.0, 0.01)
    options = {**SMALL, "max_iter": 1}
    model = SemiSupervisedAAEClassifier(scale=None, **options)
    seen = {}

    class Spy(SemiSupervisedAAEClassifier):
        def _make_spec(self, data):
            if data.rows is not None:
                seen["soft"] = data.rows.soft_y
            return super()._make_spec(data)

    Spy(**model.get_params()).fit(X, few)
    raw = seen["soft"]
    Spy(**model.get_params()).set_params(scale="range").fit(X, few)
    unit = seen["soft"]
    told = few >= 0
    forest = RandomForestClassifier(100, random_state=0)
    for soft, points in ((raw, X), (unit, StandardScaler().fit_transform(X))):
        line = LogisticRegression().fit(points[told], few[told]).predict_proba(points)
        trees = forest.fit(points[told], few[told]).predict_proba(points)
        assert np.abs(soft - even_out((line + trees) / 2)).mean() < 0.05
    assert np.abs(raw - unit).mean() > 0.01


def test_the_only_label_of_a_class_is_no_evidence_against_neighbours():
    rng = np.random.RandomState(0)
    truth = np.arange(90) % 3
    near = nearest(rng.normal(size=(90, 2)) + 9 * truth[:, None], 5)
    one_each = np.full(90, -1)
    one_each[:3] = truth[:3]
    assert cluster_weight(near, one_each, 3) == 1.0
    many = np.where(np.arange(90) < 30, truth, -1)
    assert cluster_weight(near, many, 3) == 1.0
    lonely = np.where((truth == 2) & (np.arange(90) > 2), -1, many)
    assert cluster_weight(near, lonely, 3) == 1.0
    noise = np.where(many < 0, -1, rng.permutation(many[:30])[np.arange(90) % 30])
    assert cluster_weight(near, noise, 3) < 0.5


def test_no_class_is_lost_in_an_order_of_many_labels():
    y = np.arange(12_000) % 2
    points = np.random.RandomState(0).normal(size=(12_000, 2)) + 3 * y[:, None]
    soft = soft_labels(points, np.where(np.arange(12_000) < 11_000, y, -1), 2, None, 0)
    assert (soft.argmax(1) == y).mean() > 0.95


def test_rows_without_a_label_have_no_class_weight(monkeypatch):
    seen = {}

    def spy(points, y, m, weight, seed):
        seen.update(y=y, weight=weight)
        return np.full((len(y), m), 1 / m)

    monkeypatch.setattr(_classifier, "soft_labels", spy)
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(120, 4)), rng.randint(0, 2, 120)
    y[::2] = -1
    model = SemiSupervisedAAEClassifier(max_iter=1, class_weight={0: 1, 1: 9})
    model.fit(X, y)
    np.testing.assert_array_equal(
        seen["weight"], np.select([seen["y"] == 0, seen["y"] == 1], [1.0, 9.0], 1.0)
    )


def test_a_stored_classifier_drops_what_it_dropped():
    rng = np.random.RandomState(0)
    y = np.where(np.arange(120) < 40, np.arange(120) % 2, -1)
    blobs = rng.normal(size=(120, 3)) + 8 * (np.arange(120) % 2)[:, None]
    noise = rng.normal(size=(120, 3))
    model = SemiSupervisedAAEClassifier(warm_start=True, random_state=0)
    first = model.partial_fit(blobs, y).cluster_weight_
    twin = pickle.loads(pickle.dumps(model.partial_fit(noise, y)))
    assert model.cluster_weight_ < first - 0.2
    model.partial_fit(noise, y)
    twin.partial_fit(noise, y)
    P = [m.predict_proba(noise) for m in (model, twin)]
    np.testing.assert_array_equal(*P)


@pytest.mark.parametrize("share", ["auto", 0.3])
def test_hidden_units_are_dropped_where_neighbours_say_little(share):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(120, 3))
    y = np.where(np.arange(120) < 20, rng.randint(2, size=120), -1)
    model = SemiSupervisedAAEClassifier(max_iter=1, dropout=share, random_state=0)
    model.fit(X, y)
    dropped = 0.2 * (1 - model.cluster_weight_) if share == "auto" else share
    assert model.cluster_weight_ < 1
    networks = model.net_.module_.networks
    for network in (networks["encoder"], networks["decoder"]):
        rates = [m.p for m in network.modules() if type(m).__name__ == "Dropout"]
        # The two hidden layers; before them an encoder may hide cells.
        np.testing.assert_allclose([float(p) for p in rates[-2:]], dropped)
        assert len(rates) >= 2


def test_labels_of_classes_without_a_training_row_are_warned_of(apart):
    X, y, _ = apart
    model = SemiSupervisedAAEClassifier(**{**SMALL, "max_iter": 2})
    names = np.array(["a", "b", "c"], dtype=object)[y]
    model.fit(X[y < 2], names[y < 2])
    message = r"\d+ of 300 labels are of classes that the fit had no row of.*'c'"
    with pytest.warns(UserWarning, match=message):
        found = model.score(X, names)
    assert found == (model.predict(X) == names).mean()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.score(X[y < 2], names[y < 2])


def test_logarithms_of_probabilities(apart):
    X, y, _ = apart
    model = SemiSupervisedAAEClassifier(**{**SMALL, "max_iter": 2}).fit(X, y)
    log_proba = model.predict_log_proba(X)
    np.testing.assert_array_equal(log_proba.argmax(1), model.predict(X))
    np.testing.assert_allclose(np.exp(log_proba), model.predict_proba(X))
