"""Ground: optional imports, random streams, devices, scikit-learn's moving API."""
