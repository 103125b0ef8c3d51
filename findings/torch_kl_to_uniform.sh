#!/usr/bin/env bash
# torch.distributions: the divergence of a ContinuousBernoulli from the uniform
# distribution on its own support [0, 1] is infinite.
#
# Version:  torch 2.13.0 (CPU).
# Expected: log(1) - entropy = 0.0294 for probs=0.3; the density of the one is positive
#           wherever that of the other is. Monte Carlo agrees.
# Seen:     inf. To Uniform(-1e-6, 1 + 1e-6), which is all but the same, 0.0294; to
#           Uniform(0.2, 2), which lacks a part of the support, inf, rightly.
# Why:      the function in torch/distributions/kl.py compares the bounds with >= and <=,
#           so that an interval which just covers the support counts as one that does not.
# Source:   https://github.com/pytorch/pytorch/blob/v2.13.0/torch/distributions/kl.py,
#           _kl_continuous_bernoulli_uniform.
# Matters:  pixels in [0, 1] as a ContinuousBernoulli, against "knows nothing".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import torch
from torch.distributions import ContinuousBernoulli, Uniform, kl_divergence

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
p = ContinuousBernoulli(torch.tensor(0.3))
exact, wider = Uniform(0.0, 1.0), Uniform(-1e-6, 1 + 1e-6)
x = p.sample((100_000,))
drawn = (p.log_prob(x) - exact.log_prob(x)).mean().item()
on_support, on_wider = (kl_divergence(p, q).item() for q in (exact, wider))
print(f"Monte Carlo {drawn:.3f}, Uniform(0, 1) {on_support}, a little wider {on_wider:.4f}")
assert abs(drawn - 0.0294) < 2e-3
assert on_support == float("inf"), "changed: the divergence is finite now"
assert abs(on_wider - 0.0294) < 1e-3
PYTHON
