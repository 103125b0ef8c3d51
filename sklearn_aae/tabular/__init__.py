"""Ground: tables as users have them, as rows of numbers for the networks."""

from sklearn_aae.tabular._category_counts import (
    count_categories,
    good_turing_weights,
    mask_rare_categories,
    unknown_category_cost,
    unknown_cells,
)
from sklearn_aae.tabular._cell_errors import OtherKindError
from sklearn_aae.tabular._cells import is_present
from sklearn_aae.tabular._checks import check_finite, check_plain
from sklearn_aae.tabular._column import Column
from sklearn_aae.tabular._columns import TableColumns
from sklearn_aae.tabular._dependencies import Dependencies
from sklearn_aae.tabular._frames import (
    as_frame,
    as_frame_like,
    column_names,
    float_dtypes,
    is_frame,
    needs_column_reader,
)
from sklearn_aae.tabular._jacobian import log_jacobian
from sklearn_aae.tabular._labels import (
    UNLABELLED,
    NotClassLabelsError,
    column_values,
    is_labelled,
    is_minus_one,
    read_labels,
    warn_about_minus_one,
)
from sklearn_aae.tabular._late_columns import (
    learn_late_columns,
    warn_of_new_categories,
)
from sklearn_aae.tabular._normal_scores import NormalScores
from sklearn_aae.tabular._preprocessor import TablePreprocessor
from sklearn_aae.tabular._scalers import SCALERS
from sklearn_aae.tabular._schema import TableSchema
from sklearn_aae.tabular._sparse import LazyRows, SparseTable
from sklearn_aae.tabular._statistics import count_known
from sklearn_aae.tabular._tables import as_table
from sklearn_aae.tabular._text_columns import warn_about_text_columns

__all__ = [
    "SCALERS",
    "UNLABELLED",
    "Column",
    "Dependencies",
    "LazyRows",
    "NormalScores",
    "NotClassLabelsError",
    "OtherKindError",
    "SparseTable",
    "TableColumns",
    "TablePreprocessor",
    "TableSchema",
    "as_frame",
    "as_frame_like",
    "as_table",
    "check_finite",
    "check_plain",
    "column_names",
    "column_values",
    "count_categories",
    "count_known",
    "float_dtypes",
    "good_turing_weights",
    "is_frame",
    "is_labelled",
    "is_minus_one",
    "is_present",
    "learn_late_columns",
    "log_jacobian",
    "mask_rare_categories",
    "needs_column_reader",
    "read_labels",
    "unknown_category_cost",
    "unknown_cells",
    "warn_about_minus_one",
    "warn_about_text_columns",
    "warn_of_new_categories",
]
