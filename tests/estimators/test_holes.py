"""Missing values: cells of incomplete columns are hidden in training, by default."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from joblib import parallel_config
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

from sklearn_aae import (
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
)

SMALL = {"hidden_layer_sizes": (32,), "critic_hidden_layer_sizes": (32,)}
MODEL = AAETransformer(2, max_iter=3, random_state=0, **SMALL)


def two_groups(n=400):
    """Return a table of two groups that every column tells, and one with holes."""
    rng = np.random.RandomState(0)
    group = rng.rand(n) > 0.5
    table = pd.DataFrame(
        {
            "z": np.where(group, 100.0, 0.0) + rng.normal(size=n),
            "a": np.where(group, -5.0, 5.0) + rng.normal(size=n),
            "c": np.where(group, "hi", "lo"),
            "d": np.where(group, "p", "q"),
        }
    )
    holes = table.copy()
    holes.loc[::4, "z"] = np.nan
    return table, holes


@pytest.mark.parametrize("seed", [0, 1])
def test_long_training_fills_what_the_other_columns_say(seed):
    table, holes = two_groups()
    model = clone(MODEL).set_params(max_iter=200, random_state=seed).fit(holes)
    missed = np.abs(model.reconstruct(holes).z - table.z)
    assert missed[::4].mean() < 6  # the mean misses by 50, a net that hid none by 46
    assert missed[::4].mean() < 4 * missed[1::4].mean()


def test_the_share_is_of_columns_with_missing_cells():
    table, holes = two_groups(100)
    model = clone(MODEL).fit(holes)
    assert model.input_dropout_.tolist() == [0.25, 0, 0, 0]
    assert model.encoder_.blank.p.tolist() == [0.25, 0, 0, 0]
    assert clone(MODEL).fit(table).input_dropout_.tolist() == [0] * 4
    asked = clone(MODEL).set_params(input_dropout=0.5).fit(holes)
    assert asked.input_dropout_.tolist() == [0.5] * 4
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.input_dropout_, model.input_dropout_)
    np.testing.assert_array_equal(loaded.transform(holes), model.transform(holes))
    assert not hasattr(clone(MODEL), "input_dropout_")


@pytest.mark.parametrize("kind", ["mixed", "plain"])
def test_complete_tables_train_as_without(kind):
    table, _ = two_groups(100)
    X = table if kind == "mixed" else table[["z", "a"]].to_numpy()
    plain = clone(MODEL).set_params(input_dropout=0).fit(X)
    np.testing.assert_array_equal(clone(MODEL).fit(X).transform(X), plain.transform(X))


def test_each_column_has_its_own_share():
    _, holes = two_groups(300)
    encoder = clone(MODEL).fit(holes).encoder_.train()
    x = np.random.RandomState(0).normal(size=(2000, 4))
    hidden = encoder.blank.hide(torch.from_numpy(x)).isnan().double().mean(0)
    assert hidden[0] == pytest.approx(0.25, abs=0.05)
    assert not hidden[1:].any()


def test_a_stack_hides_as_one_by_one():
    _, holes = two_groups(120)
    alone = cross_val_score(MODEL, holes, cv=3)
    with parallel_config(backend="stacked"):
        stacked = cross_val_score(MODEL, holes, cv=3)
    np.testing.assert_allclose(stacked, alone, rtol=1e-3)


def test_the_decoder_learns_alone_in_the_end():
    table, holes = two_groups(200)
    model = clone(MODEL).set_params(max_iter=6).fit(holes)
    assert [("critic" in line) for line in model.history_] == 4 * [True] + 2 * [False]
    asked = clone(model).set_params(input_dropout=0.2).fit(holes)
    assert all("critic" in line for line in asked.history_)
    whole = clone(model).fit(table)
    assert all("critic" in line for line in whole.history_)
    stops = clone(model).set_params(early_stopping=True).fit(holes)
    assert np.isfinite(stops.history_[-1]["valid_loss"])
    again = clone(model).set_params(warm_start=True).fit(holes).fit(holes)
    assert again.n_iter_ == 12
    chunk = clone(model).partial_fit(holes).partial_fit(holes)
    assert all("critic" in line for line in chunk.history_)


WITH_HOLES = [
    AAETransformer(2, max_iter=6, random_state=0, **SMALL),
    ConditionalAAETransformer(2, max_iter=6, random_state=0, **SMALL),
    AAEOutlierDetector(n_components=2, n_init=2, max_iter=6, random_state=0),
]


@pytest.mark.parametrize("regularizer", [None, "mmd", "kl", "adversarial"])
@pytest.mark.parametrize("model", WITH_HOLES, ids=lambda m: type(m).__name__)
def test_every_regularizer_stacks_with_its_last_stage(model, regularizer):
    """The decoder learns alone at the end: without a critic, too, others move."""
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(60, 5)), np.arange(60) % 2
    X[::10, 0] = np.nan
    model = clone(model).set_params(regularizer=regularizer)
    search = GridSearchCV(model, {"learning_rate": [1e-3, 3e-3]}, cv=2)
    alone = search.fit(X, y).cv_results_["mean_test_score"]
    with parallel_config(backend="stacked"):
        stacked = search.fit(X, y).cv_results_["mean_test_score"]
    np.testing.assert_allclose(stacked, alone, rtol=1e-3)
    assert "critic" not in search.best_estimator_.history_[-1]
