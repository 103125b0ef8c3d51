#!/usr/bin/env bash
# scikit-learn on Arrow tables: a missing cell of a dictionary column (what a pandas
# Categorical is in Parquet) is taken for the last category, without a word.
#
# Version:  scikit-learn 1.9.1, pyarrow 26.0.1, pandas 3.1.1.
# Expected: the same categories, NaN included, as from the pandas frame of the same cells.
# Seen:     OneHotEncoder finds 'x' and 'y' and no missing value, and the row without one
#           gets a 1 for 'y'. From plain text columns of Arrow the missing cell is kept.
# Why:      scikit-learn converts through NumPy; pyarrow's to_numpy of a dictionary column
#           looks up index -1 for a null.
# Source:   https://arrow.apache.org/docs/python/generated/pyarrow.ChunkedArray.html
#           (to_numpy, __array__) and sklearn/utils/validation.py (check_array).
# Matters:  whoever reads Parquet or DuckDB with pyarrow and skips pandas. In this package
#           such a cell is missing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q scikit-learn==1.9.1 pyarrow==26.0.1 pandas==3.1.1 \
    numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import pandas as pd
import pyarrow as pa
from sklearn.preprocessing import OneHotEncoder

frame = pd.DataFrame({"c": pd.Categorical(["x", "y", None])})
table = pa.Table.from_pandas(frame)
text = pa.table({"c": pa.array(["x", "y", None])})
found = {}
for name, X in (("pandas", frame), ("Arrow dictionary", table), ("Arrow text", text)):
    encoder = OneHotEncoder(sparse_output=False).fit(X)
    found[name] = list(encoder.categories_[0]), encoder.transform(X)[2].tolist()
    print(name, *found[name])
assert table["c"].null_count == 1
assert len(found["pandas"][0]) == 3 and len(found["Arrow text"][0]) == 3
assert found["Arrow dictionary"] == (["x", "y"], [0.0, 1.0]), "changed: it is missing now"
PYTHON
