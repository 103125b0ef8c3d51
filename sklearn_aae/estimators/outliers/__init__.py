"""Rows unlike the rest, and the cells that make them so."""
