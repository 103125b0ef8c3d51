"""Ground: tables and the rows that networks see."""

from sklearn_aae.tabular._checks import check_finite, check_plain
from sklearn_aae.tabular._column import Column
from sklearn_aae.tabular._columns import TableColumns
from sklearn_aae.tabular._frames import column_names, float_dtypes, framed, is_read_here
from sklearn_aae.tabular._labels import (
    UNLABELLED,
    NotClassLabelsError,
    is_labelled,
    is_minus_one,
    read_labels,
    values_of,
    warn_of_one_class,
)
from sklearn_aae.tabular._late_columns import awakened
from sklearn_aae.tabular._loose_text import warn_of_loose_text
from sklearn_aae.tabular._preprocessor import TablePreprocessor
from sklearn_aae.tabular._scalers import SCALERS
from sklearn_aae.tabular._schema import TableSchema
from sklearn_aae.tabular._sparse import LazyRows, SparseTable
from sklearn_aae.tabular._tables import as_table
from sklearn_aae.tabular._tally import (
    forget_unseen,
    novelty,
    tallied,
    unknown_cells,
    weights_of_new_rows,
)

__all__ = [
    "SCALERS",
    "UNLABELLED",
    "Column",
    "LazyRows",
    "NotClassLabelsError",
    "SparseTable",
    "TableColumns",
    "TablePreprocessor",
    "TableSchema",
    "as_table",
    "awakened",
    "check_finite",
    "check_plain",
    "column_names",
    "float_dtypes",
    "forget_unseen",
    "framed",
    "is_labelled",
    "is_minus_one",
    "is_read_here",
    "novelty",
    "read_labels",
    "tallied",
    "unknown_cells",
    "values_of",
    "warn_of_loose_text",
    "warn_of_one_class",
    "weights_of_new_rows",
]
