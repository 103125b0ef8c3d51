"""Searches whose models train together: the joblib backend "stacked"."""

from sklearn_aae.model_selection._backend import StackedBackend, register

__all__ = ["StackedBackend"]

register()
