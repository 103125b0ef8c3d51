"""What stands beside our rows of a set: linear, self-trained and clustered by others.

    python benchmarks/paper/peers.py --data DIR [--set {mnist,fashion_mnist}]
        [--labels 100] [--seeds 3] [--resume] [--recipe {"logistic regression",...}]

Errors and accuracies are those of `semi_supervised.py` and `clustering.py`. UMAP wants
``pip install umap-learn``.
"""

import numpy as np
from experiment import Experiment, Recipe, main
from semi_supervised import few_labels
from sklearn.base import BaseEstimator
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import SelfTrainingClassifier

from sklearn_aae.metrics import clustering_accuracy

N_CLUSTERS = 10


def logistic():
    """Return a classifier of labelled rows."""
    return LogisticRegression(max_iter=2000)


class Peer(BaseEstimator):
    """A model of others, which takes what our commands give and has no use for it."""

    def __init__(
        self, kind, max_iter=0, random_state=None, device="cpu", verbose=0
    ) -> None:
        self.kind, self.max_iter, self.random_state = kind, max_iter, random_state
        self.device, self.verbose = device, verbose

    def fit(self, X, y):
        """Fit to labelled rows, to all, or to rows alone."""
        known = y >= 0
        if self.kind == "logistic regression":
            self.model_ = logistic().fit(X[known], y[known])
        elif self.kind == "self-training":
            self.model_ = SelfTrainingClassifier(logistic()).fit(X, y)
        else:
            if self.kind == "UMAP + KMeans":
                from umap import UMAP

                self.umap_ = UMAP(n_components=N_CLUSTERS, random_state=0).fit(X)
                X = self.umap_.embedding_
            self.model_ = KMeans(N_CLUSTERS, random_state=self.random_state).fit(X)
        return self

    def predict(self, X):
        """Return classes or clusters."""
        X = self.umap_.transform(X) if hasattr(self, "umap_") else X
        return self.model_.predict(np.asarray(X, dtype=np.float32))


CLASSIFIERS = ("logistic regression", "self-training")
CLUSTERERS = ("KMeans", "UMAP + KMeans")


def judge(model, rows, args, seed):
    """Return the error of test rows in per cent, or the accuracy of clusters."""
    found = model.predict(rows.X_test)
    if model.kind in CLUSTERERS:
        return {"accuracy": clustering_accuracy(rows.y_test, found)}
    return {"error": 100 * float((found != rows.y_test).mean())}


EXPERIMENT = Experiment(
    {name: Recipe({}, 1) for name in (*CLASSIFIERS, *CLUSTERERS)},
    lambda args, options: Peer(args.recipe, **options),
    judge,
    labels=lambda rows, args, seed: few_labels(rows.y, args.labels, seed),
    settings={"labels": {"type": int, "default": 100}},
)

if __name__ == "__main__":
    main(__doc__, EXPERIMENT)
