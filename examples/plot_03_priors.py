"""
Priors and posteriors: the shape of a code
==========================================

The prior says how codes are distributed; a critic compares them with its draws, so that
whatever can be drawn from can be a prior (Makhzani et al. 2016, section 2).
"""

# %%
# Four priors for the same digits. A swiss roll has no density that one could write
# down.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from sklearn_aae import AAETransformer
from sklearn_aae.inspection import LatentSpaceDisplay, PriorMatchDisplay

X, y = load_digits(return_X_y=True)
figure, axes = plt.subplots(2, 2, figsize=(8, 7), layout="constrained")
for ax, prior in zip(
    axes.ravel(), ["gaussian", "uniform", "gaussian_mixture", "swiss_roll"], strict=True
):
    aae = AAETransformer(2, prior=prior, regularization_strength=10, random_state=0)
    LatentSpaceDisplay.from_estimator(aae.fit(X), X, y, ax=ax)
    ax.get_legend().remove()
    ax.set_title(prior)

# %%
# How well codes follow it, column by column: on the diagonal they do. A posterior with
# noise ("gaussian", or "universal", which draws from any distribution) fills gaps.

for posterior in ("deterministic", "universal"):
    aae = AAETransformer(2, posterior=posterior, random_state=0).fit(X)
    display = PriorMatchDisplay.from_estimator(aae, X)
    display.figure_.suptitle(posterior)
plt.show()
