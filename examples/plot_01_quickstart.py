"""
Quickstart: codes, pictures and new rows
========================================

:class:`~sklearn_aae.AAETransformer` learns a code of few columns for the rows of a
table, and shapes the codes like a prior that you choose. It is fitted, and goes into
pipelines, as every transformer of scikit-learn.
"""

# %%
# Handwritten digits, a quarter of them held out. The code has two columns, to be seen;
# a mixture of Gaussians gives each class a place of its own.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from sklearn_aae import AAETransformer
from sklearn_aae.inspection import LatentSpaceDisplay, ManifoldDisplay

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
aae = AAETransformer(2, prior="gaussian_mixture", random_state=0, verbose=1)
aae.fit(X_train, y_train)

# %%
# The codes of held-out rows, among the contours of the prior.

LatentSpaceDisplay.from_estimator(aae, X_test, y_test)

# %%
# What the decoder makes of each place.

ManifoldDisplay.from_estimator(aae, image_shape=(8, 8))

# %%
# New rows: draws from the prior, decoded.

new = aae.sample(20, random_state=0)
_, axes = plt.subplots(2, 10, figsize=(8, 1.8), layout="constrained")
for ax, row in zip(axes.ravel(), new, strict=True):
    ax.imshow(row.reshape(8, 8), cmap="gray_r")
    ax.set_axis_off()

# %%
# Before a classifier, in a pipeline, a code of more columns keeps more.

pipeline = make_pipeline(
    AAETransformer(8, random_state=0), LogisticRegression(max_iter=1000)
)
print(f"accuracy {pipeline.fit(X_train, y_train).score(X_test, y_test):.3f}")
plt.show()
