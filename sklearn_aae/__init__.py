"""Adversarial autoencoders as scikit-learn estimators."""

import importlib
from typing import TYPE_CHECKING

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

# Imported when they are asked for: the estimators need none of them.
_LAZY = {"inspection", "persistence", "report"}

if TYPE_CHECKING:
    from sklearn_aae import inspection, persistence, report  # noqa: F401
else:

    def __getattr__(name: str) -> object:
        if name in _LAZY:
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})
