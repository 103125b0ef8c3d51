"""Imports only go down the floors of the house; rooms of one floor never meet."""

import ast
from pathlib import Path

import pytest

import sklearn_aae

PACKAGE = Path(sklearn_aae.__file__).parent

# Rooms are the modules and folders at the top of the package. Bottom to top.
FLOORS = [
    {"_version"},
    {"utils", "distributions", "nn", "objectives", "tabular"},
    {"priors", "encoders", "decoders", "critics", "training", "metrics", "inspection"},
    {"estimators"},
    {"model_selection", "persistence", "report"},
    {"__init__"},
    {"__main__"},
]
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def module_name(path, root):
    """Return the dotted name of a file: ``sklearn_aae.nn._mlp``."""
    parts = (root.name, *path.relative_to(root).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(name):
    """Return the room of a dotted name; the face of the package is "__init__"."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports_of(path, package, modules):
    """Return the modules of the package that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                found.add("." * node.level + (node.module or ""))
                continue
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in modules else node.module)
    return {n for n in found if n.startswith(".") or n.split(".")[0] == package}


def read(root):
    """Return what each module of a package imports from the package."""
    files = {module_name(path, root): path for path in sorted(root.rglob("*.py"))}
    return {name: imports_of(path, root.name, files) for name, path in files.items()}


def breaks(imports):
    """Return one line for each import that breaks the layers."""
    lines = []
    for name, targets in imports.items():
        here = room_of(name)
        if here not in FLOOR:
            lines.append(f"{name}: room {here!r} has no floor in FLOORS")
            continue
        for target in sorted(targets):
            there = room_of(target)
            if target.startswith("."):
                lines.append(f"{name}: relative import of {target!r}")
            elif there != here and FLOOR.get(there, 99) >= FLOOR[here]:
                lines.append(f"{name} imports {target}, which is not below it")
    return lines


def circles(imports):
    """Return the modules that import each other in a circle, each circle sorted."""

    def reached(start):
        seen, ahead = set(), [start]
        while ahead:
            for target in imports.get(ahead.pop(), ()):
                if target not in seen:
                    seen.add(target)
                    ahead.append(target)
        return seen

    below = {name: reached(name) for name in imports}
    return sorted(
        {
            tuple(sorted({name} | {o for o in below[name] if name in below.get(o, ())}))
            for name in imports
            if name in below[name]
        }
    )


def test_imports_only_go_down():
    lines = breaks(read(PACKAGE))
    assert not lines, "\n".join(["", *lines])


def test_contributors_are_told_the_same():
    text = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    told = text.split("**Layers.**")[1].split("**Models.**")[0].splitlines()
    floors = [set(line.strip().split(" | ")) for line in told if line[:4] == " " * 4]
    assert floors == FLOORS[1:]


def test_there_are_no_import_circles():
    assert circles(read(PACKAGE)) == []


def test_the_whole_package_is_read():
    imports = read(PACKAGE)
    assert len(imports) >= 30
    assert "sklearn_aae.nn" in imports["sklearn_aae.encoders"]
    assert (
        "sklearn_aae.training.losses._phases" in imports["sklearn_aae.training._recipe"]
    )
    assert {room_of(name) for name in imports} >= {"__init__", "utils", "estimators"}


# --- the test catches a break ---------------------------------------------------------


@pytest.fixture
def build(tmp_path):
    """Return a function that writes a package of this name and reads it."""

    def build_package(**files):
        root = tmp_path / "sklearn_aae"
        for name, source in {"__init__": "", **files}.items():
            path = root / f"{name.replace('__in__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(source)
        return read(root)

    return build_package


ALLOWED = [
    {"encoders": "from sklearn_aae.nn import MLP", "nn__in____init__": ""},
    {"encoders": "import torch\nfrom sklearn.base import clone"},
    {
        "nn__in___mlp": "from sklearn_aae.nn._layers import Linear",
        "nn__in___layers": "",
    },
    {"__init__": "from sklearn_aae.estimators import A\nimport sklearn_aae._version"},
]
FORBIDDEN = {
    "up": {"nn__in___mlp": "from sklearn_aae.encoders import Encoder"},
    "sideways": {"encoders": "import sklearn_aae.critics as c"},
    "ground sideways": {"objectives__in___a": "from sklearn_aae import nn", "nn": ""},
    "hidden": {"priors": "def f():\n    from sklearn_aae.training import Batch"},
    "face": {"utils__in___a": "from sklearn_aae import __version__"},
    "relative": {"encoders": "from .nn import MLP"},
    "relative package": {"training__in___net": "from . import _step"},
    "unknown room": {"helpers": "import torch"},
    "unknown target": {"encoders": "from sklearn_aae.helpers import f"},
}


@pytest.mark.parametrize("files", ALLOWED)
def test_a_sound_house_passes(files, build):
    imports = build(**files)
    assert breaks(imports) == []
    assert circles(imports) == []


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_a_break_is_caught(kind, build):
    assert len(breaks(build(**FORBIDDEN[kind]))) == 1


def test_a_circle_is_caught(build):
    imports = build(
        training__in___a="from sklearn_aae.training._b import x",
        training__in___b="def f():\n    from sklearn_aae.training import _c",
        training__in___c="import sklearn_aae.training._a",
        training__in___d="import sklearn_aae.training._a",
    )
    members = tuple(f"sklearn_aae.training._{letter}" for letter in "abc")
    assert circles(imports) == [members]
