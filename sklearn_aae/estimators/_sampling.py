"""New rows of a fitted model: drawn from its prior, by label, or by given cells."""

from numbers import Integral

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from sklearn_aae.distributions import RowDistribution
from sklearn_aae.estimators._labels import class_numbers
from sklearn_aae.estimators._preparation import validate_table
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._stream import stream
from sklearn_aae.tabular import as_table, mask_rare_categories
from sklearn_aae.utils._compat import Interval, InvalidParameterError
from sklearn_aae.utils._modes import plain_torch
from sklearn_aae.utils._random import draw_seeds, seeded_scope

# Codes that are drawn for each row, to choose one by the cells that are given.
CANDIDATES = 200
# Deviations of a scaled number that is reconstructed exactly.
MIN_RESIDUAL = 0.01


def check_n_samples(n_samples) -> None:
    """Raise InvalidParameterError unless a number of rows is a positive integer."""
    if not Interval(Integral, 1, None, closed="left").is_satisfied_by(n_samples):
        raise InvalidParameterError(
            f"The 'n_samples' parameter of sample must be an int in the range "
            f"[1, inf). Got {n_samples!r} instead."
        )


class SampleMixin:
    """Draws rows from a fitted model; the host provides ``_decode``."""

    def _check_new_rows(self, X) -> np.ndarray:
        """Validate rows to answer about."""
        check_is_fitted(self)
        return mask_rare_categories(self.columns_, validate_table(self, X, reset=False))

    def sample(self, n_samples=1, *, y=None, random_state=None):
        """Draw new rows: z ~ p(z), then the mean of p(x|z).

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.

        y : label or array-like of shape (n_samples,), default=None
            Classes of the rows, of a model that was fitted with labels.

        random_state : int, RandomState or None, default=None
            None draws anew with each call.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_samples, n_features)
            Rows.

        Raises
        ------
        ValueError
            If `y` names a class that the model does not know.
        """
        check_is_fitted(self)
        check_n_samples(n_samples)
        labels = None if y is None else self._class_numbers(y, n_samples)
        codes = self._draw_codes(n_samples, labels, draw_seeds(random_state, 1)[0])
        return self._as_table(self._decode(codes))

    def _as_table(self, rows: np.ndarray, dtype=np.float64, like=None):
        """Return decoded rows as a table like the training table."""
        like = None if like is None else as_table(like)
        table = self.columns_.decode(rows, self.clip, like)
        numbers = isinstance(table, np.ndarray) and table.dtype != object
        return table.astype(dtype, copy=False) if numbers else table

    def _draw_codes(self, n_samples: int, labels, seed: int) -> np.ndarray:
        """Draw codes from the prior, of class numbers where they are given."""
        with seeded_scope(seed):
            y = None if labels is None else torch.tensor(labels)
            return self.prior_.draw(n_samples, y).cpu().numpy()

    def _class_numbers(self, y, n_samples: int) -> np.ndarray:
        """Return the class number of each label: the component of the prior."""
        if not hasattr(self, "classes_"):
            raise ValueError(
                "sample(y=...) needs a model with one prior component for each class: "
                "fit with labels and prior='gaussian_mixture' or 'swiss_roll'."
            )
        return class_numbers(y, n_samples, self.classes_)


class TableSampleMixin(SampleMixin):
    """Draws rows of typed columns, with some cells given; of autoencoders.

    The host provides ``_decode``, ``encoder_`` and ``decoder_``.
    """

    def sample(self, n_samples=1, *, y=None, given=None, random_state=None):
        """Draw new rows: z ~ p(z), then x of p(x|z).

        Numbers are the mean of p(x|z) where all columns are numbers. In a table with
        categories or counts, these are drawn by their probabilities, and numbers with
        the noise that reconstructions have.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.

        y : label or array-like of shape (n_samples,), default=None
            Classes of the rows, of a model that knows labels.

        given : dict, default=None
            Cells that all rows have, by name (or number) of their column. Codes are
            then drawn by how likely they make them.

        random_state : int, RandomState or None, default=None
            None draws anew with each call.

        Returns
        -------
        X : {ndarray, DataFrame} of shape (n_samples, n_features)
            Rows: a frame of the training frame's kind and dtypes, if it was one.

        Raises
        ------
        ValueError
            If `y` names a class, or `given` a column or category, that the model does
            not know.
        """
        check_is_fitted(self)
        check_n_samples(n_samples)
        for_codes, for_cells, for_labels = draw_seeds(random_state, 3)
        known = None if given is None else self._given_row(given)
        n_drawn = n_samples if known is None else n_samples * CANDIDATES
        if y is None:
            labels = self._open_labels(n_drawn, for_labels)
        else:
            labels = self._class_numbers(y, n_samples).repeat(n_drawn // n_samples)
        codes = self._draw_codes(n_drawn, labels, for_codes)
        if known is not None:
            chosen = self._choose_codes(known, codes, labels, for_codes)
            codes, labels = codes[chosen], None if labels is None else labels[chosen]
        rows = self._draw_rows(codes, labels, for_cells)
        if known is not None:
            told = ~np.isnan(known)
            rows[:, told] = known[told]
        return self._as_table(rows)

    def _open_labels(self, n_samples: int, seed: int) -> np.ndarray | None:
        """Return class numbers where none are asked for; None leaves them open."""
        return None

    def _draw_rows(self, codes: np.ndarray, labels, seed: int) -> np.ndarray:
        """Decode codes into rows; with categories or counts, draw the cells."""
        if not self.columns_.typed:
            return self._decode(codes, labels)
        k, decoder = codes.shape[1], self.decoder_
        rng = np.random.RandomState(seed)
        level = rng.uniform(size=(len(codes), len(self.columns_)))

        def draw(parts: Tensor, y: Tensor | None = None) -> Tensor:
            return decoder(parts[:, :k], y).quantiles(parts[:, k:])

        rows = stream(decoder, draw, np.hstack([codes, level]), labels=labels)
        rows = rows + self.residuals_ * rng.standard_normal(rows.shape)
        return self.preprocessor_.inverse_transform(rows)

    def _given_row(self, given: dict) -> np.ndarray | None:
        """Return a row of given cells, encoded, NaN elsewhere; None for no cells."""
        if not isinstance(given, dict):
            found = (
                f"a {type(given).__name__}"
                if hasattr(given, "columns")
                else repr(given)
            )
            raise ValueError(
                f"given must be a dict of cells, by the columns that they are of. Got "
                f"{found} instead."
            )
        if not given:
            return None
        names = [column.name for column in self.columns_]
        row = np.full(len(names), np.nan)
        for name, value in given.items():
            if name not in names:
                raise ValueError(f"given names {name!r}, not a column of {names}.")
            column = self.columns_[names.index(name)]
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
    def _choose_codes(self, known: np.ndarray, codes, labels, seed: int) -> np.ndarray:
        """Choose codes from p(z|cells), by importance resampling of prior samples.

        Each row chooses one of `CANDIDATES` codes by the likelihood of its cells.
        """
        told = np.flatnonzero(~np.isnan(known))
        decoder = self.decoder_.only_columns(told.tolist())
        x = torch.from_numpy(self.preprocessor_.scale_rows(known[None])[:, told])
        scale = torch.from_numpy(np.maximum(self.residuals_[told], MIN_RESIDUAL))

        def likelihood(z: Tensor, y: Tensor | None = None) -> Tensor:
            return _cells(decoder(z, y), x.to(z), scale.to(z)).nansum(-1)

        log_p = stream(decoder, likelihood, codes, labels=labels)
        noise = np.random.RandomState(seed).gumbel(size=log_p.shape)
        best = (log_p + noise).reshape(-1, CANDIDATES).argmax(1)
        return best + CANDIDATES * np.arange(len(best))

    def _measure_residuals(self, rows: Rows) -> None:
        """Learn how far reconstructions are from the rows, in deviations."""
        x = rows.some()
        encoder, decoder = self.encoder_, self.decoder_
        cells = x.X.cpu().numpy()

        def mean(part: Tensor, y: Tensor | None = None) -> Tensor:
            return decoder(encoder(part).mean, y).mean

        missed = cells - stream(decoder, mean, cells, labels=x.y)
        squares = torch.from_numpy(missed).square().nanmean(0).nan_to_num()
        squares[np.array(self.columns_.discrete)] = 0.0
        self.residuals_ = squares.sqrt().double().cpu().numpy()


def _cells(p: RowDistribution, x: Tensor, scale: Tensor) -> Tensor:
    """Return log p of cells, numbers with the deviation that they are decoded with."""
    number = -0.5 * ((x - p.mean) / scale).square()
    return p.by_kind(number, lambda: p.cells(x.expand_as(number)))
