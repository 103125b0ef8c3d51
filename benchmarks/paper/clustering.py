"""Makhzani et al., table 3: MNIST without labels, by AAEClusterer.

    python benchmarks/paper/clustering.py --data DIR [--clusters 30]
        [--recipe {plain,best,convolutional,default}] [--epochs N] [--resume]

The 60,000 training rows are clustered, and the 10,000 test rows are assigned. The fit
sees no label. Three figures of the test rows:

error (paper's vote)
    each cluster has the label of one training row, that of its highest probability;
error (majority)
    each cluster has the label of most of its training rows;
accuracy
    the best matching of clusters and classes, one to one (Hungarian).

The paper: an error of 4.10 ± 1.13 % with 30 clusters and 9.55 ± 2.05 % with 16, after
1,500 epochs of networks with 3,000 units.

plain          the paper's recipe: reconstruction and two critics
best           besides, labels of neighbours agree; several restarts
convolutional  the defaults, of pictures that are shifted in training
default        what AAEClusterer does if nothing is said
"""

from experiment import NETWORKS, PICTURES, PLAIN, Experiment, Recipe, main

from sklearn_aae import AAEClusterer
from sklearn_aae.metrics import clustering_accuracy, majority_vote_error

# The paper normalises, and hides cells, where it finds clusters only.
TWO_GAMES = {
    "normalization": "batch",
    "input_dropout": 0.2,
    "input_noise": 0.0,
    "critic_noise": 0.0,
    "reconstruction_strength": 1.0,
    "class_heads": False,
    "fit_cluster_prior": False,
    "partition_strength": 0.0,
    "agreement_strength": 0.0,
    "n_init": 1,
}
RECIPES = {
    "plain": Recipe({**PLAIN, **TWO_GAMES}, 50),
    "best": Recipe(
        {
            **NETWORKS,
            "batch_size": 200,
            "n_init": 3,
            "halving": False,
            "input_noise": 0.0,
            "neighbor_noise_rate": 0.1,
            "partition_strength": 0.0,
            "agreement_strength": 3.0,
            "scale": "range",
        },
        5,
    ),
    "convolutional": Recipe({**PICTURES, "augmentation": ("shift",)}, 10),
    "default": Recipe({}, 10),
}


def make(args, options):
    """Return a clusterer."""
    return AAEClusterer(args.clusters, **options)


def judge(model, rows, args, seed):
    """Return how well the clusters of test rows agree with their labels."""
    found, found_test = model.predict(rows.X), model.predict(rows.X_test)
    votes = {
        "error (majority)": {"y_pred_vote": found},
        "error (paper's vote)": {"proba_vote": model.predict_proba(rows.X)},
    }
    result = {
        name: 100
        * majority_vote_error(rows.y_test, found_test, y_true_vote=rows.y, **vote)
        for name, vote in votes.items()
    }
    if args.clusters == 10:
        result["accuracy"] = clustering_accuracy(rows.y_test, found_test)
    return result | {"used": len(set(found))}


EXPERIMENT = Experiment(
    RECIPES, make, judge, settings={"clusters": {"type": int, "default": 30}}
)

if __name__ == "__main__":
    main(__doc__, EXPERIMENT)
