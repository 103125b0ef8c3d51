"""Makhzani et al., table 1: Parzen log-likelihood of MNIST by AAETransformer.

    python benchmarks/paper/likelihood.py --data DIR [--seeds 1] [--epochs 50]
        [--options '{}'] [--out likelihood.json]

The protocol: pixels in [0, 1]; the first 50,000 training rows train; 10,000 samples of
the model are the centres of a Gaussian kernel density; its bandwidth is the one of ten
from 0.1 to 0.3 under which the last 10,000 training rows are most likely; the figure is
the mean log density of the 10,000 test rows in nats, with the standard error of that
mean. The model is the paper's: 8 columns of code, a Gaussian prior of standard
deviation 5, two hidden layers of 1000 units, sigmoid outputs. Rows beside it: the same
protocol with 10,000 training rows as "samples", and with the centres of KMeans (1,000
of them, on 10,000 rows), which look like no digit and still score well: the measure is
a rough one. The paper: 340 ± 2.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.cluster import MiniBatchKMeans

sys.path.insert(0, str(Path(__file__).parents[1]))
from reporting import load_from, report

from sklearn_aae import AAETransformer
from sklearn_aae.metrics import parzen_bandwidth, parzen_log_likelihood
from sklearn_aae.priors import Gaussian

N_TRAIN, N_SAMPLES = 50_000, 10_000
BANDWIDTHS = np.geomspace(0.1, 0.3, 10)
PAPER = {
    "n_components": 8,
    "hidden_layer_sizes": (1000, 1000),
    "activation": "gelu",
    "reconstruction": "bernoulli",
    "regularization_strength": 10.0,
    "scale": None,
}


def likelihood(samples, validation, test):
    """Return the mean log-likelihood, its standard error, and the bandwidth."""
    h = parzen_bandwidth(validation, samples, BANDWIDTHS)
    rows = parzen_log_likelihood(test, samples, bandwidth=h, aggregate=False)
    return {
        "log_likelihood": rows.mean(),
        "standard_error": rows.std() / np.sqrt(len(rows)),
        "bandwidth": h,
    }


def main():
    """Train, sample, and score; then the two trivial answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--rows", type=int, default=N_TRAIN)
    parser.add_argument("--options", type=json.loads, default={})
    parser.add_argument("--verbose", type=int, default=0)
    parser.add_argument("--out")
    args = parser.parse_args()
    load = load_from(args.data)
    X, X_test = (np.float32(load("mnist", part)[0]) / 255 for part in ("train", "test"))
    X, validation = X[:N_TRAIN][: args.rows], X[N_TRAIN:]
    rows = []

    def note(model, seed, samples, start):
        row = {"model": model, "seed": seed} | likelihood(samples, validation, X_test)
        rows.append(row | {"minutes": (time.perf_counter() - start) / 60})
        print(rows[-1], vars(args), flush=True)

    for seed in range(args.first_seed, args.first_seed + args.seeds):
        start = time.perf_counter()
        given = {"prior": Gaussian(8, scale=5.0), "max_iter": args.epochs}
        options = PAPER | given | args.options
        model = AAETransformer(random_state=seed, verbose=args.verbose, **options)
        note("AAE", seed, model.fit(X).sample(N_SAMPLES, random_state=seed), start)
    few = np.random.RandomState(0).permutation(X)[:N_SAMPLES]
    note("training rows", 0, few, time.perf_counter())
    kmeans = MiniBatchKMeans(1000, n_init=1, random_state=0)
    note("KMeans centres", 0, kmeans.fit(few).cluster_centers_, time.perf_counter())
    report(rows, ("model",), ("log_likelihood", "bandwidth", "minutes"), args)


if __name__ == "__main__":
    main()
