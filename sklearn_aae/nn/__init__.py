"""Ground: layers, perceptrons and convolutions that train one model or a stack."""

from sklearn_aae.nn._augment import AUGMENTATIONS, augment
from sklearn_aae.nn._columns import ColumnHeads, EmbedColumns, HoldConstants, only
from sklearn_aae.nn._conv import (
    MIN_SIZE,
    Conv,
    ConvBlock,
    ConvDecoder,
    ConvEncoder,
    ConvTranspose,
    ImageLayers,
    n_products,
    widest_layer,
)
from sklearn_aae.nn._layers import (
    NORMALIZATIONS,
    BatchNorm,
    Dropout,
    LayerNorm,
    Linear,
    LogScale,
    calibrating,
    frozen_copy,
    one_hot,
    shallow_copy,
)
from sklearn_aae.nn._mlp import ACTIVATIONS, MLP, Block, Skip
from sklearn_aae.nn._noise import NOISES, rectangles
from sklearn_aae.nn._stacked import lies_transposed

__all__ = [
    "ACTIVATIONS",
    "AUGMENTATIONS",
    "MIN_SIZE",
    "MLP",
    "NOISES",
    "NORMALIZATIONS",
    "BatchNorm",
    "Block",
    "ColumnHeads",
    "Conv",
    "ConvBlock",
    "ConvDecoder",
    "ConvEncoder",
    "ConvTranspose",
    "Dropout",
    "EmbedColumns",
    "HoldConstants",
    "ImageLayers",
    "LayerNorm",
    "Linear",
    "LogScale",
    "Skip",
    "augment",
    "calibrating",
    "frozen_copy",
    "lies_transposed",
    "n_products",
    "one_hot",
    "only",
    "rectangles",
    "shallow_copy",
    "widest_layer",
]
