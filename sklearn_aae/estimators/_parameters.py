"""What parameters may be, and those that are checked beyond scikit-learn's rules."""

import copy
import warnings
from dataclasses import fields
from numbers import Integral, Real
from pathlib import Path

import numpy as np
from skorch.callbacks import Callback

from sklearn_aae.priors import Prior
from sklearn_aae.training import Place
from sklearn_aae.utils._compat import Interval, InvalidParameterError, StrOptions

POSITIVE_INT = Interval(Integral, 1, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
NON_NEGATIVE = Interval(Real, 0, None, closed="left")
SHARE = Interval(Real, 0, 1, closed="left")
PROPER_SHARE = Interval(Real, 0, 1, closed="neither")
# Where the number of epochs follows the number of rows.
AUTO_EPOCHS = [POSITIVE_INT, StrOptions({"auto"})]
LAYER_SIZES = ["array-like", POSITIVE_INT]
# Of networks whose size follows the number of columns.
AUTO_SIZES = [*LAYER_SIZES, StrOptions({"auto"})]


def checkpoint_place(estimator) -> Place | None:
    """Return where the checkpoints of a fit are kept, if they are.

    Parameters
    ----------
    estimator : BaseModel
        Whose parameters count.

    Raises
    ------
    InvalidParameterError
        If another process could not go on with the fit.
    """
    if estimator.checkpoint is None:
        return None
    if estimator.random_state is None:
        raise InvalidParameterError(
            "checkpoint needs a random_state that is a number: with None the next "
            "process would begin another training, and not go on with this one."
        )
    if estimator.callbacks:
        raise InvalidParameterError(
            "checkpoint does not keep what callbacks remember, and so a training with "
            "some cannot be resumed. Leave out callbacks or checkpoint."
        )
    folder = Path(estimator.checkpoint)
    if not str(estimator.checkpoint) or (folder.exists() and not folder.is_dir()):
        raise InvalidParameterError(
            f"checkpoint={str(estimator.checkpoint)!r} is no folder. Name one; it is "
            "made if it is not there."
        )
    return Place(folder, float(estimator.checkpoint_interval))


def check_sizes(estimator, name: str) -> tuple[int, ...] | None:
    """Return layer sizes as a tuple of int.

    Parameters
    ----------
    estimator : object
        Whose parameter it is.

    name : str
        Name of the parameter.

    Raises
    ------
    InvalidParameterError
        If a size is not a positive integer.
    """
    sizes = getattr(estimator, name)
    if sizes is None:
        return None
    sizes = tuple(sizes) if np.ndim(sizes) == 1 else (sizes,)
    if not all(POSITIVE_INT.is_satisfied_by(size) for size in sizes):
        raise InvalidParameterError(
            f"The {name!r} parameter of {type(estimator).__name__} must be a positive "
            f"integer, or a sequence of them. Got {sizes!r} instead."
        )
    return tuple(int(size) for size in sizes)


def as_callbacks(estimator) -> list:
    """Return the callbacks of an estimator as a list, its own to add to.

    Parameters
    ----------
    estimator : object
        Whose parameter `callbacks` it is.

    Raises
    ------
    InvalidParameterError
        If one is neither a skorch callback nor a pair of a name and one.
    """
    callbacks = list(estimator.callbacks or ())
    for item in callbacks:
        named = isinstance(item, tuple | list) and len(item) == 2
        found = item[1] if named else item
        kind = found if isinstance(found, type) else type(found)
        if not issubclass(kind, Callback):
            raise InvalidParameterError(
                f"The 'callbacks' parameter of {type(estimator).__name__} must be a "
                "list of skorch callbacks, or of pairs of a name and one. Got "
                f"{item!r} in it instead."
            )
    return callbacks


def warn_of_no_bound(estimator) -> None:
    """Warn of a Wasserstein critic without a penalty; called by `fit`."""
    wasserstein = estimator.adversarial_loss == "wasserstein"
    adversarial = estimator.regularizer == "adversarial"
    if adversarial and wasserstein and not estimator.gradient_penalty:
        warnings.warn(
            "adversarial_loss='wasserstein' without a gradient penalty has no bound "
            "and diverges. Use gradient_penalty=10.",
            UserWarning,
            stacklevel=4,
        )


def check_shape_kept(estimator, fitted: dict, shaping: set[str]) -> None:
    """Raise ValueError if a parameter that networks are built by has changed.

    Parameters
    ----------
    estimator : object
        With the present parameters.

    fitted : dict
        The parameters of the fit that built the networks.

    shaping : set of str
        Those that networks are built by.
    """
    params = estimator.get_params()
    for name, before in fitted.items():
        if name.partition("__")[0] not in shaping:
            continue
        now = params.get(name)
        if name.endswith("sizes") and before is not None and now is not None:
            before, now = tuple(before), tuple(now)
        if before is not now and not _alike(before, now):
            raise ValueError(
                f"The fitted networks have {name}={before!r}, so training on with "
                f"{name}={now!r} is impossible. Set warm_start=False, or clone the "
                "estimator, to start anew."
            )


def _alike(before, now) -> bool:
    """Whether networks are built alike by two values of a parameter."""
    if isinstance(before, Prior) and before.get_params():
        return type(before) is type(now)  # whose own parameters are compared, too
    return np.array_equal(before, now)


def params_of(estimator) -> dict:
    """Return the parameters of a fit, which later changes of the estimator leave alone.

    With those of a prior object beside it, to tell whether they have changed, and with
    those that a subclass sets itself, in place of taking them. Without callbacks: they
    shape nothing, and may hold a whole net once they have been used.
    """
    inherited = {field.name for field in fields(estimator)} & vars(estimator).keys()
    values = estimator.get_params() | {n: getattr(estimator, n) for n in inherited}
    # Lists and arrays, too, may be changed by their owner.
    params = {
        name: copy.copy(value) if isinstance(value, list | np.ndarray) else value
        for name, value in values.items()
    }
    if "callbacks" in params:  # a subclass may not have it
        params["callbacks"] = None
    if isinstance(params.get("prior"), Prior) and params["prior"].get_params():
        params["prior"] = copy.deepcopy(params["prior"])
    return params
