# Everything a fresh machine needs is behind these targets: Python 3.11, pip and (for the console) Node 20.
SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
STATIC := src/passerelle/adapters/console/static
WEB_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' 2>/dev/null)
ARGS ?=
NAME ?= grounding
DATA ?=

.PHONY: help setup run test check bench bench-peers measure complaints campaign map lock console clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(BIN)/.core console ## install the product and build the console

run: setup ## serve the bundled use case: make run ARGS="--port 18080 --data DIR"
	@$(BIN)/passerelle up --config . $(ARGS)

test: $(BIN)/.develop console ## run the whole suite, the fast tests first
	$(BIN)/pytest -q -m "not slow"
	$(BIN)/pytest -q -m slow

check: $(BIN)/.develop ## style, types, import law, sizes: under a minute
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/pytest -q tests/shape
	@if command -v npm >/dev/null && [ -d web/node_modules ]; then cd web && npm run --silent check; fi

bench: $(BIN)/.develop ## speed of the gateway beside a plain proxy; writes bench/results/latest.json
	$(BIN)/python -m bench $(ARGS)

bench-peers: $(BIN)/.develop ## others of our kind, installed in throw-away folders, beside us: an hour
	$(BIN)/python -m bench.rivals $(ARGS)

measure: $(BIN)/.develop ## quality on public data: make measure NAME=grounding DATA=folder
	$(BIN)/python -m measurements $(NAME) --data "$(DATA)"

complaints: $(BIN)/.develop ## the tests behind docs/complaints.md
	$(BIN)/pytest -q $$(grep -o 'tests/[a-z_/]*\.py::[a-zA-Z_:]*' docs/complaints.md | sort -u)

campaign: $(BIN)/.develop ## the long counts of which the suite runs a fraction
	$(BIN)/python -m tests.campaigns $(ARGS)

map: $(BIN)/.core ## each package with the question that it answers
	@$(BIN)/python -m tests.shape.map

lock: $(BIN)/python ## write requirements/*.txt anew
	@test -x $(BIN)/uv || $(BIN)/pip install -q uv
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 --custom-compile-command "make lock" pyproject.toml -o requirements/core.txt
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 --custom-compile-command "make lock" requirements/build.in -o requirements/build.txt
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 --custom-compile-command "make lock" -c requirements/core.txt -c requirements/build.txt pyproject.toml requirements/develop.in -o requirements/develop.txt

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Passerelle needs Python 3.11: install it, or name another with PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv

$(BIN)/.core: $(BIN)/python requirements/core.txt requirements/build.txt pyproject.toml
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/core.txt -r requirements/build.txt
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q src/passerelle
	@touch $@

$(BIN)/.develop: $(BIN)/.core requirements/develop.txt
	$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements/develop.txt
	@touch $@

# Without Node the gateway runs all the same, and the console says how to build it.
console:
	@if [ ! -d web ]; then :; \
	elif command -v npm >/dev/null; then $(MAKE) --no-print-directory $(STATIC)/.built; \
	else echo "The console needs Node 20 to be built; the gateway runs without it."; fi

$(STATIC)/.built: $(WEB_SOURCES)
	cd web && npm ci --no-audit --no-fund --loglevel=error && npm run --silent build
	@touch $@

clean: ## remove what was built; state in .passerelle stays
	rm -rf .venv web/node_modules $(STATIC) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
