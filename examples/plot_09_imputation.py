"""
Missing cells (imputation)
==========================

``reconstruct`` fills missing cells by what the others say. Training with hidden cells,
``input_dropout``, teaches it.
"""

# %%
# A tenth of the cells of the test rows are hidden; the error is in standard deviations.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.model_selection import train_test_split

from sklearn_aae import AAETransformer

X, _ = load_digits(return_X_y=True)
X_train, X_test = train_test_split(X, random_state=0)
hidden = np.random.default_rng(0).random(X_test.shape) < 0.1
holed = np.where(hidden, np.nan, X_test)
aae = AAETransformer(16, input_dropout=0.2, random_state=0).fit(X_train)
filled = {
    "AAETransformer": aae.reconstruct(holed),
    "KNNImputer": KNNImputer().fit(X_train).transform(holed),
    "mean": SimpleImputer().fit(X_train).transform(holed),
}
spread = X_train.std(axis=0)
spread[spread == 0] = 1
errors = {
    name: np.sqrt(np.mean((((rows - X_test) / spread)[hidden]) ** 2))
    for name, rows in filled.items()
}
_, ax = plt.subplots(figsize=(5, 2.2), layout="constrained")
ax.barh(list(errors), list(errors.values()), color="#0072b2")
ax.invert_yaxis()
ax.set(xlabel="error of hidden cells, in standard deviations")
plt.show()
