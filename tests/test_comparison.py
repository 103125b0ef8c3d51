"""docs/comparison.rst: what it says that we have is proven by tests that exist."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
N_PACKAGES = 14  # ours is the first


def rows():
    """Return the cells of each row, the header's left out."""
    text = (DOCS / "comparison.rst").read_text(encoding="utf-8")
    table = text.partition("   * - feature\n")[2]
    parts = table.split("\n   * - ")[1:]
    return [[" ".join(c.split()) for c in part.split("\n     - ")] for part in parts]


ROWS = rows()


def test_each_row_has_all_packages():
    assert len(ROWS) > 50
    for feature, *marks, _ in ROWS:
        assert len(marks) == N_PACKAGES, feature
        assert set(marks) <= set("YPN–?"), feature


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_we_have_is_proven(row):
    _, ours, *_, proof = row
    links = re.findall(r":download:`(test_\w+) <(\S+)>`", proof)
    assert bool(links) == (ours in "YP")
    for name, path in links:
        test = (DOCS / path).read_text(encoding="utf-8")
        assert re.search(rf"^def {name}\(", test, re.MULTILINE)
