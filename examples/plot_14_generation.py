"""
New pictures, and how good they are: AAE beside GAN
===================================================

Drawn pictures are measured from several sides: do they look like pictures (precision),
are all kinds of pictures among them (recall), how far are they as a whole (Fréchet
distance, FID), and can a classifier read them (Inception Score)? ``--data FILE`` takes
an ``.npz`` file with ``X_train``, ``y_train``, ``X_test`` and ``y_test``, as MNIST
comes in, instead of scikit-learn's digits; that takes some minutes.
"""

# %%
# Half of the digits to train, and the other half to compare with.

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_aae import AAETransformer, ConditionalAAETransformer, GANSampler
from sklearn_aae.metrics import (
    fit_image_embedding,
    frechet_distance,
    inception_score,
    precision_recall,
)

if "--data" in sys.argv:
    data = np.load(sys.argv[sys.argv.index("--data") + 1])
    data = {key.lower(): data[key][:10_000] for key in data.files}
    X_train, X_test = data["x_train"] / 255, data["x_test"] / 255
    y_train = data["y_train"]
else:
    digits = load_digits()
    X_train, X_test, y_train, _ = train_test_split(
        digits.images / 16, digits.target, test_size=0.5, random_state=0
    )
shape = X_train.shape[1:]

# %%
# Three models, with convolutional networks. A generative adversarial network (GAN) has
# a critic of pictures and no encoder; that of an AAE sees codes. By default codes are
# drawn around those of training rows, which do not fill the prior evenly; of places
# that none is near, `codes="prior"` draws what is no digit.

options = {"image_shape": shape, "random_state": 0}
models = {
    "AAE": AAETransformer(8, **options),
    "AAE, by class": ConditionalAAETransformer(8, **options),
    "GAN": GANSampler(8, max_iter=100, **options),
}
drawn = {}
for name, model in models.items():
    model.fit(X_train, y_train if name == "AAE, by class" else None)
    drawn[name] = model.sample(len(X_test), random_state=0)
drawn["AAE, of the prior"] = models["AAE"].sample(
    len(X_test), codes="prior", random_state=0
)
drawn["training pictures"] = X_train

# %%
# Pictures are compared by what a network sees in them: here a small classifier, trained
# on the labelled training pictures. Numbers of other embeddings, or of fewer pictures,
# do not compare. The training pictures say what real ones get.

embedding = fit_image_embedding(X_train, y_train, random_state=0)
for name, pictures in drawn.items():
    pair = X_test, pictures
    distance = frechet_distance(*pair, embedding=embedding)
    precision, recall = precision_recall(*pair, embedding=embedding)
    score, deviation = inception_score(
        pictures, embedding, n_splits=10, return_std=True
    )
    print(
        f"{name:<17} FID {distance:6.2f}, precision {precision:.2f}, recall "
        f"{recall:.2f}, Inception Score {score:.2f} ± {deviation:.2f}"
    )

# %%
# Some of them.

figure, axes = plt.subplots(len(drawn), 1, figsize=(8, 3.6), layout="constrained")
for ax, (name, pictures) in zip(axes, drawn.items(), strict=True):
    ax.imshow(np.hstack(list(pictures[:16])), cmap="gray_r", vmin=0, vmax=1)
    ax.set_title(name, fontsize=9, loc="left")
    ax.set_axis_off()
plt.show()
