"""New rows of a fitted model: decoded codes, drawn cells.

Letters: B codes of a chunk, d columns, k code size.
"""

import numpy as np
from torch import Tensor

from sklearn_aae.estimators._model import FittedModel
from sklearn_aae.estimators._parameters import POSITIVE_INT
from sklearn_aae.estimators._stream import stream
from sklearn_aae.utils._compat import InvalidParameterError


def check_n_samples(method: str, n_samples) -> None:
    """Raise InvalidParameterError unless a number of rows is a positive integer."""
    if not POSITIVE_INT.is_satisfied_by(n_samples):
        raise InvalidParameterError(
            f"The 'n_samples' parameter of {method} must be {POSITIVE_INT}. Got "
            f"{n_samples!r} instead."
        )


def draw_rows(model: FittedModel, codes: np.ndarray, labels, seed: int) -> np.ndarray:
    """Decode codes into rows; with categories or counts, draw the cells."""
    if not model.columns.typed:
        return model.decode(codes, labels)
    k, decoder = codes.shape[1], model.decoder
    rng = np.random.RandomState(seed)
    level = rng.uniform(size=(len(codes), len(model.columns)))

    def draw(parts: Tensor, y: Tensor | None = None) -> Tensor:
        return decoder(parts[:, :k], y).quantiles(parts[:, k:])

    rows = stream(decoder, draw, np.hstack([codes, level]), labels=labels)
    rows = rows + model.residuals * rng.standard_normal(rows.shape)
    return model.preprocessor.inverse_transform(rows)
