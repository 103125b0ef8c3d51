"""A file becomes a frame: its encoding, separator, numbers and header are found out."""

import bz2
import codecs
import csv
import gzip
import lzma
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sklearn_aae.report._formats import (
    DAMAGED,
    advise,
    advise_unpacking,
    zip_reader,
)
from sklearn_aae.report._words import name_some, shorten
from sklearn_aae.utils._optional import import_optional

# What tells the encoding, the format and the separator.
SNIFFED = 2**16
BLOCK = 2**20
# That of UTF-32 begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class TableError(ValueError):
    """The file is no table that can be looked at; the message says what to do."""


@contextmanager
def _open_zip(path: Path, mode: str) -> Iterator[Any]:
    """Open the one file that is packed in another; pandas does not read of several."""
    with zipfile.ZipFile(path) as packed:
        every = packed.infolist()
        names = [entry.filename for entry in every if not entry.is_dir()]
        if not names:
            raise TableError(f"{path.name} has no file in it.")
        if len(names) > 1:
            raise TableError(
                f"{path.name} has {len(names)} files in it ({name_some(names)}): "
                "unpack one, and give that."
            )
        if len(every) > 1:  # pandas counts folders as files
            raise TableError(
                f"{path.name} has folders in it beside {name_some(names)}: unpack that "
                "file, and give it."
            )
        with packed.open(names[0]) as file:
            yield file


# Files that pandas unpacks by their names.
OPENERS: dict[str, Any] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zip": _open_zip,
}


def read_file(path: Path, header: bool) -> tuple[Any, dict[str, Any]]:
    """Read a file of separated values.

    Parameters
    ----------
    path : Path
        Of the file.

    header : bool
        Whether its first line has the names of the columns.

    Returns
    -------
    frame : DataFrame
        What is in it; without a header, its columns are called 0, 1, ...

    options : dict of str to object
        Arguments of ``pandas.read_csv`` that read the file, but for its defaults.

    Raises
    ------
    TableError
        If it is something else.
    """
    pd = import_optional("pandas", feature="Reading a table", extra="report")
    if not path.is_file():
        raise TableError(f"There is no file {str(path)!r}.")
    options = _options(path)
    if not header:
        options["header"] = None
    try:
        frame = _read_numbers(pd, path, options)
        _keep_leading_zeros(pd, path, options, frame)
    except (
        pd.errors.ParserError,
        pd.errors.EmptyDataError,
        UnicodeDecodeError,
    ) as error:
        raise TableError(
            f"{path.name} is no table of separated values: {shorten(str(error), 400)}"
        ) from None
    if not isinstance(frame.index, pd.RangeIndex):  # pandas took values for names
        raise TableError(
            f"{path.name} has more values in a row than names in its header: name each "
            "column, and end no line with a separator."
        )
    return frame, options


def _options(path: Path) -> dict[str, Any]:
    """Return the encoding and the separator of a file, but for UTF-8 and commas."""
    if path.suffix.lower() == ".zst":  # pandas needs a package for it
        raise TableError(advise_unpacking(path, "a file packed by zstd"))
    start, has_nul, unpacked = _look_into(path)
    encoding = next((name for mark, name in MARKS if start.startswith(mark)), None)
    advice = advise(path, start.removeprefix(codecs.BOM_UTF8), unpacked)
    if advice is not None:
        raise TableError(advice)
    if has_nul and encoding is None:
        raise TableError(
            f"{path.name} has NUL bytes: it is no text, or UTF-16 without a byte order "
            "mark. Save it as a CSV file in UTF-8."
        )
    options = {} if encoding is None else {"encoding": encoding}
    separator = _separator(start.decode(encoding or "utf-8-sig", errors="replace"))
    return options if separator == "," else options | {"sep": separator}


def _look_into(path: Path) -> tuple[bytes, bool, bool]:
    """Return how a file begins, unpacked, and whether it has NUL bytes and was packed.

    What is packed is read to its end: damage may be anywhere.
    """
    opener = OPENERS.get(path.suffix.lower(), open)
    try:
        if opener is _open_zip and zip_reader(path) is not None:
            opener = open
        unpacked = opener is not open
        with opener(path, "rb") as file:
            start = file.read(SNIFFED)
            has_nul = b"\0" in start
            while (unpacked or not has_nul) and (block := file.read(BLOCK)):
                has_nul = has_nul or b"\0" in block
    except (*DAMAGED, OSError) as error:
        if opener is open or getattr(error, "filename", None) is not None:
            raise  # it says what and where
        raise TableError(f"{path.name} cannot be unpacked: {error}") from None
    return start, has_nul, unpacked


def _separator(start: str) -> str:
    try:
        return csv.Sniffer().sniff(start, delimiters=",;\t|").delimiter
    except csv.Error:  # one column, or too little to tell
        return ","


def _read_numbers(pd: Any, path: Path, options: dict[str, Any]) -> Any:
    """Read a file; add to `options` what makes text or numbers of it."""
    try:
        frame = pd.read_csv(path, **options)
    except UnicodeDecodeError:
        if "encoding" in options:
            raise
        options["encoding"] = "latin-1"
        frame = pd.read_csv(path, **options)
    if "sep" in options:
        commas = pd.read_csv(path, **options, decimal=",")
        if _n_numeric(commas) > _n_numeric(frame):
            frame, options["decimal"] = commas, ","
    return frame


def _n_numeric(frame: Any) -> int:
    return frame.select_dtypes("number").shape[1]


def _keep_leading_zeros(
    pd: Any, path: Path, options: dict[str, Any], frame: Any
) -> None:
    """Make text of columns of digits of which some begin with 0; tell `options` so.

    Those are codes, such as those of towns: as numbers they would lose their zeros.
    """
    whole = [j for j in range(frame.shape[1]) if _is_whole(pd, frame.iloc[:, j])]
    if not whole or not isinstance(frame.index, pd.RangeIndex):
        return
    texts = pd.read_csv(path, **options, usecols=whole, dtype="str")
    found = {}
    for name in texts.columns:
        cells = texts[name].dropna().str
        padded = cells.fullmatch(r"\s*0[0-9]+\s*").any()
        if padded and cells.fullmatch(r"\s*[0-9]+\s*").all():
            frame[name] = texts[name]
            found[name] = "str"
    if found:
        options["dtype"] = found


def _is_whole(pd: Any, column: Any) -> bool:
    """Return whether a column has whole numbers only; of many digits they are objects.

    Where cells are missing, whole numbers are read as floats.
    """
    numbers = pd.api.types.infer_dtype(column) in ("integer", "floating")
    return numbers and bool((column.dropna() % 1 == 0).all())


def doubt_header(path: Path, frame: Any, options: dict[str, Any]) -> str | None:
    """Return what to say if the header of a file looks like a row of its data.

    It does if each column of numbers has a number for its name. Numbers that count, as
    years do, are names, however.
    """
    mark = options.get("decimal", ".")
    found = {}
    for name in frame.select_dtypes("number").dropna(axis=1, how="all").columns:
        if not name.startswith("Unnamed: "):  # a cell may be missing
            found[name] = _number(name.replace(mark, "."))
    values = list(found.values())
    if not values or None in values or _count(values):
        return None
    return (
        f"The header of {path.name} looks like data: it has numbers where its columns "
        f"have some ({name_some(list(found))}). If it is the first row of the table, "
        "give --no-header."
    )


def _number(name: str) -> float | None:
    # To a name that comes twice, pandas adds ".1".
    for text in (name, name.rpartition(".")[0]):
        try:
            value = float(text)
        except ValueError:
            continue
        return value if np.isfinite(value) else None
    return None


def _count(values: list) -> bool:
    """Return whether numbers count columns, from 0 or 1, or anything else, in ones."""
    in_ones = all(np.diff(values) == 1)
    return in_ones and (values[0] in (0, 1) or len(values) > 2)
