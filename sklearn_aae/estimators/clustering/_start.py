"""Labels of training rows: where the training of a clusterer begins, or goes on."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from sklearn_aae.critics import MIN_PROBABILITY
from sklearn_aae.estimators._data import TrainingData
from sklearn_aae.estimators._stream import CHUNK_ROWS
from sklearn_aae.tabular import UNLABELLED


@torch.no_grad()
def labels_of(encoder: nn.Module, data: TrainingData, m: int) -> np.ndarray:
    """Return the most likely of m labels of each training row."""
    # The mean draws no noise, whatever the posterior.
    parts = data.rows.X.to(next(encoder.parameters())).split(CHUNK_ROWS)
    labels = [encoder(part).mean[:, :m].argmax(-1) for part in parts]
    return torch.cat(labels).cpu().numpy()


def shares_of(labels: np.ndarray, data: TrainingData, m: int) -> list[float]:
    """Return the share of each label in the weight of the rows, above 0."""
    weight = np.bincount(labels, data.rows.weight, minlength=m)
    shares = np.maximum(weight / weight.sum(), MIN_PROBABILITY)
    return (shares / shares.sum()).tolist()


def with_labels(
    data: TrainingData, labels: np.ndarray, class_prior: list[float] | None
) -> TrainingData:
    """Return data whose training rows have labels; those held out have none."""
    held = data.validation
    if held is not None:
        held = replace(held, y=np.full(len(held), UNLABELLED))
    rows = replace(data.rows, y=labels)
    return replace(data, rows=rows, validation=held, class_prior=class_prior)
