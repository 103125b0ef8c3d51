"""Ways through the code: between rows, and along one column of it."""

from inspect import signature
from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_aae.priors import Gaussian, IndependentStyle
from sklearn_aae.utils._compat import Interval, InvalidParameterError

PATHS = ("auto", "linear", "spherical")
# Draws that tell where a column of the code ends, and the levels of these ends.
N_DRAWS, ENDS = 10_000, (0.025, 0.975)
# Codes of a smaller sine of their angle have no arc between them.
MIN_SINE = 1e-6


class PathMixin:
    """Decoded paths of codes; the host has ``transform`` and ``inverse_transform``."""

    def interpolate(self, X_start, X_end, n_steps=10, *, path="auto", **labels):
        """Decode the way from rows to other rows.

        Parameters
        ----------
        X_start : {array-like, DataFrame} of shape (n_pairs, n_features)
            Rows to start from.

        X_end : {array-like, DataFrame} of shape (n_pairs, n_features)
            Rows to arrive at.

        n_steps : int, default=10
            Rows of each way, its (reconstructed) ends included.

        path : {"auto", "linear", "spherical"}, default="auto"
            A straight line or an arc through the codes. Codes of a Gaussian prior lie
            near a sphere, which a straight line leaves: there "auto" is "spherical".

        **labels : dict
            ``y=``, of a model whose ``inverse_transform`` takes it: one label, or one
            for each way.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_pairs * n_steps, n_features)
            Way after way, a table like the training table.

        Raises
        ------
        ValueError
            If there is another number of rows to start from than to arrive at.
        """
        check_is_fitted(self)
        _check_steps("interpolate", n_steps)
        if path not in PATHS:
            raise InvalidParameterError(
                f"The 'path' parameter of interpolate must be one of {PATHS}. Got "
                f"{path!r} instead."
            )
        start, end = (np.asarray(self.transform(X)) for X in (X_start, X_end))
        if len(start) != len(end):
            raise ValueError(
                f"X_start and X_end must have as many rows: they have {len(start)} and "
                f"{len(end)}."
            )
        t = np.linspace(0, 1, n_steps)[:, None]
        round_ = path == "spherical" or (path == "auto" and self._on_sphere())
        way = _arc if round_ else _line
        codes = [way(a, b, t) for a, b in zip(start, end, strict=True)]
        return self._along(np.concatenate(codes), n_steps, **labels)

    def traverse(self, X, component=0, n_steps=10, **labels):
        """Decode rows with one column of their code moved along the prior.

        Parameters
        ----------
        X : {array-like, DataFrame} of shape (n_samples, n_features)
            Rows; the other columns of their codes stay.

        component : int, default=0
            Column of the code, as `transform` returns it.

        n_steps : int, default=10
            Rows of each way: from the 2.5th to the 97.5th percentile of the prior.

        **labels : dict
            ``y=``, of a model whose ``inverse_transform`` takes it: one label, or one
            for each row of X.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_samples * n_steps, n_features)
            Way after way, a table like the training table.

        Raises
        ------
        ValueError
            If the code has no such column.
        """
        check_is_fitted(self)
        _check_steps("traverse", n_steps)
        codes = np.asarray(self.transform(X))
        inside = Interval(Integral, 0, codes.shape[1], closed="left")
        if not inside.is_satisfied_by(component):
            raise InvalidParameterError(
                f"The 'component' parameter of traverse must be {inside}. Got "
                f"{component!r} instead."
            )
        ends = np.quantile(self._prior_codes(N_DRAWS)[:, component], ENDS)
        moved = codes.repeat(n_steps, axis=0)
        moved[:, component] = np.tile(np.linspace(*ends, n_steps), len(codes))
        return self._along(moved, n_steps, **labels)

    def _along(self, codes: np.ndarray, n_steps: int, **labels):
        """Decode ways of `n_steps` codes each, whose labels may differ."""
        unknown = set(labels) - set(signature(self.inverse_transform).parameters)
        if unknown:
            raise TypeError(
                f"{type(self).__name__} decodes codes without {sorted(unknown)}."
            )
        if "y" in labels and np.ndim(labels["y"]):
            y = np.asarray(labels["y"])
            if len(y) != len(codes) // n_steps:
                raise ValueError(
                    f"y must be one label or one for each of {len(codes) // n_steps} "
                    f"ways. Got {len(y)}."
                )
            labels["y"] = y.repeat(n_steps)
        return self.inverse_transform(codes, **labels)

    def _prior_codes(self, n_samples: int) -> np.ndarray:
        """Draw codes, as `transform` returns them, from the prior."""
        return self._draw_codes(n_samples, self._open_labels(n_samples, 0), 0)

    def _on_sphere(self) -> bool:
        """Whether codes are Gaussian, and so near a sphere."""
        prior = self.prior_
        return isinstance(
            prior.style if isinstance(prior, IndependentStyle) else prior, Gaussian
        )


def _check_steps(method: str, n_steps) -> None:
    """Raise InvalidParameterError unless there are two steps at least."""
    allowed = Interval(Integral, 2, None, closed="left")
    if not allowed.is_satisfied_by(n_steps):
        raise InvalidParameterError(
            f"The 'n_steps' parameter of {method} must be {allowed}. Got {n_steps!r} "
            "instead."
        )


def _line(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """(1 - t) a + t b."""
    return (1 - t) * a + t * b


def _arc(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """(sin((1 - t) ω) a + sin(t ω) b) / sin ω, ω the angle between a and b."""
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    cosine = np.clip(a @ b / lengths, -1, 1) if lengths else 1.0
    omega = np.arccos(cosine)
    if np.sin(omega) < MIN_SINE:
        return _line(a, b, t)
    return (np.sin((1 - t) * omega) * a + np.sin(t * omega) * b) / np.sin(omega)
