"""The command looks at a file: what it writes is what the estimators say of it."""

import html.parser
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from sklearn_aae import AAEOutlierDetector, AAETransformer
from sklearn_aae.report import main

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


def test_codes_are_those_of_the_estimators(written):
    found = pd.read_csv(written / "items_codes.csv", index_col="row")
    X = pd.read_csv(written / "items.csv")[LEARNT]
    codes = AAETransformer(2, random_state=0).fit(X).transform(X)
    np.testing.assert_allclose(found[["z1", "z2"]], codes, rtol=1e-6)
    detector = AAEOutlierDetector(random_state=0).fit(X)
    np.testing.assert_allclose(found["unusual"], -detector.score_samples(X), rtol=1e-6)
    assert (found["kind"] == make_frame()["kind"]).all()


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


def test_the_code_on_the_page_makes_the_same_codes(written, monkeypatch):
    page = (written / "items_look.html").read_text(encoding="utf-8")
    code = html.unescape(re.search(r"<pre>(.*?)</pre>", page, re.DOTALL).group(1))
    monkeypatch.chdir(written)
    names = {}
    exec(code, names)
    found = pd.read_csv("items_codes.csv")
    np.testing.assert_allclose(names["codes"], found[["z1", "z2"]], rtol=1e-6)
    np.testing.assert_allclose(names["unusual"], found["unusual"], rtol=1e-6)


@pytest.mark.parametrize("n_components", [1, 3])
def test_other_numbers_of_columns_and_other_files(n_components, tmp_path, capsys):
    file, out = tmp_path / "größe.csv", tmp_path / "new" / "folder"
    frame = make_frame().rename(columns={"price": "größe"})[["size", "größe", "kind"]]
    file.write_bytes(frame.to_csv(index=False, sep=";").encode("latin-1"))
    options = ["--columns", str(n_components), "--color", "größe", "--drop", "kind"]
    assert main([str(file), *options, "--output", str(out)]) == 0
    printed = capsys.readouterr().out.splitlines()[-2:]
    assert printed == [str(out / "größe_codes.csv"), str(out / "größe_look.html")]
    codes = pd.read_csv(out / "größe_codes.csv")
    names = [f"z{i + 1}" for i in range(n_components)]
    assert list(codes) == ["row", *names, "unusual", "größe"]
    assert "kind: as you asked" in (out / "größe_look.html").read_text()


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (None, [], "There is no file"),
        ("", [], "no table of separated values"),
        ("a,b\n1,2\n", [], "has 1 rows and 0 columns .* at least 20"),
        ("size,b\n" + "1,2\n" * 30, ["--colour", "sise"], "Did you mean 'size'"),
        ("a,b\n" + "1,2\n" * 30, [], "a: has one value only; b: has one"),
        ("a,b\n1,2\n3\n4,5,6,7\n", [], "no table of separated values"),
    ],
)
def test_what_cannot_be_looked_at_is_said(text, options, message, tmp_path, capsys):
    file = tmp_path / "table.csv"
    if text is not None:
        file.write_text(text)
    assert main([str(file), *options]) == 2
    assert re.search(message, capsys.readouterr().err)
    assert not list(tmp_path.glob("table_*"))


def test_it_is_a_command():
    done = subprocess.run(
        [sys.executable, "-m", "sklearn_aae", "--help"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert "--colour COLUMN" in done.stdout
