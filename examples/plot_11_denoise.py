"""
Denoise, walk and turn: what a code is good for
===============================================

An autoencoder that is trained on noisy rows to give back clean ones is a denoiser:
``input_noise`` is the standard deviation of that noise, in units of the scaled columns.
Its code can also be walked through.
"""

# %%
# Denoising
# ---------
# ``scale="common"`` divides all pixels by one number, so that noise of one size in the
# picture is noise of one size to the network. It makes its own noise in training, of a
# size that we tell it, and never sees a test row.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from sklearn_aae import AAETransformer, ConditionalAAETransformer

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)
NOISE = 4.0
noisy = X_test + NOISE * np.random.RandomState(0).normal(size=X_test.shape)
unit = np.sqrt(X_train.var(0)[X_train.var(0) > 0].mean())

aae = AAETransformer(
    32, input_noise=NOISE / unit, scale="common", max_iter=60, random_state=0
).fit(X_train)
cleaned = aae.reconstruct(noisy)


def error(pictures):
    """Mean squared error to the clean pictures."""
    return np.square(pictures - X_test).mean()


def by_pca(n_components):
    """Denoise by the first principal components."""
    pca = PCA(n_components).fit(X_train)
    return pca.inverse_transform(pca.transform(noisy))


best = min((error(by_pca(k)), k) for k in range(2, 41, 2))
print(f"squared error: noisy {error(noisy):.1f}, AAE {error(cleaned):.1f}, ", end="")
print(f"PCA {best[0]:.1f} at its best number of components, {best[1]}")

# %%
# Walking
# -------
# ``interpolate`` decodes the way from rows to other rows: along an arc, as a Gaussian
# prior asks. ``traverse`` moves one column of the code from one end of the prior to the
# other.

walker = AAETransformer(8, max_iter=60, random_state=0).fit(X_train)
ways = walker.interpolate(X_test[:4], X_test[4:8], n_steps=12)
moved = walker.traverse(X_test[:1], component=0, n_steps=12)

# %%
# Turning one digit into another
# ------------------------------
# The code of :class:`~sklearn_aae.ConditionalAAETransformer` holds the style without
# the digit: ``transfer`` writes another digit in the same hand.

writer = ConditionalAAETransformer(15, random_state=0)
writer.fit(X_train, y_train)
hands = [writer.transfer(row[None].repeat(10, 0), np.arange(10)) for row in X_test[:4]]

# %%
# Pictures
# --------

rows = {
    "clean, noisy, denoised": [t[:12] for t in (X_test, noisy, cleaned)],
    "ways between rows": ways.reshape(4, 12, -1),
    "one column of the code": [moved],
    "ten digits in four hands": hands,
}
figure, axes = plt.subplots(
    len(rows), 1, figsize=(7, 9), height_ratios=[3, 4, 1, 4], layout="constrained"
)
for ax, (title, lines) in zip(axes, rows.items(), strict=True):
    framed = [
        np.pad(line.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1))) for line in lines
    ]
    ax.imshow(np.vstack([np.hstack(f) for f in framed]), cmap="gray_r", vmin=0, vmax=16)
    ax.set_title(title, fontsize=9, loc="left")
    ax.set_axis_off()

plt.show()
