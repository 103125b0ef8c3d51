"""Makhzani et al., section 7: few columns that hold a class and a style.

    python benchmarks/paper/dimensionality_reduction.py --data DIR [--labels 100]
        [--columns 2] [--recipe {plain,best,convolutional}] [--epochs N] [--resume]

The decoder sees a few columns only, the sum of the style and of a head for each class.
Errors are of the 10,000 test rows: of the classes, and of ten nearest neighbours among
those columns, taught by all training labels. The paper: two columns 6.08 % with 100
labels and 4.20 % with 1,000; ten columns 3.90 % with 100.
"""

from dataclasses import replace

import semi_supervised
from experiment import Experiment, Recipe, main
from sklearn.neighbors import KNeighborsClassifier

RECIPES = {
    name: Recipe({**recipe.options, "class_heads": True}, recipe.epochs)
    for name, recipe in semi_supervised.RECIPES.items()
}


def make(args, options):
    """Return a classifier whose codes are sums."""
    return semi_supervised.make(args, {**options, "n_components": args.columns})


def judge(model, rows, args, seed):
    """Return the errors of test rows, in per cent."""
    near = KNeighborsClassifier(10).fit(model.transform(rows.X), rows.y)
    error = 1 - near.score(model.transform(rows.X_test), rows.y_test)
    found = semi_supervised.judge(model, rows, args, seed)
    return found | {"error by neighbours": 100 * error}


EXPERIMENT: Experiment = replace(
    semi_supervised.EXPERIMENT,
    recipes=RECIPES,
    make=make,
    judge=judge,
    settings={
        **semi_supervised.EXPERIMENT.settings,
        "columns": {"type": int, "default": 2},
    },
)

if __name__ == "__main__":
    main(__doc__, EXPERIMENT)
