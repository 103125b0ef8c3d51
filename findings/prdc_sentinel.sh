#!/usr/bin/env bash
# prdc: a placeholder such as 99,999,999 in one column makes precision, recall, density
# and coverage of two samples of one distribution fall to about a tenth.
#
# Version:  prdc 0.2, scikit-learn 1.9.1, numpy 2.4.6, scipy 1.17.1.
# Expected: what distances taken directly (scipy's cdist) give by the same definitions:
#           density 0.97, coverage 0.98 for two samples of 400 rows, where nine in ten
#           rows hold the placeholder in the first of three columns.
# Seen:     density 0.09, coverage 0.12, precision 0.10, recall 0.11.
# Why:      distances are taken as |a|² + |b|² - 2ab, which keeps no digit of what differs
#           between two rows of length 1e8; many come out as exactly 0.
# Source:   https://github.com/clovaai/generative-evaluation-prdc/blob/master/prdc/prdc.py
#           (sklearn.metrics.pairwise_distances).
# Matters:  tables, where such placeholders are common; and features far from the origin.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q prdc==0.2 scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import numpy as np
from prdc import compute_prdc
from scipy.spatial.distance import cdist

rng = np.random.RandomState(0)
real, fake = rng.normal(size=(2, 400, 3))
plain = compute_prdc(real, fake, nearest_k=5)
for rows in (real, fake):
    rows[rng.rand(400) < 0.9, 0] = 99_999_999
radius = np.sort(cdist(real, real), axis=1)[:, 5]
inside = cdist(fake, real) < radius
direct = inside.sum() / (5 * 400), inside.any(axis=0).mean()
found = compute_prdc(real, fake, nearest_k=5)
print("without placeholder", {name: round(float(v), 3) for name, v in plain.items()})
print("with               ", {name: round(float(v), 3) for name, v in found.items()})
print("by cdist            density %.3f, coverage %.3f" % direct)
assert direct[0] > 0.9 and direct[1] > 0.9 and plain["density"] > 0.8
assert max(found.values()) < 0.3, "changed: distances keep their digits now"
PYTHON
