"""Features of pictures to compare them by: those of a small classifier."""

from collections.abc import Sequence
from numbers import Integral

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_consistent_length, column_or_1d
from torch import Tensor, nn
from torch.nn import functional as F

from sklearn_aae.metrics._checks import check_parameter
from sklearn_aae.nn import MIN_SIZE, Block, ConvEncoder, ImageLayers, Linear
from sklearn_aae.utils._compat import Interval
from sklearn_aae.utils._modes import plain_torch
from sklearn_aae.utils._random import draw_seeds, seeded_scope
from sklearn_aae.utils._typing import RandomState, TableLike

CHANNELS = (16, 32, 64)
BATCH_SIZE, LEARNING_RATE = 128, 2e-3
# Steps, and epochs at least, by default.
N_STEPS, MIN_EPOCHS = 500, 3
# Pictures that pass through the network at once.
CHUNK = 1024
POSITIVE_INT = Interval(Integral, 1, None, closed="left")


class ImageEmbedding:
    """A classifier of pictures, and what it sees in them.

    Made by `fit_image_embedding`. Called with pictures, it returns their features: the
    units before its last layer. As a classifier it serves `inception_score`.

    Parameters
    ----------
    network : nn.Sequential
        From flat pictures to features, and to the logits of the classes.

    image_shape : tuple of int
        Of a picture, channels last.

    classes : ndarray of shape (n_classes,)
        The labels.

    eight_bit : bool
        Whether pixels are `uint8`, not numbers in [0, 1].

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_aae.metrics import fit_image_embedding
    >>> X, y = load_digits().images[:300] / 16, load_digits().target[:300]
    >>> embedding = fit_image_embedding(X, y, n_features=8, max_iter=1, random_state=0)
    >>> embedding(X[:5]).shape  # features
    (5, 8)
    >>> embedding.predict_proba(X[:5]).shape  # one column for each label
    (5, 10)
    """

    def __init__(
        self,
        network: nn.Sequential,
        image_shape: tuple[int, ...],
        classes: np.ndarray,
        eight_bit: bool,
    ):
        self.network, self.image_shape = network, image_shape
        self.classes_, self.eight_bit = classes, eight_bit

    def __call__(self, X: TableLike) -> np.ndarray:
        """Return features of pictures, (n_samples, n_features), float64."""
        return self._ask(self.network[0], X)

    def predict_proba(self, X: TableLike) -> np.ndarray:
        """Return the probabilities of the classes, (n_samples, n_classes), float64.

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width[, channels]) or \
                (n_samples, n_pixels)
            Pictures.

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes), float64
            Rows sum to 1.
        """
        return self._ask(lambda x: self.network(x).double().softmax(-1), X)

    def predict(self, X: TableLike) -> np.ndarray:
        """Return the most likely class of each picture, (n_samples,).

        Parameters
        ----------
        X : array-like of shape (n_samples, height, width[, channels]) or \
                (n_samples, n_pixels)
            Pictures.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Of `classes_`.
        """
        return self.classes_[self.predict_proba(X).argmax(1)]

    @plain_torch()
    def _ask(self, answer, X) -> np.ndarray:
        rows = _flat(X, self.image_shape, self.eight_bit)
        parts = [rows[i : i + CHUNK] for i in range(0, len(rows), CHUNK)]
        with torch.inference_mode():
            found = [answer(_tensor(part)).double().numpy() for part in parts]
        return np.concatenate(found)


@plain_torch()
def fit_image_embedding(
    X: ArrayLike,
    y: ArrayLike,
    *,
    image_shape: Sequence[int] | None = None,
    n_features: int = 64,
    max_iter: int | str = "auto",
    random_state: RandomState = None,
) -> ImageEmbedding:
    """Train a small convolutional classifier, to compare pictures by its features.

    A Fréchet distance of pixels says little of pictures, and the Inception network of
    the "FID" knows photographs. The features of a classifier of the pictures at hand
    tell what makes their classes, and generated ones from real ones. Distances are
    comparable by one embedding only.

    Parameters
    ----------
    X : array-like of shape (n_samples, height, width[, channels]) or \
            (n_samples, n_pixels)
        Training pictures, `uint8` or in [0, 1]; others than those that are compared.

    y : array-like of shape (n_samples,)
        Their labels.

    image_shape : tuple of int, default=None
        Of a picture, channels last, where X has flat rows.

    n_features : int, default=64
        Number of features.

    max_iter : int or "auto", default="auto"
        Number of epochs. "auto" is as many as make 500 steps, at least 3.

    random_state : int, RandomState or None, default=None
        Of the weights and the order of the rows.

    Returns
    -------
    embedding : ImageEmbedding
        For `frechet_distance`, `precision_recall` and `density_coverage`
        (``embedding=``), and for `inception_score` (``classifier=``).

    Raises
    ------
    ValueError
        If X holds no pictures of at least 8 x 8 pixels in that range, or y has one
        label only.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_aae.metrics import fit_image_embedding, frechet_distance
    >>> X, y = load_digits().images / 16, load_digits().target
    >>> embedding = fit_image_embedding(X[:1000], y[:1000], max_iter=5, random_state=0)
    >>> half = X[1000:1400], X[1400:1797]
    >>> near = frechet_distance(*half, embedding=embedding)
    >>> near < frechet_distance(half[0], 1 - half[1], embedding=embedding)
    True
    """
    name = "fit_image_embedding"
    check_parameter(name, "n_features", n_features, POSITIVE_INT)
    if max_iter != "auto":
        check_parameter(name, "max_iter", max_iter, POSITIVE_INT)
    pictures = np.asarray(X)
    shape = _shape_of(pictures, image_shape)
    eight_bit = pictures.dtype == np.uint8
    rows = _flat(pictures, shape, eight_bit)
    y = column_or_1d(y)
    check_consistent_length(rows, y)
    classes, labels = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"{name} needs two labels in y at least. Got {classes}.")
    seed = draw_seeds(random_state, 1)[0]
    with seeded_scope(seed):
        network = _network(shape, n_features, len(classes))
        n_batches = max(len(rows) // BATCH_SIZE, 1)
        if isinstance(max_iter, str):
            max_iter = max(-(-N_STEPS // n_batches), MIN_EPOCHS)
        _train(network, rows, torch.from_numpy(labels), max_iter, n_batches)
    network.eval().requires_grad_(False)
    return ImageEmbedding(network, shape, classes, bool(eight_bit))


def _network(shape: tuple[int, ...], n_features: int, n_classes: int) -> nn.Sequential:
    """Return convolutions, a layer of features, and the logits of the classes."""
    height, width, *channels = shape
    n_layers = min(len(CHANNELS), min(height, width).bit_length() - 1)
    n_channels = channels[0] if channels else 1
    images = ImageLayers((height, width, n_channels), CHANNELS[:n_layers])
    body = ConvEncoder(images, normalization="batch")
    features = Block(body.n_out, n_features, normalization="batch", activation="relu")
    return nn.Sequential(
        nn.Sequential(body, features),
        Linear(n_features, n_classes),
    )


def _train(
    network: nn.Module, rows: np.ndarray, labels: Tensor, n_epochs: int, n_batches: int
) -> None:
    """Minimise the cross-entropy by Adam, on a schedule to 0."""
    optimizer = torch.optim.Adam(network.parameters(), LEARNING_RATE)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, n_epochs * n_batches)
    for _ in range(n_epochs):
        for at in torch.randperm(len(rows)).tensor_split(n_batches):
            loss = F.cross_entropy(network(_tensor(rows[at.numpy()])), labels[at])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            decay.step()


def _tensor(rows: np.ndarray) -> Tensor:
    """Return pixels in [0, 1], float32."""
    unit = 255 if rows.dtype == np.uint8 else 1
    # A copy in the order of this machine's bytes, that torch may write to.
    return torch.from_numpy(rows.astype(np.float32)) / unit


def _shape_of(pictures: np.ndarray, image_shape) -> tuple[int, ...]:
    """Return the shape of a picture; raise ValueError if it is none."""
    asked = pictures.shape[1:] if image_shape is None else image_shape
    shape = tuple(asked) if np.ndim(asked) == 1 else (asked,)
    if (
        len(shape) not in (2, 3)
        or not all(isinstance(n, Integral) and int(n) > 0 for n in shape)
        or min(shape[:2]) < MIN_SIZE
    ):
        raise ValueError(
            "fit_image_embedding needs pictures of at least 8 x 8 pixels, of shape "
            "(n_samples, height, width) or with channels last: a picture of X has "
            f"shape {asked}. Pass image_shape=(height, width) with flat rows."
        )
    return tuple(int(n) for n in shape)


def _flat(X, shape: tuple[int, ...], eight_bit: bool) -> np.ndarray:
    """Return pictures as flat rows; raise ValueError if they are not as in training."""
    pictures, n = np.asarray(X), int(np.prod(shape))
    if pictures.shape[1:] not in (shape, (n,)):
        raise ValueError(
            f"Pictures must have shape {('n_samples', *shape)}, or be flat rows. Got "
            f"{pictures.shape}."
        )
    if not len(pictures):
        raise ValueError("There are no pictures in X: pass one at least.")
    if eight_bit != (pictures.dtype == np.uint8):
        kind = "uint8" if eight_bit else "numbers in [0, 1]"
        raise ValueError(
            f"Pictures must be {kind}, as those that the embedding was trained on. Got "
            f"{pictures.dtype}."
        )
    numbers = pictures.dtype.kind in "biuf" and np.isfinite(pictures).all()
    if not numbers or (
        not eight_bit and (np.min(pictures) < -0.5 or np.max(pictures) > 1.5)
    ):
        raise ValueError(
            "Pixels must be uint8 or numbers in [0, 1]: divide by a number."
        )
    return pictures.reshape(len(pictures), n)
