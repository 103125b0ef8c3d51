"""What a file is that is no CSV, by how it begins, and what makes a CSV of it."""

import re
from pathlib import Path

# Functions of pandas that read what begins so. Where a mark is of letters that a CSV
# could begin with, it goes on to what no CSV has; the first that fits counts. Without
# its guess of a dtype, `read_json` keeps the zeros of texts such as "01234".
READERS = (
    (rb"PAR1\x15", "Parquet", "read_parquet({})"),
    (rb"ARROW1\0", "Feather", "read_feather({})"),
    (rb"\x89HDF\r\n", "HDF5", "read_hdf({})"),
    (rb"PK\x03\x04.*xl/w", "an Excel workbook", "read_excel({})"),
    (rb"PK\x03\x04.*opendocument\.spreadsheet", "a spreadsheet", "read_excel({})"),
    (rb"\xd0\xcf\x11\xe0", "an Excel workbook", "read_excel({})"),
    (
        rb"\s*\{[^\n]*\}\s*\n\s*\{",
        "lines of JSON",
        "read_json({}, dtype=False, lines=True)",
    ),
    (rb"\s*(\{\s*[\"}]|\[\s*[\[\]{\"\d-])", "JSON", "read_json({}, dtype=False)"),
    (rb"\s*<(?i:!doctype html|html|table)", "HTML", "read_html({})[0]"),
    (rb"\s*<\?xml", "XML", "read_xml({})"),
)
PACKED = (
    (rb"PK\x03\x04", "zip"),
    (rb"\x1f\x8b", "gzip"),
    (rb"BZh[1-9]1AY&SY", "bzip2"),
    (rb"\xfd7zXZ\0", "xz"),
    (rb"\x28\xb5\x2f\xfd", "zstd"),
)


def advise(path: Path, start: bytes) -> str | None:
    """Return what a file looks like and how to make a CSV of it.

    Parameters
    ----------
    path : Path
        The file.

    start : bytes
        How it begins, without a byte order mark.

    Returns
    -------
    advice : str or None
        None if it looks like none of the formats that are known.
    """
    for mark, kind, call in READERS:
        if re.match(mark, start, re.DOTALL):
            read = call.format(repr(str(path)))
            return (
                f"{path.name} looks like {kind}; a CSV file is needed. In Python: "
                f"pandas.{read}.to_csv({_csv_beside(path)!r}, index=False)"
            )
    for mark, kind in PACKED:
        if re.match(mark, start):
            return (
                f"{path.name} looks like a file packed by {kind}: unpack it, and give "
                "the CSV file in it."
            )
    return None


def _csv_beside(path: Path) -> str:
    """Return the name of a CSV file beside another, which may be called .csv itself."""
    beside = path.with_suffix(".csv")
    return str(path.with_name(f"{path.stem}_new.csv") if beside == path else beside)
