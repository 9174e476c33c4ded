# make demo: segment real photos by words.  make test: lint, types and tests.  Both install what they need.
PYTHON ?= python3.11
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test lint types ablation bench clean
.DELETE_ON_ERROR:

demo: .venv/demo.stamp
	$(BIN)/python examples/demo.py --out out/demo

test: .venv/dev.stamp lint types
	$(BIN)/pytest -n 2 -rs

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev.stamp
	$(BIN)/mypy

# Its data is not part of the project: see docs/concepts/training.md.
# ARGS="CAPTIONED... --voc VOC_FOLDER --table docs/benchmarks/ablation.md"
ablation: .venv/dev.stamp
	$(BIN)/python experiments/poolings.py $(ARGS)

# Takes minutes, and needs a machine that does nothing else.
bench: .venv/dev.stamp
	$(BIN)/python -m benchmarks --out docs/benchmarks/performance.md $(ARGS)
	$(BIN)/python -m benchmarks.clip_family --out docs/benchmarks/models-speed.md

.venv/bin/python:
	$(PYTHON) -m venv .venv

# Pip runs again only when what it would install has changed.
.venv/demo.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[demo]"
	touch $@

.venv/dev.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@ .venv/demo.stamp

clean:
	rm -rf .venv out .mypy_cache .ruff_cache .pytest_cache .hypothesis
