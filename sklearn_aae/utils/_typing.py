"""Types of what users pass and get back, for the signatures of public methods."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from narwhals.stable.v2.typing import IntoDataFrame
from numpy.typing import ArrayLike
from scipy.sparse import sparray, spmatrix

# Rows: arrays, lists (cells of which may be None), frames, sparse matrices; to NumPy
# torch's tensors are arrays.
TableLike: TypeAlias = (
    ArrayLike | Sequence[Sequence[Any]] | IntoDataFrame | sparray | spmatrix
)
# Class labels, some of which may be None.
LabelsLike: TypeAlias = ArrayLike | Sequence[Any]
# One label for all rows, or one for each.
LabelOrLabels: TypeAlias = Any
RandomState: TypeAlias = int | np.random.RandomState | None
# An array, unless the caller asked for something else, which no static type can follow:
# of `set_output` codes are a frame, of a training table that was a frame rows are one,
# and of scikit-learn's array API answers about tensors are tensors.
Answer: TypeAlias = Any
