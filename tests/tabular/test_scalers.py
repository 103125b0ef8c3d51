"""Columns divided by one number, against NumPy."""

import numpy as np
import pytest

from sklearn_aae.tabular._scalers import CommonScaler

X = np.random.RandomState(0).normal(size=(60, 3)) * [1.0, 10.0, 0.0] + [5.0, 0.0, 2.0]


@pytest.mark.parametrize("by_range", [False, True])
def test_all_columns_share_one_number(by_range):
    unit = np.array([np.ptp(X[:, 0]), np.ptp(X[:, 1]), 1.0]) if by_range else 1.0
    centred = (X - X.mean(0)) / unit
    truth = centred / np.sqrt(centred[:, :2].var(0).mean())
    scaler = CommonScaler(by_range).fit(X)
    np.testing.assert_allclose(scaler.transform(X), truth)
    np.testing.assert_allclose(scaler.inverse_transform(truth), X)


def test_chunks_and_weights_are_the_whole():
    whole = CommonScaler().fit(X)
    parts = CommonScaler()
    for part in np.split(X, 3):
        parts.partial_fit(part)
    np.testing.assert_allclose(parts.scale_, whole.scale_)
    counts = np.arange(60) % 3
    weighted = CommonScaler().fit(X, sample_weight=counts)
    repeated = CommonScaler().fit(np.repeat(X, counts, 0))
    np.testing.assert_allclose(weighted.scale_, repeated.scale_)
    again = whole.fit(3 * X)
    np.testing.assert_allclose(again.scale_, 3 * parts.scale_)


def test_few_far_cells_do_not_make_a_column_small():
    x = np.r_[np.linspace(-1, 1, 998), 100, -100]
    X = np.c_[x, np.linspace(-1, 1, 1000)]
    unit = np.minimum(np.ptp(X, 0), 6 * X.std(0))
    assert unit[0] < np.ptp(x)
    assert unit[1] == np.ptp(X[:, 1])
    scaler = CommonScaler(by_range=True, max_deviations=6.0).fit(X)
    np.testing.assert_allclose(scaler.scale_ / scaler.scale_[0], unit / unit[0])
    parts = CommonScaler(by_range=True, max_deviations=6.0)
    for part in np.split(X, 4):
        parts.partial_fit(part)
    np.testing.assert_allclose(parts.scale_, scaler.scale_)


@pytest.mark.parametrize("exponent", [-162, -163, -164, -165, 150])
def test_any_spread_is_scaled_to_about_one(exponent):
    # Squares of the smallest are 0, so their deviations are not known exactly.
    tiny = 2.0 * np.arange(50)[:, None] * 10.0**exponent
    scaled = CommonScaler(by_range=True).fit(tiny).transform(tiny)
    assert 1 <= np.ptp(scaled) <= 4  # of a uniform one √12
