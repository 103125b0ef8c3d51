"""Objects as parameters, and the names that errors call things by."""

import copy
import inspect
import pickle

import joblib
import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from torch import nn
from torch.distributions import Normal

import sklearn_aae
from sklearn_aae import AAEOutlierDetector, AAETransformer, GANSampler
from sklearn_aae.priors import (
    PRIORS,
    FromCallable,
    FromDistribution,
    Gaussian,
    GaussianMixture,
    IndependentStyle,
    LabelAndStyle,
    Laplace,
    Prior,
    SwissRoll,
)

X, _ = load_iris(return_X_y=True)
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 1, "random_state": 0}
FAMILY = [
    getattr(sklearn_aae, name)
    for name in sklearn_aae.__all__
    if isinstance(getattr(sklearn_aae, name), type)
]
each = pytest.mark.parametrize("kind", FAMILY, ids=lambda kind: kind.__name__)


def zeros(n, random_state):
    return np.zeros((n, 2))


PLAIN = {
    **{repr(kind()): kind() for kind in PRIORS.values()},
    "GaussianMixture(n_classes=3, weights=[1, 2, 3])": GaussianMixture(
        n_classes=3, weights=[1, 2, 3]
    ),
    "SwissRoll(n_classes=2, turns=1.0)": SwissRoll(n_classes=2, turns=1.0),
    "Gaussian(n_components=3, scale=2.0)": Gaussian(3, 2.0),
    "LabelAndStyle(style=Laplace(scale=2.0), class_prior=[0.2, 0.8])": LabelAndStyle(
        Laplace(scale=2.0), [0.2, 0.8]
    ),
    "IndependentStyle(style=Gaussian(), class_prior=[0.2, 0.8])": IndependentStyle(
        Gaussian(), [0.2, 0.8]
    ),
    f"FromCallable(draw={zeros!r}, n_components=2)": FromCallable(zeros, 2),
}
each_prior = pytest.mark.parametrize(
    ("text", "prior"), PLAIN.items(), ids=[text.split(" at ")[0] for text in PLAIN]
)


class Shifted(Prior):
    """A prior of a user who keeps his arguments under other names."""

    def __init__(self, n_components, shift):
        super().__init__()
        self.n_components, self._shift = n_components, shift


class Learnt(Prior):
    """A prior of a user that has weights."""

    def __init__(self, n_components=2):
        super().__init__()
        self.n_components = n_components
        self.layer = nn.Linear(2, n_components)


# === priors ===========================================================================


@each_prior
def test_a_prior_prints_what_it_was_made_with(text, prior):
    assert repr(prior) == text
    assert repr(AAETransformer(prior=prior)) == f"AAETransformer(prior={text})"
    with config_context(print_changed_only=False):
        assert all(f"{name}=" in repr(prior) for name in prior.get_params(deep=False))
    assert text.partition("(")[0] in AAETransformer(prior=prior)._repr_html_()


@each_prior
def test_copies_of_a_prior_have_the_same_hash(text, prior):
    copies = [clone(prior), copy.deepcopy(prior), pickle.loads(pickle.dumps(prior))]
    copies += [type(prior)(**prior.get_params(deep=False))]
    assert {joblib.hash(copied) for copied in copies} == {joblib.hash(prior)}
    estimator = AAETransformer(prior=prior)
    assert joblib.hash(clone(estimator)) == joblib.hash(estimator)


@each_prior
def test_copies_of_a_prior_are_the_same_module(text, prior):
    again = pickle.loads(pickle.dumps(copy.deepcopy(prior)))
    assert again.get_params().keys() == prior.get_params().keys()
    before, after = dict(prior.named_buffers()), dict(again.named_buffers())
    assert before.keys() == after.keys()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    moved = pickle.loads(pickle.dumps(copy.deepcopy(prior).double()))
    assert all(tensor.dtype == torch.float64 for tensor in moved.buffers())


def test_what_is_changed_by_hand_stays():
    prior = GaussianMixture(n_classes=2)
    prior.means += 5
    for copied in (clone(prior), pickle.loads(pickle.dumps(prior))):
        assert torch.equal(copied.means, prior.means)
    assert joblib.hash(prior) != joblib.hash(GaussianMixture(n_classes=2))


def test_parameters_of_a_prior_change_as_if_it_were_made_anew():
    prior = GaussianMixture(n_classes=2)
    assert prior.set_params(n_classes=5, radius=3.0) is prior
    fresh = GaussianMixture(n_classes=5, radius=3.0)
    assert torch.equal(prior.means, fresh.means)
    assert torch.equal(prior.probabilities, fresh.probabilities)
    labelled = LabelAndStyle(Laplace(), [0.2, 0.8]).set_params(style__scale=2.0)
    assert labelled.style.scale == 2.0
    with pytest.raises(ValueError, match="'n_clases' for GaussianMixture"):
        prior.set_params(n_clases=3)
    with pytest.raises(ValueError, match="two dimensions"):
        SwissRoll().set_params(n_components=3)


@pytest.mark.parametrize("prior", [Shifted(2, 1.0), Learnt()])
def test_arguments_that_do_not_make_a_prior_are_no_parameters(prior):
    assert prior.get_params() == {}
    assert AAETransformer(prior=prior).get_params()["prior"] is prior
    copied = clone(prior)
    assert [*copied.state_dict()] == [*prior.state_dict()]
    assert all(map(torch.equal, copied.parameters(), prior.parameters()))


def test_a_search_over_priors_says_which():
    base = AAETransformer(prior=GaussianMixture(), **SMALL)
    search = GridSearchCV(base, {"prior__n_classes": [2, 5]}, cv=2, refit=False)
    search.fit(X)
    assert search.cv_results_["params"] == [{"prior__n_classes": n} for n in (2, 5)]
    assert base.prior.n_classes == 10
    objects = [GaussianMixture(n_classes=2), GaussianMixture(n_classes=5)]
    search = GridSearchCV(base, {"prior": objects}, cv=2, refit=False).fit(X)
    shown = [repr(prior) for prior in search.cv_results_["param_prior"]]
    assert shown == ["GaussianMixture(n_classes=2)", "GaussianMixture(n_classes=5)"]


def test_a_cached_pipeline_finds_an_equal_step(tmp_path):
    for _ in range(2):
        aae = AAETransformer(prior=GaussianMixture(n_classes=3), **SMALL)
        steps = [("aae", aae), ("last", FunctionTransformer())]
        Pipeline(steps, memory=str(tmp_path)).fit(X)
    assert len([*tmp_path.rglob("output.pkl")]) == 1


@pytest.mark.parametrize(
    "prior", [GaussianMixture(n_classes=3), FromDistribution(Normal(0, 1), 2)]
)
def test_a_fitted_model_keeps_the_prior_of_its_fit(prior):
    model = AAETransformer(prior=clone(prior), warm_start=True, **SMALL).fit(X)
    assert pickle.loads(pickle.dumps(model)).fit(X).n_iter_ == 2
    drawn = model.sample(3, random_state=0)
    if "radius" in prior.get_params():
        model.set_params(prior__radius=9.0)
    else:
        model.set_params(prior__distribution=Normal(9, 1))
    for fitted in (model, pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(fitted.sample(3, random_state=0), drawn)
    with pytest.raises(ValueError, match=r"prior__.* so training on with prior__"):
        model.fit(X)


# === names in errors ==================================================================


@each
@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {"n_componets": 3}, "'n_componets'. Did you mean 'n_components'?"),
        ((), {"learning_rat": 1}, "'learning_rat'. Did you mean 'learning_rate'?"),
        ((), {"surprise": 3}, "got an unexpected keyword argument 'surprise'"),
        ((1, 2), {}, "too many positional arguments"),
    ],
)
def test_constructors_speak_for_themselves(kind, args, kwargs, message):
    with pytest.raises(TypeError) as error:
        kind(*args, **kwargs)
    assert str(error.value).startswith(f"{kind.__name__}.__init__() ")
    assert str(error.value).endswith(message)


@each
def test_constructors_take_what_their_signature_shows(kind):
    signature = inspect.signature(kind)
    assert {*signature.parameters} == {*kind().get_params()}
    kinds = {p.kind for p in signature.parameters.values()}
    assert inspect.Parameter.VAR_KEYWORD not in kinds
    for name in {*AAETransformer().get_params()} - {*signature.parameters}:
        with pytest.raises(TypeError, match=f"{kind.__name__}.*{name}"):
            kind(**{name: None})


# === weights ==========================================================================


@pytest.mark.parametrize("kind", [AAETransformer, AAEOutlierDetector, GANSampler])
def test_whole_weights_in_one_batch_are_repeated_rows(kind):
    generator = np.random.RandomState(0)
    rows, weight = generator.normal(size=(40, 3)), generator.randint(0, 3, 40)
    options = {**SMALL, "max_iter": 3, "batch_size": 200, "clip": False}
    # Rows around training rows are drawn by their places.
    how = {} if kind is GANSampler else {"codes": "prior", "cells": "mean"}
    one, other = (
        kind(**options).fit(*data).sample(5, random_state=0, **how)
        for data in ((rows, None, weight), (rows.repeat(weight, 0),))
    )
    np.testing.assert_allclose(one, other, atol=1e-12)
