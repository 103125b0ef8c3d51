"""Packages that are imported where they are used, not before."""

import signal
import threading
from importlib import import_module
from types import ModuleType


def import_whole(module: str) -> ModuleType:
    """Import a module; Ctrl-C meanwhile takes effect after it.

    Ctrl-C during the import of a large package leaves it half imported, and a second
    import in the process then fails, too.

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
    before = signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or not callable(before):  # Ctrl-C interrupts the main thread only
        return import_module(module)
    caught: list[tuple] = []
    signal.signal(signal.SIGINT, lambda *args: caught.append(args))
    try:
        return import_module(module)
    finally:
        signal.signal(signal.SIGINT, before)
        if caught:
            before(*caught[0])


def import_optional(module: str, *, feature: str, extra: str) -> ModuleType:
    """Import `module`; the error says how to install it.

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
