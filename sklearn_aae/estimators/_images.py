"""Pictures at the door: as rows of their cells, and as pictures again.

Letters: n pictures, h height, w width, c channels. Inside, a picture is a row of h w c
cells in C order, channels last.
"""

import math
import warnings
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any

import numpy as np
from scipy.sparse import issparse

from sklearn_aae.estimators._interrupts import depth_of_caller
from sklearn_aae.nn import MIN_SIZE, ImageLayers
from sklearn_aae.tabular import as_table, is_frame
from sklearn_aae.utils._compat import InvalidParameterError

# Channels of the first layer, and of later ones at most, by default.
FIRST_CHANNELS, MOST_CHANNELS = 16, 128
# Layers halve pictures down to so many cells, in two layers at least.
MIN_MAP, MIN_LAYERS = 3, 2
# Largest value of 8-bit pixels, and what rounding may add to a range of [0, 1].
EIGHT_BIT, SLACK = 255, 1e-6
# Pictures that use a smaller share of the range of pixels are pale: their differences
# are small beside what networks of pixels in [0, 1] tell apart.
PALE = 0.25
# Pixels of new pictures are taken to be of other units beyond so many ranges.
FAR = 10.0
# Most channels that a picture has, where a shape may be channels first by mistake.
MAX_COLOURS = 4
# What pictures have no use for, by the value that leaves it open.
UNUSED = {"categorical_features": ("from_dtype",), "count_features": (None,)}


@dataclass(frozen=True)
class Images:
    """How pictures come in, and go out again.

    Attributes
    ----------
    image_shape : tuple of int
        Of a picture, as the user says it: (h, w) or (h, w, c).

    eight_bit : bool or None
        Whether pixels are `uint8`, not numbers in [0, 1]; None before the fit.

    given : tuple of int or None
        Shape of a training picture: `image_shape`, or (h w c,) of flat rows.
    """

    image_shape: tuple[int, ...]
    eight_bit: bool | None = None
    given: tuple[int, ...] | None = None

    @classmethod
    def of(cls, estimator) -> "Images | None":
        """Return what an estimator's parameters say of pictures; None for tables.

        Raises
        ------
        InvalidParameterError
            If it is no shape of pictures, or another parameter is of no use to them.
        """
        if estimator.image_shape is None:
            return None
        images, owner = cls(_checked_shape(estimator)), type(estimator).__name__
        for name, unused in UNUSED.items():
            value = getattr(estimator, name)
            if not (value is None or (isinstance(value, str) and value in unused)):
                raise InvalidParameterError(
                    f"{name}={value!r} is of no use with image_shape: all columns of "
                    f"pictures are pixels. Leave it at {unused[0]!r}."
                )
        usual = type(estimator).__dataclass_fields__["scale"].default
        if estimator.scale not in (usual, None):
            raise InvalidParameterError(
                f"scale={estimator.scale!r} is of no use with image_shape: the pixels "
                f"of {owner} are scaled to [0, 1], all alike. Leave it at {usual!r}."
            )
        return images

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        height, width, *channels = self.image_shape
        return height, width, channels[0] if channels else 1

    @property
    def n_cells(self) -> int:
        """Number of cells of a picture."""
        return math.prod(self.image_shape)

    @property
    def span(self) -> tuple[float, float]:
        """Range of the pixels."""
        return 0.0, float(EIGHT_BIT if self.eight_bit else 1)

    def learn(self, X) -> tuple["Images", Any]:
        """Return what training pictures are like, and their rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame}
            Of shape (n, h, w[, c]) or (n, h w c).

        Raises
        ------
        ValueError
            If they are of another shape, or pixels of another kind or range.
        """
        passed, X = X, _as_pixels(X)
        rows = self.flat(X)
        if len(np.shape(rows)) == 2 and np.shape(rows)[1] != self.n_cells:
            raise ValueError(
                f"X has {np.shape(rows)[1]} columns, and image_shape="
                f"{self.image_shape} needs {self.n_cells}. Set image_shape to the "
                "height and width of your pictures, or pass them as an array of shape "
                f"{self._shape_of_many}."
            )
        eight_bit = _dtype(X) == np.uint8
        _check_training_pixels(X, eight_bit)
        given = np.shape(X)[1:]
        learned = replace(self, eight_bit=bool(eight_bit), given=tuple(given))
        learned._warn_of_pale(X, passed)
        return learned, rows

    def read(self, X, *, training: bool = False) -> Any:
        """Return the rows of pictures that are like the training pictures.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame}
            Of shape (n, h, w[, c]) or (n, h w c).

        training : bool, default=False
            Whether a training goes on with them, or is measured by them: they then keep
            to the range, as those that it began with.

        Raises
        ------
        ValueError
            If they are of another shape, or pixels of another kind or range.
        """
        X = _as_pixels(X)
        self._check_new_pixels(X)
        if training:
            eight_bit = _dtype(X) == np.uint8
            if self.eight_bit and not eight_bit:
                raise ValueError(
                    f"X holds pixels of {_dtype(X)}, and those of the training "
                    "pictures were uint8. Pass X.round().clip(0, 255).astype('uint8')."
                )
            _check_training_pixels(X, eight_bit)
        return self.flat(X)

    def flat(self, X) -> Any:
        """Return pictures as rows of their cells.

        Raises
        ------
        ValueError
            If they are of another shape.
        """
        shape = np.shape(X)
        if len(shape) <= 1:
            return X  # scikit-learn says what is wrong
        if shape[1:] == self.image_shape:
            return np.asarray(X).reshape(len(X), self.n_cells)
        if len(shape) == 2 and shape != self.image_shape[:2]:
            return X
        raise ValueError(
            f"X has shape {tuple(shape)}, and image_shape={self.image_shape} needs "
            f"{self._shape_of_many} or flat rows, (n_samples, {self.n_cells}). "
            f"{self._advice(shape)}"
        )

    def restore(self, rows, like=None) -> Any:
        """Return rows of cells as the pictures of an array that they are like.

        Parameters
        ----------
        rows : {ndarray, DataFrame} of shape (n, h w c)
            Rows; those of a frame stay a frame.

        like : array-like, default=None
            Pictures that were passed; None for the training pictures.
        """
        if not isinstance(rows, np.ndarray):
            return rows
        given = self.given if like is None else np.shape(like)[1:]
        return rows.reshape(len(rows), *(given or ()))

    def decode(self, rows, dtype) -> Any:
        """Return decoded rows with pixels as those of the training pictures."""
        if not isinstance(rows, np.ndarray):
            return rows
        if self.eight_bit:
            return rows.round().clip(*self.span).astype(np.uint8)
        return rows.astype(dtype, copy=False)

    @property
    def _shape_of_many(self) -> str:
        return f"(n_samples, {', '.join(map(str, self.image_shape))})"

    def _advice(self, shape: tuple[int, ...]) -> str:
        """Return what to do with pictures of another shape."""
        h, w, c = self.shape
        if shape == self.image_shape:
            many = len(shape) == 3 and c > MAX_COLOURS
            other = f", or, if it is {h} pictures, image_shape={shape[1:]}"
            return f"It is one picture: pass X[None]{other if many else ''}."
        if len(shape) == 4 and shape[1:] == (c, h, w):
            return "Its channels come first: pass X.transpose(0, 2, 3, 1)."
        if shape[1:] == (h, w, 1):
            return "Pass X[..., 0], or set image_shape to three numbers."
        if shape[1:] == (h, w) and c == 1:
            return "Pass X[..., None], or set image_shape to two numbers."
        if shape[1:] == (h, w):
            return f"It has no channels, and {c} are expected: check image_shape."
        if len(shape) == 4 and len(self.image_shape) == 2 and shape[1:3] == (h, w):
            return f"It has channels: set image_shape={tuple(shape[1:])}."
        if len(shape) == 4 and shape[1:3] == (h, w):
            fewer = f"pass X[..., :{c}], or set" if shape[3] > c else "set"
            return f"It has {shape[3]} channels: {fewer} image_shape={shape[1:]}."
        if shape[1:] == (w, h) or shape[1:] == (w, h, c):
            return "Height and width are swapped: height comes first."
        return "Resize the pictures to one shape, or set image_shape to theirs."

    def _warn_of_pale(self, X, passed) -> None:
        """Warn of pictures, as they were passed, with little range of their pixels."""
        (low, high), (_, most) = _extent(X), self.span
        if 0 < high - low < PALE * most:
            pixels = "X" if hasattr(passed, "astype") else "np.asarray(X)"
            pixels = "X.toarray()" if issparse(passed) else pixels
            if hasattr(passed, "detach"):
                pixels = "X.detach().cpu().float().numpy()"
            # Not in uint8, which has no numbers below 0.
            pixels += ".astype(float)" if self.eight_bit else ""
            whole = f"(({pixels} - {low!r}) / {high - low!r}).clip(0, 1)"
            if self.eight_bit:
                whole = f"(255 * {whole}).round().astype('uint8')"
            warnings.warn(
                f"Pixels of X use [{low:.3g}, {high:.3g}] of [0, {most:.0f}]: such "
                "pale pictures are told apart badly, and defects of them are missed. "
                f"Stretch them, and new ones alike: {whole}.",
                UserWarning,
                stacklevel=depth_of_caller(),
            )

    def _check_new_pixels(self, X) -> None:
        """Raise ValueError if pixels are not of the kind of the training pictures."""
        if self.eight_bit == (_dtype(X) == np.uint8):
            if not self.eight_bit:
                low, high = _extent(X)
                if FAR < max(high, -low) < np.inf:
                    raise ValueError(
                        f"Pixels of X span [{low:.3g}, {high:.3g}], and those of the "
                        "training pictures were numbers in [0, 1]. Scale X by what "
                        f"they were scaled by, such as {_advice_on_range(low, high)}."
                    )
            return
        if not self.eight_bit:
            raise ValueError(
                "X holds uint8 pixels, and those of the training pictures were numbers "
                "in [0, 1]. Pass X / 255, or fit on uint8 pictures."
            )
        low, high = _extent(X)
        if 0 < max(high, -low) <= 1:
            unit = "255 * X" if low >= 0 else "127.5 * (X + 1)"
            raise ValueError(
                f"Pixels of X are numbers in [{0 if low >= 0 else -1}, 1], and the "
                "training pictures were uint8, from 0 to 255. Pass "
                f"({unit}).round().astype('uint8')."
            )
        if FAR * EIGHT_BIT < max(high, -low) < np.inf:
            raise ValueError(
                f"Pixels of X span [{low:.6g}, {high:.6g}], and the training pictures "
                "were uint8, from 0 to 255. Scale X to that range."
            )


def image_layers(estimator) -> ImageLayers | None:
    """Return what shapes the networks of an estimator of pictures; None for tables.

    "auto" begins with `FIRST_CHANNELS` and doubles them in each layer, while maps keep
    `MIN_MAP` cells in height and width.

    Raises
    ------
    InvalidParameterError
        If pictures cannot be halved so often.
    """
    images = Images.of(estimator)
    if images is None:
        return None
    least = min(images.shape[:2])
    most, asked = int(math.log2(least)), estimator.hidden_channels
    if isinstance(asked, str):
        n = max(MIN_LAYERS, int(math.log2(least / MIN_MAP)))
        channels = tuple(min(FIRST_CHANNELS * 2**i, MOST_CHANNELS) for i in range(n))
        return ImageLayers(images.shape, channels)
    channels = tuple(asked) if np.ndim(asked) == 1 else (asked,)
    counts = all(_is_count(n) for n in channels)
    if not channels or not counts or len(channels) > most:
        raise InvalidParameterError(
            f"hidden_channels must be one positive integer for each layer, at least "
            f"one, and at most {most} for pictures of {images.image_shape}: each layer "
            f"halves height and width. Got {asked!r} instead."
        )
    return ImageLayers(images.shape, tuple(int(n) for n in channels))


def _is_count(value) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and value > 0


def _checked_shape(estimator) -> tuple[int, ...]:
    """Return `image_shape` as a tuple of int, or raise InvalidParameterError."""
    asked = estimator.image_shape
    shape = tuple(asked) if np.ndim(asked) == 1 else (asked,)
    what = f"image_shape={asked!r}"
    if len(shape) not in (2, 3) or not all(map(_is_count, shape)):
        raise InvalidParameterError(
            f"{what} is no shape of pictures: it must be (height, width) or (height, "
            "width, channels), of positive integers."
        )
    shape = tuple(int(n) for n in shape)
    if len(shape) == 3 and shape[0] <= MAX_COLOURS < min(shape[1:]):
        raise InvalidParameterError(
            f"{what} has its channels first. They come last: image_shape="
            f"{(*shape[1:], shape[0])}, and pictures of X.transpose(0, 2, 3, 1)."
        )
    if min(shape[:2]) < MIN_SIZE:
        raise InvalidParameterError(
            f"{what} is too small: height and width must be at least {MIN_SIZE}. Pad "
            "the pictures, for example by np.pad, or leave image_shape out: rows of "
            "few pixels are a table."
        )
    return shape


def _as_pixels(X) -> Any:
    """Return pictures as an array; frames and sparse rows stay as they are."""
    X = as_table(X)
    if is_frame(X) or issparse(X):
        return X
    X = np.asarray(X)
    if X.dtype.kind in "SU":
        raise ValueError("X holds text, and pixels are numbers. Pass X.astype(float).")
    return X


def _dtype(X) -> Any:
    """Return the dtype of pixels; of a frame, that of all its columns together."""
    if is_frame(X):
        return np.asarray(X).dtype
    return X.dtype


def _cells(X) -> np.ndarray:
    if issparse(X):
        return np.append(X.data, 0)
    return np.asarray(X)


def _extent(X) -> tuple[float, float]:
    """Return the smallest and the largest pixel; zeros where there are no numbers.

    NaN where pixels are missing, which is told when the rows are read.
    """
    cells = _cells(X)
    if cells.dtype.kind not in "biuf" or not cells.size:
        return 0.0, 0.0  # scikit-learn says what is wrong
    return float(cells.min()) + 0.0, float(cells.max()) + 0.0  # -0 is 0


def _check_training_pixels(X, eight_bit: bool) -> None:
    """Raise ValueError if pixels are neither uint8 nor numbers in [0, 1]."""
    kind = _dtype(X).kind
    if eight_bit or kind not in "biuf":
        return
    low, high = _extent(X)
    if np.isnan(low) or (low >= -SLACK and high <= 1 + SLACK):
        return
    if kind in "iu" and low >= 0 and high <= EIGHT_BIT:
        advice = "X.astype('uint8') if they are from 0 to 255, else X / X.max()"
    else:
        advice = _advice_on_range(low, high)
    raise ValueError(
        f"With image_shape, pixels must be uint8 or numbers in [0, 1]: those of X are "
        f"{_dtype(X)} and span [{low:.6g}, {high:.6g}]. Pass {advice}."
    )


def _advice_on_range(low: float, high: float) -> str:
    """Return what brings pixels from a range into [0, 1]."""
    if low < 0:
        return "(X - X.min()) / (X.max() - X.min()), or leave out what centres them"
    top = EIGHT_BIT if EIGHT_BIT / 2 < high <= EIGHT_BIT else f"{high:.6g}"
    return f"X / {top}"
