"""What the table benchmarks share: rows, numbers for the peers, scores.

No package of ours or of a peer is imported here.
"""

import numpy as np
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

BUNDLED = {
    "breast_cancer": load_breast_cancer,
    "digits": load_digits,
    "wine": load_wine,
}


def load_rows(load, name, seed, n_rows):
    """Return up to `n_rows` rows of a table, and their labels."""
    if name in BUNDLED:
        X, y = BUNDLED[name](return_X_y=True, as_frame=True)
        y = y.to_numpy()
    else:
        X, y = load(name)
    if len(X) > n_rows:
        X, _, y, _ = train_test_split(
            X, y, train_size=n_rows, stratify=y, random_state=seed
        )
    return X, y


def load_table(load, name, seed, n_rows):
    """Return training and test rows of a table, and their labels."""
    X, y = load_rows(load, name, seed, n_rows)
    parts = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
    return [p.reset_index(drop=True) if hasattr(p, "iloc") else p for p in parts]


def numbers():
    """Return the usual way from a mixed table to numbers."""
    text = make_column_selector(dtype_exclude="number")
    categories = make_pipeline(
        SimpleImputer(strategy="most_frequent"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    impute = SimpleImputer(strategy="median", keep_empty_features=True)
    return make_pipeline(
        make_column_transformer((categories, text), remainder=impute),
        StandardScaler(),
    )


def judge_codes(Z, Z_test, y, y_test):
    """Return both measures of both classifiers."""
    classifiers = {
        "15-NN": KNeighborsClassifier(15),
        "logistic": LogisticRegression(max_iter=2000),
    }
    row = {}
    for name, classifier in classifiers.items():
        classifier = make_pipeline(StandardScaler(), classifier).fit(Z, y)
        proba = classifier.predict_proba(Z_test)
        proba = proba[:, 1] if proba.shape[1] == 2 else proba
        row[f"AUC {name}"] = roc_auc_score(y_test, proba, multi_class="ovr")
        predicted = classifier.predict(Z_test)
        row[f"balanced {name}"] = balanced_accuracy_score(y_test, predicted)
    return row


def forest_auc(drawn, X_test, y_test):
    """Return the ROC AUC on real test rows of a forest trained on drawn ones."""
    prepare = make_column_transformer(
        (
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan),
            make_column_selector(dtype_exclude="number"),
        ),
        remainder="passthrough",
    )
    model = make_pipeline(prepare, HistGradientBoostingClassifier(random_state=0))
    y = drawn["target_"].astype(str)
    model.fit(drawn.drop(columns="target_"), y)
    return auc_of(model, X_test, y_test)


def auc_of(model, X_test, y_test):
    """Return the ROC AUC, ½ for classes that a model has never seen."""
    proba, known = model.predict_proba(X_test), model.classes_.tolist()
    classes = np.unique(y_test)
    whole = np.zeros((len(proba), len(classes)))
    for j, c in enumerate(classes):
        if str(c) in known:
            whole[:, j] = proba[:, known.index(str(c))]
    truth = y_test[:, None] == classes
    return float(
        np.mean([roc_auc_score(t, s) for t, s in zip(truth.T, whole.T, strict=True)])
    )
