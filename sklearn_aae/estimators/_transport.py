"""Codes of one class as codes of another: optimal transport between Gaussians.

Letters: N examples, n rows, m classes, k columns of a style.
"""

import numpy as np

# Variance that a direction has at least, as a part of the mean variance.
RIDGE = 1e-3
# Part of its distance from the middle of its class that a style keeps when it changes
# its class: at the edge, rows may as well be of another.
KEEP = 0.8


class ClassTransport:
    """Moves styles from the Gaussian of their class to that of another.

    The optimal transport from N(μ, S) to N(ν, T) is linear,

        z -> ν + S^-½ (S^½ T S^½)^½ S^-½ (z - μ),

    which leaves z - μ as it is where all classes have the same Gaussian. Of it 0.8 are
    kept, so that the row is clearly of the other class. Covariances are shrunk towards
    that within classes, those of rare classes more.

    Parameters
    ----------
    styles : ndarray of shape (N, k)
        Of training rows.

    classes : ndarray of shape (N,)
        Their class numbers; those below 0 do not count.

    weight : ndarray of shape (N,)
        Of the rows.

    n_classes : int
        Number of classes m.
    """

    def __init__(self, styles, classes, weight, n_classes: int):
        k = styles.shape[1]
        known = classes >= 0
        counts = np.bincount(classes[known], minlength=n_classes)
        self.mass = np.bincount(classes[known], weight[known], n_classes)
        self.means = np.tile(np.average(styles, 0, weight), (n_classes, 1))
        within = np.cov(styles.T, aweights=weight, bias=True).reshape(k, k)
        own = np.tile(within, (n_classes, 1, 1))
        for c in np.flatnonzero(counts):
            part, w = styles[classes == c], weight[classes == c]
            self.means[c] = np.average(part, 0, w)
            own[c] = np.cov(part.T, aweights=w, bias=True).reshape(k, k)
        if not known.any():  # nothing tells classes apart
            self.mass = np.ones(n_classes)
        within = np.average(own, 0, self.mass)
        ridge = RIDGE * max(np.trace(within) / k, 1e-12) * np.eye(k)
        share = (counts / (counts + k + 1.0))[:, None, None]
        self.covariances = share * own + (1 - share) * within + ridge

    def log_prob(self, styles: np.ndarray) -> np.ndarray:
        """Return log p(class, style) by the Gaussians, but for a constant, (n, m)."""
        log_p = np.empty((len(styles), len(self.mass)))
        for c, (mean, S) in enumerate(zip(self.means, self.covariances, strict=True)):
            centred = styles - mean
            squares = (centred * np.linalg.solve(S, centred.T).T).sum(1)
            log_p[:, c] = -0.5 * (squares + np.linalg.slogdet(S)[1])
        with np.errstate(divide="ignore"):
            return log_p + np.log(self.mass)

    def move(self, styles: np.ndarray, p: np.ndarray, to: np.ndarray) -> np.ndarray:
        """Return styles of other classes.

        Parameters
        ----------
        styles : ndarray of shape (n, k)
            Styles.

        p : ndarray of shape (n, m)
            Probabilities of the classes that they are of: a style moves by the mean.

        to : ndarray of shape (n,)
            Class numbers that they are to be of; they stay below 0.
        """
        moved = np.where((to < 0)[:, None], styles, 0.0)
        for target in np.unique(to[to >= 0]):
            at = np.flatnonzero(to == target)
            for c in np.flatnonzero(p[at].any(0)):
                there = (styles[at] - self.means[c]) @ _optimal(
                    self.covariances[c], self.covariances[target]
                )
                kept = 1.0 if c == target else KEEP
                moved[at] += p[at, c, None] * (self.means[target] + kept * there)
        return moved


def _optimal(S: np.ndarray, T: np.ndarray) -> np.ndarray:
    """Return the matrix of the optimal transport between centred Gaussians."""
    root, inverse = _power(S, 0.5), _power(S, -0.5)
    return inverse @ _power(root @ T @ root, 0.5) @ inverse


def _power(S: np.ndarray, exponent: float) -> np.ndarray:
    """Return a power of a symmetric positive matrix."""
    values, vectors = np.linalg.eigh(S)
    powers = np.maximum(values, np.finfo(float).tiny) ** exponent
    return (vectors * powers) @ vectors.T
