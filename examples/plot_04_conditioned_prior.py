"""
A prior that knows labels
=========================

Where the prior has components, y gives each class one of them; rows without a label
(-1) find their own place (Makhzani et al. 2016, section 2.3).
"""

# %%
# All labels, a tenth of them, none.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sklearn_aae import AAETransformer
from sklearn_aae.inspection import LatentSpaceDisplay

X, y = load_digits(return_X_y=True)
hidden = np.random.default_rng(0).random(len(y)) < 0.9
figure, axes = plt.subplots(
    1, 3, figsize=(12, 4.4), sharex=True, sharey=True, layout="compressed"
)
for ax, (name, labels) in zip(
    axes,
    {"all": y, "a tenth": np.where(hidden, -1, y), "none": None}.items(),
    strict=True,
):
    aae = AAETransformer(2, prior="gaussian_mixture", random_state=0).fit(X, labels)
    LatentSpaceDisplay.from_estimator(aae, X, y, ax=ax)
    ax.get_legend().remove()
    ax.set_title(f"labels told: {name}")

# %%
# In three columns the components lie around a ball.

aae = AAETransformer(3, prior="gaussian_mixture", random_state=0).fit(X, y)
LatentSpaceDisplay.from_estimator(aae, X, y)
plt.show()
