"""Adversarial autoencoders as scikit-learn estimators."""

from sklearn_aae import model_selection as _model_selection  # noqa: F401, registers
from sklearn_aae.estimators import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
)

__version__ = "0.1.0"
__all__ = [
    "AAEClusterer",
    "AAEOutlierDetector",
    "AAETransformer",
    "ConditionalAAETransformer",
    "GANSampler",
    "SemiSupervisedAAEClassifier",
    "__version__",
]
