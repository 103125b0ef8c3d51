"""Tensors in and out, where scikit-learn's array API is switched on."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from sklearn_aae import AAETransformer
from sklearn_aae.estimators._tensors import as_tensor

# SciPy must know of the array API before it is imported: each runs in a new process.
SCRIPT = """
import copy, pickle
import numpy as np, torch
from sklearn import config_context
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn_aae import *

X = np.random.RandomState(0).normal(size=(60, 4))
y = np.arange(60) % 2
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 1, "random_state": 0}
KINDS = {
    AAETransformer: ["transform", "reconstruct", "score_samples", "interpolate"],
    AAEClusterer: ["predict", "predict_proba", "transform"],
    SemiSupervisedAAEClassifier: ["predict", "predict_proba"],
    ConditionalAAETransformer: ["transform", "transfer"],
    AAEOutlierDetector: ["predict", "decision_function", "localize", "score_samples"],
    GANSampler: ["score_samples"],
}


def more(name, rows):
    return {"interpolate": (rows,), "transfer": (y[0],)}.get(name, ())


for kind, names in KINDS.items():
    for dtype in (torch.float64, torch.float32):
        rows = torch.from_numpy(X).to(dtype).requires_grad_()
        plain = kind(2, **SMALL).fit(X.astype(str(dtype)[6:]), y)
        with config_context(array_api_dispatch=True):
            model = kind(2, **SMALL).fit(rows, torch.from_numpy(y))
            copy.deepcopy(model), pickle.dumps(model)
            for name in names:
                found = getattr(model, name)(rows, *more(name, rows))
                assert isinstance(found, torch.Tensor), (kind, name, type(found))
                assert not found.requires_grad and found.device == rows.device
                array = X.astype(str(dtype)[6:])
                expected = getattr(plain, name)(array, *more(name, array))
                assert isinstance(expected, np.ndarray)
                assert str(found.dtype)[6:] == str(expected.dtype), (kind, name)
                assert np.array_equal(found.numpy(), expected), (kind, name)
            arrays = [v for v in vars(model).values() if isinstance(v, torch.Tensor)]
            assert not arrays
        switched_off = getattr(model, names[0])(rows, *more(names[0], rows))
        assert isinstance(switched_off, np.ndarray)

with config_context(array_api_dispatch=True):
    rows = torch.from_numpy(X)
    assert isinstance(AAETransformer(2, **SMALL).fit_transform(rows), torch.Tensor)
    words = SemiSupervisedAAEClassifier(2, **SMALL).fit(rows, np.array(["a", "b"])[y])
    assert words.predict(rows).dtype.kind == "U"
    chain = make_pipeline(PCA(3, svd_solver="full"), AAETransformer(2, **SMALL))
    assert isinstance(chain.fit(rows).transform(rows), torch.Tensor)
    back = chain[-1].inverse_transform(chain.transform(rows))
    assert isinstance(back, torch.Tensor) and back.shape == (60, 3)
    labels = AAEClusterer(2, **SMALL).fit_predict(rows)
    assert isinstance(labels, torch.Tensor)
    assert np.array_equal(labels.numpy(), AAEClusterer(2, **SMALL).fit_predict(X))
print("all of them")
"""


def test_tensors_go_in_and_come_out():
    env = os.environ | {"SCIPY_ARRAY_API": "1"}
    run = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(run, env=env, capture_output=True, text=True, check=False)
    assert done.stdout == "all of them\n", done.stderr[-2000:]


def test_without_the_switch_arrays_come_out():
    rows = torch.arange(30.0).reshape(10, 3)
    codes = AAETransformer(2, hidden_layer_sizes=(4,), max_iter=1).fit(rows)
    assert isinstance(codes.transform(rows), np.ndarray)


def test_tensors_that_are_negated_later():
    rows = torch.arange(30.0).reshape(10, 3)
    model = AAETransformer(2, hidden_layer_sizes=(4,), max_iter=1).fit(rows)
    negated = torch.complex(rows, -rows).conj().imag  # rows, as a sign to be applied
    assert negated.is_neg()
    assert np.array_equal(model.transform(negated), model.transform(rows))


@pytest.mark.parametrize("found", [np.array(["a"]), None, [1.0]], ids=str)
def test_what_is_no_array_of_numbers_stays(found):
    assert as_tensor(found, torch.device("cpu")) is found
