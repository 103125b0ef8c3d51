"""
Style without the label, and transfer
=====================================

:class:`~sklearn_aae.ConditionalAAETransformer` gives the decoder the label, so that the
code need not hold it: what is left is the style (Makhzani et al. 2016, section 4).
"""

# %%
# Rows, and the same styles with each label.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from sklearn_aae import ConditionalAAETransformer

X, y = load_digits(return_X_y=True)
model = ConditionalAAETransformer(8, random_state=0).fit(X, y)
rows = X[:6]
moved = [model.transfer(rows, np.full(len(rows), label)) for label in range(10)]
_, axes = plt.subplots(6, 11, figsize=(7, 4), layout="constrained")
for i, line in enumerate(axes):
    for ax, picture in zip(line, [rows[i], *(m[i] for m in moved)], strict=True):
        ax.imshow(picture.reshape(8, 8), cmap="gray_r")
        ax.set_axis_off()
axes[0, 0].set_title("row")
axes[0, 5].set_title("its style, with each label")

# %%
# The other way round: rows keep their label and get the style of other rows, one for
# each line.

columns = np.array([np.flatnonzero(y == label)[20] for label in range(10)])
_, axes = plt.subplots(5, 11, figsize=(7, 3.4), layout="constrained")
for line, hand in zip(axes, X[:5], strict=True):
    written = model.transfer(X[columns], y[columns], like=hand[None])
    for ax, picture in zip(line, [hand, *written], strict=True):
        ax.imshow(picture.reshape(8, 8), cmap="gray_r")
        ax.set_axis_off()
axes[0, 0].set_title("hand")
axes[0, 5].set_title("digits by that hand")

# %%
# New rows of a class.

print(model.sample(3, y=[7, 7, 7], random_state=0).shape)
plt.show()
