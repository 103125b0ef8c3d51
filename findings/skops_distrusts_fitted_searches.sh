#!/usr/bin/env bash
# skops: a fitted GridSearchCV of nothing but scikit-learn, all by default, is not loaded
# without a list of trusted types; unfitted it is.
#
# Version:  skops 0.16.0, scikit-learn 1.9.1.
# Expected: types of scikit-learn are trusted by default, so what holds no others loads.
# Seen:     estimators are, and so are pipelines and an unfitted search. Fitted, the same
#           search holds a scorer and a splitter, which are refused: _PassthroughScorer and
#           StratifiedKFold. With scoring="accuracy" it is the splitter, _Scorer, and the
#           function accuracy_score.
# Why:      the list of trusted names is made of all_estimators() and of a few kinds of
#           functions and classes; splitters, the pass-through scorer and metrics are none.
# Source:   skops/io/_trusted_types.py.
# Matters:  a search is what people store. persistence.load trusts scikit-learn's splitters,
#           scorers and metrics unasked, and TRUSTED_TYPES has their names for skops.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q skops==0.16.0 scikit-learn==1.9.1
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import skops
import sklearn
from skops.io import dumps, get_untrusted_types
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

print("skops", skops.__version__, "scikit-learn", sklearn.__version__)
X, y = load_iris(return_X_y=True)
model = make_pipeline(StandardScaler(), LogisticRegression())
grid = {"logisticregression__C": [0.1, 1.0]}
found = {
    "pipeline": get_untrusted_types(data=dumps(model.fit(X, y))),
    "search": get_untrusted_types(data=dumps(GridSearchCV(model, grid))),
}
for scoring in (None, "accuracy"):
    search = GridSearchCV(model, grid, scoring=scoring).fit(X, y)
    found[f"fitted search, scoring={scoring}"] = get_untrusted_types(data=dumps(search))
expected = {
    "pipeline": set(),
    "search": set(),
    "fitted search, scoring=None": {"_PassthroughScorer", "StratifiedKFold"},
    "fitted search, scoring=accuracy": {"accuracy_score", "_Scorer", "StratifiedKFold"},
}
for name, types in found.items():
    print(f"{name}: {sorted(types)}")
    if {one.rpartition(".")[2] for one in types} != expected[name]:
        raise SystemExit("changed: other types are trusted")
PYTHON
