"""What a type checker sees of the public names; `assert_type` says what it must be.

mypy reads this file by strict rules (`make lint`), and ``tests/test_api_page.py`` runs
it, with an `assert_type` that looks at the values: so signatures are complete and true.
"""

from typing import Any, assert_type

import numpy as np
import torch
from sklearn.datasets import load_digits

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    GANSampler,
    SemiSupervisedAAEClassifier,
    metrics,
)
from sklearn_aae.decoders import GaussianDecoder
from sklearn_aae.distributions import RowDistribution
from sklearn_aae.encoders import GaussianEncoder
from sklearn_aae.inspection import ClusterDisplay, LatentSpaceDisplay
from sklearn_aae.model_selection import StackedBackend
from sklearn_aae.objectives import mmd
from sklearn_aae.priors import Gaussian, Prior, as_prior
from sklearn_aae.tabular import TableColumns

digits = load_digits()
X: np.ndarray = digits.data[:200]
y: np.ndarray = digits.target[:200]

# --- estimators: fit returns the estimator itself, of its own class -----------------

aae = assert_type(AAETransformer(2, max_iter=1, random_state=0).fit(X), AAETransformer)
assert_type(aae.partial_fit(X).to("cpu"), AAETransformer)
codes = assert_type(aae.transform(X), Any)
assert_type(aae.sample_codes(3), np.ndarray)
assert_type(aae.score(X), float)
aae.inverse_transform(codes), aae.sample(2, given={0: 0.0}, random_state=0)
aae.transform(X[:5].tolist()), aae.score_samples(torch.tensor(X[:5]))

clusterer = AAEClusterer(3, n_init=1, max_iter=1, random_state=0).fit(X)
assert_type(clusterer, AAEClusterer)
assert_type(clusterer.predict(X), Any)

classifier = SemiSupervisedAAEClassifier(max_iter=1, random_state=0).fit(X, y)
assert_type(classifier, SemiSupervisedAAEClassifier)
assert_type(classifier.score(X, y), float)

conditional = ConditionalAAETransformer(max_iter=1, random_state=0).fit(X, y)
assert_type(conditional, ConditionalAAETransformer)
assert_type(conditional.transfer(X[:2], 3), Any)

detector = AAEOutlierDetector(n_init=1, max_iter=1, random_state=0).fit(X)
assert_type(detector, AAEOutlierDetector)
assert_type(detector.localize(X), Any)

sampler = assert_type(GANSampler(max_iter=1, random_state=0).fit(X), GANSampler)
assert_type(sampler.score(X), float)

# --- metrics: one number, or what an option asks for ----------------------------------

rows: np.ndarray = aae.reconstruct(X)
assert_type(metrics.reconstruction_error(X, rows), float)
by_column = metrics.reconstruction_error(X, rows, multioutput="raw_values")
assert_type(by_column, np.ndarray)
assert_type(metrics.frechet_distance(X, rows), float)
assert_type(metrics.parzen_log_likelihood(X, rows, bandwidth=1.0), float)
densities = metrics.parzen_log_likelihood(X, rows, bandwidth=1.0, aggregate=False)
assert_type(densities, np.ndarray)
assert_type(metrics.inception_score(X, classifier), float)
score, deviation = metrics.inception_score(X, classifier, n_splits=2, return_std=True)
assert_type(deviation, float)
assert_type(metrics.precision_recall(X, rows).recall, float)
assert_type(metrics.density_coverage(X, rows).density, float)
assert_type(metrics.prior_match(codes, aae.sample_codes(200)).pvalue, float)
assert_type(metrics.clustering_accuracy(y, clusterer.labels_), float)
assert_type(metrics.history_scores(aae), dict[str, float])
assert_type(metrics.aae_scorer("frechet_distance")(aae, X), float)

# --- displays -------------------------------------------------------------------------

latent = LatentSpaceDisplay.from_estimator(aae, X, y)
assert_type(latent, LatentSpaceDisplay)
assert_type(latent.plot(coverage=(0.5,)), LatentSpaceDisplay)
assert_type(ClusterDisplay.from_estimator(clusterer, X), ClusterDisplay)

# --- parts ----------------------------------------------------------------------------

x = torch.zeros(4, 64)
encoder = GaussianEncoder(64, 2, hidden_layer_sizes=(8,))
z = assert_type(encoder.forward(x).rsample(), torch.Tensor)
assert_type(GaussianDecoder(2, 64).forward(z), RowDistribution)
assert_type(mmd(z, torch.randn(5, 2)), torch.Tensor)
assert_type(as_prior("gaussian", 2), Prior)
assert_type(Gaussian(2).set_params(scale=2.0), Gaussian)
assert_type(TableColumns.learn(X, "from_dtype").encode(X), np.ndarray)
assert_type(StackedBackend(max_models=4).effective_n_jobs(1), int)
