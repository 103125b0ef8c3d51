"""What same_numbers.py trains on: small tables, and objects that a user may pass."""

from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from scipy import sparse
from sklearn.datasets import load_digits, load_iris, load_wine, make_moons
from skorch.callbacks import Callback
from torch import nn


def iris():
    return load_iris(return_X_y=True)


def iris32():
    X, y = iris()
    return X.astype(np.float32), y


def iris_few():
    """Every fifth row has its label."""
    X, y = iris()
    return X, np.where(np.arange(len(y)) % 5 == 0, y, -1)


def iris_names_few():
    """As `iris_few`, the labels as text."""
    X, y = iris_few()
    names = np.array(["setosa", "versicolor", "virginica", None], dtype=object)
    return X, names[y]


def wine():
    return load_wine(return_X_y=True)


def moons():
    X, y = make_moons(300, noise=0.05, random_state=0)
    return X, y


def digits():
    X, y = load_digits(return_X_y=True)
    return X[:500], y[:500]


def digits_few():
    X, y = digits()
    return X, np.where(np.arange(len(y)) % 10 == 0, y, -1)


def unit():
    """Columns within [0, 1]."""
    X, y = wine()
    return (X - X.min(0)) / np.ptp(X, 0), y


def table():
    """Numbers, counts, text, categories, booleans, a constant; some are missing."""
    rng = np.random.RandomState(0)
    n = 240
    y = rng.randint(3, size=n)
    frame = pd.DataFrame(
        {
            "height": rng.normal(size=n) + y,
            "age": rng.randint(18, 90, size=n),
            "visits": rng.poisson(1 + 3 * y),
            "city": np.array(["Aarhus", "Bergen", "Cork", "Delft"])[(y + 1) % 4],
            "size": pd.Categorical(
                np.array(["S", "M", "L"])[rng.randint(3, size=n)], ["S", "M", "L", "XL"]
            ),
            "member": rng.rand(n) < 0.3 + 0.2 * y,
            "constant": 1.0,
        }
    )
    frame.loc[rng.rand(n) < 0.1, "height"] = np.nan
    frame.loc[rng.rand(n) < 0.1, "city"] = None
    return frame, y


def holes():
    """Numbers with missing values."""
    X, y = wine()
    X[np.random.RandomState(0).rand(*X.shape) < 0.1] = np.nan
    return X, y


def sparse_rows():
    """Three kinds of rows, most of their cells zero."""
    y = np.arange(150) % 3
    X = sparse.random(150, 30, 0.2, "csr", random_state=0)
    shift = sparse.csr_matrix((np.ones(150), (np.arange(150), y)), shape=X.shape)
    return (X + shift).tocsr(), y


def outlying():
    """Wine with rows whose cells are exchanged."""
    X, y = wine()
    rng = np.random.RandomState(0)
    mixed = np.column_stack([rng.permutation(column) for column in X.T])
    X[:10] = mixed[:10] * 1.3
    return X, y


# --- objects --------------------------------------------------------------------------


class Watch(Callback):
    """Looks at each epoch and batch, and changes nothing."""

    def on_epoch_end(self, net, **kwargs):
        self.losses = [*getattr(self, "losses", []), net.history[-1]["reconstruction"]]

    def on_grad_computed(self, net, named_parameters, **kwargs):
        norms = [p.grad.norm() for _, p in named_parameters if p.grad is not None]
        self.norm = float(sum(norms))


class Rate(Callback):
    """Lowers the learning rate of a constant schedule."""

    def on_epoch_end(self, net, **kwargs):
        for group in net.optimizer_.param_groups:
            group["lr"] *= 0.9


def ring(n_samples, random_state):
    """Draw codes on a circle."""
    angle = random_state.uniform(0, 6.283, n_samples)
    return np.column_stack([np.cos(angle), np.sin(angle)])


def network(*sizes):
    """Return a network of a user, the same each time."""
    torch.manual_seed(0)
    layers = [
        layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.Tanh())
    ]
    return nn.Sequential(*layers[:-1])


def normal():
    """Return a distribution whose columns hang together."""
    scale = torch.tensor([[1.0, 0.0], [0.5, 1.0]])
    return torch.distributions.MultivariateNormal(torch.zeros(2), scale_tril=scale)
