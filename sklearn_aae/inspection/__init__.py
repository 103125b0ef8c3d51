"""Displays: pictures of a fitted autoencoder, in the manner of scikit-learn's.

``from_estimator`` computes once and draws; ``plot`` draws again, elsewhere or in
another dress. They need matplotlib: ``pip install "sklearn-aae[plot]"``.
"""

from sklearn_aae.inspection._clusters import ClusterDisplay
from sklearn_aae.inspection._contributions import OutlierContributionDisplay
from sklearn_aae.inspection._curves import TrainingCurvesDisplay
from sklearn_aae.inspection._heatmap import HeatmapDisplay
from sklearn_aae.inspection._latent import LatentSpaceDisplay
from sklearn_aae.inspection._manifold import ManifoldDisplay
from sklearn_aae.inspection._prior_match import PriorMatchDisplay
from sklearn_aae.inspection._reconstruction import ReconstructionDisplay

__all__ = [
    "ClusterDisplay",
    "HeatmapDisplay",
    "LatentSpaceDisplay",
    "ManifoldDisplay",
    "OutlierContributionDisplay",
    "PriorMatchDisplay",
    "ReconstructionDisplay",
    "TrainingCurvesDisplay",
]
