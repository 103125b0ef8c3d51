"""
Defects: which pictures have one, and where
===========================================

:class:`~sklearn_aae.AAEOutlierDetector` of pictures learns from normal ones alone. It
scores new pictures, and ``localize`` shows where they are unlike normal ones.
``--data FILE`` takes an ``.npz`` file with ``X_train``, ``y_train`` and ``X_test``, as
MNIST comes in, and its first digit, instead of scikit-learn's digits.
"""

# %%
# Normal pictures, and damaged ones
# ---------------------------------
# Half of the test pictures are damaged: a grey square, a scratch, an inverted patch or
# a patch of another picture. What has changed by more than a tenth of the range is the
# truth, which the detector never sees.

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score, roc_curve

from sklearn_aae import AAEOutlierDetector
from sklearn_aae.inspection import HeatmapDisplay

if "--data" in sys.argv:
    data = np.load(sys.argv[sys.argv.index("--data") + 1])
    data = {key.lower(): data[key] for key in data.files}
    X_train = data["x_train"][data["y_train"] == 0][:5000] / 255
    X_test, side = data["x_test"][data["y_test"] == 0] / 255, 5
else:
    pictures, side = load_digits().images / 16, 3
    X_train, X_test = pictures[:1400], pictures[1400:]
shape = X_train.shape[1:]
KINDS = ("grey square", "scratch", "inverted patch", "foreign patch")


def damage(picture, kind, rng):
    """Return a picture with a defect near its middle."""
    damaged = picture.copy()
    i, j = (rng.randint(n // 4, 3 * n // 4 - side + 2) for n in shape)
    patch = damaged[i : i + side, j : j + side]  # a view
    other = X_train[rng.randint(len(X_train))]
    if kind == "scratch":
        np.fill_diagonal(patch, 1 - patch.diagonal().round())
    else:
        patch[:] = {
            "grey square": np.full_like(patch, 0.5),
            "inverted patch": 1 - patch,
            "foreign patch": other[i : i + side, j : j + side],
        }[kind]
    return damaged


rng = np.random.RandomState(0)
half = len(X_test) // 2
kinds = np.array(KINDS)[np.arange(half) % len(KINDS)]
damaged = [damage(*pair, rng) for pair in zip(X_test[:half], kinds, strict=True)]
shown = np.concatenate([damaged, X_test[half:]])
masks = np.abs(shown - X_test) > 0.1

# %%
# Where they are
# --------------
# A heat map for each picture. As no defect should be learned to be kept, the detector
# covers parts of the training pictures, and learns to take the cover away. A further
# network learns to spot patches of other pictures. Both tell in the map. The last of
# the normal pictures are kept back: they tell where outliers begin.

detector = AAEOutlierDetector(image_shape=shape, random_state=0)
heat = detector.fit(X_train[:-200], X_val=X_train[-200:]).localize(shown)
HeatmapDisplay.from_estimator(detector, shown[:8], masks=masks[:8], n_images=8)
for kind in KINDS:
    at = np.flatnonzero(kinds == kind)
    auc = roc_auc_score(masks[at].ravel(), heat[at].ravel())
    print(f"{kind:<14} area under the ROC curve of pixels {auc:.2f}")

# %%
# Which pictures have one
# -----------------------
# Higher scores are more normal. A patch of another picture may fit in, and change
# nothing that one could see. By default the threshold flags a tenth of the pictures
# that were kept back.

scores = -detector.score_samples(shown)
_, ax = plt.subplots(figsize=(4.6, 4.4), layout="constrained")
colors = ("#0072b2", "#e69f00", "#009e73", "#d55e00")
for kind, color in zip(KINDS, colors, strict=True):
    at = np.r_[np.flatnonzero(kinds == kind), half : len(shown)]
    truth = np.arange(len(at)) < np.sum(kinds == kind)
    found, area = roc_curve(truth, scores[at]), roc_auc_score(truth, scores[at])
    ax.plot(*found[:2], color=color, label=f"{kind}, area {area:.2f}")
ax.set(xlabel="share of the normal pictures", ylabel="share of those with a defect")
ax.legend(loc="lower right", frameon=False)
flagged = detector.predict(shown) == -1
print(f"flagged with a defect {flagged[:half].mean():.0%}")
print(f"flagged without one {flagged[half:].mean():.0%}")
plt.show()
