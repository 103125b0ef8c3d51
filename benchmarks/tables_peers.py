"""Peers of tables.py behind scikit-learn's words: UMAP, pythae, CTGAN and TVAE.

Each is imported where it is used: an import may take seconds.

pythae asks for the package `dataclasses`, which Python has had since 3.7: install it by
`pip install --no-deps pythae`, beside `pip install imageio pydantic`.
"""

import logging
import tempfile

import numpy as np
from sklearn.base import BaseEstimator


class Umap(BaseEstimator):
    """UMAP on one thread."""

    def __init__(self, k, seed):
        self.k, self.seed = k, seed

    def fit_transform(self, X, y=None):
        """Fit, and return the codes of the training rows."""
        from umap import UMAP

        self.model_ = UMAP(n_components=self.k, random_state=self.seed, n_jobs=1)
        return self.model_.fit_transform(X)

    def fit(self, X, y=None):
        """Fit."""
        self.fit_transform(X)
        return self

    def transform(self, X):
        """Encode."""
        return self.model_.transform(X)


class Pythae(BaseEstimator):
    """A model of pythae, with its own networks and objective; epochs as ours."""

    def __init__(self, kind, k, seed, epochs=100):
        self.kind, self.k, self.seed, self.epochs = kind, k, seed, epochs

    def fit(self, X, y=None):
        """Train."""
        import pythae.models
        import torch
        from pythae.data.datasets import BaseDataset
        from pythae.trainers import (
            AdversarialTrainer,
            AdversarialTrainerConfig,
            BaseTrainer,
            BaseTrainerConfig,
        )

        for name in logging.root.manager.loggerDict:
            if name.startswith("pythae"):
                logging.getLogger(name).setLevel(logging.ERROR)
        torch.manual_seed(self.seed)
        joint = "" if self.kind == "VAE" else "_"
        config = getattr(pythae.models, f"{self.kind}{joint}Config")
        self.model_ = getattr(pythae.models, self.kind)(
            config(input_dim=(X.shape[1],), latent_dim=self.k)
        )
        adversarial = self.kind == "Adversarial_AE"
        trainer = AdversarialTrainer if adversarial else BaseTrainer
        options = {"per_device_train_batch_size": 128, "num_epochs": self.epochs}
        if adversarial:
            rates = ("autoencoder_learning_rate", "discriminator_learning_rate")
            options |= dict.fromkeys(rates, 1e-3)
            how = AdversarialTrainerConfig(no_cuda=True, **options)
        else:
            how = BaseTrainerConfig(no_cuda=True, learning_rate=1e-3, **options)
        rows = BaseDataset(torch.tensor(X, dtype=torch.float32), torch.zeros(len(X)))
        with tempfile.TemporaryDirectory() as folder:
            how.output_dir = folder
            trainer(self.model_, rows, training_config=how, callbacks=[]).train()
        self.model_.eval()
        return self

    def transform(self, X):
        """Encode."""
        import torch

        with torch.no_grad():
            rows = torch.tensor(X, dtype=torch.float32)
            return self.model_.encoder(rows).embedding.numpy()


class Tabular:
    """CTGAN or TVAE of the package ctgan: draws rows like those of a frame."""

    def __init__(self, kind, seed):
        self.kind, self.seed = kind, seed

    def fit(self, frame):
        """Train on the rows, columns of other types than numbers as categories."""
        import ctgan
        import torch

        torch.manual_seed(self.seed)
        np.random.seed(self.seed)
        text = list(frame.select_dtypes(exclude="number").columns)
        whole = frame.copy()
        for c in whole.columns:
            if c in text:
                whole[c] = whole[c].astype(object).fillna("missing").astype(str)
            else:
                whole[c] = whole[c].fillna(whole[c].median()).astype(float)
        self.model_ = getattr(ctgan, self.kind)(epochs=300, enable_gpu=False)
        self.model_.fit(whole, discrete_columns=text)
        return self

    def sample(self, n):
        """Draw rows."""
        return self.model_.sample(n)
