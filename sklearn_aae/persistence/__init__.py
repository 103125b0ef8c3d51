"""Models as files: one file each, which runs no code when it is loaded."""

from sklearn_aae.persistence._classes import TRUSTED_TYPES
from sklearn_aae.persistence._errors import RefusedFileError
from sklearn_aae.persistence._files import load, save

__all__ = ["TRUSTED_TYPES", "RefusedFileError", "load", "save"]
