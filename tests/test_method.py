"""docs/method.rst has a formula for all that is trained, and names what is there."""

import importlib
import re
from pathlib import Path

import pytest

import sklearn_aae
from sklearn_aae import training
from sklearn_aae.decoders import PIXEL_DECODERS
from sklearn_aae.encoders import ENCODERS
from sklearn_aae.objectives import OBJECTIVES, PENALTIES
from sklearn_aae.training import DIVERGENCES, OptimizerGroup, Phase

PAGE = (Path(__file__).parents[1] / "docs" / "method.rst").read_text()
LINKS = re.findall(r":(?:class|func):`~sklearn_aae\.([\w.]+)`", PAGE)
# Parts without a page, as ``training.Classify``.
LITERALS = re.findall(r"``((?:training|objectives)\.\w+)``", PAGE)
PHASES = {
    name
    for name in training.__all__
    if isinstance(getattr(training, name), type)
    and issubclass(getattr(training, name), Phase)
} - {"Phase"}


def resolve(name: str):
    module, _, attribute = f"sklearn_aae.{name}".rpartition(".")
    return getattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("name", sorted({*LINKS, *LITERALS}))
def test_what_the_page_names_is_there(name):
    assert resolve(name) is not None


@pytest.mark.parametrize("name", sorted(PHASES))
def test_each_phase_has_a_formula(name):
    assert f"training.{name}" in {*LINKS, *LITERALS}


@pytest.mark.parametrize(
    "key", sorted({*OBJECTIVES, *PENALTIES, *DIVERGENCES, *ENCODERS, *PIXEL_DECODERS})
)
def test_each_option_has_a_formula(key):
    assert f'"{key}"' in PAGE


@pytest.mark.parametrize("name", sorted(set(sklearn_aae.__all__) - {"__version__"}))
def test_each_estimator_is_there(name):
    assert name in LINKS


def test_the_page_is_read():
    assert len(LINKS) > 30
    assert {"Reconstruct", "Classify", "SeparateHeads"} <= PHASES
    assert OptimizerGroup.__name__ not in PHASES
