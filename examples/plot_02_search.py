"""
Search the parameters
=====================

All parameters can be searched, by scikit-learn's own classes. ``score`` looks at the
reconstruction alone; a scorer of your own, or of a classifier behind the codes, looks
at what they are for. The backend "stacked" trains all fits of one shape as one.
"""

# %%
# How many columns, and which regularizer: adversarial (AAE), "kl" (VAE), "mmd" (WAE),
# or none (a plain autoencoder)? By the accuracy of a classifier on the codes.

import joblib
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_aae import AAETransformer

X, y = load_digits(return_X_y=True)
pipeline = make_pipeline(
    AAETransformer(max_iter=20, random_state=0, verbose=1),
    StandardScaler(),
    LogisticRegression(max_iter=1000),
)
grid = {
    "aaetransformer__n_components": [2, 8],
    "aaetransformer__regularizer": ["adversarial", "kl", "mmd", None],
}
with joblib.parallel_config(backend="stacked"):
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)

# %%
# The candidates, by their accuracy.

results = pd.DataFrame(search.cv_results_).fillna("none (plain autoencoder)")
table = results.pivot_table(
    index="param_aaetransformer__regularizer",
    columns="param_aaetransformer__n_components",
    values="mean_test_score",
)
ax = table.plot.barh(figsize=(6.4, 3.2), color=["#56b4e9", "#0072b2"])
ax.set(xlabel="accuracy, mean of three folds", ylabel="", xlim=(0.5, 1))
ax.legend(title="columns of the code", loc="lower right")
plt.tight_layout()
plt.show()
