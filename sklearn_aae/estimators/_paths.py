"""Ways through the code: between rows, and along one column of it."""

from inspect import signature
from numbers import Integral

import numpy as np

from sklearn_aae.priors import Gaussian, IndependentStyle, Prior
from sklearn_aae.utils._compat import Interval, InvalidParameterError

PATHS = ("auto", "linear", "spherical")
# Draws that tell where a column of the code ends, and the levels of these ends.
N_DRAWS, ENDS = 10_000, (0.025, 0.975)
# Codes of a smaller sine of their angle have no arc between them.
MIN_SINE = 1e-6


def repeated_labels(estimator, labels: dict, n_ways: int, n_steps: int) -> dict:
    """Return the labels for `inverse_transform`, for each step of a way.

    Raises
    ------
    TypeError
        If it takes none of that name.

    ValueError
        If there are neither one nor `n_ways` of them.
    """
    unknown = set(labels) - set(signature(estimator.inverse_transform).parameters)
    if unknown:
        raise TypeError(
            f"{type(estimator).__name__} decodes codes without {sorted(unknown)}."
        )
    if not ("y" in labels and np.ndim(labels["y"])):
        return labels
    y = np.asarray(labels["y"])
    if len(y) != n_ways:
        raise ValueError(
            f"y must be one label or one for each of {n_ways} ways. Got {len(y)}."
        )
    return labels | {"y": y.repeat(n_steps)}


def on_sphere(prior: Prior) -> bool:
    """Whether codes are Gaussian, and so near a sphere."""
    return isinstance(
        prior.style if isinstance(prior, IndependentStyle) else prior, Gaussian
    )


def check_steps(method: str, n_steps) -> None:
    """Raise InvalidParameterError unless there are two steps at least."""
    allowed = Interval(Integral, 2, None, closed="left")
    if not allowed.is_satisfied_by(n_steps):
        raise InvalidParameterError(
            f"The 'n_steps' parameter of {method} must be {allowed}. Got {n_steps!r} "
            "instead."
        )


def line(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """(1 - t) a + t b."""
    return (1 - t) * a + t * b


def arc(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """(sin((1 - t) ω) a + sin(t ω) b) / sin ω, ω the angle between a and b."""
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    cosine = np.clip(a @ b / lengths, -1, 1) if lengths else 1.0
    omega = np.arccos(cosine)
    if np.sin(omega) < MIN_SINE:
        return line(a, b, t)
    return (np.sin((1 - t) * omega) * a + np.sin(t * omega) * b) / np.sin(omega)
