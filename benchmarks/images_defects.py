"""Defects of pictures, 5 x 5 pixels, and where they are."""

import numpy as np

SIZE = 5
# Pixels that changed by more are the truth.
CHANGED = 0.1


def damaged(pictures, others, seed):
    """Return pictures with a defect each, and masks of what changed.

    In turn a square of one grey level, a scratch that is a pixel wide, an inverted
    patch and a patch of another picture, anywhere.

    Parameters
    ----------
    pictures, others : ndarray of shape (n, height, width)
        Pixels in [0, 1]; `others` lend patches.

    seed : int
        Of places and kinds.
    """
    rng, found = np.random.RandomState(seed), pictures.copy()
    height, width = pictures.shape[1:]
    for i, picture in enumerate(found):
        row = rng.randint(height - SIZE + 1)
        column = rng.randint(width - SIZE + 1)
        patch = picture[row : row + SIZE, column : column + SIZE]
        if i % 4 == 0:
            patch[:] = rng.uniform()
        elif i % 4 == 1:
            patch[scratch(rng.uniform(0, np.pi))] = rng.randint(2)
        elif i % 4 == 2:
            patch[:] = 1 - patch
        else:
            other = others[rng.randint(len(others))]
            row, column = rng.randint(height - SIZE + 1), rng.randint(width - SIZE + 1)
            patch[:] = other[row : row + SIZE, column : column + SIZE]
    return found, np.abs(found - pictures) > CHANGED


def scratch(angle):
    """Return rows and columns of a line through the middle of a patch."""
    middle = (SIZE - 1) / 2
    steps = np.linspace(-middle, middle, 4 * SIZE)
    places = middle + np.outer([np.sin(angle), np.cos(angle)], steps)
    return tuple(places.round().astype(int))
