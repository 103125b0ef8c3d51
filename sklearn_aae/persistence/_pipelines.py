"""Estimators of scikit-learn that hold some of this library: through skops.

What skops writes is one array of bytes in the file.
"""

from collections.abc import Sequence
from types import ModuleType

import numpy as np

from sklearn_aae.persistence._classes import TRUSTED_TYPES, full_name
from sklearn_aae.utils._container import RefusedFileError
from sklearn_aae.utils._optional import import_optional

# The name of the array.
SKOPS = "skops"


def _skops() -> ModuleType:
    feature = "A file with an estimator that is not of sklearn_aae"
    return import_optional("skops.io", feature=feature, extra="skops")


def dump(estimator) -> np.ndarray:
    """Return an estimator as the bytes of skops."""
    return np.frombuffer(_skops().dumps(estimator), np.uint8)


def check_types(blob: bytes, trusted: Sequence) -> list[str]:
    """Return the names of trusted types; raise RefusedFileError if there are others.

    Parameters
    ----------
    blob : bytes
        What `dump` returned.

    trusted : sequence of classes, functions and str
        The caller's.
    """
    names = [one if isinstance(one, str) else full_name(one) for one in trusted]
    known = sorted({*TRUSTED_TYPES, *names})
    try:
        unknown = sorted(set(_skops().get_untrusted_types(data=blob)) - set(known))
    except ImportError:
        raise
    except Exception as error:
        raise RefusedFileError(
            f"skops cannot read it: {type(error).__name__}: {error}"
        ) from error
    if unknown:
        raise RefusedFileError(
            f"It holds {', '.join(unknown)}: none of the types that are trusted "
            "unasked. If you know what that is and where the file comes from, pass "
            f"trusted={unknown}."
        )
    return known


def restore(blob: bytes, known: list[str]):
    """Return the estimator that `dump` was given, made of known types."""
    return _skops().loads(blob, trusted=known)
