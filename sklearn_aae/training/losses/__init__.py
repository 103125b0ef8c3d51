"""Phases, the losses that train, and the criterion, which evaluates a model."""
