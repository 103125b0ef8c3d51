"""Estimators of scikit-learn that hold some of this library: through skops.

What skops writes is one array of bytes in the file. Objects of torch, which it cannot
store, lie beside it, as they do in the file of a single estimator.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from sklearn_aae.persistence._classes import KNOWN, full_name
from sklearn_aae.persistence._encode import Encoder
from sklearn_aae.persistence._nodes import check_nodes, refusals
from sklearn_aae.persistence._set_apart import Kept, giving, set_apart
from sklearn_aae.persistence._trusted import TRUSTED_TYPES
from sklearn_aae.utils._container import RefusedFileError
from sklearn_aae.utils._optional import import_optional

# The name of the array, and of the objects beside it.
SKOPS, OBJECTS = "skops", "objects"


class Dumped(NamedTuple):
    """An estimator as parts of a file.

    Attributes
    ----------
    manifest : dict
        Its part of the manifest.

    arrays : dict of str to ndarray
        The bytes of skops, and what objects of torch hold.

    foreign : list of str
        What `load` wants to be told in `trusted`, as Python writes it.
    """

    manifest: dict[str, Any]
    arrays: dict[str, np.ndarray]
    foreign: list[str]


def _skops() -> ModuleType:
    feature = "A file with an estimator that is not of sklearn_aae"
    return import_optional("skops.io", feature=feature, extra="skops")


def dump(estimator: BaseEstimator) -> Dumped:
    """Return an estimator as parts of a file.

    Raises
    ------
    TypeError
        If it holds what no file can hold, or what could never be loaded.
    """
    skops, encoder = _skops(), Encoder()
    copied, objects = set_apart(estimator)
    try:
        blob = skops.dumps(copied)
    except Exception as error:
        raise TypeError(
            f"skops cannot store this {type(estimator).__name__}: "
            f"{type(error).__name__}: {error}. Of a search, save best_estimator_, "
            "which is without what was searched; or use joblib.dump."
        ) from error
    foreign = [*map(repr, _wanted(blob))]
    manifest: dict[str, Any] = {SKOPS: SKOPS}
    if objects:
        manifest[OBJECTS] = encoder.encode(objects, OBJECTS)
        foreign += sorted(name.rpartition(".")[2] for name in encoder.named - {*KNOWN})
    arrays = {SKOPS: np.frombuffer(blob, np.uint8), **encoder.arrays}
    return Dumped(manifest, arrays, foreign)


def _wanted(blob: bytes) -> list[str]:
    """Return the names without which `check_types` refuses the bytes of skops."""
    wanted = {*_unknown(blob, _known())}
    for name, reason in refusals(blob, frozenset(wanted)):
        if name is None:
            raise TypeError(
                f"What skops writes of it could never be loaded. {reason} Use "
                "joblib.dump, or an earlier version of skops."
            )
        wanted.add(name)
    return sorted(wanted)


def _names(trusted: Sequence) -> set[str]:
    """Return the names of what the caller trusts."""
    return {one if isinstance(one, str) else full_name(one) for one in trusted}


def _known(trusted: Sequence = ()) -> list[str]:
    """Return the names of what skops may load: ours, and the caller's."""
    return sorted({*TRUSTED_TYPES, full_name(Kept), *_names(trusted)})


def _unknown(blob: bytes, known: Sequence[str]) -> list[str]:
    """Return the names in the bytes of skops that are not known."""
    return sorted(set(_skops().get_untrusted_types(data=blob)) - set(known))


def check_types(blob: bytes, trusted: Sequence) -> list[str]:
    """Return the names of trusted types; raise RefusedFileError if there are others.

    Also if loading would do more with them than to make objects, see `check_nodes`.

    Parameters
    ----------
    blob : bytes
        Of skops.

    trusted : sequence of classes, functions and str
        The caller's.
    """
    known = _known(trusted)
    try:
        unknown = _unknown(blob, known)
        if not unknown:
            check_nodes(blob, _names(trusted))
    except (ImportError, RefusedFileError):
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


def restore(blob: bytes, known: list[str], objects: list) -> BaseEstimator:
    """Return the estimator that `dump` was given, made of known types."""
    with giving(objects):
        return _skops().loads(blob, trusted=known)
