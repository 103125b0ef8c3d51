"""Training rows that a model keeps, to draw new rows around.

They are a dict of plain arrays, so that pickles and files hold nothing else:
"rows" (n, d) in the units of the table, NaN where a cell is missing, in the smallest
type that has them exactly, "labels" (n,) class numbers, -1 = unlabelled, and "weight"
(n,), which sums to what they stand for.
"""

import numpy as np

from sklearn_aae.estimators._rows import Rows
from sklearn_aae.tabular import UNLABELLED, TableColumns

# Bytes that are kept at most, of few rows none the less; rows of each class at least.
MAX_BYTES, MIN_EXAMPLES = 2**23, 20
# Types of cells, the smallest first: of 8-bit pixels eight times as many fit.
CELL_TYPES = (np.dtype(np.uint8), np.dtype(np.float32), np.dtype(np.float64))
MIN_OF_CLASS = 50
# Columns of pixels: that many at least, most with one range and that many values.
MIN_PIXELS, MIN_LEVELS = 16, 10
# Rows in which values are counted.
N_COUNTED = 500

Examples = dict[str, np.ndarray]


def keep_examples(
    rows: Rows, n_examples: int, seed: int, earlier: Examples | None = None
) -> Examples:
    """Return training rows, drawn at random if they are too many to keep.

    Parameters
    ----------
    rows : Rows
        In the units of the table.

    n_examples : int
        Number of rows to keep, at most.

    seed : int
        Of the draw.

    earlier : dict of ndarray, default=None
        Of the chunks before, of a stream: other places are drawn of each chunk.
    """
    rule = seed if earlier is None else _seed_after(seed, earlier["weight"].sum())
    n, d = rows.X.shape
    labels = np.full(n, UNLABELLED) if rows.y is None else np.asarray(rows.y)
    weight = np.ones(n) if rows.weight is None else np.asarray(rows.weight, float)
    for dtype in CELL_TYPES:
        most = min(n, _most(n_examples, d, dtype))
        index = some_of_each(labels, most, np.random.RandomState(rule))
        cells = _small(np.array(rows.X[index], dtype=np.float64))
        if cells.itemsize <= dtype.itemsize:
            break
    return {
        "rows": cells,
        "labels": labels[index].astype(np.int64),
        "weight": _stand_for(labels, weight, index),
    }


def merge_examples(
    old: Examples, new: Examples, n_examples: int, seed: int
) -> Examples:
    """Return examples of a stream: each chunk keeps its share of them.

    Parameters
    ----------
    old, new : dict of ndarray
        Of the chunks before, and of the last one.

    n_examples : int
        Number of rows to keep, at most.

    seed : int
        Of the choice.
    """
    masses = np.array([old["weight"].sum(), new["weight"].sum()])
    dtype = np.result_type(old["rows"], new["rows"])
    most = _most(n_examples, new["rows"].shape[1], dtype)
    if len(old["rows"]) + len(new["rows"]) > most:
        rng = np.random.RandomState(_seed_after(seed, *masses))
        # Rounded at random: the share of a chunk may be less than half a row, and
        # rounded down it would be so for good.
        n_new = int(most * masses[1] / masses.sum() + rng.uniform())
        counts = np.array([most - n_new, n_new])
        masses = masses.sum() * counts / most
        old, new = (
            _fewer(part, n, mass, rng)
            for part, n, mass in zip((old, new), counts, masses, strict=True)
        )
    return {name: np.concatenate([old[name], new[name]]) for name in old}


def look_like_pixels(columns: TableColumns, rows: Rows) -> bool:
    """Whether most columns are numbers of one range, as the pixels of images are.

    Parameters
    ----------
    columns : TableColumns
        What the columns hold, with their ranges.

    rows : Rows
        In the units of the table, to count the values of a column by.
    """
    if columns.typed or len(columns) < MIN_PIXELS:
        return False
    ranges = np.array([[c.low, c.high] for c in columns.columns])
    kinds, counts = np.unique(ranges, axis=0, return_counts=True)
    common = kinds[counts.argmax()]
    alike = (ranges == common).all(1)
    if common[0] == common[1] or 2 * alike.sum() < len(columns):
        return False
    some = np.asarray(rows.X[:: -(-len(rows) // N_COUNTED)])[:, alike]
    return bool(np.median([len(np.unique(x)) for x in some.T]) >= MIN_LEVELS)


def _seed_after(seed: int, *masses: float) -> list[int]:
    """Return the seed of a chunk by what was before: users may give one for all."""
    return [seed, *np.array(masses).view(np.uint32).tolist()]


def _most(n_examples: int, n_features: int, dtype: np.dtype) -> int:
    most = MAX_BYTES // (n_features * dtype.itemsize)
    return min(n_examples, max(MIN_EXAMPLES, most))


def _small(cells: np.ndarray) -> np.ndarray:
    """Return cells in the smallest type that has them exactly."""
    for dtype in CELL_TYPES[:-1]:
        with np.errstate(all="ignore"):
            small = cells.astype(dtype)
        if np.array_equal(small, cells, equal_nan=True):
            return small
    return cells


def some_of_each(labels: np.ndarray, n: int, rng: np.random.RandomState) -> np.ndarray:
    """Return n places, in order; some of each class, the others at random.

    Parameters
    ----------
    labels : ndarray of shape (N,)
        Class numbers, -1 = unlabelled.

    n : int
        Number of places, at most N.

    rng : RandomState
        Source of the choice.
    """
    if n == len(labels):
        return np.arange(n)
    order = rng.permutation(len(labels))
    classes = np.unique(labels[labels != UNLABELLED])
    each = min(MIN_OF_CLASS, n // (2 * len(classes))) if len(classes) else 0
    first = [order[labels[order] == c][:each] for c in classes]
    chosen = np.concatenate([*first, order]).astype(np.int64)
    _, at = np.unique(chosen, return_index=True)
    return np.sort(chosen[np.sort(at)][:n])


def _fewer(part: Examples, n: int, mass: float, rng) -> Examples:
    """Return n examples, which stand for a mass."""
    labels, weight = part["labels"], part["weight"]
    index = some_of_each(labels, min(n, len(labels)), rng)
    stand_for = _stand_for(labels, weight * (mass / weight.sum()), index)
    return {
        "rows": part["rows"][index],
        "labels": labels[index],
        "weight": stand_for,
    }


def _stand_for(labels: np.ndarray, weight: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Return the weights of chosen rows (`some_of_each`) for all rows.

    Those of a class stand for all of it, or a rare one, of which more are chosen, would
    gain with each choice; of rows too few for every class to have one, any for all.
    """
    kept, stand_for = labels[index], weight[index]
    n_classes = len(np.unique(labels[labels != UNLABELLED]))
    if len(index) >= 2 * n_classes:
        for c in np.unique(kept):
            own = kept == c
            stand_for[own] *= weight[labels == c].sum() / stand_for[own].sum()
    total = stand_for.sum()
    return stand_for * (weight.sum() / total) if len(index) else stand_for
