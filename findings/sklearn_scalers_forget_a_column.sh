#!/usr/bin/env bash
# scikit-learn: one chunk in which a column has no known cell makes partial_fit of
# StandardScaler, MinMaxScaler and MaxAbsScaler forget the column for good.
#
# Version:  scikit-learn 1.9.1, NumPy 2.4.6.
# Expected: "NaNs are treated as missing values: disregarded in fit": a chunk that is all
#           NaN in a column changes nothing of it, and partial_fit over chunks gives what
#           fit of all rows gives.
# Seen:     every later transform of the column is NaN, whatever comes after. Its count of
#           known rows goes on and is right. If the chunk comes later, StandardScaler has a
#           right mean_ beside a NaN in scale_. In sparse rows scale_ is right.
# Why:      the mean of no cell is 0/0, and its product with a weight of 0 is NaN again;
#           the extremes are joined by minimum and maximum, not by fmin and fmax.
# Source:   sklearn/utils/extmath.py (_incremental_mean_and_var),
#           sklearn/preprocessing/_data.py (partial_fit).
# Matters:  streams scaled in front of a model: a sensor that is off for one chunk is gone.
#           Fit the scaler on a whole sample, or leave scaling to the estimators here.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q scikit-learn==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import sklearn
from scipy.sparse import csr_matrix
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

print("scikit-learn", sklearn.__version__, "NumPy", np.__version__)
off, one, other = (np.array([[a], [b]]) for a, b in ((np.nan,) * 2, (1, 2), (3, 4)))
new = np.array([[2.0], [5.0]])
for kind in (StandardScaler, MinMaxScaler, MaxAbsScaler):
    for place, chunks in (("later", (one, off, other)), ("first", (off, one, other))):
        scaler = kind()
        for chunk in chunks:
            scaler.partial_fit(chunk)
        scaled = scaler.transform(new).ravel()
        whole = kind().fit(np.vstack(chunks)).transform(new).ravel()
        print(f"{kind.__name__}, {place}: {scaled}, fitted at once {whole.round(3)}")
        if not np.isnan(scaled).all() or np.isnan(whole).any():
            raise SystemExit("changed: the column is kept now")
        if kind is StandardScaler:
            print("  mean", scaler.mean_, "scale", scaler.scale_)
            right = place != "later" or scaler.mean_ == 2.5
            if not right or scaler.n_samples_seen_ != 4:
                raise SystemExit("changed: what is kept differs")
scaler = StandardScaler(with_mean=False)
for chunk in (one, off, other):
    scaler.partial_fit(csr_matrix(chunk))
print("sparse, later: scale", scaler.scale_)
if np.isnan(scaler.scale_).any():
    raise SystemExit("changed: sparse rows forget the column, too")
PYTHON
