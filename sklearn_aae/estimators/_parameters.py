"""What the parameters of the family may be; the option tables are the source."""

from numbers import Integral, Real

import torch
from skorch.callbacks import Callback
from torch import nn
from torch.distributions import Distribution

from sklearn_aae.decoders import DECODERS
from sklearn_aae.encoders import ENCODERS
from sklearn_aae.nn import ACTIVATIONS, NORMALIZATIONS
from sklearn_aae.objectives import OBJECTIVES, PENALTIES
from sklearn_aae.priors import PRIORS, Prior
from sklearn_aae.tabular import SCALERS
from sklearn_aae.training import DIVERGENCES, SCHEDULES, UPDATES
from sklearn_aae.utils._compat import Interval, InvalidParameterError, StrOptions

POSITIVE_INT = Interval(Integral, 1, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
NON_NEGATIVE = Interval(Real, 0, None, closed="left")
SHARE = Interval(Real, 0, 1, closed="left")
PROPER_SHARE = Interval(Real, 0, 1, closed="neither")
# Of estimators whose number of epochs follows the number of rows.
AUTO_EPOCHS = [POSITIVE_INT, StrOptions({"auto"})]

CONSTRAINTS: dict = {
    "n_components": [POSITIVE_INT],
    "hidden_layer_sizes": ["array-like"],
    "activation": [StrOptions(set(ACTIVATIONS))],
    "normalization": [StrOptions(set(NORMALIZATIONS)), None],
    "dropout": [SHARE],
    "posterior": [StrOptions(set(ENCODERS))],
    "prior": [StrOptions(set(PRIORS)), Prior, Distribution, callable],
    "regularizer": [StrOptions({"adversarial", *DIVERGENCES}), None],
    "adversarial_loss": [StrOptions(set(OBJECTIVES))],
    "gradient_penalty": [NON_NEGATIVE],
    "gradient_penalty_type": [StrOptions({"auto", *PENALTIES})],
    "regularization_strength": [NON_NEGATIVE],
    "critic_hidden_layer_sizes": ["array-like", None],
    "reconstruction": [StrOptions({"auto", *DECODERS})],
    "input_noise": [NON_NEGATIVE],
    "input_dropout": [SHARE],
    "scale": [StrOptions({s for s in SCALERS if s}), None],
    "categorical_features": ["array-like", StrOptions({"from_dtype"}), dict, None],
    "count_features": ["array-like", None],
    "clip": ["boolean"],
    "learning_rate": [POSITIVE],
    "critic_learning_rate": [POSITIVE, None],
    "learning_rate_schedule": [StrOptions(set(SCHEDULES))],
    "update": [StrOptions(set(UPDATES))],
    "batch_size": [Interval(Integral, 2, None, closed="left")],
    "max_iter": [POSITIVE_INT],
    "early_stopping": ["boolean"],
    "validation_fraction": [PROPER_SHARE],
    "n_iter_no_change": [POSITIVE_INT],
    "tol": [NON_NEGATIVE],
    "n_init": [POSITIVE_INT],
    "warm_start": ["boolean"],
    "encoder": [nn.Module, None],
    "decoder": [nn.Module, None],
    "callbacks": [list, tuple, None],
    "compile": ["boolean"],
    "device": [str, torch.device],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}


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
    sizes = tuple(sizes)
    if not all(POSITIVE_INT.is_satisfied_by(size) for size in sizes):
        raise InvalidParameterError(
            f"The {name!r} parameter of {type(estimator).__name__} must be a sequence "
            f"of positive integers, one for each hidden layer. Got {sizes!r} instead."
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
