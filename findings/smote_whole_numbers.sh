#!/usr/bin/env bash
# imbalanced-learn: SMOTE cuts the new cells of integer columns down instead of rounding.
#
# Version:  imbalanced-learn 0.14.2, scikit-learn 1.9.1, pandas 3.1.1.
# Expected: a point between two rows, rounded: the column's mean stays.
# Seen:     each new cell is the floor of the same point as a float column has it; the
#           mean of the new rows is 3.12 where the float column has 3.46, and a third of
#           the cells are one less than the nearest whole number.
# Why:      new rows are cast to the dtype of the table, and a cast to int truncates.
# Source:   https://github.com/scikit-learn-contrib/imbalanced-learn/blob/0.14.2/imblearn/base.py
#           and imblearn/utils/_validation.py (dtypes are put back with astype).
# Matters:  counts, ages, rooms in drawn or oversampled rows; comparisons with it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q imbalanced-learn==0.14.2 scikit-learn==1.9.1 \
    pandas==3.1.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE

rng = np.random.RandomState(0)
y = (np.arange(300) < 30).astype(int)
whole = pd.DataFrame({"rooms": rng.randint(0, 8, 300), "x": rng.normal(size=300)})
smote = SMOTE(sampling_strategy={1: 270}, random_state=0)
cells = {
    kind: smote.fit_resample(whole.astype({"rooms": kind}), y)[0].rooms[300:].to_numpy()
    for kind in ("int64", "float64")
}
means = {kind: round(float(part.mean()), 2) for kind, part in cells.items()}
print("mean of the new rows", means, "of the class", round(whole.rooms[:30].mean(), 2))
cut = (cells["int64"] == np.floor(cells["float64"])).mean()
near = (cells["int64"] == np.rint(cells["float64"])).mean()
print(f"share of cells that are the floor {cut:.2f}, the nearest whole number {near:.2f}")
assert cut == 1 and near < 0.9, "changed: cells are rounded now"
PYTHON
