"""Estimators, one file each; and what further ones are built from."""

from sklearn_aae.estimators._autoencoder import BaseAutoencoder
from sklearn_aae.estimators._base import BaseModel
from sklearn_aae.estimators._codes import CodeMixin
from sklearn_aae.estimators._data import TrainingData
from sklearn_aae.estimators._label_latent import LabelLatent
from sklearn_aae.estimators._labels import LabelRole
from sklearn_aae.estimators._parameters import (
    NON_NEGATIVE,
    POSITIVE,
    POSITIVE_INT,
    SHARE,
)
from sklearn_aae.estimators._signature import parameter
from sklearn_aae.estimators._spec import ModelSpec, Stage

__all__ = [
    "NON_NEGATIVE",
    "POSITIVE",
    "POSITIVE_INT",
    "SHARE",
    "BaseAutoencoder",
    "BaseModel",
    "CodeMixin",
    "LabelLatent",
    "LabelRole",
    "ModelSpec",
    "Stage",
    "TrainingData",
    "parameter",
]
