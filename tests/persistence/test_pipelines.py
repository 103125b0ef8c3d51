"""Pipelines and searches come back from a file, or are refused before it is written."""

import functools
import warnings

import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from scipy.stats import loguniform, randint
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SelectKBest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
    RepeatedKFold,
    StratifiedShuffleSplit,
    TimeSeriesSplit,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from torch import distributions as D
from torch import nn

from sklearn_aae import AAETransformer, SemiSupervisedAAEClassifier, priors
from sklearn_aae.metrics import aae_scorer, history_scores, labelled_scorer
from sklearn_aae.persistence import TRUSTED_TYPES, RefusedFileError, load, save

SMALL = {"hidden_layer_sizes": (4,), "max_iter": 1, "random_state": 0}
AAE = AAETransformer(2, **SMALL)
X, Y = np.random.RandomState(0).normal(size=(30, 3)), np.arange(30) % 2
FRAME = pd.DataFrame(X, columns=list("abc")).assign(kind=["u", "v", "w"] * 10)
NORMAL = D.Normal(torch.zeros(2), torch.tensor([1.0, 2.0]))


def test_a_pipeline(make, there_and_back):
    steps = StandardScaler(), make("AAETransformer"), LogisticRegression()
    X, y = np.random.RandomState(0).normal(size=(30, 3)), np.arange(30) % 2
    model = make_pipeline(*steps).fit(X, y)
    loaded = there_and_back(model)
    assert np.array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_a_search_with_a_prior_and_a_frame(make, there_and_back, assert_same):
    model = make("AAETransformer", "pandas", prior=priors.Laplace(2))
    frame = pd.DataFrame({"x": np.arange(30.0), "kind": ["a", "b", "c"] * 10})
    search = GridSearchCV(model, {"n_components": [2]}, cv=2).fit(frame)
    loaded = there_and_back(search)
    assert loaded.best_score_ == search.best_score_
    assert_same(search.best_estimator_, loaded.best_estimator_, frame)


@pytest.mark.parametrize(
    "options",
    [
        {"scoring": "accuracy", "cv": StratifiedShuffleSplit(2, random_state=0)},
        {"scoring": ["accuracy", "f1"], "refit": "f1", "cv": RepeatedKFold(n_splits=2)},
        {"scoring": "roc_auc", "cv": TimeSeriesSplit(2)},
    ],
)
def test_a_search_by_any_scores_and_splits(options, make, there_and_back):
    X, y = np.random.RandomState(0).normal(size=(30, 3)), np.arange(30) % 2
    model = make("SemiSupervisedAAEClassifier")
    search = GridSearchCV(model, {"n_components": [1, 2]}, **options).fit(X, y)
    loaded = there_and_back(search)
    assert loaded.best_score_ == search.best_score_
    assert np.array_equal(loaded.predict_proba(X), search.predict_proba(X))


# --- what is trusted unasked ----------------------------------------------------------

SIZES = {"n_components": [1, 2]}
LABELLED = SemiSupervisedAAEClassifier(2, **SMALL)
FRECHET = aae_scorer("frechet_distance")


def last_loss(model, X, y=None):
    return history_scores(model)["reconstruction_loss"]


TRUSTED = {
    "our scorer": GridSearchCV(AAE, SIZES, cv=2, scoring=FRECHET),
    "our scorers": GridSearchCV(
        AAE,
        SIZES,
        cv=2,
        scoring={"a": FRECHET, "b": aae_scorer("prior_match")},
        refit="b",
    ),
    "labels": GridSearchCV(
        LABELLED, SIZES, cv=2, scoring=labelled_scorer(make_scorer(f1_score))
    ),
    "halving": HalvingGridSearchCV(AAE, SIZES, cv=2, scoring=FRECHET),
    "bunch": VotingClassifier(
        [
            ("codes", make_pipeline(AAE, LogisticRegression())),
            ("rows", LogisticRegression()),
        ]
    ),
    "calibrated": CalibratedClassifierCV(LABELLED, cv=2),
    "perceptron": make_pipeline(
        AAE, SelectKBest(k=1), MLPClassifier((2,), max_iter=500, random_state=0)
    ),
    "device": make_pipeline(AAETransformer(2, device=torch.device("cpu"), **SMALL)),
}


@pytest.mark.parametrize("name", TRUSTED)
def test_what_is_trusted_unasked(name, there_and_back, recwarn, tmp_path):
    model = TRUSTED[name].fit(X, Y)
    loaded = there_and_back(model)
    assert not [w for w in recwarn if "trust" in str(w.message)]
    method = "predict" if hasattr(model, "predict") else "transform"
    expected = getattr(model, method)(X)
    assert np.array_equal(getattr(loaded, method)(X), expected)
    if hasattr(model, "scorer_"):
        assert loaded.score(X, Y) == model.score(X, Y)
    skops.io.dump(model, tmp_path / "m")
    other = skops.io.load(tmp_path / "m", trusted=TRUSTED_TYPES)
    assert np.array_equal(getattr(other, method)(X), expected)


def test_columns_that_are_selected_by_dtype(there_and_back):
    numbers = StandardScaler(), make_column_selector(dtype_include=np.number)
    texts = OneHotEncoder(sparse_output=False), make_column_selector(pattern="kind")
    model = make_pipeline(make_column_transformer(numbers, texts), AAE).fit(FRAME)
    assert np.array_equal(
        there_and_back(model).transform(FRAME), model.transform(FRAME)
    )


# --- what is not, as save says --------------------------------------------------------

LEARNING_RATES = {"learning_rate": loguniform(1e-4, 1e-2)}
FOREIGN = [
    (make_pipeline(AAE, RandomForestClassifier(3, random_state=0)), "Tree"),
    (make_pipeline(AAE, HistGradientBoostingClassifier(max_iter=2)), "TreePredictor"),
    (
        RandomizedSearchCV(
            make_pipeline(AAETransformer(2, **SMALL), LogisticRegression()),
            {f"aaetransformer__{name}": p for name, p in LEARNING_RATES.items()},
            n_iter=1,
            cv=2,
        ),
        "reciprocal_gen",
    ),
]


@pytest.mark.parametrize(("model", "kind"), FOREIGN, ids=lambda v: str(v)[:13])
def test_save_says_what_load_wants_to_be_told(model, kind, tmp_path):
    path = tmp_path / "model.aae"
    model.fit(X, Y)
    told = rf"\.{kind}'.* which load does not trust unasked\. It will want load\(path, "
    with pytest.warns(UserWarning, match=told) as caught:
        save(model, path)
    assert caught[0].filename == __file__
    with pytest.raises(RefusedFileError, match=rf"It holds .*{kind}"):
        load(path)
    names = str(caught[0].message).partition("trusted=[")[2].partition("]")[0]
    loaded = load(path, trusted=[name.strip("' ") for name in names.split(",")])
    assert np.array_equal(loaded.predict(X), model.predict(X))


def test_a_warning_that_is_an_error_leaves_the_file(tmp_path):
    model = make_pipeline(AAE, RandomForestClassifier(1)).fit(X, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        with pytest.raises(UserWarning, match="does not trust unasked"):
            save(model, tmp_path / "m")
    assert load(tmp_path / "m", trusted=["sklearn.tree._tree.Tree"]).predict(X).size


class OwnStep(StandardScaler):
    """A step of the caller."""


@pytest.mark.filterwarnings("ignore:.*OwnStep', which load does not trust")
@pytest.mark.parametrize("as_name", [False, True])
def test_own_steps_of_a_pipeline_are_to_be_trusted(as_name, make, there_and_back):
    X = np.random.RandomState(0).normal(size=(30, 3))
    model = make_pipeline(OwnStep(), make("AAETransformer")).fit(X)
    with pytest.raises(RefusedFileError, match="OwnStep"):
        there_and_back(model)
    name = f"{OwnStep.__module__}.OwnStep"
    try:
        loaded = there_and_back(model, trusted=[name if as_name else OwnStep])
    except RefusedFileError as error:  # skops imports by name: the test's has none
        pytest.skip(str(error))
    assert np.array_equal(loaded.transform(X), model.transform(X))


# --- what has no name -----------------------------------------------------------------


def local(x):
    return x


def shadowing():
    def local(x):  # the module has another one of this name
        return x + 1

    class Step(StandardScaler):
        pass

    return local, Step()


NAMELESS = [
    (make_pipeline(FunctionTransformer(lambda x: x), AAE), "functiontransformer__func"),
    (make_pipeline(FunctionTransformer(shadowing()[0]), AAE), r"__func .*\.local,"),
    (make_pipeline(shadowing()[1], AAE), r"^step holds .*\.Step, "),
    (
        make_pipeline(FunctionTransformer(functools.partial(lambda x, n: x, n=1)), AAE),
        "functiontransformer__func",
    ),
    (GridSearchCV(AAE, SIZES, scoring=lambda m, X, y: 0.0), "scoring holds"),
    (
        GridSearchCV(
            make_pipeline(AAE), {"aaetransformer__prior": [lambda n, r: r.normal(n)]}
        ),
        "param_grid holds",
    ),
    (
        make_pipeline(AAETransformer(2, prior=lambda n, r: r.normal(size=(n, 2)))),
        "aaetransformer__prior holds",
    ),
    (
        make_pipeline(
            AAETransformer(2, prior=priors.FromCallable(lambda n, r: None, 2))
        ),
        "aaetransformer__prior__draw holds",
    ),
]


@pytest.mark.parametrize(("model", "message"), NAMELESS, ids=range(len(NAMELESS)))
def test_what_has_no_name_is_refused_by_save(model, message, tmp_path):
    with pytest.raises(TypeError, match=message) as refused:
        save(model, tmp_path / "m")
    assert "file that names it could never be loaded" in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_what_has_no_name_in_a_fitted_attribute(tmp_path):
    model = make_pipeline(AAE)
    model.extra_ = lambda: None
    with pytest.raises(
        TypeError, match=r"^The estimator holds .*<lambda>, which its mod"
    ):
        save(model, tmp_path / "m")


def test_what_skops_cannot_store_is_said(tmp_path):
    search = RandomizedSearchCV(AAE, {"n_components": randint(1, 3)})
    with pytest.raises(
        TypeError, match="skops cannot store this RandomizedSearchCV: R"
    ):
        save(search, tmp_path / "m")


# --- objects of torch -----------------------------------------------------------------


class Narrow(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)

    def forward(self, x):
        return torch.tanh(self.linear(x))


OF_TORCH = [
    {"prior": NORMAL},
    {"prior": priors.FromDistribution(NORMAL, 2)},
    {"prior": priors.Gamma(2, concentration=3.0)},
    {"encoder": nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))},
    {"prior": NORMAL, "warm_start": True},
]


@pytest.mark.parametrize("options", OF_TORCH, ids=str)
def test_a_pipeline_with_objects_of_torch(options, make, there_and_back, assert_same):
    aae = make("AAETransformer", **options)
    model = make_pipeline(StandardScaler(), aae).fit(X)
    before = model.transform(X)
    loaded = there_and_back(model)
    assert np.array_equal(loaded.transform(X), before)
    assert np.array_equal(model.transform(X), before)
    for name, value in options.items():
        assert type(getattr(loaded[-1], name)) is type(value)
    assert_same(model[-1], loaded[-1], X)
    model.fit(X)
    loaded.fit(X)
    assert np.array_equal(loaded.transform(X), model.transform(X))


def test_a_search_of_torch_priors(there_and_back):
    steps = make_pipeline(StandardScaler(), AAE, LogisticRegression())
    grid = {"aaetransformer__prior": [NORMAL, D.Laplace(0.0, 1.0), "gaussian"]}
    search = GridSearchCV(steps, grid, cv=2).fit(X, Y)
    loaded = there_and_back(search)
    assert np.array_equal(loaded.predict_proba(X), search.predict_proba(X))
    kinds = [type(prior) for prior in loaded.param_grid["aaetransformer__prior"]]
    assert kinds == [D.Normal, D.Laplace, str]
    tried = loaded.cv_results_["param_aaetransformer__prior"]
    assert tried[0] is loaded.param_grid["aaetransformer__prior"][0]


def test_own_modules_in_a_pipeline_are_to_be_trusted(tmp_path):
    model = make_pipeline(AAETransformer(2, encoder=Narrow(), **SMALL)).fit(X)
    with pytest.warns(UserWarning, match=r"m holds Narrow, .* trusted=\[Narrow\]\)"):
        save(model, tmp_path / "m")
    with pytest.raises(RefusedFileError, match=r"Narrow.*pass it in trusted"):
        load(tmp_path / "m")
    loaded = load(tmp_path / "m", trusted=[Narrow])
    assert np.array_equal(loaded.transform(X), model.transform(X))


FORGED = [
    ([{"named": "os.system"}], "holds 'os.system', which is not of this library"),
    ([], "does not fit together"),
    (3, "Nothing uses its array 'objects.0.loc'"),
    ({"array": "skops"}, "Nothing uses its array 'objects.0.loc'"),
]


@pytest.mark.parametrize(("objects", "message"), FORGED, ids=str)
def test_forged_objects_of_torch(objects, message, tmp_path, forge):
    model = make_pipeline(AAETransformer(2, prior=D.Normal(0.0, torch.ones(2))))
    save(model, tmp_path / "m")

    def change(manifest, arrays):
        manifest["objects"] = objects
        if objects == []:
            for name in {*arrays} - {"skops"}:
                del arrays[name]

    (tmp_path / "m").write_bytes(forge((tmp_path / "m").read_bytes(), change))
    with pytest.raises(RefusedFileError, match=message):
        load(tmp_path / "m")
