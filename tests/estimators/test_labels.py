"""What labels may be: unlabelled rows, text, weights of classes, chunks."""

import contextlib
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.model_selection import KFold, cross_val_score

from sklearn_aae import (
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.estimators._labels import warn_of_many_classes
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.training import Classify

SMALL = {"hidden_layer_sizes": (16,), "random_state": 0, "max_iter": 5}


@pytest.fixture(scope="module")
def wine():
    """Rows, labels, and labels of which four in five are -1."""
    X, y = load_wine(return_X_y=True)
    return X, y, np.where(np.arange(len(y)) % 5 == 0, y, -1)


@pytest.fixture(scope="module")
def fitted(wine):
    return SemiSupervisedAAEClassifier(**SMALL).fit(wine[0], wine[2])


def as_text(y, unlabelled):
    """Labels as text, and a mark for -1."""
    names = np.array(["a", "b", "c", unlabelled], dtype=object)
    return names[y]


@pytest.mark.parametrize("unlabelled", [-1, -1.0, None, np.nan])
def test_marks_of_unlabelled_rows_among_text(unlabelled, wine, fitted):
    X, _, few = wine
    model = SemiSupervisedAAEClassifier(**SMALL).fit(X, as_text(few, unlabelled))
    assert model.classes_.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(model.predict_proba(X), fitted.predict_proba(X))
    assert model.score(X, as_text(few, unlabelled)) == fitted.score(X, few)


@pytest.mark.parametrize("mark", ["-1", "nan", "None", "<NA>", "NaT", ""])
def test_marks_that_are_text_are_warned_of(mark, wine):
    X, _, few = wine
    with pytest.warns(UserWarning, match=f"the text '{mark}', which is taken as a cla"):
        model = SemiSupervisedAAEClassifier(**SMALL).fit(X, as_text(few, mark))
    assert mark in model.classes_


@pytest.mark.parametrize(
    "model",
    [SemiSupervisedAAEClassifier(), AAETransformer(prior="gaussian_mixture")],
)
def test_text_beside_numbers_is_refused(model, wine):
    y = np.where(wine[1] == 1, "b", wine[1].astype(object))
    with pytest.raises(ValueError, match=r"Unknown label type.*'b'.* 0"):
        model.fit(wine[0], y)


@pytest.mark.parametrize("unlabelled", [-1, None, np.nan])
def test_score_is_of_labelled_rows(unlabelled, wine, fitted):
    X, y, few = wine
    told = few >= 0
    marked = np.where(told, y.astype(object), unlabelled)
    weight = np.arange(1.0, 1 + len(y))
    right = fitted.predict(X) == y
    assert fitted.score(X, marked) == right[told].mean()
    assert fitted.score(X, marked, weight) == pytest.approx(
        np.average(right[told], weights=weight[told])
    )
    with pytest.raises(ValueError, match="score needs labelled rows"):
        fitted.score(X[~told], marked[~told])


def test_a_search_scores_labelled_rows(wine):
    X, _, few = wine
    folds = KFold(3, shuffle=True, random_state=0)
    model = SemiSupervisedAAEClassifier(**SMALL)
    scores = [
        cross_val_score(model, X, y, cv=folds)
        for y in (few, as_text(few, None), as_text(few, np.nan))
    ]
    assert np.isfinite(scores).all()
    np.testing.assert_array_equal(scores[0], scores[1])
    np.testing.assert_array_equal(scores[0], scores[2])


def test_no_label_at_all(wine):
    X = wine[0]
    for model in (ConditionalAAETransformer(), SemiSupervisedAAEClassifier()):
        for nothing in (np.full(len(X), -1), np.full(len(X), None)):
            with pytest.raises(ValueError, match="needs labelled rows"):
                model.fit(X, nothing)


def test_labels_of_validation_rows(wine):
    X, y, few = wine
    model = SemiSupervisedAAEClassifier(**SMALL)
    with pytest.raises(ValueError, match="requires y_val beside X_val"):
        model.fit(X, few, X_val=X[:30])
    with pytest.raises(ValueError, match="y_val was passed without X_val"):
        model.fit(X, few, y_val=y[:30])
    model.fit(X, few, X_val=X[:30], y_val=np.full(30, -1))
    assert "valid_loss" in model.history_[-1]


@pytest.mark.parametrize(
    "class_weight",
    [{0: -1, 1: 1, 2: 1}, {0: np.nan}, {0: 0, 1: 0, 2: 0}, {0: 1, "one": 2}],
)
def test_weights_of_classes_are_checked(class_weight, wine):
    model = SemiSupervisedAAEClassifier(class_weight=class_weight, **SMALL)
    with pytest.raises(ValueError, match="'class_weight' parameter"):
        model.fit(wine[0], wine[2])


def class_weights(model):
    """Return the weights of the classes in the loss."""
    phases = model.net_.module_.phases
    return next(p.class_weight for p in phases if isinstance(p, Classify))


def class_prior(model):
    """Return p(y), as the fitted prior has it."""
    prior = model.prior_
    return np.asarray(
        prior.class_prior if hasattr(prior, "class_prior") else prior.weights
    )


def test_weights_of_classes_that_a_first_chunk_lacks(wine):
    X, y, _ = wine
    model = SemiSupervisedAAEClassifier(class_weight={0: 1, 2: 9}, **SMALL)
    model.partial_fit(X[y < 2], y[y < 2], classes=[0, 1, 2])
    assert class_weights(model) == (1, 1, 9)


def test_weights_of_classes_may_change(wine):
    X, _, few = wine
    models = [
        SemiSupervisedAAEClassifier(warm_start=True, **SMALL).fit(X, few)
        for _ in range(2)
    ]
    models[1].set_params(class_weight={0: 50})
    shares = [model.fit(X, few).predict_proba(X) for model in models]
    assert class_weights(models[1]) == (50, 1, 1)
    assert np.abs(shares[0] - shares[1]).max() > 1e-3
    models[1].set_params(class_weight=None).fit(X, few)  # and back
    assert class_weights(models[1]) is None


def test_classes_of_chunks(wine):
    X, y, few = wine
    model = SemiSupervisedAAEClassifier(**SMALL)
    with pytest.raises(ValueError, match=r"one class only.*classes=\[...\]"):
        model.partial_fit(X[:50], few[:50])
    assert not hasattr(model, "classes_")
    model.partial_fit(X[:50], few[:50], classes=[0, 1, 2]).partial_fit(X[50:], y[50:])
    with pytest.raises(ValueError, match="not the same as on the first call"):
        model.partial_fit(X, y, classes=[0, 1])


ORDERED = [
    AAETransformer(prior="gaussian_mixture", random_state=0),
    ConditionalAAETransformer(random_state=0),
]


@pytest.mark.parametrize("model", ORDERED, ids=lambda model: type(model).__name__)
def test_chunks_in_the_order_of_their_labels(model, wine):
    X, y, _ = wine
    model = clone(model)
    for c in (2, 0, 1):
        model.partial_fit(X[y == c], y[y == c], classes=[2, 1, 0])
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.sample(4, y=[0, 1, 2, 2], random_state=0).shape == (4, X.shape[1])
    # The two that the first chunk lacks count as one row each.
    n = (y == 2).sum()
    np.testing.assert_allclose(
        class_prior(model), np.array([1, 1, n]) / (n + 2), rtol=1e-6
    )
    with pytest.raises(ValueError, match="not the same as on the first call"):
        model.partial_fit(X, y, classes=[0, 1])
    untold = clone(model).partial_fit(X[y == 2], y[y == 2])
    with pytest.raises(ValueError, match=r"did not see: \[0, 1\].*classes=\[...\]"):
        untold.partial_fit(X, y)


def test_a_first_chunk_without_labels_and_its_classes(wine):
    X, y, _ = wine
    model = clone(ORDERED[0]).partial_fit(X, classes=["a", "b", "c"])
    assert class_prior(model) == pytest.approx([1 / 3] * 3)
    model.partial_fit(X, np.array(["a", "b", "c"])[y])
    assert model.sample(1, y="c").shape == (1, X.shape[1])


@pytest.mark.parametrize("model", [AAETransformer(), GANSampler()])
def test_classes_without_a_use_are_refused(model, wine):
    with pytest.raises(ValueError, match="no use for classes"):
        model.partial_fit(wine[0], classes=[0, 1, 2])
    assert not hasattr(model, "net_")


def test_validation_rows_are_no_pair(wine):
    X, y, few = wine
    model = SemiSupervisedAAEClassifier(**SMALL)
    with pytest.raises(ValueError, match=r"X_val must be rows, not a pair.*as y_val"):
        model.fit(X, few, X_val=(X, y), y_val=y)


# --- one notion of a missing label, in every estimator --------------------------------

TINY = {"hidden_layer_sizes": (8,), "random_state": 0, "max_iter": 1}
TAKE_LABELS = {
    "AAETransformer": AAETransformer(prior="gaussian_mixture", **TINY),
    "ConditionalAAETransformer": ConditionalAAETransformer(**TINY),
    "SemiSupervisedAAEClassifier": SemiSupervisedAAEClassifier(
        agreement_strength=0, smoothness_strength=0, **TINY
    ),
}
FORTY = np.random.default_rng(0).normal(size=(40, 3))
TEXT = ["a", "b", None, None] * 10
WHOLE = [3, 1, None, None] * 10
LABELS = {
    "list": (TEXT, ["a", "b"]),
    "text beside -1": (["a", "b", -1, np.nan] * 10, ["a", "b"]),
    "Arrow dictionary": (
        pa.chunked_array([pa.array(TEXT).dictionary_encode()]),
        ["a", "b"],
    ),
    "Arrow table": (
        pa.Table.from_pandas(pd.DataFrame({"y": pd.Categorical(TEXT)}))["y"],
        ["a", "b"],
    ),
    "pandas categorical": (pd.Series(pd.Categorical(TEXT)), ["a", "b"]),
    "polars categorical": (pl.Series(TEXT, dtype=pl.Categorical), ["a", "b"]),
    "masked": (np.ma.array([3, 1, 7, 7] * 10, mask=[0, 0, 1, 1] * 10), [1, 3]),
    "Arrow whole numbers": (pa.array(WHOLE), [1, 3]),
    "polars whole numbers": (pl.Series(WHOLE), [1, 3]),
    "pandas whole numbers": (pd.Series(WHOLE, dtype="Int64"), [1, 3]),
    "Arrow booleans": (pa.array([True, False, None, None] * 10), [False, True]),
    "booleans beside -1": ([True, False, -1, None] * 10, [False, True]),
}


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("name", TAKE_LABELS)
def test_rows_without_a_label_are_no_class(name, kind):
    y, classes = LABELS[kind]
    model = clone(TAKE_LABELS[name]).fit(FORTY, y, X_val=FORTY, y_val=y)
    assert model.classes_.tolist() == classes
    assert [type(c) for c in model.classes_.tolist()] == [type(c) for c in classes]
    np.testing.assert_allclose(class_prior(model), [0.5, 0.5], rtol=1e-6)
    assert model.sample(2, y=pa.array(classes)).shape == (2, 3)
    if name.startswith("Semi"):
        found = model.predict(FORTY)
        assert set(found.tolist()) <= set(classes)
        truth = np.array([*classes[:: -1 if kind not in TEXTS else 1]] * 10)
        labelled = np.arange(40) % 4 < 2
        assert model.score(FORTY, y) == (found[labelled] == truth).mean()
    if name.startswith("Conditional"):
        bare = model.score_samples(FORTY)
        same = model.score_samples(FORTY, y) == bare
        np.testing.assert_array_equal(same, np.arange(40) % 4 > 1)


TEXTS = [kind for kind, (_, classes) in LABELS.items() if classes == ["a", "b"]]


@pytest.mark.parametrize("name", TAKE_LABELS)
def test_minus_one_is_a_class_only_if_it_is_named(name):
    model, y = clone(TAKE_LABELS[name]), np.resize([-1, 0], 40)
    assert model.fit(FORTY, y, classes=[0, -1]).classes_.tolist() == [-1, 0]
    np.testing.assert_allclose(class_prior(model), [0.5, 0.5], rtol=1e-6)
    refused = name.startswith("Semi")
    problem = pytest.raises(ValueError, match=r"class labels \[0\].*classes=\[")
    told = pytest.warns(UserWarning, match=r"Rows of -1 are unlabelled.*=\[-1, 0")
    with problem if refused else contextlib.nullcontext(), told:
        model.fit(FORTY, y)
    if not refused:
        assert model.classes_.tolist() == [0]
    # Of a fold that lacks a class the fit is told so.
    model.fit(FORTY, y, classes=[0, 1])
    np.testing.assert_allclose(class_prior(model), [40 / 41, 1 / 41], rtol=1e-6)


@pytest.mark.parametrize("name", TAKE_LABELS)
def test_chunks_decide_nothing_about_minus_one(name):
    model, y = clone(TAKE_LABELS[name]), np.resize([-1, 1], 40)
    if name.startswith("Semi"):
        with pytest.raises(ValueError, match="The first chunk has one class only: 1"):
            model.partial_fit(FORTY, y)
    else:
        with pytest.warns(UserWarning, match="Rows of -1 are unlabelled"):
            assert model.partial_fit(FORTY, y).classes_.tolist() == [1]
    model = clone(model).partial_fit(FORTY, y, classes=[-1, 1])
    assert model.classes_.tolist() == [-1, 1]


def test_minus_one_and_one_are_classes_as_scikit_learn_writes_them():
    model, y = clone(TAKE_LABELS["SemiSupervisedAAEClassifier"]), np.resize([-1, 1], 40)
    with pytest.warns(UserWarning, match=r"only labels in y are -1 and 1.*classes="):
        model.fit(FORTY, y)
    assert model.classes_.tolist() == [-1, 1]
    assert model.score(FORTY, y) == (model.predict(FORTY) == y).mean()
    with pytest.raises(ValueError, match=r"y holds \[0, 2\] as well"):
        model.score(FORTY, np.resize([-1, 0, 1, 2], 40))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(FORTY, y, classes=y[:2])


@pytest.mark.parametrize("name", TAKE_LABELS)
def test_folds_may_lack_a_class_that_is_named(name):
    y = np.repeat([0, 1, 2, 3], 10)  # each fold of four lacks one
    model = TAKE_LABELS[name]
    told = {"params": {"classes": [0, 1, 2, 3]}, "error_score": "raise"}
    assert np.isfinite(cross_val_score(model, FORTY, y, cv=KFold(4), **told)).all()
    with pytest.raises(ValueError, match=r"There are labels.*\[9\].*classes=\["):
        clone(model).fit(FORTY, y, X_val=FORTY[:1].repeat(2, 0), y_val=[9, 0])
    with pytest.raises(ValueError, match="classes holds a missing label"):
        clone(model).fit(FORTY, y, classes=[0, 1, 2, None])


@pytest.mark.parametrize(
    "name", ["ConditionalAAETransformer", "SemiSupervisedAAEClassifier"]
)
def test_what_is_no_label_is_told_by_the_name_of_the_argument(name):
    model, y = clone(TAKE_LABELS[name]), np.resize([0, 1], 40)
    for wrong in (np.where(y, 0.5, np.nan), pa.array([0.5, None] * 20)):
        with pytest.raises(
            ValueError, match=r"y holds numbers .* not whole, such as 0\.5"
        ):
            model.fit(FORTY, wrong)
        with pytest.raises(ValueError, match=r"y_val holds numbers .* not whole"):
            model.fit(FORTY, y, X_val=FORTY, y_val=wrong)
    with pytest.raises(ValueError, match="y holds dates or times"):
        model.fit(FORTY, np.resize(np.array(["2020", "2021"], "M8[ns]"), 40))


def test_one_mark_may_stand_for_all_rows():
    y = np.resize([0, 1], 40)
    model = clone(TAKE_LABELS["ConditionalAAETransformer"]).fit(FORTY, y)
    bare = model.reconstruct(FORTY)
    for mark in (-1, np.nan, [None] * 40, np.ma.masked_all(40, int)):
        np.testing.assert_array_equal(model.reconstruct(FORTY, mark), bare)


# --- targets that are no classes ------------------------------------------------------


@pytest.mark.parametrize("name", TAKE_LABELS)
def test_a_regression_target_is_warned_of(name):
    y = np.random.default_rng(0).permutation(np.arange(25, 65))
    remedy = "leave it out; a prior without|make classes of it, for example"
    message = f"y holds 40 classes in 40 rows.*regression target, ({remedy})"
    with pytest.warns(UserWarning, match=message):
        clone(TAKE_LABELS[name]).fit(FORTY, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clone(TAKE_LABELS[name]).fit(FORTY, y, classes=y)


@pytest.mark.parametrize(
    ("y", "warned"),
    [
        (np.arange(442) % 214, True),
        (np.where(np.arange(442) % 10, -1, np.arange(442) * 3), True),  # of few labels
        (np.arange(30) // 2, False),
        (np.arange(24), True),
        (np.where(np.arange(400) % 10, -1, np.arange(400) // 10), False),  # one each
        (np.arange(400) // 10, False),
        (np.arange(1000) // 10, False),
        (np.arange(10), False),
    ],
)
def test_classes_that_are_many_for_the_rows(y, warned):
    classes, codes = np.unique(y[y >= 0]), np.full(len(y), -1)
    codes[y >= 0] = np.searchsorted(classes, y[y >= 0])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        warn_of_many_classes(codes, classes, "leave it out")
    assert bool(told) == warned


# --- rows held out --------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_held_out_rows_are_of_each_class_alike(seed):
    y = np.repeat([-1, 0, 1, 2], [60, 30, 9, 1])
    rows = Rows(np.arange(100.0)[:, None], y)
    kept, held = rows.split(0.2, seed)
    assert np.bincount(held.y + 1, minlength=4).tolist() == [12, 6, 2, 0]
    together = np.concatenate([kept.X, held.X]).ravel()
    assert sorted(together) == list(range(100))
    again = rows.split(0.2, seed)
    np.testing.assert_array_equal(again[1].X, held.X)


@pytest.mark.parametrize("seed", range(5))
def test_the_last_label_of_a_class_is_trained_on(seed):
    y = np.full(60, -1)
    y[:20] = np.arange(20) // 2  # two labels a class
    kept, held = Rows(FORTY[np.arange(60) % 40], y).split(0.8, seed)
    assert len(held) == 48
    assert set(kept.y) >= set(range(10))


def test_too_few_rows_to_hold_out():
    rows = Rows(FORTY[:6], np.arange(6))
    with pytest.raises(ValueError, match=r"only 0 can be spared.*Pass X_val"):
        rows.split(0.3, 0)


@pytest.mark.parametrize("name", TAKE_LABELS)
def test_early_stopping_trains_on_each_class(name, monkeypatch):
    y = np.where(np.arange(40) < 10, np.arange(40), -1)  # one label a class
    parts, split = [], Rows.split
    monkeypatch.setattr(
        Rows, "split", lambda *args: parts.append(split(*args)) or parts[-1]
    )
    for seed in range(3):
        model = clone(TAKE_LABELS[name]).set_params(early_stopping=True)
        model.set_params(random_state=seed, n_init=2).fit(FORTY, y)
    for kept, held in parts:
        assert set(range(10)) <= set(kept.y)
        assert held.y.tolist() == [-1] * 4


COLUMNS = {
    "array": lambda y: y[:, None],
    "list": lambda y: [[label] for label in y],
    "pandas": lambda y: pd.DataFrame({"y": y}),
    "polars": lambda y: pl.DataFrame({"y": y}),
}


@pytest.mark.parametrize("container", COLUMNS)
@pytest.mark.parametrize(
    ("method", "name"), [("fit", "y"), ("partial_fit", "y"), ("fit", "y_val")]
)
def test_labels_are_warned_of_once(container, method, name):
    X = np.random.RandomState(0).normal(size=(12, 2))
    y = np.arange(12) % 2
    column = COLUMNS[container](y)
    options = {"y": column} if name == "y" else {"y": y, "X_val": X, "y_val": column}
    small = {"hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0}
    for estimator in (SemiSupervisedAAEClassifier, ConditionalAAETransformer):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            getattr(estimator(**small), method)(X, **options)
        said = [str(w.message) for w in caught if "column-vector" in str(w.message)]
        assert len(said) == (container != "list"), (estimator, said)
        assert all(f"column-vector {name} was" in text for text in said)


def test_the_text_of_minus_one_is_warned_of_once_by_its_name():
    X, y = np.random.RandomState(0).normal(size=(12, 2)), np.array(["a", "b"] * 6)
    small = {"hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0}
    told = np.where(np.arange(12) < 3, "-1", y)
    with pytest.warns(UserWarning, match="text '-1'") as caught:
        SemiSupervisedAAEClassifier(**small).fit(X, told)
    assert [str(w.message).split()[0] for w in caught if "'-1'" in str(w.message)] == [
        "y"
    ]


def test_the_labels_of_too_many_rows_are_named():
    X, y = np.random.RandomState(0).normal(size=(12, 2)), np.arange(12) % 2
    small = {"hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0}
    for estimator in (SemiSupervisedAAEClassifier, ConditionalAAETransformer):
        with pytest.raises(ValueError, match="X_val has 12, y_val has 5"):
            estimator(**small).fit(X, y, X_val=X, y_val=y[:5])
        with pytest.raises(ValueError, match="X has 12, y has 5"):
            estimator(**small).fit(X, y[:5])


def test_nested_labels_of_a_first_chunk_are_no_class():
    X, y = np.random.RandomState(0).normal(size=(12, 2)), pl.Series([[1, 2]] * 12)
    with pytest.raises(ValueError, match="y holds values of the type list"):
        SemiSupervisedAAEClassifier(**SMALL).partial_fit(X, y)
