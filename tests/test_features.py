"""README and docs/features.rst know all there is."""

from pathlib import Path

import pytest
from sklearn.base import BaseEstimator

import sklearn_aae
from sklearn_aae import inspection

ROOT = Path(__file__).parents[1]
ESTIMATORS = [
    name
    for name, thing in vars(sklearn_aae).items()
    if isinstance(thing, type) and issubclass(thing, BaseEstimator)
]
NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@pytest.mark.parametrize(
    "name",
    [*ESTIMATORS, *inspection.__all__, "image_shape", "python -m sklearn_aae"],
)
def test_the_list_of_features_has_it(name):
    assert name in (ROOT / "docs" / "features.rst").read_text(encoding="utf-8")


def test_readme_counts_the_displays():
    number = NUMBERS[len(inspection.__all__)]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"`sklearn_aae.inspection`: {number} displays" in readme
