"""Counts: their distribution, their scale, and tables that have some."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import nbinom, poisson
from sklearn.preprocessing import StandardScaler

from sklearn_aae import AAEOutlierDetector, AAETransformer, GANSampler
from sklearn_aae.distributions import Counts
from sklearn_aae.tabular import TablePreprocessor
from sklearn_aae.tabular._statistics import count_information

SHIFT, SCALE = 1.2, 0.7
MU, R, ZERO = np.array([0.5, 4.0, 30.0]), np.array([0.8, 3.0, 200.0]), 0.25


@pytest.fixture
def counts():
    """Three cells, by their formulas' letters."""
    numbers = np.log(MU), np.log(R), np.full(3, np.log(ZERO / (1 - ZERO)))
    moments = torch.full((3,), SHIFT), torch.full((3,), SCALE)
    return Counts(*(torch.from_numpy(part) for part in numbers), *moments)


def scaled(x):
    return (torch.as_tensor(x, dtype=torch.float64).log1p() - SHIFT) / SCALE


def probabilities(x):
    """Probabilities of counts, (n, 3), by SciPy."""
    x = np.asarray(x)[:, None]
    return ZERO * (x == 0) + (1 - ZERO) * nbinom.pmf(x, R, R / (R + MU))


def test_counts_have_scipys_probabilities(counts):
    x = np.arange(500)
    log_p = counts.log_prob(scaled(x)[:, None].expand(-1, 3)).numpy()
    np.testing.assert_allclose(np.exp(log_p), probabilities(x), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(np.exp(log_p).sum(0), 1, atol=1e-6)
    mean = (x[:, None] * np.exp(log_p)).sum(0)
    torch.testing.assert_close(counts.mean, scaled(mean), atol=1e-6, rtol=0)


def test_counts_are_found_in_single_precision(counts):
    x = torch.tensor([0.0, 3.0, 99.0, 12_345.0, 1e6], dtype=torch.float64)
    known = counts.log_prob(scaled(x)[:, None].expand(-1, 3))
    parts = counts.log_mean, counts.log_size, counts.zero_logits
    moments = counts.shift, counts.scale
    single = Counts(*(part.float() for part in (*parts, *moments)))
    found = single.log_prob(scaled(x).float()[:, None].expand(-1, 3))
    torch.testing.assert_close(found.double(), known, rtol=1e-4, atol=2e-3)


def test_draws_have_the_probabilities(counts):
    n = 40_000
    torch.manual_seed(0)
    x = np.expm1(counts.sample((n,)).numpy() * SCALE + SHIFT)
    np.testing.assert_allclose(x, x.round(), atol=1e-4)
    shares = (x.round()[None] == np.arange(60)[:, None, None]).mean(1)
    # Five standard errors of a share.
    np.testing.assert_allclose(
        shares, probabilities(np.arange(60)), atol=5 * 0.5 / n**0.5
    )


def table_of(n, seed=0):
    """Return a frame whose counts depend on one hidden class."""
    rng = np.random.RandomState(seed)
    z = rng.randint(4, size=n)
    seen = rng.rand(n) < 0.8
    return pd.DataFrame(
        {
            "kind": np.array(list("abcd"))[z],
            "size": z + 0.5 * rng.normal(size=n),
            "scattered": rng.negative_binomial(2, 2 / (2 + np.exp(z))),
            "plain": rng.poisson(np.exp(z)).astype("uint8"),
            "struck": rng.poisson(3 * z + 3) * (rng.rand(n) < 0.6),
            "holes": pd.Series(rng.poisson(z + 1).astype(float)).where(seen),
        }
    )


COUNTS = ["scattered", "plain", "struck", "holes"]
SMALL = {"hidden_layer_sizes": (32,), "random_state": 0}


@pytest.fixture(scope="module")
def fitted():
    table = table_of(1000)
    return AAETransformer(2, max_iter=150, count_features=COUNTS, **SMALL).fit(table)


def test_the_scatter_of_counts_is_learned():
    """Of counts that the code has no room for."""
    rng = np.random.RandomState(0)
    z = rng.normal(size=1000)
    scattered, plain = rng.negative_binomial(2, 0.2, size=1000), rng.poisson(8, 1000)
    X = np.column_stack([scattered, plain, *[z + 0.1 * rng.normal(size=1000)] * 8])
    model = AAETransformer(1, max_iter=100, count_features=[0, 1], **SMALL).fit(X)
    counts = model.decoder_(torch.zeros(1, 1, dtype=torch.float64)).counts
    of_scattered, of_plain = counts.log_size.exp().squeeze().tolist()
    assert of_scattered == pytest.approx(2, rel=0.4)
    assert of_plain > 4 * of_scattered  # that of a Poisson distribution has no end


def test_samples_have_the_spread_and_the_zeros_of_the_counts(fitted):
    table, drawn = table_of(1000), fitted.sample(4000, random_state=0)
    assert drawn.dtypes.equals(table.dtypes)
    for name in COUNTS:
        x, seen = drawn[name].dropna(), table[name].dropna()
        assert (x == x.round()).all()
        assert x.between(seen.min(), seen.max()).all()
        assert x.std() == pytest.approx(seen.std(), rel=0.25)
        assert (x == 0).mean() == pytest.approx((seen == 0).mean(), abs=0.08)


def test_counts_are_reconstructed_as_counts(fitted):
    table = table_of(500, seed=2)
    back = fitted.reconstruct(table)
    assert back.dtypes.equals(table.dtypes)
    assert (back["holes"] == back["holes"].round()).all()
    # Nearer than the median, where the class tells the count.
    x = table["plain"].astype(float)
    missed = (back["plain"] - x).abs().mean()
    assert missed < 0.7 * (x - x.median()).abs().mean()


def test_counts_of_an_array():
    X = table_of(200)[["size", "plain"]].to_numpy()
    model = AAETransformer(2, max_iter=3, count_features=[1], **SMALL).fit(X)
    back = model.inverse_transform(model.transform(X))
    np.testing.assert_array_equal(back[:, 1], back[:, 1].round())
    assert (back[:, 0] != back[:, 0].round()).any()
    drawn = model.sample(50, random_state=0)
    np.testing.assert_array_equal(drawn[:, 1], drawn[:, 1].round())


def test_a_given_count_weighs_codes(fitted):
    high = fitted.sample(300, given={"plain": 30}, random_state=0)
    low = fitted.sample(300, given={"plain": 0}, random_state=0)
    assert (high["plain"] == 30).all()
    assert high["size"].mean() > low["size"].mean() + 1


def test_a_count_that_does_not_fit_is_blamed():
    table = table_of(500)[["size", "plain", "scattered"]]
    options = {"max_iter": 40, "n_init": 2, **SMALL}
    detector = AAEOutlierDetector(count_features=["plain", "scattered"], **options)
    detector.fit(table)
    row = table[table["size"] < 0].head(1).assign(plain=90)
    assert detector.localize(row).idxmax(axis=1).tolist() == ["plain"]
    assert detector.score_samples(row) < np.median(detector.score_samples(table))


def test_what_there_is_to_learn_of_a_count_is_half_its_deviance():
    x = np.random.RandomState(0).binomial(9, 0.5, size=400).astype(float)
    weight = 1.0 + np.arange(400) % 3
    X = np.column_stack([x, np.arange(400.0)])
    found = TablePreprocessor(counts=(True, False)).fit(X, sample_weight=weight)
    m = np.average(x, weights=weight)
    deviance = 2 * (x * np.log(np.where(x > 0, x, 1) / m) - (x - m))
    expected = 1 / np.average(deviance, weights=weight)
    assert found.schema_.weights[0] == pytest.approx(expected)


def test_scattered_counts_leave_less_to_learn():
    x = np.random.RandomState(0).negative_binomial(1, 0.02, size=4000).astype(float)
    X = np.column_stack([x, np.arange(4000.0)])
    weight = TablePreprocessor(counts=(True, False)).fit(X).schema_.weights[0]
    own = poisson.logpmf(x, x).mean()
    of_all = nbinom.logpmf(x, 1, 0.02).mean()
    assert weight == pytest.approx(0.5 / (own - of_all), rel=0.05)


def test_counts_are_scaled_by_their_logarithm_and_back():
    X = table_of(300)[["size", "plain"]].to_numpy()
    found = TablePreprocessor("quantile", counts=(False, True)).fit(X)
    rows = found.transform(X)
    logarithms = StandardScaler().fit_transform(np.log1p(X[:, 1:]))
    np.testing.assert_allclose(rows[:, 1:], logarithms)
    np.testing.assert_allclose(found.inverse_transform(rows)[:, 1], X[:, 1], atol=1e-9)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["kind"], "'kind' is among count_features, and holds categories such as 'a'"),
        (["size"], "'size' is among count_features, and holds .*whole numbers from 0"),
        (["weight"], "count_features names 'weight', which is not a column"),
        ([True], r"mask count_features has shape \(1,\), but X has 6 columns"),
    ],
)
def test_what_cannot_be_a_count_is_refused(asked, message):
    with pytest.raises(ValueError, match=message):
        AAETransformer(2, count_features=asked).fit(table_of(50))


def test_later_rows_must_hold_counts_too(fitted):
    table = table_of(20).astype({"plain": float})
    table.loc[3, "plain"] = -1
    with pytest.raises(ValueError, match="count_features, and holds -1"):
        fitted.transform(table)


def test_counts_are_none_of_a_plain_networks():
    with pytest.raises(TypeError, match="unexpected keyword argument 'count_features'"):
        GANSampler(count_features=[0])


@pytest.mark.parametrize("log_mean", [12.0, 14.0, 16.0, 18.0])
def test_large_counts_in_single_precision(log_mean):
    x, r = np.exp(log_mean), np.exp(3.0)
    numbers = torch.tensor([[log_mean]]), torch.tensor([[3.0]]), torch.tensor([[-30.0]])
    one, none = torch.ones(1), torch.zeros(1)
    found = float(Counts(*numbers, none, one).log_prob(torch.tensor([[log_mean]])))
    assert found == pytest.approx(nbinom.logpmf(round(x), r, r / (r + x)), abs=0.01)


def test_a_column_that_is_poisson_up_to_rounding():
    x = np.array([0, 1, 3, 2, 3, 0, 1, 0, 2], dtype=float)
    assert x.var() == pytest.approx(x.mean(), abs=1e-12)
    assert abs(count_information(x)) < 2
