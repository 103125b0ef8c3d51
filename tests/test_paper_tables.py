"""The scripts of the paper's tables: rows, commands, what is missing; by fake rows."""

import importlib
import json
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sklearn_aae import AAETransformer
from sklearn_aae.priors import GaussianMixture, SwissRoll
from sklearn_aae.utils._random import seeded_scope

FOLDER = Path(__file__).parents[1] / "benchmarks" / "paper"
SCRIPTS = (
    "clustering",
    "dimensionality_reduction",
    "likelihood",
    "priors",
    "semi_supervised",
)


@pytest.fixture(scope="module")
def paper():
    """Return what imports a module of the folder; other modules have its names, too."""
    modules, path = dict(sys.modules), list(sys.path)
    names = {file.stem for file in FOLDER.glob("*.py")}
    for name in names:
        sys.modules.pop(name, None)
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module
    sys.path[:] = path
    for name in names:
        sys.modules.pop(name, None)
        if name in modules:
            sys.modules[name] = modules[name]


@pytest.fixture
def experiment(paper):
    return paper("experiment")


@pytest.fixture
def results(paper, monkeypatch, tmp_path):
    """Return a function that writes a script's rows where `run` and `report` look."""
    for name in ("run", "report"):
        monkeypatch.setattr(paper(name), "RESULTS", tmp_path)

    def write(script, rows):
        (tmp_path / f"{script}.json").write_text(json.dumps(rows), encoding="utf-8")

    return write


def settings(seed=0, **others):
    """Return the settings of a row of the classifier's."""
    first = {"set": "mnist", "recipe": "convolutional", "epochs": 30, "labels": 100}
    return first | {"options": {}, "seed": seed} | others


def row(seed=0, error=2.0, extra=None, **others):
    """Return a row of the classifier's results."""
    cost = {"minutes": 20.0, "processor minutes": 10.0}
    return {"settings": settings(seed, **others), "error": error} | cost | (extra or {})


def command_line(**others):
    """Return the options of a command, as `experiment.arguments` does."""
    options = {"script": "tiny.py", "set": "mnist", "recipe": "plain", "epochs": 2}
    options |= {"options": {}, "device": "cpu", "threads": 1, "verbose": 0}
    options |= {"resume": False, "tune": False}
    return SimpleNamespace(**options | others)


@pytest.fixture
def tiny(experiment):
    """An experiment of a few rows, and its rows."""
    recipe = experiment.Recipe({"hidden_layer_sizes": (4,), "checkpoint_interval": 0})
    table = experiment.Experiment(
        {"plain": recipe},
        make=lambda args, options: AAETransformer(2, **options),
        judge=lambda model, rows, args, seed: {},
    )
    X = np.random.RandomState(0).normal(size=(60, 4)).astype(np.float32)
    y = np.arange(60) % 3
    return table, experiment.Rows(X, y, X[:20], y[:20])


# --- what is run ----------------------------------------------------------------------


def test_a_gap_between_seeds_is_run_to_its_end(paper, results):
    run = paper("run")
    results("semi_supervised", [row(1)])
    cell = run.Run("semi_supervised", "convolutional")
    assert cell.missing() == [0, 2]
    args = SimpleNamespace(data="DIR", device="cuda", threads=1)
    words = run.command_of(cell, args, cell.missing())
    first, number = (words[words.index(f"--{n}") + 1] for n in ("first-seed", "seeds"))
    assert {0, 2} <= set(range(int(first), int(first) + int(number)))
    assert "--stack" in words
    assert "--stack" not in run.command_of(cell, args, [2])


def test_missing_knows_the_defaults_of_each_script(paper, results):
    run = paper("run")
    reduction = settings(recipe="convolutional", columns=2)
    results("dimensionality_reduction", [{"settings": reduction}])
    cell = run.Run("dimensionality_reduction", "convolutional")
    assert cell.missing() == [1, 2]
    assert run.Run(cell.script, cell.recipe, {"columns": 10}).missing() == [0, 1, 2]


def test_run_asks_for_the_folder_of_the_sets(paper, results, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run.py"])
    with pytest.raises(SystemExit):
        paper("run").main()
    assert "--data is needed" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["run.py", "--list"])
    paper("run").main()
    assert "3 of 3 semi_supervised" in capsys.readouterr().out


# --- what a row says ------------------------------------------------------------------


def test_a_command_gives_the_settings_of_its_row_again(paper, experiment, monkeypatch):
    table = paper("priors").EXPERIMENT
    args = command_line(prior="swiss_roll", labels=0, device="cuda", script="priors.py")
    words = experiment.command_of(args, table, 4).split()
    assert words[words.index("--labels") + 1] == "0"
    monkeypatch.setattr(sys, "argv", words[1:])
    again = experiment.arguments("", table)
    assert again.device == "cuda"
    assert experiment.settings_of(again, table, again.first_seed) == (
        experiment.settings_of(args, table, 4)
    )


@pytest.mark.parametrize("resume", [False, True])
def test_minutes_of_a_resumed_fit_are_those_of_all_its_epochs(
    experiment, tiny, tmp_path, resume
):
    args = command_line(resume=resume, checkpoints=tmp_path, epochs=3)
    ((_, model, spent),) = experiment.fitted(*tiny, args, [0])
    assert "resumed" not in spent
    assert {"minutes", "processor minutes"} <= set(spent)
    ((_, again, later),) = experiment.fitted(*tiny, args, [0])
    assert later.get("resumed", False) == resume
    if resume:  # the second one trained nothing
        seconds = sum(line["dur"] for line in model.history_)
        assert again.history_ == model.history_
        assert later["minutes"] == pytest.approx(seconds / 60)
        assert "processor minutes" not in later
    ((_, _, other),) = experiment.fitted(*tiny, args, [1])
    assert "resumed" not in other


def test_a_row_says_its_device_and_code(
    experiment, tiny, tmp_path, monkeypatch, capsys
):
    table, rows = tiny
    monkeypatch.setattr(experiment, "read_rows", lambda *args: rows)
    monkeypatch.setattr(experiment, "commit", lambda: {"commit": "abc1234"})
    monkeypatch.setattr(experiment.torch, "set_num_threads", lambda n: None)
    out = tmp_path / "tiny.json"
    words = ["tiny.py", "--data", "DIR", "--epochs", "1", "--seeds", "1"]
    monkeypatch.setattr(sys, "argv", [*words, "--out", str(out)])
    experiment.main("", table)
    (kept,) = experiment.read_results(out)
    assert json.loads(capsys.readouterr().out) == kept
    assert (kept["device"], kept["commit"]) == ("cpu", "abc1234")
    assert {"machine", "threads", "minutes"} <= set(kept)


def test_without_git_a_row_has_no_commit(experiment, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert experiment.commit() == {}


def test_scripts_that_end_together_keep_all_their_rows(
    experiment, monkeypatch, tmp_path
):
    read, path = experiment.read_results, tmp_path / "new" / "rows.json"

    def read_slowly(path):
        rows = read(path)
        time.sleep(0.05)  # the others read, too, if nothing keeps them from it
        return rows

    monkeypatch.setattr(experiment, "read_results", read_slowly)
    threads = [
        threading.Thread(target=experiment.keep_result, args=(path, row(seed)))
        for seed in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {kept["settings"]["seed"] for kept in read(path)} == {0, 1, 2, 3}
    assert [file.name for file in path.parent.iterdir()] == ["rows.json"]


# --- what is reported -----------------------------------------------------------------


@pytest.fixture
def few_labels(paper):
    """The line of 100 labels."""
    return paper("report").LINES[0]


def test_a_cell_has_rows_of_its_recipe_as_it_is(paper, results, few_labels):
    report = paper("report")
    others = [row(1, 9.0, epochs=20), row(2, 9.0, options={"batch_size": 50})]
    others += [row(1, 9.0, labels=1000), row(2, 9.0, recipe="best")]
    results("semi_supervised", [row(0, 2.0), *others, row(1, 3.0)])
    text = report.cell(few_labels, "convolutional", "mnist")
    assert text == "**2.50 ± 0.50** (2; 30 epochs, 10 min)"
    assert report.cell(few_labels, "default", "mnist") == "–"


def test_a_cell_keeps_devices_apart(paper, results, few_labels):
    gpu = {"device": "cuda", "gpu": "A GPU", "minutes": 0.5}
    cpu = {"device": "cpu"}
    rows = [row(0, 2.0), row(1, 4.0, gpu), row(2, 3.0, cpu)]
    results("semi_supervised", rows)
    text = paper("report").cell(few_labels, "convolutional", "mnist")
    assert text == (
        "**2.50 ± 0.50** (2; 30 epochs, 10 min); "
        "**4.00** (1; 30 epochs, 0.5 min, A GPU)"
    )


def test_a_cell_tells_no_minutes_of_resumed_fits(paper, results, few_labels):
    resumed = row(1, 4.0, {"resumed": True, "minutes": 90.0})
    del resumed["processor minutes"]
    results("semi_supervised", [row(0, 2.0), resumed])
    report = paper("report")
    text = report.cell(few_labels, "convolutional", "mnist")
    assert text == "**3.00 ± 1.00** (2; 30 epochs, 10 min)"
    results("semi_supervised", [resumed])
    text = report.cell(few_labels, "convolutional", "mnist")
    assert text == "**4.00** (1; 30 epochs)"


def test_peers_are_those_of_100_labels(paper, results):
    first = {"recipe": "KMeans", "epochs": 1}

    def peer(seed, accuracy, **others):
        return {"settings": settings(seed, **first | others), "accuracy": accuracy}

    kept = [peer(0, 0.5), peer(1, 0.6)]
    others = [peer(0, 0.9, labels=1000), peer(1, 0.9, options={"max_iter": 3})]
    others += [peer(2, 0.9, epochs=2), peer(2, 0.9, set="fashion_mnist")]
    results("peers", [*kept, *others])
    (line,) = paper("report").peers("mnist")
    assert line == "- KMeans: 10 clusters, accuracy 0.550 ± 0.050 (2)"


# --- what plain is --------------------------------------------------------------------


@pytest.mark.parametrize("script", SCRIPTS)
def test_plain_has_none_of_the_help_that_a_parameter_turns_off(paper, script):
    table = paper(script).EXPERIMENT
    args = command_line(**{name: of["default"] for name, of in table.settings.items()})
    given = table.make(args, dict(table.recipes["plain"].options)).get_params()
    wanted = {"update": "alternating", "linear_skip": False, "step_back": False}
    wanted |= {"learning_rate_schedule": "constant", "critic_noise": 0.0, "n_init": 1}
    wanted |= {"adversarial_loss": "bce", "gradient_penalty": 0.0, "scale": None}
    wanted |= {"agreement_strength": 0.0, "smoothness_strength": 0.0}
    wanted |= {"teacher_strength": 0.0, "partition_strength": 0.0}
    wanted |= {"balance_strength": 0.0, "fit_cluster_prior": False}
    wanted |= {"early_stopping": False, "augmentation": None}
    # Of the paper's networks on MNIST those of its clusters alone are normalised.
    wanted |= {"normalization": "batch" if script == "clustering" else None}
    wanted |= {"class_heads": script == "dimensionality_reduction"}
    wrong = {n: given[n] for n, value in wanted.items() if given.get(n, value) != value}
    assert not wrong


@pytest.mark.parametrize("kind", [SwissRoll, GaussianMixture])
def test_codes_of_a_part_are_likeliest_under_it(kind, paper):
    prior, rng = kind(2, n_classes=10), np.random.RandomState(0)
    with seeded_scope(0):
        y = torch.arange(10).repeat_interleave(40)
        Z = prior.draw(400, y).numpy()
    model = SimpleNamespace(prior_=prior, transform=lambda X: Z)
    labels = rng.randint(10, size=400)  # of a tenth of the rows they are right
    shares = {}
    for name, y_test in (("own", y.numpy()), ("others", labels)):
        rows = SimpleNamespace(X_test=None, y_test=y_test)
        judged = paper("priors").judge(model, rows, SimpleNamespace(labels=9), 0)
        assert judged["two-sample accuracy"] < 0.65
        shares[name] = judged["share in the part of its class"]
    assert shares["own"] > 0.93
    assert shares["others"] < 0.2
