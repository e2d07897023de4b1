# Everything a contributor types. `make` alone lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help .venv lint fix test test-long test-all demo docs wheel runtime-wheel runtime-check clean

help: ## this list
	@awk -F ':.*## ' '/^[-.a-z]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv: $(STAMP) ## an environment with the package (editable) and all tools; PYTHON=python3.12 picks another Python

# The stamp is written last, so that an interrupted installation is taken up again.
$(STAMP): setup.cfg constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 10) <= v <= (3, 13) or sys.exit("yolotiny needs Python 3.10 to 3.13, %s is %d.%d; try make PYTHON=python3.12" % (sys.executable, *v))'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV): a few minutes and about 6 GB the first time"
	@$(BIN)/python -m pip install -qq --upgrade pip
	@$(BIN)/python -m pip install -qq -c constraints.txt setuptools -e '.[dev]'
	@touch $@

lint: .venv ## ruff and mypy, changing nothing
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

fix: .venv ## let ruff sort, repair and format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Tests and demo stay off the network, whatever a dependency would like to fetch.
test test-long demo runtime-check: export YOLO_OFFLINE := 1
test test-long demo runtime-check: export YOLO_AUTOINSTALL := 0
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

test: lint ## lint, then the tests (a quarter of an hour on two cores)
	$(PYTEST) -m "not long"

test-long: .venv ## what test leaves out: the export of each model and of each combination of modules
	$(PYTEST) -m long

test-all: test test-long ## every test

demo: .venv ## train, validate, predict and export on generated pictures, on a CPU
	$(BIN)/yolotiny demo

docs: export NO_MKDOCS_2_WARNING := 1
docs: .venv ## the documentation as a site, to be opened at site/index.html
	$(BIN)/mkdocs build --strict

wheel: .venv ## dist/yolotiny-*.whl
	rm -rf build
	$(BIN)/python -m build --wheel --no-isolation

runtime-wheel: .venv ## dist/yolotiny_runtime-*.whl, which runs exported files without torch
	rm -rf packaging/runtime/build packaging/runtime/*.egg-info
	$(BIN)/python -m build --wheel --no-isolation --outdir dist packaging/runtime

runtime-check: runtime-wheel ## that wheel in an empty environment, on pictures, beside the full package
	$(BIN)/python packaging/runtime/check.py $$(ls -t dist/yolotiny_runtime-*.whl | head -1)

.PHONY: release-check
release-check: .venv ## dist/ with the sdist and both wheels, tried in empty environments; PYTHONS=all: torch too
	$(BIN)/python packaging/release/check.py $(PYTHONS)

clean: ## remove build products and caches; .venv, datasets/ and runs/ stay
	rm -rf build dist site *.egg-info packaging/runtime/build packaging/runtime/*.egg-info .pytest_cache .mypy_cache .ruff_cache
	find yolotiny cfg tests -name __pycache__ -type d -prune -exec rm -rf {} +
