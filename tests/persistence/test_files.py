"""Files: of earlier versions, whole at any moment, readable by others; plain state."""

import importlib
import importlib.util
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.utils import Bunch

from sklearn_aae import AAETransformer
from sklearn_aae.persistence import (
    TRUSTED_TYPES,
    RefusedFileError,
    _versions,
    load,
    save,
)
from sklearn_aae.utils import _container

HERE = Path(__file__).parent
SAVED = sorted(HERE.glob("files/*/*.aae"))


@pytest.fixture(scope="module")
def answer():
    """Return the function that says what a model of a file answers."""
    spec = importlib.util.spec_from_file_location("make_files", HERE / "make_files.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.answer


# --- of earlier versions --------------------------------------------------------------


@pytest.mark.parametrize("path", SAVED, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_files_of_earlier_versions_load(path, answer):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        model = load(path)
    expected = np.loadtxt(path.with_suffix(".txt"))
    # Not bit for bit: machines sum in another order.
    np.testing.assert_allclose(np.squeeze(answer(model)), expected, rtol=1e-6)


def test_there_are_files_of_every_estimator():
    assert len(SAVED) >= 6
    assert sum(path.stat().st_size for path in SAVED) < 500_000


def test_another_scikit_learn_is_said_once(make, tmp_path, monkeypatch):
    monkeypatch.setitem(_versions.VERSIONS, "scikit-learn", "1.2.3")
    save(make("AAETransformer", "pandas"), tmp_path / "m")
    monkeypatch.undo()
    with pytest.warns(InconsistentVersionWarning, match="1.2.3") as caught:
        load(tmp_path / "m")
    assert len(caught) == 1
    assert sklearn.__version__ in str(caught[0].message)
    assert caught[0].filename == __file__


# --- as files -------------------------------------------------------------------------


def test_a_save_that_fails_leaves_the_earlier_file(make, tmp_path, monkeypatch):
    model = make("AAETransformer")
    save(model, tmp_path / "m")
    before = (tmp_path / "m").read_bytes()

    def full(file):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        save(model, tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_file_is_whole_when_its_writer_is_killed(make, tmp_path):
    model = make("AAETransformer")
    model.extra_ = np.zeros(2**17)
    save(model, tmp_path / "m")
    for wait in np.random.RandomState(0).uniform(0, 0.02, 20):
        writer = os.fork()
        while writer == 0:
            save(model, tmp_path / "m")
        time.sleep(wait)
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        assert load(tmp_path / "m").extra_.size == 2**17


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")


def test_new_files_have_the_mode_of_others(make, tmp_path):
    (tmp_path / "other").write_bytes(b"")
    save(make("AAETransformer"), str(tmp_path / "m"))
    assert (tmp_path / "m").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_the_arrays_are_those_of_safetensors(make, tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    model = make("AAETransformer")
    model.turned_ = np.arange(6.0).reshape(2, 3).T
    save(model, tmp_path / "m")
    arrays = numpy.load_file(tmp_path / "m")
    weights = model.__getstate__()["_state"]["nets"][0]["weights"]
    for name, expected in weights.items():
        assert np.array_equal(arrays[f"_state.nets.0.weights.{name}"], expected)
    assert np.array_equal(arrays["turned_"], model.turned_.T)


def test_a_header_may_not_be_longer_than_readers_take(make, tmp_path, monkeypatch):
    monkeypatch.setattr(_container, "MAX_HEADER", 1000)
    with pytest.raises(ValueError, match=r"beside its arrays.*joblib.dump"):
        save(make("AAETransformer"), tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_a_file_that_changes_meanwhile(make, tmp_path):
    save(make("AAETransformer"), tmp_path / "m")
    with open(tmp_path / "m", "r+b") as file:
        _, arrays, size = _container.read(file)
        file.truncate(size - 1)
        with pytest.raises(RefusedFileError, match="changed while it was read"):
            [arrays[name] for name in arrays]


def test_the_trusted_types_take_their_state_as_it_is():
    """Other ways than these, by which an object is restored, are to be read first."""
    own = [name for name in TRUSTED_TYPES if name.startswith("sklearn_aae.")]
    assert len(own) < 35
    for name in {*TRUSTED_TYPES} - {*own}:
        module, _, short = name.rpartition(".")
        found = getattr(importlib.import_module(module), short, object)
        bases = getattr(found, "__mro__", ())  # a function has none
        restored = {base for base in bases if "__setstate__" in vars(base)}
        assert restored <= {BaseEstimator, Bunch, np.generic}, name
        assert not any("__del__" in vars(base) for base in bases)


# --- plain state ----------------------------------------------------------------------

FRAMES = ["pandas", "dates", "polars", "arrow"]
KINDS = [
    "AAETransformer",
    "AAEClusterer",
    "SemiSupervisedAAEClassifier",
    "ConditionalAAETransformer",
    "AAEOutlierDetector",
]


def foreign(value, at, seen):
    """Yield where a state holds an object of torch or of a frame's library."""
    package = type(value).__module__.split(".")[0]
    if package in ("torch", "skorch", "pandas", "polars", "pyarrow", "narwhals"):
        yield f"{at}: {type(value)}"
    if id(value) in seen:
        return
    seen[id(value)] = value
    if isinstance(value, np.ndarray) and value.dtype == object:
        value = value.tolist()
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set):
        for i, item in enumerate(value):
            yield from foreign(item, f"{at}[{i}]", seen)
    elif package in ("sklearn_aae", "sklearn"):
        yield from foreign(value.__getstate__(), f"{at}.{type(value).__name__}", seen)


@pytest.mark.parametrize("table", FRAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_state_holds_no_torch_and_no_frame(kind, table, make):
    assert list(foreign(make(kind, table), kind, {})) == []


WITHOUT = """
import sys, warnings
from importlib.machinery import PathFinder

find = PathFinder.find_spec
absent = ("pandas", "pyarrow", "polars")
PathFinder.find_spec = lambda name, *a: None if name in absent else find(name, *a)

import joblib, numpy as np
from sklearn_aae.persistence import load
warnings.simplefilter("ignore")
for model in (load(sys.argv[1]), joblib.load(sys.argv[2])):
    assert list(model.feature_names_in_) == ["x", "text", "bin"]
    rows = np.array([[1.0, "a", None], [2.0, "b", None]], dtype=object)
    assert model.transform(rows).shape == model.sample_codes(2).shape == (2, 2)
    assert model.score_samples(rows).shape == (2,)
    try:
        model.reconstruct(rows)
    except ImportError as error:
        print(error)
"""


def test_models_load_without_the_library_of_their_frame(tmp_path):
    """And answer on arrays, and say what is missing where a frame should come back."""
    frame = pd.DataFrame(
        {"x": np.arange(24.0), "text": ["a", "b"] * 12, "bin": pd.cut(range(24), 3)}
    )
    model = AAETransformer(2, hidden_layer_sizes=(4,), max_iter=1).fit(frame)
    save(model, tmp_path / "file")
    joblib.dump(model, tmp_path / "joblib")
    paths = [tmp_path / "file", tmp_path / "joblib"]
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT, *paths],
        capture_output=True,
        text=True,
        check=False,
    )
    lines = ran.stdout.splitlines()
    assert len(lines) == 2, ran.stderr
    assert all(
        line.startswith("The model was fitted on a frame of pa") for line in lines
    )


def test_a_link_leads_to_the_new_file_and_permissions_stay(tmp_path):
    path, link = tmp_path / "v3", tmp_path / "current"
    save(AAETransformer(2), path)
    path.chmod(0o640)
    link.symlink_to(path)
    save(AAETransformer(3), link)
    assert link.is_symlink()
    assert load(path).n_components == 3
    assert path.stat().st_mode & 0o777 == 0o640


def test_names_may_be_as_long_as_the_file_system_takes(tmp_path):
    path = tmp_path / ("m" * 250)
    save(AAETransformer(2), path)
    assert load(path).n_components == 2
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", ["", "missing/model"])
def test_a_place_for_no_file_is_named(place, tmp_path):
    with pytest.raises(ValueError, match="is no place for a file"):
        save(AAETransformer(2), tmp_path / place)


def test_no_file_is_put_where_a_pipe_or_folder_is(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "gone" / "m")
    for name in ("pipe", "link"):
        with pytest.raises(ValueError, match="is no place for a file"):
            save(AAETransformer(2), tmp_path / name)
    (tmp_path / "gone").mkdir()
    save(AAETransformer(2), tmp_path / "link")  # a link to a file that is to be
    assert load(tmp_path / "gone" / "m").n_components == 2
