"""A fit or search that was killed goes on where it was, and ends with the same bits.

``FULL_SIZE=1`` kills fits, and searches of 60 fits, at 20 moments each.
"""

import os
import signal
import time

import joblib
import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch.callbacks import Callback
from torch import nn

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.persistence import RefusedFileError, load, save
from sklearn_aae.training import _checkpoint, _trainer
from sklearn_aae.utils import _container

# Of Python 3.12 on: the processes here are forked where one thread runs.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")

RNG = np.random.RandomState(0)
X = RNG.normal(size=(120, 4))
X[::7, 1] = np.nan
Y = np.arange(120) % 2
Y[20:] = -1
FULL = bool(os.environ.get("FULL_SIZE"))
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 20, "random_state": 0}
OWN = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, 2))


def lines(model):
    """Return the history without the times."""
    return [{k: v for k, v in line.items() if k != "dur"} for line in model.history_]


def assert_same_bits(a, b):
    assert lines(a) == lines(b)
    assert (a.loss_, a.n_iter_) == (b.loss_, b.n_iter_)
    for one, other in zip(*(m._get_state()["nets"] for m in (a, b)), strict=True):
        for name, weights in one["weights"].items():
            assert np.array_equal(weights, other["weights"][name]), name


def kill(function, seconds):
    """Run a function in a process that is killed after some time."""
    process = os.fork()
    if process == 0:
        try:
            function()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


CASES = {
    "alone": AAETransformer(2, **SMALL),
    "stack, which races": AAETransformer(
        2, n_init=8, update="alternating", dropout=0.1, **SMALL
    ),
    "early stopping": AAETransformer(
        2, n_init=3, early_stopping=True, n_iter_no_change=2, **SMALL
    ),
    "stages": AAEClusterer(2, n_init=2, agreement_duration=0.5, **SMALL),
    "inexact replays": SemiSupervisedAAEClassifier(2, **SMALL),
    "own module": AAETransformer(2, encoder=OWN, **SMALL),
}


@pytest.mark.parametrize("case", CASES)
def test_a_killed_fit_ends_with_the_same_bits(case, tmp_path):
    rows = np.nan_to_num(X) if case == "own module" else X

    def fit(folder, interval=0):
        model = CASES[case].set_params(
            checkpoint=tmp_path / folder, checkpoint_interval=interval
        )
        return type(model)(**model.get_params()).fit(rows, Y)

    start = time.perf_counter()
    undisturbed = fit("once", 1e9)
    duration = time.perf_counter() - start
    moments = np.random.RandomState(1).uniform(0.1, 0.9, 3) * duration
    for seconds in moments:
        kill(lambda: fit("killed"), seconds)
    resumed = fit("killed")
    assert_same_bits(undisturbed, resumed)
    for i, seconds in enumerate(np.linspace(0.02, 0.95, 20) * duration if FULL else ()):
        kill(lambda i=i: fit(f"killed{i}"), seconds)
        assert_same_bits(undisturbed, fit(f"killed{i}"))
    names = [{p.name for p in (tmp_path / f).iterdir()} for f in ("once", "killed")]
    assert names[0] == names[1]  # of the same trainings; no half-written file


def search(folder, stacked, more=None):
    steps = AAETransformer(
        2, checkpoint=str(folder), checkpoint_interval=0, **SMALL | {"max_iter": 6}
    )
    grid = {
        "aaetransformer__learning_rate": [1e-3, 1e-2],
        "aaetransformer__n_components": [1, 2],
    } | (more or {})
    found = GridSearchCV(make_pipeline(StandardScaler(), steps), grid, cv=3)
    with joblib.parallel_config(backend="stacked" if stacked else "sequential"):
        return found.fit(np.nan_to_num(X))


@pytest.mark.parametrize("stacked", [False, True])
def test_a_killed_search_ends_with_the_same_scores(stacked, tmp_path, monkeypatch):
    start = time.perf_counter()
    undisturbed = search(tmp_path / "once", stacked)
    duration = time.perf_counter() - start
    for seconds in np.random.RandomState(2).uniform(0.1, 0.9, 3) * duration:
        kill(lambda: search(tmp_path / "killed", stacked), seconds)
    resumed = search(tmp_path / "killed", stacked)
    for key, scores in undisturbed.cv_results_.items():
        if key.endswith("test_score"):
            assert np.array_equal(scores, resumed.cv_results_[key])
    assert_same_bits(*(s.best_estimator_[-1] for s in (undisturbed, resumed)))

    def never(*args):
        raise AssertionError("a finished fit was trained again")

    monkeypatch.setattr(_trainer, "train_one", never)
    monkeypatch.setattr(_trainer, "_train_stack", never)
    again = search(tmp_path / "killed", stacked)
    assert again.best_score_ == undisturbed.best_score_


def n_finished(folder):
    """Return how many trainings checkpoints say are finished."""
    n = 0
    for path in folder.glob("*.checkpoint"):
        with open(path, "rb") as file:
            manifest, _, _ = _container.read(file)
        n += len(manifest["members"]) * manifest["finished"]
    return n


@pytest.mark.skipif(not FULL, reason="takes minutes: FULL_SIZE=1")
@pytest.mark.parametrize("stacked", [False, True])
def test_no_finished_fit_of_sixty_is_repeated(stacked, tmp_path, monkeypatch):
    """Killed at 20 moments, each of a search of its own."""
    rates = {"aaetransformer__learning_rate": np.geomspace(1e-4, 1e-2, 10)}

    def run(folder):
        found = search(folder, stacked, rates)
        assert len(found.cv_results_["params"]) * 3 == 60
        return found

    start = time.perf_counter()
    undisturbed = run(tmp_path / "once")
    duration = time.perf_counter() - start
    trained = []
    one, stack = _trainer.train_one, _trainer._train_stack
    monkeypatch.setattr(
        _trainer, "train_one", lambda job, c: (trained.append(1), one(job, c))
    )
    monkeypatch.setattr(
        _trainer,
        "_train_stack",
        lambda jobs, c: (trained.append(len(jobs)), stack(jobs, c)),
    )
    n_at_kill = []
    for i, share in enumerate(np.random.RandomState(5).uniform(0.02, 0.98, 20)):
        folder = tmp_path / str(i)
        kill(lambda folder=folder: run(folder), share * duration)
        n_at_kill.append(n_finished(folder))
        trained.clear()
        resumed = run(folder)
        assert sum(trained) == 61 - n_at_kill[-1]  # with the refit
        for key, scores in undisturbed.cv_results_.items():
            if key.endswith("test_score"):
                assert np.array_equal(scores, resumed.cv_results_[key])
        assert_same_bits(*(s.best_estimator_[-1] for s in (undisturbed, resumed)))
        assert n_finished(folder) == 61
        assert all(p.suffix == ".checkpoint" for p in folder.iterdir())
    print("finished when they were killed:", n_at_kill)


def test_checkpoints_change_no_bit(tmp_path):
    plain = AAETransformer(2, **SMALL).fit(X)
    kept = AAETransformer(2, checkpoint=str(tmp_path / "a" / "b"), **SMALL).fit(X)
    assert_same_bits(plain, kept)
    assert list((tmp_path / "a" / "b").iterdir())


OTHERS = [
    ({"random_state": 1}, X),
    ({"max_iter": 21}, X),
    ({"learning_rate": 1.1e-3}, X),
    ({"prior": "laplace"}, X),
    ({"dropout": 0.1}, X),
    ({"input_noise": 0.3}, X),
    ({"input_dropout": 0.4}, X),
    ({"learning_rate_schedule": "constant"}, X),
    ({"regularization_strength": 3.0}, X),
    ({"batch_size": 30}, X),
    ({"early_stopping": True}, X),
    ({}, X + 1e-9 * RNG.normal(size=X.shape)),
    ({}, X[:-1]),
]


@pytest.mark.parametrize(("change", "rows"), OTHERS, ids=lambda v: str(v)[:30])
def test_another_training_is_not_taken_for_this_one(change, rows, tmp_path):
    short = SMALL | {"max_iter": 2}
    AAETransformer(2, checkpoint=tmp_path, **short).fit(X)
    before = set(tmp_path.iterdir())
    other = AAETransformer(2, **short | change).fit(rows)
    kept = AAETransformer(2, checkpoint=tmp_path, **short | change).fit(rows)
    assert_same_bits(other, kept)
    assert not before & (set(tmp_path.iterdir()) - before)
    assert set(tmp_path.iterdir()) - before


@pytest.mark.parametrize("noise", [0.0, 0.9])
def test_noise_of_critics_is_known(noise, tmp_path):
    short = SMALL | {"max_iter": 2, "critic_noise": noise}
    SemiSupervisedAAEClassifier(2, checkpoint=tmp_path, **SMALL | {"max_iter": 2}).fit(
        X, Y
    )
    other = SemiSupervisedAAEClassifier(2, compile=False, **short).fit(X, Y)
    kept = SemiSupervisedAAEClassifier(
        2, compile=False, checkpoint=tmp_path, **short
    ).fit(X, Y)
    assert_same_bits(other, kept)


class Scaled(nn.Module):
    """A network with a setting that no tensor holds."""

    def __init__(self, factor):
        super().__init__()
        self.linear, self.factor = nn.Linear(4, 2), factor

    def forward(self, x):
        return self.factor * self.linear(x)


def own(factor):
    module = Scaled(factor)
    for weights in module.parameters():
        nn.init.constant_(weights, 0.1)
    return module


def test_settings_of_own_modules_are_known(tmp_path):
    rows, short = np.nan_to_num(X), SMALL | {"max_iter": 2}
    for factor in (1.0, 3.0):
        plain = AAETransformer(2, encoder=own(factor), **short).fit(rows)
        kept = AAETransformer(2, encoder=own(factor), checkpoint=tmp_path, **short).fit(
            rows
        )
        assert_same_bits(plain, kept)
    unknown = own(1.0)
    unknown.random = torch.Generator()
    with pytest.raises(
        ValueError, match=r"checkpoint cannot tell .*'random' of Scaled"
    ):
        AAETransformer(2, encoder=unknown, checkpoint=tmp_path, **short).fit(rows)


def test_fits_of_one_stack_keep_to_their_folders(tmp_path):
    def fits(seeds):
        found = GridSearchCV(
            AAETransformer(2, **SMALL | {"max_iter": 4}),
            [
                {"checkpoint": [tmp_path / "a", tmp_path / "b"]},
                {"checkpoint": [None], "random_state": seeds},
            ],
            cv=2,
            refit=False,
        )
        with joblib.parallel_config(backend="stacked"):
            return found.fit(np.nan_to_num(X)).cv_results_["mean_test_score"]

    one, other = fits([1]), fits([2])
    assert one[0] == one[1] == other[0]
    assert one[2] != other[2]
    assert [len(list((tmp_path / name).iterdir())) for name in "ab"] == [1, 1]


def test_the_order_of_a_stack_is_that_without_checkpoints(tmp_path):
    rows = np.nan_to_num(X)
    plain, kept = (
        AAEOutlierDetector(checkpoint=folder, **SMALL | {"max_iter": 3}).fit(rows)
        for folder in (None, tmp_path)
    )
    assert np.array_equal(plain.score_samples(rows), kept.score_samples(rows))


def test_an_outcome_that_cannot_be_written_is_said(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_checkpoint, "write", full)
    model = AAETransformer(2, checkpoint=tmp_path, **SMALL)
    with pytest.warns(UserWarning, match="complete, but their checkpoint .* No space"):
        model.fit(X)
    assert model.transform(X).shape == (120, 2)
    assert not list(tmp_path.iterdir())


def test_training_on_is_kept_too(tmp_path):
    def fit(**options):
        model = AAETransformer(2, warm_start=True, **SMALL, **options)
        return model.fit(X).set_params(learning_rate=1e-2).fit(X)

    expected = fit()
    for _ in range(2):
        assert_same_bits(expected, fit(checkpoint=tmp_path))


def test_a_sampler_and_sparse_rows(tmp_path):
    from scipy.sparse import csr_matrix

    rows = csr_matrix(np.where(X > 0.5, X, 0))
    models = (
        GANSampler(2, checkpoint=tmp_path, **SMALL),
        AAETransformer(2, checkpoint=tmp_path, **SMALL),
    )
    for model, data in zip(models, (np.nan_to_num(X), rows), strict=True):
        first, again = (type(model)(**model.get_params()).fit(data) for _ in "ab")
        assert_same_bits(first, again)


def test_a_model_that_diverged_is_not_trained_again(tmp_path):
    def fit():
        wild = {"learning_rate": 1e200}
        model = AAETransformer(2, checkpoint=tmp_path, **SMALL | wild)
        with pytest.raises(ValueError, match="loss became") as caught:
            model.fit(X)
        return str(caught.value)

    assert fit() == fit()


def test_a_damaged_checkpoint_is_named(tmp_path):
    model = AAETransformer(2, checkpoint=tmp_path, **SMALL)
    model.fit(X)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RefusedFileError, match=r"checkpoint .* cannot be read.*Delete"):
        model.fit(X)


@pytest.mark.parametrize("at", ["finished", "members", "weights", "folder"])
def test_a_checkpoint_of_something_else_is_named(at, tmp_path, forge):
    model = AAETransformer(2, checkpoint=tmp_path, **SMALL)
    model.fit(X)

    def change(manifest, arrays):
        if at == "weights":
            arrays.pop(next(name for name in arrays if ".weights." in name))
        else:
            manifest.pop(at)

    for path in tmp_path.iterdir():
        whole = path.read_bytes()
        if at == "folder":
            path.unlink()
            path.mkdir()
        else:
            path.write_bytes(forge(whole, change))
    with pytest.raises(RefusedFileError, match=r"checkpoint .* is none of this t"):
        model.fit(X)


def test_leftovers_of_killed_processes_are_deleted(tmp_path):
    process = os.fork()
    if process == 0:
        os._exit(0)
    os.waitpid(process, 0)
    model = AAETransformer(2, **SMALL).fit(X)
    save(model, tmp_path / "m")
    start = _container._start(tmp_path / "m")
    name, host = start[1:-1].split(".")
    (tmp_path / f"{start}{process}.ab").write_bytes(b"half")
    (tmp_path / f"{start}{os.getpid()}.cd").write_bytes(b"mine")
    elsewhere = host[::-1]  # of another machine
    (tmp_path / f".{name}.{elsewhere}.{process}.ef").write_bytes(b"half")
    save(model, tmp_path / "m")
    left = sorted(path.name.split(".")[-1] for path in tmp_path.iterdir())
    assert left == ["cd", "ef", "m"]


def test_what_a_checkpoint_needs(tmp_path):
    model = AAETransformer(checkpoint=tmp_path, max_iter=1)
    with pytest.raises(ValueError, match="needs a random_state that is a number"):
        model.fit(X)
    model.set_params(random_state=0, callbacks=[Callback()])
    with pytest.raises(ValueError, match="does not keep what callbacks remember"):
        model.fit(X)
    model.set_params(callbacks=None)
    (tmp_path / "file").write_text("")
    for wrong in (tmp_path / "file", ""):
        with pytest.raises(ValueError, match="is no folder"):
            model.set_params(checkpoint=wrong).fit(X)
    (tmp_path / "file").unlink()
    with pytest.raises(ValueError, match="'checkpoint_interval' parameter"):
        AAETransformer(checkpoint_interval=-1.0).fit(X)
    assert not list(tmp_path.iterdir())


def test_chunks_are_not_kept_and_paths_are_saved(tmp_path):
    model = AAETransformer(2, checkpoint=tmp_path / "c", **SMALL).partial_fit(X)
    assert not (tmp_path / "c").exists()
    save(model, tmp_path / "m")
    assert load(tmp_path / "m").checkpoint == tmp_path / "c"
    assert torch.is_grad_enabled()
