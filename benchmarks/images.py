"""Pictures: error, speed, denoising, defects, drawn ones, detectors of few.

    python benchmarks/images.py --data DIR --parts error --seeds 1 --out error.json

Rows are written as they come; with --resume those in the file are not run again.

DIR holds a module ``load`` with ``load(name, "train")`` and ``load(name, "test")``.
Test pictures choose nothing. `images_peers.py` has the other sides; pythae's needs what
`speed_pythae.py` says.
"""

import argparse
import itertools
import json
import time
from pathlib import Path

import joblib
import numpy as np
import torch
from images_defects import damaged
from images_peers import Problem, train_by_hand, train_joint_by_hand, train_pythae
from reporting import load_from, report, write
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.mixture import GaussianMixture

from sklearn_aae import AAEOutlierDetector, AAETransformer
from sklearn_aae.metrics import (
    closest_row_share,
    fit_image_embedding,
    frechet_distance,
    inception_score,
    precision_recall,
)

SHAPE, EPOCHS, CODE = (28, 28), 10, 8
NOISE = 0.5
# Deep and linear models of all code sizes that are usual.
PCA_SIZES = (8, 16, 32, 64, 128, 256)


def read(load, name, part):
    """Return pictures in [0, 1], flat, float32, and labels."""
    X, y = load(name, part)
    return np.asarray(X, dtype=np.float32) / 255, np.asarray(y)


def missed(X, rebuilt):
    """Return the mean over pictures of the squared error, summed over pixels."""
    return float(np.square(np.asarray(rebuilt).reshape(X.shape) - X).sum(1).mean())


def convolutional(seed, **options):
    """Return our model of pictures."""
    options = {"max_iter": EPOCHS, "random_state": seed, **options}
    return AAETransformer(CODE, image_shape=SHAPE, **options)


def dense(seed, **options):
    """Return our model of tables, with its defaults."""
    options = {"max_iter": EPOCHS, "random_state": seed, **options}
    return AAETransformer(CODE, **options)


def missing(sides, known, place=None):
    """Return the sides of which no row is known, at a place if it is given."""
    there = [row for row in known if (place or {}).items() <= row.items()]
    return [side for side in sides if all(row["side"] != side for row in there)]


@torch.no_grad()
def rebuilt_by(networks, X):
    """Return what torch's networks make of pictures."""
    parts = torch.from_numpy(X).split(1000)
    return np.concatenate([networks(part).clamp(0, 1).numpy() for part in parts])


def run_error(load, seed, sides, known=()):
    """Yield the error of test pictures, of 8 columns."""
    X, _ = read(load, "mnist", "train")
    new, _ = read(load, "mnist", "test")
    problem = Problem(X, code=CODE, epochs=EPOCHS, seed=seed)
    ways = {
        "convolutional": lambda: convolutional(seed).fit(X).reconstruct(new),
        "dense": lambda: dense(seed).fit(X).reconstruct(new),
        "pythae": lambda: rebuilt_by(train_pythae(problem), new),
        "PCA": lambda: rebuilt_by_pca(PCA(CODE, random_state=seed).fit(X), new),
    }
    for side in missing(sides or ways, known):
        start = time.perf_counter()
        error = missed(new, ways[side]())
        yield {"side": side, "error": error, "seconds": time.perf_counter() - start}


def rebuilt_by_pca(pca, X):
    """Return what principal components keep of pictures."""
    return pca.inverse_transform(pca.transform(X)).clip(0, 1)


def run_speed(load, seed, sides, known=(), n_rows=6400):
    """Yield seconds an epoch: those of 3 epochs less those of 1, halved."""
    X, _ = read(load, "mnist", "train")
    X = X[:n_rows]

    def ours(epochs, **options):
        sizes = {"critic_hidden_layer_sizes": (256, 256), **options}
        return convolutional(seed, **{"max_iter": epochs, **sizes}).fit(X)

    def four(epochs, backend):
        with joblib.parallel_config(backend=backend):
            joblib.Parallel()(
                joblib.delayed(ours)(epochs, random_state=4 * seed + i)
                for i in range(4)
            )

    def problem(epochs):
        return Problem(X, code=CODE, epochs=epochs, seed=seed)

    ways = {
        "ours": ours,
        "pythae": lambda n: train_pythae(problem(n)),
        "by hand, a pass for each loss": lambda n: train_by_hand(problem(n)),
        "by hand, one pass": lambda n: train_joint_by_hand(problem(n)),
        "4 of ours, one by one": lambda n: four(n, "sequential"),
        "4 of ours, a stack": lambda n: four(n, "stacked"),
    }
    for side in missing(sides or ways, known):
        clocks = []
        for epochs in (1, 3):
            start = time.perf_counter(), time.process_time()
            ways[side](epochs)
            clocks.append(
                (time.perf_counter() - start[0], time.process_time() - start[1])
            )
        wall, cpu = ((b - a) / 2 for a, b in zip(*clocks, strict=True))
        yield {"side": side, "seconds an epoch": wall, "cpu seconds an epoch": cpu}


def run_denoise(load, seed, sides, known=()):
    """Yield the error of test pictures with noise, against the clean ones."""
    X, _ = read(load, "mnist", "train")
    new, _ = read(load, "mnist", "test")
    rng = np.random.RandomState(seed)
    noisy = new + NOISE * rng.normal(size=new.shape).astype(np.float32)
    noise = {"input_noise": NOISE, "n_components": 64}

    def of_dense():
        # Its noise is in standard deviations of the columns: of pixels, as above.
        scaled = dense(seed, scale=None).set_params(**noise)
        return scaled.fit(X).reconstruct(noisy)

    def best_of_pca():
        found = [
            rebuilt_by_pca(PCA(k, random_state=seed).fit(X), noisy) for k in PCA_SIZES
        ]
        return min(found, key=lambda rebuilt: missed(new, rebuilt))

    ways = {
        "convolutional": lambda: (
            convolutional(seed).set_params(**noise).fit(X).reconstruct(noisy)
        ),
        "dense": of_dense,
        "PCA, the best size": best_of_pca,
    }
    for side in missing(sides or ways, known):
        yield {"side": side, "error": missed(new, ways[side]())}


def run_defects(load, seed, sides, known=(), classes=range(10)):
    """Yield how well pixels of defects, and pictures with one, are told apart."""
    for name in ("mnist", "fashion_mnist"):
        X, y = read(load, name, "train")
        new, labels = read(load, name, "test")
        others = X[:5000].reshape(-1, *SHAPE)
        for c in classes:
            normal, test = X[y == c], new[labels == c]
            pictures, masks = damaged(test.reshape(-1, *SHAPE), others, seed)
            place = {"set": name, "class": int(c)}
            for side in missing(sides or DEFECTS, known, place):
                maps, scores = DEFECTS[side](normal, seed)
                seen = masks.any((1, 2))
                both = np.concatenate([pictures.reshape(test.shape)[seen], test])
                truth = np.arange(len(both)) < seen.sum()
                flat = pictures.reshape(test.shape)
                yield {
                    "side": side,
                    **place,
                    "pixels": roc_auc_score(masks.ravel(), maps(flat).ravel()),
                    "pictures": roc_auc_score(truth, scores(both)),
                }


def by_detector(normal, seed, **options):
    """Return heat maps and scores of our detector."""
    detector = AAEOutlierDetector(random_state=seed, **options).fit(normal)
    return detector.localize, lambda X: -detector.score_samples(X)


def by_pca(normal, seed):
    """Return the squared residual of 32 principal components, and its sum."""
    pca = PCA(32, random_state=seed).fit(normal)

    def maps(X):
        return np.square(X - pca.inverse_transform(pca.transform(X)))

    return maps, lambda X: maps(X).sum(1)


def run_few(load, seed, sides, known=()):
    """Yield the share of new normal pictures that detectors of few pictures flag.

    Of scikit-learn's digits, 8 x 8; and how other digits are told from them.
    """
    X, y = load_digits(return_X_y=True)
    for n, c in itertools.product((25, 50, 100), (3, 8)):
        order = np.random.RandomState(seed).permutation((y == c).sum())
        normal = X[y == c][order] / 16
        train, new, others = normal[:n], normal[n:], X[y != c] / 16
        truth = np.arange(len(new) + len(others)) >= len(new)
        place = {"set": f"{n} pictures", "class": c}
        for side in missing(sides or FEW, known, place):
            options = {"image_shape": (8, 8), "random_state": seed} | FEW[side]
            detector = AAEOutlierDetector(**options).fit(train)
            yield {
                "side": side,
                **place,
                "flagged": float((detector.predict(new) == -1).mean()),
                "others flagged": float((detector.predict(others) == -1).mean()),
                "ROC AUC": roc_auc_score(
                    truth, -detector.score_samples(np.concatenate([new, others]))
                ),
            }


FEW = {"some held out": {}, "none held out": {"calibration_fraction": 0}}
DEFECTS = {
    "convolutional": lambda normal, seed: by_detector(normal, seed, image_shape=SHAPE),
    "dense": by_detector,
    "PCA": by_pca,
}


def run_drawn(load, seed, sides, known=(), n=10_000):
    """Yield how near drawn pictures are to the test pictures."""
    X, y = read(load, "mnist", "train")
    new, _ = read(load, "mnist", "test")
    embedding = fit_image_embedding(X, y, image_shape=SHAPE, random_state=0)

    def of_mixtures():
        parts = []
        for c in range(10):
            pca = PCA(50, random_state=seed).fit(X[y == c])
            codes = pca.transform(X[y == c]).astype(float)
            mixture = GaussianMixture(5, reg_covar=1e-3, random_state=seed).fit(codes)
            parts.append(pca.inverse_transform(mixture.sample(n // 10)[0]).clip(0, 1))
        return np.concatenate(parts).astype(np.float32)

    def of_ours(model):
        model.fit(X)
        return {
            "": model.sample(n, random_state=seed),
            ", codes of the prior": model.sample(n, codes="prior", random_state=seed),
        }

    def of_pythae():
        problem = Problem(X, code=CODE, epochs=EPOCHS, seed=seed)
        networks = train_pythae(problem)
        z = torch.randn(n, CODE, generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            return networks.decoder(z).clamp(0, 1).numpy()

    ways = {
        "real pictures (of the training set)": lambda: {"": X[:n]},
        "convolutional": lambda: of_ours(convolutional(seed)),
        "dense": lambda: of_ours(dense(seed)),
        "pythae": lambda: {"": of_pythae()},
        "a mixture for each class": lambda: {"": of_mixtures()},
    }
    for side in missing(sides or ways, known):
        for how, drawn in ways[side]().items():
            found = judge_drawn(np.float32(drawn), X, new, embedding)
            yield {"side": side + how, **found}


def judge_drawn(drawn, X, new, embedding):
    """Return how near drawn pictures are to test pictures, and how near to known ones.

    Of new pictures half are nearer to a training picture than to a test picture.
    """
    score, deviation = inception_score(
        np.random.RandomState(0).permutation(drawn),
        embedding,
        n_splits=10,
        return_std=True,
    )
    precision, recall = precision_recall(new, drawn, embedding=embedding)
    return {
        "FID": frechet_distance(new, drawn, embedding=embedding),
        "inception score": score,
        "its deviation": deviation,
        "precision": precision,
        "recall": recall,
        "nearer to training": closest_row_share(drawn[:2000], X[: len(new)], new),
    }


PARTS = {
    "error": run_error,
    "speed": run_speed,
    "denoise": run_denoise,
    "defects": run_defects,
    "drawn": run_drawn,
    "few": run_few,
}


def main():
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--sides", nargs="+", default=None)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--classes", type=int, nargs="+", default=None)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", default=None)
    parser.add_argument("--resume", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    load, rows = load_from(args.data), []
    if args.resume and Path(args.out).exists():
        with open(args.out, encoding="utf-8") as file:
            rows = json.load(file)["rows"]
    for part in args.parts:
        options = {}
        if part == "defects" and args.classes:
            options["classes"] = args.classes
        for seed in range(args.first_seed, args.first_seed + args.seeds):
            of_run = {"part": part, "seed": seed}
            known = [row for row in rows if of_run.items() <= row.items()]
            for row in PARTS[part](load, seed, args.sides, known, **options):
                rows.append(of_run | row)
                print(rows[-1], flush=True)
                if args.out:
                    write(rows, args)
    measures = dict.fromkeys(k for row in rows for k in row)
    own = [m for m in measures if m not in ("part", "seed", "side", "set", "class")]
    by = ["part", "side"] + (["set"] if args.parts == ["few"] else [])
    report(rows, by, own, args)


if __name__ == "__main__":
    main()
