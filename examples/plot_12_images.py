"""
Pictures: convolutional codes, a map of them, and clean copies
==============================================================

With ``image_shape`` an estimator takes arrays of pictures and gives back such; its
networks are convolutional. ``--data FILE`` takes an ``.npz`` file with ``X_train``,
``y_train``, ``X_test`` and ``y_test``, as MNIST comes in, instead of scikit-learn's
digits; that takes some minutes.
"""

# %%
# Pixels are ``uint8`` or numbers in [0, 1]; others are refused, with a word on what to
# do.

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sklearn_aae import AAETransformer
from sklearn_aae.inspection import (
    LatentSpaceDisplay,
    ManifoldDisplay,
    ReconstructionDisplay,
)

if "--data" in sys.argv:
    data = np.load(sys.argv[sys.argv.index("--data") + 1])
    data = {key.lower(): data[key][:10_000] for key in data.files}
    X_train, X_test = data["x_train"] / 255, data["x_test"] / 255
    y_train, y_test = data["y_train"], data["y_test"]
else:
    digits = load_digits()
    X_train, X_test, y_train, y_test = train_test_split(
        digits.images / 16, digits.target, random_state=0
    )
shape = X_train.shape[1:]

# %%
# Fewer columns
# -------------
# Eight columns in place of all pixels: what they keep of pictures that the model has
# not seen, beside principal components.

aae = AAETransformer(8, image_shape=shape, random_state=0).fit(X_train)
pca = PCA(8).fit(X_train.reshape(len(X_train), -1))
by_pca = pca.inverse_transform(pca.transform(X_test.reshape(len(X_test), -1)))
copies = {"AAE": aae.reconstruct(X_test), "PCA": by_pca.reshape(X_test.shape)}
for name, pictures in copies.items():
    error = np.square(pictures - X_test).sum(axis=(1, 2)).mean()
    print(f"{name}: squared error {error:.2f}")
ReconstructionDisplay.from_estimator(aae, X_test, cmap="gray_r")

# %%
# A map
# -----
# Two columns can be seen. Here the prior has a place for each class; some test pictures
# lie at their codes, in a frame of the colour of their class. Frames in a strange place
# are pictures that are hard to read.

plane = AAETransformer(
    2, prior="gaussian_mixture", image_shape=shape, random_state=0
).fit(X_train, y_train)
display = LatentSpaceDisplay.from_estimator(
    plane, X_test, y_test, thumbnails=80, thumbnail_kwargs={"cmap": "gray_r"}
)
display.figure_.set_size_inches(8, 7)

# %%
# What the decoder makes of each place.

ManifoldDisplay.from_estimator(plane, cmap="gray_r")

# %%
# Clean copies
# ------------
# The encoder sees noise in training and the decoder learns the clean pictures.
# ``noise_type`` may also be "salt_and_pepper" or "mask".

noisy = X_test + np.random.RandomState(0).normal(scale=0.3, size=X_test.shape)
denoiser = AAETransformer(16, image_shape=shape, input_noise=0.3, random_state=0)
clean = denoiser.fit(X_train).reconstruct(noisy)
before, after = (np.square(found - X_test).mean() for found in (noisy, clean))
print(f"squared error of a pixel: noisy {before:.3f}, cleaned {after:.3f}")
ReconstructionDisplay.from_estimator(denoiser, noisy, cmap="gray_r", vmin=0, vmax=1)
plt.show()
