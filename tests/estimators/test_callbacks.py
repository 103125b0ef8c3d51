"""Each callback of skorch, through each estimator: it works, or is refused by name."""

import copy
import pathlib
import pickle
import re
import sys
import types
import warnings
from functools import partial
from unittest import mock

import numpy as np
import pytest
import skorch.callbacks as skorch
import torch
from joblib import parallel_config
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.metrics import make_scorer, r2_score
from sklearn.model_selection import GridSearchCV, cross_validate
from skorch.utils import noop

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.metrics import aae_scorer

X, Y = load_iris(return_X_y=True)
X, Y, HELD = X[::3], Y[::3], X[1::10]
SMALL = {
    "hidden_layer_sizes": (8,),
    "max_iter": 3,
    "random_state": 0,
    "batch_size": 25,
    "learning_rate_schedule": "constant",
}
PARTS = {"agreement_duration": 0.5, "smoothness_strength": 1.0}
FAMILY = [
    AAETransformer(**SMALL),
    AAETransformer(n_init=2, update="alternating", **SMALL),
    AAEClusterer(3, n_init=2, **PARTS, **SMALL),
    AAEOutlierDetector(n_init=2, **SMALL),
    ConditionalAAETransformer(2, **SMALL),
    GANSampler(2, **SMALL),
    SemiSupervisedAAEClassifier(2, **PARTS, **SMALL),
]
each = pytest.mark.parametrize("estimator", FAMILY, ids=lambda e: type(e).__name__)


def last_epoch(net, X, y=None):
    """Score by the history, as skorch's own example does."""
    return float(net.history[-1, "epoch"])


def schedule(policy="StepLR", **options):
    return skorch.LRScheduler(policy, **({"step_size": 1} | options))


class Tracker:
    """Takes whatever a logger of skorch hands to the service that it is for."""

    def __init__(self, folder="."):
        self.dir = folder

    def __getattr__(self, name):
        if name.startswith("__") or name in ("get_params", "fit"):
            raise AttributeError(name)
        return self

    def __getitem__(self, name):
        return self

    def __setitem__(self, name, value):
        pass

    def __call__(self, *args, **kwargs):
        return self


def working(folder) -> dict:
    """Return a callback of each class that works with held-out rows."""
    tracked = Tracker(str(folder))
    checkpoint = skorch.Checkpoint(dirname=str(folder))
    return {
        "Callback": skorch.Callback(),
        "Checkpoint": checkpoint,
        "EarlyStopping": skorch.EarlyStopping(patience=9, sink=noop),
        "EpochScoring": skorch.EpochScoring(last_epoch),
        "EpochTimer": skorch.EpochTimer(),
        "Freezer": skorch.Freezer("networks.*.bias"),
        "GradientNormClipping": skorch.GradientNormClipping(1.0),
        "Initializer": skorch.Initializer("networks.*", fn=torch.nn.init.zeros_, at=2),
        "LRScheduler": schedule(),
        "LoadInitState": skorch.LoadInitState(skorch.Checkpoint(dirname=str(folder))),
        "MlflowLogger": skorch.MlflowLogger(tracked, tracked, log_on_batch_end=True),
        "NeptuneLogger": skorch.NeptuneLogger(tracked, log_on_batch_end=True),
        "ParamMapper": skorch.ParamMapper("networks.*"),
        "PassthroughScoring": skorch.PassthroughScoring("critic", on_train=True),
        "PrintLog": skorch.PrintLog(sink=noop),
        "ProgressBar": skorch.ProgressBar(),
        "SacredLogger": skorch.SacredLogger(tracked, log_on_batch_end=True),
        "TensorBoard": skorch.TensorBoard(tracked),
        "TrainEndCheckpoint": skorch.TrainEndCheckpoint(dirname=str(folder)),
        "Unfreezer": skorch.Unfreezer("networks.*", at=2),
        "WandbLogger": skorch.WandbLogger(tracked),
        "WarmRestartLR": skorch.LRScheduler(skorch.WarmRestartLR, max_lr=1e-3),
    }


class Scoring:
    """A callable that is no function."""

    def __call__(self, net, X, y=None):
        return last_epoch(net, X, y)


REFUSED = [
    (
        "BatchScoring",
        skorch.BatchScoring(last_epoch),
        "scores the outputs of batches, and",
    ),
    ("InputShapeSetter", skorch.InputShapeSetter(), "sets the width of a net"),
    ("EarlyStopping", skorch.EarlyStopping(), "early_stopping=True"),
    (
        "EarlyStopping",
        skorch.EarlyStopping("train_loss"),
        "not in the history: there is ",
    ),
    ("EarlyStopping", skorch.EarlyStopping("generator_accuracy"), "there is"),
    ("Checkpoint", skorch.Checkpoint(), "pass X_val to fit or set ear"),
    ("Checkpoint", skorch.Checkpoint(f_pickle="net.pkl"), "pickle the fitted"),
    ("TrainEndCheckpoint", skorch.TrainEndCheckpoint(f_pickle="n"), "pickle the fitt"),
    ("EpochScoring", skorch.EpochScoring("accuracy"), "function of your own"),
    ("EpochScoring", skorch.EpochScoring(None, on_train=True), "function of your own"),
    ("EpochScoring", skorch.EpochScoring(last_epoch), "scores held-out rows: pass X"),
    ("EpochScoring", skorch.EpochScoring(make_scorer(r2_score)), "function of your"),
    ("EpochScoring", skorch.EpochScoring(partial(r2_score)), "function of your own"),
    (
        "EpochScoring",
        skorch.EpochScoring(aae_scorer("recall"), name="q"),
        "function of your own",
    ),
    (
        "PassthroughScoring",
        skorch.PassthroughScoring("critic"),
        "averages batches of held",
    ),
    ("PassthroughScoring", skorch.PassthroughScoring("lost", on_train=True), "lost"),
    ("LRScheduler", schedule("ReduceLROnPlateau"), "'train_loss'.*there is .*critic"),
    ("Freezer", skorch.Freezer("encoder*"), "which fits no parameter. They are cal"),
    ("Freezer", skorch.Freezer(["networks.*", "critc*"]), "'critc"),
    ("WandbLogger", skorch.WandbLogger(Tracker()), "pass X_val"),
]


@pytest.fixture
def neptune(monkeypatch):
    """Stand in for a package that is not installed."""
    for name in ("neptune", "neptune.types", "neptune.handler"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["neptune.handler"].Handler = int
    sys.modules["neptune.types"].File = Tracker()
    monkeypatch.setattr(skorch.NeptuneLogger, "_log_integration_version", noop)


def guide() -> dict[str, bool]:
    """Return what the user guide says of each callback."""
    text = pathlib.Path(__file__).parents[2].joinpath("docs/user_guide.rst").read_text()
    table = text.split(".. list-table:: Callbacks of skorch")[1].split("\n\n\n")[0]
    return {
        name: works == "yes"
        for name, works in re.findall(r"\* - (\w+)\n     - (yes|no)\n", table)
    }


def test_the_guide_lists_every_callback(tmp_path):
    told = guide()
    assert set(told) == set(skorch.__all__)
    assert {name for name, works in told.items() if works} == set(working(tmp_path))
    assert {name for name, works in told.items() if not works} == {
        "BatchScoring",
        "InputShapeSetter",
    }


@pytest.mark.parametrize("name", [n for n, works in guide().items() if works])
def test_a_callback_works(name, tmp_path, neptune):
    callback = working(tmp_path)[name]
    model = AAETransformer(callbacks=[callback], **SMALL)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, X_val=HELD)
    assert model.n_iter_ == 3
    assert np.isfinite(model.transform(X)).all()
    # They keep an attribute that clone takes for a parameter.
    if name not in ("MlflowLogger", "NeptuneLogger"):
        assert isinstance(clone(model).callbacks[0], type(callback))


@each
def test_callbacks_work_in_a_stack(estimator, tmp_path, neptune):
    several = working(tmp_path)
    for name in ("WarmRestartLR", "Freezer", "Initializer", "LoadInitState"):
        del several[name]
    model = clone(estimator).set_params(callbacks=[*several.items()])
    model.set_params(early_stopping=True).fit(X, Y)
    assert [line["last_epoch"] for line in model.history_] == [1, 2, 3]
    assert [line["last_epoch_best"] for line in model.history_] == [True, False, False]
    for name in ("params.pt", "train_end_params.pt", "optimizer.pt"):
        assert (tmp_path / name).exists()


@each
@pytest.mark.parametrize(("name", "callback", "message"), REFUSED)
def test_what_cannot_work_is_refused_before_training(
    estimator, name, callback, message
):
    model = clone(estimator).set_params(callbacks=[copy.deepcopy(callback)])
    with pytest.raises(ValueError, match=f"callbacks: {name} .*{message}"):
        model.fit(X, Y)
    assert not hasattr(model, "net_")


# === learning rates ===================================================================


@each
@pytest.mark.parametrize("schedule_name", ["cosine", "one_cycle"])
def test_two_schedules_are_refused(estimator, schedule_name):
    options = {"callbacks": [schedule()], "learning_rate_schedule": schedule_name}
    with pytest.raises(ValueError, match="Use learning_rate_schedule='constant'"):
        clone(estimator).set_params(**options).fit(X, Y)


@each
def test_a_schedule_moves_the_rates_of_all_networks_in_all_parts(estimator):
    model = clone(estimator).set_params(
        callbacks=[schedule(gamma=0.5)], n_init=1, max_iter=4
    )
    plain = clone(estimator).set_params(n_init=1, max_iter=4).fit(X, Y)
    model.fit(X, Y)
    rate, factor = model.learning_rate, 0.5 ** np.arange(4)
    assert [h["event_lr"] for h in model.history_] == pytest.approx(rate * factor)
    for own, old in zip(
        model.net_.engine_.optimizers, plain.net_.engine_.optimizers, strict=True
    ):
        before, after = (o.param_groups[0]["lr"] for o in (old, own))
        assert after == pytest.approx(before * 0.5**4)
    assert (model.score_samples(X) != plain.score_samples(X)).any()


class SetsRates(skorch.Callback):
    """A schedule of one's own."""

    def on_epoch_begin(self, net, **kwargs):
        for group in net.optimizer_.param_groups:
            group["lr"] = 1e-5


@each
@pytest.mark.parametrize("schedule_name", ["cosine", "one_cycle", "constant"])
def test_rates_that_a_schedule_sets_again_are_warned_of(estimator, schedule_name):
    options = {"n_init": 1, "learning_rate_schedule": schedule_name}
    if estimator.__class__ is SemiSupervisedAAEClassifier:
        del options["n_init"]
    model = clone(estimator).set_params(callbacks=[SetsRates()], **options)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model.fit(X, Y)
    told = [w for w in found if "sets the learning rates" in str(w.message)]
    assert len(told) == (schedule_name != "constant")


def test_a_schedule_goes_on_over_chunks():
    # The default schedule is not that of chunks.
    options = SMALL | {"learning_rate_schedule": "cosine", "max_iter": 1}
    model = AAETransformer(callbacks=[schedule(gamma=0.5)], **options)
    for _ in range(3):
        model.partial_fit(X)
    rates = [line["event_lr"] for line in model.history_]
    assert rates == pytest.approx([2e-3, 1e-3, 5e-4])


@pytest.mark.parametrize("step_every", ["epoch", "batch"])
@pytest.mark.parametrize(
    ("policy", "options"),
    [
        ("StepLR", {"step_size": 1}),
        ("ExponentialLR", {"gamma": 0.9}),
        ("MultiStepLR", {"milestones": [2, 3]}),
        ("CosineAnnealingLR", {"T_max": 3}),
        ("CyclicLR", {"base_lr": 1e-4, "max_lr": 1e-2}),
        ("LambdaLR", {"lr_lambda": lambda i: 0.9**i}),
        ("WarmRestartLR", {"max_lr": 1e-2}),
        ("ReduceLROnPlateau", {"monitor": "critic", "patience": 0, "mode": "max"}),
        (torch.optim.lr_scheduler.OneCycleLR, {"max_lr": 1e-2, "total_steps": 9}),
    ],
    ids=lambda value: (
        getattr(value, "__name__", value) if not isinstance(value, dict) else ""
    ),
)
def test_every_policy_moves_all_rates(policy, options, step_every):
    scheduler = skorch.LRScheduler(policy, step_every=step_every, **options)
    seen = []

    class Rates(skorch.Callback):
        def on_epoch_end(self, net, **kwargs):
            seen.append([o.param_groups[0]["lr"] for o in net.engine_.optimizers])

    model = AAETransformer(callbacks=[scheduler, Rates()], **SMALL)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X)
    assert all(len({*rates}) == 1 for rates in seen)
    assert len({rates[0] for rates in seen}) > 1


# === checkpoints ======================================================================


def test_training_goes_on_from_a_checkpoint(tmp_path):
    straight = AAETransformer(**SMALL | {"max_iter": 6}).fit(X)
    checkpoint = skorch.TrainEndCheckpoint(dirname=str(tmp_path))
    AAETransformer(callbacks=[checkpoint], **SMALL).fit(X)
    load = skorch.LoadInitState(checkpoint)
    resumed = AAETransformer(callbacks=[checkpoint, load], **SMALL).fit(X)
    assert resumed.n_iter_ == 6
    # Weights, all optimisers and the place in the random streams are those of one fit.
    np.testing.assert_allclose(resumed.transform(X), straight.transform(X), rtol=1e-6)


def test_the_best_checkpoint_is_loaded(tmp_path):
    weights, rising = {}, iter([3.0, 1.0, 2.0])

    def score(net, X, y=None):
        state = copy.deepcopy(net.module_.state_dict())
        weights[len(net.history)] = state
        return next(rising)

    callbacks = [
        skorch.EpochScoring(score, on_train=True, name="mine"),
        skorch.Checkpoint("mine_best", dirname=str(tmp_path), load_best=True),
    ]
    model = AAETransformer(callbacks=callbacks, normalization=None, **SMALL).fit(X)
    assert model.n_iter_ == 2  # skorch loads the history, too
    for name, value in model.net_.module_.state_dict().items():
        assert torch.equal(value, weights[2][name]), name


def test_the_best_epochs_are_marked():
    model = AAETransformer(**SMALL | {"max_iter": 5}).fit(X, X_val=HELD)
    losses = [line["valid_loss"] for line in model.history_]
    best = [loss < min(losses[:i], default=np.inf) for i, loss in enumerate(losses)]
    assert [line["valid_loss_best"] for line in model.history_] == best
    stacked = AAETransformer(n_init=2, **SMALL).fit(X, X_val=HELD)
    assert all("valid_loss_best" in line for line in stacked.history_)


# === one's own, and those of a search =================================================


class Own(skorch.Callback):
    """What users do in callbacks."""

    def __init__(self, seen=None):
        self.seen = seen

    def initialize(self):
        self.seen_ = []
        return self

    def on_batch_end(self, net, batch=None, training=None, **kwargs):
        net.history.record_batch("rows", float(len(batch.x)))

    def on_epoch_end(self, net, **kwargs):
        assert net.get_params()["max_epochs"] == net.max_epochs
        assert "critic" in net.module_.networks
        self.seen_.append(net.history[-1, "batches", :, "rows"])
        net.history.record("own", len(net.history))


@pytest.mark.parametrize("scoring", [partial(last_epoch), Scoring()])
def test_a_callable_scores_epochs(scoring):
    score = skorch.EpochScoring(scoring, name="own", on_train=True)
    model = AAETransformer(callbacks=[score], **SMALL).fit(X)
    assert [line["own"] for line in model.history_] == [1, 2, 3]


def test_a_rule_of_ones_own_ends_a_training_early_also_in_a_search():
    class Rule(skorch.Callback):
        def on_epoch_end(self, net, **kwargs):
            net.history.record("own", 1.0)

    callbacks = [Rule(), skorch.EarlyStopping("own", patience=2, sink=noop)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fits = cross_validate(
            AAETransformer(callbacks=callbacks, **SMALL | {"max_iter": 5}),
            X,
            cv=2,
            return_estimator=True,
        )
    assert [model.n_iter_ for model in fits["estimator"]] == [3, 3]


@each
def test_own_callbacks_read_and_record(estimator):
    own = Own()
    rows = skorch.PassthroughScoring("rows", on_train=True)
    stop = skorch.EarlyStopping("own", patience=9, sink=noop)
    model = clone(estimator).set_params(callbacks=[own, rows, stop]).fit(X, Y)
    assert [line["own"] for line in model.history_] == [1, 2, 3]
    # Each part of a training, each model and each epoch has batches of one size.
    assert [len({*sizes}) for sizes in own.seen_] == [1] * len(own.seen_)
    assert {line["rows"] for line in model.history_} <= {s[0] for s in own.seen_}
    again = pickle.loads(pickle.dumps(model))
    assert again.history_ == model.history_


@pytest.mark.parametrize("name", ["LRScheduler", "PassthroughScoring", "Checkpoint"])
def test_callbacks_in_a_stacked_search(name, tmp_path):
    callback = working(tmp_path)[name]
    base = AAETransformer(callbacks=[callback], early_stopping=True, **SMALL)
    grid, scores = {"regularization_strength": [1.0, 2.0]}, []
    for backend in ("sequential", "stacked"):
        search = GridSearchCV(base, grid, cv=2, refit=False, error_score="raise")
        with parallel_config(backend=backend):
            search.fit(X)
        scores.append(search.cv_results_["mean_test_score"])
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-6)


def test_a_bar_counts_the_steps(monkeypatch):
    bars = mock.MagicMock()
    monkeypatch.setattr("skorch.callbacks.logging.tqdm.tqdm", bars)
    callbacks = [skorch.ProgressBar()]
    AAETransformer(callbacks=callbacks, **SMALL).fit(X, X_val=HELD)
    assert [call.kwargs["total"] for call in bars.call_args_list] == [2, 2, 2]
    assert bars.return_value.update.call_count == 6
