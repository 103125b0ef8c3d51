"""Makhzani et al., table 2: MNIST with few labels, by SemiSupervisedAAEClassifier.

    python benchmarks/paper/semi_supervised.py --data DIR [--labels 100]
        [--recipe {plain,best,convolutional}] [--epochs N] [--seeds 3] [--resume]

All 60,000 training rows, `labels` of them labelled, drawn at random and equal for each
class; the error is of the 10,000 test rows, at the end of the training (the test rows
choose nothing). The paper: 1.90 % with 100 labels, 1.60 % with 1,000, 0.85 % with all.

plain          the paper's recipe: reconstruction, two critics, the labelled rows
best           besides, neighbours agree, and then smoothness (virtual adversarial)
convolutional  the same of pictures, smooth further around them, which are shifted in
               training: not comparable with models that know no pixel's place
"""

import numpy as np
from experiment import NETWORKS, PICTURES, PLAIN, Experiment, Recipe, main

from sklearn_aae import SemiSupervisedAAEClassifier

# Labelled rows of a step, where there are many.
MOST_A_STEP = 100
THREE_PHASES = {
    "input_noise": 0.3,
    "critic_noise": 0.0,
    "agreement_strength": 0.0,
    "agreement_duration": None,
    "smoothness_strength": 0.0,
    "teacher_strength": 0.0,
}
TWO_STAGES = {
    "agreement_duration": 0.2,
    "smoothness_strength": 3.0,
    "smoothness_radius": 0.5,
    "learning_rate": 1e-3,
    "batch_size": 200,
}
RECIPES = {
    "plain": Recipe({**PLAIN, **THREE_PHASES}, 50),
    "best": Recipe({**NETWORKS, **TWO_STAGES}, 42),
    "convolutional": Recipe(
        {
            **PICTURES,
            **TWO_STAGES,
            "smoothness_radius": 0.8,
            "augmentation": ("shift",),
        },
        30,
    ),
}


def few_labels(y, n_labels, seed):
    """Return labels of which all but `n_labels` are -1, equal for each class."""
    if n_labels >= len(y):
        return y
    rng, few = np.random.RandomState(seed), np.full(len(y), -1)
    classes = np.unique(y)
    for c in classes:
        labelled = rng.permutation(np.flatnonzero(y == c))[: n_labels // len(classes)]
        few[labelled] = c
    return few


def make(args, options):
    """Return a classifier."""
    many = args.labels > MOST_A_STEP
    step = {"labeled_batch_size": MOST_A_STEP} if many else {}
    return SemiSupervisedAAEClassifier(**step | options)


def judge(model, rows, args, seed):
    """Return the error of test rows, and of training rows, in per cent."""
    return {
        "error": 100 * (1 - model.score(rows.X_test, rows.y_test)),
        "training error": 100 * (1 - model.score(rows.X, rows.y)),
    }


EXPERIMENT = Experiment(
    RECIPES,
    make,
    judge,
    labels=lambda rows, args, seed: few_labels(rows.y, args.labels, seed),
    settings={"labels": {"type": int, "default": 100}},
)

if __name__ == "__main__":
    main(__doc__, EXPERIMENT)
