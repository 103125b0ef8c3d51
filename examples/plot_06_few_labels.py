"""
Few labels
==========

:class:`~sklearn_aae.SemiSupervisedAAEClassifier` learns from all rows, and from the
labels of few; -1 is a row without one (Makhzani et al. 2016, section 5).
"""

# %%
# Five labels a class, 300 rows to test.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import train_test_split

from sklearn_aae import SemiSupervisedAAEClassifier

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=300, stratify=y, random_state=0
)
few = np.full(len(y_train), -1)
for label in range(10):
    at = np.flatnonzero(y_train == label)[:5]
    few[at] = label

model = SemiSupervisedAAEClassifier(random_state=0).fit(X_train, few)
told = few >= 0
line = LogisticRegression(max_iter=1000).fit(X_train[told], few[told])
print(f"with the rows without labels {model.score(X_test, y_test):.3f}")
print(f"of the labelled rows alone   {line.score(X_test, y_test):.3f}")

# %%
# What is mistaken for what.

ConfusionMatrixDisplay.from_estimator(model, X_test, y_test, cmap="Blues")
plt.show()
