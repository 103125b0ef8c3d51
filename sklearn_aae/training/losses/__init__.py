"""Phases, which are the losses that train, and the criterion, which judges a model."""
