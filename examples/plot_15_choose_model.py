"""
GAN, VAE, MMD or AAE?
=====================

The neighbours of the adversarial autoencoder are a parameter away. Here each draws
digits, as many as fit into a row, below a row of real ones.
``benchmarks/neighbours.py`` measures what it shows.
"""

# %%
# One line for each model
# -----------------------
# The autoencoders differ in what pulls their codes to the prior. The plain one has
# nothing that does: decoding draws from a prior that it never saw is not meant to work.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sklearn_aae import AAETransformer, GANSampler

X, _ = load_digits(return_X_y=True)
shared = {"n_components": 8, "max_iter": 40, "random_state": 0}
models = {
    "AAE": AAETransformer(regularization_strength=10, **shared),
    "VAE": AAETransformer(regularizer="kl", **shared),
    "WAE-MMD": AAETransformer(regularizer="mmd", regularization_strength=10, **shared),
    "plain AE": AAETransformer(regularizer=None, **shared),
    "GAN": GANSampler(**shared),
}

# %%
# Draw
# ----
# Codes are drawn from the prior here, since that is what the models differ in; by
# default an autoencoder draws them around those of its training rows.

N_PICTURES = 12
rows = {"real": X[:N_PICTURES]}
for name, model in models.items():
    of_prior = {} if name == "GAN" else {"codes": "prior"}
    rows[name] = model.fit(X).sample(N_PICTURES, random_state=0, **of_prior)
    print(f"{name}: trained {model.n_iter_} epochs, criterion {model.loss_:.3f}")

figure, axes = plt.subplots(len(rows), 1, figsize=(8, 5.5), layout="constrained")
for ax, (name, digits) in zip(axes, rows.items(), strict=True):
    ax.imshow(np.hstack(digits.reshape(-1, 8, 8)), cmap="gray_r", vmin=0, vmax=16)
    ax.set_title(name, fontsize=9, loc="left")
    ax.set_axis_off()

plt.show()
