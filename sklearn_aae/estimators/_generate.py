"""What `sample` is asked for: how many rows, and how they are drawn."""

from sklearn_aae.estimators._parameters import POSITIVE_INT
from sklearn_aae.utils._compat import InvalidParameterError

# What `sample` takes as `codes` and as `cells`.
CODES, CELLS = ("auto", "prior", "training"), ("auto", "mean", "draw")


def check_n_samples(method: str, n_samples) -> None:
    """Raise InvalidParameterError unless a number of rows is a positive integer."""
    if not POSITIVE_INT.is_satisfied_by(n_samples):
        raise InvalidParameterError(
            f"The 'n_samples' parameter of {method} must be {POSITIVE_INT}. Got "
            f"{n_samples!r} instead."
        )


def check_choice(name: str, value, options: tuple[str, ...]) -> None:
    """Raise InvalidParameterError unless a parameter of `sample` is an option."""
    if value not in options:
        raise InvalidParameterError(
            f"The {name!r} parameter of sample must be one of {options}. Got "
            f"{value!r} instead."
        )
