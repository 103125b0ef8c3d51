"""Rows of typed columns as points between which distances mean something."""

import numpy as np
import torch
from torch import Tensor

from sklearn_aae.metrics._checks import (
    check_complete,
    check_rows,
    check_same_columns,
    check_same_names,
)
from sklearn_aae.nn import EmbedColumns
from sklearn_aae.tabular import TableColumns, TablePreprocessor, TableSchema
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


class TablePoints:
    """The way from tables like X to points: numbers in standard deviations of X.

    Parameters
    ----------
    X : {array-like, DataFrame} of shape (n_samples, n_features)
        What the columns are learned from.

    columns : TableColumns
        What they are.
    """

    def __init__(self, X, columns: TableColumns):
        self.columns = columns
        preprocessor = TablePreprocessor("standard", columns.n_categories)
        self.preprocessor = preprocessor.fit(columns.encode(X))

    def __call__(self, table, only=slice(None)) -> np.ndarray:
        """Return the points of a table, or of some of its rows."""
        rows = self.columns.encode(table)[only]
        cells = torch.from_numpy(self.preprocessor.transform(rows))
        return as_points(self.preprocessor.schema_, cells)


def comparable_points(
    function: str, embedding=None, **tables
) -> tuple[np.ndarray, np.ndarray]:
    """Return two tables as points of one space.

    Parameters
    ----------
    function : str
        Who asks, for messages.

    embedding : callable or None, default=None
        From rows to features. None: frames with categories by `TablePoints` of the
        first, numbers as they are.

    **tables : {array-like, DataFrame} of shape (n_samples, n_features)
        Two, named as the arguments of the function.
    """
    (first, X), (second, Y) = tables.items()
    check_same_names(function, **tables)
    if embedding is not None:
        X, Y = embedding(X), embedding(Y)
        first, second = f"embedding({first})", f"embedding({second})"
    elif not TableColumns.plainly(X, "from_dtype"):
        columns = TableColumns.learn(X, "from_dtype")
        if columns.typed:
            check_same_columns(function, **tables)
            for name, table in tables.items():
                check_complete(function, name, columns.encode(table), table)
            points = TablePoints(X, columns)
            return points(X).astype(np.float64), points(Y).astype(np.float64)
    X, Y = check_rows(function, first, X), check_rows(function, second, Y)
    check_same_columns(function, **{first: X, second: Y})
    return X, Y
