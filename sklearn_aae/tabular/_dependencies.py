"""Columns that another column fixes: functional dependencies of a table.

Letters: n rows, d columns.
"""

import numpy as np

# A column says enough of others if its values come that often, on average.
MIN_REPEATS = 5
# Rows that are compared first, for all pairs of columns.
N_FIRST = 256


class Dependencies:
    """Columns whose cells follow from the cell of another one, in all rows.

    Parameters
    ----------
    rows : ndarray of shape (n, d)
        Numbers and category numbers, NaN for missing cells: a value of its own here.

    Attributes
    ----------
    pairs : list of (int, int)
        Column a, and a column b that it fixes. Where they fix each other, a comes
        first in the table. No a is fixed itself.
    """

    def __init__(self, rows: np.ndarray):
        self.rows = rows
        columns = [np.unique(x, return_inverse=True) for x in rows.T]
        codes = np.column_stack([places for _, places in columns])
        self._values = [values for values, _ in columns]
        n_values = np.array([len(values) for values in self._values])
        open_ = n_values > 1
        self.pairs: list[tuple[int, int]] = []
        fixed = np.zeros(len(open_), dtype=bool)
        for a in np.flatnonzero(open_ & (MIN_REPEATS * n_values <= len(rows))):
            if fixed[a]:
                continue
            follow = _followers(codes, int(a), np.flatnonzero(open_ & ~fixed))
            fixed[follow] = True
            # What b fixes, a fixes as well.
            self.pairs = [(p, b) for p, b in self.pairs if p not in follow]
            self.pairs += [(int(a), int(b)) for b in follow]
        self._first = {
            a: np.unique(codes[:, a], return_index=True)[1]
            for a in {a for a, _ in self.pairs}
        }

    def complete(self, known: np.ndarray) -> np.ndarray:
        """Return known cells, with those that fix them if there is no choice.

        Parameters
        ----------
        known : ndarray of shape (d,)
            Cells, NaN for the others.
        """
        known = known.copy()
        for a, b in self.pairs:
            if not np.isnan(known[b]) and np.isnan(known[a]):
                cells = np.unique(self.rows[self.rows[:, b] == known[b], a])
                if len(cells) == 1:
                    known[a] = cells[0]
        return known

    def apply(self, rows: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Return rows whose fixed cells follow.

        Parameters
        ----------
        rows : ndarray of shape (m, d)
            Cells that were seen, in columns that fix others.

        known : ndarray of shape (d,), bool
            Columns that stay as they are.
        """
        rows = rows.copy()
        for a, b in self.pairs:
            if not known[b]:
                at = np.searchsorted(self._values[a], rows[:, a])
                at = at.clip(0, len(self._values[a]) - 1)
                seen = self._values[a][at]
                same = (seen == rows[:, a]) | (np.isnan(seen) & np.isnan(rows[:, a]))
                follow = self.rows[self._first[a][at], b]
                rows[:, b] = np.where(same, follow, rows[:, b])
        return rows


def _followers(codes: np.ndarray, a: int, others: np.ndarray) -> list[int]:
    """Return which of other columns have one cell for each cell of column a."""
    others = others[others != a]
    for part in (codes[:N_FIRST], codes):  # most pairs fail soon
        _, first, place = np.unique(part[:, a], return_index=True, return_inverse=True)
        cells = part[:, others]
        others = others[(cells == cells[first][place]).all(0)]
    return others.tolist()
