# Sets up everything in $(VENV) and runs the main job or the tests. See README.md.
VENV ?= .venv
PYTHON ?= python3
BIN = $(VENV)/bin

.PHONY: example silicon paper test fuzz fuzz-python check benchmark simulators docs pictures linkcheck install clean

example: install  ## label, fit, compile and run a copper potential; needs no data, takes a minute
	$(BIN)/python examples/quickstart/run.py

silicon: install  ## the full way with published data: make silicon DATA=folder of Si_train.xyz and Si_test.xyz
	$(if $(DATA),,$(error make silicon needs DATA=FOLDER with Si_train.xyz and Si_test.xyz of Zuo et al. 2020))
	$(BIN)/python examples/silicon/run.py "$(DATA)"

paper: install  ## the experiments of the paper, about an hour; OPTIONS="--small" for minutes, DATA=FOLDER for potentials
	$(BIN)/python examples/paper/run.py $(if $(DATA),--data "$(DATA)") $(OPTIONS)

test: check docs simulators  ## everything CI runs: formatting, lint, types, documentation, tests
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

benchmark: install  ## measure everything, about an hour; OPTIONS="--quick" for a minute
	$(BIN)/python -m benchmarks $(OPTIONS)

fuzz-python: install  ## odd specs, coefficients, fits, modules, posteriors: make fuzz-python COUNT=100000 (about 5 minutes)
	PYTHONPATH=tests:tests/support $(BIN)/python -m fuzz.python --count $(or $(COUNT),100000) $(OPTIONS)

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fuzz: install  ## fuzzers of the generated C and of its export, TIME seconds each (60); needs clang
	$(MAKE) -C tests/fuzz/c PYTHON=$(abspath $(BIN)/python) $(if $(TIME),TIME=$(TIME))

docs: install  ## the documentation, in build/site: open build/site/index.html; the page of the architecture is made anew
	$(BIN)/python docs/maintainers/architecture.py
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet -j auto docs build/site

pictures: install  ## the pictures of the documentation, by running its examples
	ACEGEN_RENEW_PICTURES=1 $(BIN)/python -m pytest docs

linkcheck: install  ## links from the documentation to other sites; needs the network
	$(BIN)/python -m sphinx --quiet -b linkcheck docs build/linkcheck

simulators: $(VENV)/.simulators  ## LAMMPS, KIM and compilers for the tests of exports, as far as they can be had

$(VENV)/.simulators: .ci/simulators | install
	if sh .ci/simulators $(BIN)/python; then touch $@; fi

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml Makefile
	PYTHON="$(PYTHON)" sh .ci/system-packages
	$(PYTHON) -m venv "$(VENV)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[fit,test,docs]"
	touch $@

clean:
	rm -rf "$(VENV)" build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find generated -mindepth 1 -maxdepth 1 ! -name golden_si -exec rm -rf {} +
