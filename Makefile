# Everything a developer does here. `make` alone lists the targets.
#
# All of it happens in one virtual environment, .venv. Stamp files in it remember what is installed, so a step runs
# again only when a file that it depends on has changed.

# The first Python >= 3.11 of these; override it with `make PYTHON=... setup`.
PYTHON ?= $(firstword $(foreach python,python3.11 python3 python3.12 python3.13 python,$(shell \
	$(python) -c 'import sys; print(sys.argv[1] if sys.version_info >= (3, 11) else "")' $(python) 2>/dev/null)))

VENV := .venv
BIN := $(VENV)/bin
# MediaPipe's OpenCV and ours overwrite each other, so what runs MediaPipe has an environment of its own.
MEDIAPIPE_VENV := .venv-mediapipe
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -qq -c constraints.txt

# Advice about the future of mkdocs is not for whoever runs these targets.
export NO_MKDOCS_2_WARNING := 1

# Other tools may have pointed these at another environment.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

# Bytecode is written when a module is first imported. Compiling all that is installed takes a third of the demo's time.
unexport PYTHONDONTWRITEBYTECODE

PROJECTS := $(wildcard core/pyproject.toml plugins/*/pyproject.toml)
PLUGINS := $(patsubst plugins/%/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml))
EXAMPLES := $(wildcard examples/*/pyproject.toml)
RUNTIME_PROJECTS := core[vision,viz] plugins/im-backend-onnx[cpu] $(addprefix plugins/,$(filter-out im-backend-onnx,$(PLUGINS)))

SOURCE_TREES := core/src $(wildcard plugins/*/src) $(wildcard plugins/*/training) $(wildcard examples/*/src) benchmarks tools
# Tests need no annotations, hand in wrong types on purpose, and reach into plain data; that names exist and calls fit is
# checked all the same. One run for each tree, because test modules of two trees may have one name.
MYPY_TESTS := --allow-untyped-defs --allow-incomplete-defs --allow-untyped-calls --allow-untyped-decorators \
	--no-strict-equality --no-warn-return-any --no-warn-unused-ignores $(addprefix --disable-error-code=, \
	arg-type assignment call-overload has-type index misc operator union-attr var-annotated)
TEST_TREES := core/tests $(wildcard plugins/*/tests) $(wildcard examples/*/tests) tests

# Options for pytest: `make test PYTEST="-k names"`; coverage is measured without them only, because it means something
# for all tests together. Two processes suit the smallest machine that this must run on.
PYTEST ?=
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-mediapipe check fix bench docs release

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.development ## install everything that developers need into .venv

demo: $(VENV)/.runtime ## find shapes in a bundled picture: a table, and an annotated PNG in demo-output/
	@picture=$$($(BIN)/python -m im_demo) && $(BIN)/im predict demo://shapes "$$picture" --output demo-output

test: setup ## run all tests
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(or $(PYTEST),--cov --cov-report=term)

test-mediapipe: $(MEDIAPIPE_VENV)/.installed ## test im-mediapipe with the real MediaPipe, in an environment of its own
	$(MEDIAPIPE_VENV)/bin/python -m pytest plugins/im-mediapipe $(PYTEST)

check: setup ## lint, check types and layers, build the documentation strictly; changes nothing
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy $(SOURCE_TREES)
	@for tree in $(TEST_TREES); do echo "mypy $$tree"; $(BIN)/mypy $(MYPY_TESTS) $$tree || exit 1; done
	$(BIN)/lint-imports
	$(BIN)/mkdocs build --strict --quiet --site-dir $(VENV)/site

fix: setup ## repair what can be repaired by itself: lint, format, generated files
	$(BIN)/python tools/known_plugins.py
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: setup ## run the benchmarks and print their table
	@$(BIN)/python benchmarks/run_all.py --size

# `make release REHEARSAL=--rehearsal` does it from a tree with changes and without a dated changelog.
REHEARSAL ?=
release: setup ## build every wheel into dist/, check it, and try each alone with its dependencies only
	$(BIN)/python tools/release.py $(REHEARSAL)

docs: setup ## build the documentation into site/
	$(BIN)/mkdocs build --strict --quiet
	@echo "Open site/index.html"

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found. Install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	@echo "Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

# Editable, so that a changed source file needs no second install. The builder is installed once instead of being
# fetched into a build environment for each distribution.
$(VENV)/.runtime: $(PROJECTS) constraints.txt | $(BIN)/python
	@echo "Installing the distributions of this repository and what they need"
	@$(PIP_INSTALL) --no-compile hatchling editables
	@$(PIP_INSTALL) --no-compile --no-build-isolation $(foreach project,$(RUNTIME_PROJECTS),-e "./$(project)")
	@touch $@

$(MEDIAPIPE_VENV)/.installed: core/pyproject.toml plugins/im-mediapipe/pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer found. Name one: make PYTHON=/path/to/python" >&2; exit 1; }
	@echo "Installing im-mediapipe and MediaPipe into $(MEDIAPIPE_VENV)"
	@test -x $(MEDIAPIPE_VENV)/bin/python || $(PYTHON) -m venv $(MEDIAPIPE_VENV)
	@$(MEDIAPIPE_VENV)/bin/python -m pip install --disable-pip-version-check -qq --no-compile -c constraints.txt \
		-e ./core -e "./plugins/im-mediapipe[mediapipe]" pytest pytest-timeout
	@touch $@

$(VENV)/.development: $(VENV)/.runtime requirements-dev.txt $(EXAMPLES)
	@echo "Installing the development tools"
	@$(PIP_INSTALL) -r requirements-dev.txt
	@$(PIP_INSTALL) --no-compile --no-build-isolation $(foreach project,$(EXAMPLES),-e "./$(project:/pyproject.toml=)[test]")
	@touch $@
