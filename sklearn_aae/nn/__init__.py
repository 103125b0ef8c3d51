"""Ground: layers and perceptrons that train one model or a stack."""

from sklearn_aae.nn._columns import ColumnHeads, EmbedColumns, HoldConstants, only
from sklearn_aae.nn._layers import (
    NORMALIZATIONS,
    BatchNorm,
    Dropout,
    LayerNorm,
    Linear,
    calibrating,
    frozen_copy,
    one_hot,
    shallow_copy,
)
from sklearn_aae.nn._mlp import ACTIVATIONS, MLP, Block
from sklearn_aae.nn._stacked import lies_transposed

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "NORMALIZATIONS",
    "BatchNorm",
    "Block",
    "ColumnHeads",
    "Dropout",
    "EmbedColumns",
    "HoldConstants",
    "LayerNorm",
    "Linear",
    "calibrating",
    "frozen_copy",
    "lies_transposed",
    "one_hot",
    "only",
    "shallow_copy",
]
