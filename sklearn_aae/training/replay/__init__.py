"""Recorded steps: written down once, replayed without autograd."""
