# Every target does its own set-up: a machine with Python 3.11+ and make is enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# One more than there are cores: for a third of the time tests wait for servers, kernels and pages.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 1)')
# The many processes that tests start are a third faster when Python keeps what it has compiled.
export PYTHONDONTWRITEBYTECODE :=
PARALLEL := -n $(WORKERS) --maxprocesses=8 --dist loadfile --no-loadscope-reorder

.PHONY: help demo clients labextension sandbox test suite docs wheel test-labs stable test-all test-live spark lint format types unit notebooks browser mutants fuzz pictures bench lock clean
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
	@echo "Setting up (once)..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/demo.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@mkdir -p $(VENV)/share/jupyter/labextensions
	@ln -sfn ../../../../gt_secure/labextension $(VENV)/share/jupyter/labextensions/gt_secure
	@touch $@

$(VENV)/.dev: $(VENV)/.demo requirements/dev.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(VENV)/.demo ## the main job in JupyterLab on a sandbox (ARGS="--headless --out DIR" without a browser)
	@exec $(BIN)/gt-secure demo $(ARGS)

sandbox: $(VENV)/.demo ## AWS on loopback, in the foreground
	@exec $(BIN)/gt-secure sandbox $(ARGS)

test: $(VENV)/.dev ## everything that must pass before a commit lands: lint and types beside the tests
	@sh tools/ensure-chromium.sh
	@$(MAKE) --no-print-directory -j3 lint types suite

suite: $(VENV)/.dev ## all tests but the slow ones, in parallel: units, notebooks, browser
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow" $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/lint_style.py

types: $(VENV)/.dev
	$(BIN)/mypy

unit: $(VENV)/.dev
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow and not browser" --ignore tests/notebooks $(ARGS)

notebooks: $(VENV)/.dev ## every notebook runs, compared where its text is stable, and holds no secret
	$(BIN)/python -m pytest $(PARALLEL) tests/notebooks $(ARGS)

browser: $(VENV)/.dev ## the panel in a real JupyterLab in Chromium
	@sh tools/ensure-chromium.sh
	$(BIN)/python -m pytest tests/browser $(ARGS)

test-labs: $(VENV)/.dev ## the browser suite under JupyterLab 4.4, 4.5 and 4.6, in environments of their own
	@sh tools/ensure-chromium.sh
	$(BIN)/python tools/labs.py $(ARGS)

stable: $(VENV)/.dev ## the whole browser suite ten times in a row
	@sh tools/ensure-chromium.sh
	for run in 1 2 3 4 5 6 7 8 9 10; do $(BIN)/python -m pytest -q -m browser tests/browser $(ARGS) || exit 1; done

test-all: test spark ## the slow checks too: fault injection, fuzzing, new examples for property tests, Spark
	$(BIN)/python -m pytest $(PARALLEL) -m "slow or hypothesis" --hypothesis-profile=new $(ARGS)

$(VENV)/spark/.done: $(VENV)/.python requirements/spark.txt
	@$(BIN)/python -m venv $(VENV)/spark
	@$(VENV)/spark/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/spark.txt
	@touch $@

spark: $(VENV)/spark/.done ## the rows of a real local Spark against those of DuckDB (an environment of its own, Java)
	@sh tools/ensure-java.sh
	PYTHONPATH=$(CURDIR) $(VENV)/spark/bin/python -m pytest -n 0 tests/logs/test_spark.py $(ARGS)

clients: $(VENV)/.dev ## other people's clients against the sandbox, as a table (from PyPI, npm, Debian; ARGS="rclone boto3")
	$(BIN)/python tests/clients/matrix.py $(ARGS)

test-live: $(VENV)/.dev ## the account tests on a real account (PROFILE=name CONFIRM=its-account-id LOG_WAIT_MIN=240)
	@GT_SECURE_LIVE_PROFILE="$(PROFILE)" GT_SECURE_LIVE_CONFIRM="$(CONFIRM)" GT_SECURE_LIVE_LOG_WAIT_MIN="$(LOG_WAIT_MIN)" \
	  $(BIN)/python -m pytest -p no:cacheprovider -m live tests/live $(ARGS)

mutants: $(VENV)/.dev ## does a test notice each small change of what decides verdicts? (20 minutes; ARGS="--most 100")
	$(BIN)/python tools/mutants.py $(ARGS)

$(VENV)/.fuzz: $(VENV)/.dev requirements/fuzz.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/fuzz.txt
	@touch $@

fuzz: $(VENV)/.fuzz ## look for inputs that break what reads them (10 minutes; ARGS="lines url --seconds 3600")
	cd tests && $(abspath $(BIN))/python -m support.fuzzing $(ARGS)

labextension: $(VENV)/.demo ## build the JupyterLab extension anew from its TypeScript, with its tests and lint (Node 20)
	$(BIN)/python tools/build_labextension.py
	cd labextension && npm run --silent lint && npm run --silent test

pictures: $(VENV)/.dev docs ## the pictures of the panel, made anew; pages and plots to look at in out/screenshots
	$(BIN)/python tools/screenshots.py
	$(BIN)/python tools/page_pictures.py

bench: $(VENV)/.dev ## measurements, printed as ratios against named peers
	$(BIN)/python benchmarks/verdicts.py
	$(BIN)/python benchmarks/logs.py
	$(BIN)/python benchmarks/panel.py
	$(BIN)/python benchmarks/lab.py
	$(BIN)/python benchmarks/newcomer.py
	$(BIN)/python benchmarks/sweep.py --accounts 40

$(VENV)/docs/.done: $(VENV)/.python requirements/docs.txt
	@$(BIN)/python -m venv $(VENV)/docs
	@$(VENV)/docs/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	@touch $@

docs: $(VENV)/docs/.done ## the docs site in build/site; a broken link is an error (an environment of its own)
	PYTHONPATH=$(CURDIR) $(VENV)/docs/bin/python tools/build_docs.py
	GT_SECURE_SITE=$(CURDIR)/build/site PYTHONPATH=$(CURDIR) $(VENV)/docs/bin/python -m pytest -q -p no:cacheprovider tests/docs/test_site.py $(ARGS)

wheel: $(VENV)/.demo ## the wheels in dist/ (gt_secure and its checks for Prowler): built twice, and the bytes compared
	$(BIN)/python tools/make_wheel.py

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-strip-extras \
  --custom-compile-command "make lock" setup.cfg requirements/build.in

lock: ## write requirements/*.txt anew (needs uv)
	$(LOCK) requirements/dev.in -o requirements/dev.txt
	$(LOCK) requirements/demo.in -c requirements/dev.txt -o requirements/demo.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-strip-extras \
	  --custom-compile-command "make lock" requirements/fuzz.in -o requirements/fuzz.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-strip-extras \
	  --custom-compile-command "make lock" --extra spark setup.cfg requirements/spark.in -c requirements/dev.txt \
	  -o requirements/spark.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-strip-extras \
	  --custom-compile-command "make lock" setup.cfg requirements/docs.in -o requirements/docs.txt

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
