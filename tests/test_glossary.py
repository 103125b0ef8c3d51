"""The glossary: its terms are unique, and its parameters are those of estimators."""

import inspect
import re
from pathlib import Path

import sklearn_aae

GLOSSARY = Path(__file__).parent.parent / "docs" / "glossary.rst"
TEXT = GLOSSARY.read_text(encoding="utf-8")


def parameters_of_estimators():
    classes = filter(inspect.isclass, vars(sklearn_aae).values())
    return {name for cls in classes for name in inspect.signature(cls).parameters}


def test_terms_have_one_entry():
    # Terms are indented by three columns, what they mean by six.
    terms = re.findall(r"^   (\w.*)$", TEXT, flags=re.MULTILINE)
    assert len(terms) > 40
    assert len(terms) == len(set(terms))


def test_parameters_exist():
    lines = re.findall(r"^      Parameters: (.*)$", TEXT, flags=re.MULTILINE)
    named = {name for line in lines for name in re.findall(r"``(\w+)``", line)}
    assert len(named) > 30
    assert named <= parameters_of_estimators()
