"""Settings of same_numbers.py: estimator, parameters, rows, and how it is trained."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import same_numbers_data as data

from sklearn_aae.priors import Gaussian, GaussianMixture

# All names are those of the base; a class whose signature lacks one gets the new one.
NEW_NAMES = {
    "stray_share": "neighbor_noise_rate",
    "learn_shares": "fit_cluster_prior",
    "cluster_shares_": "cluster_prior_",
}

AAE, CLUSTERER = "AAETransformer", "AAEClusterer"
CLASSIFIER, CONDITIONAL = "SemiSupervisedAAEClassifier", "ConditionalAAETransformer"
DETECTOR, GAN = "AAEOutlierDetector", "GANSampler"

SMALL = {"hidden_layer_sizes": (16,), "random_state": 0}
# Steps enough that a training is recorded and replayed: 10 an epoch of iris.
LONG = {**SMALL, "batch_size": 16, "max_iter": 35}
SHORT = {**SMALL, "max_iter": 4, "batch_size": 64}


@dataclass(frozen=True)
class Setting:
    """What is trained on what.

    Parameters
    ----------
    name : str
        For ``--only``.

    estimator : str
        Name of the class.

    params : dict
        Its parameters. A value that is a `Made` is called for each model.

    rows : callable, default=iris
        Returns X and y.

    labelled : bool, default=False
        Whether ``fit`` gets y.

    fit : {"fit", "partial_fit", "twice", "search"}, default="fit"
        "twice" fits again, for a warm start.

    grid : dict, default={}
        Of a stacked search.

    fit_params : callable, default=a function that returns none
        ``fit_params(X, y)`` returns what ``fit`` gets besides.

    given : dict or None, default=None
        Cells for ``sample(given=...)``.
    """

    name: str
    estimator: str
    params: dict = field(default_factory=dict)
    rows: Callable = data.iris
    labelled: bool = False
    fit: str = "fit"
    grid: dict = field(default_factory=dict)
    fit_params: Callable[[Any, Any], dict] = lambda X, y: {}
    given: dict | None = None


@dataclass(frozen=True)
class Made:
    """A parameter that is made anew for each model."""

    make: Callable[[], Any]


def _weights(X, y):
    return {"sample_weight": 1.0 + np.arange(len(y)) % 3}


def _whole_weights(X, y):
    return {"sample_weight": np.arange(len(y)) % 3}


def _validation(X, y):
    return {"X_val": X[::4], "y_val": y[::4]}


def _rows_only(X, y):
    return {"X_val": X[::4]}


def _aae(name, params, base=SHORT, **more):
    return Setting(f"aae {name}", AAE, {**base, **params}, **more)


def _clusterer(name, params, **more):
    params = {"n_clusters": 3, "n_init": 3, "n_components": 2, **SHORT, **params}
    return Setting(f"clusterer {name}", CLUSTERER, params, **more)


def _classifier(name, params, rows=data.iris_few, **more):
    params = {"n_components": 2, **SHORT, "max_iter": 6, **params}
    return Setting(f"classifier {name}", CLASSIFIER, params, rows, True, **more)


def _conditional(name, params, rows=data.iris, **more):
    params = {"n_components": 2, **SHORT, **params}
    return Setting(f"conditional {name}", CONDITIONAL, params, rows, True, **more)


def _detector(name, params, rows=data.outlying, **more):
    params = {"n_init": 3, **SHORT, **params}
    return Setting(f"detector {name}", DETECTOR, params, rows, **more)


def _gan(name, params, **more):
    return Setting(f"gan {name}", GAN, {"n_components": 2, **SHORT, **params}, **more)


MIXTURE = {"prior": "gaussian_mixture"}
CITY = {"city": "Bergen", "age": 40}

TRANSFORMERS = [
    _aae("defaults, short", {"max_iter": 3, "hidden_layer_sizes": (256, 256)}),
    _aae("long", {}, LONG),
    _aae("long, not compiled", {"compile": False}, LONG),
    _aae("long, float32", {}, LONG, rows=data.iris32),
    _aae("long, alternating", {"update": "alternating"}, LONG),
    _aae("posterior gaussian", {"posterior": "gaussian"}, LONG),
    _aae("posterior universal", {"posterior": "universal"}, LONG),
    *(
        _aae(f"prior {prior}", {"prior": prior, "n_components": 3})
        for prior in ("uniform", "laplace", "gamma", "categorical")
    ),
    _aae("prior gaussian_mixture", MIXTURE),
    _aae("prior swiss_roll", {"prior": "swiss_roll"}),
    _aae("prior object", {"prior": Made(lambda: Gaussian(2, scale=2.0))}),
    _aae(
        "prior mixture object", {"prior": Made(lambda: GaussianMixture(2, n_classes=4))}
    ),
    _aae("prior torch distribution", {"prior": Made(data.normal)}),
    _aae("prior callable", {"prior": data.ring}),
    _aae("labels, mixture, long", MIXTURE, LONG, labelled=True),
    _aae(
        "labels, swiss roll, few",
        {"prior": "swiss_roll"},
        rows=data.iris_few,
        labelled=True,
    ),
    _aae("labels, alternating", {**MIXTURE, "update": "alternating"}, labelled=True),
    *(
        _aae(f"regularizer {name}", {"regularizer": name}, LONG)
        for name in ("kl", "mmd", "sliced_wasserstein", None)
    ),
    _aae("kl, alternating", {"regularizer": "kl", "update": "alternating"}),
    *(
        _aae(f"loss {name}", {"adversarial_loss": name})
        for name in ("least_squares", "hinge", "relativistic")
    ),
    _aae(
        "wasserstein",
        {"adversarial_loss": "wasserstein", "gradient_penalty": 10.0},
        LONG,
    ),
    *(
        _aae(
            f"penalty {name}", {"gradient_penalty": 1.0, "gradient_penalty_type": name}
        )
        for name in ("r1", "r2", "r1_r2")
    ),
    _aae(
        "layer normalization, dropout", {"normalization": "layer", "dropout": 0.2}, LONG
    ),
    _aae("noise on the input", {"input_noise": 0.2, "input_dropout": 0.1}, LONG),
    _aae("scale quantile", {"scale": "quantile"}, rows=data.wine),
    _aae(
        "scale common, laplace",
        {"scale": "common", "reconstruction": "laplace"},
        rows=data.digits,
    ),
    _aae(
        "bernoulli",
        {"scale": "minmax", "reconstruction": "bernoulli", "clip": False},
        rows=data.unit,
    ),
    _aae(
        "rates",
        {
            "critic_learning_rate": 3e-3,
            "learning_rate_schedule": "one_cycle",
            "regularization_strength": 3.0,
        },
        LONG,
    ),
    _aae("table", {"count_features": ["visits"]}, rows=data.table, given=CITY),
    _aae(
        "table, long, hidden cells",
        {"input_dropout": 0.2},
        {**LONG, "max_iter": 25},
        rows=data.table,
        given=CITY,
    ),
    _aae("table, mixture, labels", MIXTURE, rows=data.table, labelled=True, given=CITY),
    _aae("missing values", {}, rows=data.holes, given={3: 15.0}),
    _aae("sparse", {}, rows=data.sparse_rows),
    _aae("restarts", {"n_init": 3}),
    _aae("restarts, long", {"n_init": 3}, LONG),
    _aae("chunks", {}, fit="partial_fit"),
    _aae("chunks, mixture", MIXTURE, fit="partial_fit", labelled=True),
    _aae("warm start", {"warm_start": True}, fit="twice"),
    _aae(
        "early stopping",
        {"early_stopping": True, "max_iter": 30, "n_iter_no_change": 3},
    ),
    _aae(
        "early stopping, restarts",
        {"early_stopping": True, "max_iter": 30, "n_iter_no_change": 2, "n_init": 3},
    ),
    _aae(
        "validation rows",
        {"early_stopping": True, "max_iter": 12, **MIXTURE},
        labelled=True,
        fit_params=_validation,
    ),
    _aae("weights", {}, fit_params=_weights),
    _aae("whole weights, one batch", {"batch_size": 512}, fit_params=_whole_weights),
    _aae("callback", {"callbacks": Made(lambda: [data.Watch()]), "max_iter": 6}),
    _aae(
        "callback of rates",
        {
            "callbacks": Made(lambda: [data.Rate()]),
            "learning_rate_schedule": "constant",
        },
    ),
    _aae(
        "own networks",
        {
            "encoder": Made(lambda: data.network(4, 8, 2)),
            "decoder": Made(lambda: data.network(2, 8, 4)),
        },
    ),
    _aae(
        "search",
        {},
        fit="search",
        grid={"learning_rate": [1e-3, 1e-2], "regularization_strength": [0.3, 3.0]},
    ),
    _aae(
        "search of shapes",
        MIXTURE,
        labelled=True,
        fit="search",
        grid={"n_components": [1, 2], "update": ["joint", "alternating"]},
    ),
]
CLUSTERERS = [
    _clusterer(
        "defaults",
        {
            "max_iter": "auto",
            "n_init": 2,
            "batch_size": 128,
            "hidden_layer_sizes": (32,),
        },
        rows=data.moons,
    ),
    _clusterer("short", {}),
    _clusterer("subclusters", {"n_subclusters": 8}, rows=data.moons),
    _clusterer(
        "subclusters, cut", {"n_subclusters": 8, "merge_by": "cut"}, rows=data.moons
    ),
    _clusterer("even shares", {"learn_shares": False, "balance_strength": 1.0}),
    _clusterer(
        "smooth, stages, no heads",
        {
            "smoothness_strength": 1.0,
            "agreement_strength": 1.0,
            "agreement_duration": 0.5,
            "class_heads": False,
            "stray_share": 0.1,
        },
    ),
    _clusterer("table", {"n_neighbors": 5}, rows=data.table, given=CITY),
    _clusterer("chunks", {"n_init": 1}, fit="partial_fit"),
    _clusterer(
        "alternating, gaussian",
        {"update": "alternating", "posterior": "gaussian", "n_init": 1},
    ),
    _clusterer("weights", {}, fit_params=_whole_weights),
    _clusterer("search", {"n_init": 2}, fit="search", grid={"n_clusters": [2, 3]}),
]
CLASSIFIERS = [
    _classifier("long", {"max_iter": 60}, data.digits_few),
    _classifier("short", {}),
    _classifier("names, balanced", {"class_weight": "balanced"}, data.iris_names_few),
    _classifier(
        "heads, few labels a step",
        {"class_heads": True, "labeled_batch_size": 8, "class_weight": {0: 2.0}},
    ),
    _classifier(
        "both stages at once",
        {
            "agreement_duration": None,
            "stray_share": 0.0,
            "max_iter": 30,
            "batch_size": 16,
        },
    ),
    _classifier(
        "no agreement", {"agreement_strength": 0.0, "smoothness_strength": 0.0}
    ),
    _classifier("weights, alternating", {"update": "alternating"}, fit_params=_weights),
    _classifier("table", {"count_features": ["visits"]}, data.table, given=CITY),
    _classifier("sparse", {}, data.sparse_rows),
    _classifier("chunks", {}, fit="partial_fit"),
    _classifier(
        "validation rows", {"early_stopping": True, "n_init": 2}, fit_params=_validation
    ),
    _classifier(
        "search", {}, fit="search", grid={"classification_strength": [1.0, 10.0]}
    ),
]
CONDITIONALS = [
    _conditional("long", {"max_iter": 35, "batch_size": 16}),
    _conditional("few labels, mixture", MIXTURE, data.iris_few),
    _conditional("table", {}, data.table, given=CITY),
    _conditional("kl, restarts", {"regularizer": "kl", "n_init": 2}),
    _conditional("chunks", {}, fit="partial_fit"),
]
DETECTORS = [
    *(
        _detector(f"by {name}", {"score_method": name})
        for name in ("combined", "reconstruction", "prior", "critic")
    ),
    _detector("long", {"n_init": 2, "batch_size": 16, "max_iter": 20}),
    _detector("replacement", {"localize_by": "replacement"}),
    _detector("trim, auto", {"trim": 0.1, "contamination": "auto"}),
    _detector(
        "table, replacement",
        {"localize_by": "replacement", "count_features": ["visits"]},
        data.table,
        given=CITY,
    ),
    _detector("missing values", {}, data.holes),
    _detector("validation rows", {}, fit_params=_rows_only),
    _detector("chunks", {"n_init": 2}, fit="partial_fit"),
    _detector("weights", {}, fit_params=_weights),
    _detector(
        "search",
        {"n_init": 2, "score_method": "reconstruction"},
        fit="search",
        grid={"n_components": [1, 2]},
    ),
]
GANS = [
    _gan("short", {}),
    _gan("long", {"batch_size": 16, "max_iter": 35}),
    _gan("labels", MIXTURE, labelled=True),
    _gan(
        "own generator, hinge",
        {"generator": Made(lambda: data.network(2, 8, 4)), "adversarial_loss": "hinge"},
    ),
    _gan("chunks, restarts", {"n_init": 2}),
]
SETTINGS = [*TRANSFORMERS, *CLUSTERERS, *CLASSIFIERS, *CONDITIONALS, *DETECTORS, *GANS]
