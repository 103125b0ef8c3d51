"""Makhzani et al., table 1: Parzen log-likelihood of MNIST by AAETransformer.

    python benchmarks/paper/likelihood.py --data DIR [--recipe {plain,best}]
        [--epochs N] [--seeds 3] [--resume]

The protocol: pixels in [0, 1]; the first 50,000 training rows train; 10,000 samples of
the model are the centres of a Gaussian kernel density; its bandwidth is the one of ten
from 0.1 to 0.3 under which the last 10,000 training rows are most likely; the figure is
the mean log density of the 10,000 test rows in nats. The paper: 340 ± 2. The measure is
a rough one: the centres of KMeans, which look like no digit, score well by it.

plain  the paper's: 8 columns of code, a Gaussian prior of standard deviation 5, two
       hidden layers of 1000 rectified units; outputs are linear, cut to [0, 1]
best   6 columns, fewer epochs, other units, a stronger game, and the likelihood of a
       Bernoulli. By the last 10,000 training rows, half for the bandwidth, 5 epochs:
       252, 302, 323, 334, 329 and 320 nats of 3 to 8 columns
"""

import numpy as np
from experiment import PLAIN, Experiment, Recipe, main

from sklearn_aae import AAETransformer
from sklearn_aae.metrics import parzen_bandwidth, parzen_log_likelihood
from sklearn_aae.priors import Gaussian

N_HELD, N_SAMPLES, CODE, DEVIATION = 10_000, 10_000, 8, 5.0
BANDWIDTHS = np.geomspace(0.1, 0.3, 10)
RECIPES = {
    "plain": Recipe(PLAIN, 50),
    "best": Recipe(
        {
            "n_components": 6,
            "hidden_layer_sizes": (1000, 1000),
            "reconstruction": "bernoulli",
            "regularization_strength": 10.0,
            "scale": None,
        },
        5,
    ),
}


def make(args, options):
    """Return a transformer with the paper's prior."""
    k = options.get("n_components", CODE)
    return AAETransformer(
        prior=Gaussian(k, scale=DEVIATION), **{"n_components": k} | options
    )


def judge(model, rows, args, seed):
    """Return the log-likelihood of test rows under 10,000 samples, in nats."""
    samples = model.sample(N_SAMPLES, codes="prior", random_state=seed)
    h = parzen_bandwidth(rows.X[-N_HELD:], samples, BANDWIDTHS)
    nats = parzen_log_likelihood(rows.X_test, samples, bandwidth=h, aggregate=False)
    return {
        "log-likelihood": float(nats.mean()),
        "its standard error": float(nats.std() / np.sqrt(len(nats))),
        "bandwidth": float(h),
    }


EXPERIMENT = Experiment(RECIPES, make, judge, n_held=N_HELD)

if __name__ == "__main__":
    main(__doc__, EXPERIMENT)
