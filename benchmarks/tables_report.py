"""Print the results of tables.py, set by set, as tables for the documentation.

python benchmarks/tables_report.py benchmarks/results/tables_codes.json ...
"""

import json
import sys

import numpy as np

# The measure of each part, and which way is better.
MEASURES = {
    "codes": [("AUC 15-NN", max), ("AUC logistic", max)],
    "imputation": [("error", min), ("accuracy", max)],
    "generation": [("AUC HGB", max), ("nearer", None)],
}
# Named for comparison, not in competition.
APART = ("all columns", "real")


def cell(rows, measure):
    """Return the mean of a measure, if there is any."""
    values = [row[measure] for row in rows if measure in row]
    return float(np.mean(values)) if values else np.nan


def table(rows, measure, best):
    """Return the lines of a csv-table: sets by models, the best one bold."""
    models = list(dict.fromkeys(row["model"] for row in rows if measure in row))
    sets = list(dict.fromkeys(row["set"] for row in rows))
    lines = [".. csv-table::", f"   :header: set, {', '.join(models)}", ""]
    columns = []
    for name in sets:
        means = [
            cell([r for r in rows if (r["set"], r["model"]) == (name, m)], measure)
            for m in models
        ]
        if np.isnan(means).all():
            continue
        columns.append(means)
        lines.append(line(name, means, models, best))
    return [*lines, line("mean", np.mean(columns, axis=0), models, best), ""]


def line(name, means, models, best):
    """Return one row of a csv-table."""
    rivals = [v for v, m in zip(means, models, strict=True) if m not in APART]
    top = best(rivals) if best else None
    texts = [f"**{v:.3f}**" if v == top else f"{v:.3f}" for v in means]
    return "   " + ", ".join([name, *texts])


def main():
    """Print all tables of the given files."""
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        print(f"{path}: {found['machine']}\n")
        for part, k in dict.fromkeys((r["part"], r["k"]) for r in found["rows"]):
            rows = [r for r in found["rows"] if (r["part"], r["k"]) == (part, k)]
            ranks = {
                m: cell([r for r in rows if r["model"] == m], "rank")
                for m in dict.fromkeys(r["model"] for r in rows)
            }
            for measure, best in MEASURES[part]:
                print(f"{part}, k = {k}: {measure}\n")
                print("\n".join(table(rows, measure, best)))
            print({m: round(v, 2) for m, v in ranks.items()}, "\n")


if __name__ == "__main__":
    main()
