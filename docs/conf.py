"""Sphinx configuration."""

import warnings
from importlib import import_module
from pathlib import Path

from sklearn_aae import __version__

project = "sklearn_aae"
author = "the sklearn_aae developers"
copyright = author
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates", "make_picture.py"]
templates_path = ["_templates"]

# Single backticks in docstrings mark names, as in scikit-learn.
default_role = "literal"
# The page of each estimator says what types are; the signature names parameters.
autodoc_typehints = "none"
autosummary_generate = True
# autosummary gives members their own tables.
numpydoc_show_class_members = False
# The class is in the title; beside each method it would push the names out of sight.
toc_object_entries_show_parents = "hide"

html_theme = "pydata_sphinx_theme"
html_theme_options = {
    "navbar_align": "left",
    "show_nav_level": 1,
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
}
# Pages without siblings have no use for a list of these.
html_sidebars = {"index": [], "api": [], "user_guide": [], "method": []}
html_context = {"default_mode": "auto"}
# Formulas need no network: the one file of MathJax that draws them is part of the site.
MATHJAX = import_module("sphinx-mathjax-offline").__path__[0]
mathjax_path = "tex-svg.js"
html_static_path = ["_static", str(Path(MATHJAX) / "static" / "mathjax" / mathjax_path)]
html_css_files = ["site.css"]
html_title = "sklearn_aae"
html_copy_source = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "doc_module": ("sklearn_aae",),
    "reference_url": {"sklearn_aae": None},
    "backreferences_dir": "api/generated",
    "download_all_examples": False,
    "write_computation_times": False,
    # A display at the end of a cell has drawn its picture: that is its output.
    "ignore_repr_types": r"matplotlib|sklearn_aae\.inspection",
}

# The gallery draws without a screen.
warnings.filterwarnings("ignore", message=".*non-interactive.*")


def shorten_foreign(app, what, name, obj, options, lines):
    """Keep the first line of what is torch's: its text is for other builders."""
    module = getattr(obj, "__module__", None) or ""
    if module.partition(".")[0] == "torch":
        del lines[1:]


def setup(app):
    """Connect what the pages need."""
    app.connect("autodoc-process-docstring", shorten_foreign)
