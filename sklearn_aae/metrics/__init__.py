"""Measures of codes, reconstructions and generated rows, as functions of arrays."""

from sklearn_aae.metrics._privacy import closest_row_share

__all__ = ["closest_row_share"]
