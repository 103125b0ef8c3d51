"""What speed.py trains: sizes of models and the rows for them."""

import sys
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import StandardScaler


@dataclass(frozen=True)
class Size:
    """A model d-h-h-k and how it is trained; `per_epoch` says how it is reported."""

    n_features: int
    hidden: int
    code: int
    batch_size: int
    epochs: int
    per_epoch: bool = False


SIZES = {
    "digits": Size(64, 128, 8, 128, 50),
    "table": Size(30, 64, 4, 128, 50),
    "paper": Size(784, 1000, 10, 100, 3, per_epoch=True),
}
PAPER_ROWS = 10_000


def load_rows(name, data_dir=None, max_rows=None):
    """Return the rows of a size: bundled, from the folder of data, or random."""
    if name == "digits":
        X = load_digits().data
    elif name == "table":
        X = load_breast_cancer().data
    elif data_dir is None:
        X = np.random.RandomState(0).rand(PAPER_ROWS, SIZES[name].n_features)
    else:
        X = load_shared(data_dir, "mnist", "train")[:PAPER_ROWS]
    return X[:max_rows].astype(np.float32 if name == "paper" else np.float64)


def load_shared(data_dir, *args):
    """Return the columns of a set in a folder that has a `load.py`."""
    sys.path.insert(0, str(data_dir))
    try:
        from load import load
    finally:
        sys.path.pop(0)
    return load(*args)[0]


@dataclass(frozen=True)
class Problem:
    """Rows, the model to train on them, and where."""

    size: Size
    X: np.ndarray
    epochs: int
    device: str = "cpu"

    @cached_property
    def scaled(self):
        """The rows with standard-scaled columns, float32."""
        return StandardScaler().fit_transform(self.X).astype(np.float32)

    def head(self, n_batches):
        """Return the same problem on a few batches and one epoch, to warm up."""
        n_rows = n_batches * self.size.batch_size
        return Problem(self.size, self.X[:n_rows], 1, self.device)

    def r2(self, reconstruction):
        """Return the share of the scaled rows' variance that is reconstructed."""
        rows = self.scaled.astype(np.float64)
        return 1 - float(np.square(rows - reconstruction).sum() / np.square(rows).sum())
