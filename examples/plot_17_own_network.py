"""
A network of your own
=====================

``encoder`` and ``decoder`` take any torch module, from (scaled) columns to the code and
back. They are copied, never changed.
"""

# %%
# Two small networks with skips of their own.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from torch import nn

from sklearn_aae import AAETransformer
from sklearn_aae.inspection import TrainingCurvesDisplay

X, _ = load_digits(return_X_y=True)


class Skip(nn.Module):
    """x + f(x)."""

    def __init__(self, width):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(width, width), nn.SiLU())

    def forward(self, x):
        """Return x + f(x)."""
        return x + self.inner(x)


encoder = nn.Sequential(nn.Linear(64, 64), Skip(64), Skip(64), nn.Linear(64, 4))
decoder = nn.Sequential(nn.Linear(4, 64), Skip(64), Skip(64), nn.Linear(64, 64))
aae = AAETransformer(4, encoder=encoder, decoder=decoder, max_iter=20, random_state=0)
aae.fit(X)
print(f"explained variance {aae.health_['explained_variance']:.2f}")
TrainingCurvesDisplay.from_estimator(aae)
plt.show()
