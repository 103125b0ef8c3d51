"""The bytes of a file: arrays, a JSON manifest, and a hash of it all.

A file has the format of safetensors: the length of a header (8 bytes), the header
(JSON: dtype, shape and place of each array, and texts), the arrays' bytes in C order.
Among the texts are the manifest and the hash: SHA-256 of the whole file with 64 zeros
in the place of the hash, so that no byte is outside of it. A hash tells damage, not
forgery: who changes a file can make a new hash. So all that it says is checked, too.
"""

import contextlib
import glob
import hashlib
import json
import math
import os
import shutil
import socket
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np


class RefusedFileError(ValueError):
    """A file that is not loaded: damaged, changed, newer, or with content not allowed.

    Nothing of it was run, and nothing written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn_aae import AAETransformer
    >>> from sklearn_aae.persistence import RefusedFileError, load, save
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "model.aae"
    ...     save(AAETransformer(), path)
    ...     _ = path.write_bytes(path.read_bytes() + b"0")  # damaged on the way
    ...     try:
    ...         load(path)
    ...     except RefusedFileError as error:
    ...         reason = str(error).partition("is not loaded. ")[2]
    >>> reason.partition(":")[0]
    'Its bytes do not have the hash that they had when it was saved'
    """


# The names that safetensors has for dtypes, little-endian all.
DTYPES = {
    name: np.dtype(code)
    for name, code in {
        "BOOL": "|b1",
        "U8": "|u1",
        "I8": "|i1",
        "U16": "<u2",
        "I16": "<i2",
        "F16": "<f2",
        "U32": "<u4",
        "I32": "<i4",
        "F32": "<f4",
        "U64": "<u8",
        "I64": "<i8",
        "F64": "<f8",
    }.items()
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}

NO_HASH = b"0" * 64
# The hash is the first text, so that its place is known before anything is read.
START = b'{"__metadata__":{"sha256":"'
PLACE = 8 + len(START)
# No header is longer, says safetensors.
MAX_HEADER = 100_000_000
CHUNK = 2**16


def stored_dtype(array: np.ndarray) -> str | None:
    """Return the name of the dtype that an array is stored in, if there is one."""
    return NAMES.get(array.dtype.newbyteorder("<"))


# --- to a file ------------------------------------------------------------------------


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of another once it is whole, or not at all.

    Of a link, the file that it leads to is replaced; permissions stay.
    """
    path = Path(os.path.realpath(path))
    sweep(path)
    beside = path.with_name(f"{_start(path)}{os.getpid()}.{uuid.uuid4().hex}")
    try:
        with open(beside, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, beside)
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write(file: BinaryIO, manifest: dict, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a manifest and arrays to an empty file.

    Parameters
    ----------
    file : file
        Opened to write bytes.

    manifest : dict
        What JSON can hold.

    arrays : mapping of str to ndarray
        Of a dtype in `DTYPES`.
    """
    texts = {
        "sha256": NO_HASH.decode(),
        "manifest": json.dumps(manifest, allow_nan=False, separators=(",", ":")),
    }
    header: dict[str, Any] = {"__metadata__": texts}
    end = 0
    for name, array in arrays.items():
        begin, end = end, end + array.nbytes
        dtype, shape = stored_dtype(array), list(array.shape)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise ValueError(
            f"The model has {len(text):,} bytes beside its arrays, such as names of "
            f"categories, and a file holds {MAX_HEADER:,}. Use joblib.dump."
        )
    digest = hashlib.sha256()
    for part in (len(text).to_bytes(8, "little"), text, *map(_bytes, arrays.values())):
        digest.update(part)
        file.write(part)
    file.seek(PLACE)
    file.write(digest.hexdigest().encode())


def _bytes(array: np.ndarray) -> Any:
    """Return the bytes of an array in C order, whatever its own order is."""
    plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return plain.reshape(-1).view(np.uint8)


def _start(path: Path) -> str:
    """Return how names of unfinished files begin, of this machine's processes.

    Short, however long the file's own name is.
    """
    name = hashlib.sha256(path.name.encode()).hexdigest()[:16]
    host = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:16]
    return f".{name}.{host}."


def sweep(path: Path) -> None:
    """Delete what killed processes of this machine have left beside a file."""
    start = _start(path)
    for left in path.parent.glob(f"{glob.escape(start)}*"):
        pid = left.name.removeprefix(start).split(".")[0]
        if os.name == "posix" and pid.isdecimal() and not _runs(int(pid)):
            left.unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    """Whether there is a process of a number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True


# --- from a file ----------------------------------------------------------------------


class StoredArrays:
    """The arrays of a file, read one by one when they are asked for.

    Parameters
    ----------
    file : file
        Opened to read bytes.

    places : dict of str to (dtype, shape, int)
        Dtype, shape and first byte of each.
    """

    def __init__(self, file: BinaryIO, places: dict[str, tuple]):
        self.file, self.places = file, places

    def __iter__(self) -> Iterator[str]:
        """Yield names."""
        return iter(self.places)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of an array."""
        return self.places[name][1]

    def __getitem__(self, name: str) -> np.ndarray:
        """Read an array."""
        dtype, shape, begin = self.places[name]
        array = np.empty(shape, dtype)
        self.file.seek(begin)
        if self.file.readinto(array.reshape(-1).view(np.uint8)) != array.nbytes:  # type: ignore[attr-defined]
            raise RefusedFileError("The file changed while it was read.")
        return array


def read(file: BinaryIO) -> tuple[dict, StoredArrays, int]:
    """Return manifest, arrays and size of a file, after all checks of its bytes.

    Parameters
    ----------
    file : file
        Opened to read bytes.

    Raises
    ------
    RefusedFileError
        If it is damaged, or was changed, or is no such file.
    """
    size = file.seek(0, 2)
    file.seek(0)
    start = file.read(PLACE)
    length = int.from_bytes(start[:8], "little")
    if start[8:] != START:
        raise RefusedFileError(
            "It is no file of sklearn_aae, or its beginning is lost."
        )
    if not PLACE - 8 + 64 <= length <= min(size - 8, MAX_HEADER):
        raise RefusedFileError(
            f"It is cut off or damaged: it has {size:,} bytes, its header is said to "
            f"have {length:,}."
        )
    _check_hash(file)
    file.seek(8)
    header = parse(file.read(length))
    texts = header.pop("__metadata__", None)
    if not isinstance(texts, dict) or set(texts) != {"sha256", "manifest"}:
        raise RefusedFileError("Its header has other texts than a manifest and a hash.")
    manifest = parse(texts["manifest"])
    return manifest, StoredArrays(file, _places(header, 8 + length, size)), size


def _check_hash(file: BinaryIO) -> None:
    """Raise RefusedFileError if the bytes of a file have another hash than it says."""
    file.seek(PLACE)
    stored = file.read(64)
    digest = hashlib.sha256()
    file.seek(0)
    digest.update(file.read(PLACE) + NO_HASH)
    file.seek(64, 1)
    while part := file.read(CHUNK):
        digest.update(part)
    if digest.hexdigest().encode() != stored:
        raise RefusedFileError(
            "Its bytes do not have the hash that they had when it was saved: it is "
            "damaged, cut off, or was changed. Take another copy, or save it again."
        )


def parse(text: str | bytes) -> dict:
    """Return an object of JSON, of unique names and finite numbers."""
    try:
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError, TypeError) as error:
        raise RefusedFileError(f"Its JSON is broken: {error}") from None
    if not isinstance(found, dict):
        raise RefusedFileError("Its JSON is no object of names and values.")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is there twice")
    return found


def _no_constant(text: str):
    raise ValueError(f"{text} is no number of JSON")


def _places(header: dict, begin: int, size: int) -> dict[str, tuple]:
    """Return dtype, shape and first byte of arrays that follow each other."""
    places, end = {}, 0
    for name, found in header.items():
        if not isinstance(found, dict) or set(found) != {
            "dtype",
            "shape",
            "data_offsets",
        }:
            raise RefusedFileError(f"Array {name!r} is not described as an array is.")
        dtype, shape = found["dtype"], found["shape"]
        if not (isinstance(dtype, str) and dtype in DTYPES):
            raise RefusedFileError(f"Array {name!r} has the unknown dtype {dtype!r}.")
        if not (isinstance(shape, list) and all(map(is_size, shape))):
            raise RefusedFileError(f"Array {name!r} has no shape: {shape!r}.")
        first, end = end, end + math.prod(shape) * DTYPES[dtype].itemsize
        if found["data_offsets"] != [first, end] or begin + end > size:
            raise RefusedFileError(
                f"Array {name!r} of shape {tuple(shape)} is larger than the file, or "
                "not where it says."
            )
        places[name] = DTYPES[dtype], tuple(shape), begin + first
    if begin + end != size:
        raise RefusedFileError("There are bytes behind the last array.")
    return places


def is_size(value: Any) -> bool:
    """Whether a value of JSON is a whole number from 0 to what memory can address."""
    return type(value) is int and 0 <= value < 2**62
