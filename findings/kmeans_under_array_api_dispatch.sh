#!/usr/bin/env bash
# scikit-learn and array-api-compat: k-means of NumPy rows fails when the array API
# dispatch is switched on, though it has no other input than NumPy arrays.
#
# Version:  scikit-learn 1.6.1 with array-api-compat 1.12.0; SciPy 1.14.1, NumPy 1.26.4.
# Expected: an estimator without array API support computes with NumPy as ever.
# Seen:     KMeans(2).fit(X) of a NumPy array raises TypeError: "_memoryviewslice is not a
#           supported array type" under config_context(array_api_dispatch=True); without
#           the dispatch it fits.
# Why:      the Cython loop hands its typed memoryview to row_norms, which asks for the
#           array namespace of what it gets; a memoryview has none.
# Source:   sklearn/cluster/_k_means_lloyd.pyx (lloyd_iter_chunked_dense),
#           sklearn/utils/extmath.py (row_norms), sklearn/utils/_array_api.py.
# Matters:  whoever switches the dispatch on for a whole pipeline, or calls KMeans inside
#           an estimator of their own: wrap the call in
#           config_context(array_api_dispatch=False).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q scikit-learn==1.6.1 numpy==1.26.4 scipy==1.14.1 \
    array-api-compat==1.12.0
SCIPY_ARRAY_API=1 "$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
import sklearn
from sklearn.cluster import KMeans

X = np.random.RandomState(0).normal(size=(50, 3))
print("scikit-learn", sklearn.__version__)
print("without:", KMeans(2, random_state=0).fit(X).labels_[:5])
with sklearn.config_context(array_api_dispatch=True):
    try:
        KMeans(2, random_state=0).fit(X)
    except TypeError as error:
        print("with the dispatch:", error)
    else:
        raise SystemExit("changed: k-means fits under the dispatch now")
PYTHON
