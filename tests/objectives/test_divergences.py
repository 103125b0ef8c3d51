"""Divergences of codes from the prior, and of posteriors."""

import itertools

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
import torch
from torch.distributions import (
    Independent,
    MultivariateNormal,
    Normal,
    kl_divergence,
)

from sklearn_aae.distributions import Deterministic
from sklearn_aae.objectives import (
    energy_distance,
    energy_distance_and_noise,
    kl,
    mmd,
    sliced_wasserstein,
)
from sklearn_aae.priors import PRIORS

B, C, D, K = 8, 3, 5, 2  # rows, models in a stack, columns, code size

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
    w = torch.arange(1.0, B + 1).to(z).softmax(-1) if weighted else None
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
def test_mmd_equals_a_double_loop(weighted, randn, repetition):
    z, p = randn(B, K) + 1, randn(5, K)
    w = repetition.weights(z) if weighted else torch.full_like(z[:, 0], 1 / B)
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
def test_sliced_wasserstein_weights_are_repetition(n_prior, randn, close, repetition):
    z, p, directions = randn(B, K), randn(n_prior, K) + 1, randn(K, 5)
    weighted = sliced_wasserstein(z, p, directions, repetition.weights(z))
    close(weighted, sliced_wasserstein(repetition.copies(z), p, directions))
    close(
        weighted,
        sliced_wasserstein(z.flip(0), p, directions, repetition.weights(z).flip(0)),
    )


def gaussian_posterior(randn):
    return Independent(Normal(randn(B, K), randn(B, K).exp()), 1)


def test_kl_to_the_gaussian_is_the_closed_form(randn, close):
    q = gaussian_posterior(randn)
    mean, variance = q.mean, q.variance
    expected = 0.5 * (mean.square() + variance - 1 - variance.log()).sum(-1)
    close(kl(q, PRIORS["gaussian"](K)(None), q.mean), expected)


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
    p, x = PRIORS[name](K).to(device)(None), randn(C, B, D)
    q = stack(members)(x)
    z = q.rsample()
    together = kl(q, p, z)
    assert together.shape == (C, B)
    for c, member in enumerate(members):
        close(together[c], kl(member(x[c]), p, z[c]))


def test_kl_of_a_point_mass_says_what_to_use(randn):
    z = randn(B, K)
    with pytest.raises(NotImplementedError, match="posterior='gaussian'"):
        kl(Deterministic(z), PRIORS["gaussian"](K)(None), z)


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


@pytest.mark.parametrize(("n", "m", "k"), [(128, 128, 2), (300, 100, 5)])
def test_the_noise_of_the_energy_distance_is_what_equal_samples_read(n, m, k):
    generator = torch.Generator().manual_seed(0)
    z, p = (
        torch.randn(600, rows, k, generator=generator, dtype=torch.float64)
        for rows in (n, m)
    )
    found, noise = energy_distance_and_noise(z, p)
    torch.testing.assert_close(found, energy_distance(z, p))
    # The distance is the root of a ratio, cut at 0: its upper half has the spread.
    above = (found > 0).double().mean()
    assert 0.35 < above < 0.55
    second_moment = (found**4).sum() / 600  # of the ratio, where it is above 0
    skewed = float(second_moment / (noise**4).mean())
    assert 0.5 < skewed < 0.9
    assert 0.02 < float((found > 1.42 * noise).double().mean()) < 0.09
    assert float(noise.std() / noise.mean()) < 0.1


def test_the_energy_distance_and_its_noise_have_gradients():
    generator = torch.Generator().manual_seed(0)
    z, p = (torch.randn(n, 2, generator=generator, dtype=torch.float64) for n in (5, 7))
    z += 3
    assert torch.autograd.gradcheck(
        energy_distance_and_noise, (z.requires_grad_(), p.requires_grad_())
    )
    found = energy_distance_and_noise(z, p)
    with torch.no_grad():  # in place
        torch.testing.assert_close(found, energy_distance_and_noise(z, p))
