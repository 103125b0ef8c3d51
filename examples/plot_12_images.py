"""
Pictures: a code, clean copies, and defects where they are
==========================================================

With ``image_shape`` an estimator takes arrays of pictures and gives back such; its
networks are convolutional. Here they reduce digits to two columns, take noise away, and
find patches that do not belong there. ``--data DIR`` takes MNIST of a folder that has a
module ``load`` instead of scikit-learn's digits. Pictures are written to
``examples/output``.
"""

# %%
# Pictures in [0, 1]
# ------------------
# Pixels are ``uint8`` or numbers in [0, 1]; others are refused, with a word on what to
# do.

import argparse
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from sklearn_aae import AAEOutlierDetector, AAETransformer
from sklearn_aae.inspection import (
    HeatmapDisplay,
    ManifoldDisplay,
    ReconstructionDisplay,
)

parser = argparse.ArgumentParser()
parser.add_argument("--data", help="folder with a module load that has MNIST")
folder = parser.parse_known_args()[0].data
if folder:
    sys.path.insert(0, folder)
    from load import load

    X_train, X_test = (
        load("mnist", part)[0].reshape(-1, 28, 28) / 255 for part in ("train", "test")
    )
else:
    pictures = load_digits().images / 16
    X_train, X_test = pictures[:1400], pictures[1400:]
shape = X_train.shape[1:]
output = Path(__file__).parent / "output" if "__file__" in globals() else Path("output")
output.mkdir(exist_ok=True)

# %%
# Two columns
# -----------
# The decoder turns the plane of codes back into pictures.

aae = AAETransformer(2, image_shape=shape, random_state=0).fit(X_train)
print(f"codes {aae.transform(X_test).shape}, channels {aae.hidden_channels_}")
display = ManifoldDisplay.from_estimator(aae, grid_resolution=12)
display.figure_.savefig(output / "images_manifold.png")

# %%
# Clean copies
# ------------
# The encoder sees noise in training and the decoder learns the clean pictures.
# ``noise_type`` may also be "salt_and_pepper" or "mask".

rng = np.random.RandomState(0)
noisy = X_test + rng.normal(scale=0.3, size=X_test.shape)
denoiser = AAETransformer(16, image_shape=shape, input_noise=0.3, random_state=0)
clean = denoiser.fit(X_train).reconstruct(noisy)
before, after = (np.square(found - X_test).mean() for found in (noisy, clean))
print(f"squared error: noisy {before:.3f}, cleaned {after:.3f}")
display = ReconstructionDisplay.from_estimator(denoiser, noisy)
display.figure_.savefig(output / "images_denoised.png")

# %%
# Defects
# -------
# A patch of each test picture is inverted. The detector, which has seen normal pictures
# only, says how surprising each place is.

damaged = X_test.copy()
for picture in damaged:
    i, j = (rng.randint(n - 2) for n in shape)
    picture[i : i + 2, j : j + 2] = 1 - picture[i : i + 2, j : j + 2]
masks = np.abs(damaged - X_test) > 0.1
detector = AAEOutlierDetector(image_shape=shape, n_init=2, random_state=0)
heat = detector.fit(X_train).localize(damaged)
auc = roc_auc_score(masks.ravel(), heat.ravel())
print(f"area under the ROC curve of pixels: {auc:.2f}")
display = HeatmapDisplay.from_estimator(detector, damaged, masks=masks)
display.figure_.savefig(output / "images_defects.png")
plt.close("all")
