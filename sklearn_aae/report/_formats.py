"""What a file is that is no CSV, by how it begins, and what makes a CSV of it."""

import json
import re
from pathlib import Path

# Functions of pandas that read what begins so. Where a mark is of letters that a CSV
# could begin with, it goes on to what no CSV has; the first that fits counts.
READERS = (
    (rb"PAR1\x15", "Parquet", "read_parquet({})"),
    (rb"ARROW1\0", "Feather", "read_feather({})"),
    (rb"\x89HDF\r\n", "HDF5", "read_hdf({})"),
    (rb"PK\x03\x04.*xl/w", "an Excel workbook", "read_excel({})"),
    (rb"PK\x03\x04.*opendocument\.spreadsheet", "a spreadsheet", "read_excel({})"),
    (rb"\xd0\xcf\x11\xe0", "an Excel workbook", "read_excel({})"),
    (rb"\s*<(?i:!doctype html[ \r\n>])", "HTML", "read_html({})[0]"),
    # What follows the tag tells it from a header, such as "<html>,b".
    (
        rb"\s*<(?i:html|table)(\s[^>]*)?>(?!\s*[,;|]|\t+[^\s<])",
        "HTML",
        "read_html({})[0]",
    ),
    (rb"\s*<\?xml[ \r\n]", "XML", "read_xml({})"),
)
# Without its guess of a dtype, `read_json` keeps the zeros of texts such as "01234".
JSON = ("JSON", "read_json({}, dtype=False)")
JSON_LINES = ("lines of JSON", "read_json({}, dtype=False, lines=True)")
# Numbers of any length are fine.
DECODER = json.JSONDecoder(parse_int=str)
# No token but a text is longer: of one that is cut, the error is as near to the end.
TOKEN = 10
PACKED = (
    (rb"PK\x03\x04", "zip"),
    (rb"\x1f\x8b", "gzip"),
    (rb"BZh[1-9]1AY&SY", "bzip2"),
    (rb"\xfd7zXZ\0", "xz"),
    (rb"\x28\xb5\x2f\xfd", "zstd"),
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
    found = _reader(start)
    if found is not None and unpacked:
        return (
            f"{path.name} has a file in it that looks like {found[0]}: unpack it, and "
            "give that file."
        )
    if found is not None:
        kind, call = found
        return (
            f"{path.name} looks like {kind}; a CSV file is needed. In Python: "
            f"pandas.{call.format(repr(str(path)))}.to_csv({_csv_beside(path)!r}, "
            "index=False)"
        )
    for mark, kind in PACKED:
        if re.match(mark, start):
            return advise_unpacking(path, kind)
    return None


def advise_unpacking(path: Path, kind: str) -> str:
    """Return what to say of a file that is packed, and that is not unpacked here."""
    return (
        f"{path.name} looks like a file packed by {kind}: unpack it, and give the CSV "
        "file in it."
    )


def _reader(start: bytes) -> tuple[str, str] | None:
    """Return what a file is, by how it begins, and the call that reads it."""
    for mark, kind, call in READERS:
        if re.match(mark, start, re.DOTALL):
            return kind, call
    return _json_reader(start.decode(errors="replace").lstrip())


def _json_reader(text: str) -> tuple[str, str] | None:
    """Return the same of JSON, whole or cut, or of lines of it.

    Headers such as "[1],[2]" begin so, too, but do not go on so.
    """
    if not re.match(r"\{\s*[\"}]|\[\s*[\[\]{\"\d-]", text):
        return None
    try:
        end = DECODER.raw_decode(text)[1]
    except json.JSONDecodeError as error:
        cut = error.msg.startswith("Unterminated") or error.pos > len(text) - TOKEN
        return JSON if cut else None
    except RecursionError:  # no header has so many brackets
        return JSON
    rest = text[end:]
    if not rest.strip():
        return JSON
    if re.match(r"\s*\n\s*" + re.escape(text[0]), rest):
        return JSON if "\n" in text[:end] else JSON_LINES
    return None


def _csv_beside(path: Path) -> str:
    """Return the name of a CSV file beside another, which may be called .csv itself."""
    beside = path.with_suffix(".csv")
    return str(path.with_name(f"{path.stem}_new.csv") if beside == path else beside)
