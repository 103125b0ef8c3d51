"""Models as files: one file each, which runs no code when it is loaded."""

from sklearn_aae.persistence._card import model_card
from sklearn_aae.persistence._files import load, save
from sklearn_aae.persistence._trusted import TRUSTED_TYPES
from sklearn_aae.persistence.onnx import register_onnx, to_onnx
from sklearn_aae.utils._container import RefusedFileError

__all__ = [
    "TRUSTED_TYPES",
    "RefusedFileError",
    "load",
    "model_card",
    "register_onnx",
    "save",
    "to_onnx",
]
