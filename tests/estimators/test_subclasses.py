"""Subclasses that users write: what they state counts, or is refused."""

import inspect
import pickle
from dataclasses import replace

import numpy as np
import pytest

from sklearn_aae import AAETransformer
from sklearn_aae.estimators import (
    POSITIVE_INT,
    BaseAutoencoder,
    LabelLatent,
    parameter,
)
from sklearn_aae.utils._compat import InvalidParameterError

X = np.random.RandomState(0).randn(40, 3)


class Own(AAETransformer):
    """A constructor, a parameter and constraints as scikit-learn writes them."""

    _parameter_constraints = {"extra": [POSITIVE_INT]}

    def __init__(self, n_components=3, extra=1):
        super().__init__(n_components, hidden_layer_sizes=(8,), max_iter=2)
        self.extra = extra


class Derived(Own):
    """A class that leaves the constructor to its base."""


class Counting:
    """A mixin with a constructor of its own."""

    def __init__(self, n_components=2):
        super().__init__(n_components, hidden_layer_sizes=(8,), max_iter=2)
        self.mixed_ = True


class Mixed(Counting, AAETransformer):
    """A class that takes the constructor of its mixin."""


@pytest.mark.parametrize("kind", [Own, Derived])
def test_a_written_constructor_and_its_constraints_stay(kind):
    model = kind(extra=2)
    assert model.get_params() == {"n_components": 3, "extra": 2}
    assert pickle.loads(pickle.dumps(model.fit(X))).transform(X).shape == (40, 3)
    for wrong in ({"extra": 0}, {"n_components": 0}):
        with pytest.raises(InvalidParameterError, match=next(iter(wrong))):
            kind(**wrong).fit(X)


def test_the_constructor_of_a_mixin_counts():
    model = Mixed(3)
    assert model.mixed_
    assert model.get_params() == {"n_components": 3}
    assert model.fit(X).transform(X).shape == (40, 3)


def test_a_default_that_would_not_count_is_refused():
    with pytest.raises(TypeError, match=r"Untyped\.prior does not count.*'laplace'"):

        class Untyped(AAETransformer):
            prior = "laplace"

    class Plain:
        prior: str = "laplace"

    with pytest.raises(TypeError, match=r"Plain\.prior does not count.*in Both: prior"):

        class Both(Plain, AAETransformer):
            pass


def test_a_mixin_with_parameters_is_a_dataclass():
    class Plain:
        width: int = parameter(default=1, allowed=[POSITIVE_INT])

    with pytest.raises(TypeError, match=r"Plain states parameters for Both.*@datacl"):

        class Both(Plain, AAETransformer):
            pass


def test_attributes_with_a_type_are_no_parameters():
    with pytest.raises(TypeError, match=r"Private\._seen has a type"):

        class Private(AAETransformer):
            _seen: int = 0

    with pytest.raises(TypeError, match=r"Fitted\.threshold_ has a type"):

        class Fitted(AAETransformer):
            threshold_: float


def test_a_parameter_that_shapes_networks_has_constraints():
    with pytest.raises(TypeError, match="allowed"):
        parameter(default=3, shapes=True)


def test_a_class_without_docstring_inherits_it():
    class Wide(AAETransformer):
        dropout: float = 0.1

    assert Wide.__doc__ is None
    assert inspect.getdoc(Wide) == inspect.getdoc(AAETransformer)
    names = [*inspect.signature(AAETransformer).parameters]
    assert [*inspect.signature(Wide).parameters] == names


def test_a_model_without_a_network_is_pickled():
    model = AAETransformer(hidden_layer_sizes=(8,), max_iter=2).fit(X)
    codes = model.transform(X)
    del model.decoder_
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.transform(X), codes)


def test_what_is_set_by_hand_is_pickled():
    model = AAETransformer(hidden_layer_sizes=(8,), max_iter=2).fit(X)
    model.loss_ = model.noted_ = -1.0
    twin = pickle.loads(pickle.dumps(model))
    assert (twin.loss_, twin.noted_) == (-1.0, -1.0)


class Open(AAETransformer):
    """A class that shows its critic."""

    def _make_spec(self, data):
        spec = super()._make_spec(data)
        return replace(spec, answers={**spec.answers, "critic": "critic_"})


def test_a_network_is_shown_as_long_as_it_is_there():
    model = Open(hidden_layer_sizes=(8,), max_iter=2).fit(X)
    assert hasattr(pickle.loads(pickle.dumps(model)), "critic_")
    assert not hasattr(model.set_params(regularizer="mmd").fit(X), "critic_")


def test_hooks_of_labels_come_first():
    with pytest.raises(TypeError, match="must stand before BaseAutoencoder"):

        class Late(BaseAutoencoder, LabelLatent):
            pass
