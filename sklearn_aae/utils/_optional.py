"""Packages that are imported late: where they are used, and whole."""

import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from types import ModuleType


def import_whole(module: str) -> ModuleType:
    """Import a module to its end, whatever happens meanwhile.

    Ctrl-C amid an import leaves large packages in pieces that no second import mends.
    It reaches the main thread alone, so another one imports; who is interrupted waits
    for that one.

    Parameters
    ----------
    module : str
        Dotted name of the module.

    Returns
    -------
    module : module

    Raises
    ------
    ImportError
        If there is none.
    """
    if module in sys.modules:  # there, or another thread is at it: Python waits then
        return import_module(module)
    with ThreadPoolExecutor(1) as pool:
        try:
            done = pool.submit(import_module, module)
        except RuntimeError:  # at the end of the program no thread starts
            return import_module(module)
        return done.result()


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
        return import_whole(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise ImportError(
            f"{feature} requires {package}. Install it with "
            f'`pip install "sklearn-aae[{extra}]"`.'
        ) from error
