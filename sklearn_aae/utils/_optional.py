"""Optional packages, imported where they are used."""

from importlib import import_module
from types import ModuleType


def import_optional(module: str, *, feature: str, extra: str) -> ModuleType:
    """Import `module`, or say which install line brings it.

    Parameters
    ----------
    module : str
        Dotted name of the module.

    feature : str
        What needs it, as the user knows it.

    extra : str
        The extra of this package that installs it.

    Returns
    -------
    module : module

    Raises
    ------
    ImportError
        If the package is absent.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise ImportError(
            f"{feature} requires {package}. Install it with "
            f'`pip install "sklearn-aae[{extra}]"`.'
        ) from error
