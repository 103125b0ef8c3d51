"""What the benchmarks on MNIST share: the rows, and the paper's networks."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from reporting import load_from

# Two hidden layers of 1000 units (paper, appendix A); pixels are of one unit already.
NETWORKS = {
    "hidden_layer_sizes": (1000, 1000),
    "critic_hidden_layer_sizes": (300, 300),
    "dropout": 0.0,
    "activation": "relu",
    "scale": None,
}


def load_mnist(folder):
    """Return X, y of the 60,000 training rows and of the 10,000 test rows."""
    load = load_from(folder)
    parts = []
    for part in ("train", "test"):
        X, y = load("mnist", part)
        parts += [np.float32(X) / 255, np.asarray(y)]
    return parts
