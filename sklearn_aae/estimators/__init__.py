"""Estimators: one file each, on one base."""

from sklearn_aae.estimators._classifier import SemiSupervisedAAEClassifier
from sklearn_aae.estimators._conditional import ConditionalAAETransformer
from sklearn_aae.estimators._gan import GANSampler
from sklearn_aae.estimators._transformer import AAETransformer
from sklearn_aae.estimators.clustering._clusterer import AAEClusterer
from sklearn_aae.estimators.outliers._detector import AAEOutlierDetector

__all__ = [
    "AAEClusterer",
    "AAEOutlierDetector",
    "AAETransformer",
    "ConditionalAAETransformer",
    "GANSampler",
    "SemiSupervisedAAEClassifier",
]
