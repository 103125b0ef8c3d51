#!/usr/bin/env bash
# skl2onnx: a converter's node that leaves out an optional input cannot be sorted.
#
# Version:  skl2onnx 1.20.0 with onnx 1.23.2, onnxruntime 1.32.0, scikit-learn 1.9.1.
# Expected: a node such as Clip(x, "", high), whose lower bound is left out by an empty
#           name as ONNX has it, is converted: the model is valid, and onnxruntime runs it.
# Seen:     RuntimeError: After 1 iterations for 2 nodes, still unable to sort names
#           {'', ...}. Min(x, high) instead of the Clip is converted.
# Why:      the topological order waits until all inputs of a node are known, and counts
#           the empty name among them, which no node ever makes.
# Source:   skl2onnx/common/_container.py (ensure_topological_order);
#           https://github.com/onnx/onnx/blob/main/docs/IR.md, "Optional Inputs and Outputs".
# Matters:  whoever writes a converter, or puts a graph that torch exported into one: torch
#           writes clamp_max as such a Clip.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0 \
    scikit-learn==1.9.1
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnxruntime
import skl2onnx
from onnx import TensorProto
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator, TransformerMixin


class Cut(TransformerMixin, BaseEstimator):
    """Cuts numbers at 1."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.minimum(X, 1)


def shapes(operator):
    operator.outputs[0].type = FloatTensorType([None, 3])


def converter(kind):
    def convert(scope, operator, container):
        high = scope.get_unique_variable_name("high")
        cut = scope.get_unique_variable_name("cut")
        container.add_initializer(high, TensorProto.FLOAT, [], [1.0])
        x, out = operator.inputs[0].full_name, operator.outputs[0].full_name
        inputs = [x, "", high] if kind == "Clip" else [x, high]
        container.add_node(kind, inputs, [cut], op_version=13, name="cut")
        container.add_node("Identity", [cut], [out], op_version=13, name="out")

    return convert


X = np.array([[0.0, 1.0, 2.0]], dtype=np.float32)
print("skl2onnx", skl2onnx.__version__)
for kind in ("Min", "Clip"):
    skl2onnx.update_registered_converter(Cut, "Cut", shapes, converter(kind))
    try:
        model = skl2onnx.to_onnx(Cut().fit(X), X, target_opset=18)
    except RuntimeError as error:
        print(kind, "RuntimeError:", str(error).splitlines()[0])
        failed = kind
    else:
        session = onnxruntime.InferenceSession(model.SerializeToString())
        print(kind, session.run(None, {"X": X}))
        failed = None
if failed != "Clip":
    raise SystemExit("changed: a node with an input left out is converted now")
PYTHON
