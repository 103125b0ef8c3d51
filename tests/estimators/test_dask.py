"""Chunks of dask arrays, by the wrappers of dask-ml where it is installed."""

import numpy as np
import pytest

from sklearn_aae import AAETransformer

wrappers = pytest.importorskip("dask_ml.wrappers")
arrays = pytest.importorskip("dask.array")

SMALL = {"hidden_layer_sizes": (8,), "random_state": 0}


@pytest.fixture
def rows():
    return np.random.RandomState(0).normal(size=(400, 5))


def test_incremental_is_partial_fit_of_each_chunk(rows):
    chunks = arrays.from_array(rows, chunks=(100, 5))
    model = AAETransformer(2, **SMALL)
    incremental = wrappers.Incremental(model, shuffle_blocks=False).fit(chunks)
    by_hand = AAETransformer(2, **SMALL)
    for part in np.split(rows, 4):
        by_hand.partial_fit(part)
    truth = by_hand.transform(rows)
    np.testing.assert_allclose(incremental.transform(chunks).compute(), truth)


def test_parallel_post_fit_answers_chunk_by_chunk(rows):
    model = AAETransformer(2, max_iter=3, **SMALL)
    wrapped = wrappers.ParallelPostFit(model).fit(rows)
    chunks = arrays.from_array(rows, chunks=(100, 5))
    truth = wrapped.estimator.transform(rows)
    np.testing.assert_allclose(wrapped.transform(chunks).compute(), truth)
