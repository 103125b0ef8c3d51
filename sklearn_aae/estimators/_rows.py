"""The rows of one fit: what to train on, and what to judge by."""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.model_selection import train_test_split

from sklearn_aae.estimators._labels import UNLABELLED
from sklearn_aae.priors import Prior
from sklearn_aae.tabular import TablePreprocessor
from sklearn_aae.training import Batch, Batches
from sklearn_aae.utils._random import seeded_scope

# Rows that judge a fit: the criterion compares all pairs.
MAX_JUDGES = 1000


@dataclass
class Rows:
    """Rows, with their labels and weights where there are any.

    Attributes
    ----------
    X : ndarray or Tensor of shape (n, d)
        Rows; a tensor once they are scaled.

    y : ndarray of shape (n,) or None
        Class numbers, -1 = unlabelled.

    weight : ndarray of shape (n,) or None
        Positive weights.
    """

    X: np.ndarray | torch.Tensor
    y: np.ndarray | None = None
    weight: np.ndarray | None = None

    def __getitem__(self, index) -> "Rows":
        """Select rows."""
        parts = (self.X, self.y, self.weight)
        return Rows(*(None if part is None else part[index] for part in parts))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.X)

    def split(self, fraction: float, seed: int) -> tuple["Rows", "Rows"]:
        """Hold out a share of the rows, at least two.

        Raises
        ------
        ValueError
            If fewer than two would be left to train on.
        """
        n_held = max(2, round(fraction * len(self)))
        if len(self) - n_held < 2:
            raise ValueError(
                f"early_stopping=True needs rows to hold out: validation_fraction="
                f"{fraction} of {len(self)} rows leaves fewer than two to train on. "
                "Pass X_val, or more rows, or early_stopping=False."
            )
        index = np.arange(len(self))
        train, held = train_test_split(index, test_size=n_held, random_state=seed)
        return self[np.sort(train)], self[np.sort(held)]

    def class_shares(self, n_classes: int) -> list[float] | None:
        """Return the share of each class among the labelled rows, by weight."""
        if self.y is None:
            return None
        told = self.y != UNLABELLED
        weight = None if self.weight is None else self.weight[told]
        counts = np.bincount(self.y[told], weights=weight, minlength=n_classes)
        return (counts / counts.sum()).tolist()

    def scaled(
        self, preprocessor: TablePreprocessor, device: torch.device, dtype: torch.dtype
    ) -> "Rows":
        """Return the rows as the networks see them, on a device."""
        return Rows(preprocessor.to_tensor(self.X, device, dtype), self.y, self.weight)

    def batches(self, prior: Prior, batch_size: int, **options) -> Batches:
        """Return the scaled rows as mini-batches; `options` are those of `Batches`."""
        X, y, w = self.X, self.y, self.weight
        return Batches(
            X,
            prior,
            batch_size=batch_size,
            **options,
            weight=None if w is None else torch.as_tensor(w).to(X),
            y=None if y is None else torch.as_tensor(y).to(X.device),
        )

    def judges(self, prior: Prior, seed: int) -> Batch:
        """Return up to `MAX_JUDGES` scaled rows and as many prior samples."""
        X = self.X[:: -(-len(self) // MAX_JUDGES)]
        with seeded_scope(seed):
            return Batch(X, prior.draw(len(X)).to(X))
