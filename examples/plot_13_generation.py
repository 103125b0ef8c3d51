"""
New rows, and how good they are
===============================

Drawn rows are measured from several sides: do they look like rows (precision), are all
kinds of rows among them (recall, coverage), and are they copies?
"""

# %%
# Half of the digits to train, as many draws, and the other half to compare with.

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sklearn_aae import AAETransformer, GANSampler
from sklearn_aae.metrics import density_coverage, frechet_distance, precision_recall

X, _ = load_digits(return_X_y=True)
X_train, X_test = train_test_split(X, test_size=0.5, random_state=0)
draws = {
    "AAE": AAETransformer(8, random_state=0).fit(X_train),
    "GAN": GANSampler(8, random_state=0).fit(X_train),
}
draws = {name: m.sample(len(X_test), random_state=0) for name, m in draws.items()}
draws["training rows"] = X_train
for name, rows in draws.items():
    precision, recall = precision_recall(X_test, rows)
    _, coverage = density_coverage(X_test, rows)
    print(
        f"{name:<14} Fréchet distance {frechet_distance(X_test, rows):7.1f}, precision "
        f"{precision:.2f}, recall {recall:.2f}, coverage {coverage:.2f}"
    )

# %%
# Some of them.

_, axes = plt.subplots(2, 10, figsize=(8, 1.9), layout="constrained")
for line, name in zip(axes, ("AAE", "GAN"), strict=True):
    for ax, row in zip(line, draws[name], strict=False):
        ax.imshow(row.reshape(8, 8), cmap="gray_r")
        ax.set_axis_off()
    line[0].set_title(name)
plt.show()
