"""Estimators: one file each, on one base."""

from sklearn_aae.estimators._transformer import AAETransformer

__all__ = ["AAETransformer"]
