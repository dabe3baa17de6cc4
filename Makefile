# `make demo` and `make test` do everything on a fresh machine; they need Python 3.11 or newer, and nothing else.
PYTHON ?= $(firstword $(foreach v,3.11 3.12 3.13 3.14,$(shell command -v python$(v))) python3)
BIN := .venv/bin
# Without compiled modules every process starts seconds later.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo up test lint bench lock clean
.DELETE_ON_ERROR:

.venv/ready: requirements.lock requirements-setup.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Fulfil needs Python 3.11 or newer; set PYTHON=…") if sys.version_info < (3, 11) else None'
	@echo "Setting up .venv (once)…"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-setup.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: .venv/ready ## One real order from file to payout on the embedded stack
	@$(BIN)/fulfil demo

up: .venv/ready ## The embedded stack, until Ctrl-C
	@$(BIN)/fulfil up

test: .venv/ready ## The whole suite, a process per core
	@$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

lint: .venv/ready ## ruff, mypy, pyright, import contracts, migrations against tables
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/fulfil migrate --check

bench: .venv/ready ## The figures, as a table
	@$(BIN)/fulfil bench

lock: ## Pin every dependency with its hashes
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade pyproject.toml --group dev -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --upgrade requirements-setup.in -o requirements-setup.lock

clean:
	rm -rf .venv fulfil-data
