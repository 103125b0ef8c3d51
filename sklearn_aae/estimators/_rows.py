"""The rows of one fit: to train on, and to validate by."""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.model_selection import train_test_split

from sklearn_aae.metrics._points import as_points
from sklearn_aae.priors import Prior
from sklearn_aae.tabular import (
    UNLABELLED,
    LazyRows,
    TablePreprocessor,
    TableSchema,
)
from sklearn_aae.training import Batch, Batches
from sklearn_aae.utils._random import seeded_scope

# Rows that a criterion is measured on: it compares all pairs.
MAX_VALIDATION_ROWS = 1000
MAX_CELLS = 2**23


@dataclass(frozen=True, eq=False)
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

    soft_y : ndarray of shape (n, m) or None
        Label probabilities that a teacher gives scaled rows.

    schema : TableSchema or None
        Of scaled rows: what their columns hold.
    """

    X: np.ndarray | torch.Tensor
    y: np.ndarray | None = None
    weight: np.ndarray | None = None
    soft_y: np.ndarray | None = None
    schema: TableSchema | None = None

    def __getitem__(self, index) -> "Rows":
        """Select rows."""
        parts = (self.X, self.y, self.weight, self.soft_y)
        chosen = (None if part is None else part[index] for part in parts)
        return Rows(*chosen, schema=self.schema)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.X)

    def split(self, fraction: float, seed: int) -> tuple["Rows", "Rows"]:
        """Hold out a share of the rows, at least two; of each class alike.

        A class keeps one of its labelled rows, at least, to be trained on.

        Raises
        ------
        ValueError
            If fewer than two would be left to train on, or a class without a label.
        """
        n_held = max(2, round(fraction * len(self)))
        if len(self) - n_held < 2:
            raise ValueError(
                f"early_stopping=True needs rows to hold out: validation_fraction="
                f"{fraction} of {len(self)} rows leaves fewer than two to train on. "
                "Pass X_val, or more rows, or early_stopping=False."
            )
        if self.y is not None and (self.y != UNLABELLED).any():
            held = self._draw_by_class(n_held, seed)
        else:
            index = np.arange(len(self))
            _, held = train_test_split(index, test_size=n_held, random_state=seed)
        kept = np.ones(len(self), dtype=bool)
        kept[held] = False
        return self[kept], self[~kept]

    def _draw_by_class(self, n_held: int, seed: int) -> np.ndarray:
        """Return numbers of rows to hold out: as many of each class as its share."""
        rng = np.random.RandomState(seed)
        order = rng.permutation(len(self))
        groups = [order[self.y[order] == c] for c in np.unique(self.y)]
        # The last row of a class stays; rows without a label may all go.
        most = np.array([len(g) - (self.y[g[0]] != UNLABELLED) for g in groups])
        if most.sum() < n_held:
            raise ValueError(
                f"early_stopping=True holds out {n_held} of {len(self)} rows, and only "
                f"{most.sum()} can be spared: each class keeps a labelled row to train "
                "on. Pass X_val, or more rows, or early_stopping=False."
            )
        ideal = np.array([len(g) for g in groups]) * n_held / len(self)
        n_of = np.minimum(ideal.astype(int), most)
        while n_of.sum() < n_held:  # the rest where most is missing
            behind = np.where(n_of < most, ideal - n_of, -np.inf)
            ties = np.flatnonzero(behind == behind.max())
            n_of[rng.choice(ties)] += 1
        return np.concatenate([g[:n] for g, n in zip(groups, n_of, strict=True)])

    def class_prior(self, n_classes: int) -> list[float] | None:
        """Return the share of each class among the labelled rows, by weight."""
        if self.y is None:
            return None
        labelled = self.y != UNLABELLED
        weight = None if self.weight is None else self.weight[labelled]
        counts = np.bincount(self.y[labelled], weights=weight, minlength=n_classes)
        if not labelled.any():  # a first chunk may have no label yet
            counts = np.ones(n_classes)
        prior = counts / counts.sum()
        prior[prior == 0] = 1 / len(self)  # a class that later chunks will show
        return (prior / prior.sum()).tolist()

    def in_order(self, batch_size: int) -> "Rows":
        """Return rows that fit into one batch sorted, whole weights as repetitions."""
        if len(self) > batch_size:
            return self
        keys = [*np.asarray(self.X).T]
        if self.y is not None:
            keys.append(self.y)
        return self[np.lexsort(keys)].repeated(batch_size)

    def repeated(self, batch_size: int) -> "Rows":
        """Return rows that fit into one batch with whole weights as repetitions."""
        w = self.weight
        if w is None or (w % 1).any() or w.sum() > batch_size:
            return self
        repeated = self[np.repeat(np.arange(len(self)), w.astype(int))]
        return Rows(repeated.X, repeated.y)

    def scaled(
        self, preprocessor: TablePreprocessor, device: torch.device, dtype: torch.dtype
    ) -> "Rows":
        """Return the rows as the networks see them, on a device."""
        X = preprocessor.to_tensor(self.X, device, dtype)
        return Rows(X, self.y, self.weight, schema=preprocessor.schema_)

    def points(self):
        """Return scaled rows, dense or sparse, as points of the same distances."""
        if isinstance(self.X, LazyRows):
            return self.X.points()
        assert self.schema is not None
        return as_points(self.schema, self.X)

    def batches(
        self,
        prior: Prior,
        batch_size: int,
        seed: int,
        kind: type[Batches] = Batches,
        **options,
    ) -> Batches:
        """Return the scaled rows as mini-batches of a kind, with its options."""
        X, y = self.X, self.y

        def numbers(part) -> torch.Tensor | None:
            return None if part is None else torch.as_tensor(part).to(X.device, X.dtype)

        return kind(
            X,
            prior,
            batch_size=batch_size,
            seed=seed,
            weight=numbers(self.weight),
            y=None if y is None else torch.as_tensor(y).to(X.device),
            soft_y=numbers(self.soft_y),
            **options,
        )

    def some(self) -> "Rows":
        """Return evenly spaced rows: not too many, fewer of very many columns."""
        most = min(MAX_VALIDATION_ROWS, max(2, MAX_CELLS // self.X.shape[1]))
        return self[:: -(-len(self) // most)]

    def as_batch(self, prior: Prior, seed: int) -> Batch:
        """Return some scaled rows and as many prior samples, to evaluate a net by."""
        some = self.some()
        with seeded_scope(seed):
            draws = prior.draw(len(some)).to(some.X)
        y = None if some.y is None else torch.as_tensor(some.y).to(some.X.device)
        return Batch(some.X, draws, y=y)
