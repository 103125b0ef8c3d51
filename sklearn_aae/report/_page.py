"""The page: one HTML file that needs nothing beside it, light and dark."""

from collections.abc import Iterable
from html import escape
from string import Template
from typing import Any

import numpy as np

from sklearn_aae._version import __version__
from sklearn_aae.report._look import Look
from sklearn_aae.report._pictures import (
    MAX_BARS,
    draw_columns,
    draw_map,
    draw_scores,
    draw_training,
)
from sklearn_aae.report._table import Table

PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>
:root { --ink: #1c2430; --soft: #5b6675; --line: #d8dee6; --back: #fff; --box: #f5f7fa;
  --mark: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #a3adba;
  --line: #39424e; --back: #14181d; --box: #1d232a; --mark: #56b4e9; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 60rem; color: var(--ink);
  background: var(--back); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .4rem; border-top: 1px solid var(--line);
  padding-top: 1.2rem; }
p { max-width: 44rem; } .soft { color: var(--soft); }
img { display: block; max-width: 100%; height: auto; background: #fff;
  border-radius: 6px; padding: .4rem; margin: .8rem 0; }
/* Curves are too small to read in the width of a phone: they scroll. */
.wide { overflow-x: auto; } .wide img { max-width: none; width: max(100%, 44rem); }
table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .3rem .7rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
.drawn td, .drawn th { white-space: nowrap; }
td.n { text-align: right; font-variant-numeric: tabular-nums; }
.health { list-style: none; padding-left: .6rem; }
.good::before { content: "✓ "; color: var(--mark); }
.ill::before { content: "! "; color: #d55e00; font-weight: bold; }
pre { background: var(--box); padding: .8rem 1rem; overflow-x: auto; border-radius: 6px;
  font-size: .85rem; }
</style>
</head>
<body>
<main>
<h1>$title</h1>
<p class="soft">$summary</p>
$doubt
<h2>The map</h2>
<p>Each point is a row, placed by the $numbers that an adversarial autoencoder has
found for it. Rows that are alike lie side by side.$contours</p>
<img src="$map" alt="Codes of the rows">
<h2>Columns that matter</h2>
<p>How far the points move, over their own spread, if one column is shuffled and the
others are left alone. A column with a short bar has little say in the map.$shown</p>
<img src="$columns" alt="Columns by how far codes move without them">
$left_out
<h2>Unusual rows</h2>
<p>The rows that are most unlike the rest, and the cells that make them so. Row numbers
count from 0, below the header. Unusual is not wrong: look at them.</p>
<img src="$scores" alt="Histogram of how unusual rows are; the most unusual are marked">
<div class="wide" tabindex="0">$outliers</div>
<h2>Rows that the model draws</h2>
<p>Where these look like rows of the table, the model has learnt how its columns go
together; where not, do not trust the map either.</p>
<div class="wide drawn" tabindex="0">$drawn</div>
<p>$known Drawn rows are no guarantee of privacy: one that is not in the table may be
close to one that is.</p>
<h2>Health of the training</h2>
<ul class="health">$health</ul>
<div class="wide" tabindex="0"><img src="$training" alt="Losses by epoch"></div>
<h2>Go on in Python</h2>
<pre tabindex="0">$code</pre>
<p class="soft">Made by sklearn_aae $version.</p>
</main>
</body>
</html>
""")


def make_page(name: str, table: Table, look: Look, *, seed: int) -> str:
    """Return the page.

    Parameters
    ----------
    name : str
        Of the file.

    table : Table
        What was looked at.

    look : Look
        What there is to say of it.

    seed : int
        Of the fits.
    """
    n_rows, n_columns = table.X.shape
    k = look.codes.shape[1]
    n_missing = int(table.X.isna().sum().sum())
    summary = f"{n_rows:,} rows, {n_columns} columns learnt from"
    summary += f", {n_missing:,} missing cells" if n_missing else ""
    contours = ""
    if k == 2:
        contours = (
            " The lines hold half, 80 % and 95 % of the places meant to be filled."
        )
    picture, n_far = draw_map(look, table.colour)
    if n_far:
        rows = "row is" if n_far == 1 else "rows are"
        contours += f" {n_far} {rows} far outside, and drawn at the edge."
    return PAGE.substitute(
        title=escape(name),
        summary=f"{summary}.",
        doubt=""
        if table.doubt is None
        else f'<p class="ill">{escape(table.doubt)}</p>',
        numbers="number" if k == 1 else f"{k} numbers",
        contours=contours,
        map=picture,
        columns=draw_columns(look),
        shown=_shown(n_columns),
        left_out=_left_out(table.left_out),
        scores=draw_scores(look),
        outliers=_outliers(look),
        drawn=_table(look.drawn.columns, look.drawn.itertuples(index=False)),
        known=_known(look.drawn, table.X),
        health="".join(_health(look)),
        training=draw_training(look),
        code=escape(_code(name, table, k, seed)),
        version=__version__,
    )


def _shown(n_columns: int) -> str:
    if n_columns <= MAX_BARS:
        return ""
    return f" Drawn are the {MAX_BARS} of the {n_columns} columns with most."


def _left_out(left_out: dict[str, str]) -> str:
    if not left_out:
        return ""
    items = (f"<li>{escape(n)}: {escape(why)}</li>" for n, why in left_out.items())
    return f"<p>Not learnt from:</p><ul>{''.join(items)}</ul>"


def _outliers(look: Look) -> str:
    lines = []
    for outlier in look.outliers:
        cells = [f"{n} = {_text(v)} ({share:.0%})" for n, v, share in outlier.blamed]
        because = ", ".join(cells) or "many cells, each a little"
        lines.append((outlier.row, outlier.score, because))
    return _table(("row", "score", "because of"), lines)


def _known(drawn: Any, X: Any) -> str:
    """Return how many of the drawn rows are in the table, as both would be shown."""
    same = np.ones((len(drawn), len(X)), dtype=bool)
    for name in drawn.columns:
        alike = np.flatnonzero(same.any(0))  # the other rows need no texts
        at, values = X[name].iloc[alike].factorize(use_na_sentinel=False)
        shown = np.array([_text(value) for value in values], dtype=object)
        for row, value in zip(same, drawn[name], strict=True):
            row[alike] &= (shown == _text(value))[at]
    n_known = int(same.any(1).sum())
    if not n_known:
        return f"None of these {len(drawn)} is also a row of the table, as shown here."
    rows = "is also a row" if n_known == 1 else "are also rows"
    return f"{n_known} of these {len(drawn)} {rows} of the table, as shown here."


def _table(names: Iterable, rows: Iterable[Iterable]) -> str:
    head = "".join(f"<th>{escape(str(name))}</th>" for name in names)
    body = "".join(
        "<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: Any) -> str:
    number = isinstance(value, int | float | np.number)
    return f"<td{' class=n' if number else ''}>{escape(_text(value))}</td>"


def _text(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return "missing" if np.isnan(value) else f"{value:.4g}"
    return str(value)


def _health(look: Look) -> Iterable[str]:
    """Yield what went well and what did not, each as an item of a list."""
    health = look.model.health_
    kept, match = health["explained_variance"], health["prior_match_pvalue"]
    yield _item(kept > 0.2, f"The codes keep {kept:.0%} of the columns' variance.")
    yield _item(
        match >= 0.01,
        "The points fill the places that were meant to be filled"
        + (" (p = " if match >= 0.01 else " only in part (p = ")
        + f"{match:.2g}).",
    )
    dead = health["dead_columns"]
    yield _item(
        not dead,
        "All columns of the code are in use."
        if not dead
        else f"Columns {dead} of the code are hardly used: ask for fewer (--columns).",
    )
    yield from (_item(False, message) for message in look.warned)


def _item(good: bool, text: str) -> str:
    return f'<li class="{"good" if good else "ill"}">{escape(text)}</li>'


def _code(name: str, table: Table, k: int, seed: int) -> str:
    """Return the Python that makes the same codes."""
    options = "".join(f", {key}={value!r}" for key, value in table.options.items())
    lines = [f"X = pd.read_csv({name!r}{options})"]
    if table.renamed is not None:
        lines.append(f"X = X.rename(columns={table.renamed})")
    if table.left_out:
        lines.append(f"X = X.drop(columns={list(table.left_out)!r})")
    return "\n".join(
        [
            "import pandas as pd",
            "from sklearn_aae import AAETransformer, AAEOutlierDetector",
            "",
            *lines,
            f"aae = AAETransformer({k}, random_state={seed}).fit(X)",
            "codes = aae.transform(X)",
            "drawn = aae.sample(100)",
            f"detector = AAEOutlierDetector(random_state={seed}).fit(X)",
            "unusual = -detector.score_samples(X)",
        ]
    )
