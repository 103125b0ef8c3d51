"""The estimator of the page "How to add" is one of the family."""

import importlib.util
import inspect
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from joblib import parallel_config
from numpydoc.docscrape import ClassDoc
from sklearn.base import clone
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

from sklearn_aae import AAETransformer
from sklearn_aae.estimators import parameter
from sklearn_aae.utils._compat import InvalidParameterError

NAME = "decorrelated"
spec = importlib.util.spec_from_file_location(
    NAME, Path(__file__).with_name(f"{NAME}.py")
)
sys.modules[NAME] = module = importlib.util.module_from_spec(spec)  # for pickle
spec.loader.exec_module(module)
Transformer = module.DecorrelatedTransformer

X, _ = load_wine(return_X_y=True)
SMALL = {"hidden_layer_sizes": (16,), "random_state": 0, "max_iter": 30}
model = pytest.fixture(scope="module")(lambda: Transformer(**SMALL).fit(X))


@parametrize_with_checks([Transformer(hidden_layer_sizes=(8,), max_iter=5)])
def test_sklearn_checks(estimator, check):
    check(estimator)


def test_it_trains_its_phases(model):
    phases = [phase.name for phase in model.net_.module_.phases]
    assert phases == ["reconstruction", "sliced_wasserstein", "decorrelation"]
    assert {*phases} <= {*model.history_[-1]}


def test_its_parameter_counts():
    weak, strong = (
        np.corrcoef(Transformer(decorrelation_strength=s, **SMALL).fit_transform(X).T)
        for s in (0.0, 1e3)
    )
    assert abs(strong[0, 1]) < 0.5 * abs(weak[0, 1])
    with pytest.raises(InvalidParameterError, match="decorrelation_strength"):
        Transformer(decorrelation_strength=-1).fit(X)
    with pytest.raises(TypeError, match="Did you mean 'decorrelation_strength'"):
        Transformer(decorrelation_strengh=1)


def test_it_answers_like_the_others(model):
    assert model.sample(3).shape == (3, 13)
    assert model.sample_codes(3).shape == (3, 2)
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.transform(X), model.transform(X))


def test_it_trains_in_stacks():
    pipe = make_pipeline(StandardScaler(), Transformer(**SMALL | {"max_iter": 3}))
    grid = {f"{Transformer.__name__.lower()}__decorrelation_strength": [1.0, 5.0]}
    scores = []
    for backend in ("stacked", "sequential"):
        with parallel_config(backend=backend):
            scores.append(GridSearchCV(clone(pipe), grid, cv=2).fit(X).cv_results_)
    name = "mean_test_score"
    np.testing.assert_allclose(scores[0][name], scores[1][name], rtol=1e-4)


def test_its_docstring_lists_all_parameters_in_order():
    documented = [entry.name for entry in ClassDoc(Transformer)["Parameters"]]
    assert documented == [*inspect.signature(Transformer).parameters]


class Few(AAETransformer):
    """A subclass of the older kind: a constructor of its own, with few parameters."""

    def __init__(self, n_components=3, random_state=0):
        super().__init__(
            n_components,
            hidden_layer_sizes=(8,),
            max_iter=3,
            categorical_features=[1],
            random_state=random_state,
        )


def test_a_subclass_may_have_a_constructor_of_its_own():
    table = np.column_stack([X[:, 0], np.arange(178) % 3])
    few = Few().fit(table)
    assert few.get_params() == {"n_components": 3, "random_state": 0}
    assert few.columns_.n_categories == (0, 3)
    twin = pickle.loads(pickle.dumps(few))
    np.testing.assert_array_equal(twin.transform(table), few.transform(table))
    with pytest.raises(InvalidParameterError, match="n_components"):
        Few(n_components=0).fit(table)


def test_a_subclass_may_want_other_defaults_only():
    class Wide(AAETransformer):
        n_components: int = parameter(default=5, kw_only=False)
        prior: str = "laplace"

    assert Wide().get_params()["n_components"] == Wide(5).n_components == 5
    assert Wide(**SMALL).fit(X).transform(X).shape == (178, 5)
    with pytest.raises(InvalidParameterError, match="'n_components' parameter of Wide"):
        Wide(0).fit(X)


def test_tags_do_not_depend_on_valid_parameters():
    assert not get_tags(AAETransformer(prior="no such")).target_tags.required
