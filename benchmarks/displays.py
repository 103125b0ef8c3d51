"""How long each display takes for a table of 100,000 rows, from rows to a PNG.

python benchmarks/displays.py --output benchmarks/results/displays.json

Ten columns; models with defaults, of two epochs on 2,000 of the rows: how long a
display takes does not depend on what they have learnt. Processor time, as other
programs may run beside; the least of `--repeats`. `ManifoldDisplay` and
`TrainingCurvesDisplay` take no rows.
"""

import argparse
import io
import json
import sys
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from reporting import machine
from sklearn.datasets import make_blobs

from sklearn_aae import (
    AAEClusterer,
    AAEOutlierDetector,
    AAETransformer,
    ConditionalAAETransformer,
    SemiSupervisedAAEClassifier,
)
from sklearn_aae.inspection import (
    ClusterDisplay,
    HeatmapDisplay,
    LatentSpaceDisplay,
    ManifoldDisplay,
    OutlierContributionDisplay,
    PriorMatchDisplay,
    ReconstructionDisplay,
    TrainingCurvesDisplay,
)

N_TRAINED, SHAPE = 2_000, (8, 8)
QUICK = {"max_iter": 2, "random_state": 0}


def calls(n_rows):
    """Return what is drawn, by name: a function without arguments."""
    X, y = make_blobs(n_rows, 10, centers=5, random_state=0)
    pictures = make_blobs(n_rows, 64, centers=5, center_box=(0.2, 0.8), random_state=0)[
        0
    ]
    pictures = pictures.clip(0, 1).reshape(-1, *SHAPE)
    some, labels = X[:N_TRAINED], y[:N_TRAINED]
    plane = AAETransformer(2, **QUICK).fit(some)
    space = AAETransformer(3, **QUICK).fit(some)
    pixels = AAETransformer(2, image_shape=SHAPE, **QUICK).fit(pictures[:N_TRAINED])
    wide = AAETransformer(8, **QUICK).fit(some)
    clusterer = AAEClusterer(5, n_init=1, **QUICK).fit(some)
    classifier = SemiSupervisedAAEClassifier(**QUICK).fit(some, labels)
    conditional = ConditionalAAETransformer(2, **QUICK).fit(some, labels)
    detector = AAEOutlierDetector(**QUICK).fit(some)
    finder = AAEOutlierDetector(image_shape=SHAPE, **QUICK).fit(pictures[:N_TRAINED])
    latent = LatentSpaceDisplay.from_estimator
    return {
        "LatentSpaceDisplay": lambda: latent(plane, X),
        "LatentSpaceDisplay, classes": lambda: latent(plane, X, y),
        "LatentSpaceDisplay, numbers": lambda: latent(plane, X, X[:, 0]),
        "LatentSpaceDisplay, conditional": lambda: latent(conditional, X, y),
        "LatentSpaceDisplay, three columns": lambda: latent(space, X, y),
        "LatentSpaceDisplay, thumbnails": lambda: latent(
            pixels, pictures, y, thumbnails=True
        ),
        "ClusterDisplay": lambda: ClusterDisplay.from_estimator(clusterer, X),
        "ClusterDisplay, classifier": lambda: ClusterDisplay.from_estimator(
            classifier, X
        ),
        "PriorMatchDisplay": lambda: PriorMatchDisplay.from_estimator(wide, X),
        "ReconstructionDisplay": lambda: ReconstructionDisplay.from_estimator(
            plane, X, image_shape=(2, 5)
        ),
        "OutlierContributionDisplay": lambda: OutlierContributionDisplay.from_estimator(
            detector, X
        ),
        "HeatmapDisplay": lambda: HeatmapDisplay.from_estimator(finder, pictures),
        "ManifoldDisplay": lambda: ManifoldDisplay.from_estimator(
            plane, image_shape=(2, 5)
        ),
        "TrainingCurvesDisplay": lambda: TrainingCurvesDisplay.from_estimator(plane),
    }


def took(draw):
    """Return the processor time of a display and its PNG."""
    start = time.process_time()
    draw().figure_.savefig(io.BytesIO(), format="png")
    seconds = time.process_time() - start
    plt.close("all")
    return seconds


def main():
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    drawn = calls(options.rows)
    took(drawn["LatentSpaceDisplay"])  # what the first of a process has to do
    seconds = {}
    for name, draw in drawn.items():
        seconds[name] = min(took(draw) for _ in range(options.repeats))
        print(f"{name:34} {seconds[name]:.2f} s", flush=True)
    if options.output:
        found = {
            "command": " ".join(sys.argv),
            "machine": machine(),
            "seconds": seconds,
        }
        options.output.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
