"""Ground: tables and the rows that networks see."""

from sklearn_aae.tabular._checks import as_table, check_finite, check_plain
from sklearn_aae.tabular._columns import Column, TableColumns
from sklearn_aae.tabular._preprocessor import SCALERS, TablePreprocessor
from sklearn_aae.tabular._schema import TableSchema

__all__ = [
    "SCALERS",
    "Column",
    "TableColumns",
    "TablePreprocessor",
    "TableSchema",
    "as_table",
    "check_finite",
    "check_plain",
]
