"""Clusters as the label half of a code."""
