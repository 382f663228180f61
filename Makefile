# Everything runs in .venv, which is made from requirements.lock on first use and made anew when the
# lock or pyproject.toml changes. Needed on the machine: make, and Python 3.11 or newer.

SHELL := /bin/sh
BIN := .venv/bin
READY := .venv/.ready

# Python to build .venv with; e.g. make test PYTHON=/usr/local/bin/python3.12
PYTHON ?=
# Test workers. The tests wait for PostgreSQL about half of the time.
WORKERS ?= logical
# More arguments for the command; e.g. make run ARGS=--prove, make test ARGS='-k lanes'
ARGS ?=

# The scripts in .venv hold its path, so a checkout that was moved or copied needs a new one. So does
# one whose Python is gone.
ifneq ($(shell test -x $(BIN)/python && cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif

.PHONY: help run test check bench fmt lock clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' Makefile

run: $(READY)  ## check the reference systems, say where the report is
	$(BIN)/crossfoot run $(ARGS)

test: $(READY)  ## run the tests and the races, in parallel
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

check: $(READY)  ## check format, lint, types and SQL, run the tests, print their coverage
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/python -m sqlfluff lint --disable-progress-bar $(SQL)
	$(BIN)/python -m sqlfluff lint --disable-progress-bar --templater placeholder \
	    --exclude-rules ambiguous.column_count,structure.column_order scenarios/races scenarios/bursts
	rm -f .coverage .coverage.*
	$(BIN)/python -m coverage run -m pytest -n $(WORKERS) --dist worksteal $(ARGS)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

bench: $(READY)  ## measure against other tools on this machine
	$(BIN)/python -m bench $(ARGS)

fmt: $(READY)  ## format the Python code and mend what the linter can mend
	$(BIN)/python -m ruff format .
	$(BIN)/python -m ruff check --fix .

lock:  ## pin the newest versions that pyproject.toml allows (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv" >&2; exit 1; }
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade \
	    --generate-hashes --no-emit-index-url --no-header --no-annotate --no-config --quiet \
	    --output-file requirements.lock

clean:  ## remove .venv, caches and builds; reports stay
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# SQL that is SQL as it stands: not the variants that are written as changes, nor the contracts.
SQL = reference_impl/*/schema.sql reference_impl/*/functions audits tests/content \
    $(shell grep -L '^-- changes:' reference_impl/*/broken/*.sql)

CANDIDATES := python3 python3.13 python3.12 python3.11 python3.14 python
# Says where the interpreter itself is, also when it is called from inside some environment.
WHERE := import sys; sys.exit(1) if sys.version_info < (3, 11) else print(sys._base_executable)

$(READY): requirements.lock pyproject.toml
	@set -eu; \
	python=; \
	for candidate in $(or $(PYTHON),$(CANDIDATES)); do \
	    python=$$("$$candidate" -c '$(WHERE)' 2>/dev/null) && break || python=; \
	done; \
	if [ -z "$$python" ]; then \
	    echo "No Python 3.11 or newer among: $(or $(PYTHON),$(CANDIDATES))." >&2; \
	    echo "Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; \
	    exit 1; \
	fi; \
	echo "Setting up .venv with $$python (once)"; \
	rm -rf .venv; \
	if command -v uv >/dev/null && $(WITH_UV); then :; else $(WITH_PIP); fi; \
	pwd -P > $(READY)

define WITH_UV
{ uv venv --quiet --no-project --python "$$python" .venv && \
  uv pip sync --quiet --python $(BIN)/python requirements.lock && \
  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable . ; }
endef

define WITH_PIP
rm -rf .venv; \
"$$python" -m venv .venv || { \
    echo "$$python can't make environments. On Debian and Ubuntu: apt install python3-venv" >&2; \
    exit 1; \
}; \
$(BIN)/python -m pip --disable-pip-version-check -qq install --requirement requirements.lock; \
$(BIN)/python -m pip --disable-pip-version-check -qq install \
    --no-deps --no-build-isolation --editable .
endef
