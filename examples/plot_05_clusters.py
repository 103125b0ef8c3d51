"""
Clusters
========

:class:`~sklearn_aae.AAEClusterer` learns a code of a cluster and a style (Makhzani et
al. 2016, section 6). It has scikit-learn's ``labels_``, ``predict`` and
``fit_predict``, and answers for new rows.
"""

# %%
# Ten clusters of digits; the classes serve to judge only.

import matplotlib.pyplot as plt
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

from sklearn_aae import AAEClusterer
from sklearn_aae.inspection import ClusterDisplay, LatentSpaceDisplay
from sklearn_aae.metrics import clustering_accuracy

X, y = load_digits(return_X_y=True)
model = AAEClusterer(10, random_state=0).fit(X)
kmeans = KMeans(10, n_init=10, random_state=0).fit(X)
print(f"AAEClusterer {clustering_accuracy(y, model.labels_):.3f}")
print(f"KMeans       {clustering_accuracy(y, kmeans.labels_):.3f}")

# %%
# Where they lie, and how large they are.

ClusterDisplay.from_estimator(model, X)

# %%
# What each cluster looks like: its centre, decoded.

_, axes = plt.subplots(1, 10, figsize=(8, 1.1), layout="constrained")
for ax, row in zip(axes, model.cluster_centers_, strict=True):
    ax.imshow(row.reshape(8, 8), cmap="gray_r")
    ax.set_axis_off()

# %%
# In two columns all of the code can be seen (section 7): a head for each cluster, and
# the style around it. A contour holds half of the codes that the model draws of a
# cluster. Rows that lie beside theirs have a style that tells the cluster, too; what is
# drawn of that cluster is then like others.

flat = AAEClusterer(
    10,
    n_components=2,
    head_distance=5.0,
    regularization_strength=10.0,
    learning_rate=5e-3,
    n_init=1,
    random_state=0,
).fit(X)
print(f"in two columns {clustering_accuracy(y, flat.labels_):.3f}")
LatentSpaceDisplay.from_estimator(flat, X)
plt.show()
