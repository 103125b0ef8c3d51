"""``python -m sklearn_aae table.csv``: a first look at a table, without code."""

import sys

from sklearn_aae.report import main

if __name__ == "__main__":
    sys.exit(main())
