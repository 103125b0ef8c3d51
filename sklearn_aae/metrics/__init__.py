"""Measures of codes, reconstructions and generated rows, as functions of arrays."""

from sklearn_aae.metrics._clusters import clustering_accuracy, majority_vote_error
from sklearn_aae.metrics._coverage import density_coverage, precision_recall
from sklearn_aae.metrics._fidelity import frechet_distance, inception_score
from sklearn_aae.metrics._history import history_scores
from sklearn_aae.metrics._image_embedding import (
    ImageEmbedding,
    fit_image_embedding,
)
from sklearn_aae.metrics._labelled_scorer import labelled_scorer
from sklearn_aae.metrics._likelihood import parzen_bandwidth, parzen_log_likelihood
from sklearn_aae.metrics._prior_match import prior_match
from sklearn_aae.metrics._privacy import closest_row_share
from sklearn_aae.metrics._reconstruction import reconstruction_error
from sklearn_aae.metrics._scorers import aae_scorer

__all__ = [
    "ImageEmbedding",
    "aae_scorer",
    "closest_row_share",
    "clustering_accuracy",
    "density_coverage",
    "fit_image_embedding",
    "frechet_distance",
    "history_scores",
    "inception_score",
    "labelled_scorer",
    "majority_vote_error",
    "parzen_bandwidth",
    "parzen_log_likelihood",
    "precision_recall",
    "prior_match",
    "reconstruction_error",
]
