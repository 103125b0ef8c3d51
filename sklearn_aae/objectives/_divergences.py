"""Distances between codes and prior samples, and between distributions.

Letters: C models in a stack, B batch, k code size. ``z`` are codes of shape (B, k) or
(C, B, k) with optional row weights that sum to 1, ``p`` prior samples (B', k) or
(C, B', k). Each returns one value for each model, of shape () or (C,).
"""

import torch
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from sklearn_aae.objectives._adversarial import row_mean

# Scales of the inverse multiquadratic kernel (Tolstikhin et al. 2018).
IMQ_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def _pair_mean(values: Tensor, weight: Tensor | None) -> Tensor:
    """E over pairs of different rows of a (B, B) table with zero weight on i = j.

    A single row makes no pair, and tells nothing: 0.
    """
    b = values.shape[-1]
    if b == 1:
        return values.new_zeros(values.shape[:-2])
    if weight is None:
        trace = values.diagonal(dim1=-2, dim2=-1).sum(-1)
        return (values.sum((-2, -1)) - trace) / (b * (b - 1))
    w = weight.unsqueeze(-1) * weight.unsqueeze(-2)  # (B, B)
    w = w - torch.diag_embed(w.diagonal(dim1=-2, dim2=-1))
    return (w * values).sum((-2, -1)) / w.sum((-2, -1))


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """‖a_i - b_j‖², (B, B') or (C, B, B')."""
    squares = a.square().sum(-1).unsqueeze(-1) + b.square().sum(-1).unsqueeze(-2)
    return (squares - 2 * a @ b.mT).clamp_min(0)


def mmd(z: Tensor, p: Tensor, weight: Tensor | None = None) -> Tensor:
    """Unbiased squared MMD, kernel Σ_s C/(C + ‖a - b‖²) with C = 2 k s Var(p).

    Tolstikhin et al. 2018 (Wasserstein autoencoders), section 4.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.objectives import mmd
    >>> p = torch.linspace(-1, 1, 50).unsqueeze(1)
    >>> bool(mmd(p, p) < mmd(p + 0.5, p) < mmd(p + 1, p))
    True
    """
    scale = 2 * p.var(-2, correction=0).sum(-1)[..., None, None]  # 2 k Var(p)

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        d2 = squared_distances(a, b)
        terms = [scale * s / (scale * s + d2) for s in IMQ_SCALES]
        return torch.stack(terms).sum(0)

    cross = row_mean(kernel(z, p).mean(-1), weight)
    return _pair_mean(kernel(z, z), weight) + _pair_mean(kernel(p, p), None) - 2 * cross


def sliced_wasserstein(
    z: Tensor, p: Tensor, directions: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Mean squared 2-Wasserstein distance along `directions` of shape (k, L).

    Kolouri et al. 2019 (sliced-Wasserstein autoencoders). The codes' quantile function
    is read at the prior's B' ranks, so that the two may differ in number and weight.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.objectives import sliced_wasserstein
    >>> p = torch.tensor([[0.0, 0.0], [1.0, 2.0], [4.0, 3.0]])
    >>> z = p + torch.tensor([2.0, 0.0])
    >>> sliced_wasserstein(z, p, directions=torch.eye(2))  # mean of 2² and 0²
    tensor(2.)
    """
    directions = directions / directions.norm(dim=-2, keepdim=True)
    u, order = (z @ directions).sort(-2)  # (C, B, L)
    v = (p @ directions).sort(-2).values  # (C, B', L)
    if weight is None and u.shape[-2] == v.shape[-2]:
        return (u - v).square().mean((-2, -1))
    b, n_ranks = u.shape[-2], v.shape[-2]
    w = z.new_full(z.shape[:-1], 1 / b) if weight is None else weight
    mass = w.unsqueeze(-1).expand(u.shape).gather(-2, order).cumsum(-2).mT.contiguous()
    ranks = (torch.arange(n_ranks, device=z.device, dtype=z.dtype) + 0.5) / n_ranks
    ranks = ranks.expand(*mass.shape[:-1], n_ranks).contiguous()
    index = torch.searchsorted(mass, ranks).clamp_max(b - 1).mT
    return (u.gather(-2, index) - v).square().mean((-2, -1))


def kl(q: Distribution, p: Distribution, z: Tensor) -> Tensor:
    """KL(q ‖ p) of each row, (B,) or (C, B): closed form, else log q(z) - log p(z).

    Examples
    --------
    >>> import torch
    >>> from torch.distributions import Normal
    >>> from sklearn_aae.objectives import kl
    >>> q, p = Normal(torch.ones(1, 3), 1.0), Normal(torch.zeros(1, 3), 1.0)
    >>> kl(q, p, z=q.sample())  # ½ ‖μ‖²
    tensor([1.5000])
    """
    try:
        return _event_sum(kl_divergence(q, p), z)
    except NotImplementedError:
        return _event_sum(q.log_prob(z), z) - _event_sum(p.log_prob(z), z)


def _event_sum(values: Tensor, z: Tensor) -> Tensor:
    """Sum over the code's columns where a distribution kept them apart."""
    return values.sum(-1) if values.dim() == z.dim() else values


def energy_distance(z: Tensor, p: Tensor) -> Tensor:
    """Distance in [0, 1]: 0 for equal distributions, 1 for two different points.

    The root of (2E‖z - p‖ - E‖z - z'‖ - E‖p - p'‖) / 2E‖z - p‖ (Székely and Rizzo
    2013), over pairs of different rows: for equal distributions the ratio under the
    root is 0 on average, and counts as 0 where chance makes it negative.

    Examples
    --------
    >>> import torch
    >>> from sklearn_aae.objectives import energy_distance
    >>> p = torch.tensor([[0.0], [1.0]])
    >>> energy_distance(p, p), energy_distance(torch.zeros(2, 1), torch.ones(2, 1))
    (tensor(0.), tensor(1.))
    """
    return _energy_distance(z, p, torch.cdist(p, p))[0]


def energy_distance_and_noise(z: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    """Return `energy_distance`, and what chance makes of equal distributions.

    Of n and m rows of one distribution, the numerator under the root has the variance
    2 E[h²] (1/n + 1/m)², with h the distances of two rows without their means by row
    and column: a U-statistic that is degenerate (Székely and Rizzo 2013). The noise is
    what the distance reads one standard deviation above its mean of 0.
    """
    distances = torch.cdist(p, p)
    found, cross = _energy_distance(z, p, distances)
    rows = distances.mean(-1, keepdim=True)
    # In place where no gradient needs them: a million distances are a fit's peak.
    h = distances.clone() if torch.is_grad_enabled() else distances
    h = h.sub_(rows).sub_(rows.mT).add_(rows.mean(-2, keepdim=True))
    n, m = z.shape[-2], p.shape[-2]
    deviation = (2 * h.square_().mean((-2, -1))).sqrt() * (1 / n + 1 / m)
    return found, (deviation / cross).sqrt()


def _energy_distance(z: Tensor, p: Tensor, distances: Tensor) -> tuple[Tensor, Tensor]:
    """Return `energy_distance` and 2E‖z - p‖, given the distances in p."""
    cross = 2 * torch.cdist(z, p).mean((-2, -1))
    within = _pair_mean(torch.cdist(z, z), None) + _pair_mean(distances, None)
    return ((cross - within) / cross).clamp_min(0).sqrt(), cross
