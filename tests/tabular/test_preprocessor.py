"""What the networks are told of a table's columns, against NumPy."""

import numpy as np
import pytest

from sklearn_aae.tabular import TablePreprocessor, _statistics

COUNTS = np.arange(50) % 3


def make_rows():
    """Return rows of which one column is far from 0, one in holes, one hardly known."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(50, 4)) * [1.0, 0.1, 1.0, 1.0] + [0.0, 1e6, 0.0, 0.0]
    X[rng.rand(50) < 0.3, 2] = np.nan
    X[:45, 3] = np.nan
    return X


@pytest.mark.parametrize("cells", [2**18, 28, 4])
@pytest.mark.parametrize("weight", [None, COUNTS])
def test_moments_of_chunks_are_those_of_all_rows(cells, weight, monkeypatch):
    monkeypatch.setattr(_statistics, "CHUNK_CELLS", cells)
    X = make_rows()
    schema = TablePreprocessor(scale=None).fit(X, sample_weight=weight).schema_
    whole = X if weight is None else np.repeat(X, weight, 0)
    np.testing.assert_allclose(schema.means, np.nanmean(whole, 0), rtol=1e-9)
    squares = np.nansum((whole - np.nanmean(whole, 0)) ** 2)
    np.testing.assert_allclose(schema.total_variance, squares / len(whole), rtol=1e-9)
