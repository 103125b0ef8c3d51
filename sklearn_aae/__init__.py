"""Adversarial autoencoders as scikit-learn estimators."""

from sklearn_aae import model_selection as _model_selection  # noqa: F401, registers
from sklearn_aae._version import __version__
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
    "__version__",
]
