"""Prints the tables of docs/paper.rst from `benchmarks/results/paper`.

python benchmarks/paper/report.py > docs/paper_tables.inc
"""

import importlib
import shlex
from dataclasses import dataclass

import numpy as np
from experiment import RESULTS, read_results

# What a table shows: means and deviations, and all values behind them.
RECIPES = ("plain", "best", "convolutional", "default")


@dataclass(frozen=True)
class Line:
    """A line of the table: one figure of the paper's, and ours.

    Attributes
    ----------
    title : str
        What is asked.

    script, measure : str
        Where its rows are, and the figure of them.

    settings : dict
        Which rows.

    paper, others : str
        What the paper has, and what other open code was seen to reach.
    """

    title: str
    script: str
    measure: str
    settings: dict
    paper: str = "–"
    others: str = "–"


REDUCTION = "dimensionality_reduction"
VOTE, SHARE = "error (paper's vote)", "share in the part of its class"
ALL, MIXTURE, ROLL = 60_000, "gaussian_mixture", "swiss_roll"
LINES = [
    Line(
        "100 labels, error %",
        "semi_supervised",
        "error",
        {"labels": 100},
        "1.90 ± 0.10",
        "about 4 to 5 [1]_ [2]_",
    ),
    Line(
        "1,000 labels, error %",
        "semi_supervised",
        "error",
        {"labels": 1000},
        "1.60 ± 0.08",
        "2.9 (1,280 labels) [3]_",
    ),
    Line(
        "all labels, error %",
        "semi_supervised",
        "error",
        {"labels": ALL},
        "0.85 ± 0.02",
        "1.04 ± 0.05 [2]_",
    ),
    Line(
        "16 clusters, the paper's vote, error %",
        "clustering",
        VOTE,
        {"clusters": 16},
        "9.55 ± 2.05",
        "73.1, collapsed [2]_",
    ),
    Line(
        "30 clusters, the paper's vote, error %",
        "clustering",
        VOTE,
        {"clusters": 30},
        "4.10 ± 1.13",
        "15 [4]_",
    ),
    Line("10 clusters, accuracy", "clustering", "accuracy", {"clusters": 10}),
    Line(
        "2 columns, 100 labels, error %",
        REDUCTION,
        "error",
        {"labels": 100, "columns": 2},
        "6.08",
        "26.0 [2]_",
    ),
    Line(
        "2 columns, 1,000 labels, error %",
        REDUCTION,
        "error",
        {"labels": 1000, "columns": 2},
        "4.20",
        "8.3 [2]_",
    ),
    Line(
        "10 columns, 100 labels, error %",
        REDUCTION,
        "error",
        {"labels": 100, "columns": 10},
        "3.90",
    ),
    Line(
        "Parzen log-likelihood, nats",
        "likelihood",
        "log-likelihood",
        {},
        "340 ± 2",
        "340.1 ± 2.9 (2,000 epochs) [2]_",
    ),
    Line(
        "Figure 2, Gaussian: two-sample accuracy",
        "priors",
        "two-sample accuracy",
        {"prior": "gaussian", "labels": 0},
        "a picture",
    ),
    Line(
        "Figure 2, mixture: two-sample accuracy",
        "priors",
        "two-sample accuracy",
        {"prior": MIXTURE, "labels": 0},
        "a picture",
    ),
    Line(
        "Figure 4, mixture: share in the part of its class",
        "priors",
        SHARE,
        {"prior": MIXTURE, "labels": 10_000},
        "a picture",
    ),
    Line(
        "Figure 4, swiss roll: share in the part of its class",
        "priors",
        SHARE,
        {"prior": ROLL, "labels": 10_000},
        "a picture",
    ),
]


OTHERS = {
    1: 'musyoku, "adversarial-autoencoder" (Chainer), README and issues 7 and 13.',
    2: "1henrypage and flatala, reproduction of 2025 (PyTorch), with the paper's "
    "optimisers.",
    3: 'conan7882, "adversarial-autoencoders" (TensorFlow), README.',
    4: 'shaharazulay, "adversarial-autoencoder-classifier" (Keras): accuracy 0.85 with '
    "up to 30 clusters and further losses.",
}


def rows_with(script, wanted):
    """Return a script's rows of these settings, among others."""
    return [
        row
        for row in read_results(RESULTS / f"{script}.json")
        if all(row["settings"][name] == value for name, value in wanted.items())
    ]


def found(line, recipe, of):
    """Return the rows of a line's recipe as it is: of its options and its length."""
    recipes = importlib.import_module(line.script).EXPERIMENT.recipes
    if recipe not in recipes:
        return []
    wanted = {"set": of, "recipe": recipe, "epochs": recipes[recipe].epochs}
    return rows_with(line.script, wanted | {"options": {}, **line.settings})


def cell(line, recipe, of):
    """Return mean and deviation, and what they are of, for each device."""
    groups = {}
    for row in found(line, recipe, of):
        groups.setdefault(row.get("gpu") or row.get("device", "cpu"), []).append(row)
    return "; ".join(summary(line, *group) for group in groups.items()) or "–"


def summary(line, device, rows):
    """Return mean and deviation of rows of one device, their number and their time."""
    values = [row[line.measure] for row in rows]
    digits = 1 if np.mean(values) > 100 else 2 if np.mean(values) > 1 else 3
    spread = f" ± {np.std(values):.{digits}f}" if len(values) > 1 else ""
    cost = [f"{rows[0]['settings']['epochs']} epochs"]
    # What a training cost that several processes made, none of them has measured.
    kind = "processor minutes" if device == "cpu" else "minutes"
    minutes = [row[kind] for row in rows if not row.get("resumed")]
    if minutes:
        cost.append(f"{np.mean(minutes):.{0 if device == 'cpu' else 1}f} min")
    if device != "cpu":
        cost.append(device)
    text = f"**{np.mean(values):.{digits}f}{spread}**"
    return f"{text} ({len(values)}; {', '.join(cost)})"


def table(of):
    """Yield the lines of a set's table that have a result."""
    yield from (".. list-table::", "   :header-rows: 1", "   :class: results", "")
    names = ("", "paper", "other open code", *RECIPES)
    yield "   * - " + "\n     - ".join(names)
    for line in LINES:
        cells = [cell(line, recipe, of) for recipe in RECIPES]
        if set(cells) == {"–"}:
            continue
        known = (line.paper, line.others) if of == "mnist" else ("–", "–")
        yield "   * - " + "\n     - ".join((line.title, *known, *cells))


def peers(of):
    """Yield what other models reach on a set, one sentence each."""
    wanted = {"set": of, "epochs": 1, "labels": 100, "options": {}}
    rows = rows_with("peers", wanted)
    for recipe in dict.fromkeys(row["settings"]["recipe"] for row in rows):
        same = [row for row in rows if row["settings"]["recipe"] == recipe]
        name = "error" if "error" in same[0] else "accuracy"
        values = [row[name] for row in same]
        digits = 2 if name == "error" else 3
        task = "100 labels, error %" if name == "error" else "10 clusters, accuracy"
        yield (
            f"- {recipe}: {task} {np.mean(values):.{digits}f} ± "
            f"{np.std(values):.{digits}f} ({len(values)})"
        )


def commands():
    """Yield the commands of all rows, without their seeds."""
    every = []
    for script in (*dict.fromkeys(line.script for line in LINES), "peers"):
        for row in read_results(RESULTS / f"{script}.json"):
            words = shlex.split(row["command"])
            at = words.index("--first-seed")
            every.append(shlex.join(words[:at] + words[at + 4 :]))
    yield from dict.fromkeys(every)


def page():
    """Yield the tables of both sets, whose code is named in them, and the commands."""
    tables = []
    for of, title in (("mnist", "MNIST"), ("fashion_mnist", "Fashion-MNIST")):
        lines = list(table(of))
        if len(lines) > 5:
            tables += [title, "-" * len(title), "", *lines, ""]
        if others := list(peers(of)):
            tables += [f"Others on {title}:", "", *others, ""]
    if not tables:
        yield "No run of this state of the code is kept yet."
        return
    yield from tables
    yield from (".. code-block:: text", "", *(f"   $ {line}" for line in commands()))
    named = [i for i in OTHERS if f"[{i}]_" in "".join(tables)]
    if named:
        yield "\nOther open code: what its README, reports or trackers say of it.\n"
    for i in named:
        yield f".. [{i}] {OTHERS[i]}"


def main():
    """Print what `docs/paper.rst` includes."""
    print(*page(), sep="\n")


if __name__ == "__main__":
    main()
