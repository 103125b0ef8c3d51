#!/usr/bin/env bash
# torch: to make an optimiser, and to call its methods, imports the compiler and sympy.
#
# Version:  torch 2.13.0 (CPU).
# Expected: SGD over one parameter, in a process that compiles nothing, needs what
#           `import torch` has imported.
# Seen:     torch.optim.SGD([p]) imports 823 further modules, among them torch._dynamo,
#           torch.distributed and all of sympy, and takes 1.15 seconds of processor. A
#           tensor operation, its gradient and an update by hand import none of them, nor
#           does an optimiser whose methods are taken from below their decorator.
# Why:      add_param_group, step, zero_grad, state_dict and load_state_dict are marked as
#           nothing to compile by a decorator that imports the compiler at the first call.
# Source:   https://github.com/pytorch/pytorch/blob/v2.13.0/torch/_compile.py,
#           https://github.com/pytorch/pytorch/blob/v2.13.0/torch/optim/optimizer.py.
# Matters:  a small first fit in a fresh process (a worker, a command, a test) takes several
#           times as long as a second one; a benchmark of first fits measures the import.
# Also:     so does the first TorchDispatchMode that is entered (822 modules).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import inspect
import sys
import time

import torch

COMPILER = {"torch._dynamo", "sympy"}
parameter = torch.nn.Parameter(torch.ones(3))


def imported(work):
    """Return the modules that some work imports, and its processor seconds."""
    before, start = set(sys.modules), time.process_time()
    work()
    return set(sys.modules) - before, time.process_time() - start


def by_hand():
    parameter.square().sum().backward()
    with torch.no_grad():
        parameter.sub_(0.1 * parameter.grad)


class Unmarked(torch.optim.SGD):
    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)


for name, work in (
    ("by hand", by_hand),
    ("below the decorator", lambda: Unmarked([parameter], lr=0.1)),
    ("SGD", lambda: torch.optim.SGD([parameter], lr=0.1)),
):
    modules, seconds = imported(work)
    print(f"{name}: {len(modules)} modules, {seconds:.2f} s")
    if name == "SGD":
        assert COMPILER <= modules and len(modules) > 500, "changed: no compiler"
    else:
        assert not COMPILER & modules
PYTHON
