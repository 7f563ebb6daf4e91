# make run · test · lint · types · dev-check · probes · properties · verify · mutants · bench · test-full · sbom. Paths may hold spaces: all are relative and quoted.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help run test test-full lint format types dev-check probes properties verify scorecard mutants bench sbom clean

PYTHON ?= python3.11
BIN := .venv/bin
DEV_NOTES ?= ../shared/dev-notes
# Tests of one file stay in one process: they share what is slow to build.
TEST_PROCESSES ?= 2
PYTEST = $(BIN)/python -m pytest -q -n $(TEST_PROCESSES) --dist loadfile

# What the installed package is made of: touch any of it and it is installed again.
SOURCES := $(shell find . -path ./.venv -prune -o -path ./build -prune -o -path ./.git -prune -o -path ./tests -prune \
  -o -path ./corpora -prune -o -path ./benchmarks -prune -o -path ./docs -prune \
  -o -type f \( -name '*.py' -o -path './coding/tables/*' -o -path './nlp/rules/*' -o -path './models/*.npz' -o -path './models/*.json' \
  -o -path './pipelines/query/wording/*' -o -path './web/samples/*' -o -path './web/static/*' -o -path './web/templates/*' \) -print)

help:
	@echo "make run        suggest codes for the sample notes"
	@echo "make test       install what is needed, then run the tests"
	@echo "make test-full  also what needs Java, PostgreSQL and Chromium (Debian's default-jre-headless, postgresql, chromium)"
	@echo "make lint       ruff check and ruff format --check"
	@echo "make types      mypy --strict on the installed package"
	@echo "make dev-check  scores on $(DEV_NOTES) and on each corpus"
	@echo "make probes     assertion probes, beside medspaCy's defaults"
	@echo "make properties what may be done to a note without changing its codes, on each corpus"
	@echo "make verify     the decision layer proved: its whole space of findings against its invariants"
	@echo "make scorecard  docs/scorecard.md and its pictures, rebuilt"
	@echo "make mutants    the decision layer broken in every table row and branch: what the cases notice"
	@echo "make bench      start-up and throughput against medspaCy"
	@echo "make sbom       what users install, as a CycloneDX file (sbom.cdx.json)"

# `pip install .` and not -e: tests and mypy see what users get. A stale build/ would ship deleted modules.
.venv/installed: pyproject.toml constraints.txt README.md $(SOURCES)
	@if ! "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
	  found=$$("$(PYTHON)" --version 2>/dev/null) || found="no $(PYTHON)"
	  echo "spinecode needs Python 3.11 (found: $$found); run: make PYTHON=/path/to/python3.11" >&2
	  exit 1
	fi
	test -x $(BIN)/python || "$(PYTHON)" -m venv .venv
	pip() { $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt "$$@"; }
	rm -rf build *.egg-info
	if ! cat constraints.txt pyproject.toml | cmp -s - .venv/built-from; then
	  pip setuptools wheel
	  pip --no-build-isolation ".[dev]"
	  cat constraints.txt pyproject.toml > .venv/built-from
	else
	  pip --no-build-isolation --no-deps --force-reinstall .
	fi
	rm -rf build *.egg-info
	touch .venv/installed

run: .venv/installed
	@for note in corpora/samples/*.txt; do
	  echo "== $$note"
	  $(BIN)/spinecode suggest "$$note"
	done

test: .venv/installed
	$(PYTEST)

# A missing server or Java is a failure here, not a skip.
test-full: .venv/installed
	@command -v java >/dev/null || { echo "make test-full needs Java: apt-get install default-jre-headless" >&2; exit 1; }
	compgen -G "/usr/lib/postgresql/*/bin/postgres" >/dev/null || \
	  { echo "make test-full needs PostgreSQL: apt-get install postgresql" >&2; exit 1; }
	command -v chromium >/dev/null || { echo "make test-full needs Chromium: apt-get install chromium" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
	  $$($(BIN)/python -c 'import tomllib; e = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]; print(*e["browser"], *e["spark"], *e["postgresql"])')
	$(PYTEST) -m "full or not full"

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: .venv/installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# From another folder: inside the repository `spinecode` would be looked for in the working directory first.
types: .venv/installed
	@root="$$PWD"; cd .venv && ./bin/mypy --config-file "$$root/pyproject.toml" --strict -p spinecode

dev-check: .venv/installed
	@if [ -d "$(DEV_NOTES)" ]; then
	  echo "== $(DEV_NOTES)"
	  $(BIN)/spinecode evaluate --quiet "$(DEV_NOTES)"
	else
	  echo "$(DEV_NOTES) is not here; scores on corpora/ only"
	fi
	@for notes in corpora/*/notes.jsonl; do
	  echo; echo "== $$(dirname "$$notes")"
	  $(BIN)/spinecode evaluate --quiet "$$(dirname "$$notes")"
	done

probes: .venv/installed
	$(BIN)/python benchmarks/assertion_probes.py

properties: .venv/installed
	$(BIN)/python benchmarks/text_properties.py

verify: .venv/installed
	cd .venv && ./bin/python -m spinecode.pipelines.verify

scorecard: .venv/installed
	$(BIN)/python benchmarks/scorecard.py "$(DEV_NOTES)"

mutants: .venv/installed
	$(BIN)/python benchmarks/mutants.py

bench: .venv/installed
	$(BIN)/python benchmarks/bench_start.py
	$(BIN)/python benchmarks/bench_throughput.py
	for what in kills workers size scale; do $(BIN)/python benchmarks/bench_batch.py $$what; done

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
