"""
Outliers, and the cells that make them so
=========================================

:class:`~sklearn_aae.AAEOutlierDetector` follows scikit-learn's conventions: higher
scores are more normal, ``predict`` returns -1 for outliers. The training rows may hold
outliers themselves.
"""

# %%
# Fit and score
# -------------
# Benign tumours with a few malignant ones among them. The labels are used for
# evaluation only.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score

from sklearn_aae import AAEOutlierDetector

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
kept = np.r_[np.flatnonzero(y == 1), np.flatnonzero(y == 0)[:30]]
X, y = X.iloc[kept], y.iloc[kept]

detector = AAEOutlierDetector(n_init=4, contamination=0.08, random_state=0).fit(X)
scores = detector.score_samples(X)
found = detector.predict(X) == -1
print(f"area under the ROC curve {roc_auc_score(y, scores):.3f}; of {found.sum()} rows")
print(f"that are found {(y[found] == 0).sum()} of the 30 malignant ones")

# %%
# Which cells?
# ------------
# ``localize`` attributes the score of a row to its columns; the sum is the score. A
# larger code and training with hidden cells follow the columns more closely.

finder = AAEOutlierDetector(
    n_components=8, input_dropout=0.2, n_init=4, random_state=0
).fit(X[y == 1])
row = X[y == 1].iloc[[0]].copy()
row["mean radius"] *= 2
attributions = finder.localize(row).iloc[0]
worst = attributions.nlargest(5)
for name, part in worst.items():
    print(f"{name:<25} {part:5.2f} of {attributions.sum():.2f}")

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
left.hist([scores[y == 1], scores[y == 0]], bins=30, stacked=True)
left.axvline(detector.offset_, color="k", linestyle="--")
left.set(xlabel="score_samples", ylabel="rows", title="benign, malignant, offset_")
right.barh(worst.index[::-1], worst[::-1])
right.set(xlabel="part of the score", title="one cell was doubled")

plt.show()
