"""Ground: tables and the rows that networks see."""

from sklearn_aae.tabular._checks import as_table, check_columns
from sklearn_aae.tabular._preprocessor import SCALERS, TablePreprocessor
from sklearn_aae.tabular._schema import TableSchema

__all__ = ["SCALERS", "TablePreprocessor", "TableSchema", "as_table", "check_columns"]
