"""A table that is written to files, and fits that take no time."""

import functools

import numpy as np
import pandas as pd
import pytest

import sklearn_aae
from sklearn_aae import AAEOutlierDetector, AAETransformer
from sklearn_aae.report import _look


@pytest.fixture
def towns():
    """A name that is not ASCII, codes of digits that begin with 0, and text."""
    random = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "größe": random.normal(size=60),
            "zip": random.choice(["01234", "00501", "90210"], 60),
            "kind": random.choice(["a", "b"], 60),
        }
    )


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
