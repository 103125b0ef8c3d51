"""Clusterer, classifier, supervised transformer and GAN: what each is for."""

from itertools import product

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from skorch.callbacks import Callback

from sklearn_aae import (
    AAEClusterer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.estimators._data import FitInput
from sklearn_aae.estimators._graph import nearest
from sklearn_aae.estimators._nets import fitted_model
from sklearn_aae.estimators._warnings import warn_of_collapse
from sklearn_aae.estimators.clustering._merge import (
    MERGES,
    Clustering,
    add_labels,
    edge_shares,
    merge_labels,
    normalized_cut,
)
from sklearn_aae.training import (
    UPDATES,
    BalanceClusters,
    Classify,
    NeighborAgreement,
    SeparateHeads,
    VirtualAdversarial,
)

SMALL = {"hidden_layer_sizes": (32,), "n_components": 2, "random_state": 0}


@pytest.fixture(scope="module")
def three():
    """Three clusters that stand apart, (300, 5), and their numbers."""
    rng = np.random.RandomState(1)
    y = np.repeat([0, 1, 2], 100)
    X = 6 * np.eye(5)[:3][y] + rng.normal(size=(300, 5))
    order = rng.permutation(300)
    return X[order], y[order]


@pytest.fixture(scope="module")
def clustered(three):
    clusterer = AAEClusterer(3, n_init=2, max_iter=200, class_heads=False, **SMALL)
    return clusterer.fit(three[0])


@pytest.fixture(scope="module")
def classified(three):
    X, y = three
    few = np.where(np.arange(300) < 30, y, -1)
    return SemiSupervisedAAEClassifier(max_iter=200, **SMALL).fit(X, few)


def phase(model, kind):
    found = [p for p in model.net_.module_.phases if type(p) is kind]
    return found[0] if found else None


# --- clusterer ------------------------------------------------------------------------


def test_clusters_that_stand_apart_are_found(clustered, three):
    X, y = three
    assert adjusted_rand_score(y, clustered.labels_) > 0.95
    assert set(clustered.labels_) == {0, 1, 2}
    np.testing.assert_array_equal(clustered.predict(X), clustered.labels_)
    shares = clustered.predict_proba(X)
    np.testing.assert_allclose(shares.sum(1), 1)
    np.testing.assert_allclose(clustered.cluster_prior_.sum(), 1)


def test_centres_and_samples_belong_to_their_cluster(clustered):
    centres = clustered.cluster_centers_
    np.testing.assert_array_equal(clustered.predict(centres), [0, 1, 2])
    for c in range(3):
        rows = clustered.sample(50, y=c, random_state=0)
        assert (clustered.predict(rows) == c).mean() > 0.6
    with pytest.raises(ValueError, match="unknown label 3"):
        clustered.sample(1, y=3)


def test_learned_shares_follow_clusters_of_unequal_size(three):
    X, y = three
    X = np.concatenate([X[y == 0], X[y == 1][:30], X[y == 2][:20]])
    options = {"scale": "common", "balance_strength": 0.5, "n_init": 2}
    model = AAEClusterer(3, max_iter=100, **options, **SMALL).fit(X)
    shares = np.sort(model.cluster_prior_)
    assert shares[2] > 1.5 * shares[0]  # 100 rows, 30 and 20
    even = model.set_params(fit_cluster_prior=False).fit(X)
    np.testing.assert_allclose(even.prior_.class_prior, 1 / 3, rtol=1e-6)


def test_the_papers_recipe_is_in_reach(three):
    model = AAEClusterer(
        3, partition_strength=0, fit_cluster_prior=False, max_iter=2, **SMALL
    ).fit(three[0])
    names = [p.name for p in model.net_.module_.phases]
    assert names == [
        "reconstruction",
        "head_distance",
        "critic",
        "generator",
        "label_critic",
        "label_generator",
    ]


@pytest.mark.parametrize("way", [None, *MERGES])
def test_the_restart_of_the_best_graph_is_kept(three, way, monkeypatch):
    seen, find = [], Clustering.find

    def spy(*args):
        found = find(*args)
        seen.append(found.cut if way == "cut" else -found.information)
        return found

    monkeypatch.setattr(Clustering, "find", spy)
    options = {} if way is None else {"n_subclusters": 6, "merge_by": way}
    options |= {"scale": "range", "n_init": 3, "halving": False, "max_iter": 3}
    model = AAEClusterer(3, **options, **SMALL).fit(three[0])
    assert len(seen) == 3
    if way is None:
        neighbours = nearest(three[0] / np.ptp(three[0], 0), 10)
        assert model.cut_ == pytest.approx(cut(model.labels_, neighbours, 3))
    assert min(seen) == (model.cut_ if way == "cut" else -model.information_)


def test_ranking_restarts_draws_no_random_numbers(three, rng_untouched):
    model = AAEClusterer(3, posterior="universal", n_init=2, max_iter=2, **SMALL)
    with rng_untouched():
        model.fit(three[0])


def test_more_clusters_than_rows_are_refused(three):
    with pytest.raises(ValueError, match="n_samples=2 should be >= n_clusters=8"):
        AAEClusterer().fit(three[0][:2])
    with pytest.raises(ValueError, match="n_samples=7 should be >= n_clusters=8"):
        AAEClusterer(early_stopping=True).fit(three[0][:7])


def modularity(labels, neighbours):
    """Share of edges within a label, less that of an even draw of both ends."""
    ends = np.repeat(labels, neighbours.shape[1]), labels[neighbours].ravel()
    both = np.concatenate(ends)
    by_chance = sum((both == c).mean() ** 2 for c in np.unique(both))
    return (ends[0] == ends[1]).mean() - by_chance


def test_labels_are_merged_as_modularity_says(three):
    rng = np.random.RandomState(0)
    neighbours = nearest(three[0], 7)
    numbers = rng.permutation([0, 1, 2, 3, 5, 6])
    labels = numbers[KMeans(6, n_init=1, random_state=0).fit_predict(three[0])]
    clusters = merge_labels(labels, neighbours, 7, 3, "modularity")
    assert clusters[4] == -1
    assert set(clusters) == {-1, 0, 1, 2}
    # One step at a time, it is the pair that leaves most modularity.
    for n in (5, 4, 3):
        before = merge_labels(labels, neighbours, 7, n + 1, "modularity")[labels]
        after = merge_labels(labels, neighbours, 7, n, "modularity")[labels]
        best = max(
            modularity(np.where(before == a, b, before), neighbours)
            for a in range(n + 1)
            for b in range(a)
        )
        assert modularity(after, neighbours) == pytest.approx(best)
    same = merge_labels(labels, neighbours, 7, 6, "modularity")
    np.testing.assert_array_equal(same, [0, 1, 2, 3, -1, 4, 5])


def cut(labels, neighbours, n_clusters):
    """Sum over clusters of the share of their edges that end elsewhere, 1 if empty."""
    ends = np.repeat(labels, neighbours.shape[1]), labels[neighbours].ravel()
    total = 0.0
    for c in range(n_clusters):
        touching = (ends[0] == c).sum() + (ends[1] == c).sum()
        leaving = ((ends[0] == c) != (ends[1] == c)).sum()
        total += leaving / touching if touching else 1.0
    return total


def test_the_cut_is_the_share_of_edges_that_leave():
    rng = np.random.RandomState(0)
    labels, near = rng.choice([0, 1, 3], size=50), rng.randint(50, size=(50, 4))
    e = edge_shares(labels, near, 4)
    assert normalized_cut(e) == pytest.approx(cut(labels, near, 4))
    assert cut(labels, near, 4) > 1  # cluster 2 is empty


@pytest.mark.parametrize("seed", range(3))
def test_labels_are_merged_with_the_least_cut(three, seed):
    neighbours = nearest(three[0], 7)
    numbers = np.random.RandomState(seed).permutation([0, 1, 2, 3, 5, 6])
    labels = numbers[KMeans(6, n_init=1, random_state=seed).fit_predict(three[0])]
    clusters = merge_labels(labels, neighbours, 7, 3, "cut")
    assert clusters[4] == -1
    assert set(clusters) == {-1, 0, 1, 2}
    ways = np.array(list(product(range(3), repeat=7)))
    least = min(cut(way[labels], neighbours, 3) for way in ways if way[4] == 0)
    assert cut(clusters[labels], neighbours, 3) == pytest.approx(least)
    same = merge_labels(labels, neighbours, 7, 6, "cut")
    np.testing.assert_array_equal(same, [0, 1, 2, 3, -1, 4, 5])


def test_labels_without_an_edge_between_them_are_merged():
    labels = np.repeat([0, 1, 2, 3], 5)
    inside = np.arange(20) // 5 * 5 + (np.arange(20) + 1) % 5
    clusters = merge_labels(labels, inside[:, None], 4, 3, "cut")
    assert set(clusters) == {0, 1, 2}


@pytest.mark.parametrize("way", MERGES)
def test_subclusters_are_merged_into_clusters(three, way):
    X, y = three
    model = AAEClusterer(
        3,
        n_subclusters=7,
        merge_by=way,
        n_init=2,
        max_iter=200,
        class_heads=False,
        **SMALL,
    ).fit(X)
    assert adjusted_rand_score(y, model.labels_) > 0.95
    assert model.subcluster_labels_.shape == (7,)
    assert set(model.subcluster_labels_) - {-1} == {0, 1, 2}
    assert model.cluster_centers_.shape == (3, 5)
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    np.testing.assert_allclose(model.predict_proba(X).sum(1), 1)
    np.testing.assert_allclose(model.cluster_prior_.sum(), 1)
    for c in range(3):
        assert model.sample(5, y=c, random_state=0).shape == (5, 5)
        # All labels of a cluster are drawn, by their shares.
        shares = model.prior_.class_prior.numpy() * (model.subcluster_labels_ == c)
        drawn = model._draw_codes(4000, np.full(4000, c), 0)[:, :7].mean(0)
        np.testing.assert_allclose(drawn, shares / shares.sum(), atol=0.04)
    used = model.prior_.class_prior.numpy() * (model.subcluster_labels_ >= 0)
    drawn = model.sample_codes(4000, random_state=0)[:, :7].mean(0)
    np.testing.assert_allclose(drawn, used / used.sum(), atol=0.04)


def test_fewer_subclusters_than_clusters_are_refused(three):
    with pytest.raises(ValueError, match=r"not below n_clusters=8\. Got 7 instead"):
        AAEClusterer(n_subclusters=7).fit(three[0])
    with pytest.raises(ValueError, match="n_samples=20 should be >= n_subclusters=30"):
        AAEClusterer(n_subclusters=30).fit(three[0][:20])


def test_empty_clusters_and_a_critic_that_won_are_told(clustered):
    warn_of_collapse(clustered)
    shares = clustered.cluster_prior_
    clustered.cluster_prior_ = shares[:2]
    with pytest.warns(ConvergenceWarning, match="Only 2 of n_clusters=3"):
        warn_of_collapse(clustered)
    clustered.cluster_prior_ = shares
    line = clustered.history_[-1]
    line["label_critic_accuracy"], before = 1.0, line["label_critic_accuracy"]
    with pytest.warns(ConvergenceWarning, match="critic of the clusters tells 100"):
        warn_of_collapse(clustered)
    line["label_critic_accuracy"] = before


# --- classifier -----------------------------------------------------------------------


def test_few_labels_are_enough_where_classes_stand_apart(classified, three):
    X, y = three
    assert classified.score(X[30:], y[30:]) > 0.95


def test_transfer_moves_rows_to_the_class(classified, three):
    for c in range(3):
        assert (classified.predict(classified.transfer(three[0], c)) == c).mean() > 0.9
        rows = classified.sample(50, y=c, random_state=0)
        assert (classified.predict(rows) == c).mean() > 0.9


@pytest.mark.parametrize(
    ("labels", "missing"),
    [
        (np.array(["a", "b", "c"], dtype=object), None),
        (np.array([0.0, 1.0, 2.0]), np.nan),
        (np.array([10, 20, 30]), -1),
    ],
)
def test_labels_of_any_kind(three, labels, missing):
    X, y = three
    few = labels[y]
    few[60:] = missing
    model = SemiSupervisedAAEClassifier(max_iter=30, **SMALL).fit(X, few)
    np.testing.assert_array_equal(model.classes_, np.unique(labels))
    assert (model.predict(X) == labels[y]).mean() > 0.8


@pytest.mark.parametrize("n_told", [1, 100])
def test_one_label_a_class_and_all_labels(three, n_told):
    X, y = three
    few = np.full(300, -1)
    for c in range(3):
        told = np.flatnonzero(y == c)[:n_told]
        few[told] = c
    model = SemiSupervisedAAEClassifier(max_iter=60, **SMALL).fit(X, few)
    assert model.score(X, y) > 0.9


@pytest.mark.parametrize("y", [np.full(300, -1), np.zeros(300, int)])
def test_labels_of_two_classes_are_needed(three, y):
    with pytest.raises(ValueError, match="at least two classes"):
        SemiSupervisedAAEClassifier().fit(three[0], y)


def test_class_weights_reach_the_loss_and_the_prior(three):
    X, y = three
    weight = {0: 2.0, 1: 1.0, 2: 1.0}
    model = SemiSupervisedAAEClassifier(max_iter=1, class_weight=weight, **SMALL)
    model.fit(X, y)
    assert phase(model, Classify).class_weight == (2.0, 1.0, 1.0)
    np.testing.assert_allclose(model.prior_.class_prior, [0.5, 0.25, 0.25], rtol=1e-6)


def test_strengths_reach_their_phase(three):
    X, y = three
    model = SemiSupervisedAAEClassifier(
        max_iter=1, class_heads=True, head_distance=3.0, **SMALL
    ).set_params(
        classification_strength=7.0, smoothness_strength=2.0, smoothness_radius=1.0
    )
    model.fit(X, y)
    assert phase(model, Classify).weight == 7.0
    assert phase(model, VirtualAdversarial).weight == 2.0
    assert phase(model, SeparateHeads).distance == 3.0
    radius = phase(model, VirtualAdversarial).radius
    model.set_params(smoothness_radius=2.0).fit(X, y)
    assert phase(model, VirtualAdversarial).radius == pytest.approx(2 * radius)
    assert model.transform(X).shape == (300, 2)
    clusterer = AAEClusterer(
        3, max_iter=1, balance_strength=0.25, agreement_strength=2.0, **SMALL
    ).set_params(partition_strength=5.0)
    assert phase(clusterer.fit(X), Classify).weight == 5.0
    assert phase(clusterer, BalanceClusters).weight == 0.25
    for estimator in (model, clusterer):
        agree = phase(
            estimator.set_params(neighbor_noise_rate=0.3).fit(X, y), NeighborAgreement
        )
        assert agree.weight == estimator.agreement_strength
        assert agree.neighbor_noise_rate == 0.3
    assert phase(clusterer, VirtualAdversarial) is None
    clusterer.set_params(
        smoothness_strength=0.5, smoothness_radius=1.0, scale=model.scale
    ).fit(X)
    assert phase(clusterer, VirtualAdversarial).weight == 0.5
    assert phase(clusterer, VirtualAdversarial).radius == pytest.approx(radius)


@pytest.mark.parametrize(("size", "n_rows"), [(None, 30), (7, 7), (200, 30)])
def test_a_step_takes_labelled_rows_besides_its_own(size, n_rows, three, monkeypatch):
    X, y = three
    few, seen, loss = np.where(np.arange(300) < 30, y, -1), set(), Classify.loss

    def watch(self, networks, batch):
        n = batch.row_counts["drawn"]
        assert (batch.y[n:] >= 0).all()
        seen.add(len(batch.x) - n)
        return loss(self, networks, batch)

    monkeypatch.setattr(Classify, "loss", watch)
    model = SemiSupervisedAAEClassifier(
        labeled_batch_size=size, agreement_strength=0, max_iter=2, **SMALL
    )
    model.fit(X, few)
    assert seen == {n_rows}


def test_the_radius_may_be_asked_for_later(three):
    X, y = three
    model = SemiSupervisedAAEClassifier(
        max_iter=1, warm_start=True, smoothness_strength=0, **SMALL
    )
    assert phase(model.fit(X, y), VirtualAdversarial) is None
    model.set_params(smoothness_strength=1.0).fit(X, y)
    assert phase(model, VirtualAdversarial).radius > 0


class Course(Callback):
    """Notes what trains in each epoch."""

    def on_train_begin(self, net, **kwargs):
        self.rates = getattr(self, "rates", [])

    def on_epoch_end(self, net, **kwargs):
        names = {phase.name for phase in net.module_.phases}
        group = net.optimizer_.param_groups[0]
        found = names & {"agreement", "smoothness"}
        self.rates.append((*sorted(found), group["lr"]))


@pytest.mark.parametrize("update", UPDATES)
def test_agreement_may_end_and_smoothness_follow(update, three):
    X, y = three
    model = SemiSupervisedAAEClassifier(
        max_iter=5,
        agreement_duration=0.4,
        learning_rate_schedule="cosine",
        update=update,
        callbacks=[("course", Course())],
        **SMALL,
    ).fit(X, y)
    (*_, course), rate = model.net_.callbacks_, model.learning_rate
    kinds = [line[:-1] for line in course[1].rates]
    assert kinds == 2 * [("agreement",)] + 3 * [("smoothness",)]
    # Three steps an epoch; each part has a schedule of its own.
    done = [2 / 6, 5 / 6, 2 / 9, 5 / 9, 8 / 9]
    expected = [rate * (1 + np.cos(np.pi * t)) / 2 for t in done]
    np.testing.assert_allclose([line[-1] for line in course[1].rates], expected)
    assert model.n_iter_ == 5


@pytest.mark.parametrize("update", UPDATES)
def test_parts_of_a_training_stack(update, three):
    X, y = np.float64(three[0]), three[1]
    # A full batch trains in float64: smoothness enlarges rounding.
    options = {"max_iter": 5, "batch_size": 512, "update": update}
    models = [
        SemiSupervisedAAEClassifier(**SMALL | options | {"random_state": i})
        for i in range(3)
    ]
    alone = [clone(model).fit(X, y) for model in models]
    with parallel_config(backend="stacked"):
        stacked = Parallel()(delayed(clone(model).fit)(X, y) for model in models)
    for one, other in zip(alone, stacked, strict=True):
        assert ["agreement" in line for line in one.history_] == 2 * [True] + 3 * [
            False
        ]
        np.testing.assert_allclose(
            one.predict_proba(X), other.predict_proba(X), atol=1e-9
        )


@pytest.mark.parametrize("duration", [None, 0.5])
def test_a_failed_warm_start_leaves_phases_and_optimisers(duration, three):
    X, y = three
    model = SemiSupervisedAAEClassifier(
        max_iter=4, warm_start=True, agreement_duration=duration, **SMALL
    ).fit(X, y)
    before, phases = model.predict_proba(X), model.net_.module_.phases
    other = 0.5 if duration is None else None
    model.set_params(agreement_duration=other, learning_rate=1e30)
    with pytest.raises(ValueError, match="became"):
        model.fit(X, y)
    assert model.net_.module_.phases == phases
    np.testing.assert_array_equal(model.predict_proba(X), before)
    model.set_params(agreement_duration=duration, learning_rate=2e-3).fit(X, y)
    assert model.n_iter_ == 8


@pytest.mark.parametrize(
    "changed",
    [{"n_subclusters": 6}, {"critic_noise": 1.0}, {"fit_cluster_prior": False}],
)
def test_what_a_warm_start_cannot_change(changed, three):
    model = AAEClusterer(3, n_init=1, max_iter=1, warm_start=True, **SMALL)
    model.fit(three[0]).set_params(**changed)
    with pytest.raises(ValueError, match=f"training on with {next(iter(changed))}"):
        model.fit(three[0])


def test_later_chunks_may_show_other_classes(three):
    X, y = three
    order = np.argsort(y, kind="stable")
    model = SemiSupervisedAAEClassifier(**SMALL)
    for part in np.split(order, 3):
        model.partial_fit(X[part], y[part], classes=[0, 1, 2])
    assert model.predict_proba(X).shape == (300, 3)


def test_the_first_chunk_may_have_no_label(three):
    X, y = three
    model = SemiSupervisedAAEClassifier(**SMALL)
    model.partial_fit(X, np.full(300, -1), classes=[0, 1, 2])
    np.testing.assert_allclose(model.prior_.class_prior, 1 / 3, rtol=1e-6)
    assert np.isfinite(model.partial_fit(X, y).predict_proba(X)).all()


# --- supervised transformer and GAN ---------------------------------------------------


def test_a_style_says_less_of_the_label_than_the_rows(three):
    X, y = three
    model = ConditionalAAETransformer(**SMALL).fit(X, y)
    Z = model.transform(X)
    assert LogisticRegression().fit(Z, y).score(Z, y) < 0.6
    judge = LogisticRegression().fit(X, y)
    for c in range(3):
        assert (judge.predict(model.transfer(X, c)) == c).mean() > 0.9
        assert (judge.predict(model.sample(50, y=c, random_state=0)) == c).mean() > 0.9
    told = model.score(X, y)
    assert told > model.score(X, np.roll(y, 1))
    with pytest.raises(ValueError, match="unknown label 7"):
        model.transfer(X, 7)


@pytest.mark.parametrize("n_examples", [0, 1000])
@pytest.mark.parametrize(
    "kind", [ConditionalAAETransformer, SemiSupervisedAAEClassifier]
)
def test_rows_take_the_style_of_others(kind, n_examples, three):
    X, y = three
    model = kind(**SMALL, n_examples=n_examples).fit(X, y)
    a, b = X[:20], X[20:40]
    # Rows of their own labels with the styles of others are those others, relabelled.
    np.testing.assert_allclose(
        model.transfer(a, y[:20], like=b), model.transfer(b, y[:20])
    )
    one = model.transfer(a, y[:20], like=b[:1])
    np.testing.assert_allclose(one, model.transfer(np.tile(b[:1], (20, 1)), y[:20]))
    judge = LogisticRegression().fit(X, y)
    assert (judge.predict(model.transfer(a, like=b)) == judge.predict(a)).mean() > 0.8
    with pytest.raises(ValueError, match="needs y, the labels that the rows"):
        model.transfer(a)
    with pytest.raises(ValueError, match=r"like has 3 rows, and X has 20\. Pass"):
        model.transfer(a, like=b[:3])


@pytest.mark.parametrize("text", [False, True])
def test_unlabelled_rows_are_scored_without_a_label(text, three):
    X, y = three
    y = np.array(["a", "b", "c"], dtype=object)[y] if text else y
    some = np.where(np.arange(len(y)) % 3, y, None if text else -1)
    model = ConditionalAAETransformer(**SMALL).fit(X, some)
    scores = model.score_samples(X, some)
    for rows, labels in ((slice(0, None, 3), None), (slice(1, None, 3), some[1::3])):
        np.testing.assert_allclose(scores[rows], model.score_samples(X[rows], labels))
    with pytest.raises(ValueError, match="one for each of n_samples"):
        model.score_samples(X, y[:5])


def test_a_supervised_model_needs_labels(three):
    with pytest.raises(ValueError, match="requires y to be passed"):
        ConditionalAAETransformer().fit(three[0])
    with pytest.raises(ValueError, match="Unknown label type"):
        ConditionalAAETransformer().fit(three[0], three[0][:, 0])


def test_a_gan_learns_to_draw(three):
    X = three[0]
    first = GANSampler(max_iter=1, **SMALL).fit(X).score(X)
    trained = GANSampler(max_iter=300, **SMALL).fit(X)
    assert trained.score(X) > max(0.8, first)
    assert trained.sample(5, random_state=0).shape == (5, 5)
    assert trained.score_samples(X).shape == (300,)


def test_weights_draw_rows_of_a_gan(three):
    X, y = three
    weight = np.where(y == 0, 1.0, 1e-6)
    model = GANSampler(max_iter=100, **SMALL).fit(X, sample_weight=weight)
    drawn = model.sample(200, random_state=0).mean(0)
    assert np.linalg.norm(drawn - X[y == 0].mean(0)) < 1.5


# --- clusters that come and go ------------------------------------------------------


@pytest.fixture(scope="module")
def many(three):
    """A clusterer with labels that no row has."""
    clusterer = AAEClusterer(3, n_subclusters=40, n_init=1, max_iter=60, **SMALL)
    return clusterer.fit(three[0])


def test_far_rows_have_clusters(many, three):
    assert (many.subcluster_labels_ < 0).any()
    far = np.vstack([scale * three[0] for scale in (1e3, -1e3, 1e6, -1e6)])
    shares = many.predict_proba(far)
    np.testing.assert_allclose(shares.sum(1), 1)


def test_drawn_labels_are_in_use(many):
    labels = many._draw_labels(2000, 0)
    codes = many._draw_codes(2000, labels, 1)[:, : many.prior_.n_classes]
    drawn = many.subcluster_labels_[codes.argmax(1)]
    np.testing.assert_array_equal(drawn, labels)
    shares = np.bincount(drawn, minlength=3) / 2000
    np.testing.assert_allclose(shares, many.cluster_prior_, atol=0.04)


def test_clusters_keep_their_numbers_from_chunk_to_chunk(three):
    X, y = three
    model = AAEClusterer(3, n_init=2, max_iter=100, **SMALL).fit(X)
    before = model.predict(X)
    assert adjusted_rand_score(before, y) > 0.9
    model.set_params(learning_rate=1e-5).partial_fit(X[y == 2])
    np.testing.assert_array_equal(model.predict(X), before)
    assert model.predict_proba(X).shape == (300, 3)
    assert len(model.cluster_centers_) == 3
    assert "_known_clusters" not in vars(model)


def test_new_labels_join_clusters():
    known = np.array([1, 0, -1, -1, -1])
    labels = np.array([0, 1, 2, 3, 0])
    neighbours = np.array([[4], [3], [1], [1], [0]])
    # A third cluster is free, for the first new label; the next has an edge to label 1.
    found = add_labels(known, labels, neighbours, 3)
    assert found.tolist() == [1, 0, 2, 0, -1]
    assert known.tolist() == [1, 0, -1, -1, -1]


def test_clusters_may_be_whole_floats(many):
    rows = many.sample(3, y=np.array([0.0, 1.0, 0.0]), random_state=0)
    other = many.sample(3, y=np.array([0, 1, 0]), random_state=0)
    np.testing.assert_array_equal(rows, other)


def test_centres_have_the_constants_and_bounds_of_the_table(three):
    X = np.c_[three[0], np.full(300, 7.0)]
    model = AAEClusterer(3, n_init=1, max_iter=3, **SMALL).fit(X)
    assert (model.cluster_centers_[:, -1] == 7).all()
    assert (model.cluster_centers_ >= X.min(0)).all()
    assert (model.cluster_centers_ <= X.max(0)).all()


def test_a_gan_has_no_labels(three):
    model = GANSampler(prior="gaussian_mixture", max_iter=1, random_state=0)
    with pytest.raises(ValueError, match="GANSampler draws without labels"):
        model.set_params(n_components=2).fit(*three).sample(2, y=1)


# --- strengths and parts ------------------------------------------------------------


@pytest.mark.parametrize(
    "strength",
    ["classification", "agreement", "smoothness", "label", "regularization"],
)
@pytest.mark.parametrize("update", UPDATES)
def test_strengths_act(update, strength, three):
    X, y = three
    few = np.where(np.arange(300) < 30, y, -1)
    options = {"max_iter": 2, "agreement_duration": None, "update": update, **SMALL}
    weak, strong = (
        SemiSupervisedAAEClassifier(**{f"{strength}_strength": value}, **options)
        .fit(X, few)
        .transform(X)
        for value in (0.1, 10.0)
    )
    assert np.abs(weak - strong).max() > 1e-4


def test_rates_of_phases(three):
    X = three[0]
    options = {"max_iter": 1, "learning_rate": 0.01, "agreement_strength": 3, **SMALL}
    joint = AAEClusterer(3, critic_learning_rate=0.05, **options).fit(X)
    assert joint.net_.learning_rates == {"critic": 0.05, "label_critic": 0.05}
    alternating = AAEClusterer(3, update="alternating", **options).fit(X)
    rates = alternating.net_.learning_rates
    # Measured against the reconstruction, whose strength is 10.
    assert rates["agreement"] == pytest.approx(0.01 * 3 / 10)
    assert rates["label_generator"] == rates["generator"] == pytest.approx(0.001)
    assert "reconstruction" not in rates


def test_a_part_of_one_epoch_has_exact_statistics(three):
    X, y = three
    few = np.where(np.arange(300) < 30, y, -1)
    model = SemiSupervisedAAEClassifier(max_iter=2, batch_size=64, **SMALL)
    model.fit(X, few)
    before = model.predict_proba(X)
    data = model._prepare(FitInput(X, few), 0, model._data)
    spec = model._make_spec(data)
    model.net_.calibrate(spec.stages[1].make_batches(data.rows, model.net_.seed))
    model._set_fitted([fitted_model(model, spec, model.net_, data, 0)], 0, data)
    np.testing.assert_allclose(model.predict_proba(X), before, atol=1e-6)


@pytest.mark.parametrize("balance", [0.0, 1.0])
def test_parts_begin_with_new_optimisers(balance, three):
    options = {"agreement_duration": 0.5, "balance_strength": balance, **SMALL}
    model = AAEClusterer(3, agreement_strength=1, max_iter=4, **options).fit(three[0])
    n_steps = 2 * 3  # two epochs of three batches
    for optimizer in model.net_.engine_.optimizers:
        for state in optimizer.state.values():
            assert float(state["step"]) == n_steps


def test_each_part_tells_of_its_losses(three, capsys):
    X, y = three
    few = np.where(np.arange(300) < 30, y, -1)
    SemiSupervisedAAEClassifier(max_iter=4, verbose=2, **SMALL).fit(X, few)
    lines = [line for line in capsys.readouterr().out.splitlines() if "epoch" in line]
    assert ["agreement" in line for line in lines] == [True, True, False, False]
    assert ["smoothness" in line for line in lines] == [False, False, True, True]


@pytest.mark.parametrize("n", [100, 300, 700])
def test_a_batch_has_as_many_rows_as_the_classes_ask_for(n):
    """Also where that decides how precisely it trains: 300 rows are one batch."""
    rows = np.random.RandomState(0).normal(size=(n, 4))
    options = {"max_iter": 2, "hidden_layer_sizes": (8,), "random_state": 0}
    auto = ConditionalAAETransformer(2, **options).fit(rows, np.arange(n) % 10)
    assert auto.batch_size_ == 480
    told = clone(auto).set_params(batch_size=480).fit(rows, np.arange(n) % 10)
    assert np.array_equal(auto.transform(rows), told.transform(rows))
    few = clone(auto).fit(rows, np.arange(n) % 2)
    assert few.batch_size_ == 128
