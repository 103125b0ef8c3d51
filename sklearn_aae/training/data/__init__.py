"""Batches: the rows, prior samples and labels that a step of the training sees."""
