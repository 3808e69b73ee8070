# Two commands set everything up: `make demo` and `make test`. Both are idempotent.
# `make test EXTRAS="train dask optuna"` installs these extras of pyproject.toml first, so that their tests run too. One
# that cannot be had here is told, and its tests skip. They are large (`train` is PyTorch), so plain `make test` has none.
VENV ?= .venv
PYTHON ?= python3
PY := $(VENV)/bin/python
EXTRAS ?=
DEBIAN := gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm clang gcc cmake python3-venv

.PHONY: demo test lint setup debian long nightly clean

demo: setup
	$(PY) benchmarks/demo.py

test: setup lint
	$(PY) -m pytest -n auto

long: setup
	$(PY) -m pytest -n auto --long

nightly: setup
	$(PY) -m pytest -n auto --nightly tests/nas

lint: setup
	$(PY) -m ruff check .
	$(PY) -m tests.support.type_check

setup: debian $(VENV)/.ready $(EXTRAS:%=$(VENV)/.extra-%)

$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "tinyc needs Python 3.11 or newer; name one with 'make PYTHON=python3.12 ...'"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --upgrade pip setuptools wheel
	PYTHONWARNINGS=ignore $(PY) -m pip install --quiet --editable '.[test]'
	@touch $@

$(VENV)/.extra-%: $(VENV)/.ready
	@if PYTHONWARNINGS=ignore $(PY) -m pip install --quiet --editable '.[$*]'; then touch $@; \
	 else echo "The extra '$*' cannot be installed here: the tests that need it skip."; fi

# The Debian packages, installed only where one is missing; other systems bring the same tools by their own means.
debian:
	@missing=; for tool in arm-none-eabi-gcc qemu-system-arm gcc clang cmake; do \
	   command -v $$tool >/dev/null || missing="$$missing $$tool"; done; \
	 $(PYTHON) -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	 specs=$$(arm-none-eabi-gcc -print-file-name=nano.specs 2>/dev/null) && [ -f "$$specs" ] || missing="$$missing newlib"; \
	 if [ -z "$$missing" ]; then exit 0; fi; \
	 if ! command -v apt-get >/dev/null; then \
	   echo "Missing:$$missing. Install them with your system's package manager (Debian names: $(DEBIAN))."; exit 1; fi; \
	 if [ "$$(id -u)" = 0 ]; then sudo=; \
	 elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo=sudo; \
	 else echo "Missing:$$missing. Installing them needs root: run 'sudo apt-get install $(DEBIAN)' and try again."; \
	   exit 1; fi; \
	 echo "Installing$$missing"; \
	 $$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq $(DEBIAN) >/dev/null

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
