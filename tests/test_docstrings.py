"""Every public object has a numpydoc docstring that matches its signature."""

import importlib
import importlib.util
import inspect

import pytest

import sklearn_aae

numpydoc_validate = pytest.importorskip("numpydoc.validate")
ClassDoc = pytest.importorskip("numpydoc.docscrape").ClassDoc

MODULES = ["priors", "encoders", "decoders", "critics", "objectives", "training"]
OPTIONAL_MODULES = ["inspection", "metrics", "persistence", "model_selection", "report"]

ALWAYS = {
    "GL03",  # double blank lines
    "GL05",  # tabs
    "GL06",  # unknown section
    "GL07",  # sections in the wrong order
    "GL08",  # no docstring
    "SS01",  # no summary
    "SS02",  # summary without a capital letter
    "SS03",  # summary without a full stop
    "SS04",  # summary indented
    "SS05",  # summary in the third person
    "PR02",  # documented parameters that do not exist
    "PR03",  # parameters in the wrong order
    "PR04",  # parameter without a type
    "PR05",  # type ends with a full stop
    "PR07",  # parameter without a description
    "PR10",  # no space before the colon of a type
}
# What users read: all parameters and what comes back.
FACE = ALWAYS | {"PR01", "RT01"}
# Parts that developers assemble: constructors are documented whole, by the class or a
# base (see `undocumented`); of a method, one line that says the shapes is enough.
PARTS = ALWAYS


def public_objects(module):
    """Yield the dotted names of the objects in `__all__`, and of their methods."""
    for name in module.__all__:
        value = getattr(module, name)
        if not callable(value) or not getattr(value, "__module__", "").startswith(
            "sklearn_aae"
        ):
            continue  # tables, version
        yield f"{module.__name__}.{name}", value
        if inspect.isclass(value):
            for method, function in inspect.getmembers(value, callable):
                ours = getattr(function, "__module__", "") or ""
                if ours.startswith("sklearn_aae") and not method.startswith("_"):
                    yield f"{module.__name__}.{name}.{method}", function


def modules():
    names = [*MODULES]
    for name in OPTIONAL_MODULES:
        if importlib.util.find_spec(f"sklearn_aae.{name}"):
            names.append(name)
    found = [importlib.import_module(f"sklearn_aae.{name}") for name in names]
    return [sklearn_aae, *(m for m in found if hasattr(m, "__all__"))]


FACES = ("sklearn_aae", *(f"sklearn_aae.{name}" for name in OPTIONAL_MODULES))
OBJECTS = [
    pytest.param(
        name, value, module.__name__ in FACES, id=name.removeprefix("sklearn_aae.")
    )
    for module in modules()
    for name, value in public_objects(module)
]


def undocumented(cls):
    """Return the constructor's parameters that neither class nor base documents."""
    documented = set()
    for base in cls.__mro__:
        if base.__module__.startswith("sklearn_aae"):
            text = ClassDoc(base)
            entries = [*text["Parameters"], *text["Attributes"]]
            documented |= {n for entry in entries for n in entry.name.split(", ")}
    named = [
        parameter.name
        for parameter in inspect.signature(cls).parameters.values()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    return [n for n in named if n not in documented and not n.startswith("_")]


def opens_with_a_formula(value):
    """Whether a summary opens with letters of a formula: ``q(z|x) = ...``."""
    word = (inspect.getdoc(value) or "").partition(" ")[0]
    return len(word) == 1 or not word.isalpha()


def gaps(name, value, face):
    """Return what is wrong with a docstring, as readable lines."""
    codes = FACE if face else PARTS
    if opens_with_a_formula(value):
        codes = codes - {"SS02"}
    errors = numpydoc_validate.validate(name)["errors"]
    lines = [f"{name}: {code} {text}" for code, text in errors if code in codes]
    if inspect.isclass(value) and not (face or issubclass(value, BaseException)):
        missing = undocumented(value)
        lines += [f"{name}: parameter {n!r} is not documented" for n in missing]
    return lines


@pytest.mark.parametrize(("name", "value", "face"), OBJECTS)
def test_docstring(name, value, face):
    found = gaps(name, value, face)
    assert not found, "\n".join(["", *found])


def test_every_public_module_is_read():
    names = {param.values[0] for param in OBJECTS}
    assert {"sklearn_aae.priors.Gaussian", "sklearn_aae.AAETransformer.fit"} <= names
    assert len(names) > 60


@pytest.mark.parametrize("module", modules(), ids=lambda m: m.__name__)
def test_all_names_what_exists_in_order(module):
    assert all(hasattr(module, name) for name in module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)


# --- the test catches a gap -----------------------------------------------------------


def bare(x):
    return x


def undescribed(x):
    """Return x."""
    return x


def mismatched(x):
    """Return x.

    Parameters
    ----------
    y : int
        A number.

    Returns
    -------
    int
        The same.
    """
    return x


class Undescribed:
    """A class.

    Parameters
    ----------
    a, b : int
        Two numbers.
    """

    __module__ = "sklearn_aae.specimen"

    def __init__(self, a, b, c, _d=0, **options): ...


class Heir(Undescribed):
    """A class whose base documents its parameters."""

    __module__ = "sklearn_aae.specimen"


@pytest.mark.parametrize("specimen", [Undescribed, Heir])
def test_an_undocumented_parameter_is_caught(specimen):
    assert undocumented(specimen) == ["c"]


@pytest.mark.parametrize(
    ("function", "code"), [(bare, "GL08"), (undescribed, "PR01"), (mismatched, "PR02")]
)
def test_a_gap_is_caught(function, code, monkeypatch):
    monkeypatch.setattr(sklearn_aae, "_specimen", function, raising=False)
    found = gaps("sklearn_aae._specimen", function, face=True)
    assert any(code in line for line in found)
