"""Print defaults beside the peers that users would pick, set by set.

    python benchmarks/defaults_report.py benchmarks/results/defaults.json [--summary]

The file maps "task/set/k/method/seed" to scores. The tables are those of
``docs/defaults.rst``; --summary prints means and mean ranks only.
"""

import json
import sys
from collections import defaultdict

import numpy as np
from scipy.stats import rankdata

# Of each task: the titles of its k, and its measures with the better direction.
TASKS = {
    "reduce": ("Codes, k = {k}", {"auc": 1, "r2": 1}),
    "semisup": ("{k} labelled rows", {"auc": 1, "bal": 1}),
    "generate": ("Rows by class", {"auc": 1, "novelty": 0}),
    "cluster": ("Clusters", {"accuracy": 1, "nmi": 1}),
    "outlier": ("Outliers", {"auroc": 1, "ap": 1}),
}
NAMES = {
    "auc": "ROC AUC",
    "bal": "balanced accuracy",
    "r2": "R² of numbers",
    "novelty": "distance to the nearest training row, over that of real test rows",
    "accuracy": "accuracy of the best matching",
    "nmi": "normalised mutual information",
    "auroc": "ROC AUC",
    "ap": "average precision",
}
# Named for comparison, not in competition.
APART = ("all_columns", "real", "bootstrap")


def read(path):
    """Return {(task, k): {method: {set: [scores of a seed]}}}."""
    with open(path, encoding="utf-8") as file:
        found = json.load(file)
    tasks = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for key, scores in found.items():
        if key.count("/") == 4 and "error" not in scores:
            task, name, k, method, _ = key.split("/")
            tasks[task, int(k)][method][name].append(scores)
    return tasks


def grid(methods, measure):
    """Return sets, methods and the means over seeds, (sets, methods)."""
    used = [
        m for m in methods if any(measure in r for v in methods[m].values() for r in v)
    ]
    # Ours first.
    used.sort(key=lambda m: (not m.startswith("aae"), m in APART))
    sets = list(dict.fromkeys(name for m in used for name in methods[m]))
    values = [
        [
            np.mean(
                [r[measure] for r in methods[m].get(name, []) if measure in r]
                or [np.nan]
            )
            for m in used
        ]
        for name in sets
    ]
    return sets, used, np.array(values)


def ranks_of(values, used):
    """Return the mean rank of each method in competition, best first."""
    rivals = [j for j, m in enumerate(used) if m not in APART]
    known = values[~np.isnan(values).all(1)][:, rivals]
    ranks = rankdata(-np.nan_to_num(known, nan=-np.inf), axis=1).mean(0)
    mean = np.full(len(used), np.nan)
    mean[rivals] = ranks
    return mean


def cells(values, used, direction, digits=3):
    """Return texts of one line, its best one bold."""
    rivals = [v for v, m in zip(values, used, strict=True) if m not in APART]
    top = np.nanmax(direction * np.array(rivals)) if direction else np.nan
    texts = []
    for v, m in zip(values, used, strict=True):
        text = "" if np.isnan(v) else f"{v:.{digits}f}"
        best = direction and m not in APART and direction * v == top
        texts.append(f"**{text}**" if best else text)
    return texts


def table(methods, measure, direction, summary):
    """Return the lines of a csv-table."""
    sets, used, values = grid(methods, measure)
    whole = values[~np.isnan(values).any(1)]
    lines = [".. csv-table::", f"   :header: set, {', '.join(used)}", ""]
    if not summary:
        for name, row in zip(sets, values, strict=True):
            if not np.isnan(row).all():
                lines.append("   " + ", ".join([name, *cells(row, used, direction)]))
    mean = [f"mean of {len(whole)}", *cells(whole.mean(0), used, direction)]
    lines.append("   " + ", ".join(mean))
    if direction:
        ranks = cells(ranks_of(values, used), used, -1, digits=1)
        lines.append("   " + ", ".join(["mean rank", *ranks]))
    return [*lines, ""]


def main():
    """Print all tables."""
    tasks = read(sys.argv[1])
    for task, (title, measures) in TASKS.items():
        for (name, k), methods in tasks.items():
            if name != task:
                continue
            heading = title.format(k=k)
            print(f"{heading}\n{'-' * len(heading)}\n")
            for measure, direction in measures.items():
                print(f"{NAMES[measure]}:\n")
                print(
                    "\n".join(
                        table(methods, measure, direction, "--summary" in sys.argv)
                    )
                )


if __name__ == "__main__":
    main()
