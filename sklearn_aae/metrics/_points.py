"""Rows of typed columns as points between which distances mean something."""

import numpy as np
import torch
from torch import Tensor

from sklearn_aae.metrics._checks import (
    as_dense,
    check_complete,
    check_rows,
    check_same_columns,
    check_same_names,
    comparing,
)
from sklearn_aae.metrics._pairs import Points
from sklearn_aae.nn import EmbedColumns
from sklearn_aae.tabular import TableColumns, TableSchema
from sklearn_aae.utils._random import seeded_scope

# Number of standard deviations that is the end: more may be out of float64.
FARTHEST = 1e300

# Cells of a column's vectors up to which its categories are told apart exactly, 1 GiB,
# and the length of random vectors that take their place.
MAX_CELLS, RANDOM_COLUMNS = 2**27, 512


def as_points(schema: TableSchema, x: Tensor) -> np.ndarray:
    """Return scaled rows as points: categories one-hot, missing values marked.

    Parameters
    ----------
    schema : TableSchema
        What the columns are.

    x : Tensor of shape (n_samples, n_features)
        Scaled rows, as `TablePreprocessor` returns them.

    Returns
    -------
    points : ndarray of shape (n_samples, n_dimensions)
        Of a column of very many categories, random vectors: they are far apart, too.
    """
    if schema.plain:
        return x.cpu().numpy()
    with seeded_scope(0), torch.no_grad():
        embed = EmbedColumns(schema.n_categories, schema.means, schema.incomplete)
        return embed.to(x)(x).cpu().numpy()


def typed_points(
    function: str,
    tables: dict,
    reference: str,
    categorical_features="from_dtype",
    *,
    missing: bool = True,
) -> list[Points]:
    """Return tables as points: numbers in standard deviations, all categories known.

    Parameters
    ----------
    function : str
        Who asks, for messages.

    tables : dict of str to {array-like, DataFrame} of shape (n_samples, n_features)
        Named as the arguments of the function.

    reference : str
        The table whose columns have mean 0 and standard deviation 1.

    categorical_features : "from_dtype", array-like, dict or None, default="from_dtype"
        Columns that hold categories.

    missing : bool, default=True
        Whether cells may be missing. A number is then the mean of its column, and 1
        away from all numbers in a further one; a category is one of its own.
    """
    given = tables
    tables = {name: as_dense(table, name) for name, table in given.items()}
    columns = TableColumns.learn(tables[reference], categorical_features)
    # Whose cells tell the kind of a column.
    sources = {c.name: reference for c in columns.columns if not c.empty}
    for name, table in tables.items():
        if name != reference:
            pair = {reference: given[reference], name: given[name]}
            check_same_columns(function, **pair)
        with comparing(function, sources, name):
            columns = columns.with_categories_of(table)
        sources = {c.name: name for c in columns.columns if not c.empty} | sources
    cells = {}
    for name, table in tables.items():
        with comparing(function, sources, name):
            cells[name] = columns.encode(table).astype(np.float64)
        check_complete(function, name, cells[name], table, missing=missing)
    typed = np.array(columns.n_categories) > 0
    kinds = [np.nan_to_num(rows[:, typed], nan=-1.0) for rows in cells.values()]
    numbers = [rows[:, ~typed] for rows in cells.values()]
    scaled = _standardised(cells[reference][:, ~typed], numbers)
    return [Points(*parts) for parts in zip(_marked(scaled), kinds, strict=True)]


def _standardised(reference: np.ndarray, tables: list) -> list[np.ndarray]:
    """Return columns less the mean of the reference, in standard deviations of it.

    Of a column that is constant there, in its own unit.
    """
    low, high = np.fmin.reduce(reference), np.fmax.reduce(reference)
    # A power of 2 for each column: squares of its numbers neither overflow nor vanish.
    largest = np.nan_to_num(np.fmax(np.abs(low), np.abs(high)))
    down = -np.frexp(largest)[1]
    rows = np.ldexp(reference, down)
    seen = ~np.isnan(rows)
    n = seen.sum(0).clip(1)
    mean = np.where(seen, rows, 0.0).sum(0) / n
    spread = np.sqrt(np.square(np.where(seen, rows - mean, 0.0)).sum(0) / n)
    spread = np.where(high > low, spread, np.ldexp(1.0, down))
    with np.errstate(over="ignore"):
        scaled = [(np.ldexp(table, down) - mean) / spread for table in tables]
    return [rows.clip(-FARTHEST, FARTHEST) for rows in scaled]


def _marked(tables: list[np.ndarray]) -> list[np.ndarray]:
    """Return complete columns, with one more for each that has NaN in any table."""
    missing = [np.isnan(rows) for rows in tables]
    some = np.any([nan.any(0) for nan in missing], axis=0)
    return [
        np.hstack([np.where(nan, 0.0, rows), nan[:, some]])
        for rows, nan in zip(tables, missing, strict=True)
    ]


def comparable_points(function: str, embedding=None, **tables) -> list[Points]:
    """Return two tables as points of one space.

    Parameters
    ----------
    function : str
        Who asks, for messages.

    embedding : callable, nn.Module or None, default=None
        From rows to features. None: frames with categories by `typed_points`, in
        standard deviations of the first; numbers as they are.

    **tables : {array-like, DataFrame} of shape (n_samples, n_features)
        Two, named as the arguments of the function.
    """
    (first, X), (second, Y) = tables.items()
    check_same_names(function, **tables)
    if embedding is not None:
        X, Y = (embedded(embedding, rows) for rows in (X, Y))
        first, second = f"embedding({first})", f"embedding({second})"
    elif (
        not TableColumns.is_numeric_array(X, "from_dtype")
        and TableColumns.learn(X, "from_dtype").typed
    ):
        return typed_points(function, tables, first, missing=False)
    points = [
        Points.plain(check_rows(function, name, rows))
        for name, rows in ((first, X), (second, Y))
    ]
    check_same_columns(function, **{first: X, second: Y})
    return points


def embedded(embedding, rows):
    """Return what a callable makes of rows; a module of torch gets a tensor."""
    if not isinstance(embedding, torch.nn.Module):
        return embedding(rows)
    weight = next(iter(embedding.parameters()), torch.empty(0))
    with torch.inference_mode():
        x = torch.as_tensor(np.asarray(rows), device=weight.device)
        return embedding(x.to(weight.dtype)).cpu().numpy()


def one_hot(*tables: Points) -> list[np.ndarray]:
    """Return points as vectors: of a category 1 in its column.

    Points of very many categories get random vectors instead, for the memory's sake,
    which are about as far apart.
    """
    columns = [[t.numbers for t in tables]]
    n_rows, unit = max(map(len, tables)), tables[0].unit
    for j in range(tables[0].kinds.shape[1]):
        kinds = [t.kinds[:, j].astype(int) for t in tables]
        values, places = np.unique(np.concatenate(kinds), return_inverse=True)
        if len(values) * n_rows <= MAX_CELLS:
            parts = np.zeros((len(places), len(values)))
            parts[np.arange(len(places)), places] = unit
        else:
            shape = len(values), RANDOM_COLUMNS
            table = np.random.RandomState(j).normal(size=shape) / RANDOM_COLUMNS**0.5
            parts = unit * table[places]
        columns.append(np.split(parts, np.cumsum([*map(len, tables)])[:-1]))
    return [np.hstack(part) for part in zip(*columns, strict=True)]
