# Everything one runs here. Each target first makes .venv, once: on a fresh Debian nothing else is needed than
# python3, python3-venv and make. `make` alone lists the targets.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check --no-input install --root-user-action=ignore

.DEFAULT_GOAL := help
.PHONY: run test check bench years torture help
.SILENT:

run: $(READY) ## a demo on a fictional register: a page to open, a date that you move, mail to read; Ctrl-C ends it
	$(BIN)/relance demo

test: $(READY) ## every test
	$(BIN)/python -m pytest -n 2 --no-header

check: $(READY) ## formatting, lint, types, and who may import whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

years: $(READY) ## the years only: one file per story, tests/years
	$(BIN)/python -m pytest -n 2 --no-header tests/years

bench: $(READY) ## speed, against the same rows written by plain SQL
	$(BIN)/python -m tests.benchmarks

torture: $(READY) ## the long tests that `make test` leaves out
	$(BIN)/python -m pytest -n 2 --no-header -m torture

help: ## this list
	awk -F ' ## ' '/^[a-z]+:.* ## / { split($$1, t, ":"); printf "  make %-9s %s\n", t[1], $$2 }' Makefile

# The environment: made anew when requirements.lock changed, else only relance itself is installed again.
# Packages are checked against the hashes of the lock file; relance is installed in place.
$(READY): requirements.lock pyproject.toml
	if ! command -v $(PYTHON) >/dev/null; then \
	    echo "Python is missing. Run:  sudo apt install python3 python3-venv" >&2; exit 1; \
	fi
	if ! $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
	    echo "Relance needs Python 3.11 or later. Name another one:  make PYTHON=python3.11 …" >&2; exit 1; \
	fi
	if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
	    if [ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then \
	        echo "Installing python3-venv …"; \
	        apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	            apt-get install -y -qq --no-install-recommends python3-venv >/dev/null || exit 1; \
	    else \
	        echo "Python's venv is missing. Run:  sudo apt install python3-venv" >&2; exit 1; \
	    fi; \
	fi
	if ! cmp -s requirements.lock .venv/requirements.lock; then \
	    echo "Setting up .venv (this once, about a minute) …"; \
	    $(PYTHON) -m venv --clear .venv && $(PIP) --require-hashes -r requirements.lock || exit 1; \
	    cp requirements.lock .venv/requirements.lock; \
	fi
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $(READY)
