"""Build sdist and wheel, and use the wheel where there is nothing else.

    .venv/bin/python .ci/wheel.py

The wheel is built from the sdist and installed into an environment outside of this
checkout. Of the packages of the environment that runs this, the new one gets links to
those that the wheel says it needs, and no others: a requirement that is not declared
fails here, and nothing is downloaded.
"""

import subprocess
import sys
import tempfile
import venv
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parents[1]

USE = """
import sys
from importlib.metadata import version
from pathlib import Path
from sklearn.datasets import load_iris
import sklearn_aae

at = Path(sklearn_aae.__file__)
assert at.is_relative_to(sys.prefix), f"imported {at}, which is not of the wheel"
assert (at.parent / "py.typed").exists(), "the wheel lacks py.typed"
assert version("sklearn-aae") == sklearn_aae.__version__
X, _ = load_iris(return_X_y=True)
aae = sklearn_aae.AAETransformer(max_iter=2, random_state=0).fit(X)
assert aae.transform(X).shape == (150, 2)
assert aae.sample(3, random_state=0).shape == (3, 4)
print("fit, transform and sample by", at.parent)
"""


def build(folder: Path) -> Path:
    """Build the sdist, and from it the wheel; return the wheel's path."""
    options = ["--no-isolation", "--outdir", folder, CHECKOUT]
    log = subprocess.run(
        [sys.executable, "-m", "build", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if log.returncode:
        sys.exit(log.stdout)
    (wheel,) = folder.glob("*.whl")
    return wheel


def check_content(wheel: Path) -> None:
    """Exit if the wheel lacks a module of the checkout, or holds anything else."""
    names = set(zipfile.ZipFile(wheel).namelist())
    found = {name for name in names if ".dist-info/" not in name}
    modules = {
        str(path.relative_to(CHECKOUT))
        for path in (CHECKOUT / "sklearn_aae").rglob("*")
        if path.suffix in (".py", ".typed")
    }
    if found != modules:
        sys.exit(f"the wheel and the checkout differ in {sorted(found ^ modules)}")
    if not any(name.endswith("/licenses/LICENSE") for name in names):
        sys.exit("the wheel holds no licence")


def needed(package: Distribution, seen: dict[str, Distribution]) -> None:
    """Add what a package needs, without extras, to those seen; by name."""
    for line in package.requires or ():
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        applies = requirement.marker is None or requirement.marker.evaluate(
            {"extra": ""}
        )
        if applies and name not in seen:
            seen[name] = distribution(name)
            needed(seen[name], seen)


def install(wheel: Path, folder: Path) -> Path:
    """Install the wheel, and links to what it needs; return the Python with them."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", python]
    offline = ["--no-deps", "--no-index", "--quiet"]
    subprocess.run([*pip, "install", *offline, wheel], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    (installed,) = site.glob("sklearn_aae-*.dist-info")
    packages: dict[str, Distribution] = {}
    needed(Distribution.at(installed), packages)
    for package in packages.values():
        tops = {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}
        for top in tops:
            target = Path(str(package.locate_file(top)))
            (site / top).symlink_to(target.resolve())
    print("with", ", ".join(sorted(packages)))
    return python


def main() -> None:
    """Build, look into the wheel, install and use it."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        wheel = build(folder / "dist")
        print("built", *sorted(path.name for path in wheel.parent.iterdir()))
        check_content(wheel)
        python = install(wheel, folder / "environment")
        # -I: neither the folder it runs in nor PYTHONPATH is looked at.
        subprocess.run([python, "-I", "-c", USE], cwd=folder, check=True)


if __name__ == "__main__":
    main()
