"""Subpackages that the documentation writes with dots are there when asked for."""

import subprocess
import sys

import pytest

import sklearn_aae

PUBLIC = ["inspection", "metrics", "model_selection", "persistence", "priors", "report"]

LATE = """
import sys, sklearn_aae
for name in ("inspection", "persistence", "report"):
    assert name in dir(sklearn_aae)
    assert f"sklearn_aae.{name}" not in sys.modules, name
print(sklearn_aae.persistence.save.__name__)
assert "sklearn_aae.inspection" not in sys.modules
print(sklearn_aae.inspection.LatentSpaceDisplay.__name__)
"""


def test_subpackages_are_imported_when_they_are_asked_for():
    done = subprocess.run(
        [sys.executable, "-c", LATE], capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["save", "LatentSpaceDisplay"], done.stderr


@pytest.mark.parametrize("name", PUBLIC)
def test_public_subpackages_are_attributes(name):
    assert name in dir(sklearn_aae)
    assert getattr(sklearn_aae, name).__name__ == f"sklearn_aae.{name}"


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'sklearn_aae' has no attribute 'wombat'"):
        sklearn_aae.wombat
