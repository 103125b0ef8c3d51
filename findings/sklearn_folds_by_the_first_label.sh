#!/usr/bin/env bash
# scikit-learn: whether folds are by class can depend on the first label alone.
#
# Version:  scikit-learn 1.9.1, numpy 2.4.6.
# Expected: labels of text beside -1 are what SelfTrainingClassifier asks for ("use dtype
#           object, and use -1 as the label for unlabeled samples"), so they are split by
#           class, or refused.
# Seen:     it fits them. check_cv, and so GridSearchCV and cross_validate, raise TypeError
#           ('<' between int and str) where the first label is a text; where it is -1 they
#           take unshuffled folds that no class counts for, without a word: of rows in the
#           order of their classes, one fold of three trains without a class.
# Why:      objects count as text by their first element; others are an "unknown" type of
#           target, for which check_cv falls back to KFold.
# Source:   sklearn/utils/multiclass.py, type_of_target; sklearn/model_selection/_split.py,
#           check_cv.
# Matters:  few labels of text in a search. Number the classes, with -1 for none, or pass cv.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q scikit-learn==1.9.1 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import sklearn
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import check_cv
from sklearn.semi_supervised import SelfTrainingClassifier

print("scikit-learn", sklearn.__version__)
X, number = load_iris(return_X_y=True)
text = np.array(["setosa", "versicolor", "virginica"])[number]
model = SelfTrainingClassifier(LogisticRegression(max_iter=1000))
try:
    model.fit(X, text)
    asks = False
except ValueError as error:
    print("of text it says:", error)
    asks = "dtype object" in str(error)

y = text.astype(object)
y[np.random.RandomState(0).permutation(len(y))[:75]] = -1
found = {}
for first in ("a text", "-1"):
    hidden = y == -1
    chosen = np.flatnonzero(hidden if first == "-1" else ~hidden)[0]
    order = [chosen, *np.delete(np.arange(len(y)), chosen)]
    known, labels = text[order], y[order]
    score = model.fit(X[order], labels).score(X, text)
    try:
        cv = check_cv(3, labels, classifier=True)
        classes = [
            len({c for c in labels[train] if c != -1})
            for train, _ in cv.split(X[order], labels)
        ]
        found[first] = (type(cv).__name__, min(classes))
    except TypeError as error:
        found[first] = ("TypeError", str(error)[:3])
    print(f"the first label is {first}: fits (accuracy {score:.2f}), folds: {found[first]}")
if not (asks and found == {"a text": ("TypeError", "'<'"), "-1": ("KFold", 2)}):
    raise SystemExit("changed: folds are otherwise")
PYTHON
