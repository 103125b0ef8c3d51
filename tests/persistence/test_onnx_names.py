"""A feed by the names of columns goes to these columns, whatever they are called."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_aae import AAEClusterer, AAEOutlierDetector, AAETransformer, GANSampler
from sklearn_aae.persistence import to_onnx
from sklearn_aae.persistence.onnx._names import name_inputs

pytest.importorskip("onnxscript")
pytest.importorskip("skl2onnx")
onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

SMALL = {"hidden_layer_sizes": (8,), "max_iter": 3, "random_state": 0}
X = np.random.RandomState(0).normal(size=(40, 3)) * [1, 10, 100]
Y = np.arange(40) % 2


def run(model, feed):
    """Return the answers of a checked model, by name."""
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, feed), strict=True))


def by_name(frame):
    """Return a feed of the columns, last one first."""
    return {str(name): frame[[name]].to_numpy() for name in frame.columns[::-1]}


def assert_close(found, expected):
    expected = np.asarray(expected)
    atol = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=atol)


NAMES = [
    ["a b", "a_b", "a/b"],
    ["a_b1", "a b", "a_b"],
    ["variable", "label", "aae1"],
    ["variable_", "variable", "größe (cm)"],
    ["9 lives", "x=1, y", "\n"],
    [0, 1, 2],
]


@pytest.mark.parametrize("names", NAMES, ids=str)
def test_columns_keep_their_names(names):
    frame = pd.DataFrame(X, columns=names)
    model = AAETransformer(2, **SMALL).fit(frame)
    (codes,) = run(to_onnx(model, frame), by_name(frame)).values()
    assert_close(codes, model.transform(frame))


def test_columns_of_a_pipeline_keep_their_names():
    frame = pd.DataFrame(X, columns=NAMES[0])
    columns = make_column_transformer((StandardScaler(), ["a/b", "a_b"]))
    steps = columns, AAETransformer(2, **SMALL), LogisticRegression()
    model = make_pipeline(*steps).fit(frame, Y)
    found = run(to_onnx(model, frame), by_name(frame))
    probabilities = [[row[0], row[1]] for row in found["output_probability"]]
    assert_close(probabilities, model.predict_proba(frame))


def test_an_output_that_a_column_is_called_like_gives_way():
    frame = pd.DataFrame(X, columns=["label", "label_", "scores"])
    model = AAEOutlierDetector(1, n_init=1, **SMALL).fit(frame)
    found = run(to_onnx(model, frame), by_name(frame))
    assert list(found) == ["label__", "scores_"]
    assert_close(found["scores_"].ravel(), model.decision_function(frame))
    frame = pd.DataFrame(X, columns=["label", "b", "c"])
    model = AAEClusterer(2, n_init=1, **SMALL).fit(frame)
    found = run(to_onnx(model, frame), by_name(frame))
    assert list(found) == ["label_", "probabilities"]
    assert np.array_equal(found["label_"], model.predict(frame))


@pytest.mark.parametrize("names", [*NAMES[:5], ["codes", "codes_", "a b"]], ids=str)
def test_rows_of_codes_keep_the_names_of_columns(names):
    frame = pd.DataFrame(X, columns=names)
    model = AAETransformer(2, **SMALL).fit(frame)
    codes = np.zeros((4, 2), dtype=np.float32)
    entry = "codes__" if "codes" in names else "codes"
    found = run(to_onnx(model, method="inverse_transform"), {entry: codes})
    assert list(found) == names
    assert_close(np.hstack(list(found.values())), model.inverse_transform(codes))


def test_a_column_without_a_name_is_refused():
    frame = pd.DataFrame(X, columns=["a", "", "c"])
    with pytest.raises(
        ValueError, match="A column has the name '', and ONNX has no va"
    ):
        to_onnx(AAETransformer(2, **SMALL).fit(frame), frame)
    with pytest.raises(ValueError, match="Name it before the fit"):
        to_onnx(GANSampler(2, **SMALL).fit(frame))


def test_inner_graphs_are_renamed_as_well():
    helper, FLOAT = onnx.helper, onnx.TensorProto.FLOAT
    value = helper.make_tensor_value_info

    def branch(kind):
        node = helper.make_node(kind, ["a_b"], ["a b"])  # the new name, inside
        return helper.make_graph([node], kind, [], [value("a b", FLOAT, [1])])

    node = helper.make_node(
        "If", ["ask"], ["y"], then_branch=branch("Neg"), else_branch=branch("Abs")
    )
    inputs = [value("ask", onnx.TensorProto.BOOL, []), value("a_b", FLOAT, [1])]
    graph = helper.make_graph([node], "whole", inputs, [value("y", FLOAT, [1])])
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    name_inputs(model, ["ask", "a b"])
    x = np.array([-2], dtype=np.float32)
    for ask in (True, False):
        assert run(model, {"ask": np.array(ask), "a b": x}) == {"y": [2.0]}
