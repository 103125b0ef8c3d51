"""Tables at the door: rows and codes that users pass, and the tables they get back."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import get_tags
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from sklearn_aae.tabular import (
    SparseTable,
    TableColumns,
    as_table,
    check_finite,
    check_plain,
    float_dtypes,
    mask_rare_categories,
    needs_column_reader,
    warn_about_text_columns,
)

# What those need to know who pass pictures as such.
PICTURES = (
    "Pictures need image_shape=(height, width), or (height, width, channels), of the "
    "estimator."
)


@contextmanager
def said_of(name: str) -> Iterator[None]:
    """Begin errors about rows with the argument that they are in, unless that is X."""
    try:
        yield
    except ValueError as error:
        if name == "X":
            raise
        raise ValueError(f"{name}: {error}") from error


def read_table(
    owner, X, columns: TableColumns | None, **options
) -> tuple[np.ndarray | SparseTable, TableColumns]:
    """Return the rows of a table as floats, or raise an error that names the column.

    Parameters
    ----------
    owner : BaseModel
        Whose parameters and tags count. It learns the names of the columns if `columns`
        is None, else they are compared.

    X : {array-like, DataFrame, torch.Tensor} of shape (n_samples, n_features)
        Rows.

    columns : TableColumns or None
        What the columns hold, if that is known.

    **options : dict
        Of `sklearn.utils.check_array`.
    """
    X, new = as_table(X), columns is None
    tags = get_tags(owner).input_tags
    if new:
        rules = owner.categorical_features, owner.count_features
        plain = TableColumns.is_numeric_array(X, *rules)
        columns = None if plain else TableColumns.learn(X, *rules)
    table: dict = {"dtype": float_dtypes(X), "ensure_all_finite": False, **options}
    table["accept_sparse"] = "csr" if tags.sparse else False
    read_here = needs_column_reader(X, takes_sparse=tags.sparse)
    if columns is not None and (columns.typed or read_here):
        validate_data(owner, X, reset=new, skip_check_array=True)
        rows = check_array(columns.encode(X), estimator=owner, **table)
    else:
        rows = _read_numbers(owner, X, reset=new, **table)
    rows = SparseTable(rows) if issparse(rows) else rows
    columns = columns or TableColumns.all_numeric(rows.shape[1])
    names = [column.name for column in columns.columns]
    check_finite(rows, names)
    if not tags.allow_nan:
        pictures = owner.image_shape is not None
        check_plain(
            rows, columns.discrete, names, type(owner).__name__, pictures=pictures
        )
    if new:
        warn_about_text_columns(columns, X, rows, owner.categorical_features)
    return rows, columns


def _read_numbers(owner, X, *, reset: bool, **options):
    """Return rows of numbers; explain what holds something else."""
    try:
        return validate_data(owner, X, reset=reset, **options)
    except (TypeError, ValueError) as error:
        if str(error).startswith("Found array with dim"):
            raise ValueError(f"{error} {PICTURES}") from error
        if "could not convert string" not in str(error):
            raise
        raise ValueError(
            f"X is no frame, and holds text: {error}. Pass a frame, whose text is taken"
            " as categories, or name the columns of text in categorical_features."
        ) from error
    except OverflowError as error:
        raise ValueError(
            "X holds a whole number beyond 1.8e308, the largest of float64. Pass its "
            "logarithm, or NaN where it is unknown."
        ) from error


def read_new_rows(estimator, X) -> np.ndarray | SparseTable:
    """Return valid rows to answer about; categories that are new are missing."""
    check_is_fitted(estimator)
    columns, images = estimator.columns_, estimator._data.images
    X = X if images is None else images.read(X)
    return mask_rare_categories(columns, read_table(estimator, X, columns)[0])


def read_codes(estimator, Z) -> np.ndarray:
    """Return valid codes."""
    check_is_fitted(estimator)
    Z = as_table(Z, "Z")
    try:
        Z = check_array(Z, dtype=float_dtypes(Z), input_name="Z")
    except ValueError as error:
        if "could not convert string" not in str(error):
            raise
        raise ValueError(
            f"Z holds text, and codes are numbers: {error}. Pass what transform "
            "returns."
        ) from error
    width = estimator._n_features_out
    if Z.shape[1] != width:
        n_components = estimator.encoder_.n_components
        raise ValueError(
            f"Z has {Z.shape[1]} columns, but the codes of {type(estimator).__name__} "
            f"have {width}: n_components={n_components}. Pass what transform "
            "returns."
        )
    return Z


def as_output(
    estimator, rows: np.ndarray, dtype=np.float64, like=None, *, of_codes: bool = False
):
    """Return decoded rows as a table like the training table.

    Parameters
    ----------
    estimator : BaseModel
        Fitted.

    rows : ndarray of shape (n_samples, n_features)
        Decoded rows.

    dtype : dtype, default=float64
        Of numbers that come back in an array.

    like : {array-like, DataFrame}, default=None
        What was asked about: its row labels come back, and pictures as they were.

    of_codes : bool, default=False
        Whether `like` holds codes: pictures come back like the training pictures.
    """
    like = None if like is None else as_table(like)
    table = estimator.columns_.decode(rows, estimator.clip, like)
    images = estimator._data.images
    if images is not None:
        return images.restore(images.decode(table, dtype), None if of_codes else like)
    numbers = isinstance(table, np.ndarray) and table.dtype != object
    return table.astype(dtype, copy=False) if numbers else table
