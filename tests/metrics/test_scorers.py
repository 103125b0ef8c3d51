"""Scorers in searches: what they ask a model for, and the sign of their answer."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_aae import (
    AAEClusterer,
    AAETransformer,
    SemiSupervisedAAEClassifier,
    metrics,
)
from sklearn_aae.metrics import _scorers, aae_scorer

X, Y = load_iris(return_X_y=True)
NAMES = list(_scorers.SCORERS)
OF_CLUSTERS = {"clustering_accuracy", "majority_vote_error"}


@pytest.fixture(scope="module")
def aae():
    return AAETransformer(max_iter=3, random_state=0).fit(X)


@pytest.fixture(scope="module")
def classifier():
    return LogisticRegression(max_iter=1000).fit(X, Y)


def make(name, classifier):
    options = {"classifier": classifier} if name == "inception_score" else {}
    return aae_scorer(name, **options)


def score_by_hand(name, aae, classifier):
    samples = aae.sample(len(X), random_state=0)
    match name:
        case "reconstruction_error":
            return -metrics.reconstruction_error(X, aae.reconstruct(X))
        case "frechet_distance":
            return -metrics.frechet_distance(X, samples)
        case "precision" | "recall":
            return getattr(metrics.precision_recall(X, samples), name)
        case "precision_recall":
            p, r = metrics.precision_recall(X, samples)
            return 2 / (1 / p + 1 / r)
        case "density" | "coverage":
            return getattr(metrics.density_coverage(X, samples), name)
        case "inception_score":
            return metrics.inception_score(samples, classifier)
        case "parzen_log_likelihood":
            h = metrics.parzen_bandwidth(X[1::2], samples)
            return metrics.parzen_log_likelihood(X[::2], samples, bandwidth=h)
        case "prior_match":
            draws = aae.sample_codes(len(X), random_state=0)
            return -metrics.prior_match(aae.transform(X), draws).statistic


@pytest.mark.parametrize("name", sorted(set(NAMES) - OF_CLUSTERS))
def test_a_score_is_the_metric_of_what_the_model_gives(name, aae, classifier):
    truth = score_by_hand(name, aae, classifier)
    found = make(name, classifier)(aae, X)
    assert found == pytest.approx(truth)
    assert isinstance(found, float)


def test_scores_of_clusters():
    kmeans = KMeans(3, n_init=1, random_state=0).fit(X)
    accuracy = metrics.clustering_accuracy(Y, kmeans.predict(X))
    assert aae_scorer("clustering_accuracy")(kmeans, X, Y) == accuracy
    error = aae_scorer("majority_vote_error")(kmeans, X, Y)
    assert error == pytest.approx(accuracy - 1)
    assert 0.5 < accuracy < 1
    with pytest.raises(ValueError, match="pass y"):
        aae_scorer("clustering_accuracy")(kmeans, X)


@pytest.mark.parametrize("name", sorted(set(NAMES) - OF_CLUSTERS - {"inception_score"}))
def test_the_last_step_of_a_pipeline_is_asked(name):
    pipeline = make_pipeline(
        StandardScaler(),
        make_pipeline(AAETransformer(max_iter=3, random_state=0)),
    ).fit(X)
    scorer = aae_scorer(name)
    truth = scorer(pipeline[-1][-1], pipeline[0].transform(X))
    assert scorer(pipeline, X) == truth
    assert truth != scorer(pipeline[-1][-1], X)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search(n_jobs):
    scoring = {n: aae_scorer(n) for n in ("reconstruction_error", "prior_match")}
    pipeline = make_pipeline(
        StandardScaler(), AAETransformer(max_iter=3, random_state=0)
    )
    search = GridSearchCV(
        pipeline,
        {"aaetransformer__n_components": [1, 3]},
        scoring=scoring,
        refit="reconstruction_error",
        cv=2,
        error_score="raise",
        n_jobs=n_jobs,
    )
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        results = clone(search).fit(X).cv_results_
    for name in scoring:
        assert np.isfinite(results[f"mean_test_{name}"]).all()
        assert (results[f"mean_test_{name}"] < 0).all()
    pipeline.set_params(aaetransformer__n_components=3).fit(X[75:])
    by_hand = scoring["reconstruction_error"](pipeline, X[:75])
    assert results["split0_test_reconstruction_error"][1] == pytest.approx(by_hand)


def test_a_search_of_clusterers():
    results = cross_validate(
        KMeans(3, n_init=1, random_state=0),
        X,
        Y,
        scoring={name: aae_scorer(name) for name in OF_CLUSTERS},
    )
    accuracy, error = (results[f"test_{name}"] for name in sorted(OF_CLUSTERS))
    assert (accuracy > 0.5).all()
    assert (error <= 0).all()


def test_frames_with_categories():
    frame = pd.DataFrame(X, columns=list("abcd")).assign(kind=Y.astype(str))
    aae = AAETransformer(max_iter=3, random_state=0).fit(frame)
    truth = metrics.precision_recall(frame, aae.sample(150, random_state=0)).recall
    assert aae_scorer("recall")(aae, frame) == truth


def test_nothing_random_is_left_behind(aae, classifier, rng_untouched):
    with rng_untouched():
        for name in sorted(set(NAMES) - OF_CLUSTERS):
            make(name, classifier)(aae, X)


def test_keywords_reach_the_metric(aae):
    samples = aae.sample(len(X), random_state=0)
    recall = metrics.precision_recall(X, samples, n_neighbors=9).recall
    assert aae_scorer("recall", n_neighbors=9)(aae, X) == recall
    assert aae_scorer("recall")(aae, X) != recall
    fixed = metrics.parzen_log_likelihood(X, samples, bandwidth=0.3)
    assert aae_scorer("parzen_log_likelihood", bandwidth=0.3)(aae, X) == fixed


@pytest.mark.parametrize("copy", [clone, lambda s: pickle.loads(pickle.dumps(s))])
def test_scorers_are_copied(copy, aae):
    scorer = aae_scorer("recall", n_neighbors=4)
    search = copy(GridSearchCV(aae, {}, scoring=scorer))
    assert repr(search.scoring) == "aae_scorer('recall', n_neighbors=4)"
    assert search.scoring(aae, X) == scorer(aae, X)


def test_no_samples_like_no_others_score_zero(aae):
    """The harmonic mean of two zeros is none of division."""
    far = make_pipeline(FunctionTransformer(lambda rows: rows + 1e6), aae)
    assert aae_scorer("precision_recall")(far, X) == 0.0


def test_the_names_are_documented():
    for name in NAMES:
        assert f'"{name}"' in aae_scorer.__doc__


def test_mistakes_are_told(aae):
    with pytest.raises(
        ValueError, match="'name' parameter of aae_scorer must be a str"
    ):
        aae_scorer("r2")
    with pytest.raises(TypeError, match=r"takes the keywords \['embedding', .*'k'"):
        aae_scorer("recall", k=3)
    with pytest.raises(TypeError, match="StandardScaler has no sample"):
        aae_scorer("recall")(StandardScaler().fit(X), X)
    with pytest.raises(
        TypeError, match="LogisticRegression has no transform and no pr"
    ):
        aae_scorer("prior_match")(LogisticRegression(max_iter=1000).fit(X, Y), X)
    with pytest.raises(NotFittedError):
        aae_scorer("recall")(AAETransformer(), X)


def test_codes_with_heads_are_compared_with_heads_of_draws():
    clusterer = AAEClusterer(3, n_components=2, max_iter=2, n_init=1, random_state=0)
    score = aae_scorer("prior_match")(clusterer.fit(X), X)
    draws = clusterer.sample_codes(len(X), random_state=0)
    expected = metrics.prior_match(
        clusterer.transform(X), draws, random_state=0
    ).statistic
    assert score == pytest.approx(-expected)


def test_an_inception_score_needs_a_classifier():
    with pytest.raises(TypeError, match=r"needs classifier="):
        aae_scorer("inception_score")


@pytest.fixture(scope="module")
def of_pictures():
    """Pictures, their labels, and a fitted classifier of them."""
    pictures, labels = load_digits().images[:60] / 16, load_digits().target[:60] % 3
    sizes = {"hidden_channels": (2, 2), "max_iter": 1, "random_state": 0}
    model = SemiSupervisedAAEClassifier(image_shape=(8, 8), **sizes)
    return pictures, labels, model.fit(pictures, labels)


@pytest.mark.parametrize("name", NAMES)
def test_pictures_score_as_their_flat_rows_do(name, of_pictures):
    pictures, labels, model = of_pictures
    flat = pictures.reshape(60, 64)
    # Of a classifier by hand, which takes rows of any shape.
    by_sum = KMeans(2, n_init=1, random_state=0).fit(flat.sum(1, keepdims=True))
    by_sum.predict_proba = lambda rows: by_sum.transform(
        np.reshape(rows, (len(rows), -1)).sum(1, keepdims=True)
    )
    scorer = make(name, by_sum)
    assert scorer(model, pictures, labels) == scorer(model, flat, labels)
