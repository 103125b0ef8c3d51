"""Packed files are read by their names, or refused with what to do."""

import bz2
import gzip
import io
import lzma
import re
import tarfile
import zipfile
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sklearn_aae.report import _file, main
from sklearn_aae.report._table import TableError, read_table


def zip_files(path, contents):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return path.read_bytes()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("end", [".gz", ".bz2", ".xz", ".zip", ".ZIP"])
def test_packed_files_are_read_by_their_names(end, encoding, towns, tmp_path):
    file = tmp_path / f"a.csv{end}"
    content = towns.to_csv(index=False, sep=";").encode(encoding)
    if end.lower() == ".zip":
        zip_files(file, {"a.csv": content})
    else:
        pack = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[end]
        file.write_bytes(pack(content))
    table = read_table(file, None, [])
    pd.testing.assert_frame_equal(table.X, towns, check_dtype=False)
    assert table.options["sep"] == ";"
    assert table.options.get("encoding", "utf-8") == encoding


def test_the_python_of_a_page_reads_a_zip_file(
    short, towns, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    zip_files(Path("a.csv.zip"), {"b.txt": towns.to_csv(index=False)})
    assert main(["a.csv.zip"]) == 0
    page = Path(capsys.readouterr().out.split()[-1]).read_text(encoding="utf-8")
    call = re.search(r"X = (pd\.read_csv\(.*\))\n", unescape(page)).group(1)
    pd.testing.assert_frame_equal(eval(call, {"pd": pd}), towns, check_dtype=False)


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({}, r"a\.zip has no file in it\."),
        ({"data/": ""}, r"a\.zip has no file in it\."),
        (
            {"data/": "", "data/a.csv": "a\n1\n"},
            r"has folders in it beside data/a\.csv: unpack that file, and give it\.",
        ),
        (
            {"data/": "", "data/a.csv": "a\n1\n", "b.csv": "b\n1\n"},
            r"a\.zip has 2 files in it \(data/a\.csv, b\.csv\): unpack one",
        ),
        (
            {"a.csv": "a\n1\n", "b.csv": "b\n1\n"},
            r"a\.zip has 2 files in it \(a\.csv, b\.csv\): unpack one, and give that\.",
        ),
        ({"a.csv": "a,b\n1,2\n\0"}, r"a\.zip has NUL bytes: it is no text"),
        (
            {"a.json": '[{"a": 1}]'},
            r"a\.zip has a file in it that looks like JSON: unpack it, and give that ",
        ),
        (
            {"a.xlsx": b"PK\x03\x04xl/workbook.xml"},
            "a file in it that looks like an Excel workbook",
        ),
        ({"a.csv.gz": b"\x1f\x8b\x08\x00"}, r"a\.zip looks like a file packed by gzip"),
    ],
    ids=[
        *("none", "folder", "file in a folder", "two and a folder", "two"),
        *("NUL", "JSON", "workbook", "gzip"),
    ],
)
def test_zip_files_of_no_table_are_refused(contents, message, tmp_path):
    zip_files(tmp_path / "a.zip", contents)
    with pytest.raises(TableError, match=message):
        read_table(tmp_path / "a.zip", None, [])


@pytest.mark.parametrize("name", ["xl/wine.csv", "mimetype"])
def test_one_file_is_read_whatever_its_name(name, towns, tmp_path):
    zip_files(tmp_path / "a.zip", {name: towns.to_csv(index=False)})
    table = read_table(tmp_path / "a.zip", None, [])
    pd.testing.assert_frame_equal(table.X, towns, check_dtype=False)
    (tmp_path / "a.csv").write_bytes((tmp_path / "a.zip").read_bytes())
    with pytest.raises(TableError, match="looks like a file packed by zip: unpack it"):
        read_table(tmp_path / "a.csv", None, [])


@pytest.mark.parametrize("end", [".tar", ".tar.gz", ".tar.bz2", ".tar.xz", ".gz"])
@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, None])
def test_archives_of_tar_are_refused(kind, end, towns, tmp_path):
    file, content = tmp_path / f"a{end}", towns.to_csv(index=False).encode()
    how = end.rpartition(".")[2].replace("tar", "")
    with tarfile.open(file, f"w:{how}", format=kind) as archive:
        entry = tarfile.TarInfo("größe.csv")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    message = (
        f"^a{end} looks like a tar archive: unpack it, and give the CSV file in it"
    )
    with pytest.raises(TableError, match=message):
        read_table(file, None, [])


TEXT = b"a,b\n" + b"1,2\n" * 99
GZIP = gzip.compress(TEXT, mtime=0)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.gz", TEXT, "Not a gzipped file"),
        ("a.gz", GZIP[:-9], "Compressed file ended"),
        ("a.gz", GZIP[:10] + b"\xff" + GZIP[11:], "Error -3 while decompressing"),
        ("a.bz2", TEXT, "Invalid data stream"),
        ("a.bz2", bz2.compress(TEXT)[:-9], "Compressed file ended"),
        ("a.xz", TEXT, "Input format"),
        ("a.zip", TEXT, "File is not a zip file"),
    ],
    ids=["no gz", "short gz", "bad gz", "no bz2", "short bz2", "no xz", "no zip"],
)
def test_damaged_packed_files_are_refused(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError, match=f"^{name} cannot be unpacked: {message}"):
        read_table(tmp_path / name, None, [])


def test_damage_behind_a_nul_byte_is_found(tmp_path):
    random = np.random.default_rng(0)
    text = "a\n" + "\n".join(map(str, random.integers(10**9, size=2**15)))
    packed = bytearray(gzip.compress(text.encode("utf-16"), mtime=0))
    packed[-6] ^= 1
    (tmp_path / "a.gz").write_bytes(packed)
    with pytest.raises(TableError, match=r"a\.gz cannot be unpacked: CRC check failed"):
        read_table(tmp_path / "a.gz", None, [])


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (6, 1, "File 'a.csv' is encrypted, password required"),
        (8, 99, "That compression method is not supported"),
        (-4, 255, r"\[Errno 22\] Invalid argument"),  # where its parts begin
    ],
    ids=["password", "method", "offset"],
)
def test_zip_files_that_cannot_be_unpacked_are_refused(at, value, message, tmp_path):
    packed = bytearray(zip_files(tmp_path / "a.zip", {"a.csv": TEXT}))
    entry = packed.index(b"PK\1\2")
    if at > 0:
        packed[at] = packed[entry + at + 2] = value
    else:
        packed[at] = value
    (tmp_path / "a.zip").write_bytes(packed)
    with pytest.raises(TableError, match=f"^a.zip cannot be unpacked: {message}"):
        read_table(tmp_path / "a.zip", None, [])


@pytest.mark.parametrize("name", ["a.csv", "a.gz"])
def test_what_a_file_may_not_be_read_for_is_told(name, tmp_path, monkeypatch, capsys):
    def fail(path, mode):
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / name).write_bytes(TEXT)
    monkeypatch.setattr(_file, "open", fail, raising=False)
    monkeypatch.setitem(_file.OPENERS, ".gz", fail)
    assert main([str(tmp_path / name)]) == 2
    told = capsys.readouterr().err
    assert re.match(rf"sklearn_aae: \[Errno 13\] Permission denied: '.*{name}'", told)
