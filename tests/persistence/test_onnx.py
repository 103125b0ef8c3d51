"""Models in ONNX answer as ours do, and run without this library, pandas and torch."""

import json
import logging
import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.persistence import register_onnx, to_onnx

pytest.importorskip("onnxscript")
skl2onnx = pytest.importorskip("skl2onnx")
onnxruntime = pytest.importorskip("onnxruntime")

SMALL = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
RNG = np.random.RandomState(0)
X = RNG.normal(size=(60, 3)) * [1, 0.01, 100] + [0, 1000, 0]
Y = np.where(X[:, 0] > 0, "no", "yes")
FRAME = pd.DataFrame(
    {
        "x": X[:, 1],
        "holes": [1, 2, None, 4] * 15,
        "text": ["u", "v", None] * 20,
        "whole": np.arange(60) % 5,
        "bool": [True, False] * 30,
    }
)
# Rows unlike those of training: far, missing, of a text that was never there.
NEW = FRAME.copy()
NEW.loc[0, "x"] = 1e6
NEW.loc[1, "holes"] = None
NEW.loc[2:4, "text"] = ["new", None, "v"]


def run(model, rows):
    """Return the answers of an ONNX model, by name."""
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    inputs = session.get_inputs()
    if isinstance(rows, np.ndarray):
        return dict(zip(names, session.run(None, {inputs[0].name: rows}), strict=True))
    fed = {}
    for part in inputs:
        cells = rows[part.name].to_list()
        if part.type == "tensor(string)":
            cells = np.array([str(cell) for cell in cells], dtype=object)
        kinds = {"tensor(double)": float, "tensor(bool)": bool, "tensor(int64)": int}
        kind = kinds.get(part.type, object)
        fed[part.name] = np.array(cells, dtype=kind)[:, None]
    return dict(zip(names, session.run(None, fed), strict=True))


def assert_close(found, expected, rtol=1e-5):
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * scale)


CODES = {"variable": "transform"}
CLASSES = {"label": "predict", "probabilities": "predict_proba"}
SCORES = {"label": "predict", "scores": "decision_function"}
CASES = [
    (AAETransformer(2, prior="categorical", **SMALL), "float32", CODES),
    (
        AAETransformer(
            2, count_features=["whole"], posterior="gaussian", scale="minmax", **SMALL
        ),
        "frame",
        CODES,
    ),
    (ConditionalAAETransformer(2, scale="common", **SMALL), "array", CODES),
    (AAEClusterer(3, n_init=1, **SMALL), "frame", CLASSES),
    (SemiSupervisedAAEClassifier(2, **SMALL), "frame", CLASSES),
    (AAEOutlierDetector(1, n_init=1, **SMALL), "frame", SCORES),
    (AAEOutlierDetector(1, n_init=2, score_method="critic", **SMALL), "array", SCORES),
    (AAEOutlierDetector(1, n_init=3, **SMALL), "array", SCORES),
]


@pytest.mark.parametrize(("model", "table", "outputs"), CASES, ids=str)
def test_answers_are_the_same(model, table, outputs, rng_untouched):
    rows = {"array": X, "float32": X.astype(np.float32), "frame": FRAME}[table]
    model = clone(model).fit(rows, Y)
    with rng_untouched():
        onnx = to_onnx(model, rows)
    new = rows if isinstance(rows, np.ndarray) else NEW
    found = run(onnx, new)
    assert list(found) == list(outputs)
    for name, method in outputs.items():
        expected = getattr(model, method)(new)
        if name == "label":
            assert np.array_equal(found[name].ravel(), expected)
        else:
            assert_close(found[name].reshape(expected.shape), expected)
        assert found[name].ndim == expected.ndim + (outputs is SCORES)
    assert logging.root.manager.disable == 0


@pytest.mark.parametrize("posterior", ["deterministic", "universal"])
def test_clusters_of_rows_near_labels_of_none(posterior):
    rows = np.concatenate([RNG.normal(size=(40, 4)), RNG.normal(size=(40, 4)) + 6])
    small = SMALL | {"max_iter": 20}
    model = AAEClusterer(4, n_subclusters=10, posterior=posterior, **small).fit(rows)
    assert (model.subcluster_labels_ < 0).any()
    far = np.concatenate([rows, rows * 10, rows * 1000])
    found, expected = run(to_onnx(model, rows), far), model.predict_proba(far)
    if posterior == "universal":  # draws and averages, with no logits to sum
        found = {name: cells[:80] for name, cells in found.items()}
        far, expected = far[:80], expected[:80]
    assert_close(found["probabilities"], expected, 1e-3)
    assert np.array_equal(found["label"].ravel(), model.predict(far))


def test_whole_numbers_as_labels_and_polars():
    frame = pl.from_pandas(FRAME[["x", "text"]]).with_columns(
        pl.col("text").fill_null("none")
    )
    labels = np.arange(60) % 2 + 3
    model = SemiSupervisedAAEClassifier(2, **SMALL).fit(frame, labels)
    found = run(to_onnx(model, frame), frame)
    assert np.array_equal(found["label"], model.predict(frame))


@pytest.mark.parametrize(
    "model",
    [
        AAETransformer(2, count_features=["whole"], **SMALL),
        AAEClusterer(2, n_init=1, **SMALL),
    ],
    ids=str,
)
def test_rows_of_codes(model):
    model = clone(model).fit(FRAME, Y)
    codes = np.asarray(model.sample_codes(7, random_state=0), dtype=np.float32)
    expected = model.inverse_transform(codes)
    found = run(to_onnx(model, method="inverse_transform"), codes)
    assert list(found) == list(expected.columns)
    assert np.array_equal(found["text"].ravel(), expected["text"])
    assert np.array_equal(found["bool"].ravel().astype(bool), expected["bool"])
    assert_close(found["x"].ravel(), expected["x"])
    assert np.array_equal(found["whole"].ravel(), expected["whole"])


def test_drawn_rows_of_given_codes():
    model = GANSampler(2, **SMALL).fit(X)
    codes = np.zeros((3, 2), dtype=np.float32)
    found = run(to_onnx(model), codes)["variable"]
    drawn = model.generator_(torch.zeros(3, 2, dtype=torch.float64)).mean
    assert_close(found, model._model.unscale(drawn.numpy()))
    arrays = AAETransformer(2, **SMALL).fit(X)
    found = run(to_onnx(arrays, method="inverse_transform"), codes)["variable"]
    assert_close(found, arrays.inverse_transform(codes))


ALONE = """
import json, sys
for name in ("sklearn_aae", "pandas", "torch", "sklearn", "skl2onnx"):
    sys.modules[name] = None
import numpy as np, onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1])
rows = json.load(open(sys.argv[2]))
kinds = {"tensor(double)": float, "tensor(string)": object, "tensor(int64)": int}
fed = {i.name: np.array(rows[i.name], kinds[i.type])[:, None]
       for i in session.get_inputs()}
print(json.dumps(session.run(None, fed)[0].tolist()))
"""


def test_a_pipeline_of_mixed_columns_runs_alone(tmp_path):
    frame = FRAME[["x", "text", "whole"]].fillna({"text": "none"})
    columns = make_column_transformer(
        (StandardScaler(), ["x", "whole"]),
        (OneHotEncoder(sparse_output=False), ["text"]),
    )
    codes = AAEClusterer(2, n_init=1, **SMALL)
    model = make_pipeline(columns, codes, LogisticRegression()).fit(frame, Y)
    (tmp_path / "m.onnx").write_bytes(to_onnx(model, frame).SerializeToString())
    (tmp_path / "rows").write_text(json.dumps(frame.to_dict("list")))
    ran = subprocess.run(
        [sys.executable, "-c", ALONE, tmp_path / "m.onnx", tmp_path / "rows"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stdout, ran.stderr
    assert json.loads(ran.stdout) == model.predict(frame).tolist()


def test_skl2onnx_converts_pipelines():
    register_onnx()
    model = make_pipeline(StandardScaler(), AAETransformer(2, **SMALL)).fit(X)
    onnx = skl2onnx.to_onnx(model, X[:1], target_opset=18)
    assert_close(run(onnx, X)["variable"], model.transform(X))


REFUSED = [
    (AAETransformer(2, scale="quantile", **SMALL), "scale='quantile' has no form"),
    (
        AAEOutlierDetector(1, n_init=1, count_features=["whole"], **SMALL),
        "torch cannot export this model",
    ),
]


@pytest.mark.parametrize(("model", "message"), REFUSED, ids=str)
def test_what_onnx_has_no_form_for(model, message):
    model = clone(model).fit(FRAME)
    with pytest.raises(ValueError, match=message):
        to_onnx(model, FRAME)


def test_wrong_calls(monkeypatch):
    model = AAETransformer(2, **SMALL).fit(FRAME)
    with pytest.raises(ValueError, match="'method' parameter of to_onnx"):
        to_onnx(model, FRAME, method="transform")
    with pytest.raises(ValueError, match="to_onnx needs X"):
        to_onnx(model)
    with pytest.raises(NotFittedError):
        to_onnx(clone(model), FRAME)
    with pytest.raises(ValueError, match=r"X must be rows, .* Got shape \(60,\)"):
        to_onnx(model, X[:, 0])
    with pytest.raises(
        ValueError, match=r"takes an estimator of sklearn_aae.*Pipeline"
    ):
        to_onnx(make_pipeline(model), method="inverse_transform")
    with pytest.raises(ValueError, match="fitted on 5 columns, and X has 2"):
        to_onnx(model, FRAME[["x", "text"]])
    with pytest.raises(ValueError, match="'text' holds text categories"):
        to_onnx(model, FRAME.assign(text=1.0))
    with pytest.raises(ValueError, match="'x' holds values such as"):
        to_onnx(model, FRAME.assign(x=pd.Timestamp(0)))
    with pytest.raises(ValueError, match="array of dtype object"):
        to_onnx(model, FRAME.to_numpy())
    days = pd.DataFrame({"x": X[:, 0], "day": pd.Categorical([pd.Timestamp(0)] * 60)})
    dated = AAETransformer(2, **SMALL).fit(days)
    with pytest.raises(ValueError, match="'day' holds values such as"):
        to_onnx(dated, days)
    with pytest.raises(ValueError, match="'day' has categories such as"):
        to_onnx(dated, method="inverse_transform")
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match=r"sklearn-aae\[onnx\]"):
        to_onnx(model, FRAME)


def test_categories_that_onnx_cannot_tell_apart_are_refused():
    X = np.array([[2.0**24, 0], [2.0**24 + 1, 1], [np.nan, 2], [7, 3]] * 10)
    model = AAETransformer(categorical_features=[0], max_iter=1).fit(X)
    with pytest.raises(ValueError, match=r"float32, .* cannot tell apart"):
        to_onnx(model, X)


@pytest.mark.parametrize("dtype", ["bool", "float16", "uint8", "int32"])
def test_an_array_goes_into_the_model_that_was_made_by_it(dtype):
    rows = np.random.RandomState(0).randint(2, size=(20, 3)).astype(dtype)
    model = AAETransformer(categorical_features=[0], **SMALL).fit(rows)
    codes = run(to_onnx(model, rows), rows)["variable"]
    assert_close(codes, model.transform(rows))


def test_whole_numbers_into_converters_of_others():
    rows = np.random.RandomState(0).randint(5, size=(20, 3)).astype(np.uint8)
    model = make_pipeline(StandardScaler(), AAETransformer(2, **SMALL)).fit(rows)
    found = run(to_onnx(model, rows), rows.astype(np.int64))["variable"]
    assert_close(found, model.transform(rows))


def test_sparse_rows_stand_for_dense_ones():
    X = np.random.RandomState(0).poisson(0.4, size=(40, 3)).astype(float)
    model = AAETransformer(max_iter=1, random_state=0).fit(csr_array(X))
    sparse, dense = (to_onnx(model, rows) for rows in (csr_array(X), X))
    assert sparse.graph.input == dense.graph.input
