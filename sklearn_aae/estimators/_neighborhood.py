"""Codes near training rows' codes: a Gaussian around each, of its nearest ones.

Letters: N examples, n codes drawn, k columns of a style, K neighbours.
"""

import numpy as np
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import gen_batches

# Codes that tell how codes scatter around one of them.
N_NEIGHBORS = 20
# Directions of less than this part of the largest deviation count as having it.
MIN_DEVIATION = 0.1
# Codes that are drawn at a time: each needs its neighbours' codes.
BATCH_ROWS = 4096


class Neighborhood:
    """Styles of some examples, and how they scatter around each other.

    Parameters
    ----------
    members : ndarray of shape (N,)
        Places of the examples.

    styles : ndarray of shape (N, k)
        Their styles.
    """

    def __init__(self, members: np.ndarray, styles: np.ndarray):
        self.members, self.styles = members, styles
        self._n = min(N_NEIGHBORS, len(members))
        # Distances are Mahalanobis': codes need not look like their prior.
        centred = styles - styles.mean(0)
        _, s, self._axes = np.linalg.svd(centred, full_matrices=False)
        self._mean = styles.mean(0)
        self._scale = np.maximum(s, MIN_DEVIATION * max(s.max(initial=0), 1e-12))
        self._index = NearestNeighbors(n_neighbors=self._n).fit(self._white(styles))
        self._near: np.ndarray | None = None

    def _white(self, styles: np.ndarray) -> np.ndarray:
        spread = np.sqrt(len(self.members)) / self._scale
        return (styles - self._mean) @ self._axes.T * spread

    def near(self, styles: np.ndarray) -> np.ndarray:
        """Return the examples nearest to styles, (n, K)."""
        found = self._index.kneighbors(self._white(styles), return_distance=False)
        return self.members[found]

    def draw(self, at: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        """Draw styles, each of the Gaussian of the neighbours of an example, (n, k).

        With ε ~ N(0, I) of K columns, z̄ + Σⱼ εⱼ (zⱼ - z̄) / √K has their moments.
        """
        if self._near is None:
            white = self._white(self.styles)
            self._near = self._index.kneighbors(white, return_distance=False)
        place = np.searchsorted(self.members, at)
        noise = rng.standard_normal((len(at), 1, self._n)) / np.sqrt(self._n)
        drawn = np.empty((len(at), self.styles.shape[1]))
        for part in gen_batches(len(at), BATCH_ROWS):
            near = self.styles[self._near[place[part]]]
            mean = near.mean(1)
            drawn[part] = mean + (noise[part] @ (near - mean[:, None]))[:, 0]
        return drawn
