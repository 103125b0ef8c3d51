"""What a file may name: classes and functions, by a closed list and by the caller's.

Nothing is imported by a name in a file.
"""

import inspect
from collections.abc import Iterable
from types import FunctionType
from typing import Any

import numpy as np
import torch
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    QuantileTransformer,
    StandardScaler,
)

from sklearn_aae import priors
from sklearn_aae.estimators._classifier import SemiSupervisedAAEClassifier
from sklearn_aae.estimators._conditional import ConditionalAAETransformer
from sklearn_aae.estimators._gan import GANSampler
from sklearn_aae.estimators._images import Images
from sklearn_aae.estimators._transformer import AAETransformer
from sklearn_aae.estimators.clustering._clusterer import AAEClusterer
from sklearn_aae.estimators.outliers._calibration import Range
from sklearn_aae.estimators.outliers._detector import AAEOutlierDetector
from sklearn_aae.tabular import TableColumns, TablePreprocessor, TableSchema
from sklearn_aae.tabular._scalers import CommonScaler
from sklearn_aae.utils._container import RefusedFileError

# The names that files have for our classes: they outlive moves between modules.
OWN: dict[str, type] = {
    f"sklearn_aae.{kind.__name__}": kind
    for kind in (
        AAEClusterer,
        AAEOutlierDetector,
        AAETransformer,
        CommonScaler,
        ConditionalAAETransformer,
        GANSampler,
        Images,
        Range,
        SemiSupervisedAAEClassifier,
        TableColumns,
        TablePreprocessor,
        TableSchema,
    )
} | {
    f"sklearn_aae.priors.{name}": getattr(priors, name)
    for name in priors.__all__
    if isinstance(getattr(priors, name), type)
}
SCALERS: dict[str, Any] = {
    f"sklearn.{kind.__name__}": kind
    for kind in (
        FunctionTransformer,
        MinMaxScaler,
        Pipeline,
        QuantileTransformer,
        StandardScaler,
    )
}


def _of(module: Any, base: type) -> dict[str, Any]:
    """Return the public classes of a module of torch that derive from a base."""
    return {
        f"{module.__name__}.{name}": kind
        for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, base) and name[0] != "_"
    }


TORCH: dict[str, Any] = {
    **_of(torch.nn, torch.nn.Module),
    **_of(torch.distributions, torch.distributions.Distribution),
    **_of(torch.distributions.transforms, torch.distributions.Transform),
}
FUNCTIONS: dict[str, Any] = {"numpy.log1p": np.log1p, "numpy.expm1": np.expm1}
KNOWN: dict[str, Any] = {**TORCH, **SCALERS, **OWN, **FUNCTIONS}
NAMES = {id(found): name for name, found in KNOWN.items()}


def full_name(found: type | FunctionType) -> str:
    """Return the name of a class or function with that of its module."""
    return f"{found.__module__}.{found.__qualname__}"


def name_of(found: Any) -> str | None:
    """Return the name that a file has for a class or function; None if it has none."""
    if id(found) in NAMES:
        return NAMES[id(found)]
    if not (isinstance(found, type) or inspect.isfunction(found)):
        return None
    return None if "<" in found.__qualname__ else full_name(found)


class Allowed:
    """What one file may name.

    Parameters
    ----------
    trusted : iterable of classes and functions
        The caller's own, beside the closed list.
    """

    def __init__(self, trusted: Iterable[Any] = ()):
        own = list(trusted)
        for found in own:
            if not (callable(found) and hasattr(found, "__qualname__")):
                raise ValueError(
                    f"trusted must hold classes and functions. Got {found!r} instead."
                )
        self.found = {full_name(found): found for found in own} | KNOWN
        # What was defined in a script or notebook has its module's name elsewhere.
        self.short = {found.__qualname__: found for found in own}

    def __getitem__(self, name: Any) -> Any:
        """Return the class or function of a name."""
        if isinstance(name, str):
            if name in self.found:
                return self.found[name]
            module, _, short = name.partition(".")
            if module == "__main__" and short in self.short:
                return self.short[short]
        raise RefusedFileError(
            f"It holds {name!r}, which is not of this library. If you know what that "
            "is and where the file comes from, import it, and pass it in trusted=[...]."
        )
