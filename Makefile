# One hashed install, one command each. `make accept` and `make test` need nothing but Python >= 3.11 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
SEEDS ?= 200
RUNS ?= 3

.PHONY: help setup accept test check bench campaign agreement mutants lock clean

help:            ## this list
	@grep -E '^[a-z]+: .*##|^[a-z]+: +##' Makefile | sed -E 's/:[^#]*##/\t/' | expand -t 14

setup: $(STAMP)  ## make .venv with everything pinned by hash

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(STAMP)

accept: setup    ## simulate, run for real, judge, write the report
	$(BIN)/harness accept

test: setup      ## every test; those that judge how fast a real service is have the machine for themselves
	$(BIN)/python -m pytest -m "not quiet and not long" -rs
	$(BIN)/python -m pytest -m quiet -n 0 -rs

check: setup     ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup     ## the benchmarks (speed and memory)
	$(BIN)/python -m pytest tests/benchmarks -p no:xdist -o addopts= --benchmark-only

campaign: setup  ## the long counts of docs/campaigns.md (SEEDS=200 RUNS=3)
	$(BIN)/python -m tests.campaign --seeds $(SEEDS) --runs $(RUNS)
	$(BIN)/python -m pytest -m long -n 0

agreement: setup ## every scenario, sound and flawed, in both worlds (docs/agreement.md): half an hour
	$(BIN)/python -m tests.agreement

mutants: setup   ## how many small breaks of the checkers the tests see (docs/mutants.md)
	$(BIN)/python -m tests.mutants
	$(BIN)/python -m tests.constants

lock:            ## pin the dependencies anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --group dev pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header -c requirements.lock reference/deploy/requirements.in -o reference/deploy/requirements.lock

clean:           ## remove what set-up made
	rm -rf $(VENV) .mutants
