"""A card for a fitted model: its data, columns, figures and limits, in Markdown."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from sklearn_aae.estimators import BaseModel
from sklearn_aae.estimators._health import complaints_of
from sklearn_aae.persistence._versions import VERSIONS

# Columns, and categories of a column, that are listed.
MOST_COLUMNS, MOST_CATEGORIES = 50, 8
# What `health_` has and a card shows, in words.
HEALTH = {
    "explained_variance": "share of the variance that the reconstruction explains",
    "prior_match": "energy distance of {compared} (0 is best)",
    "prior_match_pvalue": "p-value of the energy distance",
    "critic_accuracy": "accuracy of the critic (0.5 is a draw)",
    "sample_variance": "variance of samples, in that of the rows",
}

CARD = """\
---
library_name: sklearn_aae
tags:
- sklearn_aae
- {kind}
- adversarial-autoencoder
{task}---

# {name}

{description}

## Use

```python
from sklearn_aae.persistence import load

model = load("model.aae")  # what persistence.save has written
```

## Data

{data}

## Training

{training}

## Figures

{figures}

## Limits

{limits}
"""


def model_card(
    estimator: Any,
    *,
    description: str = "An adversarial autoencoder.",
    figures: Mapping[str, Any] | None = None,
    categories: Any = True,
) -> str:
    """Describe a fitted model in Markdown, ready to be the README of a model hub.

    Parameters
    ----------
    estimator : estimator of this library
        Fitted.

    description : str, default="An adversarial autoencoder."
        What it is for, in your words.

    figures : dict of str to float, default=None
        What you have measured, on which rows, such as
        ``{"accuracy, 300 test rows": 0.93}``.

    categories : bool, default=True
        Whether to name the categories of columns, and the range of numbers: they are
        cells of the training rows.

    Returns
    -------
    card : str
        Data (columns with their ranges and categories), training (parameters other than
        the defaults, versions), figures (`health_` and yours) and limits.

    Raises
    ------
    TypeError
        If it is no estimator of this library.

    NotFittedError
        If it is not fitted.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_aae import AAETransformer
    >>> from sklearn_aae.persistence import model_card
    >>> X, _ = load_iris(return_X_y=True, as_frame=True)
    >>> aae = AAETransformer(n_components=3, max_iter=2, random_state=0).fit(X)
    >>> card = model_card(aae, figures={"R², 30 test rows": 0.94})
    >>> print(next(line for line in card.splitlines() if "petal width" in line))
    | petal width (cm) | number | 0.1 to 2.5 |
    """
    if not isinstance(estimator, BaseModel):
        raise TypeError(
            f"model_card describes an estimator of sklearn_aae, and got "
            f"{type(estimator).__name__}. Of a pipeline pass the step: pipeline[-1]."
        )
    check_is_fitted(estimator)
    kind = "tabular" if estimator.image_shape is None else "image"
    task = f"pipeline_tag: {kind}-classification\n" if is_classifier(estimator) else ""
    return CARD.format(
        kind=kind,
        task=task,
        name=type(estimator).__name__,
        description=description,
        data=_data(estimator, cells=categories),
        training=_training(estimator),
        figures=_figures(estimator, figures or {}),
        limits="\n".join(f"- {limit}" for limit in _limits(estimator)),
    )


def _table(head: tuple[str, ...], rows) -> str:
    """Return a table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: Any) -> str:
    """Return a value as a cell of a table: in one line, without its bars."""
    text = f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)
    return " ".join(text.replace("|", "\\|").split())


def _data(estimator, *, cells: bool) -> str:
    """Return the columns, or the shape of pictures, and classes where there are any."""
    if estimator.image_shape is not None:
        shape = " x ".join(map(str, estimator.image_shape))
        return f"Pictures of {shape} pixels." + _classes(estimator, cells=cells)
    columns, scaled = estimator.columns_.columns, estimator.preprocessor_
    rows = []
    for i, column in enumerate(columns[:MOST_COLUMNS]):
        if column.categories is not None:
            kind, shown = (
                "category",
                list(map(str, column.categories[:MOST_CATEGORIES])),
            )
            rest = len(column.categories) - len(shown)
            content = ", ".join(shown) + (f" and {rest} more" if rest else "")
        else:
            kind = "count" if column.count else "number"
            low, high = (float(v[i]) for v in (scaled.low_, scaled.high_))
            content = f"{low:.4g} to {high:.4g}" if low <= high else "missing"
        rows.append((column.name, kind, content if cells else "not shown"))
    table = _table(("column", "kind", "training rows"), rows)
    rest = len(columns) - len(rows)
    text = f"{estimator.n_features_in_} columns:\n\n{table}"
    if rest:
        text += f"\n\nand {rest} more."
    return text + _classes(estimator, cells=cells)


def _classes(estimator, *, cells: bool) -> str:
    """Return a paragraph of the classes; nothing if there are none to show."""
    classes = getattr(estimator, "classes_", None)
    if classes is None or not cells:
        return ""
    return "\n\nClasses: " + ", ".join(map(str, classes)) + "."


def _training(estimator) -> str:
    """Return parameters that are no defaults, the length, and versions."""
    fitted, defaults = estimator._data.params, type(estimator)().get_params()
    changed = {
        name: value
        for name, value in fitted.items()
        if name in defaults and repr(value) != repr(defaults[name])
    }
    changed.pop("checkpoint", None)  # a path of this machine
    rows = [(f"`{name}`", f"`{value!r}`") for name, value in changed.items()]
    text = (
        _table(("parameter", "value"), rows) if rows else "All parameters are defaults."
    )
    versions = ", ".join(f"{name} {version}" for name, version in VERSIONS.items())
    return f"{text}\n\n{estimator.n_iter_} epochs. Versions: {versions}."


def _figures(estimator, figures: Mapping[str, float]) -> str:
    """Return what was measured in the fit, and what the user has measured."""
    health = getattr(estimator, "health_", {})
    where = "held-out rows" if health.get("held_out") else "training rows"
    rows: list[tuple] = [("`loss_`, the criterion (0 is best)", estimator.loss_)]
    coded = hasattr(estimator, "encoder_")
    compared = "codes and prior" if coded else "drawn rows and rows"
    rows += [
        (f"{words.format(compared=compared)}, {where}", health[name])
        for name, words in HEALTH.items()
        if health.get(name) is not None and not math.isnan(health[name])
    ]
    return _table(("figure", "value"), [*rows, *figures.items()])


def _limits(estimator) -> list[str]:
    """Return what a user of the model has to know."""
    limits = [f"The fit was warned: {told}" for told in complaints_of(estimator)]
    if estimator.clip:
        limits.append("Rows that come out stay within the range of the training rows.")
    if any(estimator.columns_.n_categories):
        limits.append("A category that no training row had counts as missing.")
    if getattr(estimator._data, "examples", None) is not None:
        n = len(estimator._data.examples["rows"])
        limits.append(
            f"The file holds {n} training rows, which `sample` draws around: share it "
            "as you would share these, or fit with `n_examples=0`."
        )
    limits.append(
        "Figures of training rows say little of rows that come from elsewhere."
    )
    return limits
