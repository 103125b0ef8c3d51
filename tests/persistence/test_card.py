"""A model card says what the model was fitted on, how well, and what its limits are."""

import math

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from sklearn_aae import AAETransformer, SemiSupervisedAAEClassifier
from sklearn_aae.persistence import model_card
from sklearn_aae.persistence._versions import VERSIONS

KINDS = [
    "AAETransformer",
    "AAEClusterer",
    "SemiSupervisedAAEClassifier",
    "ConditionalAAETransformer",
    "AAEOutlierDetector",
    "GANSampler",
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_estimator_has_a_card(kind, make):
    card = model_card(make(kind), figures={"mine, 9 | rows": 0.123456})
    assert f"# {kind}\n" in card
    assert "| mine, 9 \\| rows | 0.1235 |" in card
    assert "| `max_iter` | `1` |" in card
    assert ("pipeline_tag: tabular-classification" in card) == ("Classifier" in kind)
    assert all(version in card for version in VERSIONS.values())
    assert "{" not in card.replace("{}", "")


@pytest.mark.parametrize("categories", [True, False])
def test_columns_and_limits(make, categories):
    model = make("AAETransformer", "pandas")
    card = model_card(model, description="For mail.", categories=categories)
    assert "\nFor mail.\n" in card
    assert ("| kind | category | a, b |" in card) == categories
    assert ("| n | number | 1 to 4 |" in card) == categories
    assert ("| n | number | not shown |" in card) != categories
    assert "The file holds 24 training rows" in card
    assert "no training row had counts as missing" in card


def test_what_the_fit_was_warned_of_is_a_limit(make):
    model = make("AAETransformer", n_examples=0, clip=False)
    assert "The file holds" not in model_card(model)
    model.health_ |= {"n_steps": 999, "dead_columns": [1]}
    assert "The fit was warned: Columns [1] of the code are dead" in model_card(model)
    del model.health_  # as of a file of an earlier version
    assert "loss_" in model_card(model)


def test_figures_of_health(make):
    model = make("AAETransformer", n_examples=0)
    model.health_ |= {"prior_match": 0.0, "prior_match_pvalue": math.nan}
    card = model_card(model)
    assert (
        "| energy distance of codes and prior (0 is best), training rows | 0 |" in card
    )
    assert "p-value" not in card
    sampler = make("GANSampler")
    sampler.health_ |= {"prior_match": 0.25, "held_out": True}
    assert "| energy distance of drawn rows and rows (0 is best), held" in model_card(
        sampler
    )


def test_pictures_are_one_line():
    rows = np.random.RandomState(0).uniform(size=(20, 8, 8))
    labels = np.repeat(["cat", "dog"], 10)
    model = SemiSupervisedAAEClassifier(
        2, image_shape=(8, 8), hidden_channels=(4,), max_iter=1, random_state=0
    ).fit(rows, labels)
    card = model_card(model)
    assert "\nPictures of 8 x 8 pixels.\n\nClasses: cat, dog.\n" in card
    assert "- image\n" in card
    assert "tabular" not in card
    assert "pipeline_tag: image-classification" in card


def test_many_columns_and_categories_are_cut_short(make, monkeypatch):
    from sklearn_aae.persistence import _card

    monkeypatch.setattr(_card, "MOST_COLUMNS", 3)
    monkeypatch.setattr(_card, "MOST_CATEGORIES", 1)
    card = model_card(make("AAETransformer", "pandas"))
    assert "| a and 1 more |" in card
    assert "\nand 1 more.\n" in card


def test_what_has_no_card(make):
    pipeline = make_pipeline(make("AAETransformer"))
    with pytest.raises(TypeError, match=r"got Pipeline\. Of a pipeline pass the step"):
        model_card(pipeline)
    with pytest.raises(NotFittedError):
        model_card(AAETransformer())
