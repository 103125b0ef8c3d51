"""What a file is that is no CSV, by how it begins, and what makes a CSV of it."""

import json
import lzma
import re
import tarfile
import zipfile
import zlib
from pathlib import Path

EXCEL = ("an Excel workbook", "read_excel({})")
SPREADSHEET = ("a spreadsheet", "read_excel({})")
HTML = ("HTML", "read_html({})[0]")
# Functions of pandas that read what begins so. Where a mark is of letters that a CSV
# could begin with, it goes on to what no CSV has; the first that fits counts.
READERS = (
    (rb"PAR1\x15", "Parquet", "read_parquet({})"),
    (rb"ARROW1\0", "Feather", "read_feather({})"),
    (rb"\x89HDF\r\n", "HDF5", "read_hdf({})"),
    (rb"PK\x03\x04.*xl/workbook\.", *EXCEL),
    (rb"PK\x03\x04.*opendocument\.spreadsheet", *SPREADSHEET),
    (rb"\xd0\xcf\x11\xe0", *EXCEL),
    (rb"\s*<(?i:!doctype html[ \r\n>])", *HTML),
    # What follows the tag tells it from a header, such as "<html>,b": after a tab, that
    # no tag ends on its line. An attribute in quotes may have a ">".
    (
        rb"""\s*<(?i:html|table)(\s[^>]*|\s([^>"']|"[^"]*"|'[^']*')*)?>"""
        rb"(?!\s*[,;|]|\t+[^\s<]((?!</)[^\r\n])*([\r\n]|\Z))",
        *HTML,
    ),
    (rb"\s*<\?xml[ \r\n]", "XML", "read_xml({})"),
)
# Without its guess of a dtype, `read_json` keeps the zeros of texts such as "01234".
JSON = ("JSON", "read_json({}, dtype=False)")
JSON_LINES = ("lines of JSON", "read_json({}, dtype=False, lines=True)")
JSON_VALUES = ("several values of JSON", "")  # no call reads them
# Numbers of any length are fine, and so are tabs and line breaks in texts, which pandas
# reads.
DECODER = json.JSONDecoder(parse_int=str, strict=False)
BLANK = re.compile(r"\s*")
CLOSING = {b"{": b"}", b"[": b"]"}
BLOCK = 2**20
# No token but a text is longer: of one that is cut, the error is as near to the end.
TOKEN = 10
PACKED = (
    (rb"PK\x03\x04", "a file packed by zip"),
    (rb"\x1f\x8b", "a file packed by gzip"),
    (rb"BZh[1-9]1AY&SY", "a file packed by bzip2"),
    (rb"\xfd7zXZ\0", "a file packed by xz"),
    (rb"\x28\xb5\x2f\xfd", "a file packed by zstd"),
    (rb"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (rb"Rar!\x1a\x07", "a RAR archive"),
)
# What readers of packed files raise of damage, beside OSError; RuntimeError of a zip
# that has a password.
DAMAGED = (
    EOFError,
    RuntimeError,
    UnicodeDecodeError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)


def advise(path: Path, start: bytes, unpacked: bool) -> str | None:
    """Return what a file looks like and how to make a CSV of it.

    Parameters
    ----------
    path : Path
        The file.

    start : bytes
        How it begins, without a byte order mark.

    unpacked : bool
        Whether this is the start of what is packed in it.

    Returns
    -------
    advice : str or None
        None if it looks like none of the formats that are known.
    """
    found = _reader(start) if unpacked else _reader_of(path, start)
    if found is not None and unpacked:
        return (
            f"{path.name} has a file in it that looks like {found[0]}: unpack it, and "
            "give that file."
        )
    if found is not None:
        kind, call = found
        looks = f"{path.name} looks like {kind}; a CSV file is needed."
        if not call:
            return f"{looks} Make one list of them, or write one on each line."
        return (
            f"{looks} In Python: "
            f"pandas.{call.format(repr(str(path)))}.to_csv({_csv_beside(path)!r}, "
            "index=False)"
        )
    for mark, kind in PACKED:
        if re.match(mark, start):
            return advise_unpacking(path, kind)
    return advise_unpacking(path, "a tar archive") if _is_tar(start) else None


def advise_unpacking(path: Path, kind: str) -> str:
    """Return what to say of a file that is packed, and that is not unpacked here."""
    return f"{path.name} looks like {kind}: unpack it, and give the CSV file in it."


def zip_reader(path: Path) -> tuple[str, str] | None:
    """Return what a zip file is, if it is a workbook, and the call that reads it.

    What is in it tells, wherever it lies; of a damaged file nothing is told.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            names = packed.namelist()
            if any(name.startswith("xl/workbook.") for name in names):
                return EXCEL
            if "mimetype" in names:
                with packed.open("mimetype") as file:
                    sheet = b"opendocument.spreadsheet" in file.read(100)
                return SPREADSHEET if sheet else None
    except (*DAMAGED, OSError):
        pass
    return None


def _is_tar(start: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(start[: tarfile.BLOCKSIZE], "utf-8", "replace")
    except tarfile.HeaderError:  # its checksum is wrong
        return False
    return True


def _reader_of(path: Path, start: bytes) -> tuple[str, str] | None:
    """Return the same as `_reader`, also by what lies behind the start of a file."""
    found = _reader(start)
    if start.startswith(b"PK\x03\x04"):
        return zip_reader(path) or found
    if found == JSON and _is_first_of_lines(path, start):
        return JSON_LINES
    return found


def _reader(start: bytes) -> tuple[str, str] | None:
    """Return what a file is, by how it begins, and the call that reads it."""
    for mark, kind, call in READERS:
        if re.match(mark, start, re.DOTALL):
            return kind, call
    return _json_reader(start.decode(errors="replace").lstrip())


def _json_reader(text: str) -> tuple[str, str] | None:
    """Return the same of JSON, whole or cut, or of lines of it.

    Headers such as "[1],[2]" or "[0][0],[0][1]" begin so, too, but do not go on so.
    """
    if not re.match(r"\{\s*[\"}]|\[\s*[\[\]{\"\d-]", text):
        return None
    begin, gap, lines, n_values = 0, "\n", True, 0
    try:
        while begin < len(text):
            if text[begin] not in "[{" or ("\t" in gap and "\n" not in gap):
                return None  # what is behind a value, or a tab, is a next column
            n_values += 1
            lines &= text[begin] == text[0] and "\n" in gap
            end = DECODER.raw_decode(text, begin)[1]
            lines &= "\n" not in text[begin:end]
            begin = BLANK.match(text, end).end()
            gap = text[end:begin]
    except json.JSONDecodeError as error:
        if not _is_cut(text, error):
            return None
    except RecursionError:  # no header has so many brackets
        pass
    if n_values == 1:
        return JSON
    return JSON_LINES if lines else JSON_VALUES


def _is_cut(text: str, error: json.JSONDecodeError) -> bool:
    """Return whether JSON ends too early only, as the start of a file does."""
    if error.msg.startswith("Unterminated"):
        # A quote in a header has no end either: on its line there is none.
        line_ends = "\n" in text[error.pos :]
        return "\n" in text[: error.pos] or not line_ends
    return error.pos > len(text) - TOKEN


def _is_first_of_lines(path: Path, start: bytes) -> bool:
    """Return whether JSON without a line break in its start is one of several lines."""
    text = start.strip()
    opening, end = text[:1], text[-1:]
    if b"\n" in text:
        return False
    with path.open("rb") as file:
        file.seek(len(start.rstrip()))
        while block := file.read(BLOCK):
            line, line_break, rest = block.partition(b"\n")
            end = line.rstrip()[-1:] or end
            if line_break:
                rest += file.read(BLOCK)
                return end == CLOSING[opening] and rest.lstrip().startswith(opening)
    return False


def _csv_beside(path: Path) -> str:
    """Return the name of a CSV file beside another, which may be called .csv itself."""
    beside = path.with_suffix(".csv")
    return str(path.with_name(f"{path.stem}_new.csv") if beside == path else beside)
