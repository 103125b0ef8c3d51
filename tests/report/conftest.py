"""Fits that take no time."""

import functools

import pytest

import sklearn_aae
from sklearn_aae import AAEOutlierDetector, AAETransformer
from sklearn_aae.report import _look


@pytest.fixture
def short(monkeypatch):
    """Fits of the report, and of the code on its page, that take no time."""
    small = {"hidden_layer_sizes": (8,), "max_iter": 2}
    for model, options in (
        (AAETransformer, small),
        (AAEOutlierDetector, small | {"n_init": 1, "n_components": 2}),
    ):
        for module in (sklearn_aae, _look):
            shorter = functools.partial(model, **options)
            monkeypatch.setattr(module, model.__name__, shorter)
