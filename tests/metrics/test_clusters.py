"""Clusters against labels: counted over all matchings, and voter by voter."""

from collections import Counter
from itertools import permutations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.metrics import accuracy_score

from sklearn_aae.metrics import clustering_accuracy, majority_vote_error


@pytest.mark.parametrize(("n_labels", "n_clusters"), [(3, 3), (4, 2), (2, 5)])
def test_accuracy_is_the_best_over_all_matchings(n_labels, n_clusters):
    rng = np.random.RandomState(0)
    y_true = rng.randint(n_labels, size=40)
    y_pred = (y_true + (rng.rand(40) < 0.4) * rng.randint(5, size=40)) % n_clusters
    names = range(max(n_labels, n_clusters))
    truth = max(
        accuracy_score(y_true, np.array(order)[y_pred]) for order in permutations(names)
    )
    assert clustering_accuracy(y_true, y_pred) == pytest.approx(truth)


def vote(y_true, y_pred, voters):
    """Return the error, with a dict of counters."""
    ballots = {}
    for label, cluster in voters:
        ballots.setdefault(cluster, Counter())[label] += 1
    elected = {c: min(b, key=lambda x: (-b[x], x)) for c, b in ballots.items()}
    pairs = zip(y_true, y_pred, strict=True)
    return np.mean([elected.get(c) != label for label, c in pairs])


@pytest.mark.parametrize("n_vote", [0, 5, 60])
def test_error_is_that_of_a_vote(n_vote):
    rng = np.random.RandomState(0)
    labels, clusters = rng.choice(list("abc"), (2, 60)), rng.randint(8, size=(2, 60))
    if n_vote:
        voters = list(zip(labels[1][:n_vote], clusters[1][:n_vote], strict=True))
        given = {
            "y_true_vote": labels[1][:n_vote],
            "y_pred_vote": clusters[1][:n_vote],
        }
    else:
        voters, given = list(zip(labels[0], clusters[0], strict=True)), {}
    truth = vote(labels[0], clusters[0], voters)
    assert majority_vote_error(labels[0], clusters[0], **given) == pytest.approx(truth)
    assert 0 < truth < 1


def test_the_surest_row_names_its_cluster():
    rng = np.random.RandomState(0)
    y_true, y_true_vote = rng.choice(["x", "y"], (2, 50))
    y_pred, proba = rng.randint(6, size=50), rng.dirichlet(np.ones(6), size=50)
    names = [y_true_vote[max(range(50), key=lambda i: proba[i, j])] for j in range(6)]
    truth = np.mean(
        [names[c] != label for label, c in zip(y_true, y_pred, strict=True)]
    )
    votes = {"y_true_vote": y_true_vote, "proba_vote": proba}
    assert majority_vote_error(y_true, y_pred, **votes) == pytest.approx(truth)
    assert len(set(names)) == 2


@pytest.mark.parametrize("kind", [np.array, list, pd.Series, pd.Categorical])
def test_labels_of_any_kind(kind):
    y_true, y_pred = kind(["a", "a", "b", "b"]), kind([True, True, False, True])
    assert clustering_accuracy(y_true, y_pred) == 0.75
    assert majority_vote_error(y_true, y_pred) == 0.25


def test_clusters_without_voters_are_wrong():
    votes = {"y_true_vote": [1, 1, 2], "y_pred_vote": ["p", "p", "q"]}
    assert majority_vote_error([1, 1, 2, 2], ["p", "r", "q", "r"], **votes) == 0.5
    assert majority_vote_error([3], ["p"], **votes) == 1.0  # a label nobody had


@pytest.mark.parametrize(
    "votes",
    [
        {"y_true_vote": [0]},
        {"y_pred_vote": [0]},
        {"proba_vote": [[1.0]]},
        {"y_true_vote": [0], "y_pred_vote": [0], "proba_vote": [[1.0]]},
    ],
)
def test_a_vote_is_of_labels_and_clusters(votes):
    with pytest.raises(ValueError, match="takes the labels of voters, y_true_vote"):
        majority_vote_error([0], [0], **votes)


def test_clusters_are_columns_of_probabilities():
    with pytest.raises(ValueError, match=r"proba_vote has 2 columns.* 2 of y_pred"):
        majority_vote_error([0], [2], y_true_vote=[0], proba_vote=[[0.5, 0.5]])


@pytest.mark.parametrize("function", [clustering_accuracy, majority_vote_error])
def test_rows_must_be_as_many(function):
    with pytest.raises(ValueError, match="y_true and y_pred have inconsistent numb"):
        function([0, 1], [0])
    with pytest.raises(ValueError, match="There is no row"):
        function([], [])


def dictionary(values):
    return pa.chunked_array([pa.array(values).dictionary_encode()])


KINDS = {
    "-1": lambda y: np.where(np.arange(len(y)) % 3, y, -1),
    "NaN": lambda y: np.where(np.arange(len(y)) % 3, y, np.nan),
    "None": lambda y: np.where(np.arange(len(y)) % 3, y.astype(object), None),
    "masked": lambda y: np.ma.array(y, mask=np.arange(len(y)) % 3 == 0),
    "polars": lambda y: pl.Series(KINDS["None"](y).tolist()),
    "pandas": lambda y: pd.Series(KINDS["None"](y), dtype="Int64"),
    "Arrow dictionary": lambda y: dictionary(KINDS["None"](y).tolist()),
    "text": lambda y: [None if v is None else f"class {v}" for v in KINDS["None"](y)],
}


@pytest.mark.parametrize("kind", KINDS)
def test_rows_without_a_label_do_not_count(kind):
    rng = np.random.RandomState(0)
    y_true, y_pred, votes = rng.randint(3, size=(3, 60))
    some, told = KINDS[kind](y_true), np.arange(60) % 3 > 0
    accuracy = clustering_accuracy(y_true[told], y_pred[told])
    assert clustering_accuracy(some, y_pred) == accuracy
    error = majority_vote_error(y_true[told], y_pred[told])
    assert majority_vote_error(some, y_pred) == error
    voters = KINDS[kind](votes)
    if kind == "text":
        votes = np.array([f"class {v}" for v in votes])
        y_true = np.array([f"class {v}" for v in y_true])
    proba = rng.dirichlet(np.ones(3), size=60)
    for all_votes, some_votes in (
        ({"y_pred_vote": y_pred[told]}, {"y_pred_vote": y_pred}),
        ({"proba_vote": proba[told]}, {"proba_vote": proba}),
    ):
        truth = majority_vote_error(
            y_true[told], y_pred[told], y_true_vote=votes[told], **all_votes
        )
        found = majority_vote_error(some, y_pred, y_true_vote=voters, **some_votes)
        assert found == truth
    assert 0.3 < accuracy < 1


@pytest.mark.parametrize("function", [clustering_accuracy, majority_vote_error])
def test_minus_one_is_a_class_if_it_is_named(function):
    y_true, y_pred = [-1, -1, 1, 1], [0, 1, 1, 1]
    with pytest.warns(UserWarning, match=r"y_true holds -1 and one other.*classes="):
        assert function(y_true, y_pred) == (function is clustering_accuracy)
    named = function(y_true, y_pred, classes=[-1, 1])
    assert named == (0.75 if function is clustering_accuracy else 0.25)


def test_rows_of_which_nothing_is_known():
    with pytest.raises(ValueError, match="No row of y_true has a label"):
        clustering_accuracy([-1, None, np.nan], [0, 1, 1])
    with pytest.raises(ValueError, match="No row of y_true_vote has a label"):
        majority_vote_error([0], [0], y_true_vote=[None], y_pred_vote=[0])
    with pytest.raises(ValueError, match="y_pred holds no cluster for 1 labelled rows"):
        clustering_accuracy([0, 1, None], [0, None, None])
    with pytest.raises(ValueError, match="mix values of the types int, str"):
        clustering_accuracy([0, "a"], [0, 1])
