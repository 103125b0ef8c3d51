#!/usr/bin/env bash
# scikit-learn: check_array of finite rows warns "invalid value encountered in reduce",
# and under warnings as errors it fails, though it means to keep its own overflow quiet.
#
# Version:  scikit-learn 1.9.1, NumPy 2.4.6.
# Expected: finite float32 cells pass without a word: the check sums them first, under
#           errstate(over="ignore"), and looks at single cells only if the sum is not
#           finite. A sum that overflows is infinite, and is ignored.
# Seen:     the sum of finite numbers is NaN, and NumPy warns of an invalid value, which
#           the errstate does not cover. With filterwarnings("error") check_array raises.
# Why:      NumPy adds arrays in several partial sums. Where one of them has overflown to
#           infinity and another to minus infinity, adding the two is invalid.
# Source:   sklearn/utils/validation.py (_assert_all_finite), numpy/_core/src/umath
#           (pairwise summation).
# Matters:  columns in large units held as float32 (1e38 is enough in few rows), and test
#           suites that take warnings for errors: pass float64.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q scikit-learn==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import warnings

import numpy as np
import sklearn
from sklearn.utils import check_array

print("scikit-learn", sklearn.__version__, "NumPy", np.__version__)
X = np.tile(np.float32([3e38, -3e38, 1, 1, 1, 1, 1, 1]), 4).reshape(-1, 1)
assert np.isfinite(X).all()
for dtype in (np.float32, np.float64):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_array(X.astype(dtype))
    said = [str(warning.message) for warning in caught]
    print(np.dtype(dtype).name, "sum:", X.astype(dtype).sum(), "- said:", said)
    if bool(said) != (dtype == np.float32):
        raise SystemExit("changed: finite rows of float32 pass without a warning now")
PYTHON
