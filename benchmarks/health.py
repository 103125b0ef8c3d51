"""What `health_` costs, and whether it warns of fits that are well, or of ill ones.

    python benchmarks/health.py [--seeds 3] [--sets iris wine breast_cancer digits]
        [--models AAETransformer ...] [--out benchmarks/results/health.json]

Of each fit with defaults: seconds of the processor, those of them that the measures of
health take, the measures, and the warnings; then the same of fits of wine that are
known to be ill.
"""

import argparse
import time
import warnings
from unittest.mock import patch

from clustering import rows_of
from reporting import report

import sklearn_aae
from sklearn_aae.estimators import _fitting

MODELS = (
    "AAETransformer",
    "ConditionalAAETransformer",
    "SemiSupervisedAAEClassifier",
    "AAEClusterer",
    "AAEOutlierDetector",
    "GANSampler",
)
MEASURES = (
    "prior_match",
    "prior_match_pvalue",
    "critic_accuracy",
    "explained_variance",
    "sample_variance",
)
ILL = [
    ("AAETransformer", {"prior": "categorical", "n_components": 6}),
    ("AAETransformer", {"learning_rate": 10.0}),
    ("AAETransformer", {"learning_rate": 10.0, "step_back": False}),
    ("GANSampler", {"learning_rate": 1.0, "step_back": False}),
    ("AAEOutlierDetector", {"learning_rate": 10.0}),
]


def fitted(name, X, y, seed, **params):
    """Fit a model; return its row of results."""
    spent, measure = [], _fitting.measure_health

    def timed(*args, **kwargs):
        start = time.process_time()
        try:
            return measure(*args, **kwargs)
        finally:
            spent.append(time.process_time() - start)

    model = getattr(sklearn_aae, name)(random_state=seed, **params)
    with (
        patch.object(_fitting, "measure_health", timed),
        warnings.catch_warnings(record=True) as told,
    ):
        warnings.simplefilter("always")
        start = time.process_time()
        model.fit(X, y)
        seconds = time.process_time() - start
    measures = {key: model.health_[key] for key in MEASURES if key in model.health_}
    return {
        "model": name,
        "changed": str(params) if params else "",
        "seconds": seconds,
        "health milliseconds": 1000 * sum(spent),
        "warnings": len(told),
        "loss": model.loss_,
        **measures,
        "said": [str(w.message) for w in told],
    }


def main():
    """Fit each model to each set, by each seed; then those that are ill."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    sets = ["iris", "wine", "breast_cancer", "digits"]
    parser.add_argument("--sets", nargs="+", default=sets)
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--out")
    args = parser.parse_args()
    rows = []

    def add(name, *fit, **params):
        X, y = rows_of(name, None)
        rows.append({"set": name, **fitted(fit[0], X, y, fit[1], **params)})
        print(rows[-1], flush=True)

    for name in args.sets:
        for model in args.models:
            for seed in range(args.seeds):
                add(name, model, seed)
    for model, params in ILL:
        for seed in range(args.seeds):
            add("wine", model, seed, **params)
    measures = ("seconds", "health milliseconds", "warnings", "prior_match", "loss")
    report(rows, ("set", "model", "changed"), measures, args)


if __name__ == "__main__":
    main()
