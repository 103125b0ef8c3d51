"""Sizes and numbers of epochs that follow the table."""

import pickle

import numpy as np
import pandas as pd
import pytest
from skorch.callbacks import Callback

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.estimators import _fitting
from sklearn_aae.estimators._fitting import Trainer
from sklearn_aae.training import NonFiniteLossError

SHORT = {"max_iter": 2, "random_state": 0}


def table(n_numbers, *n_categories, n=60):
    rng = np.random.RandomState(0)
    numbers = {f"x{j}": rng.normal(size=n) for j in range(n_numbers)}
    texts = {
        f"c{j}": pd.Categorical.from_codes(
            np.arange(n) % m, [f"v{i}" for i in range(m)]
        )
        for j, m in enumerate(n_categories)
    }
    return pd.DataFrame(numbers | texts)


@pytest.mark.parametrize(
    ("columns", "units"),
    [
        ((2,), 64),
        ((32,), 64),
        ((33,), 128),
        ((64,), 128),
        ((65,), 256),
        ((500,), 256),
        ((1, 2, 2), 64),  # 1 + 1 + 1 digits
        ((29, 8), 64),  # 29 + 3
        ((29, 9), 128),  # 29 + log2(9) > 32
    ],
)
def test_layers_follow_the_columns(columns, units):
    aae = AAETransformer(**SHORT).fit(table(*columns))
    assert aae.hidden_layer_sizes_ == (units, units)
    body = aae.encoder_.body
    assert [p.shape[0] for p in body.parameters() if p.dim() == 2] == [units, units]


@pytest.mark.parametrize(
    "kind",
    [
        AAETransformer,
        AAEClusterer,
        ConditionalAAETransformer,
        SemiSupervisedAAEClassifier,
        GANSampler,
    ],
)
def test_auto_is_the_size_it_says(kind):
    X, y = table(40).to_numpy(), np.arange(60) % 2
    auto = kind(**SHORT).fit(X, y)
    told = kind(hidden_layer_sizes=auto.hidden_layer_sizes_, **SHORT).fit(X, y)
    assert told.hidden_layer_sizes_ == (128, 128)
    for a, b in zip(
        auto.net_.module_.parameters(), told.net_.module_.parameters(), strict=True
    ):
        np.testing.assert_array_equal(a.detach(), b.detach())


def test_other_words_than_auto_are_refused():
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        AAETransformer(hidden_layer_sizes="large").fit(table(2))


@pytest.mark.parametrize(
    "name", ["hidden_layer_sizes", "critic_hidden_layer_sizes", "hidden_channels"]
)
@pytest.mark.parametrize("number", [8, np.int64(8)], ids=["int", "int64"])
def test_a_number_is_one_layer(name, number):
    pictures = {"image_shape": (8, 8)} if name == "hidden_channels" else {}
    X = np.random.RandomState(0).uniform(size=(60, 64))
    one, same = (
        AAETransformer(**{name: given}, **pictures, **SHORT).fit(X)
        for given in (number, (8,))
    )
    np.testing.assert_array_equal(one.transform(X), same.transform(X))


@pytest.mark.parametrize("number", [0, -1, 2.5])
def test_a_number_of_units_is_a_positive_integer(number):
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        AAETransformer(hidden_layer_sizes=number).fit(table(2))


def test_a_fit_goes_on_with_its_sizes():
    X = table(40)
    aae = AAETransformer(warm_start=True, **SHORT).fit(X)
    assert aae.fit(X).n_iter_ == 4
    assert aae.hidden_layer_sizes_ == (128, 128)


@pytest.mark.parametrize(("n", "epochs"), [(60, 100), (12_800, 15), (40_000, 10)])
def test_epochs_follow_the_rows(n, epochs):
    rows = np.random.RandomState(0).normal(size=(n, 2))
    aae = AAETransformer(2, hidden_layer_sizes=(2,), random_state=0).fit(rows)
    assert aae.n_iter_ == epochs  # 1,500 steps, within 10 and 100


# --- detectors of codes of several sizes ---------------------------------------------


@pytest.fixture(scope="module")
def rows():
    rng = np.random.RandomState(0)
    return rng.normal(size=(90, 3)) @ rng.normal(size=(3, 6))


def detector(n_components, n_init, **options):
    return AAEOutlierDetector(n_components, n_init=n_init, **SHORT | options)


def test_restarts_have_sizes_in_turn(rows):
    found = detector((1, 4), 5).fit(rows)
    assert [m.encoder.n_components for m in found.members_] == [1, 1, 1, 4, 4]
    assert detector((3, 2, 1), 2).fit(rows).members_[1].encoder.n_components == 2


def test_scores_are_the_mean_of_detectors_of_one_size(rows):
    # Of two restarts the first is that of the first size, the second that of the other.
    both = detector((1, 4), 2).fit(rows)
    one, four = (detector(k, 2).fit(rows) for k in (1, 4))
    parts = []
    for found, at in ((one, 0), (four, 1)):
        found.members_ = found.members_[at : at + 1]
        parts.append(found.score_samples(rows))
    np.testing.assert_allclose(both.score_samples(rows), np.mean(parts, 0), 1e-6)


def test_detectors_of_several_sizes_are_stored(rows):
    found = detector((1, 4), 3).fit(rows)
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(found.score_samples(rows), again.score_samples(rows))
    np.testing.assert_array_equal(found.localize(rows), again.localize(rows))


def test_detectors_of_several_sizes_train_on(rows):
    warm = detector((1, 4), 2, warm_start=True).fit(rows).fit(rows)
    assert warm.n_iter_ == 4
    stream = detector((1, 4), 2)
    for _ in range(2):
        stream.partial_fit(rows)
    assert [m.encoder.n_components for m in stream.members_] == [1, 4]
    assert np.isfinite(stream.score_samples(rows)).all()


def test_sizes_of_codes_are_checked(rows):
    for bad in ((1, 0), (1.5,), (), np.array(3), [[1]]):
        with pytest.raises(ValueError, match="n_components"):
            detector(bad, 2).fit(rows)


def test_ctrl_c_leaves_the_sizes_that_follow_untrained(rows):
    class Stop(Callback):
        def on_epoch_end(self, net, **kwargs):
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        found = detector((1, 4), 4, callbacks=[Stop()]).fit(rows)
    assert {m.encoder.n_components for m in found.members_} == {1}
    assert np.isfinite(found.score_samples(rows)).all()


def test_a_warm_start_keeps_all_sizes(rows):
    found = detector((1, 4), 4, warm_start=True).fit(rows)
    found.set_params(n_init=1).fit(rows)
    assert [m.encoder.n_components for m in found.members_] == [1, 1, 4, 4]


def test_a_size_that_diverges_is_left_out(rows, monkeypatch):
    real = Trainer.train_new

    def fail(self, seeds, criterion):
        if self.estimator.n_components == 1:
            raise NonFiniteLossError("The critic loss became nan.")
        return real(self, seeds, criterion)

    monkeypatch.setattr(Trainer, "train_new", fail)
    found = detector((1, 4), 4).fit(rows)
    assert [m.encoder.n_components for m in found.members_] == [4, 4]
    with pytest.raises(ValueError, match="became nan"):
        detector(1, 4).fit(rows)


def test_lists_are_read_once(rows):
    sizes = [1, 4]
    found = detector(sizes, 2).fit(rows)
    sizes[1] = 3
    again = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(found.score_samples(rows), again.score_samples(rows))


def test_equal_sizes_train_as_one_stack(rows, monkeypatch):
    seen = []
    train = _fitting.train
    monkeypatch.setattr(
        _fitting, "train", lambda jobs: seen.append(len(jobs)) or train(jobs)
    )
    found = detector((1, 1, 4), 6).fit(rows)
    assert seen == [4, 2]
    assert [m.encoder.n_components for m in found.members_] == [1, 1, 1, 1, 4, 4]
