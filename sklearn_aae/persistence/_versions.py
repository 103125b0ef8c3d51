"""Which versions saved a file, and which files this version reads."""

import platform
import re
import warnings

import numpy as np
import sklearn
import skorch
import torch
from sklearn.exceptions import InconsistentVersionWarning

from sklearn_aae._version import __version__
from sklearn_aae.utils._container import RefusedFileError

# The number of the form that files have. Later versions read it, too: it rises when
# earlier ones could not.
FORMAT = 1
VERSIONS = {
    "sklearn-aae": __version__,
    "scikit-learn": sklearn.__version__,
    "numpy": np.__version__,
    "torch": torch.__version__,
    "skorch": skorch.__version__,
    "python": platform.python_version(),
}


def check_versions(manifest: dict) -> None:
    """Raise RefusedFileError unless this version reads a file.

    Parameters
    ----------
    manifest : dict
        Of the file.
    """
    form, saved = manifest.get("format"), manifest.get("versions")
    if type(form) is not int or form < 1:
        raise RefusedFileError("Its manifest does not say which format it has.")
    if not (isinstance(saved, dict) and set(VERSIONS) <= set(saved)):
        raise RefusedFileError("Its manifest does not say which versions saved it.")
    minor = {name: _minor(text) for name, text in saved.items()}
    by = saved["sklearn-aae"]
    if form > FORMAT or minor["sklearn-aae"] > _minor(__version__):
        raise RefusedFileError(
            f"It was saved by sklearn_aae {by} in format {form}, which is newer than "
            f"this one: {__version__}, format {FORMAT}. Install the newer version."
        )


def warn_of_scikit_learn(saved: dict[str, str]) -> None:
    """Warn if the scalers in a file are of another scikit-learn than is installed.

    Parameters
    ----------
    saved : dict of str to str
        The versions in the file.
    """
    here = VERSIONS["scikit-learn"]
    if _minor(saved["scikit-learn"]) != _minor(here):
        warning = InconsistentVersionWarning(
            estimator_name="a model of sklearn_aae",
            current_sklearn_version=here,
            original_sklearn_version=saved["scikit-learn"],
        )
        warnings.warn(warning, stacklevel=4)


def _minor(text) -> tuple[int, int]:
    """Return major and minor version."""
    found = re.match(r"(\d{1,9})\.(\d{1,9})", text) if isinstance(text, str) else None
    if found is None:
        raise RefusedFileError("Its manifest has no version where one should be.")
    return int(found[1]), int(found[2])
