"""Files are read as what they are, or refused with what to do."""

import re
import zipfile
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sklearn_aae.report import _file, main
from sklearn_aae.report._file import doubt_header
from sklearn_aae.report._table import TableError, read_table

# --- encodings ------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", "\t"])
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        ("\ufeff", "utf-8"),
        ("\ufeff", "utf-16-le"),
        ("\ufeff", "utf-16-be"),
        ("", "utf-16"),
        ("", "utf-32"),
        ("\ufeff", "utf-32-be"),
    ],
)
def test_byte_order_marks_are_honoured(mark, encoding, separator, towns, tmp_path):
    text = mark + towns.to_csv(index=False, sep=separator)
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    X = read_table(tmp_path / "a.csv", None, []).X
    pd.testing.assert_frame_equal(X, towns, check_dtype=False)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "a,b\n1,2\n".encode("utf-16-le"), "has NUL bytes: it is no text"),
        ("a.csv", b"a,b\n" + b"1,2\n" * 2**17 + b"\0", "order mark. Save it as a CSV"),
        ("a.csv", b"\xff\xfea", "is no table of separated values: .*utf-16"),
        (
            "a.csv.zst",
            b"a,b",
            r"a\.csv\.zst looks like a file packed by zstd: unpack it",
        ),
    ],
    ids=["no mark", "NUL at the end", "half a letter", "zstd"],
)
def test_files_that_are_no_text_are_refused(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TableError, match=message):
        read_table(tmp_path / name, None, [])


# --- other formats --------------------------------------------------------------------

WRITERS = {
    "a.parquet": ("Parquet", pd.DataFrame.to_parquet),
    "a.csv": ("Parquet", pd.DataFrame.to_parquet),
    "a.feather": ("Feather", pd.DataFrame.to_feather),
    "a.json": ("JSON", pd.DataFrame.to_json),
    "b.json": ("JSON", lambda X, path: X.to_json(path, orient="records")),
    "a.jsonl": (
        "lines of JSON",
        lambda X, path: X.to_json(path, orient="records", lines=True),
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_the_call_that_is_advised_makes_a_csv(name, towns, tmp_path, capsys):
    kind, write = WRITERS[name]
    file = tmp_path / name
    frame = towns.rename(columns={"größe": "size"})
    write(frame, file)
    assert main([str(file)]) == 2
    told = capsys.readouterr().err
    assert f"{name} looks like {kind}; a CSV file is needed. In Python: " in told
    assert len(told) < 500
    call = re.search(r"pandas\..*", told).group()
    eval(call, {"pandas": pd})
    made = Path(re.search(r"to_csv\('(.*)', ", call).group(1))
    assert made != file
    assert made.parent == tmp_path
    X = read_table(made, None, []).X
    pd.testing.assert_frame_equal(X, frame, check_dtype=False)


SEVERAL = r"like several values of JSON; a CSV file is needed\. Make one list of them"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1", r"an Excel workbook; .*pandas\.read_excel\("),
        (b"\x89HDF\r\n\x1a\n", r"HDF5; .*pandas\.read_hdf\("),
        (b"\n<!DOCTYPE html><html>", r"HTML; .*pandas\.read_html\('.*'\)\[0\]\.to_csv"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>', r"XML; .*pandas\.read_xml\("),
        (b'\xef\xbb\xbf{"a": 1}', r"JSON; .*pandas\.read_json\("),
        (b'{\n  "a": {"b": 1}\n}\n', r"JSON; .*read_json\('.*', dtype=False\)\.to_csv"),
        (b"[1, 2]", "looks like JSON"),
        (b"[1, 2]\n[3, 4]", "looks like lines of JSON"),
        (b'{"a": 1}\n\n{"a": 2}', "looks like lines of JSON"),
        (b'{\n"a": 1}\n{\n"a": 2}', SEVERAL),
        (b'{"a": 1}{"a": 2}', SEVERAL),
        (b'{"a": 1} {"a": 2}\n{"a": 3}', SEVERAL),
        (b'{"a": 1}\n[1]', SEVERAL),
        (b'{"a": 1}\r{"a": 2}\r', SEVERAL),
        (b'{"a": 1}\n{"a": 2}\n{"a": 3', "looks like lines of JSON"),
        (b'{"a": 1}\n{"a": 2} {"a": 3', SEVERAL),
        (b'[{"a": "x\ty\nz", "b": 1}]', "looks like JSON; "),
        (b"<html>\n<body>", "looks like HTML"),
        (b'<HTML lang="en">\t<head>a, b', "looks like HTML"),
        (b"<table class='a'\nid='b'><tr>", "looks like HTML"),
        (b'<table title="a>, b"><tr>', "looks like HTML"),
        (b"<html lang='en' title='a>;b'><body>", "looks like HTML"),
        (b"<table title=it's><tr>", "looks like HTML"),
        (b"<table>\tfoo</table>", "looks like HTML"),
        (b"\x1f\x8b\x08\x00", "looks like a file packed by gzip: unpack it, and give"),
        (b"BZh91AY&SY", "a file packed by bzip2"),
        (b"\xfd7zXZ\0", "a file packed by xz"),
        (b"\x28\xb5\x2f\xfd", "a file packed by zstd"),
        (b"PK\x03\x04", "a file packed by zip"),
        (
            b"7z\xbc\xaf\x27\x1c",
            "looks like a 7-Zip archive: unpack it, and give the CSV",
        ),
        (
            b"Rar!\x1a\x07\x01\0",
            "looks like a RAR archive: unpack it, and give the CSV",
        ),
    ],
)
def test_formats_are_told_by_how_they_begin(content, message, tmp_path):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(TableError, match=message):
        read_table(tmp_path / "a.csv", None, [])


@pytest.mark.parametrize(
    "content",
    [
        b"[" + b'{"a": 1.5},\n' * 9999,
        b'["' + b"text" * 2**15 + b'"]',
        b"[" * 2**17,
        b"[" + b"9" * 5000 + b"]",
        b"[" + b'{"a": "1\n2"},\n' * 9999,
        b'[\n{"a": "' + b"1\n2" * 2**15 + b'"}]',
        b'{"a": [' + b'{"b": 1},' * 9999 + b"\n" + b'{"b": 1}]}',
        b'{"a": [' + b'{"b": {}}' + b", 1" * 2**15 + b"]}",
        b"[[1]" + b", [1]" * 2**15 + b",\n[1]]",
        b'{\n"a": [' + b"1, " * 2**15 + b'1]}\n{"a": 2}',
    ],
    ids=[
        *("rows", "text", "brackets", "digits", "breaks in texts", "break in a text"),
        *("two lines", "one line", "a list on two lines", "two"),
    ],
)
def test_long_json_is_told(content, tmp_path):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(
        TableError, match=r"a\.csv looks like JSON; a CSV file is needed"
    ):
        read_table(tmp_path / "a.csv", None, [])


@pytest.mark.parametrize("space", ["", "\n \n", "\ufeff"], ids=["no", "lines", "mark"])
@pytest.mark.parametrize("n", [2**15, _file.SNIFFED, _file.SNIFFED + _file.BLOCK])
def test_lines_of_json_may_be_long(n, space, tmp_path):
    # Where a line ends, or its break does, reading may end, too.
    for less, between in product((0, 9, 10, 11), ("\n", "\r\n\n")):
        for line in (f'{{"a": "{"x" * (n - less)}"}}', f"[{'1, ' * (n // 3)}1]"):
            (tmp_path / "a.csv").write_text(f"{space}{line}{between}{line}", "utf-8")
            with pytest.raises(TableError, match=r"lines of JSON; .*, lines=True\)"):
                read_table(tmp_path / "a.csv", None, [])


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("xl/workbook.xml", "a.zip looks like an Excel workbook; a CSV file is needed"),
        ("mimetype", "a.zip looks like a spreadsheet; a CSV file is needed"),
    ],
)
def test_of_zip_files_workbooks_are_told(member, message, tmp_path):
    long = np.random.default_rng(0).bytes(_file.SNIFFED)  # more than is looked at
    for before in ({}, {"[Content_Types].xml": long}):
        with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in before.items():
                file.writestr(name, content)
            file.writestr(member, "application/vnd.oasis.opendocument.spreadsheet")
        with pytest.raises(TableError, match=message):
            read_table(tmp_path / "a.zip", None, [])
        (tmp_path / "a.xlsx").write_bytes((tmp_path / "a.zip").read_bytes())
        with pytest.raises(TableError, match=message.replace(".zip", ".xlsx")):
            read_table(tmp_path / "a.xlsx", None, [])


HEADS = ["PAR1", "[kg]", "{a", "BZh9", "ORC", "<5 m", "PK", "[1]", '["x"]', '{"a": 1}']
HEADS += ['{"a', '["x', "Rar!", "7z"]
TAGS = ["<tablespace>", "<html>", "<table>", "<html x", "<!doctype html", "<?xml"]


@pytest.mark.parametrize("separator", [",", "\t"], ids=["comma", "tab"])
@pytest.mark.parametrize("name", HEADS + TAGS)
def test_names_that_begin_like_other_formats_are_names(
    name, separator, towns, tmp_path
):
    text = towns.to_csv(index=False, sep=separator)
    file = tmp_path / "a.csv"
    file.write_text(text.replace("größe", name, 1), encoding="utf-8")  # not quoted
    columns = pd.read_csv(file, sep=separator, nrows=1).columns
    assert list(read_table(file, None, []).X.columns) == list(columns)
    assert len(columns) == 3


NAMES = [
    ["[1]", "[2]"],
    ["[0][0]", "[0][1]"],
    ["[1] [kg]", "[2] [kg]"],
    ["<html>", "size <5 m"],
]


@pytest.mark.parametrize("separator", [",", "\t"], ids=["comma", "tab"])
@pytest.mark.parametrize("names", NAMES, ids=repr)
def test_headers_of_brackets_are_headers(names, separator, tmp_path):
    rows = [names, *[["0.5", "a"], ["1.5", "b"]] * 60]
    (tmp_path / "a.csv").write_text("\n".join(map(separator.join, rows)))
    assert list(read_table(tmp_path / "a.csv", None, []).X.columns) == names


def test_a_tag_without_an_end_is_read_in_one_way(tmp_path):
    # If a quote could also be any other letter, each would double the time.
    cells = "'a' \"b\" <x" * 5000
    (tmp_path / "a.csv").write_text(f"<table {cells},b\n" + "0.5,a\n1.5,b\n" * 60)
    assert read_table(tmp_path / "a.csv", None, []).X.shape == (120, 2)


def test_of_many_columns_few_are_named(tmp_path):
    file = tmp_path / "a.csv"
    names = [f"x{j}" for j in range(132)]
    file.write_text("\n".join([",".join(names)] + 30 * [",".join(132 * "1")]))
    with pytest.raises(TableError, match=r"x11: has one value only; and 120 others\.$"):
        read_table(file, None, [])
    with pytest.raises(TableError, match=r"There are x0, .*, x11, and 120 others\.$"):
        read_table(file, "wombat", [])
    file.write_text("\n".join(["x" * 999, *"12" * 30]))
    with pytest.raises(TableError, match=r"There are x{79}…\.$"):
        read_table(file, "wombat", [])


# --- leading zeros --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "is_text"),
    [
        (["01234", "90210"], True),
        (["00", "01", "", "10"], True),  # cells may be missing
        ([" 01", " 10"], True),
        (["0" + "9" * 30, "1" + "0" * 30], True),
        (["0", "10"], False),
        (["0.5", "01.5"], False),
        (["-01", "02"], False),
    ],
)
def test_digits_after_zeros_are_no_numbers(cells, is_text, towns, tmp_path):
    cells = (cells * len(towns))[: len(towns)]
    towns.assign(new=cells).to_csv(tmp_path / "a.csv", index=False)
    table = read_table(tmp_path / "a.csv", None, [])
    assert ("new" in table.options["dtype"]) == is_text
    if is_text:
        assert table.X["new"].fillna("").tolist() == cells
    else:
        assert table.X["new"].dtype.kind in "if"


def test_codes_that_are_nearly_all_different_name_rows(towns, tmp_path):
    frame = towns.assign(member=[f"{i:04}" for i in range(len(towns))])
    frame.to_csv(tmp_path / "a.csv", index=False)
    table = read_table(tmp_path / "a.csv", None, [])
    assert table.left_out["member"].startswith("is text of 60 different values: names")


def test_drawn_cells_have_their_zeros(short, towns, tmp_path):
    frame = towns
    frame["zip"] = np.random.default_rng(0).choice(["01234", "00501"], len(frame))
    frame.to_csv(tmp_path / "a.csv", index=False)
    assert main([str(tmp_path / "a.csv")]) == 0
    page = (tmp_path / "a_look.html").read_text(encoding="utf-8")
    drawn = page[page.index("Rows that the model draws") :]
    assert len(re.findall("<td>(?:01234|00501)</td>", drawn)) == 8
    assert "dtype={&#x27;zip&#x27;: &#x27;str&#x27;}" in page


# --- headers --------------------------------------------------------------------------


def write_headerless(folder, towns):
    frame = pd.DataFrame(
        {
            "id": np.arange(len(towns)) * 7 % 11,
            "name": towns["kind"],
            "x": towns["größe"],
            "zip": towns["zip"],
        }
    )
    frame.to_csv(folder / "a.csv", index=False, header=False)
    return frame


def test_a_header_of_data_is_told(short, towns, tmp_path, capsys):
    write_headerless(tmp_path, towns)
    assert main([str(tmp_path / "a.csv")]) == 0
    said = re.escape("The header of a.csv looks like data: it has numbers where its ")
    said += r"columns have some \(0, 0\.125\d+\)\. If it is the first row of the "
    said += r"table, give --no-header\."
    page = (tmp_path / "a_look.html").read_text(encoding="utf-8")
    assert re.search(said, capsys.readouterr().err)
    assert re.search(f'<p class="ill">{said}</p>', page)


def test_without_a_header_columns_are_numbered(
    short, towns, tmp_path, capsys, monkeypatch
):
    frame = write_headerless(tmp_path, towns)
    monkeypatch.chdir(tmp_path)
    assert main(["a.csv", "--no-header", "--colour", "1", "--drop", "0"]) == 0
    assert "looks like data" not in capsys.readouterr().err
    codes = pd.read_csv("a_codes.csv")
    assert codes["1"].tolist() == frame["name"].tolist()
    page = Path("a_look.html").read_text(encoding="utf-8")
    assert "0: as you asked" in page
    assert "looks like data" not in page
    assert "header=None, dtype={3: &#x27;str&#x27;}" in page
    assert "X = X.rename(columns=str)\n" in page


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ("1000 cust 5", "1000, 5"),
        ("0.5 cust 0.5.1", "0.5, 0.5.1"),  # the second is pandas' name for 0.5
        ("7 cust Unnamed:_2", "7"),
        ("id cust 5", None),
        ("0 kind 1", None),
        ("2020 2021 2022", None),
        ("nan kind inf", None),
        ("v1.1 kind v1.2", None),
        ("Unnamed:_0 kind Unnamed:_2", None),
    ],
)
def test_headers_that_look_like_data(names, told):
    frame = pd.DataFrame({name.replace("_", " "): [1.0, 2.0] for name in names.split()})
    for kind in ("cust", "kind"):
        if kind in frame:
            frame[kind] = "text"
    doubt = doubt_header(Path("a.csv"), frame.assign(empty=np.nan), {})
    assert (doubt is None) if told is None else f"have some ({told})." in doubt


def test_decimal_commas_in_a_header_are_numbers():
    frame = pd.DataFrame({"0,5": [1.0, 2.0], "kind": ["a", "b"]})
    assert doubt_header(Path("a.csv"), frame, {}) is None
    assert "(0,5)" in doubt_header(Path("a.csv"), frame, {"decimal": ","})
