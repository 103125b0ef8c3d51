"""What docs/api.rst names: examples that run, errors, shapes and types."""

import ast
import builtins
import doctest
import importlib
import inspect
import re
import runpy
from pathlib import Path
from typing import Any, get_origin

import pytest

from sklearn_aae.metrics import clustering_accuracy

docscrape = pytest.importorskip("numpydoc.docscrape")

ROOT = Path(__file__).parents[1]
# Types of arguments that have a shape.
ARRAYS = re.compile(r"\b(array-like|ndarray|Tensor|DataFrame|sparse matrix)\b")


def named(page: str) -> list[str]:
    """Return the names of a page's tables (autosummary), with their modules."""
    module, names, within = "", [], False
    for line in page.splitlines():
        if line.startswith(".. "):
            kind, _, argument = line[3:].partition("::")
            module = argument.strip() if kind == "currentmodule" else module
            within = kind == "autosummary"
        elif within and re.fullmatch(r"   [\w.]+", line):
            names.append(f"{module}.{line.strip()}")
    return names


def find(name: str):
    """Return what a dotted name stands for; its last module is imported."""
    parts = name.split(".")
    while True:
        try:
            found = importlib.import_module(".".join(parts))
        except ModuleNotFoundError:
            parts.pop()
        else:
            break
    for part in name.split(".")[len(parts) :]:
        found = getattr(found, part)
    return found


def functions(name: str) -> dict:
    """Return a function, or the public methods and properties of a class."""
    found = find(name)
    if not inspect.isclass(found):
        return {name: inspect.unwrap(found)}
    members = {}
    for member, _ in inspect.getmembers(found):
        raw = inspect.getattr_static(found, member)
        raw = getattr(raw, "__func__", getattr(raw, "fget", raw))
        if inspect.isfunction(raw) and not member.startswith("_"):
            function = inspect.unwrap(raw)
            if function.__module__.startswith("sklearn_aae"):
                members[f"{name}.{member}"] = function
    return members


NAMES = named((ROOT / "docs" / "api.rst").read_text())
# Methods of a base are looked at once.
MEMBERS = {f: n for name in NAMES for n, f in functions(name).items()}
MEMBERS = {n.removeprefix("sklearn_aae."): f for f, n in MEMBERS.items()}
CLASSES = {name: find(name) for name in NAMES if inspect.isclass(find(name))}


def short(name: str) -> str:
    return name.removeprefix("sklearn_aae.")


# --- examples -------------------------------------------------------------------------


def examples(found) -> list[doctest.Example]:
    """Return the examples that ``pytest --doctest-modules`` runs of an object."""
    module = importlib.import_module(found.__module__)
    wanted = f"{found.__module__}.{found.__qualname__}"
    tests = doctest.DocTestFinder(recurse=True).find(module, found.__module__)
    return [e for test in tests if test.name == wanted for e in test.examples]


@pytest.mark.parametrize("name", NAMES, ids=short)
def test_a_public_name_has_an_example_that_runs_and_says_something(name):
    found = find(name)
    kind = docscrape.ClassDoc if inspect.isclass(found) else docscrape.FunctionDoc
    assert any(">>>" in line for line in kind(found)["Examples"]), name
    assert any(example.want for example in examples(found)), "nothing is shown"


def test_doctests_of_the_package_are_run():
    rule = (ROOT / "Makefile").read_text().partition("\ndoctest: ")[2]
    command = rule.partition("\n\n")[0]
    assert "--doctest-modules" in command
    assert " sklearn_aae " in command.replace("\t", " ")
    assert "make doctest" in (ROOT / ".ci" / "run").read_text()


# --- errors ---------------------------------------------------------------------------


def raised(function) -> set[str]:
    """Return the names of the errors that a function's own lines raise."""
    source = inspect.getsource(function)
    tree = ast.parse(f"if True:\n{source}" if source[0] == " " else source)
    written = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))
    found, left = set(), list(ast.iter_child_nodes(written))
    while left:
        node = left.pop()
        if isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            continue
        left += ast.iter_child_nodes(node)
        if isinstance(node, ast.Raise) and node.exc is not None:
            error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            if isinstance(error, ast.Name):
                found.add(error.id)
    # What a base class leaves to others is no error of a call.
    return found - {"NotImplementedError"}


def unsaid(function, doc: str) -> list[str]:
    """Return the errors of a function that a docstring names by no class of theirs."""
    missing = []
    for name in raised(function):
        error = function.__globals__.get(name, getattr(builtins, name, None))
        kinds = [c.__name__ for c in getattr(error, "__mro__", ())]
        general = {"Exception", "BaseException", "object"}
        if kinds and not any(k in doc for k in set(kinds) - general):
            missing.append(name)
    return missing


@pytest.mark.parametrize("name", MEMBERS)
def test_a_public_function_says_what_it_raises(name):
    function = MEMBERS[name]
    assert not unsaid(function, inspect.getdoc(function) or "")


@pytest.mark.parametrize("name", CLASSES, ids=short)
def test_a_public_class_says_what_its_constructor_raises(name):
    cls = CLASSES[name]
    written = inspect.unwrap(vars(cls).get("__init__", object.__init__))
    if getattr(written, "__module__", "") != cls.__module__:
        return  # that of a base
    if written.__code__.co_filename == inspect.getfile(cls):  # not of a dataclass
        assert not unsaid(written, inspect.getdoc(cls))


# --- shapes ---------------------------------------------------------------------------


def shapeless(doc) -> list[str]:
    """Return the arrays of a docstring whose type says no shape."""
    entries = [
        entry
        for section in ("Parameters", "Returns", "Yields", "Attributes")
        for entry in doc.get(section, [])
    ]
    return [
        f"{entry.name} : {entry.type}"
        for entry in entries
        if ARRAYS.search(entry.type) and "shape" not in entry.type
    ]


@pytest.mark.parametrize("name", MEMBERS)
def test_arrays_of_a_public_function_have_shapes(name):
    assert not shapeless(docscrape.FunctionDoc(MEMBERS[name]))


@pytest.mark.parametrize("name", CLASSES, ids=short)
def test_arrays_of_a_public_class_have_shapes(name):
    assert not shapeless(docscrape.ClassDoc(CLASSES[name]))


# --- types ----------------------------------------------------------------------------


def untyped(function) -> list[str]:
    """Return what has no type in a signature: parameters, and "return"."""
    signature = inspect.signature(function)
    missing = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.annotation is parameter.empty and name not in ("self", "cls")
    ]
    returns = signature.return_annotation is signature.empty
    return missing + ["return"] * returns


@pytest.mark.parametrize("name", MEMBERS)
def test_a_public_function_has_a_full_signature(name):
    assert not untyped(MEMBERS[name])


@pytest.mark.parametrize("name", CLASSES, ids=short)
def test_a_public_constructor_has_a_full_signature(name):
    cls = CLASSES[name]
    python_made = issubclass(cls, Exception) or getattr(cls, "_is_protocol", False)
    assert python_made or set(untyped(cls)) <= {"return"}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_types_are_true(monkeypatch):
    """Run the file that mypy reads, with values in place of the types."""
    seen = []

    def assert_type(value, kind):
        if kind is not Any:
            assert isinstance(value, get_origin(kind) or kind)
            seen.append(kind)
        return value

    monkeypatch.setattr("typing.assert_type", assert_type)
    runpy.run_path(str(ROOT / "tests" / "typed_usage.py"))
    assert len(seen) > 30


# --- the tests catch a gap ------------------------------------------------------------


def silent(x):
    """Return x.

    Parameters
    ----------
    x : ndarray
        Numbers.
    """
    if x is None:
        raise KeyError("x")
    raise NotADirectoryError


def test_the_page_is_read():
    assert len(NAMES) > 80
    assert "sklearn_aae.AAETransformer" in NAMES
    assert "sklearn_aae.distributions.Counts" in NAMES
    assert "sklearn_aae.training.criterion" in NAMES
    assert MEMBERS["AAEOutlierDetector.localize"].__name__ == "localize"
    assert MEMBERS["metrics.clustering_accuracy"] is clustering_accuracy


def test_a_gap_is_caught():
    assert raised(silent) == {"KeyError", "NotADirectoryError"}
    assert unsaid(silent, "A LookupError if it is missing.") == ["NotADirectoryError"]
    assert shapeless(docscrape.FunctionDoc(silent)) == ["x : ndarray"]
    assert not examples(test_a_gap_is_caught)
    assert untyped(silent) == ["x", "return"]
