"""Ground: layers and perceptrons that train one model or a stack."""

from sklearn_aae.nn._layers import (
    NORMALIZATIONS,
    BatchNorm,
    Dropout,
    LayerNorm,
    Linear,
    calibrating,
    one_hot,
)
from sklearn_aae.nn._mlp import ACTIVATIONS, MLP, Block

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "NORMALIZATIONS",
    "BatchNorm",
    "Block",
    "Dropout",
    "LayerNorm",
    "Linear",
    "calibrating",
    "one_hot",
]
