"""Ground: tables and the rows that networks see."""

from sklearn_aae.tabular._checks import as_table, check_finite, check_plain
from sklearn_aae.tabular._columns import Column, TableColumns
from sklearn_aae.tabular._preprocessor import SCALERS, TablePreprocessor
from sklearn_aae.tabular._schema import TableSchema
from sklearn_aae.tabular._sparse import LazyRows, SparseTable

__all__ = [
    "SCALERS",
    "Column",
    "LazyRows",
    "SparseTable",
    "TableColumns",
    "TablePreprocessor",
    "TableSchema",
    "as_table",
    "check_finite",
    "check_plain",
]
