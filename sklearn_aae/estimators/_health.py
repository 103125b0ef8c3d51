"""How a training went: what can be told without labels, and what to change.

The measures are cheap, of some rows of the fit: a default fit takes about 2 % longer.
Warnings are for what no ordinary fit shows, of trainings that were long enough to show
anything; the bounds are far from what fits with defaults have.
"""

import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from sklearn_aae.estimators._interrupts import depth_of_caller
from sklearn_aae.estimators._rows import Rows
from sklearn_aae.estimators._spec import ModelSpec
from sklearn_aae.metrics import prior_match
from sklearn_aae.training import AAENet, Batch, unexplained

# Rows and draws that the test compares, and random splits of them.
N_TESTED, N_SPLITS = 250, 99
# Epochs at the end whose critic counts: one batch says little.
N_LAST = 10
TINY = 1e-30
# Trainings of fewer steps are too short to show anything.
MIN_STEPS = 100
# A column is dead if it varies by less of a draw's variance (Burda, Grosse,
# Salakhutdinov, "Importance Weighted Autoencoders", ICLR 2016, appendix C).
DEAD = 0.01
# Codes are this far from the prior where a training failed; fits with defaults 0.12.
FAR, SIGNIFICANT = 0.2, 0.01
# Accuracy of a critic that has won.
WON = 0.9
# Share of the variance that is next to nothing.
COLLAPSED = 0.05
# Share of the rows that classes have which a classifier should not miss.
COMMON = 0.1


def measure_health(
    net: AAENet, spec: ModelSpec, rows: Rows, *, held_out: bool, n_steps: int
) -> dict:
    """Return how a training went, as plain values; see `health_` of the estimators.

    Parameters
    ----------
    net : AAENet
        Trained.

    spec : ModelSpec
        What its model is made of.

    rows : Rows
        Scaled rows, to measure it by.

    held_out : bool
        Whether it was not trained on them.

    n_steps : int
        Of an epoch.
    """
    total, batch = net.total_variance, spec.make_validation(rows, net.seed)
    codes, draws, measures = net.ask(partial(_look, total=total), batch)
    return {
        "n_steps": len(net.finished_history()) * n_steps,
        "held_out": held_out,
        **_match(codes, draws, net.seed),
        **_accuracies(net),
        **measures,
        "step_back": net.step_back,
    }


def _look(networks, batch: Batch, total: float) -> tuple[np.ndarray, np.ndarray, dict]:
    """Return what the critic compares, codes and draws of the prior, and measures."""
    codes, draws = (t.double() for t in batch.styles(networks))
    m, measures = networks[batch.generator].n_classes, {}
    if "decoder" in networks:
        means = batch.posterior(networks).mean[..., m:].double()
        dead = _variance(means) <= DEAD * _variance(draws)
        measures["dead_columns"] = dead.nonzero().ravel().tolist()
        measures["explained_variance"] = 1 - float(unexplained(networks, batch, total))
    else:  # what is drawn, and rows
        spread = _variance(codes).sum() / _variance(draws).sum().clamp_min(TINY)
        measures["sample_variance"] = float(spread)
    if m:
        labels = batch.label_probabilities(networks).argmax(-1)
        measures["n_labels"] = len(labels.unique())
    return codes.cpu().numpy(), draws.cpu().numpy(), measures


def _variance(rows: Tensor) -> Tensor:
    """Return the variance of columns, NaN if there is but one row."""
    return rows.var(0) if len(rows) > 1 else torch.full_like(rows[0], torch.nan)


def _match(codes: np.ndarray, draws: np.ndarray, seed: int) -> dict[str, float]:
    """Return the test of codes and draws; NaN where there is nothing to test."""
    if len(codes) < 2 or not np.isfinite(codes).all():
        return {"prior_match": np.nan, "prior_match_pvalue": np.nan}
    limits = {"n_permutations": N_SPLITS, "max_samples": N_TESTED}
    found = prior_match(codes, draws, random_state=seed, **limits)
    return {"prior_match": found.statistic, "prior_match_pvalue": found.pvalue}


def _accuracies(net: AAENet) -> dict[str, float]:
    """Return how often each critic was right, in the last epochs."""
    lines = net.finished_history()[-N_LAST:]
    names = {name for line in lines for name in line if name.endswith("_accuracy")}
    return {
        name: float(np.mean([line[name] for line in lines if name in line]))
        for name in sorted(names)
    }


# --- what is said ---------------------------------------------------------------------


def warn_of_health(estimator) -> None:
    """Warn of what a finished fit shows to be ill; called by `fit`."""
    for message in complaints_of(estimator):
        warnings.warn(message, ConvergenceWarning, stacklevel=depth_of_caller())


def complaints_of(estimator) -> list[str]:
    """Return what a fit shows to be ill, one sentence or more for each."""
    health = getattr(estimator, "health_", {"n_steps": 0})  # of an older file
    if health["n_steps"] < MIN_STEPS or health.get("explained_variance", 0) < -1:
        return []  # it says nothing yet, or has diverged, which was said
    return [text for find in COMPLAINTS if (text := find(estimator, health))]


def _of_match(estimator, health: dict) -> str | None:
    """Say why codes do not look like the prior: who has won tells what to change."""
    distance, pvalue = health["prior_match"], health["prior_match_pvalue"]
    ordinary = not (distance > FAR and pvalue <= SIGNIFICANT)
    if ordinary or not _follows_prior(estimator):
        return None
    accuracy = health.get("critic_accuracy")
    generates = not hasattr(estimator, "regularization_strength")
    if generates:
        advice = "Lower learning_rate, raise gradient_penalty, or train longer"
    elif accuracy is None:
        advice = "Raise regularization_strength, or train longer"
    elif accuracy > WON:
        advice = (
            f"The critic tells {accuracy:.0%} of pairs apart, so it has won: raise "
            "regularization_strength or gradient_penalty, or train longer"
        )
    else:
        advice = (
            f"The critic sees too little of it: it tells {accuracy:.0%} of pairs "
            "apart, a coin 50%. Raise critic_learning_rate or "
            "critic_hidden_layer_sizes, or train longer"
        )
    what = (
        "Drawn rows do not look like the rows"
        if generates
        else ("The codes do not look like draws from the prior")
    )
    return (
        f"{what}: their energy distance is {distance:.2f}, where 0 is best. {advice} "
        "(max_iter)."
    )


def _of_dead_columns(estimator, health: dict) -> str | None:
    dead = health.get("dead_columns")
    if not dead or not _follows_prior(estimator):
        return None
    k = next(iter(estimator._model.networks.values())).n_components
    return (
        f"Columns {dead} of the code are dead: they hardly vary from row to row, and "
        f"say nothing of the rows. Lower n_components, here {k}, or "
        "regularization_strength."
    )


def _follows_prior(estimator) -> bool:
    """Whether codes are pulled to a prior, and answers depend on how they follow."""
    return estimator.regularizer is not None and estimator._prior_counts


def _of_collapse(estimator, health: dict) -> str | None:
    """Say that codes tell nothing of rows, or that samples are all alike."""
    if health.get("sample_variance", 1.0) < COLLAPSED:
        share = health["sample_variance"]
        return (
            f"Samples vary by {share:.1%} of the rows' variance: the generator has "
            "collapsed. Raise gradient_penalty or n_init, or lower learning_rate."
        )
    # Random directions explain k of d; of held-out rows it may be less than nothing.
    codes = [next(iter(model.networks.values())) for model in estimator._models]
    k, d = max(code.n_components for code in codes), estimator.n_features_in_
    least = 0.0 if health["held_out"] else min(COLLAPSED, k / (4 * d))
    explained = health.get("explained_variance", 1.0)
    if explained >= least:
        return None
    rows = "held-out rows" if health["held_out"] else "the rows"
    return (
        f"Reconstructions explain {explained:.1%} of the variance of {rows}: codes say "
        "next to nothing of them. Lower regularization_strength or dropout, raise "
        "n_components, or train longer (max_iter)."
    )


def _of_labels(estimator, health: dict) -> str | None:
    if not is_classifier(estimator) or health["n_labels"] > 1:
        return None
    shares = sorted(estimator._data.class_prior)
    if len(shares) < 2 or shares[-2] < COMMON:
        return None
    return (
        f"All rows get one label, of {len(shares)} classes: the classifier has "
        "collapsed. Lower label_strength or learning_rate, or give more labels."
    )


COMPLAINTS: list[Callable[[object, dict], str | None]] = [
    _of_match,
    _of_dead_columns,
    _of_collapse,
    _of_labels,
]
