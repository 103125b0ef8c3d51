"""The picture of the README: python docs/make_picture.py docs/_static/digits.png."""

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from sklearn.datasets import load_digits

from sklearn_aae import AAETransformer
from sklearn_aae.inspection import LatentSpaceDisplay, ManifoldDisplay

X, y = load_digits(return_X_y=True)
aae = AAETransformer(prior="gaussian_mixture", max_iter=100, random_state=0).fit(X, y)
figure, (left, right) = plt.subplots(
    1, 2, figsize=(10.4, 4.9), layout="constrained", facecolor="white"
)
LatentSpaceDisplay.from_estimator(aae, X, y, ax=left)
left.set_title("1,797 digits, a code of two columns")
left.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2))
ManifoldDisplay.from_estimator(aae, image_shape=(8, 8), grid_resolution=20, ax=right)
right.set_title("what the decoder makes of each place")
figure.savefig(sys.argv[1], dpi=90)
