"""New rows of a fitted model: decoded codes, drawn cells, codes of given cells.

Letters: B codes of a chunk, d columns, k code size.
"""

import numpy as np
import torch
from torch import Tensor

from sklearn_aae.distributions import RowDistribution
from sklearn_aae.estimators._model import MIN_RESIDUAL, FittedModel
from sklearn_aae.estimators._parameters import POSITIVE_INT
from sklearn_aae.estimators._stream import stream
from sklearn_aae.tabular import TableColumns
from sklearn_aae.utils._compat import InvalidParameterError
from sklearn_aae.utils._modes import plain_torch

# Codes that are drawn for each row, to choose one by the cells that are given.
CANDIDATES = 200


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


def given_row(given: dict, columns: TableColumns) -> np.ndarray | None:
    """Return a row of given cells, encoded, NaN elsewhere; None for no cells."""
    if not isinstance(given, dict):
        found = (
            f"a {type(given).__name__}" if hasattr(given, "columns") else repr(given)
        )
        raise ValueError(
            f"given must be a dict of cells, by the columns that they are of. Got "
            f"{found} instead."
        )
    if not given:
        return None
    names = [column.name for column in columns]
    row = np.full(len(names), np.nan)
    for name, value in given.items():
        if name not in names:
            raise ValueError(f"given names {name!r}, not a column of {names}.")
        column = columns[names.index(name)]
        cell = column.encode(np.array([value], dtype=object))[0]
        seen = column.categories or (column.low, column.high)
        if np.isnan(cell) or not (column.categories or seen[0] <= cell <= seen[1]):
            raise ValueError(
                f"given[{name!r}]={value!r} is nothing that was seen: "
                f"{'one of' if column.categories else 'within'} {seen}."
            )
        if column.whole and cell != np.floor(cell):
            raise ValueError(
                f"given[{name!r}]={value!r} is no whole number, as all cells of "
                "that column are."
            )
        row[names.index(name)] = cell
    return row


@plain_torch()
def choose_codes(
    model: FittedModel, known: np.ndarray, codes: np.ndarray, labels, seed: int
) -> np.ndarray:
    """Choose codes from p(z|cells), by importance resampling of prior samples.

    Each row chooses one of `CANDIDATES` codes by the likelihood of its cells.

    Parameters
    ----------
    model : FittedModel
        That decodes.

    known : ndarray of shape (d,)
        Encoded cells, NaN where none is given.

    codes, labels : ndarray of shape (n_samples * CANDIDATES, ...)
        Candidates, and their class numbers if there are any.

    seed : int
        Of the choice.

    Returns
    -------
    chosen : ndarray of shape (n_samples,)
        Places of the codes.
    """
    stated = np.flatnonzero(~np.isnan(known))
    decoder = model.decoder.only_columns(stated.tolist())
    x = torch.from_numpy(model.preprocessor.scale_rows(known[None])[:, stated])
    scale = torch.from_numpy(np.maximum(model.residuals[stated], MIN_RESIDUAL))

    def likelihood(z: Tensor, y: Tensor | None = None) -> Tensor:
        return _cells(decoder(z, y), x.to(z), scale.to(z)).nansum(-1)

    log_p = stream(decoder, likelihood, codes, labels=labels)
    noise = np.random.RandomState(seed).gumbel(size=log_p.shape)
    best = (log_p + noise).reshape(-1, CANDIDATES).argmax(1)
    return best + CANDIDATES * np.arange(len(best))


def _cells(p: RowDistribution, x: Tensor, scale: Tensor) -> Tensor:
    """Return log p of cells, numbers with the deviation that they are decoded with."""
    number = -0.5 * ((x - p.mean) / scale).square()
    return p.by_kind(number, lambda: p.cells(x.expand_as(number)))
