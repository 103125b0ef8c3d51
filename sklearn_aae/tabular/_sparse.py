"""Sparse tables, of which only a few rows at a time are dense."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor


class SparseTable:
    """A sparse matrix: selected rows are sparse, too; ``np.asarray`` makes them dense.

    Parameters
    ----------
    matrix : sparse matrix or array of shape (n_samples, n_features)
        In CSR format.
    """

    def __init__(self, matrix):
        self.matrix = matrix
        self.shape, self.dtype = matrix.shape, matrix.dtype

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __getitem__(self, index) -> "SparseTable":
        """Select rows."""
        return SparseTable(self.matrix[index])

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        """Return the rows, dense."""
        return self.matrix.toarray().astype(dtype or self.dtype, copy=False)

    def column_of(self, place: int) -> int:
        """Return the column of a stored cell."""
        return int(self.matrix.indices[place])

    @cached_property
    def _by_column(self):
        return self.matrix.tocsc()

    def value_counts(self, j: int, weight=None) -> tuple[np.ndarray, np.ndarray]:
        """Return the different cells of a column, and the weight of the rows of each.

        Parameters
        ----------
        j : int
            Which column.

        weight : ndarray of shape (n_samples,) or None, default=None
            Of the rows.
        """
        weight = np.ones(len(self)) if weight is None else weight
        columns = self._by_column
        stored = slice(*columns.indptr[j : j + 2])
        values, place = np.unique(columns.data[stored], return_inverse=True)
        mass = np.bincount(place, weight[columns.indices[stored]], len(values))
        zeros = weight.sum() - mass.sum()
        return np.append(values, 0.0), np.append(mass, max(zeros, 0.0))


class LazyRows:
    """Rows of a sparse table as tensors: scaled where they are gathered.

    Parameters
    ----------
    table : SparseTable
        Rows.

    preprocessor : TablePreprocessor
        Scales them.

    device : torch.device
        Where gathered rows lie.

    dtype : torch.dtype
        Of gathered rows.
    """

    def __init__(
        self,
        table: SparseTable,
        preprocessor: Any,
        device: torch.device,
        dtype: torch.dtype,
    ):
        self.table, self.preprocessor = table, preprocessor
        self.device, self.dtype = device, dtype
        self.shape, self.itemsize = torch.Size(table.shape), dtype.itemsize
        self.nbytes = table.matrix.data.nbytes + table.matrix.indices.nbytes

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.table)

    def __getitem__(self, index: Tensor | np.ndarray | slice) -> Tensor:
        """Gather rows by a slice or by numbers of any shape: (..., d)."""
        if isinstance(index, Tensor):
            flat = self[index.flatten().cpu().numpy()]
            return flat.reshape(*index.shape, self.shape[1])
        rows = self.preprocessor.transform(np.asarray(self.table[index]))
        return torch.from_numpy(rows).to(self.device, self.dtype)

    def split(self, n_rows: int) -> Iterator[Tensor]:
        """Yield all rows in parts, each dense only while it is used."""
        for start in range(0, len(self), n_rows):
            yield self[start : start + n_rows]

    def points(self):
        """Return a sparse matrix whose rows are as far apart as the scaled rows.

        Scaling is linear in each column, and distances do not know where 0 is. Of
        counts it is so after the logarithm, which leaves 0 where it is.
        """
        matrix, counts = self.table.matrix, self.preprocessor.counts_
        if len(counts):
            matrix = matrix.copy()
            counted = np.isin(matrix.indices, counts)
            matrix.data[counted] = np.log1p(matrix.data[counted])
        return matrix @ sparse.diags_array(self.preprocessor.slopes())
