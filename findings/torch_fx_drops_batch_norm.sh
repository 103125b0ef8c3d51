#!/usr/bin/env bash
# torch.fx: removing dead code from a traced step removes a batch normalisation whose
# output nobody reads, and with it the update of the running statistics.
#
# Version:  torch 2.13.0.
# Expected: Graph.eliminate_dead_code keeps what changes its arguments in place, as it
#           keeps add_ and copy_.
# Seen:     F.batch_norm(x, mean, var, training=True) is traced as
#           aten.native_batch_norm, which changes mean and var; after
#           eliminate_dead_code the graph leaves both as they were, without an error.
# Why:      the schema of aten.native_batch_norm marks no argument as changed, and fx
#           goes by the schema. That of aten._native_batch_norm_legit does.
# Source:   aten/src/ATen/native/native_functions.yaml (native_batch_norm, Tensor?
#           running_mean without an alias annotation), torch/fx/node.py (Node.is_impure).
# Matters:  whoever traces a training step with make_fx and cleans the graph: networks of
#           several heads, of which a loss reads some, answer by other statistics. Pass
#           is_impure_node to eliminate_dead_code.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional


def step(x, mean, var):
    functional.batch_norm(x, mean, var, training=True)  # a head that no loss reads
    return x.sum()


def moved(function):
    x, mean, var = 3 + torch.ones(8, 2).cumsum(0), torch.zeros(2), torch.ones(2)
    function(x, mean, var)
    return mean.tolist()


traced = make_fx(step)(torch.ones(8, 2), torch.zeros(2), torch.ones(2))
before = moved(traced)
traced.graph.eliminate_dead_code()
traced.recompile()
after = moved(traced)
print("torch", torch.__version__, "mean, eager", moved(step))
print("traced", before, "without dead code", after)
print(torch.ops.aten.native_batch_norm.default._schema)
assert moved(step) == before == [0.75, 0.75]
assert after == [0.0, 0.0], "changed: the statistics are tracked now"
PYTHON
