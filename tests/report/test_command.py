"""The command looks at a file: what it writes is what the estimators say of it."""

import html.parser
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sklearn_aae.report import _command, main
from sklearn_aae.report._table import read_table

N = 60
ODD = 17


def make_frame():
    random = np.random.default_rng(0)
    size = random.normal(size=N)
    frame = pd.DataFrame(
        {
            "no": range(1, N + 1),
            "size": size,
            "weight <kg>": 2 * size + 0.1 * random.normal(size=N),
            "kind": np.where(size > 0, "big", "small"),
            "label": [f"item {i}" for i in range(N)],
            "always": "same",
            "nothing": np.nan,
            "price": random.normal(size=N),
        }
    )
    frame.loc[3, "price"] = np.nan
    frame.loc[ODD, "price"] = 50.0
    return frame


LEARNT = ["size", "weight <kg>", "price"]


class Reader(html.parser.HTMLParser):
    """Reads the text, and what a page would load."""

    def __init__(self, page):
        super().__init__()
        self.text, self.loads, self.open = "", [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.loads += [v for name, v in attributes if name in ("src", "href")]

    def handle_endtag(self, tag):
        if tag == "li":
            while self.open[-1] != "li":
                self.open.pop()
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("look")
    make_frame().to_csv(folder / "items.csv", index=False)
    assert main([str(folder / "items.csv"), "--colour", "kind"]) == 0
    return folder


def test_the_page_says_what_there_is_and_loads_nothing(written):
    read = Reader((written / "items_look.html").read_text(encoding="utf-8"))
    assert read.open == []
    assert len(read.loads) == 4
    assert all(load.startswith("data:image/png;base64,") for load in read.loads)
    assert f"{N} rows, 3 columns learnt from, 1 missing cells" in read.text
    for said in (
        "kind: colours the picture",
        "no: counts the rows",
        "label: is text of 60 different values",
        "always: has one value only",
        "nothing: is empty",
        "weight <kg>",
        "price = 50",
    ):
        assert said in read.text, said
    assert "$" not in read.text


def test_the_odd_row_is_found_and_its_cell_blamed(written):
    page = (written / "items_look.html").read_text(encoding="utf-8")
    found = rf"<td class=n>{ODD}</td><td class=n>[\d.]+</td><td>(.*?)</td>"
    blamed = re.search(found, page).group(1)
    assert blamed.startswith("price = 50 (")
    scores = pd.read_csv(written / "items_codes.csv")["unusual"]
    assert scores.rank(ascending=False)[ODD] <= 3


def with_commas(frame):
    return frame.to_csv(index=False, sep=";", decimal=",").encode()


FILES = {
    "plain": lambda frame: frame.to_csv(index=False).encode(),
    "semicolons": lambda frame: frame.to_csv(index=False, sep=";").encode(),
    "decimal commas": with_commas,
    "tabs": lambda frame: frame.to_csv(index=False, sep="\t").encode(),
    "latin-1": lambda frame: (
        frame.rename(columns={"size": "größe"}).to_csv(index=False).encode("latin-1")
    ),
    "utf-8 with a mark": lambda frame: frame.to_csv(index=False).encode("utf-8-sig"),
    "utf-16": lambda frame: frame.to_csv(index=False).encode("utf-16"),
    "Excel's Unicode text": lambda frame: (
        "\ufeff" + frame.to_csv(index=False, sep="\t")
    ).encode("utf-16-le"),
    "names after spaces": lambda frame: (
        frame.rename(columns=" {} ".format).to_csv(index=False).encode()
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_the_code_on_the_page_makes_the_same_codes(kind, short, tmp_path, monkeypatch):
    (tmp_path / "items.csv").write_bytes(FILES[kind](make_frame()))
    monkeypatch.chdir(tmp_path)
    assert main(["items.csv", "--colour", "kind"]) == 0
    page = Path("items_look.html").read_text(encoding="utf-8")
    code = html.unescape(re.search(r"<pre.*?>(.*?)</pre>", page, re.DOTALL).group(1))
    names = {}
    exec(code, names)
    learnt = [name.replace("größe", "size") for name in names["X"].columns]
    assert learnt == LEARNT
    np.testing.assert_allclose(names["X"], make_frame()[LEARNT])
    found = pd.read_csv("items_codes.csv")
    np.testing.assert_allclose(names["codes"], found[["z1", "z2"]], rtol=1e-6)
    np.testing.assert_allclose(names["unusual"], found["unusual"], rtol=1e-6)
    assert (found["kind"] == make_frame()["kind"]).all()


def test_decimal_commas_are_read_where_they_make_more_numbers(tmp_path):
    frame = make_frame()[["size", "price"]].assign(pair="1,2")
    frame.loc[0, "pair"] = "3,4"
    (tmp_path / "a.csv").write_text(frame.to_csv(index=False, sep=";"))
    table = read_table(tmp_path / "a.csv", None, [])
    assert table.options == {"sep": ";"}
    assert list(table.X.select_dtypes("number")) == ["size", "price"]


@pytest.mark.parametrize("n_components", [1, 3])
def test_other_numbers_of_columns_and_other_files(
    n_components, short, tmp_path, capsys
):
    file, out = tmp_path / "größe.csv", tmp_path / "new" / "folder"
    frame = make_frame().rename(columns={"price": "row"})[["size", "row", "kind"]]
    frame.to_csv(file, index=False)
    options = ["--columns", str(n_components), "--color", "row", "--drop", "kind"]
    assert main([str(file), *options, "--output", str(out)]) == 0
    printed = capsys.readouterr().out.splitlines()[-2:]
    assert printed == [str(out / "größe_codes.csv"), str(out / "größe_look.html")]
    codes = pd.read_csv(out / "größe_codes.csv")
    names = [f"z{i + 1}" for i in range(n_components)]
    assert list(codes) == ["row", *names, "unusual", "row_"]
    page = (out / "größe_look.html").read_text(encoding="utf-8")
    assert "kind: as you asked" in page
    assert ("by the number that" in page) == (n_components == 1)
    assert ("by the 3 numbers that" in page) == (n_components == 3)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (None, [], "There is no file"),
        ("", [], "no table of separated values"),
        ("a,b\n1,2\n", [], "has 1 rows and 0 columns .* at least 20"),
        ("size,b\n" + "1,2\n" * 30, ["--colour", "sise"], "Did you mean 'size'"),
        ("a,b\n" + "1,2\n" * 30, [], "a: has one value only; b: has one"),
        ("a,b\n1,2\n3\n4,5,6,7\n", [], "no table of separated values"),
        ("a,b\n" + "1,2,\n" * 30, [], "more values in a row than names in its header"),
        ("ä,b\n" + "é,2,1\n" * 30, [], "more values in a row than names in its header"),
        ("text;v,w\n" + "x,1,2\n" * 30, [], "name each column, and end no line with a"),
        ("a,a ,c\n" + "1,2,3\n" * 30, [], "Several columns are called 'a': rename"),
        ("a,b\n1,2\n3,4\n" * 30, ["--output", "f"], "--output must be a folder, and f"),
    ],
)
def test_what_cannot_be_looked_at_is_said(
    text, options, message, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_command, "look_at", None)  # it is said before the fits
    Path("f").touch()
    file = tmp_path / "table.csv"
    if text is not None:
        file.write_text(text, encoding="latin-1")
    assert main([str(file), *options]) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not list(tmp_path.glob("table_*"))


def test_without_matplotlib_it_is_said_before_the_fits(tmp_path, capsys, monkeypatch):
    make_frame().to_csv(tmp_path / "a.csv", index=False)
    monkeypatch.setattr(_command, "look_at", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main([str(tmp_path / "a.csv")]) == 2
    assert "The report requires matplotlib. Install it" in capsys.readouterr().err


@pytest.mark.parametrize("seed", ["-1", str(2**32)])
def test_seeds_that_are_none(seed, capsys):
    with pytest.raises(SystemExit):
        main(["a.csv", "--seed", seed])
    assert f"--seed: {seed} is not from 0 to 4294967295" in capsys.readouterr().err


def test_it_is_a_command():
    done = subprocess.run(
        [sys.executable, "-m", "sklearn_aae", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "--colour COLUMN" in done.stdout
