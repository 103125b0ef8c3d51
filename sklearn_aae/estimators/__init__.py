"""Estimators, one file each; and what further ones are built from."""

from sklearn_aae.estimators._autoencoder import BaseAutoencoder, autoencoder_spec
from sklearn_aae.estimators._base import BaseModel
from sklearn_aae.estimators._codes import CodeMixin
from sklearn_aae.estimators._data import FitInput, TrainingData
from sklearn_aae.estimators._label_latent import (
    LabelLatent,
    consistency_phases,
    label_latent_spec,
)
from sklearn_aae.estimators._labels import LabelRole
from sklearn_aae.estimators._parameters import (
    NON_NEGATIVE,
    POSITIVE,
    POSITIVE_INT,
    SHARE,
)
from sklearn_aae.estimators._rules import Choice
from sklearn_aae.estimators._signature import parameter
from sklearn_aae.estimators._spec import ModelSpec, Stage

__all__ = [
    "NON_NEGATIVE",
    "POSITIVE",
    "POSITIVE_INT",
    "SHARE",
    "BaseAutoencoder",
    "BaseModel",
    "Choice",
    "CodeMixin",
    "FitInput",
    "LabelLatent",
    "LabelRole",
    "ModelSpec",
    "Stage",
    "TrainingData",
    "autoencoder_spec",
    "consistency_phases",
    "label_latent_spec",
    "parameter",
]
