"""Conformance: one body per kind, run over every row of the option tables.

A new prior, encoder, decoder, objective, penalty or phase is covered by its row in the
table of the library; where a closed form is compared, add its truth to the tables here.
"""

import copy
import itertools
import math
import pickle

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
import torch
from torch import nn
from torch.distributions import (
    Bernoulli,
    Distribution,
    Independent,
    Laplace,
    MultivariateNormal,
    Normal,
    kl_divergence,
)

from sklearn_aae import encoders
from sklearn_aae.critics import CellCritic, Critic
from sklearn_aae.decoders import DECODERS
from sklearn_aae.distributions import Deterministic
from sklearn_aae.encoders import ENCODERS
from sklearn_aae.nn import NORMALIZATIONS, BatchNorm, Dropout, LayerNorm
from sklearn_aae.objectives import (
    OBJECTIVES,
    PENALTIES,
    energy_distance,
    kl,
    mmd,
    row_mean,
    sliced_wasserstein,
)
from sklearn_aae.priors import (
    PRIORS,
    FromCallable,
    FromDistribution,
    GaussianMixture,
    as_prior,
)
from sklearn_aae.training import (
    DIVERGENCES,
    Batch,
    FoolCritic,
    Phase,
    Recipe,
    Reconstruct,
    SpotCells,
    TrainCritic,
    train_step,
)
from sklearn_aae.utils._random import Streams, seeded_scope

B, C, D, K = 8, 3, 5, 2  # rows, models in a stack, columns, code size
COUNTS = torch.tensor([1, 3, 0, 2, 1, 5, 1, 2])  # how often each of B rows counts


def weights_of(counts, like):
    """Return row weights that sum to 1."""
    return counts.to(like) / counts.sum()


def repeated(x, counts=COUNTS, dim=0):
    return x.repeat_interleave(counts.to(x.device), dim)


# === priors ===========================================================================


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
    prior = as_prior(name, K, class_shares=[0.5, 0.25, 0.25])
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
        as_prior(make_prior("gaussian_mixture"), K, class_shares=[0.2, 0.3, 0.5])


def test_callable_prior_of_another_shape_is_refused():
    prior = FromCallable(lambda n, state: state.normal(size=n), K)
    with pytest.raises(ValueError, match=r"shape \(7, 2\)\. Got shape \(7,\)"):
        prior.draw(7)


# === encoders =========================================================================

ENCODER_CASES = list(itertools.product(ENCODERS, [None, *NORMALIZATIONS]))


# A Gaussian posterior leaves the simplex, and is refused there.
SUPPORT_CASES = [
    (*case, support)
    for case in ENCODER_CASES
    for support in ("real", "simplex")
    if (case[0], support) != ("gaussian", "simplex")
]


@pytest.fixture
def make_encoder(device, dtype):
    def make(name, seed=0, **options):
        options = {"hidden_layer_sizes": (7, 6)} | options
        options.setdefault("normalize_head", options.get("normalization") == "batch")
        with seeded_scope(seed):
            return ENCODERS[name](D, options.pop("k", K), **options).to(device, dtype)

    return make


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("name", "normalization"), ENCODER_CASES)
def test_encoder_returns_a_distribution(
    name, normalization, training, make_encoder, randn
):
    x = randn(B, D)
    q = make_encoder(name, normalization=normalization).train(training)(x)
    assert isinstance(q, Distribution)
    assert (q.batch_shape, q.event_shape) == ((B,), (K,))
    assert q.has_rsample
    for z in (q.rsample(), q.mean):
        assert z.shape == (B, K)
        assert z.dtype == x.dtype
        assert z.isfinite().all()


@pytest.mark.parametrize("sizes", [(), (7, 6)])
@pytest.mark.parametrize(("name", "normalization", "support"), SUPPORT_CASES)
def test_encoder_gradient_reaches_every_parameter(
    name, normalization, sizes, support, make_encoder, randn
):
    options = {"hidden_layer_sizes": sizes, "support": support, "k": 3}
    encoder = make_encoder(name, normalization=normalization, **options)
    (encoder(randn(B, D)).rsample() * randn(B, 3)).sum().backward()
    for key, parameter in encoder.named_parameters():
        assert parameter.grad is not None, key
        # Batch normalisation takes away what the bias before it adds.
        cancelled = normalization == "batch" and key.endswith("linear.bias")
        if not cancelled or "scale_head" in key:
            assert parameter.grad.abs().max() > 1e-6, key


@pytest.mark.parametrize(("name", "normalization"), ENCODER_CASES)
def test_encoder_answers_without_randomness(
    name, normalization, make_encoder, randn, close, rng_untouched
):
    options = {"input_noise": 0.5, "input_dropout": 0.3, "dropout": 0.2}
    encoder = make_encoder(name, normalization=normalization, **options).eval()
    x = randn(B, D)
    with rng_untouched():
        z = encoder(x).mean
        assert torch.equal(encoder(x).mean, z)
    close(encoder(x[2:5]).mean, z[2:5])  # a row's code is its own


@pytest.mark.parametrize("k", [1, 2, 4])
@pytest.mark.parametrize(("name", "normalization"), ENCODER_CASES)
def test_encoder_codes_can_fill_their_space(
    name, normalization, k, make_encoder, randn
):
    encoder = make_encoder(name, normalization=normalization, k=k)
    z = encoder.eval()(randn(50, D)).mean.detach().double().cpu()
    assert torch.linalg.matrix_rank(z - z.mean(0), rtol=1e-3) == k
    # More than the corners of a cube: no column takes a few values only.
    assert all(len(column.mul(1e3).round().unique()) > 10 for column in z.T)


@pytest.mark.parametrize(("name", "normalization", "support"), SUPPORT_CASES)
def test_encoder_row_weights_are_repetition(
    name, normalization, support, make_encoder, randn, close, monkeypatch
):
    # The rows' own noise would tell copies of a row apart.
    monkeypatch.setattr(encoders, "standard_normal", torch.zeros_like)
    options = {"normalization": normalization, "support": support}
    weighted, plain = make_encoder(name, **options), make_encoder(name, **options)
    x, g = randn(B, D), randn(B, K)
    w = weights_of(COUNTS, x)
    q, q_plain = weighted(x, w), plain(repeated(x))
    close(repeated(q.mean), q_plain.mean)
    close(repeated(q.rsample()), q_plain.rsample())

    row_mean((q.mean * g).sum(-1), w).backward()
    row_mean((q_plain.mean * repeated(g)).sum(-1)).backward()
    other = dict(plain.named_parameters())
    for key, parameter in weighted.named_parameters():
        if parameter.grad is not None:
            close(parameter.grad, other[key].grad)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("name", "normalization"), ENCODER_CASES)
def test_encoder_stack_equals_one_by_one(
    name, normalization, training, make_encoder, randn, close, stack, device
):
    options = {"input_noise": 0.3, "input_dropout": 0.2, "dropout": 0.1}
    members = [
        make_encoder(name, seed, normalization=normalization, **options).train(training)
        for seed in range(C)
    ]
    together, x, seeds = stack(members), randn(C, B, D), [5, 6, 7]
    with Streams(seeds, device).active():
        q = together(x)
        z, mean = q.rsample(), q.mean
    assert (q.batch_shape, q.event_shape) == ((C, B), (K,))
    for c, member in enumerate(members):
        with Streams(seeds[c], device).active():
            alone = member(x[c])
            close(z[c], alone.rsample())
            close(mean[c], alone.mean)


@pytest.mark.parametrize("name", ENCODERS)
def test_encoder_noise_is_the_members_own_stream(
    name, make_encoder, randn, stack, device
):
    member = make_encoder(name, input_noise=0.3)
    together, x = stack([member] * 2), randn(B, D).expand(2, B, D)
    with Streams([5, 5], device).active():
        z = together(x).rsample()
        assert torch.equal(z[0], z[1])
    with Streams([5, 6], device).active():
        z = together(x).rsample()
        assert not torch.equal(z[0], z[1])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("draw", ["mean", "rsample"])
@pytest.mark.parametrize("name", [name for name in ENCODERS if name != "gaussian"])
def test_encoder_on_the_simplex(name, draw, training, make_encoder, randn, close):
    encoder = make_encoder(name, support="simplex", k=4).train(training)
    q = encoder(randn(B, D))
    z = q.mean if draw == "mean" else q.rsample()
    assert (z >= 0).all()
    close(z.sum(-1), torch.ones_like(z[:, 0]))


def test_gaussian_encoder_refuses_the_simplex(make_encoder):
    with pytest.raises(ValueError, match="posterior='gaussian' would leave it"):
        make_encoder("gaussian", support="simplex")


@pytest.mark.parametrize("option", ["input_noise", "input_dropout", "dropout"])
@pytest.mark.parametrize("name", ENCODERS)
def test_encoder_noise_acts_in_training_only(name, option, make_encoder, randn, close):
    noisy, clean = make_encoder(name, **{option: 0.5}), make_encoder(name)
    clean.load_state_dict(noisy.state_dict())
    x = randn(B, D)
    close(noisy.eval()(x).mean, clean.eval()(x).mean)
    with Streams(0, x.device).active():
        one, two = noisy.train()(x).mean, noisy(x).mean
    assert (one - two).abs().max() > 1e-3


def test_encoder_corruption_has_the_size_it_names(make_encoder, device, dtype):
    x = torch.zeros(400, D, device=device, dtype=dtype)
    noise = make_encoder("deterministic", input_noise=0.5).corrupt(x)
    assert float(noise.std()) == pytest.approx(0.5, rel=0.1)
    dropped = make_encoder("deterministic", input_dropout=0.25).corrupt(x + 1)
    assert float((dropped == 0).double().mean()) == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("name", ENCODERS)
def test_encoder_of_the_user(name, make_encoder, randn):
    shapes = make_encoder(name)
    module = nn.Linear(shapes.n_inputs, shapes.n_outputs)
    encoder = make_encoder(name, module=module)
    assert {p.shape for p in encoder.parameters()} == {
        p.shape for p in module.parameters()
    }
    q = encoder(randn(B, D))
    assert q.rsample().shape == (B, K)
    q.rsample().sum().backward()
    assert all(p.grad is not None for p in encoder.parameters())


def test_universal_posterior_depends_on_its_noise(make_encoder, randn):
    encoder, x = make_encoder("universal"), randn(1, D).expand(B, D)
    assert encoder(x).rsample().std(0).min() > 1e-3
    assert encoder.eval()(x).mean.std(0).max() < 1e-6


def test_gaussian_posterior_draws_with_its_scale(make_encoder, randn, device):
    q = make_encoder("gaussian")(randn(B, D))
    with Streams(0, device).active():
        z = q.rsample(torch.Size([5000]))
    torch.testing.assert_close(z.std(0), q.stddev, rtol=0.06, atol=0)
    torch.testing.assert_close(z.mean(0), q.mean, rtol=0, atol=0.01)


# === decoders =========================================================================

# Outputs h of the head to torch's own distribution.
LIKELIHOODS = {
    "gaussian": lambda h: Normal(h, 1),
    "laplace": lambda h: Laplace(h, 1),
    "bernoulli": lambda h: Bernoulli(logits=h, validate_args=False),
}


@pytest.fixture
def make_decoder(device, dtype):
    def make(name, seed=0, **options):
        options = {"hidden_layer_sizes": (6, 7)} | options
        with seeded_scope(seed):
            return DECODERS[name](K, D, **options).to(device, dtype)

    return make


@pytest.mark.parametrize("name", DECODERS)
def test_decoder_log_prob_is_torchs(name, make_decoder, randn, close):
    decoder, z, x = make_decoder(name), randn(B, K), randn(B, D).sigmoid()
    p, truth = decoder(z), LIKELIHOODS[name](decoder.location(z))
    assert isinstance(p, Distribution)
    assert (p.batch_shape, p.event_shape) == ((B,), (D,))
    close(p.log_prob(x), truth.log_prob(x).sum(-1))
    close(p.mean, truth.mean)


@pytest.mark.parametrize("name", DECODERS)
def test_decoder_treats_all_columns_as_numbers(name, make_decoder, randn, close):
    x = randn(B, D).sigmoid()
    p = make_decoder(name)(randn(B, K))
    close(p.cells(x).sum(-1), p.log_prob(x))
    close(p.balanced_log_prob(x), p.log_prob(x))
    close(p.unexplained(x), (x - p.mean).square().sum(-1))
    assert p.discrete.tolist() == [False] * D
    assert p.by_kind(x, lambda: pytest.fail("no column is discrete")) is x


def test_bernoulli_decoder_is_the_cross_entropy(make_decoder, randn, close):
    decoder, z, x = make_decoder("bernoulli"), randn(B, K), randn(B, D).sigmoid()
    g = decoder(z).mean
    close(decoder(z).log_prob(x), (x * g.log() + (1 - x) * (1 - g).log()).sum(-1))


@pytest.mark.parametrize("sizes", [(), (6, 7)])
@pytest.mark.parametrize("name", DECODERS)
def test_decoder_gradient_reaches_every_parameter(name, sizes, make_decoder, randn):
    decoder = make_decoder(name, hidden_layer_sizes=sizes)
    z = randn(B, K).requires_grad_()
    decoder(z).log_prob(randn(B, D).sigmoid()).sum().backward()
    for key, tensor in (*decoder.named_parameters(), ("code", z)):
        assert tensor.grad.abs().max() > 1e-6, key


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", DECODERS)
def test_decoder_stack_equals_one_by_one(
    name, training, make_decoder, randn, close, stack, device
):
    members = [make_decoder(name, s, dropout=0.3).train(training) for s in range(C)]
    z, x, seeds = randn(C, B, K), randn(C, B, D).sigmoid(), [5, 6, 7]
    with Streams(seeds, device).active():
        p = stack(members)(z)
    for c, member in enumerate(members):
        with Streams(seeds[c], device).active():
            alone = member(z[c])
        close(p.log_prob(x)[c], alone.log_prob(x[c]))
        close(p.mean[c], alone.mean)


@pytest.mark.parametrize("name", DECODERS)
def test_decoder_draws_rows(name, make_decoder, randn):
    p = make_decoder(name)(randn(B, K))
    x = p.sample(torch.Size([4000]))
    assert x.shape == (4000, B, D)
    torch.testing.assert_close(x.mean(0), p.mean, rtol=0, atol=0.12)


@pytest.mark.parametrize("name", DECODERS)
def test_decoder_of_the_user(name, make_decoder, randn, close):
    module = nn.Linear(K, D)
    decoder, z = make_decoder(name, module=module), randn(B, K)
    assert len(list(decoder.parameters())) == 2
    close(decoder.location(z), module(z))


# === critics ==========================================================================


@pytest.fixture
def make_critic(device, dtype):
    def make(seed=0, n_classes=0, activation="relu"):
        options = {"n_classes": n_classes, "activation": activation}
        with seeded_scope(seed):
            return Critic(K, (6, 7), **options).to(device, dtype)

    return make


@pytest.fixture
def make_cell_critic(device, dtype):
    def make(seed=0):
        with seeded_scope(seed):
            return CellCritic(D, (6, 7)).to(device, dtype)

    return make


LABELS = torch.tensor([0, 3, -1, 2, 1, -1, 0, 2])


@pytest.mark.parametrize("n_classes", [0, 4])
def test_critic_gives_each_row_its_own_logit(n_classes, make_critic, randn, close):
    critic, z = make_critic(n_classes=n_classes), randn(B, K)
    y = LABELS.to(z.device) if n_classes else None
    logits = critic(z, y)
    assert logits.shape == (B,)
    for i in range(B):
        alone = critic(z[i : i + 1], None if y is None else y[i : i + 1])
        close(logits[i : i + 1], alone)


def test_critic_has_no_normalisation():
    kinds = (
        BatchNorm,
        LayerNorm,
        Dropout,
        nn.LayerNorm,
        nn.modules.batchnorm._NormBase,
    )
    modules = list(Critic(K, (6, 7), n_classes=3).modules())
    assert len(modules) > 4
    assert not any(isinstance(module, kinds) for module in modules)


def test_critic_sees_the_label(make_critic, randn, close):
    critic, z = make_critic(n_classes=4), randn(B, K)
    y = LABELS.to(z.device)
    switch = torch.zeros(B, 5, dtype=z.dtype, device=z.device)
    switch[torch.arange(B), torch.where(LABELS == -1, 4, LABELS)] = 1
    expected = critic.head(critic.body(torch.cat([z, switch], -1))).squeeze(-1)
    close(critic(z, y), expected)
    assert (critic(z, y) - critic(z, y.flip(0))).abs().max() > 1e-3


@pytest.mark.parametrize("n_classes", [0, 4])
def test_critic_stack_equals_one_by_one(n_classes, make_critic, randn, close, stack):
    members = [make_critic(seed, n_classes) for seed in range(C)]
    z = randn(C, B, K)
    y = torch.stack([LABELS.roll(c) for c in range(C)]).to(z.device)
    y = y if n_classes else [None] * C
    logits = stack(members)(z, y if n_classes else None)
    assert logits.shape == (C, B)
    for c, member in enumerate(members):
        close(logits[c], member(z[c], y[c]))


def test_critic_gradient_reaches_every_parameter(make_critic, randn):
    critic, z = make_critic(n_classes=4), randn(B, K)
    (critic(z, LABELS.to(z.device)) * randn(B)).sum().backward()
    for key, parameter in critic.named_parameters():
        assert parameter.grad.abs().max() > 1e-6, key


# === objectives =======================================================================

# Logit, critic's and generator's loss where both sides have reached a draw.
DRAWN_GAME = {
    "bce": (0.0, 2 * math.log(2), math.log(2)),
    "least_squares": (0.5, 0.25, 0.125),
    "hinge": (0.0, 2.0, 0.0),
    "wasserstein": (0.0, 0.0, 0.0),
    "relativistic": (0.0, math.log(2), math.log(2)),
}


def logits(randn, *shape):
    """Logits inside (0, 1), where every objective slopes the way of the game."""
    return randn(*shape).sigmoid()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objective_signs(name, randn):
    objective = OBJECTIVES[name]()
    real, fake = (logits(randn, n).requires_grad_() for n in (B, B + 3))
    objective.critic(real, fake).backward()
    assert (real.grad < 0).all()  # the critic gains by higher real logits
    assert (fake.grad > 0).all()
    real.grad = fake.grad = None
    objective.generator(real, fake).backward()
    assert (fake.grad < 0).all()
    assert (real.grad is None) is not objective.pairs


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objective_at_equal_logits(name, device, dtype):
    logit, critic_loss, generator_loss = DRAWN_GAME[name]
    objective = OBJECTIVES[name]()
    at = torch.full((4,), logit, device=device, dtype=dtype)
    assert float(objective.critic(at, at)) == pytest.approx(critic_loss)
    assert float(objective.generator(at, at)) == pytest.approx(generator_loss)
    # Facing equal codes and samples, the critic can do no better than this.
    for shift in (-3.0, -0.5, -0.01, 0.01, 0.5, 3.0):
        moved = at + shift
        assert float(objective.critic(moved, moved)) >= critic_loss - 1e-6


@pytest.mark.parametrize("player", ["critic", "generator"])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_objective_stack_equals_one_by_one(name, player, randn, close):
    loss = getattr(OBJECTIVES[name](), player)
    real, fake = 3 * randn(C, B), 3 * randn(C, B + 2)
    weight = randn(C, B + 2).softmax(-1)
    for w in (None, weight):
        together = loss(real, fake, w)
        assert together.shape == (C,)
        for c in range(C):
            alone = loss(real[c], fake[c], None if w is None else w[c])
            assert alone.shape == ()
            close(together[c], alone)


@pytest.mark.parametrize("player", ["critic", "generator"])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_objective_weights_are_repetition(name, player, randn, close):
    loss = getattr(OBJECTIVES[name](), player)
    real, fake = 3 * randn(5), 3 * randn(B)
    close(loss(real, fake, weights_of(COUNTS, fake)), loss(real, repeated(fake)))


@pytest.mark.parametrize("player", ["critic", "generator"])
@pytest.mark.parametrize("size", [50.0, 500.0])
@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("precision", [torch.float32, torch.float64])
def test_objective_is_finite_for_large_logits(name, size, player, precision):
    signs = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=precision)
    real = (size * signs).requires_grad_()
    fake = (size * signs.flip(0).roll(1)).requires_grad_()
    loss = getattr(OBJECTIVES[name](), player)(real, fake)
    assert loss.isfinite()
    gradients = torch.autograd.grad(loss, (real, fake), allow_unused=True)
    assert all(g.isfinite().all() for g in gradients if g is not None)


@pytest.mark.parametrize("weighted", [False, True])
def test_relativistic_is_over_all_pairs(weighted, randn):
    real, fake = 2 * randn(4), 2 * randn(B)
    w = weights_of(COUNTS, fake) if weighted else torch.full_like(fake, 1 / B)
    critic = generator = 0.0
    for r, (f, share) in itertools.product(real, zip(fake, w, strict=True)):
        critic += float(share) / 4 * math.log1p(math.exp(f - r))
        generator += float(share) / 4 * math.log1p(math.exp(r - f))
    objective, weight = OBJECTIVES["relativistic"](), w if weighted else None
    assert float(objective.critic(real, fake, weight)) == pytest.approx(critic)
    assert float(objective.generator(real, fake, weight)) == pytest.approx(generator)


# === penalties ========================================================================


def linear(a):
    return lambda z: z @ a


def quadratic(A):
    return lambda z: 0.5 * ((z @ A) * z).sum(-1)


def interpolate(real, fake):
    """Places of the Wasserstein penalty."""
    t = (torch.arange(len(real)).to(real) + 0.5) / len(real)
    index = torch.arange(len(real), device=real.device) % len(fake)
    return t[:, None] * real + (1 - t[:, None]) * fake[index]


# Squared gradient norms at prior samples, codes and places between -> penalty.
PENALTY_FORMULAS = {
    "r1": lambda real, fake, between: 0.5 * real,
    "r2": lambda real, fake, between: 0.5 * fake,
    "r1_r2": lambda real, fake, between: 0.5 * real + 0.5 * fake,
    "wgan_gp": lambda real, fake, between: between,
}


@pytest.mark.parametrize("n_fake", [B, 5, B + 3])
@pytest.mark.parametrize("name", PENALTIES)
def test_penalty_of_a_linear_critic(name, n_fake, randn, close):
    a = 2 * randn(K)
    square = a.square().sum()
    expected = PENALTY_FORMULAS[name](square, square, (square.sqrt() - 1).square())
    close(PENALTIES[name](linear(a), randn(B, K), randn(n_fake, K)), expected)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_fake", [B, 5, B + 3])
@pytest.mark.parametrize("name", PENALTIES)
def test_penalty_of_a_quadratic_critic(name, n_fake, weighted, randn, close):
    A = randn(K, K)
    A = A + A.T  # ∇D(z) = A z
    real, fake = randn(B, K), randn(n_fake, K)
    w = randn(n_fake).softmax(-1) if weighted else None
    expected = PENALTY_FORMULAS[name](
        (real @ A).square().sum(-1).mean(),
        row_mean((fake @ A).square().sum(-1), w),
        ((interpolate(real, fake) @ A).norm(dim=-1) - 1).square().mean(),
    )
    close(PENALTIES[name](quadratic(A), real, fake, w), expected)


@pytest.mark.parametrize("name", PENALTIES)
def test_penalty_slope_agrees_with_finite_differences(name, make_critic, randn):
    critic = make_critic(activation="tanh").double()
    names, values = zip(*critic.named_parameters(), strict=True)
    real, fake = randn(4, K).double(), randn(4, K).double()

    def penalty(*parameters):
        def call(z):
            arguments = dict(zip(names, parameters, strict=True))
            return torch.func.functional_call(critic, arguments, (z,))

        return PENALTIES[name](call, real, fake)

    values = [value.detach().requires_grad_() for value in values]
    values[-1].requires_grad_(False)  # the last bias has no part in the gradient
    assert torch.autograd.gradcheck(penalty, values)


@pytest.mark.parametrize("name", PENALTIES)
def test_penalty_stack_equals_one_by_one(name, make_critic, randn, close, stack):
    members = [make_critic(seed) for seed in range(C)]
    real, fake = randn(C, B, K), randn(C, B, K)
    weight = randn(C, B).softmax(-1)
    together = PENALTIES[name](stack(members), real, fake, weight)
    assert together.shape == (C,)
    for c, member in enumerate(members):
        alone = PENALTIES[name](member, real[c], fake[c], weight[c])
        assert alone.shape == ()
        close(together[c], alone)


@pytest.mark.parametrize("name", PENALTIES)
def test_penalty_is_finite_where_the_critic_is_flat(name, randn):
    a = torch.zeros_like(randn(K)).requires_grad_()
    penalty = PENALTIES[name](linear(a), randn(B, K), randn(B, K))
    (slope,) = torch.autograd.grad(penalty, a)
    assert slope.isfinite().all()


# === divergences ======================================================================

CODE_DIVERGENCES = {
    "mmd": mmd,
    "sliced_wasserstein": lambda z, p, weight=None: sliced_wasserstein(
        z, p, torch.eye(K, 4).to(z) + 0.1, weight
    ),
    "energy_distance": lambda z, p, weight=None: energy_distance(z, p),
}


@pytest.mark.parametrize("n_prior", [B, B + 4])
@pytest.mark.parametrize("name", CODE_DIVERGENCES)
def test_divergence_stack_equals_one_by_one(name, n_prior, randn, close):
    divergence = CODE_DIVERGENCES[name]
    z, p, weight = randn(C, B, K), randn(C, n_prior, K), randn(C, B).softmax(-1)
    for w in (None, weight):
        together = divergence(z, p, w)
        assert together.shape == (C,)
        for c in range(C):
            alone = divergence(z[c], p[c], None if w is None else w[c])
            assert alone.shape == ()
            close(together[c], alone)


@pytest.mark.parametrize("name", CODE_DIVERGENCES)
def test_divergence_grows_with_the_distance(name, randn):
    z, p = randn(40, K), randn(40, K)
    values = [float(CODE_DIVERGENCES[name](z + shift, p)) for shift in (0, 1, 2, 4)]
    assert values == sorted(values)
    assert values[-1] > values[0] + 0.1


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", ["mmd", "sliced_wasserstein"])
def test_divergence_pulls_codes_to_the_prior(name, weighted, randn):
    z, p = (randn(B, K) + 3).requires_grad_(), randn(B, K)
    w = weights_of(COUNTS + 1, z) if weighted else None
    CODE_DIVERGENCES[name](z, p, w).backward()
    assert z.grad.isfinite().all()
    assert (z.grad.sum(0) > 0).all()


def mmd_by_loops(z, p, w):
    """Σ over pairs of different rows, and over all pairs across."""
    z, p, w = z.double().cpu().numpy(), p.double().cpu().numpy(), w.tolist()
    scale = 2 * p.var(0).sum()

    def kernel(a, b):
        sizes = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
        return sum(scale * s / (scale * s + ((a - b) ** 2).sum()) for s in sizes)

    pairs = list(itertools.permutations(range(len(z)), 2))
    total = sum(w[i] * w[j] for i, j in pairs)
    codes = sum(w[i] * w[j] * kernel(z[i], z[j]) for i, j in pairs) / total
    samples = np.mean([kernel(a, b) for a, b in itertools.permutations(p, 2)])
    cross = sum(w[i] * kernel(z[i], b) for i in range(len(z)) for b in p) / len(p)
    return codes + samples - 2 * cross


@pytest.mark.parametrize("weighted", [False, True])
def test_mmd_equals_a_double_loop(weighted, randn):
    z, p = randn(B, K) + 1, randn(5, K)
    w = weights_of(COUNTS, z) if weighted else torch.full_like(z[:, 0], 1 / B)
    expected = mmd_by_loops(z, p, w)
    assert float(mmd(z, p, w if weighted else None)) == pytest.approx(
        expected, rel=1e-4
    )


def test_mmd_equal_weights_count_for_nothing(randn, close):
    z, p = randn(B, K) + 1, randn(B, K)
    close(mmd(z, p, torch.full_like(z[:, 0], 1 / B)), mmd(z, p))


def test_mmd_is_unbiased(randn):
    values = torch.tensor([float(mmd(randn(10, K), randn(10, K))) for _ in range(400)])
    assert abs(values.mean()) < 4 * values.std() / 400**0.5
    assert values.min() < 0  # what a biased estimate never is


def test_sliced_wasserstein_is_the_optimal_transport(randn, close):
    z, p, directions = randn(B, 3), 2 * randn(B, 3) + 1, randn(3, 6)
    slices = []
    for direction in (directions / directions.norm(dim=0)).T:
        cost = ((z @ direction)[:, None] - (p @ direction)[None]).square().cpu()
        rows, columns = scipy.optimize.linear_sum_assignment(cost)
        slices.append(cost[rows, columns].mean())
    close(sliced_wasserstein(z, p, directions).cpu(), torch.stack(slices).mean())


def test_sliced_wasserstein_of_a_shift(randn, close):
    z, shift, axis = randn(B, K), torch.tensor([3.0, 0.0]), torch.eye(K)
    close(sliced_wasserstein(z, z + shift.to(z), axis.to(z)), z.new_tensor(4.5))


@pytest.mark.parametrize("n_prior", [15, 6, 40])
def test_sliced_wasserstein_weights_are_repetition(n_prior, randn, close):
    z, p, directions = randn(B, K), randn(n_prior, K) + 1, randn(K, 5)
    weighted = sliced_wasserstein(z, p, directions, weights_of(COUNTS, z))
    close(weighted, sliced_wasserstein(repeated(z), p, directions))
    close(
        weighted,
        sliced_wasserstein(z.flip(0), p, directions, weights_of(COUNTS, z).flip(0)),
    )


def gaussian_posterior(randn):
    return Independent(Normal(randn(B, K), randn(B, K).exp()), 1)


def test_kl_to_the_gaussian_is_the_closed_form(randn, close):
    q = gaussian_posterior(randn)
    mean, variance = q.mean, q.variance
    expected = 0.5 * (mean.square() + variance - 1 - variance.log()).sum(-1)
    close(kl(q, make_prior("gaussian")(None), q.mean), expected)


def test_kl_without_a_closed_form_is_a_fair_estimate(randn):
    q = gaussian_posterior(randn)
    p = MultivariateNormal(torch.zeros(K).to(q.mean), torch.eye(K).to(q.mean))
    with pytest.raises(NotImplementedError):
        kl_divergence(q, p)
    estimate = torch.stack([kl(q, p, q.rsample()) for _ in range(3000)])
    truth = kl(q, Independent(Normal(torch.zeros(K).to(q.mean), 1.0), 1), q.mean)
    error = estimate.std(0) / 3000**0.5
    assert ((estimate.mean(0) - truth).abs() < 5 * error + 1e-9).all()


@pytest.mark.parametrize("name", ["gaussian", "laplace", "gaussian_mixture"])
def test_kl_shapes(name, make_encoder, randn, stack, close, device):
    members = [make_encoder("gaussian", seed) for seed in range(C)]
    p, x = make_prior(name).to(device)(None), randn(C, B, D)
    q = stack(members)(x)
    z = q.rsample()
    together = kl(q, p, z)
    assert together.shape == (C, B)
    for c, member in enumerate(members):
        close(together[c], kl(member(x[c]), p, z[c]))


def test_kl_of_a_point_mass_says_what_to_use(randn):
    z = randn(B, K)
    with pytest.raises(NotImplementedError, match="posterior='gaussian'"):
        kl(Deterministic(z), make_prior("gaussian")(None), z)


@pytest.mark.parametrize("shift", [0.0, 0.3, 100.0])
@pytest.mark.parametrize("n", [3, 60])
def test_energy_distance_is_a_share(n, shift, randn):
    z, p = randn(n, 1) + shift, randn(n, 1)
    distance = float(energy_distance(z, p))
    assert 0 <= distance <= 1
    a, b = z.squeeze().tolist(), p.squeeze().tolist()
    cross = 2 * np.abs(np.subtract.outer(a, b)).mean()
    # scipy counts a row's distance to itself; we do not.
    within = (cross - scipy.stats.energy_distance(a, b) ** 2) * n / (n - 1)
    expected = np.sqrt(max(0, cross - within) / cross)
    assert distance == pytest.approx(expected, abs=1e-4)


def test_energy_distance_is_zero_for_equal_sets_and_one_for_distant_points(randn):
    z = randn(40, K)
    assert float(energy_distance(z, z.flip(0))) == pytest.approx(0, abs=1e-5)
    point = torch.zeros_like(z)
    assert float(energy_distance(point, point + 5)) == pytest.approx(1)


# === phases ===========================================================================


@pytest.fixture
def make_networks(
    make_encoder, make_decoder, make_critic, make_cell_critic, device, dtype
):
    """Return a function that builds all networks; `n_classes` labels the critic."""

    def make(seed=0, n_classes=0):
        return {
            "encoder": make_encoder("gaussian", seed, normalization="batch"),
            "decoder": make_decoder("gaussian", seed),
            "critic": make_critic(seed, n_classes),
            "prior": make_prior("gaussian").to(device, dtype),
            "cell_critic": make_cell_critic(seed),
        }

    return make


@pytest.fixture
def make_batch(randn):
    x, prior = randn(C, B, D), randn(C, B + 4, K)

    def make(c=0, **options):
        return Batch(x[c].clone(), prior[c].clone(), **options)

    return make


@pytest.fixture
def stream(device):
    """Return a function that starts the noise of a loss anew."""
    return lambda seeds=0: Streams(seeds, device).active()


PHASES = {
    "reconstruction": Reconstruct(n_columns=D),
    **{f"critic {o}": TrainCritic(objective=o) for o in OBJECTIVES},
    **{f"critic {p}": TrainCritic(penalty=p, penalty_weight=2.0) for p in PENALTIES},
    **{f"generator {o}": FoolCritic(objective=o) for o in OBJECTIVES},
    **{name: phase() for name, phase in DIVERGENCES.items()},
    "cell_critic": SpotCells(),
}


def parameters_of(recipe, names):
    return [p for name in names for p in recipe.networks[name].parameters()]


def step(recipe, batch, lr=1e-3):
    """Take one plain gradient step of every player."""
    players = recipe.players_
    optimizers = [torch.optim.SGD(parameters_of(recipe, p.moves), lr) for p in players]
    share = recipe.update == "joint"
    return train_step(recipe.networks, players, optimizers, batch, share_pass=share)


def moved_by(recipe, batch):
    """Return the networks that a step changes."""
    before = copy.deepcopy(recipe.networks)
    step(recipe, batch)
    return {
        name
        for name, network in recipe.networks.items()
        for old, new in zip(
            before[name].parameters(), network.parameters(), strict=True
        )
        if not torch.equal(old, new)
    }


@pytest.mark.parametrize("name", PHASES)
def test_phase_moves_what_it_names(name, make_networks, make_batch, stream):
    phase = PHASES[name]
    assert set(phase.moves) <= set(phase.needs)
    with stream():
        assert moved_by(Recipe(make_networks(), [phase]), make_batch()) == set(
            phase.moves
        )


class Witness(nn.Module):
    """A critic of cells that says what it sees."""

    def forward(self, x):
        self.seen = x
        return x.nan_to_num()


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_cells_of_other_rows_are_to_be_spotted(rate, randn, stream, close):
    x, witness = randn(40, D), Witness()
    x[::3, 0] = torch.nan
    weight = weights_of(torch.arange(40) % 3, x)
    with stream():
        loss = SpotCells(rate=rate).loss(
            {"cell_critic": witness}, Batch(x, x[:, :K], weight=weight)
        )
    seen, known = witness.seen, ~x.isnan()
    assert torch.equal(seen.isnan(), x.isnan())
    strange = known & (seen != x)
    assert abs(strange.sum() / known.sum() - 0.9 * rate) < 0.15
    for j in range(D):
        assert torch.isin(seen[strange[:, j], j], x[:, j]).all()
    p = seen.nan_to_num().sigmoid()
    nats = torch.where(known, -torch.where(strange, p, 1 - p).log(), 0.0)
    close(loss, (weight * nats.sum(1) / known.sum(1)).sum())


class Meddling(Phase):
    """A phase whose loss touches more than it moves."""

    name = "meddling"
    moves = ("encoder",)
    needs = ("encoder", "decoder", "critic")

    def loss(self, networks, batch):
        z = batch.code(networks)
        return networks["decoder"](z).mean.mean() + networks["critic"](z).mean()


@pytest.mark.parametrize("update", ["joint", "alternating"])
def test_what_a_phase_does_not_move_stays(update, make_networks, make_batch, stream):
    phases = [Reconstruct(weight=0.0), Meddling()]
    recipe = Recipe(make_networks(), phases, update)
    with stream():
        assert moved_by(recipe, make_batch()) == {"encoder"}


@pytest.mark.parametrize("name", PHASES)
def test_phase_step_lowers_its_own_loss(name, make_networks, make_batch, stream):
    phase, batch = PHASES[name], make_batch()
    recipe = Recipe(make_networks(), [phase])
    with stream():
        before = phase.loss(recipe.networks, batch)
    batch.forget()
    with stream():
        assert step(recipe, batch, lr=1e-4)[phase.name].shape == ()
    batch.forget()
    with stream():
        after = phase.loss(recipe.networks, batch)
    assert after < before


@pytest.mark.parametrize("name", PHASES)
def test_phase_stack_equals_one_by_one(
    name, make_networks, make_batch, stack, stream, close
):
    phase = PHASES[name]
    members = [make_networks(seed) for seed in range(C)]
    batches = [make_batch(c) for c in range(C)]
    kinds = ("encoder", "decoder", "critic", "cell_critic")
    together = {kind: stack([member[kind] for member in members]) for kind in kinds}
    together["prior"] = members[0]["prior"]
    batch = Batch(
        *(torch.stack([getattr(b, k) for b in batches]) for k in ("x", "prior"))
    )
    with stream([5, 6, 7]):
        losses = phase.loss(together, batch)
    assert losses.shape == (C,)
    moved = [p for kind in phase.moves for p in together[kind].parameters()]
    gradients = torch.autograd.grad(losses.sum(), moved)
    for c, member in enumerate(members):
        with stream(5 + c):
            loss = phase.loss(member, batches[c])
        close(losses[c], loss)
        own = [p for kind in phase.moves for p in member[kind].parameters()]
        for part, whole in zip(torch.autograd.grad(loss, own), gradients, strict=True):
            close(whole[c], part)


# An unbiased mean over pairs tells copies of a row from a weight; the places of the
# Wasserstein penalty take no weights; copies of a row get other cells.
UNWEIGHTED = ("mmd", "critic wgan_gp", "cell_critic")


@pytest.mark.parametrize("name", [name for name in PHASES if name not in UNWEIGHTED])
def test_phase_weights_are_repetition(
    name, make_networks, make_batch, stream, close, make_encoder
):
    phase, networks, batch = PHASES[name], make_networks(), make_batch()
    kind = "gaussian" if name == "kl" else "deterministic"
    networks["encoder"] = make_encoder(kind, normalization="batch")
    weighted = Batch(batch.x, batch.prior, weights_of(COUNTS, batch.x))
    with stream():
        one = phase.loss(networks, weighted)
    with stream():
        two = phase.loss(networks, Batch(repeated(batch.x), batch.prior))
    close(one, two)


@pytest.mark.parametrize("missing", ["encoder", "decoder", "critic", "prior"])
@pytest.mark.parametrize("name", PHASES)
def test_phase_says_what_it_needs(name, missing, make_networks):
    phase, networks = PHASES[name], make_networks()
    del networks[missing]
    if missing not in phase.needs:
        Recipe(networks, [phase])
        return
    with pytest.raises(ValueError) as error:  # noqa: PT011
        Recipe(networks, [phase])
    assert str(error.value) == (
        f"Phase {type(phase).__name__} needs {missing!r}. "
        f"This recipe has {sorted(networks)}."
    )


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("n_prior", [B, B + 4])
def test_penalty_judges_rows_by_their_own_labels(
    penalty, n_prior, make_networks, make_batch, close, stream
):
    networks, batch = make_networks(n_classes=4), make_batch()
    batch.prior = batch.prior[:n_prior]
    critic = networks["critic"]
    batch.y = LABELS.to(batch.x.device)
    batch.prior_y = (torch.arange(n_prior) % 5 - 1).to(batch.x.device)
    with stream():
        plain = TrainCritic().loss(networks, batch)
        loss = TrainCritic(penalty=penalty, penalty_weight=1.0).loss(networks, batch)
    code = batch.code(networks, grad=False)

    def square(z, y):
        z = z.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(z, y).sum(), z)
        return gradient.square().sum(-1)

    # The places between take the label of their prior sample.
    between = square(interpolate(batch.prior, code), batch.prior_y)
    expected = PENALTY_FORMULAS[penalty](
        square(batch.prior, batch.prior_y).mean(),
        square(code, batch.y).mean(),
        ((between + 1e-12).sqrt() - 1).square().mean(),
    )
    close(loss - plain, expected)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_labels_reach_the_critic(objective, make_networks, make_batch, stream, close):
    networks, batch = make_networks(n_classes=4), make_batch()
    batch.y = LABELS.to(batch.x.device)
    batch.prior_y = (torch.arange(B + 4) % 5 - 1).to(batch.x.device)
    with stream():
        code, critic = batch.code(networks), networks["critic"]
    real, fake = critic(batch.prior, batch.prior_y), critic(code, batch.y)
    rule = OBJECTIVES[objective]()
    close(
        TrainCritic(objective=objective).loss(networks, batch), rule.critic(real, fake)
    )
    close(
        FoolCritic(objective=objective).loss(networks, batch),
        rule.generator(real, fake),
    )


# === recipes ==========================================================================


def players_of(recipe):
    return [(p.name, [f.name for f in p.phases], p.moves) for p in recipe.players()]


AAE = (Reconstruct(), TrainCritic(), FoolCritic())


def test_joint_update_lets_the_critic_step_before_the_autoencoder(make_networks):
    assert players_of(Recipe(make_networks(), AAE, "joint")) == [
        ("critic", ["critic"], ("critic",)),
        ("generator", ["reconstruction", "generator"], ("encoder", "decoder")),
    ]


def test_alternating_update_gives_each_phase_its_player(make_networks):
    assert players_of(Recipe(make_networks(), AAE, "alternating")) == [
        ("reconstruction", ["reconstruction"], ("encoder", "decoder")),
        ("critic", ["critic"], ("critic",)),
        ("generator", ["generator"], ("encoder",)),
    ]


@pytest.mark.parametrize("name", DIVERGENCES)
def test_joint_update_of_one_game_is_one_player(name, make_networks):
    phases = [Reconstruct(), DIVERGENCES[name]()]
    assert players_of(Recipe(make_networks(), phases)) == [
        (name, ["reconstruction", name], ("encoder", "decoder"))
    ]


def test_joint_update_joins_through_a_later_phase(make_networks):
    class Bridge(Phase):
        name, moves, needs = "bridge", ("critic", "decoder"), ("critic", "decoder")

    recipe = Recipe(make_networks(), [TrainCritic(), FoolCritic(), Bridge()])
    assert players_of(recipe) == [
        ("generator", ["generator"], ("encoder",)),
        ("bridge", ["critic", "bridge"], ("critic", "decoder")),
    ]


@pytest.mark.parametrize("update", ["joint", "alternating"])
def test_every_phase_plays_once(update, make_networks):
    recipe = Recipe(make_networks(), AAE, update)
    played = [phase for player in recipe.players_ for phase in player.phases]
    assert sorted(p.name for p in played) == ["critic", "generator", "reconstruction"]
