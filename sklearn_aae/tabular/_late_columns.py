"""Columns without any value in the first chunk, of which later chunks have some."""

import warnings
from dataclasses import replace

import numpy as np

from sklearn_aae.tabular._cells import is_number, is_present
from sklearn_aae.tabular._choices import CategoricalFeatures, choose
from sklearn_aae.tabular._columns import TableColumns
from sklearn_aae.tabular._dtypes import plain_value
from sklearn_aae.tabular._frames import as_frame
from sklearn_aae.tabular._layouts import layout_of, with_dtype
from sklearn_aae.tabular._tables import as_table


def learn_late_columns(
    columns: TableColumns, X, categorical_features: CategoricalFeatures
) -> TableColumns:
    """Return columns in which those without a value so far are numeric, if X has some.

    Parameters
    ----------
    columns : TableColumns
        Columns, as learned from earlier chunks.

    X : {array-like, DataFrame} of shape (n_samples, n_features)
        A later chunk.

    categorical_features : "from_dtype", mask, indices, names, dict or None
        See `TableColumns.learn`.
    """
    empty = [j for j, column in enumerate(columns.columns) if column.empty]
    if not empty:
        return columns
    X = as_table(X)
    frame, layout, found = as_frame(X), columns.layout, list(columns.columns)
    rows = frame if frame is not None else np.array(X, dtype=object)
    if np.shape(rows)[1:] != (len(found),):
        return columns  # `encode` raises the error
    rule = categorical_features
    names = [column.name for column in found]
    chosen = choose("from_dtype" if isinstance(rule, dict) else rule, names)
    for j in empty:
        cells = rows[:, j]
        if not is_present(cells).any():
            continue
        if chosen[j] or not is_number(cells, names[j]):
            _warn_of_late_categories(names[j])
            continue
        if frame is None or found[j].count:
            found[j] = replace(found[j], empty=False)
        else:
            found[j] = TableColumns.learn(frame[:, [j]].to_native(), None)[0]
        if frame is not None and layout is not None:
            layout = with_dtype(layout, j, layout_of(frame[:, [j]], {}))
    return TableColumns(found, layout)


def warn_of_new_categories(columns: TableColumns, X, weight=None) -> None:
    """Warn if later rows to train on have categories that columns do not know.

    Parameters
    ----------
    columns : TableColumns
        Columns, as learned from earlier chunks.

    X : {array-like, DataFrame} of shape (n_samples, n_features)
        A later chunk, which `columns` can encode.

    weight : ndarray of shape (n_samples,), default=None
        Of the rows; one of weight 0 is not there.
    """
    X = as_table(X)
    unknown = columns.unknown(X)
    if weight is not None:
        unknown &= weight[:, None] > 0
    if not unknown.any():
        return
    j = int(unknown.any(0).argmax())
    frame, i = as_frame(X), int(unknown[:, j].argmax())
    cell = plain_value(X[i][j] if frame is None else frame[:, j].to_list()[i])
    name = columns[j].name
    warnings.warn(
        f"Column {name!r} holds categories that it did not have when the model was "
        f"first fitted, such as {cell!r}: they count as missing. Declare them before "
        "the first chunk, by a dtype of categories or by "
        f"categorical_features={{{name!r}: [...]}}.",
        UserWarning,
        stacklevel=2,
    )


def _warn_of_late_categories(name) -> None:
    warnings.warn(
        f"Column {name!r} holds categories now, and had no cell when the model was "
        "first fitted: they are not used. Declare them before the first chunk, by a "
        f"dtype of categories or by categorical_features={{{name!r}: [...]}}.",
        UserWarning,
        stacklevel=2,
    )
