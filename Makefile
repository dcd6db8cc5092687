# Sets up everything in $(VENV) and runs the main job or the tests. See README.md.
VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/bin
# A file given as DATA must exist; the one next to the repository is used if it is there.
DATA ?= $(wildcard ../shared/data/zuo2020/Si_test.xyz)

.PHONY: example test check benchmark install clean

example: install  ## compile the silicon example and evaluate it
	$(BIN)/python examples/silicon/evaluate.py $(DATA)

test: check  ## everything CI runs: formatting, lint, types, tests
	$(BIN)/python -m pytest

benchmark: install  ## measure everything, about an hour; OPTIONS="--quick" for a minute
	$(BIN)/python -m benchmarks $(OPTIONS)

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml Makefile
	PYTHON="$(PYTHON)" sh .ci/system-packages
	$(PYTHON) -m venv "$(VENV)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[atoms,test]"
	touch $@

clean:
	rm -rf "$(VENV)" build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find generated -mindepth 1 -maxdepth 1 ! -name golden_si -exec rm -rf {} +
