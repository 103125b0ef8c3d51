"""Checks of the estimators and shapes that displays are given."""

import math
from numbers import Integral
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_is_fitted

from sklearn_aae.tabular import as_table
from sklearn_aae.utils._compat import safe_indexing


def check_estimator(display: str, estimator, *needs: str) -> None:
    """Check that an estimator is fitted and has what a display needs.

    Raises
    ------
    NotFittedError
        If it is not fitted.

    TypeError
        If it lacks an attribute.
    """
    check_is_fitted(estimator)
    lacks = [name for name in needs if not hasattr(estimator, name)]
    if lacks:
        raise TypeError(
            f"{display} needs an estimator with {' and '.join(needs)}. "
            f"{type(estimator).__name__} has no {' and no '.join(lacks)}."
            f"{_inner(estimator)}"
        )


def _inner(estimator) -> str:
    """Return how to pass the autoencoder inside of a pipeline or a search."""
    if hasattr(estimator, "steps"):
        step = " Pass the step that is the autoencoder, such as pipeline[-1]"
        if len(estimator.steps) == 1:
            return f"{step}."
        return (
            f"{step}, and rows as the steps before it make them: "
            "pipeline[:-1].transform(X)."
        )
    if hasattr(estimator, "best_estimator_"):
        return " Pass its best_estimator_."
    return ""


def check_count(name: str, value, at_least: int = 1) -> None:
    """Raise ValueError if a parameter is no whole number of some size."""
    if not isinstance(value, Integral) or value < at_least:
        raise ValueError(
            f"{name} must be a whole number of at least {at_least}. Got {value!r}."
        )


def take_rows(X, which) -> Any:
    """Return some rows of what was passed as rows.

    Parameters
    ----------
    X : {array-like, sparse matrix, DataFrame, torch.Tensor} of shape (n_samples, ...)
        Rows.

    which : slice or ndarray of int
        Of the rows.

    Raises
    ------
    ValueError
        If there is none.
    """
    X = as_table(X)
    X = X.tocsr() if issparse(X) else X  # not every kind of sparse matrix has rows
    rows = safe_indexing(X, which)
    if not (rows.shape[0] if hasattr(rows, "shape") else len(rows)):
        raise ValueError("X has no rows to draw.")
    return rows


def check_plane(
    display: str, estimator, n_columns: int, allowed=(2,), otherwise: str = ""
) -> None:
    """Raise ValueError if a code does not have two columns, or as many as allowed.

    The error names, beside the parameters to fit with, what else to pass.
    """
    if n_columns in allowed:
        return
    *most, last = map(str, allowed)
    sizes = f"{', '.join(most)} or {last}" if most else last
    # Only what is not so yet: heads take the label's columns out of the code.
    wanted = []
    if getattr(estimator, "n_components", None) not in allowed:
        wanted.append("n_components=2")
    if not getattr(estimator, "class_heads", True):
        wanted.append("class_heads=True")
    raise ValueError(
        f"{display} draws codes of {sizes} columns, but those of "
        f"{type(estimator).__name__} have {n_columns}. Fit it with "
        f"{' and '.join(wanted) or 'n_components=2'}"
        f"{', or pass ' if otherwise else ''}{otherwise}."
    )


def check_image_shape(image_shape, n_columns: int) -> tuple[int, ...]:
    """Return (height, width) or (height, width, channels) of rows drawn as images.

    Raises
    ------
    ValueError
        If it is no such shape, or has not `n_columns` pixels.
    """
    shape = tuple(image_shape) if np.iterable(image_shape) else (image_shape,)
    if len(shape) not in (2, 3) or not all(
        isinstance(size, (int, np.integer)) and size > 0 for size in shape
    ):
        raise ValueError(
            "image_shape must be (height, width) or (height, width, channels). Got "
            f"{image_shape!r} instead."
        )
    if math.prod(shape) != n_columns:
        raise ValueError(
            f"image_shape={shape} makes {math.prod(shape)} columns, but the rows have "
            f"{n_columns}. Their product must be the number of columns."
        )
    return shape


def picture_shape(image_shape, estimator, of_tables: str):
    """Return the shape of pictures: the one given, or else that of the estimator.

    Parameters
    ----------
    image_shape : tuple of int or None
        With channels last, if there are some.

    estimator : object
        May have an ``image_shape``.

    of_tables : str
        What to do with rows that are no pictures, as a sentence.

    Raises
    ------
    ValueError
        If the shape is not known.
    """
    if image_shape is None:
        image_shape = getattr(estimator, "image_shape", None)
    if image_shape is None:
        raise ValueError(
            f"{type(estimator).__name__} was not fitted on pictures, so their shape is "
            f"not known. Pass image_shape=(height, width), or fit with it. {of_tables}"
        )
    return image_shape


def as_pictures(rows, image_shape) -> np.ndarray:
    """Return rows, flat or pictures already, as pictures: (n_images, height, width).

    Parameters
    ----------
    rows : {array-like, sparse matrix, DataFrame} of shape (n_images, ...)
        Of as many pixels as the shape has.

    image_shape : tuple of int
        With channels last, if there are some.

    Raises
    ------
    ValueError
        If the shape is no shape, or does not fit.
    """
    pixels = rows.toarray() if issparse(rows) else np.asarray(rows)
    if pixels.shape == tuple(np.atleast_1d(image_shape)):
        raise ValueError(f"X has shape {pixels.shape}: one picture. Pass X[None].")
    pixels = pixels.reshape(len(pixels), -1)
    return pixels.reshape(-1, *check_image_shape(image_shape, pixels.shape[1]))
