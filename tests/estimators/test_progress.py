"""Scikit-learn's callbacks see each epoch, and change nothing; so does verbose."""

import io
import itertools
import re
import sys
import threading
import types
from collections import Counter

import joblib
import numpy as np
import pytest
import torch
from joblib import parallel_config
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
    persistence,
    training,
)
from sklearn_aae.metrics import history_scores
from sklearn_aae.utils import _status_line
from sklearn_aae.utils._status_line import StatusLine

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn before 1.9")

X, Y = load_iris(return_X_y=True)
X, Y = X[::3], Y[::3]
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
    AAETransformer(n_init=3, **(SMALL | {"max_iter": 8})),
    AAEClusterer(3, n_init=2, **PARTS, **SMALL),
    AAEOutlierDetector(n_init=3, trim=0.1, **SMALL),
    ConditionalAAETransformer(2, **SMALL),
    GANSampler(2, **SMALL),
    SemiSupervisedAAEClassifier(2, **PARTS, **SMALL),
]
IDS = [f"{type(estimator).__name__}-{i}" for i, estimator in enumerate(FAMILY)]
each = pytest.mark.parametrize("estimator", FAMILY, ids=IDS)


def path_of(context):
    """Return the tasks from the root to this one."""
    task = context.estimator_name, context.task_name, context.task_id
    return (*(path_of(context.parent) if context.parent is not None else ()), task)


def make_recorder(file, *, asks=False, max_propagation_depth=None):
    """Return a callback that writes each task's begin and end into a file.

    A file, as processes of a pool have callbacks of their own. Its class is local, so
    that it goes to them by value.
    """

    class Recorder:
        def __init__(self):
            self.max_propagation_depth = max_propagation_depth

        def write(self, what, path):
            with open(file, "a") as opened:
                opened.write(f"{(what, path)!r}\n")

        def setup(self, estimator, context):
            self.write("setup", ())

        def teardown(self, estimator, context):
            self.write("teardown", ())

        def on_fit_task_begin(self, estimator, context):
            self.write("begin", path_of(context))

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            self.write("end", path_of(context))

    return Recorder()


def read(file):
    lines = [eval(line) for line in file.read_text().splitlines()]
    file.unlink()
    return lines


def check_complete(lines):
    """Check that each task begins once, within its parent, and ends."""
    assert lines[0] == ("setup", ())
    assert lines[-1] == ("teardown", ())
    begun, ended = {}, {}
    for at, (what, path) in enumerate(lines[1:-1]):
        seen = begun if what == "begin" else ended
        assert path not in seen, f"{what} twice: {path}"
        seen[path] = at
    assert begun.keys() == ended.keys()
    for path, at in begun.items():
        assert at < ended[path]
        if len(path) > 1:
            assert begun[path[:-1]] < at
            assert ended[path] < ended[path[:-1]]
    return begun


class Stop:
    """A callback that ends each training after some epochs."""

    def __init__(self, after=2, only=None):
        self.after, self.only = after, only

    def setup(self, estimator, context):
        pass

    teardown = setup

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        of_it = self.only is None or estimator.random_state == self.only
        epoch = context.task_name == "epoch" and context.task_id + 1 == self.after
        return of_it and epoch


class Fitted(Stop):
    """A callback that keeps the fitted model of each epoch."""

    def __init__(self):
        self.models, self.rows = [], []

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, fitted_estimator=None
    ):
        if context.task_name == "epoch":
            self.models.append(fitted_estimator)
            self.rows.append((X, y))


class Failing(Stop):
    """A callback that cannot go on, and says whether it was put away."""

    def __init__(self, error):
        self.error, self.at_end = error, 0

    def teardown(self, estimator, context):
        self.at_end += 1

    def on_fit_task_end(self, estimator, context):
        raise self.error


def weights(model):
    return [
        w.detach().numpy() for m in model._models for w in m.net.module_.parameters()
    ]


# === the tasks ========================================================================


@each
def test_the_tasks_of_a_fit_are_complete(estimator, tmp_path):
    file = tmp_path / "log"
    model = clone(estimator).set_callbacks(make_recorder(file)).fit(X, Y)
    begun = check_complete(read(file))
    depths = Counter(len(path) for path in begun)
    models = [path for path in begun if path[-1][1] == "model"]
    epochs = [path for path in begun if path[-1][1] == "epoch"]
    if model.n_init == 1:
        assert depths == {1: 1, 2: model.max_iter}
    else:
        trainings = 2 if isinstance(model, AAEOutlierDetector) else 1
        assert len(models) == trainings * model.n_init
        assert max(Counter(path[:-1] for path in epochs).values()) == model.max_iter


def test_restarts_that_leave_end_early(tmp_path):
    file = tmp_path / "log"
    clone(FAMILY[1]).set_callbacks(make_recorder(file)).fit(X)
    epochs = [p for p in check_complete(read(file)) if p[-1][1] == "epoch"]
    assert sorted(Counter(p[:-1] for p in epochs).values()) == [2, 4, 8]


def make_search(**options):
    aae = AAETransformer(**SMALL, **options)
    pipeline = make_pipeline(StandardScaler(), aae, LogisticRegression())
    rates = {"aaetransformer__learning_rate": [1e-3, 2e-3, 3e-3, 4e-3]}
    return GridSearchCV(pipeline, rates, cv=3, error_score="raise")


@pytest.fixture
def stacks(monkeypatch):
    """Record how many models train together."""
    sizes, run_epochs = [], training._trainer.run_epochs

    def recorded(members, *args):
        sizes.append(len(members))
        run_epochs(members, *args)

    monkeypatch.setattr(training._trainer, "run_epochs", recorded)
    return sizes


def test_a_search_of_twelve_fits_one_by_one_in_processes_and_stacked(tmp_path, stacks):
    file, seen, scores = tmp_path / "log", [], []
    for backend, options in (
        ("sequential", {}),
        ("loky", {"n_jobs": 2, "inner_max_num_threads": 1}),
        ("stacked", {}),
    ):
        search = make_search().set_callbacks(make_recorder(file))
        with parallel_config(backend, **options):
            search.fit(X, Y)
        seen.append(check_complete(read(file)).keys())
        scores.append(search.cv_results_["mean_test_score"])
    assert seen[0] == seen[1] == seen[2]
    # The search, its 12 fits and the refit, and the 3 epochs of each of the 13.
    epochs = [path for path in seen[0] if path[-1][1:2] == ("epoch",)]
    assert len(epochs) == 13 * 3
    assert len({path[:-1] for path in epochs}) == 13
    np.testing.assert_allclose(scores[0], scores[2])
    # Nothing of it changes what is stacked, or any bit of a stack.
    sizes, stacks[:] = stacks[:], []
    for options in ({}, {"verbose": 1}):
        with parallel_config("stacked"):
            search = make_search(**options).fit(X, Y)
        assert stacks == sizes == [12]
        np.testing.assert_array_equal(search.cv_results_["mean_test_score"], scores[2])
        stacks.clear()


def test_members_of_a_stack_move_together(tmp_path):
    file = tmp_path / "log"
    with parallel_config("stacked"):
        make_search().set_callbacks(make_recorder(file)).fit(X, Y)
    ends = [
        p
        for what, p in read(file)
        if (what, p[-1:][0:1] and p[-1][1]) == ("end", "epoch")
    ]
    together = [path[-1][2] for path in ends[: 12 * 3]]
    assert together == [0] * 12 + [1] * 12 + [2] * 12


# === a fitted model at each epoch =====================================================


@each
def test_asking_for_fitted_models_changes_no_bit(estimator):
    plain, asked = clone(estimator).fit(X, Y), Fitted()
    model = clone(estimator).set_callbacks(asked).fit(X, Y)
    for one, other in zip(weights(plain), weights(model), strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.loss_ == plain.loss_
    assert asked.models
    assert all(np.isfinite(m.loss_) for m in asked.models)


@each
def test_the_fitted_model_of_an_epoch_is_that_of_a_shorter_fit(estimator):
    if estimator.n_init > 1:
        estimator = clone(estimator).set_params(n_init=1)
    options = {"trim": 0.0} if isinstance(estimator, AAEOutlierDetector) else {}
    if hasattr(estimator, "agreement_duration"):
        options |= {"agreement_duration": None}
    estimator = clone(estimator).set_params(max_iter=3, **options)
    asked = Fitted()
    whole = clone(estimator).set_callbacks(asked).fit(X, Y)
    short = clone(estimator).set_params(max_iter=2).fit(X, Y)
    answers = {"transform", "score_samples", "predict"} & set(dir(whole))
    for name in answers:
        for at, fitted in ((1, short), (2, whole)):
            np.testing.assert_allclose(
                getattr(asked.models[at], name)(X), getattr(fitted, name)(X), rtol=1e-6
            )
    assert [m.n_iter_ for m in asked.models] == [1, 2, 3]
    lines = [
        {k: v for k, v in m.history_[-1].items() if k != "dur"} for m in asked.models
    ]
    kept = [{k: v for k, v in line.items() if k != "dur"} for line in whole.history_]
    assert lines == kept


def test_a_stack_hands_out_the_model_of_each_member():
    seen = {}

    class Codes(Fitted):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            if context.task_name == "epoch" and context.task_id == 2:
                seen[estimator.learning_rate] = fitted_estimator.transform(X)

    models = [AAETransformer(**(SMALL | {"learning_rate": r})) for r in (1e-3, 4e-3)]
    with parallel_config("stacked"):
        fitted = joblib.Parallel()(
            joblib.delayed(model.set_callbacks(Codes()).fit)(X) for model in models
        )
    for model in fitted:
        np.testing.assert_allclose(
            seen[model.learning_rate], model.transform(X), rtol=1e-4, atol=1e-6
        )


def test_callbacks_see_the_rows_as_target_where_there_is_no_y():
    asked = Fitted()
    AAETransformer(**SMALL).set_callbacks(asked).fit(X)
    assert all(rows is X and target is X for rows, target in asked.rows)
    asked = Fitted()
    AAETransformer(**SMALL).set_callbacks(asked).fit(X, Y)
    assert all(rows is X and target is Y for rows, target in asked.rows)


def test_own_modules_draw_the_same_where_a_callback_looks_in():
    def make():
        own = torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.Dropout(0.5))
        return AAETransformer(encoder=own, **SMALL)

    torch.manual_seed(0)
    plain = make().fit(X)
    torch.manual_seed(0)
    asked = make().set_callbacks(Fitted()).fit(X)
    np.testing.assert_array_equal(plain.transform(X), asked.transform(X))


# === a callback that ends the fit =====================================================


@each
def test_a_callback_ends_the_fit_and_the_model_is_kept(estimator):
    model = clone(estimator).set_callbacks(Stop()).fit(X, Y)
    assert model.n_iter_ == 2
    if estimator.n_init == 1 and not hasattr(estimator, "agreement_duration"):
        short = clone(estimator).set_params(max_iter=2).fit(X, Y)
        for one, other in zip(weights(model), weights(short), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_callback_ends_one_member_of_a_stack():
    base = AAETransformer(**(SMALL | {"max_iter": 5}))
    models = [clone(base).set_params(random_state=seed) for seed in range(3)]
    with parallel_config("stacked"):
        fitted = joblib.Parallel()(
            joblib.delayed(m.set_callbacks(Stop(only=1)).fit)(X) for m in models
        )
    assert [model.n_iter_ for model in fitted] == [5, 2, 5]
    for model in fitted:
        alone = clone(base).set_params(
            random_state=model.random_state, max_iter=model.n_iter_
        )
        expected = alone.fit(X).transform(X)
        np.testing.assert_allclose(model.transform(X), expected, rtol=1e-4, atol=1e-5)


def test_a_training_that_a_callback_ended_is_no_checkpoint(tmp_path):
    base = AAETransformer(**SMALL, checkpoint=tmp_path, checkpoint_interval=0)
    assert clone(base).set_callbacks(Stop()).fit(X).n_iter_ == 2
    assert clone(base).fit(X).n_iter_ == 3


def test_what_a_finished_checkpoint_gives_is_a_fit_too(tmp_path):
    base = AAETransformer(**SMALL, checkpoint=tmp_path / "kept").fit(X)
    file = tmp_path / "log"
    clone(base).set_callbacks(make_recorder(file)).fit(X)
    assert len(check_complete(read(file))) == 1


@pytest.mark.parametrize("error", [ValueError("mine"), KeyboardInterrupt()])
def test_an_error_of_a_callback_leaves_the_model_as_it_was(error):
    model, failing = AAETransformer(**SMALL).fit(X), Failing(error)
    before = model.transform(X)
    model.set_callbacks(failing).set_params(verbose=1)
    if isinstance(error, ValueError):
        with pytest.raises(ValueError, match="mine"):
            model.fit(X)
    else:  # Ctrl-C keeps the epochs that are whole, and fit's own end is not one
        with pytest.raises(KeyboardInterrupt):
            model.fit(X)
    assert failing.at_end == 1
    assert not hasattr(model, "_callback_fit_ctx")
    np.testing.assert_array_equal(model.transform(X), before)
    model.set_callbacks().fit(X)


def test_chunks_of_a_stream_are_no_fits(tmp_path):
    file = tmp_path / "log"
    AAETransformer(**SMALL).set_callbacks(make_recorder(file)).partial_fit(X)
    assert not file.exists()


def test_callbacks_are_not_saved(tmp_path):
    model = AAETransformer(**SMALL).set_callbacks(Stop()).fit(X)
    persistence.save(model, tmp_path / "model.aae")
    assert not hasattr(persistence.load(tmp_path / "model.aae"), "_skl_callbacks")
    assert hasattr(model, "_skl_callbacks")


# === scikit-learn's own callbacks =====================================================


@pytest.mark.parametrize(
    "wrap", [lambda e: e, lambda e: make_pipeline(StandardScaler(), e)]
)
@pytest.mark.parametrize("backend", ["sequential", "stacked"])
def test_bars_go_down_to_epochs(wrap, backend, capsys):
    pytest.importorskip("rich")
    model = wrap(AAETransformer(**SMALL))
    model.set_callbacks(callback.ProgressBar(max_propagation_depth=None)).fit(X)
    shown = capsys.readouterr().out
    assert "AAETransformer - fit" in shown
    assert "100%" in shown
    search = GridSearchCV(wrap(AAETransformer(**SMALL)), {}, cv=2)
    search.set_callbacks(callback.ProgressBar(max_propagation_depth=None))
    with parallel_config(backend):
        search.fit(X)
    assert capsys.readouterr().out.count("AAETransformer - fit") >= 3
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if "RichProgress" in name]


@pytest.mark.parametrize("backend", ["sequential", "stacked"])
def test_a_monitor_records_the_losses_of_all_fits(backend):
    pytest.importorskip("pandas")
    monitor = callback.ScoringMonitor(scoring=history_scores)
    aae = AAETransformer(**SMALL).set_callbacks(monitor)
    search = GridSearchCV(aae, {"learning_rate": [1e-3, 2e-3]}, cv=2)
    with parallel_config(backend):
        search.fit(X)
    logs = monitor.get_logs().data_as_pandas
    epochs = logs[logs["task_name"] == "epoch"]
    assert len(epochs) == 5 * 3
    # The refit is a task of the search, a candidate's fit one of a task of it.
    refit = epochs[epochs["task_id_path"].map(len) == 3]
    kept = search.best_estimator_.history_
    for name in ("reconstruction", "critic", "prior_match"):
        np.testing.assert_allclose(refit[name], [line[name] for line in kept])
    assert np.isfinite(epochs["loss"]).all()


def test_a_monitor_scores_as_the_model_would():
    monitor = callback.ScoringMonitor(scoring="accuracy")
    model = SemiSupervisedAAEClassifier(2, **SMALL).set_callbacks(monitor).fit(X, Y)
    scores = [line["accuracy"] for line in monitor.get_logs().data]
    assert len(scores) == 4
    assert scores[-1] == model.score(X, Y)


def test_scores_of_the_history():
    pipeline = make_pipeline(StandardScaler(), AAETransformer(**SMALL)).fit(X)
    found, last = history_scores(pipeline), pipeline[-1].history_[-1]
    assert found["critic"] == last["critic"]
    assert found["loss"] == pipeline[-1].loss_
    assert "dur" not in found


# === the line of verbose ==============================================================


class Terminal(io.StringIO):
    def isatty(self):
        return True


def last_line(text):
    """Return what a terminal shows in the end, line by line."""
    return [line.rpartition("\r")[2].rstrip() for line in text.rstrip("\n").split("\n")]


@each
def test_one_line_on_a_terminal(estimator, monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(_status_line, "REFRESH", 0.0)
    monkeypatch.setattr(
        _status_line.shutil,
        "get_terminal_size",
        lambda: types.SimpleNamespace(columns=200),
    )
    model = clone(estimator).set_params(verbose=1).fit(X, Y)
    assert screen.getvalue().count("\n") == 1
    (line,) = last_line(screen.getvalue())
    assert line.startswith(f"{type(model).__name__}: ")
    assert " took " in line
    assert "prior match" in line
    assert " left; " in screen.getvalue()
    if model.n_init == 1:
        assert f"epoch {model.max_iter}/{model.max_iter}" in line


def test_a_log_gets_one_line_for_a_short_fit(capsys):
    AAETransformer(verbose=1, **SMALL).fit(X)
    (line,) = capsys.readouterr().out.splitlines()
    assert "\r" not in line
    assert "epoch 3/3" in line
    AAETransformer(**SMALL).fit(X)
    assert not capsys.readouterr().out


@pytest.mark.parametrize("verbose", [1, 2])
def test_a_process_without_a_console_prints_nothing(verbose, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert len(AAETransformer(**SMALL, verbose=verbose).fit(X).history_) == 3


def test_a_line_for_each_epoch(capsys):
    AAETransformer(**SMALL, verbose=2).fit(X)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [
        f"AAETransformer: epoch {i}/3" for i in (1, 2, 3)
    ]


def test_epochs_of_a_checkpoint_count(tmp_path, capsys):
    """Also those of a training that diverged, and is to step back now."""
    constant = {"learning_rate_schedule": "constant", "learning_rate": 5.0}
    options = SMALL | constant | {"max_iter": 6, "hidden_layer_sizes": (8,)}
    rows = np.random.RandomState(0).normal(size=(120, 4))
    model = AAETransformer(2, checkpoint=tmp_path, verbose=2, **options)
    with pytest.warns(ConvergenceWarning, match="went back|diverged"):
        model.fit(rows)
    capsys.readouterr()
    _, *later = sorted(tmp_path.iterdir(), key=lambda p: p.stat().st_mtime_ns)
    assert later
    for path in later:
        path.unlink()
    with pytest.warns(ConvergenceWarning, match="went back|diverged"):
        clone(model).fit(rows)
    told = capsys.readouterr().out
    numbers = [int(n) for n in re.findall(r"epoch (-?\d+)/6", told)]
    assert numbers[-1] == 6
    assert min(numbers) >= 1


def test_a_stack_has_one_line(capsys):
    with parallel_config("stacked"):
        make_search(verbose=1).set_params(refit=False).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["AAETransformer: 12 fits"]


def test_a_failed_fit_leaves_the_line(capsys):
    with pytest.raises(ValueError, match="loss became"):
        AAETransformer(**(SMALL | {"learning_rate": 1e30}), verbose=1).fit(X)
    AAETransformer(**SMALL, verbose=1).fit(X)
    assert "epoch 3/3" in capsys.readouterr().out.splitlines()[-1]


def test_a_line_replaces_itself_and_leaves_nothing_of_a_longer_one():
    line = StatusLine()
    line._stream, line._in_place, line._notebook = io.StringIO(), True, None
    line.show("a long one")
    line.show("short")
    line.show("end", last=True)
    assert line._stream.getvalue() == "\ra long one\rshort     \rend  \n"


def test_a_log_repeats_the_line_now_and_then(monkeypatch):
    clock = itertools.count(step=10.0)
    monkeypatch.setattr(_status_line.time, "monotonic", lambda: next(clock))
    line = StatusLine()
    assert [line.is_due() for _ in range(4)] == [False, False, True, True]


def test_a_notebook_has_one_output_that_changes(monkeypatch):
    shown = []

    class Handle:
        def update(self, content, raw):
            shown.append(("update", content["text/plain"]))

    def display(content, raw, display_id):
        shown.append(("display", content["text/plain"]))
        return Handle()

    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    ipython.display = types.ModuleType("IPython.display")
    ipython.display.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)
    monkeypatch.setattr(_status_line, "REFRESH", 0.0)
    AAETransformer(**SMALL, verbose=1).fit(X)
    assert [what for what, _ in shown] == ["display", "update", "update", "update"]
    assert "took" in shown[-1][1]
