#!/usr/bin/env bash
# skl2onnx: the input of an ONNX model that has the name of a column can be another column.
#
# Version:  skl2onnx 1.20.0, onnxruntime 1.23.2, scikit-learn 1.7.2, pandas 2.3.3.
# Expected: inputs of a converted frame are called as its columns: ONNX takes any name.
# Seen:     a blank or a slash becomes an underscore, and a number follows where that name
#           is taken. Of the columns "a b", "a_b" and "a/b" the inputs are "a_b", "a_b1" and
#           "a_b2": the input "a_b" is the column "a b". Nothing is said.
# Why:      variables get names that are identifiers, one after the other.
# Source:   skl2onnx/common/_topology.py, Topology.get_unique_variable_name.
# Matters:  who feeds columns by name swaps them. persistence.to_onnx gives the inputs the
#           names of the columns after the conversion.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q skl2onnx==1.20.0 onnxruntime==1.23.2 \
    scikit-learn==1.7.2 pandas==2.3.3
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import onnxruntime
import pandas as pd
import skl2onnx
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

print("skl2onnx", skl2onnx.__version__, "onnxruntime", onnxruntime.__version__)
names = ["a b", "a_b", "a/b"]
X = pd.DataFrame(np.random.RandomState(0).normal(size=(20, 3)), columns=names)
X = X.astype(np.float32)
scaler = make_column_transformer((StandardScaler(), names))
model = make_pipeline(scaler, LinearRegression()).fit(X, X @ [1.0, 10.0, 100.0])
converted = skl2onnx.to_onnx(model, X)
inputs = [one.name for one in converted.graph.input]
session = onnxruntime.InferenceSession(converted.SerializeToString())


def answer(order):
    cells = {i: X[[name]].to_numpy() for i, name in zip(inputs, order)}
    return session.run(None, cells)[0].ravel()


gap = {
    " ".join(map(repr, order)): float(abs(answer(order) - model.predict(X)).max())
    for order in (names, ["a_b", "a b", "a/b"])
}
print("columns", names, "inputs", inputs)
print("furthest from scikit-learn, fed in these orders:", gap)
as_seen = inputs == ["a_b", "a_b1", "a_b2"] and min(gap.values()) < 1e-3
if not (as_seen and max(gap.values()) > 1):
    raise SystemExit("changed: inputs are called otherwise")
PYTHON
