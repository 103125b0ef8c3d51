"""
Save and deploy
===============

One file of arrays and JSON, which runs no code when it is loaded; ONNX for other
languages; checkpoints for trainings that may be killed.
"""

# %%
# Save, load, and get the same codes.

import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris

from sklearn_aae import AAETransformer
from sklearn_aae.inspection import LatentSpaceDisplay
from sklearn_aae.persistence import load, save

X, y = load_iris(return_X_y=True)
folder = Path(tempfile.mkdtemp())
aae = AAETransformer(2, checkpoint=folder / "running", random_state=0).fit(X)
save(aae, folder / "iris.aae")
again = load(folder / "iris.aae")
print(np.array_equal(again.transform(X), aae.transform(X)))
print(f"{(folder / 'iris.aae').stat().st_size / 1024:.0f} KiB")

# %%
# What was loaded is the whole model: it encodes, decodes, draws rows, and knows its
# prior.

LatentSpaceDisplay.from_estimator(again, X, y)

# %%
# The same fit again finds what was trained, and takes it over.

AAETransformer(2, checkpoint=folder / "running", random_state=0, verbose=1).fit(X)
