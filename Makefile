# `make` lists the commands. Python 3.11+, node 20+ and make are all that must be installed.

PYTHON ?= python3
VENV := .venv
VENV_LFX := .venv-lfx
VENV_SERVER := .venv-server
BIN := $(VENV)/bin
STAMPS := .stamps
BUNDLE := lfwidget/static/widget.js
PAGE_SOURCES := $(shell find js -path js/node_modules -prune -o -path js/build -prune -o -type f -print)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export UV_NO_PROGRESS := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-server bundle env notebooks bench picture format lock clean

help:  ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' $(MAKEFILE_LIST)

demo: env bundle  ## run the first notebook and open it in JupyterLab (DEMO_OPEN=0: only run it)
	$(BIN)/python scripts/demo.py

test: env $(STAMPS)/lfx $(STAMPS)/server bundle  ## every check and every test (some of them: make test STEPS="lint units")
	$(BIN)/python scripts/check.py $(STEPS)

test-server: env $(STAMPS)/server bundle  ## the tests against a real LangFlow server (part of make test)
	$(BIN)/python scripts/check.py server

bundle: $(BUNDLE)  ## build the page into lfwidget/static/

env: $(STAMPS)/env  ## make the environment in .venv/

notebooks: env $(STAMPS)/lfx bundle  ## execute the notebooks in place, to commit them with their outputs
	$(BIN)/python scripts/execute_notebooks.py
	$(VENV_LFX)/bin/python scripts/execute_notebooks.py

bench: env $(STAMPS)/lfx $(STAMPS)/server bundle  ## measure the budgets; the table is benchmarks/RESULTS.md
	$(BIN)/python benchmarks/run.py

picture: env bundle  ## make the README's picture and the record behind it, in docs/
	$(BIN)/python scripts/picture.py

format: env $(STAMPS)/npm  ## format the code and fix what the linters can fix
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --exit-zero .
	npm --prefix js run format

lock: env  ## pin the newest versions again in requirements/
	scripts/lock.sh

clean:  ## remove everything that can be made again
	rm -rf $(VENV) $(VENV_LFX) $(VENV_SERVER) $(STAMPS) build dist lfwidget/static js/node_modules js/build benchmarks/page/node_modules
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis tests/browser/shots
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

# A stamp says that its environment agrees with the files it was made from.
$(STAMPS)/env: requirements/test.txt pyproject.toml scripts/environment.sh
	scripts/environment.sh "$(PYTHON)" $(VENV) requirements/test.txt
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/lfx: requirements/lfx.txt pyproject.toml scripts/environment.sh $(STAMPS)/env
	UV="$(CURDIR)/$(BIN)/uv" scripts/environment.sh "$(PYTHON)" $(VENV_LFX) requirements/lfx.txt
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/server: requirements/server.txt pyproject.toml scripts/environment.sh $(STAMPS)/env
	UV="$(CURDIR)/$(BIN)/uv" scripts/environment.sh "$(PYTHON)" $(VENV_SERVER) requirements/server.txt
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/npm: js/package.json js/package-lock.json
	@node -e 'if (+process.versions.node.split(".")[0] < 20) { console.error("node " + process.versions.node + " is too old: node 20 or newer is needed."); process.exit(1) }'
	npm --prefix js ci --no-audit --no-fund
	@mkdir -p $(STAMPS) && touch $@

$(BUNDLE): $(PAGE_SOURCES) $(STAMPS)/npm
	npm --prefix js run build
	@touch $@
