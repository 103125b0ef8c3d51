"""GAN, VAE, MMD or AAE? The neighbours of the adversarial autoencoder on digits.

    python benchmarks/neighbours.py [--seeds 3] [--components 8] [--out neighbours.json]

One split a seed (four fifths to train), defaults but for `regularizer`. Of held-out
rows: R2 of the reconstruction; accuracy of a two-sample test of codes against draws of
the prior; accuracy of the same test of samples against rows (0.5 is equality for both);
accuracy of a logistic regression on the codes; seconds of the fit. A plain autoencoder
has no prior that its codes follow, and a GAN no codes: only its samples are evaluated.
"The trivial answer" of samples is a Gaussian of the rows' mean and covariance.
"""

import argparse
import time
import warnings

import numpy as np
from quality import two_sample_accuracy
from reporting import report
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_aae import AAETransformer, GANSampler

REGULARIZERS = {
    "AAE": {"regularizer": "adversarial"},
    "AAE, strength 10": {"regularizer": "adversarial", "regularization_strength": 10},
    "VAE": {"regularizer": "kl"},
    "WAE-MMD": {"regularizer": "mmd", "regularization_strength": 10},
    "sliced Wasserstein": {"regularizer": "sliced_wasserstein"},
    "plain AE": {"regularizer": None},
}


def of_codes(model, X, X_test, y, y_test):
    """Return the measures that need an encoder."""
    Z, Z_test = model.transform(X), model.transform(X_test)
    error = np.square(X_test - model.reconstruct(X_test)).sum()
    draws = model.prior_.draw(len(X_test)).numpy()
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    return {
        "R2": 1 - error / np.square(X_test - X.mean(0)).sum(),
        "codes or prior": two_sample_accuracy(Z_test, draws),
        "logistic": classifier.fit(Z, y).score(Z_test, y_test),
    }


def main():
    """Fit each model for each seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--components", type=int, default=8)
    parser.add_argument("--out")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    X_all, y_all = load_digits(return_X_y=True)
    rows = []
    for seed in range(args.seeds):
        X, X_test, y, y_test = train_test_split(
            X_all, y_all, test_size=0.2, stratify=y_all, random_state=seed
        )
        models = {
            name: AAETransformer(args.components, random_state=seed, **options)
            for name, options in REGULARIZERS.items()
        }
        models["GAN"] = GANSampler(args.components, random_state=seed)
        for name, model in models.items():
            start = time.perf_counter()
            model.fit(X)
            row = {"model": name, "seed": seed, "seconds": time.perf_counter() - start}
            of = {} if name == "GAN" else {"codes": "prior"}
            samples = model.sample(len(X_test), random_state=seed, **of)
            row["samples or rows"] = two_sample_accuracy(samples, X_test)
            if name != "GAN":
                row |= of_codes(model, X, X_test, y, y_test)
            rows.append(row)
            print(row, flush=True)
        rng = np.random.RandomState(seed)
        normal = rng.multivariate_normal(X.mean(0), np.cov(X.T), len(X_test))
        rows.append(
            {
                "model": "the trivial answer",
                "seed": seed,
                "samples or rows": two_sample_accuracy(normal, X_test),
            }
        )
    measures = ("R2", "codes or prior", "samples or rows", "logistic", "seconds")
    report(rows, ("model",), measures, args)


if __name__ == "__main__":
    main()
