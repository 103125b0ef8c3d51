"""
Images, and where they are odd
==============================

With ``image_shape`` networks are convolutional, and arrays of images come back as such.
The detector's ``localize`` is a heat map.
"""

# %%
# Digits with a spot that does not belong there.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from sklearn_aae import AAEOutlierDetector

X = load_digits().images / 16
odd = X[:5].copy()
odd[:, 0:2, 0:2] = 1.0
detector = AAEOutlierDetector(
    image_shape=(8, 8), n_init=2, max_iter=10, random_state=0
).fit(X[5:])
heat = detector.localize(odd)
_, axes = plt.subplots(2, 5, figsize=(7, 3), layout="constrained")
for picture, part, (top, bottom) in zip(odd, heat, axes.T, strict=True):
    top.imshow(picture, cmap="gray_r")
    bottom.imshow(part, cmap="Blues")
    top.set_axis_off()
    bottom.set_axis_off()
axes[0, 0].set_title("image")
axes[1, 0].set_title("part of the score")
plt.show()
