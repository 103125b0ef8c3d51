"""What a file of skops may hold beside what skops trusts by itself (0.16).

skops may make an object of a trusted class and give it any state, as the file says. So
these are only classes that run no code of the file's choosing then, and follow no
numbers of it unchecked. `check_nodes` sees to it that no function is called, and that
no attribute is one of Python's own.

Left out are trees, indexes of neighbours and sparse matrices, whose compiled code does
follow them; the distributions of scipy.stats, which hold the source code that restores
them; dtypes, kernels, and what else nobody has read for this. `save` tells which a file
has, and the caller can name them.
"""

import inspect
from typing import Any

import numpy as np
import torch
from sklearn import feature_selection, model_selection
from sklearn.compose import make_column_selector
from sklearn.metrics import get_scorer, get_scorer_names
from sklearn.utils import Bunch

from sklearn_aae import metrics
from sklearn_aae.metrics._labelled_scorer import LabelledScorer
from sklearn_aae.metrics._scorers import AAEScorer
from sklearn_aae.persistence._classes import OWN, full_name

SPLITTERS = [
    kind
    for kind in vars(model_selection).values()
    if isinstance(kind, type)
    and hasattr(kind, "get_n_splits")
    and not inspect.isabstract(kind)
]
FUNCTIONS: list[Any] = [
    *(get_scorer(name)._score_func for name in get_scorer_names()),
    feature_selection.chi2,
    feature_selection.f_classif,
    feature_selection.f_regression,
    feature_selection.mutual_info_classif,
    feature_selection.mutual_info_regression,
    feature_selection.r_regression,
    metrics.clustering_accuracy,
    metrics.history_scores,
    metrics.majority_vote_error,
]
CLASSES = [
    AAEScorer,
    Bunch,
    LabelledScorer,
    make_column_selector,
    # What columns are selected by; no array has these as its dtype.
    np.floating,
    np.integer,
    np.number,
    object,
    torch.device,
]
# Not public, or in some versions only: by name.
NAMED = [
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.metrics._scorer._CurveScorer",
    "sklearn.metrics._scorer._MultimetricScorer",
    "sklearn.metrics._scorer._PassthroughScorer",
    "sklearn.metrics._scorer._Scorer",
    "sklearn.model_selection._search_successive_halving.HalvingGridSearchCV",
    "sklearn.model_selection._search_successive_halving.HalvingRandomSearchCV",
    "sklearn.multiclass._ConstantPredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.utils._metadata_requests.MetadataRequest",
    "sklearn.utils._metadata_requests.MethodMetadataRequest",
]
TRUSTED_TYPES = sorted(
    {*map(full_name, [*OWN.values(), *SPLITTERS, *FUNCTIONS, *CLASSES]), *NAMED}
)
