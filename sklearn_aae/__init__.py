"""Adversarial autoencoders as scikit-learn estimators."""

from sklearn_aae.estimators import AAETransformer

__version__ = "0.1.0"
__all__ = ["AAETransformer", "__version__"]
