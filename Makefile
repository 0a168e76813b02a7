# Targets for people and for CI alike. `make help` lists them.
# Needs Python 3.11 or newer; every target makes its own environment in .venv.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
DEMO   := examples/istmo
PERSONS ?= 120000
BENCHMARKS := river survey_cube stays_speed stays_incremental stays_accuracy source_draft site

.DEFAULT_GOAL := help
# A recipe must not run beside another: both would make the same environment.
.NOTPARALLEL:
.PHONY: help demo test test-long test-all check format lint types tests docs bench pictures wheels clean

help:  ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/run: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Caudal needs Python 3.11 or newer; try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[fast]'
	@touch $@

$(VENV)/dev: $(VENV)/run pyproject.toml
	$(BIN)/python -m pip install --quiet --group dev --editable '.[fast,formats,database,pictures,pdf]'
	@touch $@

demo: $(VENV)/run  ## Build the demo country and say where its site lies
	$(BIN)/caudal simulate $(DEMO) --persons $(PERSONS)
	$(BIN)/caudal build $(DEMO)

test: format lint types tests  ## Run all checks but the long ones

test-long: $(VENV)/dev
	$(BIN)/python -m pytest -n 2 -m long

test-all: test test-long  ## Also long simulations and foreign oracles

check: format lint types  ## Format, lint and types alone

format: $(VENV)/dev
	$(BIN)/ruff format --check .

lint: $(VENV)/dev
	$(BIN)/ruff check .

types: $(VENV)/dev
	$(BIN)/mypy

tests: $(VENV)/dev
	$(BIN)/python -m pytest -n 2 -m "not long" --ignore tests/property
	$(BIN)/python -m pytest -n 2 -m "not long" tests/property

bench: $(VENV)/dev  ## Run every benchmark and print its ratios
	@for b in $(BENCHMARKS); do echo "== $$b"; $(BIN)/python benchmarks/$$b.py || exit 1; done
	$(BIN)/python -m benchmarks.protect_suppression small middle large
	$(BIN)/python -m benchmarks.protect_cell_key

pictures: $(VENV)/dev  ## Renew the pictures of pages, after looking at what changed
	$(BIN)/python -m tests.browser.pictures

wheels: $(VENV)/run  ## Gather wheels in dist/wheels, to install without a network
	$(BIN)/python -m pip wheel --quiet --wheel-dir dist/wheels .

clean:  ## Remove what was made
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache examples/*/.caudal examples/*/releases $(DEMO)/data
