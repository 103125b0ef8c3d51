"""`save` and `load`: one file for an estimator, or for a pipeline that holds one."""

import contextlib
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning

from sklearn_aae.estimators import BaseModel
from sklearn_aae.persistence import _pipelines
from sklearn_aae.persistence._classes import Allowed
from sklearn_aae.persistence._decode import Decoder
from sklearn_aae.persistence._encode import Encoder
from sklearn_aae.persistence._pipelines import OBJECTS, SKOPS
from sklearn_aae.persistence._versions import (
    FORMAT,
    VERSIONS,
    check_versions,
    warn_of_scikit_learn,
)
from sklearn_aae.utils._container import (
    RefusedFileError,
    StoredArrays,
    read,
    replacing,
    write,
)


def save(estimator: BaseEstimator, path: str | os.PathLike[str]) -> None:
    """Save an estimator as one file, which `load` reads without running code of it.

    The file is one of safetensors: the arrays of the fitted state, a manifest in JSON
    (class, parameters, classes, columns, versions) and a hash of it all. It is written
    beside `path` and moved there when it is complete: `path` holds a whole file at any
    moment, the old or the new one.

    Parameters
    ----------
    estimator : estimator
        One of this library, or a pipeline, a search or another estimator of
        scikit-learn that may hold some: this goes through skops
        (``pip install "sklearn-aae[skops]"``).

    path : str or path-like
        Where the file is written: whole or not at all. A file that is there is
        replaced, also a read-only one, and its mode is kept; a link is followed.

    Raises
    ------
    TypeError
        If a parameter or attribute is of a type that files cannot hold, or cannot be
        found again by its name, such as a lambda: the message names it.

    ValueError
        If `path` is a folder or no regular file, or in no folder that exists.

    Warns
    -----
    UserWarning
        If a pipeline or search holds types that `load` does not trust unasked, such as
        trees: the message has the list to pass.

    See Also
    --------
    load : Load an estimator.

    References
    ----------
    .. [1] The format of safetensors,
       https://huggingface.co/docs/safetensors/index#format

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AAETransformer
    >>> from sklearn_aae.persistence import load, save
    >>> X, _ = load_iris(return_X_y=True)
    >>> aae = AAETransformer(max_iter=2, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(aae, f"{folder}/model.aae")
    ...     loaded = load(f"{folder}/model.aae")
    >>> bool((loaded.transform(X) == aae.transform(X)).all())
    True
    """
    if not isinstance(estimator, BaseEstimator):
        raise TypeError(
            f"save takes estimators, and got {type(estimator).__name__}. A class is "
            "saved once there is an object of it."
        )
    path = Path(path)
    place = Path(os.path.realpath(path))  # a link is followed
    other = place.exists() and not place.is_file()  # a folder, a device
    if other or not place.parent.is_dir():
        raise ValueError(
            f"path={str(path)!r} is no place for a file. Name a file in a folder that "
            "exists."
        )
    manifest: dict[str, Any] = {"format": FORMAT, "versions": VERSIONS}
    foreign: list[str] = []
    if isinstance(estimator, BaseModel):
        encoder = Encoder()
        manifest["estimator"], arrays = encoder.encode(estimator), encoder.arrays
    else:
        dumped = _pipelines.dump(estimator)
        manifest |= dumped.manifest
        arrays, foreign = dumped.arrays, dumped.foreign
    with replacing(path) as file:
        write(file, manifest, arrays)
    if foreign:  # said when the file is there, also where warnings are errors
        names = ", ".join(foreign)
        warnings.warn(
            f"{os.fspath(path)} holds {names}, which load does not trust unasked. It "
            f"will want load(path, trusted=[{names}]).",
            stacklevel=2,
        )


def load(path: str | os.PathLike[str], *, trusted: Iterable = ()) -> Any:
    """Load an estimator that `save` has saved.

    The whole file is checked before anything of it is built: its hash, its form, and
    that it names no class but those of this library, of torch's layers and
    distributions, and of `trusted`. Nothing is imported by a name in the file.

    A hash tells damage, not forgery. A forged file cannot run code by being loaded, but
    it can hold a model that answers wrongly.

    Parameters
    ----------
    path : str or path-like
        The file.

    trusted : iterable of classes and functions, default=()
        Your own ones that the estimator holds: modules passed as `encoder` or
        `decoder`, functions as `prior`, callbacks, subclasses of estimators. Of a
        pipeline or search also names, as skops has them, of types of other libraries,
        and of trees: `save` lists them in a warning.

    Returns
    -------
    estimator : estimator
        As it was saved; on the CPU, if its device is not there.

    Raises
    ------
    RefusedFileError
        If the file is damaged, was changed, is of a newer version, or holds what is not
        trusted.

    FileNotFoundError
        If there is no such file.

    Warns
    -----
    InconsistentVersionWarning
        If another minor version of scikit-learn saved it.

    See Also
    --------
    save : Save an estimator.

    Examples
    --------
    A file names no class or function that is not trusted: pass those of your own.

    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AAETransformer
    >>> from sklearn_aae.persistence import load, save
    >>> def square(n_samples, random_state):
    ...     return random_state.uniform(-1, 1, (n_samples, 2))
    >>> X, _ = load_iris(return_X_y=True)
    >>> aae = AAETransformer(prior=square, max_iter=1, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(aae, f"{folder}/model.aae")
    ...     loaded = load(f"{folder}/model.aae", trusted=[square])
    >>> loaded.prior is square, bool((loaded.transform(X) == aae.transform(X)).all())
    (True, True)
    """
    trusted = list(trusted)
    with open(path, "rb") as file:
        try:
            return _load(file, trusted)
        except RefusedFileError as error:
            raise RefusedFileError(f"{os.fspath(path)} is not loaded. {error}") from (
                error.__cause__
            )


def _load(file: BinaryIO, trusted: list):
    """Check and build what a file holds."""
    manifest, arrays, size = read(file)
    check_versions(manifest)
    content = set(manifest) - {"format", "versions"}
    if content in ({SKOPS}, {SKOPS, OBJECTS}):
        return _load_by_skops(manifest, arrays, trusted, size)
    if content != {"estimator"}:
        raise RefusedFileError(f"Its manifest has unknown parts: {sorted(content)}.")
    node, decoder = manifest["estimator"], Decoder(arrays, Allowed(trusted), size)
    _check(decoder, node)
    decoder.check_all_used()
    warn_of_scikit_learn(manifest["versions"])
    with _building():
        estimator = decoder.build(node)
    if not isinstance(estimator, BaseModel):
        raise RefusedFileError("It holds no estimator.")
    return estimator


def _check(decoder: Decoder, node: Any) -> None:
    """Check what a file holds, before any of it is built."""
    try:
        decoder.check(node)
    except RecursionError:
        raise RefusedFileError("Its content is nested too deeply.") from None


def _load_by_skops(manifest: dict, arrays: StoredArrays, trusted: list, size: int):
    """Check and build an estimator of scikit-learn."""
    if manifest[SKOPS] != SKOPS or SKOPS not in arrays:
        raise RefusedFileError("It has no bytes of skops.")
    # Names, which skops has for classes, are no classes to make an object of torch of.
    allowed = Allowed(one for one in trusted if not isinstance(one, str))
    node, decoder = manifest.get(OBJECTS, []), Decoder(arrays, allowed, size)
    _check(decoder, node)
    decoder.check_all_used(but=SKOPS)
    blob = arrays[SKOPS].tobytes()
    known = _pipelines.check_types(blob, trusted)
    warn_of_scikit_learn(manifest["versions"])
    with _building():
        return _pipelines.restore(blob, known, decoder.build(node))


@contextlib.contextmanager
def _building() -> Iterator[None]:
    """Refuse a file of which parts do not fit together."""
    try:
        with warnings.catch_warnings():
            # Of each scaler; it was said once.
            warnings.simplefilter("ignore", InconsistentVersionWarning)
            yield
    except RefusedFileError:
        raise
    except Exception as error:
        raise RefusedFileError(
            f"What it holds does not fit together: {type(error).__name__}: {error}"
        ) from error
