"""Rows of typed columns as points between which distances mean something."""

import numpy as np
import torch
from torch import Tensor

from sklearn_aae.nn import EmbedColumns
from sklearn_aae.tabular import TableSchema
from sklearn_aae.utils._random import seeded_scope


def as_points(schema: TableSchema, x: Tensor) -> np.ndarray:
    """Return scaled rows as points: categories one-hot, holes marked.

    Parameters
    ----------
    schema : TableSchema
        What the columns are.

    x : Tensor of shape (n_samples, n_features)
        Scaled rows, as `TablePreprocessor` returns them.

    Returns
    -------
    points : ndarray of shape (n_samples, n_dimensions)
        Of a column of very many categories, random vectors: they are far apart, too.
    """
    if schema.plain:
        return x.cpu().numpy()
    with seeded_scope(0), torch.no_grad():
        embed = EmbedColumns(schema.n_categories, schema.means, schema.incomplete)
        return embed.to(x)(x).cpu().numpy()
