"""Models as skops stores them: no code is run on loading, and answers are the same."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import skops.io

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)

SMALL = {"hidden_layer_sizes": (8,), "max_iter": 1, "random_state": 0}
MODELS = [
    AAETransformer(2, **SMALL),
    AAEClusterer(2, n_init=1, **SMALL),
    SemiSupervisedAAEClassifier(2, **SMALL),
    ConditionalAAETransformer(2, **SMALL),
    AAEOutlierDetector(2, n_init=1, **SMALL),
]
X, Y = np.random.RandomState(0).normal(size=(24, 2)), np.arange(24) % 2
CELLS = {"x": X[:, 0], "n": [1, 2, None, 4] * 6, "kind": ["a", "b"] * 12}
FRAMES = {
    "pandas": pd.DataFrame({**CELLS, "bin": pd.cut(X[:, 1], 3)}),
    "polars": pl.DataFrame(CELLS, schema_overrides={"kind": pl.Enum(["b", "a"])}),
    "arrow": pa.table(CELLS),
}


def through_skops(model):
    """Return what skops loads of a model, and the types that it asks to be trusted."""
    blob = skops.io.dumps(model)
    types = skops.io.get_untrusted_types(data=blob)
    return skops.io.loads(blob, trusted=types), types


@pytest.mark.parametrize("kind", FRAMES)
@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_a_model_of_a_frame_goes_through_skops(model, kind):
    frame = FRAMES[kind]
    model = type(model)(**model.get_params()).fit(frame, Y)
    loaded, types = through_skops(model)
    assert all(name.startswith("sklearn_aae.") for name in types)
    assert len(types) <= 6  # the list that users are to trust stays short
    assert loaded.sample(5, random_state=0).equals(model.sample(5, random_state=0))
    for method in ("reconstruct", "transform", "predict", "score_samples"):
        if hasattr(model, method):
            found, expected = (getattr(m, method)(frame) for m in (loaded, model))
            if hasattr(expected, "equals"):
                assert expected.equals(found)
            else:
                assert np.array_equal(expected, found)


@pytest.mark.parametrize(
    "scale", ["quantile", "minmax", "limited_range", "common", None]
)
def test_scales_go_through_skops(scale):
    model = AAETransformer(2, scale=scale, **SMALL).fit(X)
    loaded, _ = through_skops(model)
    assert np.array_equal(loaded.transform(X), model.transform(X))


def test_a_sampler_goes_through_skops():
    model = GANSampler(2, **SMALL).fit(X)
    loaded, _ = through_skops(model)
    assert np.array_equal(*(m.sample(5, random_state=0) for m in (loaded, model)))
