"""Sphinx configuration."""

import warnings

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
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]

# Single backticks in docstrings mark names, as in scikit-learn.
default_role = "literal"
autosummary_generate = True
# autosummary gives members their own tables.
numpydoc_show_class_members = False

html_theme = "alabaster"
html_theme_options = {
    "description": "Adversarial autoencoders as scikit-learn estimators",
    "fixed_sidebar": True,
}
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
}

# The gallery draws without a screen.
warnings.filterwarnings("ignore", message=".*non-interactive.*")
