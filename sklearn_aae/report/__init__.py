"""A first look at a table: codes as CSV, and one HTML page.

``python -m sklearn_aae table.csv --columns 2 --colour COLUMN`` is for people who bring
a file. It needs pandas and matplotlib: ``pip install "sklearn-aae[report]"``.
"""

from sklearn_aae.report._command import main

__all__ = ["main"]
