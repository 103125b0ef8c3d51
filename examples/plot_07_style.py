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
# New rows of a class.

print(model.sample(3, y=[7, 7, 7], random_state=0).shape)
plt.show()
