# Every target does its own set-up: a machine with Python 3.11+ and make is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
TIER ?= quick or check
# One more than there are cores: tests also wait for servers, kernels and pages. A second one more took a fifth longer on two cores.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')
# The many processes that tests start are a third faster when Python keeps what it has compiled.
export PYTHONDONTWRITEBYTECODE :=
# A landing replaces it by tools/steady.py; a developer sees each failure.
PYTEST := $(BIN)/python -m pytest
PARALLEL := -n $(WORKERS) --maxprocesses=8 --dist loadfile --no-loadscope-reorder

.PHONY: help demo sandbox test check browser lint suite test-all bench docs wheel format lock clean
.DEFAULT_GOAL := help

help: ## show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "This Python has no venv: install it (on Debian: apt-get install python3-venv)."; exit 1; }
	@touch $@

$(VENV)/.demo: $(VENV)/.python requirements/demo.txt setup.cfg
	@echo "Setting up (once), about two minutes; pip names each package:"
	@$(BIN)/pip install --disable-pip-version-check --require-hashes -r requirements/demo.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@mkdir -p $(VENV)/share/jupyter/labextensions
	@ln -sfn ../../../../gt_secure/labextension $(VENV)/share/jupyter/labextensions/gt_secure
	@touch $@

$(VENV)/.dev: $(VENV)/.demo requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.check: $(VENV)/.dev requirements/check.txt
	@echo "Setting up what the longer tests need (once)..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/check.txt
	@touch $@

# What is promised of the lowest versions is tested with them; numpy 1.26.0 has no wheel for Python 3.13 and newer.
$(VENV)/lowest/.done: $(VENV)/.python requirements/lowest.txt
	@mkdir -p $(VENV)/lowest
	@! $(BIN)/python -c 'import sys; sys.exit(sys.version_info >= (3, 13))' || { \
	  echo "Setting up the lowest versions (once)..." && $(BIN)/python -m venv $(VENV)/lowest \
	  && $(VENV)/lowest/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/lowest.txt; }
	@touch $@

demo: $(VENV)/.demo ## the main job in JupyterLab on a sandbox (ARGS="--headless --out DIR" without a browser)
	@exec $(BIN)/gt-secure demo $(ARGS)

sandbox: $(VENV)/.demo ## AWS on loopback, in the foreground
	@exec $(BIN)/gt-secure sandbox $(ARGS)

test: $(VENV)/.dev ## lint, types and the quick tests
	@$(MAKE) --no-print-directory -j2 lint suite TIER=quick ARGS="--within-budget $(ARGS)"

check: $(VENV)/.check $(VENV)/lowest/.done ## the rest of the tests, except those in a browser and the slow set
	$(PYTEST) $(PARALLEL) -m check $(ARGS)

browser: $(VENV)/.check ## the tests in a real JupyterLab and Chromium
	@sh tools/ensure-chromium.sh
	$(PYTEST) -n 2 --dist loadfile -m "browser and not slow" $(ARGS) tests/browser

suite: $(VENV)/.dev ## some of these tests (ARGS="tests/engine/iam -k guard")
	$(PYTEST) $(PARALLEL) -m "$(TIER)" $(ARGS)

lint: $(VENV)/.dev ## style and types: seconds
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/lint_style.py
	$(BIN)/mypy

$(VENV)/spark/.done: $(VENV)/.python requirements/spark.txt
	@$(BIN)/python -m venv $(VENV)/spark
	@$(VENV)/spark/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/spark.txt
	@touch $@

test-all: test check browser $(VENV)/spark/.done ## the slow checks too: fault injection, fuzzing, benchmarks, new examples, a local Spark (Java)
	@sh tools/ensure-java.sh
	$(BIN)/python tools/slow_set.py $(ARGS)

bench: $(VENV)/.check ## measurements, printed as ratios against named peers (ARGS="--quick" or names)
	$(BIN)/python benchmarks/run.py $(ARGS)

$(VENV)/docs/.done: $(VENV)/.python requirements/docs.txt
	@$(BIN)/python -m venv $(VENV)/docs
	@$(VENV)/docs/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	@touch $@

docs: $(VENV)/docs/.done ## the docs site in build/site; a broken link is an error (an environment of its own; Node and npm)
	$(VENV)/docs/bin/python tools/build_lab.py
	PYTHONPATH=$(CURDIR) $(VENV)/docs/bin/python tools/build_docs.py
	GT_SECURE_SITE=$(CURDIR)/build/site PYTHONPATH=$(CURDIR) $(VENV)/docs/bin/python -m pytest -q -p no:cacheprovider tests/docs/test_site.py $(ARGS)

wheel: $(VENV)/.demo ## the source archive and the wheels in dist/ (gt_secure, its tools for agents, its checks for Prowler, its mask of secrets, its engine on Spark): built twice, and the bytes compared
	$(BIN)/python tools/make_wheel.py $(ARGS)

format: $(VENV)/.dev ## let ruff fix and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-strip-extras \
  --custom-compile-command "make lock"

lock: ## write requirements/*.txt anew (needs uv)
	$(LOCK) setup.cfg requirements/build.in requirements/check.in -o requirements/check.txt
	$(LOCK) setup.cfg requirements/build.in requirements/dev.in -c requirements/check.txt -o requirements/dev.txt
	$(LOCK) setup.cfg requirements/build.in requirements/demo.in -c requirements/check.txt -o requirements/demo.txt
	$(LOCK) setup.cfg requirements/build.in -c requirements/check.txt -o requirements/run.txt
	$(LOCK) --resolution lowest-direct setup.cfg requirements/lowest.in -o requirements/lowest.txt
	$(LOCK) requirements/fuzz.in -o requirements/fuzz.txt
	$(LOCK) requirements/sbom.in -o requirements/sbom.txt
	$(LOCK) requirements/applications.in -o requirements/applications.txt
	$(LOCK) setup.cfg requirements/spark.in -c requirements/check.txt -o requirements/spark.txt
	$(LOCK) setup.cfg requirements/docs.in -o requirements/docs.txt

clean: ## delete environments, builds and caches
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
