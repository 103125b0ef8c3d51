"""Networks are built as large as what a file holds, and no larger."""

import dataclasses

import numpy as np
import pytest

from sklearn_aae.persistence import RefusedFileError, load, save

HUGE = [10**9, [10**9], (10**9, -(10**9)), np.int64(10**9), np.array([10**9])]


@pytest.mark.parametrize(
    "sizes", HUGE, ids=["int", "list", "negative", "int64", "array"]
)
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("AAETransformer", {}),
        ("AAETransformer", {"image_shape": (8, 8), "critic_hidden_layer_sizes": None}),
        ("AAEOutlierDetector", {"regularizer": None}),
        ("GANSampler", {}),
    ],
    ids=["table", "pictures", "cells", "generator"],
)
def test_layers_are_as_large_as_what_is_held(kind, options, sizes, make, tmp_path):
    model = make(kind, "grey" if "image_shape" in options else "array", **options)
    params = model._data.params | {"hidden_layer_sizes": sizes}
    model._data = dataclasses.replace(model._data, params=params)
    model.hidden_layer_sizes = sizes
    save(model, tmp_path / "m")
    with pytest.raises(RefusedFileError, match="has more weights than it holds"):
        load(tmp_path / "m")


def test_layers_that_differ_in_size_are_held(make, there_and_back):
    # A generator ends at the rows: its last layer is beside them.
    sizes = {"hidden_layer_sizes": (256, 8), "critic_hidden_layer_sizes": (8,)}
    model = make("GANSampler", "grey", **sizes)
    assert there_and_back(model).hidden_layer_sizes == (256, 8)
