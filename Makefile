# Every target builds what it needs: a fresh clone has only python3 and make.
# The virtual environment is brought up to date when pyproject.toml or the pins change.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DOCS_STAMP := $(VENV)/.installed-docs
PIP_INSTALL := $(BIN)/python -m pip install -c constraints.txt
SPHINXOPTS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test doctest lint wheel docs clean distclean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' Makefile

install: $(STAMP)  ## Build .venv with the package and its test tools

demo: $(STAMP)  ## Run the first example
	$(BIN)/python examples/plot_01_quickstart.py

# Two workers with a pool of threads each would slow each other down.
test doctest wheel: export OMP_NUM_THREADS = 1
test doctest wheel: export MKL_NUM_THREADS = 1
test doctest docs: export MPLBACKEND = Agg

test: $(STAMP)  ## Run the tests, two at a time
	$(BIN)/python -m pytest -n 2

doctest: $(STAMP)  ## Run the examples in docstrings and in the user guide
	$(BIN)/python -m pytest --doctest-modules --doctest-glob='*.rst' --doctest-glob='*.md' \
		sklearn_aae docs/*.rst README.md

lint: $(STAMP)  ## Check style, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

wheel: $(STAMP)  ## Build sdist and wheel, and use the wheel in an environment without this checkout
	$(BIN)/python .ci/wheel.py

docs: $(DOCS_STAMP)  ## Build the documentation into docs/_build/html; warnings are errors
	$(BIN)/python -m sphinx -W --keep-going -b html $(SPHINXOPTS) docs docs/_build/html

clean:  ## Remove caches and what was built, but no virtual environment
	rm -rf build dist docs/_build docs/api/generated docs/auto_examples
	rm -rf .mypy_cache .pytest_cache .ruff_cache
	find . -path './.venv*' -prune -o -name __pycache__ -exec rm -rf {} +

distclean: clean  ## Remove the virtual environments, too
	rm -rf $(VENV) .venv-oldest *.egg-info

# torch first: it is most of the download, and the pin decides which build it is.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info < (3, 11) and sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) torch
	$(PIP_INSTALL) -e ".[test,plot,onnx]"
	touch $@

$(DOCS_STAMP): $(STAMP)
	$(PIP_INSTALL) -e ".[docs]"
	touch $@
