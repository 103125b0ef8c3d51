"""What `save` writes by skops is loaded, or `save` says what `load` would want."""

import collections
import http
import warnings

import numpy as np
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn._loss.loss import HalfMultinomialLoss
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import f_classif
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils import Bunch
from skops.io import dumps

from sklearn_aae import AAETransformer
from sklearn_aae.persistence import RefusedFileError, load, save
from sklearn_aae.persistence._classes import full_name
from sklearn_aae.persistence._nodes import NAMES, check_nodes


@pytest.fixture
def silently(there_and_back):
    """Return a function that saves and loads an estimator, with no warning."""

    def through_a_file(estimator):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return there_and_back(estimator)

    return through_a_file


def with_value(value):
    step = FunctionTransformer(kw_args={"value": value})
    return make_pipeline(step, AAETransformer(2))


VALUES = {
    "array of objects": np.array([1, "a", None], dtype=object),
    "bunch": Bunch(a=1),
    "bytearray": bytearray(b"ab"),
    "bytes": b"ab",
    "defaultdict": collections.defaultdict(list, a=[1]),
    "defaultdict of none": collections.defaultdict(None, a=[1]),
    "defaultdict of numbers": collections.defaultdict(int, a=1),
    "defaultdict of scalars": collections.defaultdict(np.float64, a=np.float64(1)),
    "defaultdict of sets": collections.defaultdict(set, a={1}),
    "defaultdict of tuples": collections.defaultdict(tuple, a=(1,)),
    "device": torch.device("cpu"),
    "dict": {"__init__": 1, "kw_args": {"__doc__": 2}, "__loader__": 3, "__id__": 4},
    "keys": {np.int64(1): 2, 5: 6, 1.5: 3, np.str_("a"): 4},
    "keys of bool": {True: 1},
    "loss of classes": HalfMultinomialLoss(n_classes=3),
    "masked": np.ma.array([1.0, 2.0], mask=[False, True]),
    "none": [None, None],
    "nothing": (),
    "number": np.float32(1.5),
    "ordered": collections.OrderedDict(a=1),
    "random generator": np.random.default_rng(0),
    "random state": np.random.RandomState(0),
    "set": {1, 2},
    "slice": slice(1, 2),
    "type": np.float32,
    "ufunc": np.log1p,
}


@pytest.mark.parametrize("name", VALUES)
def test_values_are_loaded_unasked(name, silently):
    value = VALUES[name]
    loaded = silently(with_value(value))[0].kw_args["value"]
    assert type(loaded) is type(value)
    if not name.startswith(("loss", "random")):  # which know no equality
        assert np.array_equal(loaded, value)


@pytest.mark.parametrize("loss", ["hinge", "log_loss", "huber"])
def test_losses_are_loaded_unasked(loss, silently):
    rows, labels = np.arange(4.0)[:, None], [0, 1, 0, 1]
    model = make_pipeline(SGDClassifier(loss=loss, max_iter=5, tol=None))
    model.fit(rows, labels)
    assert np.array_equal(silently(model).predict(rows), model.predict(rows))


def test_words_may_have_names_of_python(silently):
    model = make_pipeline(TfidfVectorizer()).fit(["def __init__ self", "self kw_args"])
    assert silently(model)[0].vocabulary_ == model[0].vocabulary_


class Rows(csr_matrix):
    """A sparse matrix of the caller."""


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ({http.HTTPMethod.GET: 1}, ["http.HTTPMethod"]),
        (csr_matrix(np.eye(2)), ["scipy.sparse._csr.csr_matrix"]),
        (np.dtype("int8"), ["numpy.dtype"]),
        (KFold(3).split, [f"{full_name(KFold)}.split"]),
        (collections.defaultdict(f_classif), [full_name(f_classif)]),
    ],
    ids=["keys", "sparse", "dtype", "method", "factory"],
)
def test_save_says_what_load_wants(value, names, tmp_path):
    path, model = tmp_path / "m", with_value(value)
    with pytest.warns(UserWarning, match="does not trust unasked") as caught:
        save(model, path)
    assert str(caught[0].message).endswith(f"trusted={names}).")
    with pytest.raises(RefusedFileError, match=names[-1]):
        load(path)
    assert type(load(path, trusted=names)[0].kw_args["value"]) is type(value)


def test_save_says_what_a_kind_makes_for_a_subclass(tmp_path):
    names = ["scipy.sparse._csr.csr_matrix", full_name(Rows)]
    with pytest.warns(UserWarning, match="does not trust unasked") as caught:
        save(with_value(Rows(np.eye(2))), tmp_path / "m")
    assert str(caught[0].message).endswith(f"trusted={names}).")
    with pytest.raises(RefusedFileError, match="Its SparseMatrixNode makes scipy"):
        load(tmp_path / "m", trusted=[Rows])
    loaded = load(tmp_path / "m", trusted=names)[0].kw_args["value"]
    assert type(loaded) is csr_matrix


def test_save_says_what_attributes_of_python_want(tmp_path):
    model = make_pipeline(StandardScaler())
    model.__note__ = "mine"
    with pytest.warns(UserWarning, match=r"trusted=\['sklearn.pipeline.Pipeline'\]"):
        save(model, tmp_path / "m")
    with pytest.raises(
        RefusedFileError, match=r"set the attribute __note__ of .*Pipel"
    ):
        load(tmp_path / "m")
    assert load(tmp_path / "m", trusted=[type(model)]).__note__ == "mine"


def test_save_refuses_kinds_that_are_not_known(tmp_path, monkeypatch):
    monkeypatch.delitem(NAMES, "SliceNode")  # as one of a later skops
    told = "could never be loaded. It has a SliceNode.* joblib.dump, or an earlier"
    with pytest.raises(TypeError, match=told):
        save(with_value(slice(1)), tmp_path / "m")


# --- places of the next random number -------------------------------------------------


def at(draws, place):
    """Let a generator go on at a place of its buffer; NumPy takes any."""
    state = draws.get_state(legacy=False) if hasattr(draws, "get_state") else None
    state = state or draws.bit_generator.state
    (state if "buffer_pos" in state else state["state"]).update(
        {"buffer_pos" if "buffer_pos" in state else "pos": place}
    )
    if hasattr(draws, "set_state"):
        draws.set_state(state)
    else:
        draws.bit_generator.state = state
    return draws


DRAWS = {
    "RandomState": (np.random.RandomState, 624),
    "Mersenne": (lambda seed: np.random.Generator(np.random.MT19937(seed)), 624),
    "Philox": (lambda seed: np.random.Generator(np.random.Philox(seed)), 4),
}


@pytest.mark.parametrize("name", DRAWS)
def test_numbers_are_drawn_from_within_their_buffer(name, silently, tmp_path):
    make, last = DRAWS[name]
    for place in (0, last):
        loaded = silently(with_value(at(make(0), place)))[0].kw_args["value"]
        assert loaded.normal() == at(make(0), place).normal()
    for place in (-1, last + 1):  # nothing is drawn from them here
        bytes_of_it = dumps(with_value(at(make(0), place)))
        with pytest.raises(RefusedFileError, match="from beyond their buffer"):
            check_nodes(bytes_of_it, ())
        with pytest.raises(TypeError, match="from beyond their buffer"):
            save(with_value(at(make(0), place)), tmp_path / "a.aae")


@pytest.mark.parametrize("place", [-1, 625])
def test_an_own_file_goes_on_within_the_buffer(place, tmp_path):
    draws = at(np.random.RandomState(0), place)
    save(AAETransformer(2, random_state=draws), tmp_path / "a.aae")
    with pytest.raises(RefusedFileError, match=f"goes on at number {place}"):
        load(tmp_path / "a.aae")
