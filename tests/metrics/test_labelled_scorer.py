"""Scorers where labels are missing: the score is that of the labelled rows."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import cross_val_score

from sklearn_aae import AAEClusterer, SemiSupervisedAAEClassifier
from sklearn_aae.metrics import aae_scorer, labelled_scorer

rng = np.random.RandomState(0)
y = np.arange(60) % 3
X = rng.normal(size=(60, 4)) + y[:, None]
some = np.where(np.arange(60) % 4 == 0, y, -1)
told = some >= 0
model = LogisticRegression().fit(X, y)

MISSING = {
    "-1": some,
    "NaN": np.where(told, some, np.nan),
    "None": np.where(told, some.astype(object), None),
    "masked": np.ma.array(y, mask=~told),
    "pandas": pd.Series(np.where(told, some, np.nan)).astype("Int64"),
    "polars": pl.Series(np.where(told, some.astype(object), None).tolist()),
    "Arrow": pa.array(np.where(told, some.astype(object), None)),
}


@pytest.mark.parametrize("kind", MISSING)
@pytest.mark.parametrize("name", ["accuracy", "roc_auc_ovr", "neg_log_loss"])
def test_the_score_is_that_of_the_labelled_rows(name, kind):
    truth = get_scorer(name)(model, X[told], y[told])
    assert labelled_scorer(name)(model, X, MISSING[kind]) == truth
    assert name == "neg_log_loss" or 0.4 < truth < 1


@pytest.mark.parametrize(
    "rows", [pd.DataFrame, pl.DataFrame, csr_matrix, lambda X: X.tolist()]
)
def test_rows_of_any_kind(rows):
    fitted = LogisticRegression().fit(rows(X), y)
    truth = fitted.score(rows(X[told]), y[told])
    assert labelled_scorer("accuracy")(fitted, rows(X), some) == truth


def test_weights_are_those_of_the_labelled_rows():
    weight = np.arange(1.0, 61)
    truth = model.score(X[told], y[told], sample_weight=weight[told])
    assert labelled_scorer("accuracy")(model, X, some, sample_weight=weight) == truth


def test_any_callable_and_copies():
    scorer = labelled_scorer(lambda estimator, X, y: len(y))
    assert scorer(model, X, some) == told.sum()
    named = labelled_scorer("accuracy", classes=[-1, 0, 1, 2])
    assert repr(named) == "labelled_scorer('accuracy', classes=[-1, 0, 1, 2])"
    assert named(model, X, some) == model.score(X, some)
    copied = pickle.loads(pickle.dumps(labelled_scorer("accuracy")))
    assert copied(model, X, some) == model.score(X[told], y[told])


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="'nothing' is not a valid scoring value"):
        labelled_scorer("nothing")
    with pytest.raises(ValueError, match="y holds no label"):
        labelled_scorer("accuracy")(model, X, np.full(60, -1))
    with pytest.warns(UserWarning, match="Rows of -1 are unlabelled"):
        labelled_scorer("accuracy")(model, X, np.where(some == 1, 1, -1))


def test_scores_of_folds_of_few_labels():
    aae = SemiSupervisedAAEClassifier(
        hidden_layer_sizes=(8,), max_iter=2, random_state=0
    )
    own = cross_val_score(aae, X, some, cv=2)
    scoring = labelled_scorer("accuracy")
    np.testing.assert_array_equal(
        cross_val_score(aae, X, some, cv=2, scoring=scoring), own
    )
    assert (own > cross_val_score(aae, X, some, cv=2, scoring="accuracy")).all()


def test_scores_of_clusters_leave_out_rows_without_a_label():
    far = X + 10 * y[:, None]
    clusterer = AAEClusterer(
        3, hidden_layer_sizes=(8,), n_init=1, max_iter=2, random_state=0
    ).fit(far)
    for name in ("clustering_accuracy", "majority_vote_error"):
        score = aae_scorer(name)
        truth = score(clusterer, far[told], y[told])
        for labels in MISSING.values():
            assert score(clusterer, far, labels) == truth
        named = aae_scorer(name, classes=[-1, 0, 1, 2])(clusterer, far, some)
        assert named != truth


@pytest.mark.parametrize("container", [np.asarray, list, pl.Series])
def test_there_must_be_a_label_for_each_row(container):
    with pytest.raises(ValueError, match=r"inconsistent numbers of samples: \[60, 9\]"):
        labelled_scorer("accuracy")(model, X, container(some[:9]))
