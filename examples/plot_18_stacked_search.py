"""
Many fits as one: stacked searches, and their progress
======================================================

Under joblib's backend "stacked", fits of one shape train as one tensor run, in whatever
of scikit-learn runs by joblib. Callbacks of scikit-learn (1.9) see each epoch of each
fit.
"""

# %%
# A cross-validated grid, one by one and stacked.

import time

import joblib
import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV

from sklearn_aae import AAETransformer
from sklearn_aae.metrics import history_scores

X, _ = load_breast_cancer(return_X_y=True)
aae = AAETransformer(4, max_iter=10, random_state=0)
grid = {"learning_rate": [5e-4, 1e-3, 2e-3, 4e-3]}
for backend in ("sequential", "stacked"):
    start = time.perf_counter()
    with joblib.parallel_config(backend=backend):
        search = GridSearchCV(aae, grid, cv=5).fit(X)
    seconds = time.perf_counter() - start
    print(f"{backend:<10} {seconds:.1f} s, best {search.best_params_}")

# %%
# The losses of all fits, by a monitor; each line is a fit.

try:
    from sklearn.callback import ScoringMonitor
except ImportError:
    print("Needs scikit-learn 1.9.")
else:
    monitor = ScoringMonitor(scoring=history_scores)
    with joblib.parallel_config(backend="stacked"):
        GridSearchCV(aae.set_callbacks(monitor), grid, cv=5).fit(X)
    logs = monitor.get_logs().data_as_pandas
    epochs = logs[logs["task_name"] == "epoch"]
    _, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
    for _, fit in epochs.groupby("parent_task_id_path"):
        ax.plot(fit["task_id"] + 1, fit["reconstruction"], color="#0072b2", alpha=0.5)
    ax.set(xlabel="epoch", ylabel="reconstruction loss")
plt.show()
