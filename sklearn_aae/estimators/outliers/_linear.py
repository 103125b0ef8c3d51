"""The linear member of an ensemble: all principal components of the training rows.

Letters: n rows, p columns that enter an encoder, r <= p components.

A linear autoencoder that keeps all components misses nothing, and its code, of unit
variance, is as surprising as the Mahalanobis distance says: |z|², z = W (x - μ) / s. It
knows what networks of narrow codes learn to reconstruct: rows far out along a direction
in which the others hardly vary.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from sklearn_aae.estimators._model import FittedModel
from sklearn_aae.estimators.outliers._calibration import EmpiricalSurvival
from sklearn_aae.tabular._statistics import chunks

# A component of a smaller share of the largest variance is rounding.
MIN_SHARE = 1e-6
# A distance that overflows.
MAX_DISTANCE = 1e30


@dataclass(eq=False)
class LinearMember:
    """Scores rows by their Mahalanobis distance from the training rows.

    Attributes
    ----------
    mean : ndarray of shape (p,)
        μ.

    slope : ndarray of shape (r, p)
        W / s.

    survival : EmpiricalSurvival
        Calibration of the distance.
    """

    mean: np.ndarray
    slope: np.ndarray
    survival: EmpiricalSurvival = field(init=False)

    @classmethod
    def learn(cls, model: FittedModel, rows, weight: np.ndarray) -> "LinearMember":
        """Learn from the training rows (n, d), scaled as a model scales them."""
        share = weight / weight.sum()

        def inputs():
            for part in chunks(rows):
                x = model.ask(model.encoder.enter, np.asarray(rows[part]))
                yield share[part, None], np.nan_to_num(x).astype(np.float64)

        mean = np.sum([(w * x).sum(0) for w, x in inputs()], axis=0)
        squares = np.sum([(w * (x - mean)).T @ (x - mean) for w, x in inputs()], axis=0)
        variance, axes = np.linalg.eigh(squares)
        kept = variance > MIN_SHARE * variance.max()
        member = cls(mean, (axes[:, kept] / np.sqrt(variance[kept])).T)
        member.survival = EmpiricalSurvival.learn(member.distance(model, rows), weight)
        return member

    def distance(self, model: FittedModel, rows) -> np.ndarray:
        """Return |z|² of rows, (n,); what is missing is as far as the mean."""
        # Copies: joblib may hand over read-only memory maps.
        mean, slope = (torch.from_numpy(np.array(a)) for a in (self.mean, self.slope))

        def squares(x: Tensor) -> Tensor:
            x = model.encoder.enter(x).double()
            z = (x - mean.to(x)).nan_to_num() @ slope.to(x).mT
            return z.square().sum(-1)

        found = model.ask(squares, rows).astype(np.float64)
        return np.nan_to_num(found, nan=MAX_DISTANCE).clip(max=MAX_DISTANCE)

    def surprise(self, model: FittedModel, rows) -> np.ndarray:
        """Return how surprising rows are, in nats: (n,)."""
        return self.survival(self.distance(model, rows))
