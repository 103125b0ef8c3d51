"""Estimators: one file each, on one base."""

from sklearn_aae.estimators._classifier import SemiSupervisedAAEClassifier
from sklearn_aae.estimators._clusterer import AAEClusterer
from sklearn_aae.estimators._conditional import ConditionalAAETransformer
from sklearn_aae.estimators._gan import GANSampler
from sklearn_aae.estimators._outliers import AAEOutlierDetector
from sklearn_aae.estimators._transformer import AAETransformer

__all__ = [
    "AAEClusterer",
    "AAEOutlierDetector",
    "AAETransformer",
    "ConditionalAAETransformer",
    "GANSampler",
    "SemiSupervisedAAEClassifier",
]
