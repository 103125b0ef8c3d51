"""Every prior by the same body of tests; a new one is covered by its row in `PRIORS`.

Add its moments to `MOMENTS`.
"""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from torch.distributions import (
    Distribution,
    Independent,
    Laplace,
    MultivariateNormal,
    Normal,
)

from sklearn_aae.objectives import energy_distance
from sklearn_aae.priors import (
    PRIORS,
    FromCallable,
    FromDistribution,
    GaussianMixture,
    as_prior,
)
from sklearn_aae.utils._random import seeded_scope

K = 2  # code size


def draw_exponential(n_samples, random_state, k=K):
    return random_state.exponential(size=(n_samples, k))


def make_prior(name, k=K):
    if name == "from_distribution":
        return FromDistribution(Laplace(0.5, 2.0), k)
    if name == "from_callable":
        return FromCallable(draw_exponential, k)
    return PRIORS[name](k)


PRIOR_NAMES = [*PRIORS, "from_distribution", "from_callable"]
CONDITIONAL = [name for name in PRIORS if PRIORS[name].conditional]
WITHOUT_DENSITY = ["swiss_roll", "from_callable"]
DENSITIES = [n for n in PRIOR_NAMES if n not in (*WITHOUT_DENSITY, "categorical")]


def roll_moments():
    """Mean and covariance of the default roll, by the midpoint rule."""
    r = np.sqrt((np.arange(100_000) + 0.5) / 100_000)
    points = 2 * r * np.stack([np.cos(4 * np.pi * r), np.sin(4 * np.pi * r)])
    return points.mean(1), np.cov(points, bias=True) + 0.1**2 * np.eye(2)


# Mean of a column, covariance of the columns, for k = 2.
MOMENTS = {
    "gaussian": (0, np.eye(2)),
    "uniform": (0, np.eye(2)),
    "laplace": (0, np.eye(2)),
    "gamma": (math.sqrt(2), np.eye(2)),
    "gaussian_mixture": (0, (1.4**2 + 0.35**2 + 0.1**2) / 2 * np.eye(2)),
    "swiss_roll": roll_moments(),
    "categorical": (0.5, np.array([[0.25, -0.25], [-0.25, 0.25]])),
    "from_distribution": (0.5, 8 * np.eye(2)),
    "from_callable": (1, np.eye(2)),
}


def draws(prior, n, y=None, seed=0):
    with seeded_scope(seed):
        return prior.draw(n, y)


@pytest.mark.parametrize("name", PRIOR_NAMES)
def test_prior_shapes(name):
    prior = make_prior(name)
    p = prior(None)
    assert isinstance(p, Distribution)
    assert (p.batch_shape, p.event_shape) == ((), (K,))
    assert prior.n_components == K
    codes = prior.draw(7)
    assert codes.shape == (7, K)
    assert codes.is_floating_point()
    assert codes.isfinite().all()


@pytest.mark.parametrize("k", [1, 3, 8])
@pytest.mark.parametrize("name", [n for n in PRIOR_NAMES if n != "swiss_roll"])
def test_prior_of_any_dimension(name, k):
    if name == "from_callable":
        prior = FromCallable(lambda n, state: state.normal(size=(n, k)), k)
    else:
        prior = make_prior(name, k)
    assert prior.draw(7).shape == (7, k)


@pytest.mark.parametrize("name", PRIOR_NAMES)
def test_prior_is_ruled_by_the_seed(name, rng_untouched):
    prior = make_prior(name)
    with rng_untouched():
        first = draws(prior, 50, seed=3)
        assert torch.equal(draws(prior, 50, seed=3), first)
        assert not torch.equal(draws(prior, 50, seed=4), first)


@pytest.mark.parametrize("name", PRIOR_NAMES)
def test_prior_moments(name):
    mean, covariance = MOMENTS[name]
    n = 40_000
    codes = draws(make_prior(name), n).double().numpy()
    scale = np.sqrt(np.diag(covariance).max())
    # Five standard errors; a squared deviation varies by at most √5 (Laplace).
    np.testing.assert_allclose(
        codes.mean(0), np.broadcast_to(mean, K), atol=5 * scale / n**0.5
    )
    np.testing.assert_allclose(
        np.cov(codes.T), covariance, atol=5 * 5**0.5 * scale**2 / n**0.5
    )


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("name", DENSITIES)
def test_prior_density_integrates_to_one(name, k):
    edge, n = (40, 40_001) if k == 1 else (24, 961)
    axis = torch.linspace(-edge, edge, n, dtype=torch.float64)
    grid = torch.cartesian_prod(*[axis] * k).reshape(-1, k)
    density = make_prior(name, k)(None).log_prob(grid).exp()
    assert float(
        density.nan_to_num().sum() * (axis[1] - axis[0]) ** k
    ) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("name", DENSITIES)
def test_prior_density_of_any_code_is_a_number_or_minus_infinity(name):
    codes = torch.tensor([[-30.0, -30.0], [-1.0, 2.0], [0.5, 0.5], [30.0, -2.0]])
    log_prob = make_prior(name)(None).log_prob(codes)
    assert log_prob.shape == (4,)
    assert not log_prob.isnan().any()
    assert not log_prob.isposinf().any()


def test_categorical_prior_sums_to_one_over_its_corners():
    for k in (1, 2, 5):
        p = make_prior("categorical", k)
        assert p.support == "simplex"
        assert float(p(None).log_prob(torch.eye(k)).exp().sum()) == pytest.approx(1)
        codes = p.draw(20)
        assert torch.equal(codes.sum(-1), torch.ones(20))
        assert torch.equal(codes.max(-1).values, torch.ones(20))


@pytest.mark.parametrize("name", WITHOUT_DENSITY)
def test_prior_without_density_says_what_to_use(name):
    prior = make_prior(name)
    with pytest.raises(NotImplementedError, match="Use regularizer='adversarial'"):
        prior(None).log_prob(prior.draw(3))


@pytest.mark.parametrize("name", CONDITIONAL)
def test_conditional_prior_shapes(name):
    prior = make_prior(name)
    y = torch.tensor([0, 3, 3, 9, 1])
    p = prior(y)
    assert (p.batch_shape, p.event_shape) == ((5,), (K,))
    assert prior.draw(5, y).shape == (5, K)


@pytest.mark.parametrize("name", [n for n in PRIOR_NAMES if n not in CONDITIONAL])
def test_labels_do_not_change_a_prior_without_components(name):
    prior = make_prior(name)
    assert prior.n_classes is None
    y = torch.tensor([0, 3, 3, 9, 1])
    assert torch.equal(draws(prior, 5, y), draws(prior, 5))


@pytest.mark.parametrize("c", [0, 4, 9])
def test_mixture_draws_of_a_class_lie_at_its_component(c):
    prior = make_prior("gaussian_mixture")
    codes = draws(prior, 4000, torch.full((4000,), c))
    u = torch.tensor([math.cos(2 * math.pi * c / 10), math.sin(2 * math.pi * c / 10)])
    along, across = codes @ u, codes @ torch.stack([-u[1], u[0]])
    for values, mean, scale in ((along, 1.4, 0.35), (across, 0, 0.14)):
        assert float(values.mean()) == pytest.approx(mean, abs=5 * scale / 4000**0.5)
        assert float(values.std()) == pytest.approx(scale, rel=0.06)


@pytest.mark.parametrize("c", [0, 4, 9])
def test_roll_draws_of_a_class_lie_on_its_segment(c):
    prior = make_prior("swiss_roll")
    codes = draws(prior, 4000, torch.full((4000,), c))
    r = torch.linspace(math.sqrt(c / 10), math.sqrt((c + 1) / 10), 500)
    segment = 2 * r * torch.stack([(4 * math.pi * r).cos(), (4 * math.pi * r).sin()])
    gap = torch.cdist(codes, segment.T)
    assert gap.min(1).values.max() < 5 * 0.1
    assert gap.min(0).values.max() < 3 * 0.1  # and all of it is covered


@pytest.mark.parametrize("name", CONDITIONAL)
@pytest.mark.parametrize("weights", [None, [5.0, 1.0, 1.0, 3.0]])
def test_conditional_priors_mix_to_the_marginal(name, weights):
    prior = PRIORS[name](K, n_classes=4, weights=weights)
    shares = torch.ones(4) if weights is None else torch.tensor(weights)
    with seeded_scope(1):
        y = torch.multinomial(shares, 1500, replacement=True)
    marginal, mixed = draws(prior, 1500, seed=2), draws(prior, 1500, y, seed=3)
    assert energy_distance(mixed, marginal) < 0.05
    wrong = draws(prior, 1500, torch.arange(1500) % 3, seed=3)
    assert energy_distance(wrong, marginal) > 0.1


@pytest.mark.parametrize("k", [1, 2, 3, 8])
@pytest.mark.parametrize("n_classes", [2, 3, 4, 7])
def test_mixture_components_stand_apart(k, n_classes):
    means = GaussianMixture(k, n_classes=n_classes).means
    assert means.shape == (n_classes, k)
    gap = torch.cdist(means, means) + 9 * torch.eye(n_classes)
    assert gap.min() > 1.4 / n_classes
    if k > 1:
        torch.testing.assert_close(means.norm(dim=-1), torch.full((n_classes,), 1.4))


@pytest.mark.parametrize("name", [n for n in DENSITIES if n in PRIORS])
def test_prior_answers_on_the_device_it_was_moved_to(name):
    prior = make_prior(name).to("meta")
    before = Distribution._validate_args
    Distribution.set_default_validate_args(False)  # reads values; meta has none
    try:
        assert prior(None).mean.device.type == "meta"
    finally:
        Distribution.set_default_validate_args(before)


@pytest.mark.parametrize("name", PRIOR_NAMES)
@pytest.mark.parametrize(
    "copied",
    [copy.deepcopy, lambda prior: pickle.loads(pickle.dumps(prior))],
    ids=["deepcopy", "pickle"],
)
def test_prior_copies_draw_alike(name, copied):
    prior = make_prior(name)
    assert torch.equal(draws(copied(prior), 20), draws(prior, 20))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("gaussian_mixture", {"weights": [1.0, 2.0, 5.0]}),
        ("gaussian_mixture", {"radius": 3.0, "tangential_scale": 0.3}),
        ("swiss_roll", {"weights": [1.0, 2.0, 5.0]}),
    ],
)
def test_prior_state_holds_its_components(name, options):
    prior, other = PRIORS[name](K, 3, **options), PRIORS[name](K, 3)

    def seen(p):  # alone and by class
        return torch.cat([draws(p, 50), draws(p, 50, torch.arange(50) % 3)])

    assert not torch.equal(seen(other), seen(prior))
    other.load_state_dict(prior.state_dict())
    assert torch.equal(seen(other), seen(prior))


@pytest.mark.parametrize("name", PRIORS)
def test_as_prior_builds_the_named(name):
    prior = as_prior(name, K)
    assert type(prior) is PRIORS[name]
    assert prior.n_components == K
    again = as_prior(prior, K)
    assert (type(again), again.get_params()) == (type(prior), prior.get_params())
    assert again is not prior


@pytest.mark.parametrize("name", PRIORS)
def test_as_prior_gives_each_class_its_component(name):
    prior = as_prior(name, K, class_prior=[0.5, 0.25, 0.25])
    assert prior.n_classes == (3 if name in CONDITIONAL else None)


def test_as_prior_wraps_what_the_user_has():
    assert isinstance(as_prior(Normal(0.0, 1.0), K), FromDistribution)
    assert isinstance(as_prior(draw_exponential, K), FromCallable)


@pytest.mark.parametrize(
    "distribution",
    [
        Normal(0.0, 1.0),
        Normal(torch.zeros(K), 1.0),
        MultivariateNormal(torch.zeros(K), torch.eye(K)),
        Independent(Normal(torch.zeros(K), 1.0), 1),
    ],
)
def test_users_distributions_become_vectors(distribution):
    p = FromDistribution(distribution, K)(None)
    assert (p.batch_shape, p.event_shape) == ((), (K,))
    assert float(p.log_prob(torch.zeros(K))) == pytest.approx(-math.log(2 * math.pi))


@pytest.mark.parametrize(
    "prior", [make_prior("gaussian", 2), Normal(torch.zeros(2), 1.0), "swiss_roll"]
)
def test_prior_of_another_dimension_is_refused(prior):
    with pytest.raises(ValueError, match=r"n_components=\s*3"):
        as_prior(prior, 3)


def test_prior_with_too_few_components_is_refused():
    with pytest.raises(ValueError, match="10 components but y has 3 classes"):
        as_prior(make_prior("gaussian_mixture"), K, class_prior=[0.2, 0.3, 0.5])


def test_callable_prior_of_another_shape_is_refused():
    prior = FromCallable(lambda n, state: state.normal(size=n), K)
    with pytest.raises(ValueError, match=r"shape \(7, 2\)\. Got shape \(7,\)"):
        prior.draw(7)
